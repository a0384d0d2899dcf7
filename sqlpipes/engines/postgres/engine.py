"""Target -> an open Postgres: a first connection for what is asked once, and one more for each thread."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg

from sqlpipes.core.blocked import Blocked
from sqlpipes.core.config import Target
from sqlpipes.core.engine import Capabilities, Connection, RelationType, Rows
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.core.windows import Windows
from sqlpipes.engines.postgres import catalog
from sqlpipes.engines.postgres.blocked import blocked_of, blocked_sql
from sqlpipes.engines.postgres.connection import PostgresConnection
from sqlpipes.engines.postgres.names import LONGEST, TEMPORARY, quoted, shortened
from sqlpipes.engines.postgres.opening import opening_error, setting_error
from sqlpipes.engines.postgres.place import OURS, Place, place_of, session_sql
from sqlpipes.engines.postgres.rights import obstacles
from sqlpipes.engines.postgres.sessions import ending_sql, mark
from sqlpipes.engines.postgres.speaking import Driver, Oid
from sqlpipes.engines.postgres.windows import WORDS
from sqlpipes.engines.windows import token_sql, windows_of

CAN = Capabilities(
    transactional_ddl=True,
    merge=True,
    renames=True,
    changes_schema=True,
    writes_files=True,
    crosses=True,
    is_instant="pg_typeof({}) = 'timestamp with time zone'::regtype",
    matches="({} ~ {})",
    comments=True,
    grants=True,
    privileges=frozenset(
        {"select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"}
        | {"all", "all privileges"}
    ),
    indexes=frozenset({"btree", "hash", "gist", "spgist", "gin", "brin"}),
    partial_indexes=True,
    partitions=catalog.PARTITIONS,
    incomparable=frozenset({"json", "xml", "point", "line", "box", "path", "polygon", "circle"}),
    longest_name=LONGEST,
    lock_timeout="set lock_timeout = {}",
    holds_nul=False,
)
FIRST_MERGE = 150000  # the server's version
FIRST_CHECK = 140000
PAUSE_S = 0.5
AWAY_S = 30.0  # for how long a server that was there is waited for


class PostgresEngine:
    """An open Postgres database; see `core.engine.Engine`."""

    dialect = "postgres"
    can = CAN

    def __init__(self, target: Target, place: Place, read_only: bool) -> None:
        self._target = target
        self._place = place
        self._read_only = read_only
        self._run_id = ""  # whose the connections are
        self._types: dict[Oid, str] = {}
        self._first = self._connection()
        self._beside: PostgresConnection | None = None  # looks on while others wait
        self.catalog: str | None = self._first.database

    def connect(self) -> PostgresConnection:
        return self._connection()

    def ask(self, sql: str) -> Rows:
        """Over the first connection, or one that takes its place when it was cut."""
        until = time.monotonic() + AWAY_S
        while True:
            try:
                if not self._first.is_open:
                    self._first = self._connection()
                return self._first.fetch(sql)
            except EngineError:
                if self._first.is_open or time.monotonic() > until:
                    raise
            time.sleep(PAUSE_S)

    def _connection(self, run_id: str | None = None) -> PostgresConnection:
        driver = _connected(self._place)
        try:
            _set_up(driver, self._place, read_only=self._read_only)
            mark(driver, self._run_id if run_id is None else run_id)
        except BaseException:
            driver.close()
            raise
        return PostgresConnection(driver, self._types, self._target.schema)

    def belong(self, run_id: str) -> None:
        self._run_id = run_id

    def end_run(self, run_id: str) -> None:
        """As who has logged in, who may end his own sessions; and not as `role`, who may not."""
        with closing(self._connection(run_id="")) as connection:
            connection.execute("set role none")
            connection.execute(ending_sql(run_id))

    def roles(self) -> frozenset[str]:
        return frozenset(str(name) for (name,) in self.ask("select rolname from pg_roles").rows)

    def blocked(self, sessions: Collection[int]) -> Mapping[int, Blocked]:
        if self._beside is None or not self._beside.is_open:
            self._beside = self._connection(run_id="")
        return blocked_of(self._beside.fetch(blocked_sql(sessions)).rows)

    def relations(self) -> Mapping[Relation, RelationType]:
        rows = self.ask(catalog.RELATIONS).rows
        return {Relation(name, schema): catalog.type_of(kind) for schema, name, kind in rows}

    def all_columns(self) -> Mapping[Relation, tuple[tuple[str, str], ...]]:
        found: dict[Relation, list[tuple[str, str]]] = {}
        for schema, table, column, kind in self.ask(catalog.COLUMNS).rows:
            found.setdefault(Relation(table, schema), []).append((column, kind))
        return {relation: tuple(columns) for relation, columns in found.items()}

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        """Asked first, as who may not make schemas may not say IF NOT EXISTS either."""
        if catalog not in (None, self.catalog):
            message = f"Postgres writes to one database, '{self.catalog}', and not to '{catalog}'"
            raise EngineError(Problem("ENG004", message))
        rows = self.ask("select nspname from pg_namespace").rows
        for schema in sorted(set(schemas) - {name for (name,) in rows}):
            self._create_schema(schema)

    def _create_schema(self, schema: str) -> None:
        try:
            self._first.execute(f"create schema if not exists {identifier(schema)}")
        except EngineError as error:  # or another build has made it at this very moment
            sql = f"select 1 from pg_namespace where nspname = {literal(schema)}"
            if self.ask(sql).rows:
                return
            told = [p for p in obstacles(self._target, self, [schema]) if p.is_error]
            if told:
                raise EngineError(*told) from error
            raise

    def quote(self, relation: Relation) -> str:
        return quoted(relation)

    def temporary(self, name: str) -> Relation:
        return Relation(shortened(name), TEMPORARY)

    def token_sql(self, relation: Relation, changes: str) -> str:
        """`changes`: count, hash (row count and the sum of all row hashes), or an aggregate."""
        return token_sql(quoted(relation), changes, WORDS)

    def windows(
        self,
        connection: Connection,
        relation: Relation,
        changes: str,
        cut: Partitioning,
        where: str = "",
    ) -> Windows:
        columns = connection.columns(relation) or ()
        rows = quoted(relation)
        if where:
            rows = f"(select * from {rows} where {where})"
        return windows_of(connection, rows, columns, changes, cut, WORDS)

    def close(self) -> None:
        self._first.close()
        if self._beside is not None:
            self._beside.close()


def open_postgres(target: Target, *, read_only: bool) -> PostgresEngine:
    """Raises ProjectError PRF003 for a wrong output, EngineError ENG002 when there is no way in."""
    return PostgresEngine(target, place_of(target), read_only)


def _connected(place: Place) -> Driver:
    arguments: dict[str, Any] = dict(place.arguments)
    try:
        return psycopg.connect(autocommit=True, prepare_threshold=None, **arguments)
    except psycopg.Error as error:
        raise opening_error(error, place) from None


def _set_up(driver: Driver, place: Place, *, read_only: bool) -> None:
    try:
        _say_first(driver, place, read_only)
    except psycopg.Error as error:
        raise opening_error(error, place) from None
    for name, value in place.settings[len(OURS) :]:
        try:
            driver.execute(f"set {identifier(name)} = {literal(value)}".encode())
        except psycopg.Error as error:
            raise setting_error(error, name, value, place.target.at("settings")) from None


def _say_first(driver: Driver, place: Place, read_only: bool) -> None:
    """Some servers cannot look whether we are still there, and refuse to be asked to."""
    checked = driver.info.server_version >= FIRST_CHECK
    for asked in dict.fromkeys((checked, False)):
        try:
            driver.execute(session_sql(place, read_only=read_only, checked=asked).encode())
            return
        except psycopg.errors.InvalidParameterValue:
            if not asked:
                raise
