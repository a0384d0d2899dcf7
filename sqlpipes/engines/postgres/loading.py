"""Python values and data files -> a table in Postgres: DuckDB reads and types them, COPY carries them.

What lands is CSV in which every text is quoted, so that an empty one is no NULL; lists, structs and
maps are JSON, bytes are hexadecimal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import psycopg

from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import identifier
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.duckdb.loading import load as load_locally
from sqlpipes.engines.postgres.local import Cursor, Local
from sqlpipes.engines.postgres.names import folded
from sqlpipes.engines.postgres.types import is_nested, to_postgres

CHUNK = 1 << 20
QUOTED = ("VARCHAR", "JSON", "ENUM", "BIT", '"NULL"')

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Landed:
    """Rows in the local DuckDB: `select` yields them as text that COPY reads, `columns` are Postgres'."""

    cursor: Cursor
    select: str
    columns: tuple[tuple[str, str], ...]
    texts: tuple[str, ...]  # columns of the SELECT whose values are quoted, whatever they hold


def land_value(local: Local, data: Any, declared: Columns) -> Landed:
    """Any value that is a table. `declared` are (name, type) for columns without any value.

    Raises EngineError ENG008 and ENG010 as for DuckDB.
    """
    cursor, table = local.cursor(), local.table()
    texts = [(name, "VARCHAR") for name, _ in declared]
    try:
        load_locally(cursor, table, data, texts)
    except duckdb.Error as error:
        raise duckdb_error(error, "-- load rows") from error
    return _landed(cursor, table, {folded(name): kind for name, kind in declared}, only_empty=True)


def land_files(
    local: Local,
    sql_of: Callable[[Mapping[str, str]], str],
    types: Mapping[str, str],
    is_known: Callable[[str], bool],
) -> Landed:
    """What a SELECT over files yields. A declared type that DuckDB lacks is left to Postgres."""
    cursor, table = local.cursor(), local.table()
    readable = {name: _readable(cursor, kind) for name, kind in types.items()}
    sql = sql_of(readable)
    try:
        cursor.execute(f"create table {table} as\n{sql}")
    except duckdb.Error as error:
        raise duckdb_error(error, sql) from error
    declared = {folded(name): kind for name, kind in types.items() if is_known(kind)}
    return _landed(cursor, table, declared, only_empty=False)


def copy_in(
    driver: psycopg.Connection[Any], table: str, landed: Landed, local: Local, create: str
) -> int:
    """Make the table and fill it; the number of rows. `create` is what stands before its name."""
    columns = ",\n".join(f"  {identifier(name)} {kind}" for name, kind in landed.columns)
    with local.file() as path:
        options = "format csv, header false, nullstr '', escape '\"', quote '\"'"
        if landed.texts:
            options += f", force_quote ({', '.join(map(identifier, landed.texts))})"
        where = "'" + path.replace("'", "''") + "'"
        landed.cursor.execute(f"copy ({landed.select}) to {where} ({options})")
        with driver.cursor() as cursor:
            cursor.execute(f"drop table if exists {table};\n{create} {table} (\n{columns}\n)")
            with (
                cursor.copy(f"copy {table} from stdin (format csv)") as copy,
                open(path, "rb") as file,
            ):
                while chunk := file.read(CHUNK):
                    copy.write(chunk)
            return cursor.rowcount


def _landed(cursor: Cursor, table: str, declared: Mapping[str, str], *, only_empty: bool) -> Landed:
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
    return Landed(
        cursor, f"select {', '.join(selected)} from {table}", tuple(columns), tuple(texts)
    )


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
