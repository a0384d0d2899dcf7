"""Whatever statement fails while rows are merged, appended or snapshot: readers see what was there."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from run.building import build, daily, days, graph_of, memory_engine, model, rows, run_sql
from run.test_runner import Faulty

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import EngineError
from sqlpipes.core.events import RunFinished
from sqlpipes.core.status import Status
from sqlpipes.core.strategy import HardDeletes, Incremental, SchemaChange, Snapshot, Strategy

LATER = datetime(2024, 6, 2, tzinfo=UTC)
HOOKS: dict[str, Any] = {
    "before": ("insert into log values (1)",),
    "after": ("insert into log values (2)",),
}
APPEND = Incremental(Strategy.APPEND)
MERGE = Incremental(Strategy.MERGE, "ts", (), ("v",))


def kept(kind: str, change: SchemaChange = SchemaChange.SYNC, **options: Any) -> Asset:
    given = {"unique_key": ["id"], "on_schema_change": change, **HOOKS, **options}
    return model("a", "select * from src", kind, **given)


SHAPES = {
    "merge": lambda: kept("incremental", incremental=MERGE),
    "merge rebuilt": lambda: kept("incremental", SchemaChange.REBUILD),
    "append": lambda: kept("incremental", incremental=APPEND),
    "append rebuilt": lambda: kept("incremental", SchemaChange.REBUILD, incremental=APPEND),
    "snapshot by check": lambda: kept("snapshot", snapshot=Snapshot(None)),
    "snapshot by time": lambda: kept(
        "snapshot", snapshot=Snapshot("ts", (), HardDeletes.INVALIDATE)
    ),
    "snapshot with marks": lambda: kept(
        "snapshot", snapshot=Snapshot("ts", (), HardDeletes.NEW_RECORD)
    ),
    "slices synced": lambda: kept("table", unique_key=[], partition=daily("ts")),
    "slices rebuilt": lambda: kept(
        "table", SchemaChange.REBUILD, unique_key=[], partition=daily("ts")
    ),
}


def content(engine: Engine) -> tuple[object, object]:
    columns = (
        "select column_name, data_type from duckdb_columns() where table_name = 'a' order by 1"
    )
    return rows(engine, columns), rows(engine, "select * from a order by all")


def status(events: list[Any]) -> Status:
    return next(e.status for e in reversed(events) if isinstance(e, RunFinished))


def without_merge(engine: Engine) -> None:
    engine.can = replace(engine.can, merge=False)


@pytest.mark.parametrize(
    ("shape", "merge"), [*((shape, True) for shape in SHAPES), ("merge", False)]
)
def test_a_failure_leaves_columns_and_rows_as_they_were(shape: str, merge: bool) -> None:
    with closing(memory_engine()) as engine:
        if not merge:
            without_merge(engine)
        graph = graph_of(SHAPES[shape]())
        slices = {"a": days(0, 3)} if shape.startswith("slices") else {}
        run_sql(
            engine,
            "create table log (step int)",
            "create table src as select range as id, 'x' as v, date '2024-01-01' + range::int as ts "
            "from range(3)",
        )
        build(engine, graph, slices=slices)
        run_sql(
            engine,
            "delete from log",
            "delete from src where id = 0",
            "alter table src add column extra integer",
            "update src set v = 'y', extra = 7, ts = ts + 1 where id = 1",
        )
        before, failures = content(engine), 0
        for at in range(1, 60):
            faulty = Faulty(engine, at)
            try:
                events = build(faulty, graph, slices=slices, clock=lambda: LATER, fail_fast=True)
            except EngineError:  # while it looked at the warehouse
                continue
            if status(events) is Status.SUCCESS:
                break
            failures += 1
            assert content(engine) == before, at
            assert rows(engine, "select * from log") == []
        assert failures >= 3
        assert faulty.left > 0
        assert content(engine) != before
        assert rows(engine, "select count(extra) > 0 from a") == [(True,)]
        assert rows(engine, "select * from duckdb_tables() where temporary") == []
