"""Models written in one line, linked and run on a real DuckDB: what the tests of this room share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from servers.sqlite import timed

from sqlpipes.core.asset import (
    Asset,
    Check,
    Dependency,
    Kind,
    Materialized,
    PythonBody,
    Rendered,
    Scope,
    SeedBody,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection, Engine
from sqlpipes.core.errors import Location
from sqlpipes.core.events import Event
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.partitions import WHOLE, Grain, Partitioning, Partitions
from sqlpipes.core.plan import Action, Plan, Reason, Step, Why
from sqlpipes.core.sql import Relation, analyse
from sqlpipes.engines import open_engine
from sqlpipes.run.runner import run_plan
from sqlpipes.run.warehouse import Warehouse, warehouse_of

MEMORY = Target("dev", "duckdb", options={"path": ":memory:"})
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
D0 = Grain.DAY.ordinal(datetime(2024, 1, 1))
BECAUSE = (Reason(Why.ASKED),)


@dataclass(frozen=True)
class Curly:
    """A template that knows {start}, {end}, {key} and {this}; lines of its own: text --if-- text."""

    text: str

    def render(self, scope: Scope) -> Rendered:
        text = self.text
        if "--if--" in text:
            first, later = text.split("--if--")
            text = first + (later if scope.incremental else "")
        names = {"start": scope.start, "end": scope.end, "key": scope.key, "this": scope.this}
        for name, value in names.items():
            text = text.replace("{" + name + "}", str(value))
        return Rendered(text, analyse(text, "duckdb", at=Location("t.sql")).references)


def model(
    name: str,
    sql: str,
    materialized: str = "table",
    *,
    schema: str = "main",
    catalog: str | None = None,
    alias: str | None = None,
    partition: Partitioning | None = None,
    unique_key: Iterable[str] = (),
    template: bool = False,
    line: int = 1,
    **settings: Any,
) -> Asset:
    path = f"models/{name}.sql"
    references = () if template else analyse(sql, "duckdb", at=Location(path, line)).references
    kind = Materialized(materialized)
    if template:
        references = Curly(sql).render(Scope(start="2024-01-01", end="2024-01-02")).references
    body = SqlBody(sql, references, line, Curly(sql) if template else None)
    relation = Relation(alias or name, schema, catalog)
    return Asset(
        name,
        Kind.SQL,
        kind,
        None if kind is Materialized.EPHEMERAL else relation,
        body,
        f"v-{hash(sql)}.s",
        Location(path, line),
        path,
        partition=partition,
        unique_key=tuple(unique_key),
        **settings,
    )


def python(
    name: str,
    function: Callable[..., Any],
    *parameters: str,
    context: bool = False,
    materialized: str = "table",
    partition: Partitioning | None = None,
    **settings: Any,
) -> Asset:
    kind = Materialized(materialized)
    return Asset(
        name,
        Kind.PYTHON,
        kind,
        Relation(name, "main") if kind is Materialized.TABLE else None,
        PythonBody(function.__name__, parameters, context, lambda: function),
        "p.s",
        Location("models/assets.py", 3),
        "models/assets.py",
        depends_on=tuple(Dependency(parameter) for parameter in parameters),
        partition=partition,
        **settings,
    )


def seed(name: str, path: str, **options: Any) -> Asset:
    body = SeedBody(path, path.rsplit(".", 1)[-1], **options)
    at = Location(f"seeds/{name}")
    relation = Relation(name, "main")
    return Asset(name, Kind.SEED, Materialized.TABLE, relation, body, "s.s", at, at.file)


def source(name: str, relation: Relation) -> Asset:
    at = Location("sources.yml")
    body = SourceBody(changes="count")
    return Asset(name, Kind.SOURCE, Materialized.EXTERNAL, relation, body, "x.", at, at.file)


def check(asset: str, type: str, *, name: str | None = None, **options: Any) -> Check:
    fields = ("severity", "where", "whole_table", "error_if", "warn_if", "body", "function")
    known = {key: options.pop(key) for key in fields if key in options}
    at = Location(f"models/{asset}.sql", 2, 5)
    return Check(name or f"{asset}.{type}", asset, type, options, at=at, **known)


def sql_check(name: str, sql: str, asset: str = "", **options: Any) -> Check:
    at = Location(f"tests/{name}.sql")
    body = SqlBody(sql, analyse(sql, "duckdb", at=at).references)
    return Check(name, asset, "sql", body=body, at=at, **options)


def daily(column: str = "d", **options: Any) -> Partitioning:
    return Partitioning(column, Grain.DAY, D0, **options)


def days(first: int, last: int) -> Partitions:
    """The days first..last-1 of January 2024, counted from 0."""
    return Partitions.of(Grain.DAY, [(D0 + first, D0 + last)])


def graph_of(*assets: Asset, checks: Iterable[Check] = ()) -> Graph:
    graph, problems = link(assets, tuple(checks))
    assert not [problem for problem in problems if problem.is_error], problems
    return graph


ACTIONS = {
    Materialized.VIEW: Action.VIEW,
    Materialized.TABLE: Action.TABLE,
    Materialized.INCREMENTAL: Action.MERGE,
    Materialized.SNAPSHOT: Action.SNAPSHOT,
    Materialized.EPHEMERAL: Action.CHECK,
    Materialized.EXTERNAL: Action.OBSERVE,
}


def step_of(
    graph: Graph, name: str, slices: Partitions | None = None, *, full: bool = False
) -> Step:
    asset = graph.assets[name]
    action = ACTIONS.get(asset.materialized, Action.PYTHON)
    action = {Kind.PYTHON: Action.PYTHON, Kind.SEED: Action.SEED}.get(asset.kind, action)
    if asset.partition and asset.kind is Kind.SQL:
        action = Action.SLICES
    after = frozenset(graph.parents(name))
    return Step(name, action, slices or WHOLE, BECAUSE, after, graph.guards.get(name, ()), full)


def plan_of(
    graph: Graph,
    *names: str,
    slices: dict[str, Partitions] | None = None,
    full: bool = False,
    empty: bool = False,
) -> Plan:
    chosen = [name for name in graph.order if name in names or not names]
    chosen = [name for name in chosen if graph.assets[name].kind is not Kind.SOURCE]
    steps = tuple(step_of(graph, name, (slices or {}).get(name), full=full) for name in chosen)
    within = frozenset(chosen)
    steps = tuple(replace(step, after=step.after & within) for step in steps)
    return Plan(tuple(s for s in steps if s.action is not Action.CHECK or s.checks), empty=empty)


def events_of(
    plan: Plan, graph: Graph, engine: Engine, *, target: Target = MEMORY, **options: Any
) -> Iterable[Event]:
    given: dict[str, Any] = {"root": ".", "clock": lambda: NOON, **options}
    return run_plan(plan, graph, engine, run_id="r1", command="build", target=target, **given)


def build(
    engine: Engine,
    graph: Graph,
    *names: str,
    slices: dict[str, Partitions] | None = None,
    full: bool = False,
    empty: bool = False,
    **options: Any,
) -> list[Event]:
    plan = plan_of(graph, *names, slices=slices, full=full, empty=empty)
    return list(events_of(plan, graph, engine, **options))


def memory_engine(**options: Any) -> Engine:
    return open_engine(replace(MEMORY, options={**MEMORY.options, **options}), ".")


def warehouse(engine: Engine, schema: str = "main") -> Warehouse:
    return warehouse_of(engine, schema)


def rows(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    connection, is_sqlite = looking(engine), engine.dialect == "sqlite"
    try:
        found = connection.fetch(sql).rows
        is_typed = not is_sqlite or "varchar" in sql  # which asks for texts
        return list(found) if is_typed else [tuple(map(timed, row)) for row in found]
    finally:
        connection.close()


def columns_of(engine: Engine, name: str) -> dict[str, str]:
    """Column -> type of a table in the usual schema; nothing when it is not there."""
    connection = looking(engine)
    try:
        return dict(connection.columns(Relation(name, "main")) or ())
    finally:
        connection.close()


def tables(engine: Engine) -> set[str]:
    """What stands in the usual schema."""
    return {relation.name for relation in engine.relations() if relation.schema == "main"}


def numbers(count: int, name: str = "n") -> str:
    """A FROM of the whole numbers from 0 on, in words that every engine knows."""
    first = ", ".join(f"({n})" for n in range(10))
    digits = len(str(max(count - 1, 1)))
    froms = ", ".join(f"(values {first}) as d{i}(d{i})" for i in range(digits))
    value = " + ".join(f"d{i} * {10**i}" for i in range(digits))
    return (
        f"(select * from (select {value} as {name} from {froms}) as a where {name} < {count}) as b"
    )


def looking(engine: Engine) -> Connection:
    """Opening a lake anew for each question takes long."""
    connect: Callable[[], Connection] = getattr(engine, "look", engine.connect)
    return connect()


def retype(engine: Engine, table: str, column: str, kind: str, using: str = "") -> None:
    """Give a column another type, whatever the engine can do."""
    value = using or f"cast({column} as {kind})"
    sql = f"alter table {table} alter column {column} set data type {kind} using {value}"
    if not engine.can.retypes:
        sql = f"create or replace table {table} as select * replace ({value} as {column}) from {table}"
    run_sql(engine, sql)


def run_sql(engine: Engine, *statements: str) -> None:
    connection = looking(engine)
    try:
        for statement in statements:
            connection.execute(statement)
    finally:
        connection.close()


def said(events: Iterable[Event]) -> list[str]:
    """The events in short: `started a`, `finished a success`, `failed b error` ..."""
    lines = []
    for event in events:
        kind = type(event).__name__.removeprefix("Step").lower()
        words = [kind, getattr(event, "asset", ""), getattr(event, "check", "")]
        words.append(str(getattr(event, "status", getattr(event, "because", ""))))
        lines.append(" ".join(word for word in words if word))
    return lines


def shown(value: Any) -> str:
    return json.dumps(value, default=str)
