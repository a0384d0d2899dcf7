"""Target -> an open Spark session over Spark Connect, which all threads share."""

from __future__ import annotations

import logging
import socket
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Capabilities, Connection, RelationType
from sqlpipes.core.errors import EngineError
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation
from sqlpipes.core.windows import Windows
from sqlpipes.engines.spark.connection import SparkConnection
from sqlpipes.engines.spark.faults import opening_error, setting_error
from sqlpipes.engines.spark.greeting import demand_version, greet
from sqlpipes.engines.spark.line import Line
from sqlpipes.engines.spark.names import MARK, identifier, literal, quoted, stage_name
from sqlpipes.engines.spark.place import Place
from sqlpipes.engines.spark.publishing import ATOMIC, SparkPublishing
from sqlpipes.engines.spark.windows import WORDS, hashed
from sqlpipes.engines.windows import token_sql, windows_of

AT_ONCE = 4  # questions about schemas
PAUSE_S = 0.2
RETRIES = 7  # the last one after about fifteen seconds
LONGEST_PAUSE_MS = 3000
NO_MORE = r"\[RETRIES_EXCEEDED\]"
LOUD = "SQLQueryContextLogger"  # pyspark's own, which writes every fault to the terminal

T = TypeVar("T")
R = TypeVar("R")
Columns = tuple[tuple[str, str], ...]


def capabilities(place: Place) -> Capabilities:
    """What tables of the target's format can do."""
    return Capabilities(
        merge=place.file_format in ATOMIC,
        mark=MARK,
        escapes=True,
        crosses=True,
        text="string",
        new_table=SparkPublishing(place.file_format, place.schema).head("{}"),
        is_instant="typeof({}) = 'timestamp'",
        instant="timestamp '{}:00'",
        matches="({} rlike {})",
    )


class SparkEngine:
    """An open session on a Spark Connect server; see `core.engine.Engine`."""

    dialect = "spark"

    def __init__(self, place: Place, session: Any) -> None:
        self._place = place
        self._line = Line(session, self._opened_again, partial(_end, place=place))
        self._uses = False  # the schema of the target
        self.publishing = SparkPublishing(place.file_format, place.schema)
        self.can = capabilities(place)
        self._first = self.connect()
        found = self._first.fetch("select current_catalog()").rows
        self.catalog: str | None = str(found[0][0])
        self._use({name.casefold() for name in self._schemas()})

    def connect(self) -> Connection:
        return SparkConnection(self._line, self.temporary, self.publishing.head)

    def _opened_again(self) -> Any:
        session = _opened(self._place, 0.0)
        if self._uses:
            session.sql(f"use schema {identifier(self._place.schema)}")
        return session

    def _asked(self) -> Connection:
        """The connection of questions about the catalog."""
        if not self._first.is_open:
            self._first = self.connect()
        return self._first

    def relations(self) -> Mapping[Relation, RelationType]:
        found: dict[Relation, RelationType] = {}
        for listed in _each(self._relations_in, self._schemas()):
            found.update(listed)
        return found

    def _schemas(self) -> list[str]:
        return [str(row[0]) for row in self._asked().fetch("show schemas").rows]

    def _relations_in(self, schema: str) -> dict[Relation, RelationType]:
        """Views are listed among the tables, but by some catalogs, which know none."""
        connection, where = self.connect(), identifier(schema)
        tables = {str(row[1]) for row in connection.fetch(f"show tables in {where}").rows if row[0]}
        views: set[str] = set()
        with suppress(EngineError):
            rows = connection.fetch(f"show views in {where}").rows
            views = {str(row[1]) for row in rows if row[0]}
        kinds = dict.fromkeys(tables, RelationType.TABLE) | dict.fromkeys(views, RelationType.VIEW)
        return {Relation(name, schema): kind for name, kind in kinds.items()}

    def all_columns(self) -> Mapping[Relation, Columns]:
        relations = list(self.relations())
        found = _each(self._columns_of, relations)
        return dict(zip(relations, found, strict=True))

    def _columns_of(self, relation: Relation) -> Columns:
        """None of a relation that cannot be read, such as a view on a table that is gone."""
        with suppress(EngineError):
            return self.connect().columns(relation) or ()
        return ()

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        before = f"{identifier(catalog)}." if catalog else ""
        known = {name.casefold() for name in self._schemas()}
        there = set() if catalog else known
        root = self._place.location_root
        for schema in schemas:
            if schema.casefold() not in there:
                where = f" location {literal(f'{root}/{schema}.db')}" if root else ""
                name = f"{before}{identifier(schema)}"
                self._asked().execute(f"create schema if not exists {name}{where}")
                known |= set() if catalog else {schema.casefold()}
        self._use(known)

    def _use(self, known: Collection[str]) -> None:
        """Unqualified names are the target's own schema's, once it is there; `known` are in lower case."""
        schema = self._place.schema
        if not self._uses and schema.casefold() in known:
            self._asked().execute(f"use schema {identifier(schema)}")
            self._uses = True

    def quote(self, relation: Relation) -> str:
        return quoted(relation)

    def temporary(self, name: str) -> Relation:
        return stage_name(name, self._place.schema, self.publishing.builder)

    def token_sql(self, relation: Relation, changes: str) -> str:
        """`changes`: count, hash (row count and the sum of all row hashes), or an aggregate."""
        rows = hashed(quoted(relation)) if changes == "hash" else quoted(relation)
        return token_sql(rows, changes, WORDS)

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
        if where or changes == "hash":
            rows = hashed(rows, where)
        return windows_of(connection, rows, columns, changes, cut, WORDS)

    def close(self) -> None:
        self._first.close()
        self._line.close()


def open_spark(target: Target, place: Place, *, wait_s: float = 0.0) -> SparkEngine:
    """Raises EngineError ENG002 when there is no way in, ENG009 for a setting that is refused."""
    session = _opened(place, wait_s)
    try:
        return SparkEngine(place, session)
    except BaseException:
        _end(session, place)
        raise


def _opened(place: Place, wait_s: float) -> Any:
    """A session that is set up."""
    _knock(place, wait_s)
    logging.getLogger(LOUD).disabled = True
    warnings.filterwarnings("ignore", NO_MORE)  # an error tells it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        greet(place)
        from pyspark.sql import SparkSession

        try:
            session = SparkSession.builder.remote(place.url).create()
            _hurry(session)
        except Exception as error:
            raise opening_error(str(error), place) from None
    try:
        demand_version(session, place)
        _set_up(session, place)
        return session
    except BaseException:
        _end(session, place)
        raise


def _end(session: Any, place: Place) -> None:
    """A session that the URL names is somebody's, and goes on; ours takes its settings and views along."""
    is_shared = any(name == "session_id" for name, _ in place.parameters)
    with suppress(
        Exception
    ):  # a server that is gone has closed it already, and would be waited for
        is_gone = not _listens(place)
        (session.client.close if is_shared or is_gone else session.stop)()


def _listens(place: Place) -> bool:
    try:
        socket.create_connection((place.host, place.port), place.timeout_s).close()
    except OSError:
        return False
    return True


def _knock(place: Place, wait_s: float) -> None:
    """Whether anybody listens: the client itself would wait for ten minutes."""
    ends = time.monotonic() + wait_s
    while True:
        try:
            socket.create_connection((place.host, place.port), place.timeout_s).close()
            return
        except OSError as error:
            if time.monotonic() >= ends:
                raise opening_error(str(error), place) from None
        time.sleep(PAUSE_S)


def _hurry(session: Any) -> None:
    """By itself the client asks a server that is gone for ten minutes."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    with suppress(Exception):  # a client that knows no such thing is only slower
        session.client.set_retry_policies([DefaultPolicy(RETRIES, max_backoff=LONGEST_PAUSE_MS)])


def _set_up(session: Any, place: Place) -> None:
    if place.catalog:
        try:
            session.sql(f"use {identifier(place.catalog)}")
        except Exception as error:
            raise opening_error(str(error), place) from None
    for name, value in place.settings:
        try:
            session.conf.set(name, value)
        except Exception as error:
            raise setting_error(error, name, value) from None


def _each(ask: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Spark answers questions about its catalog slowly, but several at once."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sqlpipes-spark") as pool:
        return list(pool.map(ask, items))
