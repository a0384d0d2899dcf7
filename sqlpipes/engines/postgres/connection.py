"""One thread's connection to Postgres: statements in, counts and rows out, every failure an EngineError.

psycopg runs in autocommit; transactions are begun and ended in words, so that what is open is always known.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import duckdb
import psycopg
from psycopg.pq import ExecStatus

from sqlpipes.core.carried import to_file
from sqlpipes.core.config import Plain
from sqlpipes.core.crossing import Stream
from sqlpipes.core.engine import Form, Rows, Standing
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.export import copy_sql
from sqlpipes.core.extras import Seen
from sqlpipes.core.faults import NOT_HELD
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.local import Local
from sqlpipes.engines.postgres import catalog
from sqlpipes.engines.postgres.crossing import arrived, demand_exact, give
from sqlpipes.engines.postgres.exact import exact_rows
from sqlpipes.engines.postgres.faults import CONFLICT, CUT, cut_error, statement_error
from sqlpipes.engines.postgres.handing import hand_over
from sqlpipes.engines.postgres.loading import (
    Landed,
    columns_sql,
    copy_in,
    land_files,
    land_value,
)
from sqlpipes.engines.postgres.names import TEMPORARY, quoted, shortened
from sqlpipes.engines.postgres.nul import STATE, nul_error
from sqlpipes.engines.postgres.raw import NotAlike, RawFile, raw_file
from sqlpipes.engines.postgres.standing import extras_of, standing_of
from sqlpipes.engines.postgres.waiting import Road, Waiting
from sqlpipes.engines.signing import comment_of, signed

Driver = psycopg.Connection[Any]
Oid = tuple[int, int]  # of a type, and its modifier

COUNTED = ("INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "COPY")
SELECTS = ("select", "with", "values", "table")
CANCEL_S = 5.0


class PostgresConnection:
    """See `core.engine.Connection`. `types` is shared by all connections of an engine."""

    def __init__(self, driver: Driver, types: dict[Oid, str], schema: str) -> None:
        self._driver = driver
        self._types = types
        self._schema = schema  # of the tables that several connections see
        self._local = Local()
        self._notes: list[str] = []  # names that the server has cut
        self._in_transaction = False
        self._stopped = False
        self._signature = ""  # a comment
        self._limit_s: float | None = None
        self._usual: str | None = None  # statement_timeout, before anybody limited it
        self._waiting: list[Waiting] = []
        driver.add_notice_handler(partial(_note, self._notes))  # which must not keep us alive
        # One that is left to a function which does not come back is closed when nobody has it any more.
        self._end = weakref.finalize(self, driver.close)

    # ------------------------------------------------------------------------------ statements

    def sign(self, comment: str) -> None:
        self._signature = comment_of(comment)

    def limit(self, seconds: float | None) -> None:
        if seconds == self._limit_s:
            return
        if self._usual is None:
            self._usual = str(self.fetch("show statement_timeout").rows[0][0])
        said = self._usual if seconds is None else f"{max(1, round(seconds * 1000))}ms"
        self.execute(f"set statement_timeout = {literal(said)}")
        self._limit_s = seconds

    def execute(self, sql: str) -> int | None:
        for each in self._asked_for(sql):
            if road := each.road(sql):
                return self._moved_along(each, road, sql)
            if each.is_dropped_by(sql):
                self._forget(each)
            else:
                self._send(each)
        return self._run(sql)

    def _run(self, sql: str) -> int | None:
        text, head = signed(sql, self._signature)
        with self._said(sql, head), self._driver.cursor() as cursor:
            cursor.execute(text.encode())
            while cursor.nextset():
                continue
            tag = (cursor.statusmessage or "").split(" ")[0]
            return cursor.rowcount if tag in COUNTED and cursor.rowcount >= 0 else None

    def _asked_for(self, sql: str) -> list[Waiting]:
        return [each for each in self._waiting if each.stage in sql]

    def parse(self, sql: str) -> None:
        """The server reads no text without looking names up, so the project's own parser has to do."""

    def fetch(self, sql: str, limit: int | None = None) -> Rows:
        for each in self._asked_for(sql):
            self._send(each)
        return self._rows_of(sql, limit)

    def _rows_of(self, sql: str, limit: int | None = None) -> Rows:
        """Those that the server has; it knows the columns also of rows that wait."""
        if limit is not None and sql.lstrip().lower().startswith(SELECTS):
            return self._first(sql, limit)
        text, head = signed(sql, self._signature)
        with self._said(sql, head), self._driver.cursor() as cursor:
            cursor.execute(text.encode())
            rows = cursor.fetchall() if cursor.description else []
            return self._rows(cursor, rows if limit is None else rows[:limit])

    def _first(self, sql: str, limit: int) -> Rows:
        """The first rows only: a plain query would bring all of them here."""
        outer = self._in_transaction
        head = f"{'' if outer else 'begin;'}declare sqlpipes_first no scroll cursor for\n"
        with self._said(sql, head), self._driver.cursor() as cursor:
            try:
                cursor.execute(f"{head}{sql}{self._tail}".encode())
                cursor.execute(f"fetch forward {int(limit)} from sqlpipes_first".encode())
                rows = cursor.fetchall()
                found = self._rows(cursor, rows)
                cursor.execute(b"close sqlpipes_first")
                return found
            finally:
                if not outer:
                    with suppress(psycopg.Error):
                        self._driver.execute("rollback")

    @property
    def _tail(self) -> str:
        return f"\n{self._signature}" if self._signature else ""

    def _rows(self, cursor: psycopg.Cursor[Any], rows: Sequence[Any]) -> Rows:
        described = cursor.description or []
        oids = [(column.type_code, -1) for column in described]
        names = tuple(column.name for column in described)
        return Rows(names, self._type_names(oids), tuple(tuple(row) for row in rows))

    @contextmanager
    def _said(self, sql: str, before: str | None = "") -> Iterator[None]:
        """What psycopg raises, as ours. `before` stood before the text; None: around it, so no place of
        the server's is one of the text."""
        if "\0" in sql:  # where the driver would end it, and leave out what stands behind
            problem = Problem(NOT_HELD, "the statement holds a NUL, which Postgres' texts cannot")
            raise EngineError(problem, statement=sql)
        self._notes.clear()
        self._stopped = False
        began = time.monotonic()
        try:
            yield
        except psycopg.Error as error:
            said = statement_error(
                error,
                f"{before or ''}{sql}",
                lost=not self.is_open,
                stopped=self._stopped,
                late_s=self._late(began),
            )
            problems = [_moved(problem, before) for problem in said.problems]
            raise EngineError(*problems, statement=sql) from error
        except UnicodeEncodeError as error:
            problem = Problem("ENG004", f"the statement is no text: {error.reason}")
            raise EngineError(problem, statement=sql) from error
        if self._notes:
            raise cut_error(self._notes, sql)

    def _late(self, began: float) -> float | None:
        """The limit, when it may be what ended a statement."""
        limit = self._limit_s
        return limit if limit and time.monotonic() - began >= limit * 0.9 else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("begin")
        self._in_transaction = True
        try:
            yield
            self._commit()
        except BaseException:
            with suppress(psycopg.Error):
                self._driver.execute("rollback")
            for each in self._waiting:  # what went there inside is there no more
                each.sent = each.sent and not each.inside
            for each in [each for each in self._waiting if each.refused]:
                self._land_again(each)
            raise
        finally:
            self._in_transaction = False
            for each in self._waiting:
                each.inside = False

    def _commit(self) -> None:
        """The server answers ROLLBACK, and no error, where a statement before has failed."""
        with self._said("commit"):
            answer = self._driver.execute("commit").statusmessage
        if answer != "COMMIT":
            message = "the transaction was rolled back: a statement in it had failed"
            raise EngineError(Problem("ENG005", message), statement="commit")

    # --------------------------------------------------------------------------------- columns

    def columns(self, relation: Relation) -> tuple[tuple[str, str], ...] | None:
        found = self._rows_of(catalog.columns_sql(relation)).rows
        return tuple((str(name), str(kind)) for name, kind in found) or None

    def describe(self, sql: str) -> tuple[tuple[str, str], ...]:
        """The server is told to prepare the query, which binds it and runs nothing."""
        with self._said(sql):  # of rows that wait the columns are there
            pgconn = self._driver.pgconn
            for answer in (pgconn.prepare(b"", sql.encode()), pgconn.describe_prepared(b"")):
                if answer.status != ExecStatus.COMMAND_OK:
                    raise psycopg.errors.error_from_result(answer)
        names = [(answer.fname(i) or b"").decode() for i in range(answer.nfields)]
        oids = [(answer.ftype(i), answer.fmod(i)) for i in range(answer.nfields)]
        return tuple(zip(names, self._type_names(oids), strict=True))

    def _type_names(self, oids: Sequence[Oid]) -> tuple[str, ...]:
        unknown = sorted(set(oids) - self._types.keys())
        if unknown:
            pairs = ", ".join(f"({oid}::oid, {modifier})" for oid, modifier in unknown)
            sql = f"select format_type(oid, mod) from (values {pairs}) as t(oid, mod)"
            with self._said(sql):
                found = self._driver.execute(sql.encode()).fetchall()
            self._types.update(zip(unknown, (str(name) for (name,) in found), strict=True))
        return tuple(self._types[oid] for oid in oids)

    def meeting(self, there: str, here: str) -> tuple[tuple[str, str], ...]:
        """Types meet in a UNION, by the server's own rules."""
        mine = {name for name, _ in self.describe(here)}
        names = [name for name, _ in self.describe(there) if name in mine]
        if not names:
            return ()
        listed = ", ".join(identifier(name) for name in names)
        sql = f"select {listed} from (\n{there}\n) as t union all select {listed} from (\n{here}\n) as h"
        if self._in_transaction:
            self.execute("savepoint sqlpipes_meeting")
        try:
            return self.describe(sql)
        except EngineError:  # a date and a list have no type in common
            if self._in_transaction:
                self.execute("rollback to savepoint sqlpipes_meeting")
            return ()

    def standing(self, relation: Relation, *, alone: bool = False) -> Standing | None:
        return standing_of(self._rows_of, relation, alone=alone)

    def extras(self, relation: Relation, *, grants: bool) -> Seen | None:
        return extras_of(self._rows_of, relation, grants=grants)

    # ------------------------------------------------------------------------- rows in and out

    def frame(self, relation: Relation, form: Form = Form.NATIVE) -> Any:
        return self.query(f"select * from {quoted(relation)}", form)

    def query(self, sql: str, form: Form = Form.NATIVE) -> Any:
        for each in self._asked_for(sql):
            self._send(each)
        columns = self.describe(sql)
        try:
            with self._said(sql, None):
                return hand_over(self._driver, self._local, f"{sql}{self._tail}", columns, form)
        except duckdb.Error as error:
            raise duckdb_error(error, sql) from error

    def write_file(self, sql: str, path: str, form: str, options: Mapping[str, Plain]) -> int:
        """The rows come over here, and the local DuckDB writes them."""
        columns = self.describe(sql)
        try:
            with self._said(sql, None):
                rows, cursor = exact_rows(self._driver, self._local, sql, columns)
            told = [(row[0], row[1]) for row in cursor.execute(f"describe {rows}").fetchall()]
            cursor.execute(copy_sql(to_file(rows, told, form), path, form, options))
            row = cursor.fetchone()
            return int(row[0]) if row else 0
        except duckdb.Error as error:
            raise duckdb_error(error, sql) from error
        finally:
            self._local.release()

    def release(self) -> None:
        self._local.release()

    def load(self, relation: Relation, data: Any, columns: Sequence[tuple[str, str]] = ()) -> int:
        landed = land_value(self._local, data, columns)
        count = landed.count
        self._take(relation, landed)
        return count

    def give(self, sql: str) -> Stream:
        columns = self.describe(sql)
        try:
            with self._said(sql, None):
                demand_exact(self._driver, sql, columns)
                return give(self._driver, self._local, sql, columns)
        except duckdb.Error as error:
            raise duckdb_error(error, sql) from error

    def take(self, relation: Relation, stream: Stream) -> int:
        try:
            landed = arrived(self._local, stream)
        except duckdb.Error as error:
            raise duckdb_error(error, f"-- take rows into {quoted(relation)}") from error
        count = landed.count
        self._take(relation, landed)
        for waiting in [each for each in self._waiting if each.landed is landed]:
            self._send(waiting)
            self._forget(waiting)
        return count

    def load_files(
        self,
        relation: Relation,
        sql_of: Callable[[Mapping[str, str]], str],
        types: Mapping[str, str],
    ) -> None:
        again = partial(land_files, self._local, sql_of, types, self._knows)
        reads = sql_of(types)
        raw = raw_file(self._local, reads, types)
        self._take(relation, raw or again(), again, reads)

    def _knows(self, kind: str) -> bool:
        return self.fetch(f"select to_regtype({literal(kind)}) is not null").rows[0][0] is True

    def _take(
        self,
        relation: Relation,
        landed: Landed | RawFile,
        again: Callable[[], Landed] | None = None,
        reads: str = "",
    ) -> None:
        """Rows of a staging table wait until they are asked for; others go to the server at once."""
        table = quoted(relation)
        for old in [each for each in self._waiting if each.stage == table]:
            self._forget(old)
        how = "temp" if relation.schema == TEMPORARY else "unlogged"
        self._run(_making(table, landed, how))
        self._waiting.append(Waiting(table, landed, again, reads))
        if relation.schema != TEMPORARY:
            self._send(self._waiting[-1])
            self._forget(self._waiting[-1])

    def _send(self, waiting: Waiting) -> None:
        if not waiting.sent:
            self._copy(waiting, waiting.stage)
            waiting.sent, waiting.inside = True, self._in_transaction

    def _moved_along(self, waiting: Waiting, road: Road, sql: str) -> int:
        if road.create:
            self.execute(road.create)
        return self._copy(waiting, road.table, sql)

    def _copy(self, waiting: Waiting, table: str, sql: str = "") -> int:
        said = sql or f"-- copy rows into {table}"
        with self._said(said, None):
            try:
                return copy_in(self._driver, table, waiting.landed, self._local)
            except (NotAlike, psycopg.DataError) as error:
                if isinstance(waiting.landed, Landed):
                    is_nul = getattr(error, "sqlstate", None) == STATE
                    if is_nul and (found := nul_error(waiting.landed, waiting.reads, said)):
                        raise found from error
                    raise
                if waiting.again is None:
                    raise
                waiting.refused = True
        if self._in_transaction:  # which has failed: all of it is said again
            raise EngineError(Problem(CONFLICT, "the file is read once more"), statement=said)
        self._land_again(waiting)
        return self._copy(waiting, table, sql)

    def _land_again(self, waiting: Waiting) -> None:
        """What is wrong with the file, if anything is, is told by this."""
        assert waiting.again is not None
        waiting.refused = False
        waiting.landed = waiting.again()
        self._run(_making(waiting.stage, waiting.landed))

    def _forget(self, waiting: Waiting) -> None:
        self._waiting.remove(waiting)
        if isinstance(waiting.landed, Landed):
            waiting.landed.forget()

    def shared(self, name: str) -> Relation:
        """A table that the other threads see is one that everybody sees; it is dropped once fetched."""
        return Relation(shortened(f"sqlpipes_{name}"), self._schema)

    # ------------------------------------------------------------------------------ the end

    def interrupt(self) -> None:
        self._stopped = True
        self._local.interrupt()
        with suppress(psycopg.Error):
            self._driver.cancel_safe(timeout=CANCEL_S)

    @property
    def database(self) -> str:
        return self._driver.info.dbname

    @property
    def session(self) -> int:
        return self._driver.info.backend_pid

    @property
    def is_open(self) -> bool:
        return not (self._driver.closed or self._driver.broken)

    def close(self) -> None:
        self._local.close()
        self._end()


def _making(table: str, landed: Landed | RawFile, how: str = "temp") -> str:
    """Of a staging table: empty, its columns those that landed."""
    columns = columns_sql(landed.columns)
    return f"drop table if exists {table};\ncreate {how} table {table} (\n{columns}\n)"


def _note(notes: list[str], said: psycopg.errors.Diagnostic) -> None:
    if said.sqlstate == CUT:
        notes.append(said.message_primary or "")


def _moved(problem: Problem, before: str | None) -> Problem:
    """The place in the text itself; what stood before it ended with a line."""
    if before is None:
        return replace(problem, at=None)
    lines = before.count("\n")
    at = problem.at
    return replace(problem, at=replace(at, line=at.line - lines)) if at and lines else problem
