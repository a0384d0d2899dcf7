"""Python values and data files -> a table in Postgres: DuckDB reads and types them, COPY carries them.

What lands is CSV in which every text is quoted, so that an empty one is no NULL; lists, structs and
maps are JSON, bytes are hexadecimal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import psycopg

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import identifier, literal
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.duckdb.loading import load as load_locally
from sqlpipes.engines.local import Cursor, Local
from sqlpipes.engines.postgres.names import folded
from sqlpipes.engines.postgres.pipes import piped
from sqlpipes.engines.postgres.raw import RawFile, chunks_of
from sqlpipes.engines.postgres.types import is_nested, to_postgres

QUOTED = ("VARCHAR", "JSON", "ENUM", "BIT", '"NULL"')

Columns = Sequence[tuple[str, str]]
Driver = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Landed:
    """Rows in the local DuckDB: `select` yields them as text that COPY reads, `columns` are Postgres'."""

    cursor: Cursor
    table: str
    select: str
    columns: tuple[tuple[str, str], ...]
    texts: tuple[str, ...]  # columns of the SELECT whose values are quoted, whatever they hold

    @property
    def count(self) -> int:
        row = self.cursor.execute(f"select count(*) from {self.table}").fetchone()
        return int(row[0]) if row else 0

    def forget(self) -> None:
        self.cursor.execute(f"drop table if exists {self.table}")
        self.cursor.close()


def land_value(local: Local, data: Any, declared: Columns) -> Landed:
    """Any value that is a table. `declared` are (name, type) for columns without any value.

    Raises EngineError ENG008 and ENG010 as for DuckDB.
    """
    cursor, table = local.own_cursor(), local.own_table()
    texts = [(name, "VARCHAR") for name, _ in declared]
    try:
        load_locally(cursor, table, data, texts)
    except duckdb.Error as error:
        raise duckdb_error(error, "-- load rows") from error
    return landed(cursor, table, {folded(name): kind for name, kind in declared}, only_empty=True)


def land_files(
    local: Local,
    sql_of: Callable[[Mapping[str, str]], str],
    types: Mapping[str, str],
    is_known: Callable[[str], bool],
) -> Landed:
    """What a SELECT over files yields. A declared type that DuckDB lacks is left to Postgres."""
    cursor, table = local.own_cursor(), local.own_table()
    readable = {name: _readable(cursor, kind) for name, kind in types.items()}
    sql = sql_of(readable)
    try:
        cursor.execute(f"create table {table} as\n{sql}")
    except duckdb.Error as error:
        raise duckdb_error(error, sql) from error
    declared = {folded(name): kind for name, kind in types.items() if is_known(kind)}
    return landed(cursor, table, declared, only_empty=False)


def copy_in(driver: Driver, table: str, landed: Landed | RawFile, local: Local) -> int:
    """Fill a table that is there, its columns those that landed; the number of rows.

    Raises NotAlike when a file cannot go as it is after all; then nothing of it may be kept.
    """
    names = ", ".join(identifier(name) for name, _ in landed.columns)
    options = "format csv"
    if isinstance(landed, RawFile):
        mark = literal(landed.delimiter)
        options += f", header, delimiter {mark}, force_null ({names})"
        chunks = chunks_of(landed)
    else:
        chunks = _written(landed, local)
    with driver.cursor() as cursor:
        with cursor.copy(f"copy {table} ({names}) from stdin ({options})".encode()) as copy:
            for chunk in chunks:
                copy.write(chunk)
        return cursor.rowcount


def columns_sql(columns: Columns) -> str:
    """As they stand in a CREATE TABLE."""
    return ",\n".join(f"  {identifier(name)} {kind}" for name, kind in columns)


def _written(landed: Landed, local: Local) -> Iterator[bytes]:
    """The rows as CSV, while DuckDB writes them into the other end of a pipe."""
    options = "format csv, header false, nullstr '', escape '\"', quote '\"'"
    if landed.texts:
        options += f", force_quote ({', '.join(map(identifier, landed.texts))})"
    with piped(local) as (where, chunks):
        yield from chunks(lambda: _write(landed, where, options))


def _write(landed: Landed, where: str, options: str) -> None:
    sql = f"copy ({landed.select}) to {literal(where)} ({options})"
    try:
        landed.cursor.execute(sql)
    except duckdb.Error as error:
        raise duckdb_error(error, sql) from error


def landed(cursor: Cursor, table: str, declared: Mapping[str, str], *, only_empty: bool) -> Landed:
    """A table of the local DuckDB as Postgres takes it; `declared` types win where they may."""
    described = [
        (str(row[0]), str(row[1])) for row in cursor.execute(f"describe {table}").fetchall()
    ]
    asked = [name for name, _ in described if folded(name) in declared]
    wanted = _empty(cursor, table, asked) if only_empty else set(asked)
    columns, texts, selected = [], [], []
    for place, (name, kind) in enumerate(described):
        own = declared[folded(name)] if name in wanted else to_postgres(kind)
        columns.append((folded(name), own))
        selected.append(f"{_as_text(identifier(name), kind)} as c{place}")
        if kind.startswith(QUOTED) or is_nested(kind):
            texts.append(f"c{place}")
    _refuse_nothing(columns)
    select = f"select {', '.join(selected)} from {table}"
    return Landed(cursor, table, select, tuple(columns), tuple(texts))


def _refuse_nothing(columns: Columns) -> None:
    if not columns:
        hint = "declare its columns and types, or return a frame, which has columns without rows"
        raise EngineError(Problem("ENG010", "no rows, so no columns to make a table of", hint=hint))


def _empty(cursor: Cursor, table: str, names: Sequence[str]) -> set[str]:
    """Those of the columns that have no value in any row: their type tells nothing."""
    if not names:
        return set()
    counted = ", ".join(f"count({identifier(name)})" for name in names)
    row = cursor.execute(f"select {counted} from {table}").fetchone() or ()
    return {name for name, found in zip(names, row, strict=True) if not found}


def _as_text(column: str, kind: str) -> str:
    if kind == "BLOB":
        return f"'\\x' || lower(hex({column}))"
    if is_nested(kind):
        return f"to_json({column})"
    if kind == "TIMESTAMP_NS":
        return f"cast({column} as timestamp)"
    return column


def _readable(cursor: Cursor, kind: str) -> str:
    """The type in which DuckDB reads what is declared: its own of that name, else text."""
    try:
        cursor.execute(f"select cast(null as {kind})")
    except duckdb.Error:
        return "VARCHAR"
    return kind
