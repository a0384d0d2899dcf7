"""Rows merged by key and rows appended: the statements, and what they do on a real DuckDB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notyet import notyet, only, unlike
from run.building import (
    build,
    columns_of,
    graph_of,
    model,
    retype,
    rows,
    run_sql,
    said,
    step_of,
    tables,
)
from run.building import warehouse as look

from sqlpipes.core.engine import Engine
from sqlpipes.core.events import Event, StepFailed, StepFinished
from sqlpipes.core.strategy import Incremental, SchemaChange, Strategy
from sqlpipes.run.materialize import step_sql
from sqlpipes.run.merge import merge_sql
from sqlpipes.run.work import Work


@pytest.fixture
def engine(opened: Engine) -> Engine:
    run_sql(opened, "create table src (id integer, status varchar, note varchar, ts timestamp)")
    return opened


def merged(sql: str = "select * from src", *, template: bool = False, **options: Any):
    how = {
        k: options.pop(k)
        for k in ("updated_at", "update_columns", "exclude_columns")
        if k in options
    }
    incremental = Incremental(Strategy.MERGE, **how)
    return model(
        "a",
        sql,
        "incremental",
        unique_key=["id"],
        template=template,
        incremental=incremental,
        **options,
    )


def put(engine: Engine, *values: str) -> None:
    run_sql(engine, "delete from src", *(f"insert into src values ({value})" for value in values))


def failed(events: Iterable[Event]) -> StepFailed:
    return next(event for event in events if isinstance(event, StepFailed))


def ok(events: list[Event]) -> None:
    assert said(events)[-1] == "runfinished success", [
        event.problems for event in events if isinstance(event, StepFailed)
    ]


def work_of(engine: Engine, *, merge: bool = True, **options: Any) -> Work:
    asset = merged(**options)
    graph, seen = graph_of(asset), look(engine)
    seen = replace(seen, can=replace(seen.can, merge=merge))
    assert asset.relation is not None
    return Work(step_of(graph, "a"), asset, asset.relation, graph, seen, False)


COLUMNS = (("id", "INTEGER"), ("status", "VARCHAR"), ("ts", "TIMESTAMP"))


@only("duckdb", "the text of a statement")
def test_the_statement_of_a_merge(engine: Engine) -> None:
    (found,) = merge_sql(work_of(engine, updated_at="ts"), COLUMNS)
    assert found.sql == (
        'merge into "main"."a" as old\nusing "temp"."main"."sqlpipes_a" as new\n'
        'on old."id" = new."id"\n'
        'when matched and (new."ts" >= old."ts" or old."ts" is null) '
        'then update set "status" = new."status", "ts" = new."ts"\n'
        'when not matched then insert ("id", "status", "ts") '
        'values (new."id", new."status", new."ts")'
    )


@only("duckdb", "the text of a statement")
def test_the_statements_of_a_warehouse_without_merge(engine: Engine) -> None:
    update, insert = merge_sql(work_of(engine, merge=False), COLUMNS)
    assert update.sql == (
        'update "main"."a" as old set "status" = new."status", "ts" = new."ts"\n'
        'from "temp"."main"."sqlpipes_a" as new\nwhere old."id" = new."id"'
    )
    assert insert.sql == (
        'insert into "main"."a" ("id", "status", "ts")\n'
        'select new."id", new."status", new."ts" from "temp"."main"."sqlpipes_a" as new\n'
        'where not exists (select 1 from "main"."a" as old where old."id" = new."id")'
    )


def test_a_table_of_keys_alone_has_nothing_to_update(engine: Engine) -> None:
    for merge in (True, False):
        (found,) = merge_sql(work_of(engine, merge=merge), COLUMNS[:1])
        assert "update" not in found.sql


@notyet("spark", "an older row that changes nothing is counted as written")
@notyet("plain", "an older row that changes nothing is counted as written")
@notyet("mariadb", "an older row that changes nothing is counted as written")
def test_an_older_row_changes_nothing_and_one_as_old_does(engine: Engine) -> None:
    graph = graph_of(merged(updated_at="ts"))
    put(engine, "1, 'a', null, '2024-01-02'", "2, 'b', null, '2024-01-02'", "3, 'c', null, null")
    ok(build(engine, graph))
    put(
        engine,
        "1, 'older', null, '2024-01-01'",
        "2, 'same', null, '2024-01-02'",
        "3, 'aged', null, '2024-01-01'",
        "4, 'new', null, null",
    )
    events = build(engine, graph)
    ok(events)
    assert rows(engine, "select id, status from a order by id") == [
        (1, "a"),
        (2, "same"),
        (3, "aged"),
        (4, "new"),
    ]
    (done,) = [event for event in events if isinstance(event, StepFinished)]
    assert done.rows == 3
    merges = "merge into" if engine.can.merge else "update"
    assert any(statement.startswith(merges) for statement in done.statements)
    put(engine, "1, 'of no age', null, null")
    ok(build(engine, graph))
    assert rows(engine, "select status from a where id = 1") == [("a",)]


@pytest.mark.parametrize(
    "how", [{"update_columns": ("status",)}, {"exclude_columns": ("note", "ts")}]
)
def test_unlisted_columns_keep_the_stored_value(engine: Engine, how: dict[str, Any]) -> None:
    graph = graph_of(merged(**how))
    put(engine, "1, 'a', 'kept', '2024-01-01'")
    ok(build(engine, graph))
    put(engine, "1, 'b', 'lost', '2024-01-02'", "2, 'c', 'new', '2024-01-02'")
    ok(build(engine, graph))
    assert rows(engine, "select id, status, note, ts::date::varchar from a order by id") == [
        (1, "b", "kept", "2024-01-01"),
        (2, "c", "new", "2024-01-02"),
    ]


def test_the_age_of_a_row_is_always_updated_with_it(engine: Engine) -> None:
    graph = graph_of(merged(update_columns=("status",), updated_at="ts"))
    put(engine, "1, 'a', 'kept', '2024-01-01'")
    ok(build(engine, graph))
    for day, status in (("03", "c"), ("02", "b")):
        put(engine, f"1, '{status}', 'x', '2024-01-{day}'")
        ok(build(engine, graph))
    assert rows(engine, "select status, note from a") == [("c", "kept")]


def test_columns_that_the_query_lacks_are_named_at_the_first_build(engine: Engine) -> None:
    graph = graph_of(merged(updated_at="tss", exclude_columns=("notes",)))
    first, second = failed(build(engine, graph)).problems
    assert (first.code, first.hint) == ("BLD016", "did you mean 'ts'?")
    assert "'notes', which is its merge_exclude_columns" in second.message
    assert "a" not in tables(engine)
    ok(build(engine, graph_of(merged())))
    graph = graph_of(merged("select status, note, ts from src"))
    assert failed(build(engine, graph)).problems[0].code == "BLD016"


# ----------------------------------------------------------------------------------- properties

row = st.tuples(
    st.integers(0, 4), st.integers(0, 3), st.integers(0, 3), st.none() | st.integers(0, 5)
)
batch = st.lists(row, max_size=5, unique_by=lambda found: found[0])
hows = st.sampled_from(
    [
        {},
        {"updated_at": "ts"},
        {"update_columns": ("status",)},
        {"exclude_columns": ("note",), "updated_at": "ts"},
    ]
)


def model_of_merge(stored: dict, new: list, how: dict) -> None:  # type: ignore[type-arg]
    """The same, one row after the other."""
    for key, status, note, at in new:
        old = stored.get(key)
        if old is None:
            stored[key] = (status, note, at)
            continue
        if "updated_at" in how and old[2] is not None and (at is None or at < old[2]):
            continue
        if how.get("update_columns"):
            stored[key] = (status, old[1], old[2])
        elif how.get("exclude_columns"):
            stored[key] = (status, old[1], at)
        else:
            stored[key] = (status, note, at)


@pytest.mark.long
@given(st.lists(batch, min_size=1, max_size=4), hows, st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_merges_are_what_they_are_row_by_row(opened, batches, how, native) -> None:  # type: ignore[no-untyped-def]
    engine = opened
    engine.can = replace(engine.can, merge=native and engine.can.merge)
    run_sql(engine, "drop table if exists a", "drop table if exists src")
    run_sql(engine, "create table src (id integer, status integer, note integer, ts integer)")
    stored: dict[int, tuple[int, int, int | None]] = {}
    for new in batches:
        values = (", ".join("null" if v is None else str(v) for v in found) for found in new)
        put(engine, *values)
        ok(build(engine, graph_of(merged(**how))))
        model_of_merge(stored, new, how)
        assert rows(engine, "select * from a order by id") == sorted(
            (k, *v) for k, v in stored.items()
        )


# --------------------------------------------------------------------------------------- append


def appended(sql: str = "select id, status from src", **options: Any):
    return model("a", sql, "incremental", incremental=Incremental(Strategy.APPEND), **options)


def test_append_only_adds(engine: Engine) -> None:
    text = "select id, status from src --if-- where id > (select max(id) from a)"
    graph = graph_of(appended(text, template=True))
    put(engine, "1, 'a', null, null", "2, 'b', null, null")
    ok(build(engine, graph))
    put(engine, "2, 'changed', null, null", "3, 'c', null, null", "3, 'd', null, null")
    ok(build(engine, graph))
    ok(build(engine, graph))
    assert rows(engine, "select * from a order by 1, 2") == [(1, "a"), (2, "b"), (3, "c"), (3, "d")]


@only("duckdb", "the text of a statement")
def test_the_statements_of_an_append(engine: Engine) -> None:
    graph = graph_of(appended())
    ok(build(engine, graph))
    (part,) = step_sql(step_of(graph, "a"), graph, look(engine))
    assert [statement.sql for statement in part.statements] == [
        "-- columns are compared first (on_schema_change: fail)\n"
        'select * from (\nselect id, status from src\n) as "a"',
        'insert into "main"."a" by name\nselect * from (\nselect id, status from src\n) as "a"',
    ]


# ------------------------------------------------------------------------------ on_schema_change

SHAPES = {
    "merge": lambda change: merged(on_schema_change=change),
    "append": lambda change: appended("select * from src", on_schema_change=change),
}


def change(engine: Engine, graph: Any) -> list[Event]:
    """A second build after the input got a column, lost one and gave one another type."""
    run_sql(engine, "delete from src")
    retype(engine, "src", "status", "integer")
    put(engine, "1, 5, 'x', '2024-01-01'")
    ok(build(engine, graph))
    run_sql(
        engine,
        "alter table src drop column note",
        "alter table src add column extra integer",
    )
    retype(engine, "src", "status", "varchar")
    put(engine, "2, '8', '2024-01-02', 9")
    return build(engine, graph)


SAID = {"character varying": "varchar", "timestamp without time zone": "timestamp"}
MARIADB = {"int": "integer", "varchar(200)": "varchar"}


def columns(engine: Engine) -> list[tuple[str, str]]:
    found = {name: kind.lower() for name, kind in columns_of(engine, "a").items()}
    return sorted(
        (name, {**SAID, **MARIADB}.get(kind, kind).upper()) for name, kind in found.items()
    )


def as_said(message: str) -> str:
    """A message with the types as DuckDB says them."""
    message = message.replace("varchar(200)", "varchar").replace(" int ", " integer ")
    for theirs, ours in (*SAID.items(), ("integer", "integer"), ("varchar", "varchar")):
        message = message.replace(theirs, ours.upper()).replace(ours, ours.upper())
    return message


@notyet("sqlite", "it changes no column's type")
@pytest.mark.parametrize("shape", list(SHAPES))
def test_fail_names_what_differs(engine: Engine, shape: str) -> None:
    graph = graph_of(SHAPES[shape](SchemaChange.FAIL))
    problem = failed(change(engine, graph)).problems[0]
    assert problem.code == "BLD010"
    assert as_said(problem.message).endswith(
        ": they lack the column 'note'; the table has no column 'extra'; "
        "column 'status' is INTEGER in the table and VARCHAR here"
    )
    assert "--full-refresh" in str(problem.hint)
    assert rows(engine, "select * from a") == rows(
        engine, "select 1, 5, 'x', timestamp '2024-01-01'"
    )


@notyet("sqlite", "it changes no column's type")
@pytest.mark.parametrize("shape", list(SHAPES))
def test_add_adds_and_refuses_other_types(engine: Engine, shape: str) -> None:
    graph = graph_of(SHAPES[shape](SchemaChange.ADD))
    problem = failed(change(engine, graph)).problems[0]
    assert as_said(problem.message).endswith(
        ": column 'status' is INTEGER in the table and VARCHAR here"
    )
    retype(engine, "src", "status", "smallint")
    ok(build(engine, graph))
    assert rows(engine, "select id, status, note, extra from a order by id") == [
        (1, 5, "x", None),
        (2, 8, None, 9),
    ]


@notyet("sqlite", "it changes no column's type")
@pytest.mark.parametrize("shape", list(SHAPES))
def test_sync_drops_and_retypes_too(engine: Engine, shape: str) -> None:
    graph = graph_of(SHAPES[shape](SchemaChange.SYNC))
    ok(change(engine, graph))
    assert columns(engine) == [
        ("extra", "INTEGER"),
        ("id", "INTEGER"),
        ("status", "VARCHAR"),
        ("ts", "TIMESTAMP"),
    ]
    assert rows(engine, "select id, status, extra from a order by id") == [
        (1, "5", None),
        (2, "8", 9),
    ]


@notyet("sqlite", "it changes no column's type")
@pytest.mark.parametrize("shape", list(SHAPES))
@unlike("mariadb", "ALTER TABLE that says how old values become new ones")
def test_stored_values_that_do_not_become_the_new_type_are_left(engine: Engine, shape: str) -> None:
    graph = graph_of(SHAPES[shape](SchemaChange.SYNC))
    ok(change(engine, graph))
    retype(engine, "src", "id", "date", "date '2024-01-01'")
    assert failed(build(engine, graph)).problems[0].code.startswith("ENG")
    assert ("id", "INTEGER") in columns(engine)
    assert rows(engine, "select id from a order by id") == [(1,), (2,)]


@notyet("sqlite", "it changes no column's type")
@pytest.mark.parametrize("shape", list(SHAPES))
def test_rebuild_writes_all_anew(engine: Engine, shape: str) -> None:
    graph = graph_of(SHAPES[shape](SchemaChange.REBUILD))
    ok(change(engine, graph))
    assert rows(engine, "select id, status, extra from a") == [(2, "8", 9)]
    assert len(columns(engine)) == 4


@notyet("sqlite", "it changes no column's type")
@pytest.mark.parametrize("shape", list(SHAPES))
def test_ignore_writes_what_the_table_has(engine: Engine, shape: str) -> None:
    graph = graph_of(SHAPES[shape](SchemaChange.IGNORE))
    ok(change(engine, graph))
    assert rows(engine, "select id, status, note from a order by id") == [
        (1, 5, "x"),
        (2, 8, None),
    ]
    assert len(columns(engine)) == 4


@notyet("sqlite", "it changes no column's type")
def test_a_narrower_type_is_no_difference(engine: Engine) -> None:
    graph = graph_of(merged())
    retype(engine, "src", "id", "bigint")
    put(engine, "1, 'a', 'x', '2024-01-01'")
    ok(build(engine, graph))
    retype(engine, "src", "id", "smallint")
    put(engine, "1, 'b', 'x', '2024-01-01'")
    ok(build(engine, graph))
    assert rows(engine, "select status from a") == [("b",)]
