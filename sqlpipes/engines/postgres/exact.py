"""Rows of Postgres -> the local DuckDB, for a file: numbers without a number of digits keep all they have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import identifier
from sqlpipes.engines.local import Cursor, Local
from sqlpipes.engines.postgres.handing import Columns, brought
from sqlpipes.engines.postgres.types import WIDEST, to_duckdb


def exact_rows(
    driver: psycopg.Connection[Any], local: Local, sql: str, columns: Columns
) -> tuple[str, Cursor]:
    """A SELECT over the rows, and a cursor that sees them. The values say how many digits there are behind
    the point. EngineError ENG043 for a column whose numbers no DECIMAL holds."""
    kinds = ["VARCHAR" if _is_open(kind) else to_duckdb(kind) for _, kind in columns]
    table, cursor = brought(driver, local, sql, columns, kinds)
    casts = list(_casts([name for name, kind in columns if _is_open(kind)], table, cursor))
    rows = (
        f"select * replace ({', '.join(casts)}) from {table}" if casts else f"select * from {table}"
    )
    return rows, cursor


def _is_open(kind: str) -> bool:
    """Whether it is a numeric that no DECIMAL holds whatever its values."""
    return kind.startswith("numeric") and to_duckdb(kind) == "DOUBLE"


def _casts(names: list[str], table: str, cursor: Cursor) -> Iterator[str]:
    for name in names:
        column = identifier(name)
        whole = f"length(ltrim(split_part({column}, '.', 1), '-0'))"
        behind = f"length(rtrim(split_part({column}, '.', 2), '0'))"
        row = cursor.execute(
            f"select max({whole}), max({behind}), bool_or({column} in "
            f"('NaN', 'Infinity', '-Infinity')) from {table}"
        ).fetchone()
        before, scale, odd = row or (0, 0, False)
        if odd or (before or 0) + (scale or 0) > WIDEST:
            raise EngineError(_refused(name, before, scale, odd=bool(odd)))
        yield f"cast({column} as DECIMAL({WIDEST},{scale or 0})) as {column}"


def _refused(name: str, before: int, scale: int, *, odd: bool) -> Problem:
    what = f"{before} digits before the point and {scale} behind it: a file holds {WIDEST} in all"
    if odd:
        what = "NaN or Infinity, which no number with digits behind a point can be in a file"
    hint = f"say how it is to be written: cast({name} as numeric(38, 6)), as double precision or as text"
    return Problem("ENG043", f"the column '{name}' has values of {what}", hint=hint)
