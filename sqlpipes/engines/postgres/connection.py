"""One thread's connection to Postgres: how statements are said stands in `speaking.py`, and here how rows
come in and go out. Those that have landed wait until a statement asks for them (`waiting.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import duckdb
import psycopg

from sqlpipes.core.carried import to_file
from sqlpipes.core.config import Plain
from sqlpipes.core.crossing import Stream
from sqlpipes.core.engine import Form, Rows
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.export import copy_sql
from sqlpipes.core.sql import Relation, literal
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.local import Local
from sqlpipes.engines.postgres.crossing import (
    arrived,
    demand_exact,
    demand_no_nul,
    give,
    named_columns,
)
from sqlpipes.engines.postgres.exact import exact_rows
from sqlpipes.engines.postgres.faults import CONFLICT, demand_short
from sqlpipes.engines.postgres.handing import hand_over
from sqlpipes.engines.postgres.headers import name_in_file
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
from sqlpipes.engines.postgres.speaking import Driver, Oid, Speaker
from sqlpipes.engines.postgres.waiting import Road, Waiting

CANCEL_S = 5.0


class PostgresConnection(Speaker):
    """See `core.engine.Connection`. `types` is shared by all connections of an engine."""

    def __init__(self, driver: Driver, types: dict[Oid, str], schema: str) -> None:
        super().__init__(driver, types)
        self._schema = schema  # of the tables that several connections see
        self._local = Local()
        self._waiting: list[Waiting] = []

    # ------------------------------------------------------------------------------ statements

    def execute(self, sql: str) -> int | None:
        for each in self._asked_for(sql):
            if road := each.road(sql):
                return self._moved_along(each, road, sql)
            if each.is_dropped_by(sql):
                self._forget(each)
            else:
                self._send(each)
        return self._run(sql)

    def fetch(self, sql: str, limit: int | None = None) -> Rows:
        for each in self._asked_for(sql):
            self._send(each)
        return self._rows_of(sql, limit)

    def _asked_for(self, sql: str) -> list[Waiting]:
        return [each for each in self._waiting if each.stage in sql]

    def _rolled_back(self) -> None:
        for each in self._waiting:  # what went there inside is there no more
            each.sent = each.sent and not each.inside
        for each in [each for each in self._waiting if each.refused]:
            self._land_again(each)

    def _ended(self) -> None:
        for each in self._waiting:
            each.inside = False

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
            raise named_columns(duckdb_error(error, sql), columns) from error

    def take(self, relation: Relation, stream: Stream) -> int:
        try:
            landed = arrived(self._local, stream)
        except duckdb.Error as error:
            raise duckdb_error(error, f"-- take rows into {quoted(relation)}") from error
        count = landed.count
        self._take(relation, landed)
        for waiting in [each for each in self._waiting if each.landed is landed]:
            try:
                self._send(waiting)
            except EngineError:
                demand_no_nul(landed)
                raise
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
        names = [name for name, _ in landed.columns]
        demand_short(names, f"-- load {table}", partial(name_in_file, reads))
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

    def close(self) -> None:
        self._local.close()
        self._end()


def _making(table: str, landed: Landed | RawFile, how: str = "temp") -> str:
    """Of a staging table: empty, its columns those that landed."""
    columns = columns_sql(landed.columns)
    return f"drop table if exists {table};\ncreate {how} table {table} (\n{columns}\n)"
