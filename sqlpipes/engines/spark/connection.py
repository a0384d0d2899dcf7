"""One thread's way to Spark: statements in, rows out, every failure an EngineError.

All threads share one session; what a connection runs has a tag of its own, by which it is stopped.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from sqlpipes.core.crossing import Stream
from sqlpipes.core.engine import Form, Rows, Standing
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import Relation
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.local import Local
from sqlpipes.engines.signing import comment_of, too_long
from sqlpipes.engines.spark.crossing import arriving, leaving, leaving_sql
from sqlpipes.engines.spark.ending import End
from sqlpipes.engines.spark.faults import condition_of, is_lost, session_error, statement_error
from sqlpipes.engines.spark.line import Line, Session
from sqlpipes.engines.spark.names import OURS, identifier, quoted
from sqlpipes.engines.spark.rows import Landed, hand_over, land_files, land_value, python_rows

ABSENT = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "NO_SUCH_TABLE")
FAILS = (Exception,)  # gRPC and pyspark have no common one


class SparkConnection:
    """See `core.engine.Connection`. `own` names tables of this build, and `head` says what stands before
    the SELECT of a new one."""

    def __init__(
        self, line: Line, own: Callable[[str], Relation], head: Callable[[str], str]
    ) -> None:
        self._line = line
        self._session = line.session()
        self._own = own
        self._head = head
        self._tag = f"sqlpipes-{uuid.uuid4().hex[:12]}"
        self._local = Local()
        self._stopped = False
        self._signature = ""
        self._limit_s: float | None = None

    def sign(self, comment: str) -> None:
        self._signature = comment_of(comment)

    def limit(self, seconds: float | None) -> None:
        self._limit_s = seconds

    # ------------------------------------------------------------------------------ statements

    def execute(self, sql: str) -> int | None:
        """Spark does not say how many rows it has written."""
        with self._said(sql):
            self._session.sql(self._signed(sql))
        return None

    def _signed(self, sql: str) -> str:
        """The comment stands behind the text, which servers of Spark keep as a whole."""
        return f"{sql}\n{self._signature}" if self._signature else sql

    def parse(self, sql: str) -> None:
        """The server reads no text without looking names up, so the project's own parser has to do."""

    def fetch(self, sql: str, limit: int | None = None) -> Rows:
        with self._said(sql):
            frame = self._asked(self._signed(sql))
            table, schema = _answer(frame if limit is None else frame.limit(limit), self._session)
        kinds = _types(schema)
        names = tuple(name for name, _ in kinds)
        return Rows(names, tuple(kind for _, kind in kinds), python_rows(table))

    def _asked(self, sql: str) -> Any:
        """A frame of which the server has not heard yet: `session.sql` would have it analysed once more."""
        from pyspark.sql.connect.dataframe import DataFrame
        from pyspark.sql.connect.plan import SQL

        return DataFrame(SQL(sql), self._session)

    @contextmanager
    def _said(self, sql: str) -> Iterator[None]:
        """What pyspark and gRPC raise, as ours."""
        self._stopped = False
        self._demand(sql)
        self._session.addTag(self._tag)
        end = End(self._limit_s, self._stop)
        try:
            with end:
                yield
        except EngineError:
            raise
        except FAILS as error:
            if is_lost(error):
                self._line.lose(self._session)
            elif end.came and self._limit_s is not None:
                raise too_long(self._limit_s, sql) from error
            raise statement_error(error, sql, stopped=self._stopped) from error
        finally:
            with suppress(*FAILS):
                self._session.removeTag(self._tag)

    def _demand(self, sql: str) -> None:
        """A server that is gone would be waited for once more by each statement."""
        if not self.is_open:
            raise session_error(sql)

    def _stop(self) -> None:
        if self.is_open:
            with suppress(*FAILS):
                self._session.interruptTag(self._tag)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """There are none: what is said is done. See `Capabilities.transactional_ddl`."""
        yield

    # --------------------------------------------------------------------------------- columns

    def columns(self, relation: Relation) -> tuple[tuple[str, str], ...] | None:
        sql = f"select * from {quoted(relation)}"
        self._demand(sql)
        self._session.addTag(self._tag)
        try:
            return _types(self._asked(sql).schema)
        except FAILS as error:
            if condition_of(error).startswith(ABSENT):
                return None
            if is_lost(error):
                self._line.lose(self._session)
            raise statement_error(error, sql, stopped=self._stopped) from error
        finally:
            with suppress(*FAILS):
                self._session.removeTag(self._tag)

    def describe(self, sql: str) -> tuple[tuple[str, str], ...]:
        """The server analyses the query; it is run only when its rows are asked for."""
        with self._said(sql):
            return _types(self._asked(sql).schema)

    def meeting(self, there: str, here: str) -> tuple[tuple[str, str], ...]:
        """Types meet in a UNION, by the server's own rules."""
        mine = {name.casefold() for name, _ in self.describe(here)}
        names = [name for name, _ in self.describe(there) if name.casefold() in mine]
        if not names:
            return ()
        listed = ", ".join(identifier(name) for name in names)
        sql = f"select {listed} from (\n{there}\n) as t union all select {listed} from (\n{here}\n) as h"
        try:
            return self.describe(sql)
        except EngineError:  # a date and a list have no type in common
            return ()

    def standing(self, relation: Relation, *, alone: bool = False) -> Standing | None:
        """Nothing keeps a relation of Spark's from being dropped."""
        if self.columns(relation) is None:
            return None
        found = self.fetch(f"describe table extended {quoted(relation)}").rows
        kind = next((str(row[1]) for row in found if str(row[0]).strip() == "Type"), "MANAGED")
        return Standing("view" if "VIEW" in kind else "table")

    def extras(self, relation: Relation, *, grants: bool) -> None:
        """Nothing that this engine writes: see `Capabilities`."""

    # ------------------------------------------------------------------------- rows in and out

    def frame(self, relation: Relation, form: Form = Form.NATIVE) -> Any:
        return self.query(f"select * from {quoted(relation)}", form)

    def query(self, sql: str, form: Form = Form.NATIVE) -> Any:
        with self._said(sql):
            table, _ = _answer(self._asked(self._signed(sql)), self._session)
        try:
            return hand_over(self._local, table, form)
        except duckdb.Error as error:
            raise duckdb_error(error, sql) from error

    def release(self) -> None:
        self._local.release()

    def load(self, relation: Relation, data: Any, columns: Sequence[tuple[str, str]] = ()) -> int:
        return self._land(relation, land_value(self._local, data, columns))

    def load_files(
        self,
        relation: Relation,
        sql_of: Callable[[Mapping[str, str]], str],
        types: Mapping[str, str],
    ) -> None:
        self._land(relation, land_files(self._local, sql_of, types))

    def _land(self, relation: Relation, landed: Landed) -> int:
        table = quoted(relation)
        self.execute(f"drop table if exists {table}")
        self._send(landed.table, f"{self._head(table)}select {landed.selected} from {{}}")
        return landed.count

    def _send(self, rows: Any, sql: str) -> None:
        """Rows of a pyarrow.Table by way of a view of this session, whose name `sql` has a place for."""
        view = f"{OURS}{uuid.uuid4().hex[:12]}"
        with self._said(f"-- rows for {sql}"):
            self._session.createDataFrame(rows).createOrReplaceTempView(view)
        try:
            self.execute(sql.replace("{}", identifier(view)))
        finally:
            with suppress(EngineError):
                self.execute(f"drop view if exists {identifier(view)}")

    def give(self, sql: str) -> Stream:
        asked = leaving_sql(sql, self.describe(sql))
        with self._said(asked):
            return leaving(self._batches(asked), self._local)

    def _batches(self, sql: str) -> Any:
        """A pyarrow.RecordBatchReader of what the server sends. Its first batch is waited for here."""
        import pyarrow

        frame = self._asked(self._signed(sql))
        plan = frame._plan.to_proto(self._session.client)
        found = self._session.client.to_table_as_iterator(plan, frame._plan.observations)
        tables = (each for each in found if isinstance(each, pyarrow.Table))
        first = next(tables, None)
        if first is None:
            return frame.toArrow().to_reader()

        def batches() -> Iterator[Any]:
            yield from first.to_batches()
            for table in tables:
                yield from table.to_batches()

        return pyarrow.RecordBatchReader.from_batches(first.schema, batches())

    def take(self, relation: Relation, stream: Stream) -> int:
        table, count = quoted(relation), 0
        self.execute(f"drop table if exists {table}")
        begin = self._head(table)
        try:
            arrived = arriving(self._local, stream)
            for portion in arrived.portions:
                self._send(portion, f"{begin}select {arrived.selected} from {{}}")
                begin = f"insert into {table}\n"
                count += portion.num_rows
        except duckdb.Error as error:
            raise duckdb_error(error, f"-- take rows into {table}") from error
        return count

    def shared(self, name: str) -> Relation:
        """A table that the other threads see is one that everybody sees; it is dropped once fetched."""
        return self._own(name)

    # ------------------------------------------------------------------------------ the end

    def interrupt(self) -> None:
        self._stopped = True
        self._local.interrupt()
        self._stop()

    @property
    def is_open(self) -> bool:
        return self._line.holds(self._session)

    def close(self) -> None:
        self._local.close()


def _answer(frame: Any, session: Session) -> tuple[Any, Any]:
    """A frame's rows as a pyarrow.Table and its schema, which come with them: one question, not three."""
    from pyspark.sql.pandas.types import to_arrow_schema

    plan, client = frame._plan, session.client
    rows, schema, _ = client.to_table(plan.to_proto(client), plan.observations)
    schema = schema or frame.schema
    wanted = to_arrow_schema(schema, error_on_duplicated_field_names_in_struct=True, timezone="UTC")
    return rows.cast(wanted), schema


def _types(schema: Any) -> tuple[tuple[str, str], ...]:
    """(name, type) of a StructType's columns, as Spark's SQL spells them."""
    return tuple((field.name, str(field.dataType.simpleString())) for field in schema.fields)
