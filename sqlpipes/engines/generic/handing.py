"""Rows of a database <-> the local DuckDB, which knows every kind of frame and file.

What Python functions return is typed by DuckDB and inserted in batches; what they read is brought over whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import sqlalchemy as sa

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Form
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import identifier
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.duckdb.forms import as_form
from sqlpipes.engines.duckdb.loading import load as load_locally
from sqlpipes.engines.generic.types import column_type, selected, to_duckdb
from sqlpipes.engines.local import Cursor, Local

BATCH = 5_000  # rows of one INSERT or FETCH

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Landed:
    """Rows in the local DuckDB; `columns` are (name, DuckDB type, declared type or "")."""

    cursor: Cursor
    table: str
    columns: tuple[tuple[str, str, str], ...]


def land_value(local: Local, data: Any, declared: Columns) -> Landed:
    """Any value that is a table. Raises EngineError ENG008 and ENG010 as for DuckDB."""
    cursor, table = local.cursor(), local.table()
    try:
        load_locally(cursor, table, data, [(name, "VARCHAR") for name, _ in declared])
        found = _described(cursor, table)
        empty = _empty(cursor, table, [name for name, _ in found])
    except duckdb.Error as error:
        raise duckdb_error(error, "-- load rows") from error
    kinds = {name.casefold(): kind for name, kind in declared}
    told = {name: kinds.get(name.casefold(), "") for name in empty}
    return _landed(cursor, table, found, told)


def land_files(
    local: Local, sql_of: Callable[[Mapping[str, str]], str], types: Mapping[str, str]
) -> Landed:
    """What a SELECT over files yields. A declared type that DuckDB lacks is left to the database."""
    cursor, table = local.cursor(), local.table()
    sql = sql_of({name: _readable(cursor, kind) for name, kind in types.items()})
    try:
        cursor.execute(f"create table {table} as\n{sql}")
    except duckdb.Error as error:
        raise duckdb_error(error, sql) from error
    found = _described(cursor, table)
    kinds = {name.casefold(): kind for name, kind in types.items()}
    told = {name: kinds.get(name.casefold(), "") for name, _ in found}
    return _landed(cursor, table, found, told)


def table_sql(landed: Landed, dialect: sa.Dialect, spell: Callable[[str], str]) -> str:
    """Name and type of each column, as they stand in a CREATE TABLE."""
    said = []
    for name, kind, declared in landed.columns:
        own = declared or str(column_type(kind).compile(dialect=dialect))
        said.append(f"  {spell(name)} {own}")
    return ",\n".join(said)


def insert(landed: Landed, link: sa.Connection, name: str, schema: str | None) -> int:
    """The rows into a table that is there; their number."""
    decimals = link.dialect.supports_native_decimal
    table = sa.Table(name, sa.MetaData(), *_columns(landed, decimals), schema=schema)
    shown = (
        selected(identifier(column), kind, decimals=decimals) for column, kind, _ in landed.columns
    )
    rows = landed.cursor.execute(f"select {', '.join(shown)} from {landed.table}")
    keys, count = [column.key for column in table.columns], 0
    while batch := rows.fetchmany(BATCH):
        link.execute(table.insert(), [dict(zip(keys, row, strict=True)) for row in batch])
        count += len(batch)
    return count


def hand_over(local: Local, result: Any, kinds: Columns, form: Form) -> Any:
    """The rows of a result; `kinds` are types of columns as far as they are known."""
    names = [str(name) for name in list(result.keys())]
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        message = f"two columns of the query are called '{twice[0]}'"
        raise EngineError(Problem("ENG008", message, hint="give one of them another name"))
    table, cursor = local.table(), local.cursor()
    declared = [(name, "VARCHAR") for name in names]
    load_locally(cursor, table, _dicts(result, names), declared)
    known = dict(kinds)
    shown = (
        _typed(cursor, table, name, kind, known.get(name, ""))
        for name, kind in _described(cursor, table)
    )
    return as_form(cursor.sql(f"select {', '.join(shown)} from {table}"), form)


def _dicts(result: Any, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for batch in result.partitions(BATCH):
        for row in batch:
            yield dict(zip(names, row, strict=True))


def _typed(cursor: Cursor, table: str, name: str, kind: str, declared: str) -> str:
    """Drivers hand over some types as text: it becomes what the column says, if all of it is that."""
    own, column = to_duckdb(declared), identifier(name)
    if own is None or kind == own or kind not in ("VARCHAR", "BIGINT", "INTEGER"):
        return column
    sql = f"select count(*) from {table} where {column} is not null and try_cast({column} as {own}) is null"
    ((bad,),) = cursor.execute(sql).fetchall()
    return column if bad else f"cast({column} as {own}) as {column}"


def _columns(landed: Landed, decimals: bool) -> Iterator[sa.Column[Any]]:
    for place, (name, kind, _) in enumerate(landed.columns):
        own = column_type(kind)
        if isinstance(own, sa.Numeric) and not decimals:
            own = sa.Double()
        yield sa.Column(name, own, key=f"c{place}")


def _landed(cursor: Cursor, table: str, found: Columns, told: Mapping[str, str]) -> Landed:
    if not found:
        hint = "declare its columns and types, or return a frame, which has columns without rows"
        raise EngineError(Problem("ENG010", "no rows, so no columns to make a table of", hint=hint))
    return Landed(cursor, table, tuple((name, kind, told.get(name, "")) for name, kind in found))


def _described(cursor: Cursor, table: str) -> list[tuple[str, str]]:
    return [(str(row[0]), str(row[1])) for row in cursor.execute(f"describe {table}").fetchall()]


def _empty(cursor: Cursor, table: str, names: Sequence[str]) -> set[str]:
    """Those of the columns that have no value in any row: their type tells nothing."""
    if not names:
        return set()
    counted = ", ".join(f"count({identifier(name)})" for name in names)
    row = cursor.execute(f"select {counted} from {table}").fetchone() or ()
    return {name for name, found in zip(names, row, strict=True) if not found}


def _readable(cursor: Cursor, kind: str) -> str:
    try:
        cursor.execute(f"select cast(null as {kind})")
    except duckdb.Error:
        return "VARCHAR"
    return kind
