"""Slices whose query has other columns than the table: what `on_schema_change` makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from run.building import (
    build,
    columns_of,
    daily,
    days,
    events_of,
    graph_of,
    model,
    plan_of,
    rows,
    run_sql,
    said,
)

from sqlpipes.core.engine import Engine
from sqlpipes.core.events import Event, StepFailed
from sqlpipes.core.strategy import SchemaChange

PRUNED = "select * from raw where d >= '{start}' and d < '{end}'"


@pytest.fixture
def engine(opened: Engine) -> Engine:
    run_sql(
        opened,
        "create table raw as select date '2024-01-01' + n as d, 'x' as v "
        "from (values (0), (1), (2), (3)) as t(n)",
    )
    return opened


def sliced(change: SchemaChange, *, pruned: bool = False, **cut: Any) -> Any:
    text = PRUNED if pruned else "select * from raw"
    asset = model("a", text, partition=daily(**cut), template=pruned, on_schema_change=change)
    return graph_of(asset)


def begin(engine: Engine, graph: Any) -> None:
    """Three slices; then the input changes in its columns and in the rows of old slices."""
    build(engine, graph, slices={"a": days(0, 3)})
    run_sql(
        engine,
        "alter table raw add column extra integer",
        "alter table raw drop column v",
        "update raw set extra = 7",
    )


def failed(events: Iterable[Event]) -> StepFailed:
    return next(event for event in events if isinstance(event, StepFailed))


@pytest.mark.parametrize("pruned", [False, True])
def test_fail_is_the_default_and_leaves_the_slice_as_it_was(engine: Engine, pruned: bool) -> None:
    graph = sliced(SchemaChange.FAIL, pruned=pruned)
    begin(engine, graph)
    problem = failed(build(engine, graph, slices={"a": days(2, 4)})).problems[0]
    assert problem.code == "BLD010"
    assert problem.message.endswith("they lack the column 'v'; the table has no column 'extra'")
    assert problem.hint == (
        "on_schema_change: add, sync or rebuild follows the query; "
        "--full-refresh writes the table anew, all its slices"
    )
    assert rows(engine, "select count(v) from a") == [(3,)]


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize(
    ("change", "columns", "values"),
    [
        (SchemaChange.ADD, "v, extra", [("x", None), ("x", None), (None, 7), (None, 7)]),
        (SchemaChange.SYNC, "extra", [(None,), (None,), (7,), (7,)]),
        (SchemaChange.IGNORE, "v", [("x",), ("x",), (None,), (None,)]),
    ],
)
def test_old_slices_keep_what_they_have(
    engine: Engine, pruned: bool, change: SchemaChange, columns: str, values: list[Any]
) -> None:
    graph = sliced(change, pruned=pruned)
    begin(engine, graph)
    assert said(build(engine, graph, slices={"a": days(2, 4)}))[-1] == "runfinished success"
    assert rows(engine, f"select {columns} from a order by d") == values
    width = len(columns_of(engine, "a"))
    assert width == len(columns.split(", ")) + 1


@pytest.mark.parametrize("cut", [{}, {"batch": 1}])
@pytest.mark.parametrize("pruned", [False, True])
def test_rebuild_fills_the_slices_that_the_table_holds(
    engine: Engine, pruned: bool, cut: dict[str, int]
) -> None:
    graph = sliced(SchemaChange.REBUILD, pruned=pruned, **cut)
    begin(engine, graph)
    plan = plan_of(graph, slices={"a": days(2, 4)})
    held = replace(plan.steps[0], held=days(0, 3))
    events = list(events_of(replace(plan, steps=(held,)), graph, engine))
    assert said(events)[-1] == "runfinished success"
    assert rows(engine, "select d::varchar, extra from a order by d") == [
        ("2024-01-01", 7),
        ("2024-01-02", 7),
        ("2024-01-03", 7),
        ("2024-01-04", 7),
    ]
    assert len(columns_of(engine, "a")) == 2


def test_the_question_costs_no_look_at_the_rows(engine: Engine) -> None:
    """A query whose rows would be an error is asked for its columns all the same."""
    text = "select d, case when v = 'y' then cast(cast(v as integer) as varchar) else v end as v from raw"
    graph = graph_of(model("a", text, partition=daily()))
    assert said(build(engine, graph, slices={"a": days(0, 3)}))[-1] == "runfinished success"
    run_sql(engine, "update raw set v = 'y' where d = '2024-01-04'")
    assert said(build(engine, graph, slices={"a": days(1, 3)}))[-1] == "runfinished success"


def test_a_query_that_broke_is_placed_in_the_user_s_file(engine: Engine) -> None:
    graph = graph_of(model("a", "select d,\n  raw.v as v\nfrom raw", partition=daily(), line=5))
    begin(engine, graph)
    problem = failed(build(engine, graph, slices={"a": days(2, 4)})).problems[0]
    assert problem.at is not None
    assert (problem.at.file, problem.at.line) == ("models/a.sql", 6)
