"""What is wrong without a warehouse to be seen."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.asset import Asset, Check, Column, Kind, Materialized, SourceBody, SqlBody
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.lineage import trace
from sqlpipes.core.sql import Relation, analyse
from sqlpipes.core.sql.facts import SqlFacts
from sqlpipes.core.strategy import Snapshot
from sqlpipes.decide.lint import lint

KNOWN = {"orders": (Column("id", "INTEGER"), Column("amount", "DOUBLE")), "lines": (Column("id"),)}


def problems_of(
    texts: dict[str, str],
    known: dict[str, tuple[Column, ...]] = KNOWN,
    checks: tuple[Check, ...] = (),
) -> tuple[Problem, ...]:
    facts = {
        name: analyse(text, "duckdb", at=Location(f"models/{name}.sql"))
        for name, text in texts.items()
    }
    graph = _graph(texts, facts, checks)
    return lint(graph, trace(graph, known, "duckdb", {})[0], facts)


def _graph(texts: dict[str, str], facts: dict[str, SqlFacts], checks: tuple[Check, ...]) -> Graph:
    assets = [_asset(name, Kind.SOURCE, SourceBody()) for name in KNOWN]
    assets += [
        _asset(name, Kind.SQL, SqlBody(text, facts[name].references))
        for name, text in texts.items()
    ]
    return link(assets, checks)[0]


def _asset(name: str, kind: Kind, body: SqlBody | SourceBody) -> Asset:
    path = f"models/{name}.sql"
    materialized = Materialized.VIEW if kind is Kind.SQL else Materialized.EXTERNAL
    return Asset(
        name, kind, materialized, Relation(name, "main"), body, "v.1", Location(path), path
    )


def shown(problems: tuple[Problem, ...]) -> list[str]:
    return [str(problem) for problem in problems]


def test_nothing_to_say() -> None:
    assert problems_of({"a": "select id, amount from orders"}) == ()


def test_all_at_once_sorted_by_place() -> None:
    found = problems_of(
        {
            "b": "select nope, amuont from orders",
            "a": "with x as (select 1 as k)\nselect id from orders join lines on true",
        }
    )
    assert shown(found) == [
        "models/a.sql:1:6: CTE001 nothing reads 'x'",
        "models/a.sql:2:8: COL002 column 'id' is in more than one table (orders and lines)",
        "models/b.sql:1:8: COL001 column 'nope' does not exist",
        "models/b.sql:1:14: COL001 column 'amuont' does not exist",
    ]
    assert found[0].severity is Severity.WARNING
    assert found[3].hint == "did you mean 'amount'?"


def test_a_mistake_is_told_once_and_not_again_below() -> None:
    found = problems_of({"a": "select nope from orders", "b": "select nope from a"})
    assert [str(problem.at) for problem in found] == ["models/a.sql:1:8"]


def test_a_column_lost_upstream_is_found_below() -> None:
    found = problems_of({"a": "select id from orders", "b": "select amount from a"})
    assert shown(found) == ["models/b.sql:1:8: COL001 column 'amount' does not exist"]


def test_unknown_inputs_silence_it() -> None:
    texts = {
        "a": "select nope, o.never from orders as o join lines using (id)",
        "b": "select gone from a",
    }
    partly = {"lines": KNOWN["lines"]}
    assert [p.code for p in problems_of(texts, partly)] == ["COL001"]  # b: a's columns are listed
    assert problems_of({"a": "select nope from orders"}, {}) == ()


def test_duplicate_output_column() -> None:
    found = problems_of({"a": "select id, amount as id from orders"})
    assert [(problem.code, problem.severity) for problem in found] == [("COL003", Severity.WARNING)]


def test_checks_of_missing_columns() -> None:
    at = Location("models/a.sql", 3, 5)
    checks = (
        Check("a.unique.idd", "a", "unique", columns=("idd",), at=at),
        Check("a.unique.ID", "a", "unique", columns=("ID",), at=at),
    )
    (problem,) = problems_of({"a": "select id from orders"}, checks=checks)
    assert str(problem) == "models/a.sql:3:5: CHK004 unique checks 'idd', which a does not have"
    assert problem.hint == "did you mean 'id'?"
    assert problems_of({"a": "select * from orders"}, {}, checks) == ()


def test_checks_of_a_snapshots_own_columns() -> None:
    checks = tuple(
        Check(f"a.not_null.{name}", "a", "not_null", columns=(name,), at=Location("a.sql", 3, 5))
        for name in ("valid_from", "is_deleted")
    )
    facts = {"a": analyse("select id from orders", "duckdb", at=Location("models/a.sql"))}
    body = SqlBody("select id from orders", facts["a"].references)
    kept = replace(_asset("a", Kind.SQL, body), snapshot=Snapshot())
    source = _asset("orders", Kind.SOURCE, SourceBody())
    graph = link([source, kept], checks)[0]
    (problem,) = lint(graph, trace(graph, KNOWN, "duckdb", {})[0], facts)
    assert "checks 'is_deleted', which a does not have" in problem.message
