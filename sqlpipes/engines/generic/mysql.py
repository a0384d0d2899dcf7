"""MariaDB and MySQL: a schema is a database, names stand in backticks, and every DDL commits.

So rows are built beside their relation (`run/beside/`): RENAME TABLE puts several tables, and views, in
the place of each other at once, and rows of InnoDB are changed in transactions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from sqlpipes.core.config import Target
from sqlpipes.core.engine import RelationType, Standing
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import Relation
from sqlpipes.engines.endings import ended_in
from sqlpipes.engines.generic.connection import GenericConnection
from sqlpipes.engines.generic.engine import GenericEngine
from sqlpipes.engines.generic.keys import key_index
from sqlpipes.engines.generic.place import Place
from sqlpipes.engines.generic.publishing import RenamePublishing
from sqlpipes.engines.generic.speech import speech_of
from sqlpipes.engines.signing import comment_of, signed, too_long, unsigned

OURS = re.compile(r"(?is)create (?:temporary )?table (\S*?`?sqlpipes_\S+) engine=innodb as\s")
WIDTH = re.compile(r"^((?:small|medium|big)?int|tinyint(?!\(1\)))\(\d+\)")
GONE = (1146, 1356)  # no such table; a view of one
TIMED_OUT = 1969
CARRIED = {"float": "cast({} as double)", "bit": "cast({} as unsigned)"}
AT_LINE = re.compile(r" at line (\d+)$")
HIDDEN = "('information_schema', 'mysql', 'performance_schema', 'sys')"
TABLES = f"""select table_schema, table_name, table_type from information_schema.tables
where table_schema not in {HIDDEN}"""
COLUMNS = f"""select table_schema, table_name, column_name, column_type
from information_schema.columns where table_schema not in {HIDDEN}
order by table_schema, table_name, ordinal_position"""


class MysqlConnection(GenericConnection):
    """Statements bear a comment, and may be given an end."""

    _comment = ""
    _limit_s: float | None = None

    @property
    def _mysql(self) -> MysqlEngine:
        assert isinstance(self._engine, MysqlEngine)
        return self._engine

    # ------------------------------------------------------------------------------ statements

    def sign(self, comment: str) -> None:
        self._comment = comment_of(comment)

    def text(self, sql: str) -> str:
        return signed(sql, self._comment)[0]

    def reworded(self, said: str, sql: str) -> str:
        """Without the comment, and the line without that of a comment before the statement."""
        before = signed(sql, self._comment)[1].count("\n")
        said = unsigned(said, self._comment)
        return AT_LINE.sub(lambda found: f" at line {int(found[1]) - before}", said)

    def limit(self, seconds: float | None) -> None:
        """MariaDB ends any statement itself; MySQL only a SELECT, so there it is killed."""
        if seconds == self._limit_s:
            return
        if self._mysql.is_mariadb:
            said = "default" if seconds is None else f"{seconds:f}"
            super().execute(f"set session max_statement_time = {said}")
        self._limit_s = seconds

    @contextmanager
    def said(self, sql: str) -> Iterator[None]:
        seconds = self._limit_s
        killed = seconds is not None and not self._mysql.is_mariadb
        with ended_in(seconds or 0.0, self.interrupt, sql) if killed else nullcontext():
            try:
                with super().said(sql):
                    yield
            except EngineError as error:
                if seconds is not None and self._number == TIMED_OUT:
                    raise too_long(seconds, sql) from error
                raise

    def execute(self, sql: str) -> int | None:
        """A table of ours takes a NULL in each column, and its rows are counted."""
        counted = super().execute(sql)
        made = OURS.match(sql)
        if made is None:
            return counted
        self._loosen(made[1])
        return None

    def _loosen(self, table: str) -> None:
        """Of a value that is no NULL today MariaDB makes a column that is never one."""
        rows = self.fetch(f"show full columns from {table}").rows
        spell = self._engine.spell
        tight = [
            f"modify {spell(str(row[0]))} {row[1]}{f' collate {row[2]}' if row[2] else ''} null"
            for row in rows
            if row[3] == "NO"
        ]
        if tight:
            super().execute(f"alter table {table} {', '.join(tight)}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One inside of another ends what came before: its rows are there, or not, on their own."""
        if not self._in_transaction:
            with super().transaction():
                yield
            return
        with self.said("commit"):
            self.link.commit()
        try:
            yield
            with self.said("commit"):
                self.link.commit()
        except BaseException:
            with suppress(exc.SQLAlchemyError):
                self.link.rollback()
            raise

    # --------------------------------------------------------------------------------- columns

    def columns(self, relation: Relation) -> tuple[tuple[str, str], ...] | None:
        table = self._engine.quote(relation)
        try:
            rows = self.fetch(f"show columns from {table}").rows
        except EngineError:
            if self._number in GONE:
                return None
            raise
        return tuple((str(row[0]), plain_type(str(row[1]))) for row in rows) or None

    def carried(self, sql: str, columns: Sequence[tuple[str, str]]) -> str:
        """A server writes six digits of a FLOAT, and a driver makes bytes of BIT."""
        spell = self._engine.spell
        shown = []
        for name, kind in columns:
            said, first = spell(name), re.match(r"[a-z]*", kind.lower())
            instead = CARRIED.get(first[0] if first else "")
            shown.append(f"{instead.format(said)} as {said}" if instead else said)
        return f"select {', '.join(shown)} from (\n{sql}\n) as leaving"

    def index_sql(self, relation: Relation, columns: Sequence[str]) -> str | None:
        """See `core.engine.IndexesKeys`."""
        table = self._engine.quote(relation)
        types = {str(r[0]): str(r[1]) for r in self.fetch(f"show columns from {table}").rows}
        indexes: dict[str, list[str]] = {}
        for row in self.fetch(f"show index from {table}").rows:
            indexes.setdefault(str(row[2]), []).append(str(row[4]))
        return key_index(table, types, indexes, columns, self._engine.spell)

    def standing(self, relation: Relation, *, alone: bool = False) -> Standing | None:
        """Views on it are looked up when they are read, and stand in nobody's way."""
        kind = self._mysql.kinds(self, relation).get(relation)
        return Standing(kind.value) if kind else None

    # ------------------------------------------------------------------------------ the end

    def interrupt(self) -> None:
        """KILL QUERY, said over another connection."""
        self._stopped = True
        self._local.interrupt()
        raw: Any = getattr(self.link.connection, "driver_connection", None)
        with suppress(Exception):  # each driver has exceptions of its own
            self._mysql.kill(int(raw.thread_id()))


class MysqlEngine(GenericEngine):
    """See `core.engine.Engine`."""

    connection = MysqlConnection
    is_mariadb = True

    def __init__(self, target: Target, place: Place, **how: Any) -> None:
        super().__init__(target, place, speech=speech_of(place.scheme), **how)
        self.publishing = RenamePublishing(self.quote, self.spell)

    def set_up(self, link: sa.Connection) -> None:
        self.is_mariadb = bool(getattr(link.dialect, "is_mariadb", True))
        super().set_up(link)

    def kill(self, thread: int) -> None:
        """Stop what another connection says."""
        with self._pool.connect() as link:
            link.exec_driver_sql(f"kill query {thread}")

    def kinds(
        self, connection: GenericConnection, relation: Relation | None = None
    ) -> dict[Relation, RelationType]:
        sql = TABLES
        if relation is not None:
            schema, name = map(self.can.value, (relation.schema or self.schema, relation.name))
            sql += f" and table_schema = {schema} and table_name = {name}"
        return {
            Relation(str(name), str(schema)): RelationType.VIEW
            if "VIEW" in str(kind)
            else RelationType.TABLE
            for schema, name, kind in connection.fetch(sql).rows
        }

    def relations(self) -> Mapping[Relation, RelationType]:
        return self.kinds(self._first)

    def all_columns(self) -> Mapping[Relation, tuple[tuple[str, str], ...]]:
        found: dict[Relation, list[tuple[str, str]]] = {}
        for schema, table, column, kind in self._first.fetch(COLUMNS).rows:
            each = found.setdefault(Relation(str(table), str(schema)), [])
            each.append((str(column), plain_type(str(kind))))
        return {relation: tuple(columns) for relation, columns in found.items()}

    def made(self, table: str) -> str:
        return f"create temporary table {table} as\n"

    def dropped(self, table: str, *, temporary: bool = True) -> str:
        """Without the word, to drop a temporary table would end the transaction."""
        return f"drop {'temporary ' if temporary else ''}table if exists {table}"

    def typed(self, columns: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        return [(name, kind.lower().removesuffix(" unsigned")) for name, kind in columns]


def plain_type(kind: str) -> str:
    """Without the width at which a client may show a number.

    >>> plain_type("int(11)"), plain_type("tinyint(1)"), plain_type("varchar(20)")
    ('int', 'tinyint(1)', 'varchar(20)')
    """
    return WIDTH.sub(r"\1", kind)
