"""One thread's connection through SQLAlchemy: statements in, counts and rows out.

Every failure is raised as EngineError.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Protocol

import duckdb
import sqlalchemy as sa
from sqlalchemy import exc

from sqlpipes.core.crossing import Stream
from sqlpipes.core.engine import Capabilities, Form, Rows, Standing
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.extras import Seen
from sqlpipes.core.faults import LOST
from sqlpipes.core.sql import Relation, split_statements
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.generic import crossing
from sqlpipes.engines.generic.codes import number_of
from sqlpipes.engines.generic.faults import statement_error
from sqlpipes.engines.generic.handing import (
    Landed,
    hand_over,
    insert,
    land_files,
    land_value,
    table_sql,
)
from sqlpipes.engines.generic.place import Place
from sqlpipes.engines.generic.speech import Speech
from sqlpipes.engines.local import Local

COUNTED = re.compile(r"(?i)\s*(?:--[^\n]*\n\s*)*(insert|update|delete|merge|replace)\b")
PLAIN: Mapping[str, Any] = {"no_parameters": True}  # a percent sign in a text is one
DESCRIBED = "sqlpipes_described"


class Home(Protocol):
    """What a connection asks of its engine."""

    place: Place
    speech: Speech
    can: Capabilities
    dialect: str
    schema: str

    def spell(self, name: str) -> str: ...
    def quote(self, relation: Relation) -> str: ...
    def temporary(self, name: str) -> Relation: ...
    def made(self, table: str) -> str: ...
    def dropped(self, table: str, *, temporary: bool = True) -> str: ...


class GenericConnection:
    """See `core.engine.Connection`. Engines of third parties may build on it."""

    def __init__(self, engine: Home, link: sa.Connection) -> None:
        self._engine = engine
        self.link = link
        self._local = Local()
        self._in_transaction = False
        self._stopped = False
        self._number: int | None = None  # of the last fault, as the driver counts them
        self._open = True
        # One that is left to a function which does not come back is closed when nobody has it any more.
        self._end = weakref.finalize(self, _closed, link)

    # ------------------------------------------------------------------------------ statements

    def text(self, sql: str) -> str:
        """What is said in place of a statement: the same, where the dialect has no trap."""
        return sql

    def reworded(self, said: str, sql: str) -> str:
        """The database's words about what was said in place of a statement, as if about the statement."""
        return said

    def execute(self, sql: str) -> int | None:
        counted = None
        for statement in self._statements(self.text(sql)):
            with self.said(sql):
                result = self.link.exec_driver_sql(statement, execution_options=dict(PLAIN))
                counted = result.rowcount if COUNTED.match(statement) else None
                result.close()
                self._settle()
        return counted if counted is not None and counted >= 0 else None

    def parse(self, sql: str) -> None:
        """Few databases read a text without looking names up, so the project's own parser has to do."""

    def fetch(self, sql: str, limit: int | None = None) -> Rows:
        with self.said(sql):
            result = self.link.exec_driver_sql(self.text(sql), execution_options=dict(PLAIN))
            if not result.returns_rows:
                self._settle()
                return Rows((), (), ())
            described = result.cursor.description if result.cursor else ()
            rows = result.fetchall() if limit is None else result.fetchmany(limit)
            result.close()
            self._settle()
        names = tuple(str(column[0]) for column in described)
        types = tuple(column[1] if isinstance(column[1], str) else "" for column in described)
        return Rows(names, types, tuple(tuple(row) for row in rows))

    def _statements(self, sql: str) -> Sequence[str]:
        """Drivers take one at a time."""
        if ";" not in sql:
            return (sql,)
        try:
            return split_statements(sql, self._engine.dialect)
        except ValueError:  # the database says better what is wrong with it
            return (sql,)

    def _settle(self) -> None:
        """Outside of a transaction each statement is one."""
        if not self._in_transaction:
            self.link.commit()

    @contextmanager
    def said(self, sql: str) -> Iterator[None]:
        """What SQLAlchemy raises, as ours."""
        self._stopped = False
        try:
            yield
        except exc.SQLAlchemyError as error:
            self._number = number_of(error)
            words = partial(self.reworded, sql=sql)
            said = statement_error(error, sql, self._engine.place, words, stopped=self._stopped)
            self._open = self._open and said.problems[0].code != LOST
            if not self._in_transaction:
                with suppress(exc.SQLAlchemyError):
                    self.link.rollback()
            raise said from None
        except UnicodeEncodeError as error:
            problem = Problem("ENG004", f"the statement is no text: {error.reason}")
            raise EngineError(problem, statement=sql) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.said("begin"):
            if self._engine.speech.begin:
                self.link.exec_driver_sql(self._engine.speech.begin)
        self._in_transaction = True
        try:
            yield
            with self.said("commit"):
                self.link.commit()
        except BaseException:
            with suppress(exc.SQLAlchemyError):
                self.link.rollback()
            raise
        finally:
            self._in_transaction = False

    # --------------------------------------------------------------------------------- columns

    def columns(self, relation: Relation) -> tuple[tuple[str, str], ...] | None:
        with self.said(f"-- columns of {relation}"):
            try:
                found = sa.inspect(self.link).get_columns(
                    relation.name, schema=relation.schema or None
                )
            except exc.NoSuchTableError:
                return None
            finally:
                self._settle()
        return tuple((str(each["name"]), self.type_name(each["type"])) for each in found) or None

    def type_name(self, kind: Any) -> str:
        """The type's name as the database says it; nothing for one that SQLAlchemy does not know."""
        with suppress(exc.CompileError):
            return str(kind.compile(dialect=self.link.dialect))
        return ""

    def describe(self, sql: str) -> tuple[tuple[str, str], ...]:
        """By a temporary table of no rows: its columns are those that a table of the query has."""
        where = self._engine.temporary(DESCRIBED)
        table = self._engine.quote(where)
        drop = self._engine.dropped(table)
        made = f"{self._engine.made(table)}select * from (\n{sql}\n) as described where 1 = 0"
        self.execute(drop)
        with self.said(sql):
            self.link.exec_driver_sql(self.text(made), execution_options=dict(PLAIN)).close()
        try:
            return self.columns(where) or ()
        finally:
            self.execute(drop)

    def meeting(self, there: str, here: str) -> tuple[tuple[str, str], ...]:
        """Types meet in a UNION, by the database's own rules."""
        spell = self._engine.spell
        mine = {name.casefold(): name for name, _ in self.describe(here)}
        names = [name for name, _ in self.describe(there) if name.casefold() in mine]
        if not names:
            return ()
        left = ", ".join(map(spell, names))
        right = ", ".join(spell(mine[name.casefold()]) for name in names)
        sql = (
            f"select {left} from (\n{there}\n) as t union all select {right} from (\n{here}\n) as h"
        )
        try:
            with self._nested():
                return self.describe(sql)
        except EngineError:  # a date and a list have no type in common
            return ()

    @contextmanager
    def _nested(self) -> Iterator[None]:
        """A transaction goes on when what is said in here fails."""
        if not (self._in_transaction and self._engine.can.transactional_ddl):
            yield
            return
        with self.link.begin_nested():
            yield

    def extras(self, relation: Relation, *, grants: bool) -> Seen | None:
        """Comments, rights and indexes are looked after nowhere here, which `can` says."""
        return None

    def standing(self, relation: Relation, *, alone: bool = False) -> Standing | None:
        """What stands on it is known of few databases: none is told here, and none is dropped."""
        with self.said(f"-- what {relation} is"):
            found = sa.inspect(self.link)
            schema = relation.schema or None
            try:
                if found.has_table(relation.name, schema=schema):
                    is_view = relation.name in found.get_view_names(schema=schema)
                    return Standing("view" if is_view else "table")
                return None
            finally:
                self._settle()

    # ------------------------------------------------------------------------- rows in and out

    def frame(self, relation: Relation, form: Form = Form.NATIVE) -> Any:
        columns = self.columns(relation) or ()
        return self._query(f"select * from {self._engine.quote(relation)}", columns, form)

    def query(self, sql: str, form: Form = Form.NATIVE) -> Any:
        return self._query(sql, (), form)

    def _query(self, sql: str, columns: Sequence[tuple[str, str]], form: Form) -> Any:
        options = {**PLAIN, "stream_results": True}
        try:
            with self.said(sql):
                result = self.link.exec_driver_sql(self.text(sql), execution_options=options)
                try:
                    return hand_over(self._local, result, columns, form)
                finally:
                    result.close()
                    self._settle()
        except duckdb.Error as error:
            raise duckdb_error(error, sql) from error

    def give(self, sql: str) -> Stream:
        """See `core.crossing.Carrier`: by a cursor at the server, where its driver has one."""
        columns = self.leaving(sql)
        kinds = crossing.kinds_of(columns)
        options = {**PLAIN, "stream_results": True}
        said = self.carried(sql, columns)
        with self.said(sql):
            result = self.link.exec_driver_sql(self.text(said), execution_options=options)
            try:
                return crossing.leave(self._local, columns, kinds, crossing.batches_of(result))
            finally:
                result.close()
                self._settle()

    def leaving(self, sql: str) -> Sequence[tuple[str, str]]:
        """(name, type) of the columns that leave, types as far as the database says them."""
        return self.describe(sql)

    def carried(self, sql: str, columns: Sequence[tuple[str, str]]) -> str:
        """The same rows as the driver hands them over without loss."""
        return sql

    def take(self, relation: Relation, stream: Stream) -> int:
        """See `core.crossing.Carrier`."""
        decimals = self.link.dialect.supports_native_decimal
        try:
            landed = crossing.arrived(self._local, stream, decimals=decimals)
        except duckdb.Error as error:
            raise duckdb_error(error, f"-- rows of {relation}") from error
        return self._put(relation, landed)

    def release(self) -> None:
        self._local.release()

    def load(self, relation: Relation, data: Any, columns: Sequence[tuple[str, str]] = ()) -> int:
        return self._put(relation, land_value(self._local, data, columns))

    def load_files(
        self,
        relation: Relation,
        sql_of: Callable[[Mapping[str, str]], str],
        types: Mapping[str, str],
    ) -> None:
        self._put(relation, land_files(self._local, sql_of, types))

    def _put(self, relation: Relation, landed: Landed) -> int:
        table = self._engine.quote(relation)
        is_own = relation == self._engine.temporary(relation.name)
        columns = table_sql(landed, self.link.dialect, self._engine.spell)
        self.execute(self._engine.dropped(table, temporary=is_own))
        kind = f"{self._engine.can.temporary} table" if is_own else "table"
        self.execute(f"create {kind} {table} (\n{columns}\n)")
        with self.said(f"-- insert rows into {table}"):
            try:
                return insert(landed, self.link, relation.name, relation.schema or None)
            finally:
                if not self._in_transaction:
                    self.link.commit()

    def shared(self, name: str) -> Relation:
        """A table that the other threads see is one that everybody sees; it is dropped once fetched."""
        return Relation(f"sqlpipes_{name}", self._engine.schema)

    # ------------------------------------------------------------------------------ the end

    def interrupt(self) -> None:
        """What the driver offers: not every one can stop a statement."""
        self._stopped = True
        self._local.interrupt()
        raw = getattr(self.link.connection, "driver_connection", None)
        for name in ("interrupt", "cancel"):
            stop = getattr(raw, name, None)
            if callable(stop):
                with suppress(Exception):  # each driver has exceptions of its own
                    stop()
                return

    @property
    def is_open(self) -> bool:
        return self._open and not self.link.closed and not self.link.invalidated

    def close(self) -> None:
        self._open = False
        self._local.close()
        self._end()


def _closed(link: sa.Connection) -> None:
    with suppress(exc.SQLAlchemyError):
        link.close()
