"""Every strategy of building on a real Spark beside the same builds on DuckDB: equal rows, equal faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from run.building import build, daily, days, graph_of, memory_engine, model, python, seed

from sqlpipes.core.asset import Asset
from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.events import Event, StepFailed, StepFinished
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.sql import Relation
from sqlpipes.core.strategy import HardDeletes, Incremental, SchemaChange, Snapshot, Strategy
from sqlpipes.engines import open_engine

SCHEMA = "strategies"
BEGAN = datetime(2024, 6, 1, 12, tzinfo=UTC)
COLUMNS = "d, id, v, n, ts"
ONE = (
    "(date '2024-01-01', 1, 'a', 10, timestamp '2024-01-01 08:00:00')",
    "(date '2024-01-02', 2, 'b', 20, timestamp '2024-01-01 08:00:00')",
    "(date '2024-01-04', 9, null, 90, timestamp '2024-01-01 08:00:00')",
)
TWO = (
    "(date '2024-01-01', 1, 'A', 11, timestamp '2024-01-03 08:00:00')",
    "(date '2024-01-02', 2, 'older', 21, timestamp '2023-12-31 08:00:00')",
    "(date '2024-01-03', 3, 'c', 30, timestamp '2024-01-02 08:00:00')",
)
NONE = ("(date '2024-01-01', 1, 'A', 11, timestamp '2024-01-03 08:00:00')",)
DOUBLE = (*TWO, "(date '2024-01-01', 1, 'again', 12, timestamp '2024-01-04 08:00:00')")
NO_KEY = (*TWO, "(cast(null as date), cast(null as int), 'x', 0, timestamp '2024-01-04 08:00:00')")
RAW = f"select d, id, v, ts from {SCHEMA}.raw"
WIDE = f"select d, id, v, ts, n from {SCHEMA}.raw"
LESS = f"select d, id, ts from {SCHEMA}.raw"
OTHER = f"select d, id, n as v, ts from {SCHEMA}.raw"
ADDS = Incremental(Strategy.APPEND)


@dataclass(frozen=True)
class Turn:
    """What stands in the source, and what is built then."""

    asset: Asset
    source: tuple[str, ...]
    slices: Partitions | None = None
    full: bool = False
    empty: bool = False


def own(sql: str, materialized: str = "table", **options: Any) -> Asset:
    return model("a", sql, materialized, schema=SCHEMA, **options)


def merged(sql: str = RAW, how: Incremental = Incremental(), **options: Any) -> Asset:  # noqa: B008
    return own(sql, "incremental", unique_key=("id",), incremental=how, **options)


def kept(how: Snapshot, sql: str = RAW, **options: Any) -> Asset:
    return own(sql, "snapshot", unique_key=("id",), snapshot=how, **options)


def sliced(sql: str = RAW, **options: Any) -> Asset:
    return own(sql, partition=daily(), **options)


def both(asset: Asset, second: Asset | None = None, **options: Any) -> tuple[Turn, ...]:
    cut = {"slices": days(0, 4)} if asset.partition else {}
    return Turn(asset, ONE, **cut), Turn(second or asset, TWO, **{**cut, **options})


def function(raw: Any) -> Any:
    return raw.project("d, id, v, ts")


CALLED = replace(python("a", function, "raw"), relation=Relation("a", SCHEMA))
CALLED_SLICES = replace(
    python("a", function, "raw", partition=daily()), relation=Relation("a", SCHEMA)
)
CASES: dict[str, tuple[Turn, ...]] = {
    "table": both(own(RAW)),
    "table, empty": both(own(RAW), empty=True),
    "table, other columns": both(own(RAW), own(WIDE)),
    "view": both(own(RAW, "view"), own(WIDE, "view")),
    "view that was a table": both(own(RAW), own(RAW, "view")),
    "table that was a view": both(own(RAW, "view"), own(RAW)),
    "slices, some": both(sliced(), slices=days(0, 3)),
    "slices, one by one": both(sliced(), sliced(), slices=days(2, 3)),
    "slices, full refresh": both(sliced(), full=True),
    "slices, empty": both(sliced(), empty=True),
    "slices, a row without a day": (Turn(sliced(), NO_KEY, days(0, 4)),),
    "merge": both(merged()),
    "merge, empty": both(merged(), empty=True),
    "merge, full refresh": both(merged(), full=True),
    "merge by age": both(merged(how=Incremental(updated_at="ts"))),
    "merge of one column": both(merged(how=Incremental(update_columns=("v",)))),
    "merge without one column": both(merged(how=Incremental(exclude_columns=("v",)))),
    "merge of a double key": (*both(merged()), Turn(merged(), DOUBLE)),
    "merge without a key": (*both(merged()), Turn(merged(), NO_KEY)),
    "append": both(own(RAW, "incremental", incremental=ADDS)),
    "append, full refresh": both(own(RAW, "incremental", incremental=ADDS), full=True),
    "snapshot by age": both(kept(Snapshot("ts"))),
    "snapshot of one column": both(kept(Snapshot(check_columns=("v",)))),
    "snapshot, full refresh": both(kept(Snapshot("ts")), full=True),
    "snapshot, empty": both(kept(Snapshot("ts")), empty=True),
    "snapshot of a double key": (*both(kept(Snapshot())), Turn(kept(Snapshot()), DOUBLE)),
    "function": both(CALLED),
    "function, slices": both(CALLED_SLICES, slices=days(0, 3)),
}
for deletes in HardDeletes:
    gone = kept(Snapshot("ts", hard_deletes=deletes))
    CASES[f"snapshot, gone keys: {deletes}"] = (*both(gone), Turn(gone, NONE), Turn(gone, TWO))
for policy in SchemaChange:
    for told, before, other in (("more", RAW, WIDE), ("fewer", RAW, LESS), ("retyped", OTHER, RAW)):
        shapes = {
            "merge": (merged(before), merged(other, on_schema_change=policy)),
            "append": (
                own(before, "incremental", incremental=ADDS),
                own(other, "incremental", incremental=ADDS, on_schema_change=policy),
            ),
            "slices": (sliced(before), sliced(other, on_schema_change=policy)),
        }
        for shape, (first, second) in shapes.items():
            CASES[f"{shape}, {told} columns: {policy}"] = both(first, second)
    if policy is not SchemaChange.REBUILD:  # which is refused when it is read: states would be lost
        CASES[f"snapshot, more columns: {policy}"] = both(
            kept(Snapshot("ts")), kept(Snapshot("ts"), WIDE, on_schema_change=policy)
        )


@pytest.fixture(scope="module")
def engines(spark_url: str) -> Iterator[tuple[Engine, Engine]]:
    spark = open_engine(Target("dev", "spark", SCHEMA, options={"url": spark_url}), ".")
    duck = memory_engine()
    for engine in (duck, spark):
        engine.create_schemas([SCHEMA, "main"])
    yield duck, spark
    spark.connect().execute(f"drop schema {SCHEMA} cascade")
    spark.close()
    duck.close()


def put(engine: Engine, rows: tuple[str, ...]) -> None:
    using = "using parquet " if engine.dialect == "spark" else ""
    connection = engine.connect()
    connection.execute(f"drop table if exists {SCHEMA}.raw")
    said = f"select {COLUMNS} from (values {', '.join(rows)}) as t({COLUMNS})"
    connection.execute(f"create table {SCHEMA}.raw {using}as {said}")


def outcome(events: list[Event]) -> list[tuple[str, Any]]:
    """Codes of what failed, and of what was done its rows, where the engine counts them."""
    found: list[tuple[str, Any]] = []
    for event in events:
        if isinstance(event, StepFailed):
            found += [("failed", problem.code) for problem in event.problems]
        if isinstance(event, StepFinished):
            found.append(("done", event.asset))
    return found


def content(engine: Engine) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns by their names, as those that a table of Parquet lies along come last, and rows."""
    names = sorted(name for name, _ in engine.connect().columns(Relation("a", SCHEMA)) or ())
    found = engine.connect().fetch(f"select {', '.join(names)} from {SCHEMA}.a")
    rows = [tuple(shown(value) for value in row) for row in found.rows]
    return found.columns, sorted(rows)


def shown(value: Any) -> str:
    """A time is what clocks show in UTC."""
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None))
    return str(value)


def clean(engine: Engine) -> None:
    for relation, kind in engine.relations().items():
        if relation.schema == SCHEMA:
            engine.connect().execute(f"drop {kind} if exists {engine.quote(relation)}")


@pytest.mark.parametrize("name", CASES)
def test_it_builds_what_duckdb_builds(engines: tuple[Engine, Engine], name: str) -> None:
    told = []
    for engine in engines:
        clean(engine)
        seen = []
        for number, turn in enumerate(CASES[name]):
            put(engine, turn.source)
            now = BEGAN + timedelta(hours=number)
            raw = model("raw", "select 1 as x", schema=SCHEMA)
            slices = {"a": turn.slices} if turn.slices else None
            graph = graph_of(raw, turn.asset)
            asked: dict[str, Any] = {"full": turn.full, "empty": turn.empty}
            events = build(engine, graph, "a", slices=slices, clock=lambda now=now: now, **asked)
            made = any(each.name == "a" for each in engine.relations())
            seen.append((outcome(events), content(engine) if made else None))
        told.append(seen)
        assert not [each for each in engine.relations() if each.name.startswith("sqlpipes_")]
    assert told[1] == told[0]


def test_seeds_of_each_type(engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    text = "i,n,t,d,ts,b,big\n1,1.50,é,2024-01-01,2024-01-01 08:00:00,true,9000000000\n2,,,,,,\n"
    (tmp_path / "s.csv").write_text(text)
    made = replace(seed("a", str(tmp_path / "s.csv")), relation=Relation("a", SCHEMA))
    told = []
    for engine in engines:
        clean(engine)
        events = build(engine, graph_of(made))
        told.append((outcome(events), content(engine)))
    assert told[1] == told[0]
    assert len(told[0][1][1]) == 2
