"""Random queries of every construct on DuckDB: what changes when a column changes has an edge to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import duckdb
import pytest
from drawn import drawn
from notyet import skip_on_duckdb_1
from perturbed import Warehouse, judged, warehouse

CONSTRUCTS = {
    "join", "left join", "right join", "full join", "semi join", "anti join", "cross join", "comma",
    "asof join", "asof left join", "using", "natural", "positional", "lateral", "plain", "aliased",
    "group", "totals", "window", "qualify", "distinct", "distinct_on", "limit", "union", "union all",
    "except", "intersect", "except all", "intersect all", "union by name", "with", "recursive", "pivot",
    "unpivot", "unnest", "unnest in from", "struct", "list", "row", "whole row", "star", "exclude",
    "replace", "rename", "columns", "subquery in the list", "subquery in a condition",
}  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Iterator[Warehouse]:
    with warehouse(3) as made:
        yield made


def refused(made: Warehouse, seeds: range) -> int:
    """How many queries DuckDB does not take. Fails at the first whose lineage misses anything."""
    count = 0
    for seed in seeds:
        query, _ = drawn(seed)
        try:
            verdict = judged(made, query.sql)
        except duckdb.Error:
            count += 1
            continue
        assert verdict.missed == [], f"{seed}: {query.sql}"
        assert [problem.code for problem in verdict.facts.problems] == [], f"{seed}: {query.sql}"
    return count


def test_whatever_changes_a_result_has_an_edge(made: Warehouse) -> None:
    skip_on_duckdb_1("some constructs are new in 2")
    assert refused(made, range(40)) < 8


def test_every_construct_is_drawn() -> None:
    found: Counter[str] = Counter()
    for seed in range(1500):
        found.update(drawn(seed)[1])
    assert set(found) == CONSTRUCTS


def test_the_judge_sees_what_is_missing(made: Warehouse) -> None:
    """A query whose text lies about its rows to the reader: a macro of the same name as a function."""
    made.connection.execute("create or replace macro main.hidden() as (select max(d) from main.u)")
    for schemas in made.others.values():
        for schema in schemas:
            sql = f"create or replace macro {schema}.hidden() as (select sum(d) from {schema}.u)"
            made.connection.execute(sql)
    assert any("u.d changes" in each for each in judged(made, "select hidden() as x from t").missed)


@pytest.mark.nightly
def test_whatever_changes_a_result_has_an_edge_at_length() -> None:
    with warehouse(6) as made:
        assert refused(made, range(40, 3040)) < 400


def test_a_seed_always_gives_the_same_query() -> None:
    assert drawn(7)[0] == drawn(7)[0]
