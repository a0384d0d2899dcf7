"""Sail speaks Spark's protocol: what it does otherwise is seen, and refused where rows would be lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run.building import build, check, daily, days, graph_of, model, said

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.events import StepFailed
from sqlpipes.core.strategy import HardDeletes, Incremental, SchemaChange, Snapshot, Strategy
from sqlpipes.engines import open_engine

RAW = "select d, id, v from values {} as t(d, id, v)"
ONE = "(date'2024-01-01', 1, 'a'), (date'2024-01-02', 2, 'b'), (date'2024-01-04', 9, 'z')"
TWO = "(date'2024-01-01', 1, 'A'), (date'2024-01-03', 3, 'c')"


def opened(url: str, file_format: str, folder: Path) -> Engine:
    options = {"url": url, "file_format": file_format, "location_root": str(folder)}
    engine = open_engine(Target("dev", "spark", f"on_{file_format}", options=options), ".")
    engine.create_schemas([f"on_{file_format}"])
    return engine


@pytest.fixture(params=["delta", "iceberg"])
def keeping(
    request: pytest.FixtureRequest, sail_url: str, tmp_path: Path
) -> Iterator[tuple[Engine, str]]:
    """A format with transactions, and the schema of it."""
    engine = opened(sail_url, request.param, tmp_path)
    yield engine, f"on_{request.param}"
    engine.close()


def ok(engine: Engine, *assets: Any, checks: Any = (), **options: Any) -> None:
    events = build(engine, graph_of(*assets, checks=checks), **options)
    told = [(p.code, p.message) for e in events for p in getattr(e, "problems", ())]
    assert said(events)[-1] == "runfinished success", told


def rows(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    return sorted(engine.connect().fetch(sql).rows, key=str)


def source(engine: Engine, schema: str, values: str) -> None:
    engine.connect().execute(f"create or replace view {schema}.raw as {RAW.format(values)}")


def test_a_server_that_ignores_dynamic_overwriting_is_refused(
    sail_url: str, tmp_path: Path
) -> None:
    engine = opened(sail_url, "parquet", tmp_path)
    publishing: Any = engine.publishing  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="would replace all of the table") as caught:
        publishing._verify(engine.connect())
    engine.close()
    (problem,) = caught.value.problems
    assert (problem.code, problem.hint is not None) == ("SPK001", True)


def test_it_replaces_slices_keys_and_tables_in_one_statement_each(
    keeping: tuple[Engine, str],
) -> None:
    engine, schema = keeping
    source(engine, schema, ONE)
    slices = model("s", f"select d, id, v from {schema}.raw", schema=schema, partition=daily())
    keyed = {"schema": schema, "materialized": "incremental", "unique_key": ("id",)}
    merged = model("m", f"select id, v from {schema}.raw", **keyed)
    table = model("t", f"select max(id) as id from {schema}.raw", schema=schema)
    adds = Incremental(Strategy.APPEND)
    log = model("l", f"select id from {schema}.raw", "incremental", schema=schema, incremental=adds)
    gate = [check("s", "not_null", column="id"), check("m", "unique", columns=["id"])]
    every = (slices, merged, table, log)
    ok(engine, *every, checks=gate, slices={"s": days(0, 4)})
    source(engine, schema, TWO)
    ok(engine, *every, checks=gate, slices={"s": days(0, 3)})
    assert rows(engine, f"select id, v from {schema}.s") == [(1, "A"), (3, "c"), (9, "z")]
    assert rows(engine, f"select id, v from {schema}.m") == [
        (1, "A"),
        (2, "b"),
        (3, "c"),
        (9, "z"),
    ]
    assert rows(engine, f"select id from {schema}.t") == [(3,)]
    assert len(rows(engine, f"select id from {schema}.l")) == 5


def test_it_keeps_states_and_writes_all_anew(keeping: tuple[Engine, str]) -> None:
    engine, schema = keeping
    source(engine, schema, ONE)
    how = Snapshot(check_columns=("v",), hard_deletes=HardDeletes.INVALIDATE)
    given = {"schema": schema, "unique_key": ("id",)}
    query = f"select id, v from {schema}.raw"
    states = model("h", query, "snapshot", snapshot=how, **given)
    merged = model("f", query, "incremental", **given)
    adds = SchemaChange.ADD
    wide = f"select id, v, d from {schema}.raw"
    grown = model("g", query, "incremental", **given)
    ok(engine, states, merged, grown)
    source(engine, schema, TWO)
    ok(engine, states)
    ok(engine, merged, full=True)
    other = model("g", wide, "incremental", on_schema_change=adds, **given)
    events = build(engine, graph_of(other))  # Sail replaces no table by one of other columns
    assert [event.problems[0].code for event in events if isinstance(event, StepFailed)]
    assert rows(engine, f"select id, v, is_current from {schema}.h") == [
        (1, "A", True),
        (1, "a", False),
        (2, "b", False),
        (3, "c", True),
        (9, "z", False),
    ]
    assert rows(engine, f"select id, v from {schema}.f") == [(1, "A"), (3, "c")]
    assert rows(engine, f"select id, v from {schema}.g") == [(1, "a"), (2, "b"), (9, "z")]


def test_slices_on_parquet_fail_and_leave_all_rows(sail_url: str, tmp_path: Path) -> None:
    engine = opened(sail_url, "parquet", tmp_path)
    source(engine, "on_parquet", ONE)
    made = model("p", "select d, id from on_parquet.raw", schema="on_parquet", partition=daily())
    events = build(engine, graph_of(made), slices={"p": days(0, 4)})
    assert [event for event in events if isinstance(event, StepFailed)]
    engine.close()
