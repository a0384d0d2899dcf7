"""Pieces of rows -> one DuckDB table, made by the first and joined by the others.

A piece whose columns are those of the table is inserted; one that brings another column or a wider
type has the table written anew, which is rare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

import duckdb

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.sql import identifier
from sqlpipes.engines.duckdb.values import mixed, no_columns

BATCH_ROWS = 50_000
FOREIGN = "not suitable for replacement scan"
INCOMING = "sqlpipes_incoming"
PIECE = "temp.main.sqlpipes_piece"
TEXT = "VARCHAR"
WIDEST_BIGINT = 2**63

Cursor = duckdb.DuckDBPyConnection
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Frame:
    """Something that DuckDB scans by itself: it brings the types of its columns along."""

    rows: Any


Piece = Columns | Frame


@dataclass(frozen=True, slots=True)
class Landing:
    """The table that rows land in; `empty` are its columns that had no value yet, and so no type.

    `types` by name in lower case, in which names are one to the warehouse.
    """

    table: str
    create: str
    columns: tuple[str, ...] = ()
    empty: frozenset[str] = field(default_factory=frozenset)
    types: Mapping[str, str] = field(default_factory=dict)


def land(
    cursor: Cursor,
    landing: Landing,
    pieces: Iterator[Piece],
    declared: Sequence[tuple[str, str]],
) -> None:
    """`declared` are (name, type) for columns that have no value in any piece."""
    for piece in pieces:
        if isinstance(piece, Frame):
            landing = _add_frame(cursor, landing, piece)
        elif piece:
            landing = _add_columns(cursor, landing, piece)
    if not landing.columns:
        _create_empty(cursor, landing.create, declared)
    elif landing.empty or _order(cursor, landing.table) != landing.columns:
        _finish(cursor, landing, dict(declared))


def _create_empty(cursor: Cursor, create: str, declared: Sequence[tuple[str, str]]) -> None:
    if not declared:
        raise no_columns()
    columns = ", ".join(f"cast(null as {kind}) as {identifier(name)}" for name, kind in declared)
    cursor.execute(f"{create}select {columns} limit 0").fetchall()


def _add_frame(cursor: Cursor, landing: Landing, frame: Frame) -> Landing:
    with incoming(cursor, frame.rows) as (select, types):
        return _joined(cursor, landing, select, types)


@contextmanager
def incoming(cursor: Cursor, rows: Any) -> Iterator[tuple[str, Mapping[str, str]]]:
    """A SELECT of these rows, and the types of its columns.

    A relation of another connection, for DuckDB 1 also of another cursor, cannot be read here: its
    rows stream through Arrow, and have their types again afterwards.
    """
    try:
        try:
            cursor.register(INCOMING, rows)
            select, types = f"select * from {INCOMING}", _types(cursor, INCOMING)
        except duckdb.InvalidInputException as error:
            if FOREIGN not in str(error):
                raise
            cursor.register(INCOMING, rows.to_arrow_reader(BATCH_ROWS))
            types = dict(zip(rows.columns, map(str, rows.types), strict=True))
            names = {identifier(name): kind for name, kind in types.items()}
            typed = (f"cast({name} as {kind}) as {name}" for name, kind in names.items())
            select = f"select {', '.join(typed)} from {INCOMING}"
        yield select, types
    finally:
        cursor.unregister(INCOMING)


def _add_columns(cursor: Cursor, landing: Landing, columns: Columns) -> Landing:
    """A column without values has no type yet; a first column keeps the number of rows."""
    filled = {
        name: values for name, values in columns.items() if any(v is not None for v in values)
    }
    shown = filled or {next(iter(columns)): next(iter(columns.values()))}
    select = "select " + ", ".join(_column_sql(name, shown[name]) for name in shown)
    create = f"create or replace temp table {PIECE} as\n"
    cursor.execute(f"{create}{select}", list(shown.values())).fetchall()
    types = _types(cursor, PIECE)
    _demand_alike(landing, {name: types[name] for name in filled if name in types})
    joined = _joined(cursor, landing, f"select * from {PIECE}", types)
    cursor.execute(f"drop table {PIECE}").fetchall()
    names = tuple(dict.fromkeys((*landing.columns, *columns)))
    empty = (landing.empty | (columns.keys() - set(landing.columns))) - filled.keys()
    return replace(joined, columns=names, empty=frozenset(empty))


def _demand_alike(landing: Landing, types: Mapping[str, str]) -> None:
    """ENG008 for a column whose values were texts before and are not now, or the other way round."""
    for name, kind in types.items():
        before = landing.types.get(name.lower(), kind)
        if (before == TEXT) != (kind == TEXT) and name not in landing.empty:
            raise mixed(name, before, kind)


def _joined(cursor: Cursor, landing: Landing, select: str, types: Mapping[str, str]) -> Landing:
    known = {name.lower(): kind for name, kind in types.items()}
    if not landing.columns:
        cursor.execute(f"{landing.create}{select}").fetchall()
        return replace(landing, columns=tuple(types), types=known)
    if known.items() <= landing.types.items():
        cursor.execute(f"insert into {landing.table} by name {select}").fetchall()
        return landing
    before = f"select * from {landing.table} union all by name "
    cursor.execute(f"{landing.create}{before}{select}").fetchall()
    now = {name.lower(): kind for name, kind in _types(cursor, landing.table).items()}
    seen = {name.lower() for name in landing.columns}
    more = tuple(name for name in types if name.lower() not in seen)
    return replace(landing, columns=(*landing.columns, *more), types=now)


def _types(cursor: Cursor, table: str) -> dict[str, str]:
    rows = cursor.execute(f"describe select * from {table}").fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


def _column_sql(name: str, values: Sequence[Any]) -> str:
    """Whole numbers become BIGINT whatever their size, so that tomorrow's larger ones fit."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {int} and all(v is None or -WIDEST_BIGINT <= v < WIDEST_BIGINT for v in values):
        return f"unnest(?)::bigint as {identifier(name)}"
    return f"unnest(?) as {identifier(name)}"


def _order(cursor: Cursor, table: str) -> tuple[str, ...]:
    described = cursor.execute(f"select * from {table} limit 0").description or []
    return tuple(str(column[0]) for column in described)


def _finish(cursor: Cursor, landing: Landing, declared: Mapping[str, str]) -> None:
    """A column that is NULL in every row is text, unless its type is declared."""
    columns = [
        f"cast(null as {declared.get(name, 'varchar')}) as {identifier(name)}"
        if name in landing.empty
        else identifier(name)
        for name in landing.columns
    ]
    cursor.execute(f"{landing.create}select {', '.join(columns)} from {landing.table}").fetchall()
