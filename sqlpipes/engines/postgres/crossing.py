"""Rows that leave Postgres for another engine, and rows that arrive from one; see `core.crossing`.

Both go through the local DuckDB, by COPY and on its disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg

from sqlpipes.core.crossing import Columns, Stream, refused_type, refused_value
from sqlpipes.core.engine import Form
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import identifier
from sqlpipes.engines.duckdb.crossing import arrive, leaving_sql
from sqlpipes.engines.duckdb.forms import as_form
from sqlpipes.engines.local import Local
from sqlpipes.engines.postgres.handing import brought
from sqlpipes.engines.postgres.loading import Landed, landed
from sqlpipes.engines.postgres.types import DECIMAL, TO_POSTGRES, is_nested, to_duckdb

DIGITS = re.compile(r"numeric\((\d+),(-?\d+)\)")
WIDEST = 38
BOUND = "set memory_limit = '512MB'"  # what is more goes to the disk
READABLE = "cast it in what is read, or leave out the rows that have such values"
NUMBERED = re.compile(r'column "c(\d+)"')
PLACES = 10  # behind the point, of a numeric that does not say how many it has
PLAIN = f"DECIMAL({WIDEST},{PLACES})"
FINER = frozenset({"TIMESTAMP_NS", "TIME_NS"})  # than a microsecond


def give(driver: psycopg.Connection[Any], local: Local, sql: str, columns: Columns) -> Stream:
    kinds = [kind_of(kind) for _, kind in columns]
    local.cursor().execute(BOUND)
    table, cursor = brought(driver, local, sql, columns, kinds)
    told = tuple((name, kind) for (name, _), kind in zip(columns, kinds, strict=True))
    leaving = cursor.sql(leaving_sql(f"select * from {table}", told))
    return Stream(told, as_form(leaving, Form.READER))


def kind_of(kind: str) -> str:
    """DuckDB's word for a type of Postgres; arrays are JSON, and what it does not know is text.

    >>> kind_of("numeric"), kind_of("numeric(39,0)"), kind_of("time with time zone"), kind_of("inet")
    ('DECIMAL(38,10)', 'HUGEINT', 'TIME WITH TIME ZONE', 'VARCHAR')
    """
    if kind == "time with time zone":
        return "TIME WITH TIME ZONE"
    if kind == "timestamp with time zone":
        return "TIMESTAMP WITH TIME ZONE"
    found = DIGITS.fullmatch(kind)
    if kind == "numeric" or (found and not 0 <= int(found[2]) <= int(found[1])):
        return PLAIN
    if found and int(found[1]) > WIDEST:
        return "HUGEINT" if found[2] == "0" else PLAIN
    return to_duckdb(kind)


def demand_exact(driver: psycopg.Connection[Any], sql: str, columns: Columns) -> None:
    """XNG011 for a number that its type over there would round; asked only of numerics without digits."""
    asked = [(name, kind) for name, kind in columns if kind_of(kind) == PLAIN != to_duckdb(kind)]
    if not asked:
        return
    counted = ", ".join(f"count(*) filter (where {_is_inexact(name)})" for name, _ in asked)
    row = driver.execute(f"select {counted} from (\n{sql}\n) as leaving".encode()).fetchone() or ()
    for (name, kind), count in zip(asked, row, strict=True):
        if count:
            hint = f"say how many digits it has: cast({name} as numeric(38, 6)), or as double precision"
            what = f"{count:,} values of more than {WIDEST - PLACES} digits before the point "
            what += f"or {PLACES} behind"
            raise refused_value(name, kind, what, hint)


def _is_inexact(name: str) -> str:
    column = identifier(name)
    return f"{column} <> round({column}, {PLACES}) or abs({column}) >= 1e{WIDEST - PLACES}"


def arrived(local: Local, stream: Stream) -> Landed:
    """The rows in the local DuckDB, as COPY reads them. XNG010 for what Postgres has no equal of."""
    for name, kind in _strange(stream.columns):
        hint = f"cast it in what is read: cast({name} as timestamp)" if kind in FINER else None
        raise refused_type(name, kind, hint or f"cast it in what is read: cast({name} as varchar)")
    cursor, table = local.own_cursor(), local.own_table()
    cursor.execute(BOUND)
    arrive(cursor, f"create table {table} as\n", stream)
    return landed(cursor, table, {}, only_empty=True)


def _strange(columns: Columns) -> Iterator[tuple[str, str]]:
    for name, kind in columns:
        known = kind in TO_POSTGRES or kind == "BIT" or kind.startswith("ENUM(")
        known = known or is_nested(kind) or DECIMAL.fullmatch(kind) is not None
        if kind in FINER or not known:
            yield name, kind


def named_columns(error: EngineError, columns: Columns) -> EngineError:
    """On their way rows have columns c0, c1 ...: the same error with the names of the user's."""

    def name(found: re.Match[str]) -> str:
        place = int(found[1])
        return f'column "{columns[place][0]}"' if place < len(columns) else found[0]

    said = (
        replace(p, message=NUMBERED.sub(name, p.message), hint=READABLE) for p in error.problems
    )
    return EngineError(*said, statement=error.statement)


def demand_no_nul(landed: Landed) -> None:
    """XNG011 for a text that Postgres cannot hold, which does not say itself in which column it is."""
    for place in (int(name.removeprefix("c")) for name in landed.texts):
        asked = f"select count(*) from ({landed.select}) where contains(c{place}, chr(0))"
        found = landed.cursor.execute(asked).fetchone()
        if found and found[0]:
            name = landed.columns[place][0]
            hint = f"take them out in what is read: replace({name}, chr(0), '')"
            raise refused_value(name, "text", f"{found[0]:,} values with a NUL in them", hint)
