"""What a query proves of its inputs, as edges: only where nothing else may read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sqlpipes.core.asset import Asset, Dependency, Kind, Materialized, PythonBody, SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.lineage import localities
from sqlpipes.core.partitions import Grain, Partitioning
from sqlpipes.core.reads import Mapped, Reads
from sqlpipes.core.sql import Relation, analyse
from sqlpipes.decide.proving import provable, proved

DAILY = Partitioning("d", Grain.DAY)
MONTHLY = Partitioning("m", Grain.MONTH)
ROLLED_UP = "select date_trunc('month', d)::date as m, sum(v) as v from daily group by all"


def model(name: str, sql: str, **more) -> Asset:  # type: ignore[no-untyped-def]
    at = Location(f"models/{name}.sql")
    body = SqlBody(sql, analyse(sql, "duckdb", at=at).references)
    said = {"materialized": Materialized.TABLE, "relation": Relation(name, "main"), "body": body}
    return Asset(name=name, kind=Kind.SQL, version="1.1", at=at, path=at.file, **(said | more))


def view(name: str, sql: str) -> Asset:
    return model(name, sql, materialized=Materialized.VIEW)


DAYS = model("daily", "select d, v from raw", partition=DAILY)
MONTHS = model("monthly", ROLLED_UP, partition=MONTHLY)


def linked(*assets: Asset) -> Graph:
    graph, problems = link(assets)
    assert not [p for p in problems if p.is_error], problems
    names = provable(graph)
    return proved(graph, localities(graph, names, {}, "duckdb").local)


def reads(graph: Graph, name: str, of: str) -> Reads:
    return next(edge.reads for edge in graph.inputs[name] if edge.name == of)


def test_a_roll_up_is_proven_with_its_place() -> None:
    [proof] = reads(linked(DAYS, MONTHS), "monthly", "daily").proofs
    assert (proof.own, proof.source) == ("m", "d")
    assert str(proof.at) == "models/monthly.sql:1:8"
    assert proof.text == "date_trunc('month', d)::date"


def test_a_view_between_them_is_looked_through() -> None:
    positive = view("positive", "select d as day, v from daily where v > 0")
    rolled = ROLLED_UP.replace("d)", "day)").replace("daily", "positive")
    graph = linked(DAYS, positive, model("monthly", rolled, partition=MONTHLY))
    [edge] = graph.inputs["monthly"]
    assert edge.reads.how is Mapped.ALL
    [behind] = edge.behind
    assert behind.name == "daily"
    assert behind.reads.how is Mapped.PROVEN


def test_a_view_that_proves_nothing_leaves_all() -> None:
    positive = view("positive", "select d, sum(v) over (order by d) as v from daily")
    graph = linked(
        DAYS, positive, model("m2", ROLLED_UP.replace("daily", "positive"), partition=MONTHLY)
    )
    [edge] = graph.inputs["m2"]
    assert [each.reads.how for each in edge.behind or (edge,)] == [Mapped.ALL]


@pytest.mark.parametrize(
    ("daily", "monthly"),
    [
        (DAYS, replace(MONTHS, mappings={"daily": Reads(Mapped.ALL, declared=True)})),
        (DAYS, replace(MONTHS, depends_on=(Dependency("daily"),))),
        (replace(DAYS, after=("update daily set v = 0",)), MONTHS),
        (replace(DAYS, partition=None), MONTHS),
        (replace(DAYS, partition=Partitioning("v", Grain.DAY)), MONTHS),
        (DAYS, replace(MONTHS, partition=None)),
        (DAYS, model("monthly", ROLLED_UP + " limit 5", partition=MONTHLY)),
        (DAYS, model("monthly", ROLLED_UP + " union all from monthly", partition=MONTHLY)),
    ],
    ids=["declared", "depends", "hook", "whole", "other_column", "reader_whole", "limit", "self"],
)
def test_what_is_not_proven_stays_as_it_is(daily: Asset, monthly: Asset) -> None:
    assert reads(linked(daily, monthly), "monthly", "daily").how is Mapped.ALL


def test_a_harmless_hook_proves_as_much() -> None:
    granted = replace(DAYS, after=("grant select on daily to anyone",))
    assert reads(linked(granted, MONTHS), "monthly", "daily").how is Mapped.PROVEN


def test_a_function_proves_nothing() -> None:
    body = PythonBody("monthly", ("daily",), False, lambda: print)
    python = replace(MONTHS, kind=Kind.PYTHON, body=body, depends_on=(Dependency("daily"),))
    graph = linked(DAYS, python)
    assert provable(graph) == ("daily",)
    assert reads(graph, "monthly", "daily").how is Mapped.ALL


def test_a_proof_along_another_column_is_kept_in_mind() -> None:
    other = replace(DAYS, partition=Partitioning("v", Grain.DAY))
    [edge] = linked(other, MONTHS).inputs["monthly"]
    assert (edge.reads.how, edge.elsewhere) == (Mapped.ALL, ("d",))


def test_each_cut_of_a_product_has_its_own_proof() -> None:
    both = DAILY * Partitioning("k", Grain.MONTH)
    one = model("one", "select d, k, v from raw", partition=both)
    two = model("two", "select d, k, v from one", partition=both)
    assert [p.own for p in reads(linked(one, two), "two", "one").proofs] == ["d", "k"]


SAME = Reads(Mapped.SAME, back=2, declared=True)


def behind(view_sql: str, said: Reads = SAME, *more: Asset) -> list[Mapped]:
    """What `said` of the view v means of each table behind it."""
    sql = "select dd as d from v"
    reader = model("reader", sql, partition=DAILY, mappings={"v": said})
    graph = linked(DAYS, *more, view("v", view_sql), reader)
    [edge] = graph.inputs["reader"]
    assert edge.reads == said
    return [each.reads.how for each in edge.behind]


WEEKLY = model("weekly", "select w, v from raw", partition=Partitioning("w", Grain.WEEK))
INNER = view("inside", "select d as day, v from daily")


@pytest.mark.parametrize(
    ("sql", "said", "more", "expected"),
    [
        ("select d as dd, v from daily", SAME, (), [Mapped.SAME]),
        ("select d as dd from daily", Reads(Mapped.LATEST, declared=True), (), [Mapped.LATEST]),
        ("select d as dd, 1 as d from daily where v > 1", SAME, (), [Mapped.SAME]),
        ("select d + 1 as dd, v from daily", SAME, (), []),
        ("select d as dd, sum(v) over (order by d) as v from daily", SAME, (), []),
        ("select d as dd from daily union all from daily order by 1 limit 3", SAME, (), []),
        (
            "select d as dd, w from daily cross join weekly",
            SAME,
            (WEEKLY,),
            [],
        ),
        (
            "select d as dd, w as d from daily join weekly on d = w",
            SAME,
            (WEEKLY,),
            [Mapped.ALL, Mapped.SAME],  # the view's `d`; untyped times may differ by a clock
        ),
    ],
    ids=["copied", "latest", "other_d", "moved", "running", "limit", "two", "joined"],
)
def test_slices_declared_of_a_view_are_those_of_what_it_copies(
    sql: str, said: Reads, more: tuple[Asset, ...], expected: list[Mapped]
) -> None:
    assert behind(sql, said, *more) == expected


def test_what_is_declared_goes_through_every_view_or_stops() -> None:
    reader = model("r", "select dd as d from v", partition=DAILY, mappings={"v": SAME})
    twice = "select day as dd from inside join daily on daily.v = inside.v"
    for sql, second in (("select day as dd from inside", []), (twice, [Mapped.ALL])):
        [edge] = linked(DAYS, INNER, view("v", sql), reader).inputs["r"]
        direct = [each.reads.how for each in edge.behind if each.name == "daily"]
        [inside] = [each for each in edge.behind if each.name == "inside"]
        assert [each.reads for each in inside.behind] == [SAME]
        assert direct == second


def test_a_reader_without_slices_may_wait_for_the_newest_behind_a_view() -> None:
    newest = Reads(Mapped.LATEST, declared=True)
    [edge] = linked(
        DAYS, INNER, model("r", "select 1 from inside", mappings={"inside": newest})
    ).inputs["r"]
    assert [each.reads.how for each in edge.behind] == [Mapped.LATEST]
