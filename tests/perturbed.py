"""A query, and tables of which one column differs -> what its lineage misses, which edges never mattered."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
from drawn import ROWS, TABLES

from sqlpipes.core.asset import Column
from sqlpipes.core.errors import Location
from sqlpipes.core.lineage import ColumnFacts, Edge, column_facts

INPUTS = {
    (table,): tuple(Column(name, type_) for name, type_ in columns.items())
    for table, columns in TABLES.items()
}
Row = tuple[object, ...]
At = tuple[str, str]


@dataclass
class Warehouse:
    """Schema `main` as it is, and for each input column schemas in which only that one differs."""

    connection: duckdb.DuckDBPyConnection
    others: dict[At, list[str]] = field(default_factory=dict)

    def rows(self, schema: str, sql: str) -> list[Row]:
        self.connection.execute(f"use {schema}")
        return [tuple(map(repr, row)) for row in self.connection.execute(sql).fetchall()]


@contextmanager
def warehouse(variants: int) -> Iterator[Warehouse]:
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        made = Warehouse(connection)
        data = {
            (table, column): [_value(table, column, i, 0) for i in range(ROWS)]
            for table, columns in TABLES.items()
            for column in columns
        }
        _fill(connection, "main", data)
        for at in data:
            for seed in range(1, variants + 1):
                schema = f"{at[0]}_{at[1]}_{seed}"
                connection.execute(f"create schema {schema}")
                _fill(connection, schema, {**data, at: _varied(data[at], at, seed)})
                made.others.setdefault(at, []).append(schema)
        yield made


def _varied(values: list[str], at: At, seed: int) -> list[str]:
    """Every third variant differs in one row only."""
    if seed % 3:
        return [_value(*at, i, seed) for i in range(ROWS)]
    i = seed % ROWS
    return [*values[:i], _value(*at, i, seed + 100), *values[i + 1 :]]


def _value(table: str, column: str, row: int, seed: int) -> str:
    dice = random.Random(f"{table}.{column}.{row}.{seed}")

    def number() -> str:
        return dice.choice(["null", "0", "1", "1", "2", "3", "4", "5", "6"])

    type_ = TABLES[table][column]
    if type_ == "INTEGER[]":
        return dice.choice(["null", f"[{', '.join(number() for _ in range(dice.randint(0, 3)))}]"])
    if type_ == "INTEGER":
        return number()
    return dice.choice(["null", *[f"{{'f': {number()}, 'g': {number()}}}"] * 5])


def _fill(connection: duckdb.DuckDBPyConnection, schema: str, data: dict[At, list[str]]) -> None:
    for table, columns in TABLES.items():
        listed = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        connection.execute(f"create table {schema}.{table} ({listed})")
        rows = zip(*(data[table, column] for column in columns), strict=True)
        values = ", ".join(f"({', '.join(row)})" for row in rows)
        connection.execute(f"insert into {schema}.{table} values {values}")


@dataclass
class Verdict:
    """`missed`: what changed though no edge says so. `mattered`: each edge, and whether it ever did."""

    facts: ColumnFacts
    missed: list[str] = field(default_factory=list)
    mattered: list[tuple[Edge, bool]] = field(default_factory=list)


def judged(made: Warehouse, sql: str) -> Verdict:
    """Raises duckdb.Error when the query is none. Sources "*" mean rows here, unless unknown."""
    before = made.rows("main", sql)
    facts = column_facts(sql, "duckdb", INPUTS, at=Location("q.sql"))
    verdict = Verdict(facts)
    described = made.connection.execute(f"describe select * from ({sql})").fetchall()
    if facts.listed and [column.name for column in facts.columns] != [row[0] for row in described]:
        verdict.missed.append(f"columns are {[row[0] for row in described]}")
        return verdict
    for at, schemas in made.others.items():
        afters = [made.rows(schema, sql) for schema in schemas]
        _judge(verdict, at, before, [rows for rows in afters if rows != before])
    return verdict


def _judge(verdict: Verdict, at: At, before: list[Row], afters: Sequence[list[Row]]) -> None:
    own = [
        edge
        for edge in verdict.facts.edges
        if edge.table == at[0] and (edge.source == at[1] or edge.kind == "unknown")
    ]
    names = [column.name for column in verdict.facts.columns]
    reached = {edge.column for edge in own}
    others = [i for i, name in enumerate(names) if name not in reached]
    everything = None in reached or "*" in reached
    changed = [rows for rows in afters if Counter(rows) != Counter(before)]
    if not everything and any(_only(others, rows) != _only(others, before) for rows in changed):
        verdict.missed.append(f"{at[0]}.{at[1]} changes {[names[i] for i in others] or 'the rows'}")
    for edge in own:
        if edge.kind == "unknown":
            continue
        if edge.is_row_set:
            did = bool(changed)
        else:
            seen = [*others, names.index(edge.column or "")]
            did = any(_only(seen, rows) != _only(seen, before) for rows in changed)
        verdict.mattered.append((edge, did))


def _only(columns: list[int], rows: list[Row]) -> Counter[Row]:
    return Counter(tuple(row[i] for i in columns) for row in rows)
