"""Target -> an open DuckDB: settings, extensions and attached databases applied, one cursor a thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import duckdb

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.engine import Capabilities, Connection, RelationType
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.core.windows import Windows
from sqlpipes.engines.duckdb.connection import DuckConnection
from sqlpipes.engines.duckdb.faults import is_held, opening_error, setting_problem
from sqlpipes.engines.duckdb.names import TEMPORARY, quoted
from sqlpipes.engines.duckdb.place import MEMORY, attached, database_path, listed
from sqlpipes.engines.duckdb.windows import WORDS
from sqlpipes.engines.windows import token_sql, windows_of

T = TypeVar("T")

POLL_S = 0.1
CAN = Capabilities(
    transactional_ddl=True,
    create_or_replace_table=True,
    merge=True,
    insert_by_name=True,
    reads_files=True,
    renames=True,
    comments=True,
    indexes=frozenset({"art"}),
    indexes_bind=True,
)
RELATIONS = """
select database_name, schema_name, table_name, 'table' from duckdb_tables()
where not internal and not temporary
union all
select database_name, schema_name, view_name, 'view' from duckdb_views()
where not internal and not temporary
"""
COLUMNS = """
select database_name, schema_name, table_name, column_name, data_type from duckdb_columns()
where not internal and database_name <> 'temp'
order by database_name, schema_name, table_name, column_index
"""


class DuckEngine:
    """An open DuckDB database; see `core.engine.Engine`. The first connection never leaves it."""

    dialect = "duckdb"
    can = CAN

    def __init__(self, first: duckdb.DuckDBPyConnection, target: Target) -> None:
        self._first = first
        self._target = target
        names = first.execute("select database_name from duckdb_databases() where not internal")
        self._catalogs = frozenset(str(row[0]) for row in names.fetchall())
        row = first.execute("select current_database()").fetchone()
        self._catalog: str = row[0] if row else ""
        self.catalog: str | None = self._catalog

    def connect(self) -> DuckConnection:
        return DuckConnection(self._open_cursor, self._catalog, self.quote)

    def _open_cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor of its own: two threads on one DuckDB connection read each other's rows."""
        cursor = self._first.cursor()
        for name, value in session_settings(self._target).items():
            _set(cursor, name, value)
        schema = self._target.schema
        wanted = f"catalog_name = {literal(self._catalog)} and schema_name = {literal(schema)}"
        sql = f"select 1 from information_schema.schemata where {wanted}"
        if cursor.execute(sql).fetchall():
            cursor.execute(f"use {identifier(self._catalog)}.{identifier(schema)}")
        return cursor

    def relations(self) -> Mapping[Relation, RelationType]:
        rows = self._rows(RELATIONS)
        return {self._relation(*row[:3]): RelationType(row[3]) for row in rows}

    def all_columns(self) -> Mapping[Relation, tuple[tuple[str, str], ...]]:
        found: dict[Relation, list[tuple[str, str]]] = {}
        for catalog, schema, table, column, kind in self._rows(COLUMNS):
            found.setdefault(self._relation(catalog, schema, table), []).append((column, kind))
        return {relation: tuple(columns) for relation, columns in found.items()}

    def _rows(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        connection = self.connect()
        try:
            return connection.fetch(sql).rows
        finally:
            connection.close()

    def _relation(self, catalog: str, schema: str, name: str) -> Relation:
        return Relation(name, schema, None if catalog == self._catalog else catalog)

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        connection = self.connect()
        try:
            for schema in schemas:
                name = f"{identifier(catalog or self._catalog)}.{identifier(schema)}"
                connection.execute(f"create schema if not exists {name}")
        finally:
            connection.close()

    def quote(self, relation: Relation) -> str:
        return quoted(relation, self._catalog, self._catalogs)

    def temporary(self, name: str) -> Relation:
        return Relation(name, "main", TEMPORARY)

    def token_sql(self, relation: Relation, changes: str) -> str:
        """`changes`: count, hash (row count and the sum of all row hashes), or an aggregate."""
        return token_sql(self.quote(relation), changes, WORDS)

    def windows(
        self,
        connection: Connection,
        relation: Relation,
        changes: str,
        cut: Partitioning,
        where: str = "",
    ) -> Windows:
        columns = connection.columns(relation) or ()
        rows = self.quote(relation)
        if where:
            rows = f"(select * from {rows} where {where})"
        return windows_of(connection, rows, columns, changes, cut, WORDS)

    def close(self) -> None:
        with suppress(duckdb.Error):  # a function that was left alone is still in it
            self._first.close()


def open_duckdb(target: Target, root: str, *, read_only: bool, wait_s: float) -> DuckEngine:
    """Raises EngineError ENG002 when a database does not open, LockedError ENG003 when it is held."""
    path = database_path(target, root)
    if path != MEMORY and "://" not in path and not read_only:
        _make_folder(os.path.dirname(path))
    deadline = time.monotonic() + wait_s
    only = read_only and path != MEMORY
    first = _patiently(lambda: duckdb.connect(path, read_only=only), path, deadline)
    try:
        for extension in listed(target.options.get("extensions")):
            _patiently(partial(first.execute, f"load {literal(str(extension))}"), path, deadline)
        for found in attached(target, root):
            sql = found.sql(read_only=read_only)
            _patiently(partial(first.execute, sql), found.name, deadline, found.where)
        return DuckEngine(first, target)
    except BaseException:
        first.close()
        raise


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise EngineError(Problem("ENG002", f"cannot make the folder {folder}: {error}")) from error


def _patiently(action: Callable[[], T], name: str, deadline: float, where: str = "") -> T:
    """Try until nobody else holds the database; `where` is not shown, as it may hold a password."""
    while True:
        try:
            return action()
        except duckdb.Error as error:
            if not is_held(error) or time.monotonic() >= deadline:
                raise opening_error(error, name, where) from (None if where else error)
        time.sleep(POLL_S)


def session_settings(target: Target) -> dict[str, Plain]:
    """For each cursor. Days start in UTC wherever it runs, and a missing table is an error even
    when one of our variables has its name."""
    said = target.options.get("settings")
    own: dict[str, Plain] = {"TimeZone": "UTC", "python_enable_replacements": False}
    return own | (dict(said) if isinstance(said, dict) else {})


def _set(cursor: duckdb.DuckDBPyConnection, name: str, value: Plain) -> None:
    """The value may be a secret: no message shows it, and no statement is kept."""
    try:
        cursor.execute(f"set {identifier(name)} = {_setting(value)}")
    except duckdb.Error as error:
        raise EngineError(setting_problem(error, name, str(value))) from None


def _setting(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else literal(str(value))
