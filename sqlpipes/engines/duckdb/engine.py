"""An open DuckDB as an engine: one cursor a thread, each with the target's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import duckdb

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.engine import RelationType
from sqlpipes.core.errors import EngineError, Problem, did_you_mean
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.engines.duckdb.connection import DuckConnection
from sqlpipes.engines.duckdb.faults import setting_problem
from sqlpipes.engines.duckdb.profile import Profile
from sqlpipes.engines.duckdb.spelling import Spelling

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


class DuckEngine(Spelling):
    """An open DuckDB database; see `core.engine.Engine`. The first connection never leaves it."""

    def __init__(self, first: duckdb.DuckDBPyConnection, target: Target, profile: Profile) -> None:
        self._first = first
        self._target = target
        self._profile = profile
        names = first.execute("select database_name from duckdb_databases() where not internal")
        catalogs = frozenset(str(row[0]) for row in names.fetchall())
        rows = first.execute("select current_database()").fetchall()  # to its end: it holds a lock
        super().__init__(str(rows[0][0]), catalogs)

    def connect(self) -> DuckConnection:
        return self.look()

    def look(self) -> DuckConnection:
        """A connection to the very instance that this engine asks its own questions of."""
        return DuckConnection(partial(self._open_cursor, self._first), self._catalog, self.quote)

    def _open_cursor(self, instance: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """A cursor of its own: two threads on one DuckDB connection read each other's rows."""
        cursor = instance.cursor()
        for name, value in session_settings(self._profile).items():
            set_one(cursor, self._target, name, value)
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
        connection = self.look()
        try:
            return connection.fetch(sql).rows
        finally:
            connection.close()

    def _relation(self, catalog: str, schema: str, name: str) -> Relation:
        return Relation(name, schema, None if catalog == self._catalog else catalog)

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        self._demand(catalog)
        connection = self.look()
        try:
            for schema in schemas:
                name = f"{identifier(catalog or self._catalog)}.{identifier(schema)}"
                connection.execute(f"create schema if not exists {name}")
        finally:
            connection.close()

    def _demand(self, catalog: str | None) -> None:
        """EngineError ENG024 for a database that is not attached."""
        known = {name.casefold() for name in self._catalogs}
        if catalog and catalog.casefold() not in known:
            message = f"there is no attached database '{catalog}' to write to"
            hint = (
                did_you_mean(catalog, self._catalogs) or "name it in profiles.yml under `attach:`"
            )
            raise EngineError(Problem("ENG024", message, hint=hint))

    def close(self) -> None:
        with suppress(duckdb.Error):  # a function that was left alone is still in it
            self._first.close()


def session_settings(profile: Profile) -> dict[str, Plain]:
    """For each cursor. Days start in UTC wherever it runs, and a missing table is an error even
    when one of our variables has its name."""
    own: dict[str, Plain] = {"TimeZone": "UTC", "python_enable_replacements": False}
    given = profile.startup  # cannot be set any more
    said = {name: value for name, value in profile.settings.items() if name not in given}
    return own | said


def set_one(cursor: duckdb.DuckDBPyConnection, target: Target, name: str, value: Plain) -> None:
    """The value may be a secret: no message shows it, and no statement is kept."""
    try:
        cursor.execute(f"set {identifier(name)} = {_setting(value)}")
    except duckdb.Error as error:
        problem = setting_problem(error, name, str(value))
        places = target.places
        at = places.get(f"settings/{name}") or places.get(f"config_options/{name}")
        raise EngineError(replace(problem, at=at or places.get("settings"))) from None


def _setting(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else literal(str(value))
