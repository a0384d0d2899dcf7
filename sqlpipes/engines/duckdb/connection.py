"""One thread's cursor on DuckDB: statements in, counts and rows out, every failure an EngineError."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import duckdb

from sqlpipes.core.carried import to_file
from sqlpipes.core.config import Plain
from sqlpipes.core.crossing import Stream
from sqlpipes.core.engine import Form, Rows, Standing
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.export import copy_sql
from sqlpipes.core.extras import Seen
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.engines.duckdb.crossing import arrive, leaving_sql
from sqlpipes.engines.duckdb.faults import statement_error
from sqlpipes.engines.duckdb.forms import as_form
from sqlpipes.engines.duckdb.loading import create_head, is_lazy, load
from sqlpipes.engines.duckdb.names import TEMPORARY
from sqlpipes.engines.endings import ended_in

SHARED = "sqlpipes_shared"  # a database in memory
STREAMS = (Form.READER, Form.LAZY)
RELATION = re.compile(r'select \* from "[^"]+"(\."[^"]+"){0,2}')
READING = frozenset({"SELECT", "MULTI"})  # MULTI: a PIVOT that looks for its columns


class DuckConnection:
    """See `core.engine.Connection`."""

    def __init__(
        self,
        open_cursor: Callable[[], duckdb.DuckDBPyConnection],
        catalog: str,
        quote: Callable[[Relation], str],
    ) -> None:
        self._open_cursor = open_cursor
        self._cursor = open_cursor()
        self._second: duckdb.DuckDBPyConnection | None = None  # see `_load_apart`
        self._lent: list[duckdb.DuckDBPyConnection] = []  # see `_lend`
        self._in_transaction = False
        self._catalog = catalog
        self._quote = quote
        self._limit_s: float | None = None

    def limit(self, seconds: float | None) -> None:
        self._limit_s = seconds

    def execute(self, sql: str) -> int | None:
        """Fetches the result as well: DuckDB streams, and a fault in the last row shows only then."""
        rows = self._run(sql)
        counted = len(rows.rows) == 1 and rows.columns == ("Count",)
        return int(rows.rows[0][0]) if counted else None

    def parse(self, sql: str) -> None:
        try:
            self._cursor.extract_statements(sql)
        except duckdb.Error as error:
            raise statement_error(error, sql) from error

    def fetch(self, sql: str, limit: int | None = None) -> Rows:
        return self._run(sql, limit)

    def _run(self, sql: str, limit: int | None = None) -> Rows:
        with self._limited(sql):
            return self._run_on(sql, limit)

    def _limited(self, sql: str) -> AbstractContextManager[None]:
        if self._limit_s is None:
            return nullcontext()
        return ended_in(self._limit_s, self.interrupt, sql)

    def _run_on(self, sql: str, limit: int | None) -> Rows:
        try:
            result = self._cursor.execute(sql)
            description = result.description or []
            rows = result.fetchall() if limit is None else result.fetchmany(limit)
        except duckdb.Error as error:
            raise statement_error(error, sql) from error
        names = tuple(str(column[0]) for column in description)
        types = tuple(str(column[1]) for column in description)
        return Rows(names, types, tuple(tuple(row) for row in rows))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("begin transaction")
        self._in_transaction = True
        try:
            yield
            self.execute("commit")
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._in_transaction = False

    def _roll_back(self) -> None:
        try:
            self.execute("rollback")
        except EngineError:
            # A failed commit has rolled back already. Anything else dies with the cursor.
            return

    def columns(self, relation: Relation) -> tuple[tuple[str, str], ...] | None:
        sql = (
            "select column_name, data_type from duckdb_columns() where "
            f"lower(database_name) = lower({literal(relation.catalog or self._catalog)}) and "
            f"lower(schema_name) = lower({literal(relation.schema)}) and "
            f"lower(table_name) = lower({literal(relation.name)}) order by column_index"
        )
        found = self.fetch(sql).rows
        return tuple((str(name), str(kind)) for name, kind in found) or None

    def describe(self, sql: str) -> tuple[tuple[str, str], ...]:
        if RELATION.fullmatch(sql):
            return self._standing_columns(sql)
        try:
            rows = self.fetch(f"describe\n{sql}").rows
        except EngineError as error:
            raise EngineError(*map(_line_up, error.problems), statement=sql) from error
        return tuple((str(row[0]), str(row[1])) for row in rows)

    def _standing_columns(self, sql: str) -> tuple[tuple[str, str], ...]:
        """Of a relation as it stands, which every step asks for: it is bound and no more. DESCRIBE is a
        query of its own and costs twice as much; it alone tells the places of faults in a query."""
        with self._limited(sql):
            try:
                found = self._cursor.sql(sql)
                return tuple(zip(found.columns, map(str, found.types), strict=True))
            except duckdb.Error as error:
                raise statement_error(error, sql) from error

    def meeting(self, there: str, here: str) -> tuple[tuple[str, str], ...]:
        try:
            return self.describe(f"{there} union all by name\n{here}")
        except EngineError:  # a date and a list have no type in common
            return ()

    def standing(self, relation: Relation, *, alone: bool = False) -> Standing | None:
        """Nothing keeps a relation from being replaced here: a view looks up its tables when it is read."""
        wanted = (
            f"lower(schema_name) = lower({literal(relation.schema)}) and lower(database_name) = "
            f"lower({literal(relation.catalog or self._catalog)}) and lower({{}}_name) = "
            f"lower({literal(relation.name)})"
        )
        found = self.fetch(
            f"select 'table' from duckdb_tables() where {wanted.format('table')} union all "
            f"select 'view' from duckdb_views() where {wanted.format('view')}"
        ).rows
        return Standing(str(found[0][0])) if found else None

    def extras(self, relation: Relation, *, grants: bool) -> Seen | None:
        """Nobody has rights here."""
        catalog, schema, name = (
            literal(part)
            for part in (relation.catalog or self._catalog, relation.schema, relation.name)
        )
        wanted = (
            f"lower(database_name) = lower({catalog}) and lower(schema_name) = lower({schema}) "
            f"and lower({{}}_name) = lower({name})"
        )
        tables, views = wanted.format("table"), wanted.format("view")
        found = self.fetch(
            f"select 'comment', '', comment, 0 from duckdb_tables() where {tables} union all "
            f"select 'comment', '', comment, 0 from duckdb_views() where {views} union all "
            f"select 'column', column_name, comment, column_index from duckdb_columns() "
            f"where {tables} union all "
            f"select 'index', index_name, '', 0 from duckdb_indexes() where {tables} order by 4"
        ).rows
        told = [(str(what), str(name), value or "") for what, name, value, _ in found]
        comments = [value for what, _, value in told if what == "comment"]
        if not comments:
            return None
        return Seen(
            comments[0],
            tuple((name, value) for what, name, value in told if what == "column"),
            indexes=tuple(name for what, name, _ in told if what == "index"),
        )

    def frame(self, relation: Relation, form: Form = Form.NATIVE) -> Any:
        return self.query(f"select * from {self._quote(relation)}", form)

    def query(self, sql: str, form: Form = Form.NATIVE) -> Any:
        try:
            self._demand_query(sql)
            if form in STREAMS and not self._in_transaction:
                return as_form(self._lend().sql(sql), form)
            return as_form(self._cursor.sql(sql), form, at_once=self._in_transaction)
        except duckdb.Error as error:
            raise statement_error(error, sql) from error

    def _demand_query(self, sql: str) -> None:
        """EngineError BLD020 for what is no query: it would not wait for checks, nor be undone."""
        said = [statement.type.name for statement in self._cursor.extract_statements(sql)]
        if len(said) == 1 and said[0] in READING:
            return
        if len(said) != 1:
            message = f"one query is wanted here, not {len(said)} statements"
            raise EngineError(Problem("BLD020", message), statement=sql)
        message = f"a query is wanted here, not {said[0].upper().replace('_', ' ')}"
        hint = "functions only read: what they return is written, once its checks have passed"
        raise EngineError(Problem("BLD020", message, hint=hint), statement=sql)

    def _lend(self) -> duckdb.DuckDBPyConnection:
        """A cursor for one stream: as long as rows of it are to come, it can do nothing else. Rows that
        a transaction has not committed are not seen by it."""
        self._lent.append(self._open_cursor())
        return self._lent[-1]

    def release(self) -> None:
        while self._lent:
            self._lent.pop().close()
        if not self._in_transaction:
            with suppress(duckdb.Error):  # nearly always there is none
                self._cursor.execute("rollback")

    def load(self, relation: Relation, data: Any, columns: Sequence[tuple[str, str]] = ()) -> int:
        target = self._quote(relation)
        temporary = relation.catalog == TEMPORARY
        try:
            if is_lazy(data):
                return self._load_apart(target, data, columns, temporary=temporary)
            return load(self._cursor, target, data, columns, temporary=temporary)
        except duckdb.Error as error:
            raise statement_error(error, f"-- load rows into {target}") from error

    def _load_apart(
        self, target: str, data: Any, columns: Sequence[tuple[str, str]], *, temporary: bool
    ) -> int:
        """Rows that are still on their way may come from a query of this very cursor, and a cursor
        that is given another statement drops the rest of them (1.5) or refuses (2.0). So a second
        cursor takes them in first, into a database in memory, which both see."""
        landing = identifier(f"sqlpipes_landing_{id(self)}")
        self._second = cursor = self._open_cursor()
        try:
            cursor.execute(f"attach ':memory:' as {landing}")
            rows = load(cursor, f"{landing}.main.landed", data, columns)
            create = create_head(target, temporary=temporary)
            self._cursor.execute(f"{create}from {landing}.main.landed").fetchall()
            return rows
        finally:
            self._second = None
            cursor.execute(f"detach database if exists {landing}")
            cursor.close()

    def give(self, sql: str) -> Stream:
        columns = self.describe(sql)
        try:
            leaving = self._lend().sql(leaving_sql(sql, columns))
            return Stream(columns, as_form(leaving, Form.READER))
        except duckdb.Error as error:
            raise statement_error(error, sql) from error

    def take(self, relation: Relation, stream: Stream) -> int:
        table = self._quote(relation)
        create = create_head(table, temporary=relation.catalog == TEMPORARY)
        try:
            return arrive(self._cursor, create, stream)
        except duckdb.Error as error:
            raise statement_error(error, f"-- take rows into {table}") from error

    def load_files(
        self,
        relation: Relation,
        sql_of: Callable[[Mapping[str, str]], str],
        types: Mapping[str, str],
    ) -> None:
        kind = "temp " if relation.catalog == TEMPORARY else ""
        table = self._quote(relation)
        self.execute(f"create or replace {kind}table {table} as\n{sql_of(types)}")

    def write_file(self, sql: str, path: str, form: str, options: Mapping[str, Plain]) -> int:
        rows = to_file(sql, self.describe(sql), form)
        return self.execute(copy_sql(rows, path, form, options)) or 0

    def shared(self, name: str) -> Relation:
        self.execute(f"attach if not exists ':memory:' as {SHARED}")
        return Relation(name, "main", SHARED)

    def interrupt(self) -> None:
        for cursor in (self._cursor, self._second, *self._lent):
            if cursor is not None:
                cursor.interrupt()

    @property
    def is_open(self) -> bool:
        return True

    def close(self) -> None:
        self.release()
        self._cursor.close()


def _line_up(problem: Problem) -> Problem:
    at = problem.at
    return replace(problem, at=replace(at, line=at.line - 1)) if at else problem
