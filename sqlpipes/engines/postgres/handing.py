"""Rows of Postgres -> what a Python function asked for, by COPY through the local DuckDB.

Without an annotation a function gets a DuckDB relation, here as there; its rows have been brought over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from sqlpipes.core.engine import Form
from sqlpipes.core.sql import identifier, literal
from sqlpipes.engines.duckdb.forms import as_form
from sqlpipes.engines.local import Cursor, Local
from sqlpipes.engines.postgres.types import to_duckdb

CHUNK = 1 << 20
LONGEST_LINE = 2_000_000  # bytes of a row; DuckDB must be told of longer ones

Columns = Sequence[tuple[str, str]]


def hand_over(
    driver: psycopg.Connection[Any], local: Local, sql: str, columns: Columns, form: Form
) -> Any:
    """`columns` are those of the SELECT, with Postgres' types."""
    table, cursor = brought(driver, local, sql, columns)
    return as_form(cursor.sql(f"select * from {table}"), form)


def brought(
    driver: psycopg.Connection[Any],
    local: Local,
    sql: str,
    columns: Columns,
    kinds: Sequence[str] | None = None,
) -> tuple[str, Cursor]:
    """A table of the local DuckDB with the rows, and a cursor that sees it. `kinds`: its types, where
    they are other ones than those that Postgres' stand for."""
    kinds = kinds or [to_duckdb(kind) for _, kind in columns]
    table = local.table()
    with local.file() as path:
        longest, breaks = _copy_out(driver, sql, columns, path)
        cursor = local.cursor()
        read = _read_sql(path, columns, kinds, longest, breaks)
        cursor.execute(f"create table {table} as\n{read}")
    return table, cursor


def _copy_out(
    driver: psycopg.Connection[Any], sql: str, columns: Columns, path: str
) -> tuple[int, bool]:
    """The longest row, in bytes, and whether a text has line breaks."""
    names = [f"c{place}" for place in range(len(columns))]
    shown = (_as_text(name, kind) for name, (_, kind) in zip(names, columns, strict=True))
    query = f"select {', '.join(shown)} from (\n{sql}\n) as q({', '.join(names)})"
    copy_sql = f"copy ({query}) to stdout (format csv)".encode()
    longest = 0
    with driver.cursor() as cursor:
        with open(path, "wb") as file, cursor.copy(copy_sql) as copy:
            for row in copy:
                file.write(row)
                if len(row) > longest:
                    longest = len(row)
        return longest, _has_breaks(path, cursor.rowcount)


def _has_breaks(path: str, rows: int) -> bool:
    ends = 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            ends += chunk.count(b"\n")
            if b"\r" in chunk:
                return True
    return ends != rows


def _as_text(name: str, kind: str) -> str:
    if kind.endswith("[]"):
        return f"to_json({name})"
    if kind.startswith("interval"):
        return f"replace(cast({name} as text), '+', '')"
    return name


def _read_sql(path: str, columns: Columns, kinds: Sequence[str], longest: int, breaks: bool) -> str:
    shown = []
    for place, ((name, _), kind) in enumerate(zip(columns, kinds, strict=True)):
        value = f"unhex(substr(c{place}, 3))" if kind == "BLOB" else f"c{place}"
        shown.append(f"{value} as {identifier(name)}")
    read = ("VARCHAR" if kind == "BLOB" else kind for kind in kinds)
    struct = ", ".join(f"'c{place}': {literal(kind)}" for place, kind in enumerate(read))
    options = [
        literal(path),
        f"columns={{{struct}}}",
        "header=false, auto_detect=false, delim=',', quote='\"', escape='\"', nullstr=''",
        "allow_quoted_nulls=false, null_padding=false, new_line='\\n'",
    ]
    if longest > LONGEST_LINE:
        options.append(f"max_line_size={longest + 100}, buffer_size={4 * (longest + 100)}")
    if breaks:
        options.append("parallel=false")
    return f"select {', '.join(shown)} from read_csv({', '.join(options)})"
