"""A statement and its values -> rows, on whichever connection a store has.

What a build notes is written as SQL that SQLite and Postgres both take, with `:name` for each value.
On SQLite it goes straight to the driver: for the dozen small statements that each step is recorded
with, the way through SQLAlchemy costs three times as much as they do, and its import as much as
reading a thousand models.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy import Connection, TextClause

Db: TypeAlias = "sqlite3.Connection | Connection"
"""An open transaction on a file, or on any database through SQLAlchemy."""
Values = Mapping[str, Any]


def run(db: Db, statement: str, said: Values | Sequence[Values] = ()) -> list[tuple[Any, ...]]:
    """Run a statement once, or once for each of several; the rows of one, as tuples."""
    driver = _driver(db)
    if driver is None:
        answer = core(db).execute(_text(statement), said or None)
        return [tuple(row) for row in answer] if answer.returns_rows else []
    if isinstance(said, Mapping) or not said:
        return driver.execute(statement, said).fetchall()
    driver.executemany(statement, said)
    return []


def core(db: Db) -> Connection:
    """The connection of a store behind SQLAlchemy, for what is written in its own language."""
    assert not isinstance(db, sqlite3.Connection), "a local file is asked in SQL"
    return db


def put(db: Db, table: str, rows: Sequence[Values]) -> None:
    """Insert rows of the same columns; none is fine."""
    if rows:
        run(db, insert_into(table, tuple(rows[0])), rows if len(rows) > 1 else rows[0])


@cache
def insert_into(table: str, columns: tuple[str, ...], returning: str = "") -> str:
    """
    >>> insert_into("t", ("a", "b"), "id")
    'insert into t (a, b) values (:a, :b) returning id'
    """
    values = ", ".join(f":{name}" for name in columns)
    said = f"insert into {table} ({', '.join(columns)}) values ({values})"
    return f"{said} returning {returning}" if returning else said


@cache
def assignments(columns: tuple[str, ...]) -> str:
    """
    >>> assignments(("a", "b"))
    'a = :a, b = :b'
    """
    return ", ".join(f"{name} = :{name}" for name in columns)


def one_of(names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """What stands after `in`, and the values of it.

    >>> one_of(["orders", "days"])
    ('(:n0, :n1)', {'n0': 'orders', 'n1': 'days'})
    """
    values = {f"n{i}": name for i, name in enumerate(names)}
    return f"({', '.join(f':{name}' for name in values)})", values


def _driver(db: Db) -> sqlite3.Connection | None:
    if isinstance(db, sqlite3.Connection):
        return db
    if db.dialect.name != "sqlite":
        return None
    found: Any = db.connection.driver_connection
    return found  # type: ignore[no-any-return]


@cache
def _text(statement: str) -> TextClause:
    from sqlalchemy import text

    return text(statement)
