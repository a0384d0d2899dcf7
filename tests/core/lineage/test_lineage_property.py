"""Ground truth from DuckDB: what changes when an input column changes must have an edge to that column."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.asset import Column
from sqlpipes.core.errors import Location
from sqlpipes.core.lineage import ColumnFacts, column_facts

TABLES = {"t": ("a", "b", "c"), "u": ("a", "d", "e")}
INPUTS: Mapping[tuple[str, ...], tuple[Column, ...] | None] = {
    (name,): tuple(Column(column, "INTEGER") for column in columns)
    for name, columns in TABLES.items()
}
ROWS = 12


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Schema `main` as it is, and a schema for each input column in which only that one differs."""
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    data = {
        (table, column): _values(table, column, 0) for table in TABLES for column in TABLES[table]
    }
    _fill(connection, "main", data)
    for at in data:
        for seed in (1, 2):
            name = f"{at[0]}_{at[1]}_{seed}"
            connection.execute(f"create schema {name}")
            _fill(connection, name, {**data, at: _values(*at, seed)})
    with connection:
        yield connection


def _values(table: str, column: str, seed: int) -> list[int | None]:
    dice = random.Random(f"{table}.{column}.{seed}")
    return [dice.choice([None, 0, 1, 1, 2, 3, 4, 5, 6]) for _ in range(ROWS)]


def _fill(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    data: dict[tuple[str, str], list[int | None]],
) -> None:
    for table, columns in TABLES.items():
        listed = ", ".join(f"{column} int" for column in columns)
        connection.execute(f"create table {schema}.{table} ({listed})")
        rows = list(zip(*(data[table, column] for column in columns), strict=True))
        connection.executemany(f"insert into {schema}.{table} values (?, ?, ?)", rows)


@dataclass
class Query:
    sql: str
    columns: list[str]


class Writer:
    """Draws a random query. Every alias is new, so names never clash by accident."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.aliases = 0

    def pick(self, options: list[str]) -> str:
        return self.draw(st.sampled_from(options))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def fresh(self, prefix: str) -> str:
        self.aliases += 1
        return f"{prefix}{self.aliases}"

    def relation(self, depth: int) -> Query:
        kind = (
            self.pick(["table", "select", "select", "select", "set", "with"]) if depth else "table"
        )
        if kind == "table":
            table = self.pick(list(TABLES))
            return Query(f"from {table}", list(TABLES[table]))
        if kind == "set":
            return self.set_operation(depth)
        if kind == "with":
            return self.with_query(depth)
        return self.select(depth)

    def pick_query(self, depth: int) -> Query:
        kind = self.pick(["select", "select", "select", "set", "with"])
        if kind == "select":
            return self.select(depth)
        return self.set_operation(depth) if kind == "set" else self.with_query(depth)

    def with_query(self, depth: int) -> Query:
        inner, name = self.relation(depth - 1), self.fresh("w")
        outer = self.select(0, source=(name, inner.columns))
        return Query(f"with {name} as ({inner.sql}) {outer.sql}", outer.columns)

    def set_operation(self, depth: int) -> Query:
        left, right = self.relation(depth - 1), self.relation(depth - 1)
        width = min(len(left.columns), len(right.columns), 3)
        one, other = (self.narrow(query, width) for query in (left, right))
        operator = self.pick(["union", "union all", "except", "intersect", "except all"])
        return Query(f"({one.sql}) {operator} ({other.sql})", one.columns)

    def narrow(self, query: Query, width: int) -> Query:
        names = query.columns[:width]
        return Query(f"select {', '.join(names)} from ({query.sql})", names)

    def select(self, depth: int, source: tuple[str, list[str]] | None = None) -> Query:
        text, scope = self.sources(depth, source)
        where = f" where {self.condition(scope)}" if self.chance(2) else ""
        shape = self.pick(
            ["plain", "plain", "group", "group", "window", "distinct", "limit", "star"]
        )
        made: Query = getattr(self, shape)(text, scope, where)
        return made

    def sources(self, depth: int, source: tuple[str, list[str]] | None) -> tuple[str, list[str]]:
        alias = self.fresh("s")
        if source is None:
            inner = self.relation(depth - 1) if depth else self.relation(0)
            source = (f"({inner.sql})", inner.columns)
        text, scope = f"{source[0]} as {alias}", [f"{alias}.{name}" for name in source[1]]
        if self.chance(2):
            return text, scope
        other, right = self.fresh("s"), self.relation(max(depth - 1, 0))
        theirs = [f"{other}.{name}" for name in right.columns]
        join = self.pick(["join", "left join", "full join", "semi join", "anti join"])
        on = f"{self.pick(scope)} = {self.pick(theirs)}"
        seen = scope if join in ("semi join", "anti join") else scope + theirs
        return f"{text} {join} ({right.sql}) as {other} on {on}", seen

    def plain(self, text: str, scope: list[str], where: str) -> Query:
        names = [self.fresh("x") for _ in range(self.draw(st.integers(1, 3)))]
        items = ", ".join(f"{self.scalar(scope)} as {name}" for name in names)
        return Query(f"select {items} from {text}{where}", names)

    def star(self, text: str, scope: list[str], where: str) -> Query:
        name = self.fresh("x")
        return Query(
            f"select {self.scalar(scope)} as {name}, 1 as k{name} from {text}{where}", [name]
        )

    def distinct(self, text: str, scope: list[str], where: str) -> Query:
        inner = self.plain(text, scope, where)
        return Query(inner.sql.replace("select", "select distinct", 1), inner.columns)

    def limit(self, text: str, scope: list[str], where: str) -> Query:
        inner = self.plain(text, scope, where)
        return Query(f"{inner.sql} order by all limit 3", inner.columns)

    def group(self, text: str, scope: list[str], where: str) -> Query:
        key, names = self.scalar(scope), [self.fresh("x"), self.fresh("x")]
        having = f" having {self.aggregate(scope)} > 1" if self.chance(3) else ""
        by = self.pick([names[0], "1", "all", key])
        if not having and self.chance(3):
            by = self.pick(["1", "all"])
        items = f"{key} as {names[0]}, {self.aggregate(scope)} as {names[1]}"
        return Query(f"select {items} from {text}{where} group by {by}{having}", names)

    def aggregate(self, scope: list[str]) -> str:
        column = self.pick(scope)
        return self.pick(
            [
                f"sum({column})", f"max({column})", f"count({column})", "count(*)",
                f"count(*) filter (where {column} > 1)", f"sum({column}) - min({self.pick(scope)})",
            ]
        )  # fmt: skip

    def window(self, text: str, scope: list[str], where: str) -> Query:
        over = f"partition by {self.pick(scope)} order by {self.pick(scope)}"
        call = self.pick(
            [f"sum({self.pick(scope)})", "rank()", f"max({self.pick(scope)})", "count(*)"]
        )
        names = [self.fresh("x"), self.fresh("x")]
        items = f"{self.scalar(scope)} as {names[0]}, {call} over ({over}) as {names[1]}"
        qualify = f" qualify {names[1]} > 1" if self.chance(2) else ""
        return Query(f"select {items} from {text}{where}{qualify}", names)

    def scalar(self, scope: list[str]) -> str:
        one, two = self.pick(scope), self.pick(scope)
        return self.pick(
            [
                one, one, f"{one} + 1", f"coalesce({one}, {two}, 0)", f"({one})::bigint",
                f"case when {self.condition(scope)} then {one} else {two} end",
                f"(select max(d) from u where u.e < {one})",
                f"(select count(*) from t where t.c = {one})",
            ]
        )  # fmt: skip

    def condition(self, scope: list[str]) -> str:
        one, two = self.pick(scope), self.pick(scope)
        return self.pick(
            [
                f"{one} > 2", f"{one} is not null", f"{one} = {two}", f"not {one} < {two}",
                f"{one} in (select e from u where d > 1)",
                f"{one} not in (select b from t where b is not null)",
                f"exists (select 1 from t where t.b = {one})",
                f"{one} > (select min(d) from u)",
            ]
        )  # fmt: skip


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Mostly shallow: in a deep one nearly every column decides rows, and little is left to test."""
    writer = Writer(draw)
    depth = writer.draw(st.sampled_from([1, 1, 1, 2, 3]))
    return writer.pick_query(depth)


def _run(connection: duckdb.DuckDBPyConnection, schema: str, sql: str) -> list[tuple[object, ...]]:
    connection.execute(f"use {schema}")
    return connection.execute(sql).fetchall()


def _leads(facts: ColumnFacts, table: str, column: str) -> tuple[bool, set[str]]:
    """(whether the column decides rows, the output columns made of it)"""
    own = [e for e in facts.edges if e.table == table and e.source in (column, "*")]
    exact = [e for e in own if e.source == column or e.kind == "unknown"]
    return any(e.is_row_set for e in exact), {e.column or "" for e in exact}


def _check(connection: duckdb.DuckDBPyConnection, query: Query) -> None:
    facts = column_facts(query.sql, "duckdb", INPUTS, at=Location("q.sql"))
    before = _run(connection, "main", query.sql)
    described = connection.execute(f"describe select * from ({query.sql})").fetchall()
    assert facts.complete, "everything is known here"
    assert facts.problems == ()
    assert [column.name for column in facts.columns] == [row[0] for row in described]
    for table, columns in TABLES.items():
        for column in columns:
            for seed in (1, 2):
                after = _run(connection, f"{table}_{column}_{seed}", query.sql)
                _compare(facts, (table, column), before, after)


def _compare(
    facts: ColumnFacts,
    at: tuple[str, str],
    before: list[tuple[object, ...]],
    after: list[tuple[object, ...]],
) -> None:
    decides_rows, made_of_it = _leads(facts, *at)
    if decides_rows:
        return
    others = [i for i, column in enumerate(facts.columns) if column.name not in made_of_it]
    assert len(before) == len(after), f"{at} decides rows and has no edge"
    kept = [Counter(tuple(row[i] for i in others) for row in rows) for rows in (before, after)]
    assert kept[0] == kept[1], f"{at} changes one of {[facts.columns[i].name for i in others]}"


@settings(deadline=None, max_examples=60)
@given(query=queries())
def test_whatever_changes_a_result_has_an_edge(
    warehouse: duckdb.DuckDBPyConnection, query: Query
) -> None:
    _check(warehouse, query)


@pytest.mark.nightly
@settings(deadline=None, max_examples=400)
@given(query=queries())
def test_whatever_changes_a_result_has_an_edge_at_length(
    warehouse: duckdb.DuckDBPyConnection, query: Query
) -> None:
    _check(warehouse, query)
