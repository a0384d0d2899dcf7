"""A driver's connection -> statements said and rows fetched, every failure an EngineError.

psycopg runs in autocommit; transactions are begun and ended in words, so that what is open is always known.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
from psycopg.pq import ExecStatus

from sqlpipes.core.engine import Rows, Standing
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.extras import Seen
from sqlpipes.core.faults import NOT_HELD
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.engines.postgres import catalog
from sqlpipes.engines.postgres.faults import CUT, cut_error, is_cut, statement_error
from sqlpipes.engines.postgres.standing import extras_of, standing_of
from sqlpipes.engines.signing import comment_of, signed

Driver = psycopg.Connection[Any]
Oid = tuple[int, int]  # of a type, and its modifier

COUNTED = ("INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "COPY")
SELECTS = ("select", "with", "values", "table")


class Speaker:
    """The half of a connection that says things. `types` is shared by all connections of an engine."""

    def __init__(self, driver: Driver, types: dict[Oid, str]) -> None:
        self._driver = driver
        self._types = types
        self._notes: list[str] = []  # names that the server has cut
        self._in_transaction = False
        self._stopped = False
        self._signature = ""  # a comment
        self._limit_s: float | None = None
        self._usual: str | None = None  # statement_timeout, before anybody limited it
        driver.add_notice_handler(partial(_note, self._notes))  # which must not keep us alive
        # One that is left to a function which does not come back is closed when nobody has it any more.
        self._end = weakref.finalize(self, driver.close)

    def sign(self, comment: str) -> None:
        self._signature = comment_of(comment)

    def limit(self, seconds: float | None) -> None:
        if seconds == self._limit_s:
            return
        if self._usual is None:
            self._usual = str(self._rows_of("show statement_timeout").rows[0][0])
        said = self._usual if seconds is None else f"{max(1, round(seconds * 1000))}ms"
        self._run(f"set statement_timeout = {literal(said)}")
        self._limit_s = seconds

    def parse(self, sql: str) -> None:
        """The server reads no text without looking names up, so the project's own parser has to do."""

    def _run(self, sql: str) -> int | None:
        text, head = signed(sql, self._signature)
        with self._said(sql, head), self._driver.cursor() as cursor:
            cursor.execute(text.encode())
            while cursor.nextset():
                continue
            tag = (cursor.statusmessage or "").split(" ")[0]
            return cursor.rowcount if tag in COUNTED and cursor.rowcount >= 0 else None

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
            if self._notes and is_cut(error):
                raise cut_error(self._notes, sql) from error
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
        self._run("begin")
        self._in_transaction = True
        try:
            yield
            self._commit()
        except BaseException:
            with suppress(psycopg.Error):
                self._driver.execute("rollback")
            self._rolled_back()
            raise
        finally:
            self._in_transaction = False
            self._ended()

    def _rolled_back(self) -> None:
        """What else has to be taken back with a transaction."""

    def _ended(self) -> None:
        """And what is over with it, however it ended."""

    def _commit(self) -> None:
        """The server answers ROLLBACK, and no error, where a statement before has failed."""
        with self._said("commit"):
            answer = self._driver.execute("commit").statusmessage
        if answer != "COMMIT":
            message = "the transaction was rolled back: a statement in it had failed"
            raise EngineError(Problem("ENG005", message), statement="commit")

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
            self._run("savepoint sqlpipes_meeting")
        try:
            return self.describe(sql)
        except EngineError:  # a date and a list have no type in common
            if self._in_transaction:
                self._run("rollback to savepoint sqlpipes_meeting")
            return ()

    def standing(self, relation: Relation, *, alone: bool = False) -> Standing | None:
        return standing_of(self._rows_of, relation, alone=alone)

    def extras(self, relation: Relation, *, grants: bool) -> Seen | None:
        return extras_of(self._rows_of, relation, grants=grants)

    @property
    def database(self) -> str:
        return self._driver.info.dbname

    @property
    def session(self) -> int:
        return self._driver.info.backend_pid

    @property
    def is_open(self) -> bool:
        return not (self._driver.closed or self._driver.broken)


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
