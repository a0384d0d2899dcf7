"""Rows on their way: Arrow of Spark -> Python's values, and anything that is a table -> Arrow for Spark.

The local DuckDB reads files and frames of every kind and types them; Spark gets Arrow and makes a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Form
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import identifier as local_identifier
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.duckdb.forms import as_form
from sqlpipes.engines.duckdb.loading import load as load_locally
from sqlpipes.engines.local import Cursor, Local
from sqlpipes.engines.spark.names import identifier
from sqlpipes.engines.spark.types import handed_sql, to_spark

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Landed:
    """Rows as Arrow, and the SELECT list that gives each column its type of Spark's."""

    table: Any  # pyarrow.Table
    selected: str

    @property
    def count(self) -> int:
        return int(self.table.num_rows)


def python_rows(table: Any) -> tuple[tuple[Any, ...], ...]:
    """Rows of a pyarrow.Table. An instant is told as what clocks in UTC show."""
    import pyarrow as pa

    columns = []
    for column in table.columns:
        kind = column.type
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            column = column.cast(pa.timestamp("us"))
        columns.append(column.to_pylist())
    return tuple(zip(*columns, strict=True))


def hand_over(local: Local, table: Any, form: Form) -> Any:
    """What a Python function asked for. Without an annotation that is a DuckDB relation, as elsewhere."""
    if form is Form.ARROW:
        return table
    name, cursor = local.table(), local.cursor()
    cursor.register("sqlpipes_incoming", table)
    cursor.execute(f"create table {name} as select * from sqlpipes_incoming")
    cursor.unregister("sqlpipes_incoming")
    return as_form(cursor.sql(f"select * from {name}"), form)


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
    kinds = {name.casefold(): kind for name, kind in declared}
    return _landed(cursor, table, kinds, only_empty=True)


def land_files(
    local: Local,
    sql_of: Callable[[Mapping[str, str]], str],
    types: Mapping[str, str],
) -> Landed:
    """What a SELECT over files yields. A declared type that DuckDB lacks is left to Spark."""
    cursor, table = local.cursor(), local.table()
    readable = {name: _readable(cursor, kind) for name, kind in types.items()}
    sql = sql_of(readable)
    try:
        cursor.execute(f"create table {table} as\n{sql}")
    except duckdb.Error as error:
        raise duckdb_error(error, sql) from error
    declared = {
        name.casefold(): kind for name, kind in types.items() if not _same(readable[name], kind)
    }
    return _landed(cursor, table, declared, only_empty=False)


def _landed(cursor: Cursor, table: str, declared: Mapping[str, str], *, only_empty: bool) -> Landed:
    described = [
        (str(row[0]), str(row[1])) for row in cursor.execute(f"describe {table}").fetchall()
    ]
    if not described:
        hint = "declare its columns and types, or return a frame, which has columns without rows"
        raise EngineError(Problem("ENG010", "no rows, so no columns to make a table of", hint=hint))
    asked = [name for name, _ in described if name.casefold() in declared]
    wanted = _empty(cursor, table, asked) if only_empty else set(asked)
    handed, selected = [], []
    for name, kind in described:
        handed.append(handed_sql(local_identifier(name), kind))
        own = declared[name.casefold()] if name in wanted else to_spark(kind)
        said = identifier(name)
        selected.append(f"cast({said} as {own}) as {said}" if own else said)
    arrow = cursor.sql(f"select {', '.join(handed)} from {table}").to_arrow_table()
    return Landed(arrow, ", ".join(selected))


def _same(readable: str, kind: str) -> bool:
    """Whether DuckDB has read the values as what they were declared to be."""
    return readable.upper() == kind.upper()


def _empty(cursor: Cursor, table: str, names: Sequence[str]) -> set[str]:
    """Those of the columns that have no value in any row: their type tells nothing."""
    if not names:
        return set()
    counted = ", ".join(f"count({local_identifier(name)})" for name in names)
    (row,) = cursor.execute(
        f"select {counted} from {table}"
    ).fetchall()  # to the end: then it is free
    return {name for name, found in zip(names, row, strict=True) if not found}


def _readable(cursor: Cursor, kind: str) -> str:
    """The type in which DuckDB reads what is declared: its own of that name, else text."""
    try:
        cursor.execute(f"select cast(null as {kind})")
    except duckdb.Error:
        return "VARCHAR"
    return kind
