"""Rows that join a table which exists: nothing is filled in, rounded or cut on their way."""

from __future__ import annotations

import re
from typing import Any

import pytest
from notyet import notyet
from run.building import build, daily, days, graph_of, model, python, rows, run_sql, said

from sqlpipes.core.asset import Asset, Column
from sqlpipes.core.definitions import Execution
from sqlpipes.core.engine import Engine
from sqlpipes.core.events import StepFailed

DAY = "date '2024-01-01' as d"


@pytest.fixture
def engine(opened: Engine) -> Engine:
    return opened


def shapes(text: str) -> dict[str, Asset]:
    """One asset of each shape that adds to a table; they read `raw`, whose columns may change."""
    return {
        "slices": model("a", text, partition=daily()),
        "pruned": model("a", text + " where d >= '{start}'", partition=daily(), template=True),
        "merged": model("a", text, "incremental", unique_key=["d"]),
        "python": python(
            "a", lambda context: context.sql("select * from raw"), context=True, partition=daily()
        ),
    }


def wrong(engine: Engine, shape: str) -> str:
    """What is said about it; the table keeps what it held."""
    before = rows(engine, "select * from a")
    slices = {} if shape == "merged" else {"a": days(0, 1)}
    events = build(engine, graph_of(shapes("select * from raw")[shape]), "a", slices=slices)
    problem = next(e for e in events if isinstance(e, StepFailed)).problems[0]
    assert problem.code == "BLD010"
    assert "--full-refresh" in str(problem.hint)
    assert rows(engine, "select * from a") == before
    return re.sub(" (big)?int ", " integer ", problem.message)


@notyet("sqlite", "its columns have no fixed types: a value of another kind is taken")
@pytest.mark.parametrize("shape", list(shapes("")))
def test_a_column_that_went_came_or_was_cut_is_a_fault(engine: Engine, shape: str) -> None:
    run_sql(engine, f"create table raw as select {DAY}, 1 as x, 2 as y")
    slices = {} if shape == "merged" else {"a": days(0, 1)}
    graph = graph_of(shapes("select * from raw")[shape])
    assert said(build(engine, graph, "a", slices=slices))[-1] == "runfinished success"
    run_sql(engine, "drop table raw", f"create table raw as select {DAY}, 1 as x")
    assert "they lack the column 'y'" in wrong(engine, shape)
    run_sql(engine, "drop table raw", f"create table raw as select {DAY}, 1 as x, 2 as y, 3 as z")
    assert "the table has no column 'z'" in wrong(engine, shape)
    half = f"create table raw as select {DAY}, cast(1.5 as double precision) as x, 2 as y"
    run_sql(engine, "drop table raw", half)
    assert "column 'x' is integer in the table and double" in wrong(engine, shape).lower()
    day = f"create table raw as select {DAY}, date '2024-01-01' as x, 2 as y"
    run_sql(engine, "drop table raw", day)
    assert "column 'x' is integer in the table and date here" in wrong(engine, shape).lower()


@notyet("sqlite", "its columns have no fixed types: a value of another kind is taken", fits=False)
@pytest.mark.parametrize(
    ("there", "here", "fits"),
    [
        ("1::bigint", "1::integer", True),
        ("1::integer", "1::bigint", True),
        ("1::integer", "3000000000", False),
        ("1.5::double precision", "1::integer", True),
        ("null::varchar", "null", True),
        ("1.25::decimal(10,2)", "1.256::decimal(10,3)", False),
        ("date '2024-01-01'", "timestamp '2024-01-01 05:00'", False),
        ("timestamp '2024-01-01'", "date '2024-01-01'", True),
        ("1::integer", "'1'", False),
        ("'x'", "1", True),
    ],
)
def test_types_may_be_narrower_than_the_table_s(
    engine: Engine, there: str, here: str, fits: bool
) -> None:
    for value in (there, here):
        graph = graph_of(model("a", f"select {DAY}, {value} as X", partition=daily()))
        events = build(engine, graph, slices={"a": days(0, 1)})
    assert (said(events)[-1] == "runfinished success") is fits


def test_columns_may_stand_in_another_order_and_case(engine: Engine) -> None:
    for text in (f"select {DAY}, 1 as x, 2 as y", f"select 4 as Y, 3 as X, {DAY}"):
        graph = graph_of(model("a", text, "incremental", unique_key=["d"]))
        build(engine, graph)
    assert rows(engine, "select x, y from a") == [(3, 4)]


@pytest.mark.parametrize("full", [False, True])
def test_columns_of_a_function_or_a_template_may_stand_in_another_order(
    engine: Engine, full: bool
) -> None:
    """Of the same type, so that a mix-up would raise nothing."""
    from datetime import date

    def each(context: Execution) -> list[dict[str, Any]]:
        assert context.partition is not None
        day = date.fromisoformat(context.partition.start)
        found = {"d": day, "x": "x", "y": "y"}
        return [found if day.day % 2 else dict(reversed(found.items()))]

    asset = python("a", each, context=True, partition=daily(batch=1))
    for slices in (days(0, 1), days(1, 3)):
        events = build(engine, graph_of(asset), slices={"a": slices}, full=full)
        assert said(events)[-1] == "runfinished success"
    found = rows(engine, "select distinct x, y from a")
    assert found == [("x", "y")]
    for columns in ("'x' as x, 'y' as y", "'y' as y, 'x' as x"):
        text = f"select date '{{start}}' as d, {columns}"
        graph = graph_of(model("b", text, partition=daily(), template=True))
        build(engine, graph, slices={"b": days(0, 2)})
    assert rows(engine, "select distinct x, y from b") == [("x", "y")]


def test_a_mistake_in_the_query_keeps_its_place(engine: Engine) -> None:
    good = graph_of(model("a", f"select {DAY}", partition=daily(), line=7))
    build(engine, good, slices={"a": days(0, 1)})
    bad = graph_of(model("a", f"select {DAY},\n  nonsense as x", partition=daily(), line=7))
    events = build(engine, bad, slices={"a": days(0, 1)})
    problem = next(e for e in events if isinstance(e, StepFailed)).problems[0]
    assert str(problem).startswith("models/a.sql:8:3: ENG004")


def test_a_python_slice_whose_column_has_no_value_takes_the_table_s_type(engine: Engine) -> None:
    from datetime import date

    found: list[dict[str, Any]] = [{"d": date(2024, 1, 1), "x": 1, "s": "t"}]
    asset = python("a", lambda: found, partition=daily(), columns=(Column("s", "varchar"),))
    build(engine, graph_of(asset), slices={"a": days(0, 1)})
    found[0]["x"] = None
    assert said(build(engine, graph_of(asset), slices={"a": days(0, 1)}))[-1].endswith("success")
    found.clear()
    assert said(build(engine, graph_of(asset), slices={"a": days(0, 1)}))[-1].endswith("success")
    assert rows(engine, "select * from a") == []
