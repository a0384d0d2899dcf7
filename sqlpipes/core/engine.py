"""What a warehouse must be able to do. Choices are made on `can`, never on an engine's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.extras import Seen
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.core.windows import Windows

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


class RelationType(StrEnum):
    TABLE = "table"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between warehouses and decides which statements are written."""

    transactional_ddl: bool = False  # BEGIN; CREATE TABLE ...; ROLLBACK leaves nothing
    transactional_rows: bool = (
        False  # asked where DDL has none: DELETE; INSERT; ROLLBACK leaves nothing
    )
    finds_by_index: bool = False  # rows of a key, and no other way: see `IndexesKeys`
    create_or_replace_table: bool = False
    merge: bool = False
    insert_by_name: bool = False
    reads_files: bool = False  # read_csv/read_parquet/read_json in SQL
    writes_files: bool = False  # its connections are `WritesFiles`
    renames: bool = False  # ALTER ... RENAME TO keeps the rows, and can be rolled back
    changes_schema: bool = False  # ALTER ... SET SCHEMA does, with all that stands on the table
    crosses: bool = False  # its connections are a `core.crossing.Carrier`
    parallel: bool = True  # several connections may write at once
    is_instant: str = "typeof({}) = 'TIMESTAMP WITH TIME ZONE'"  # of a column, as a predicate
    matches: str = "regexp_matches({}, {})"  # whether a text holds a regular expression
    comments: bool = False  # COMMENT ON relations and their columns
    grants: bool = False  # GRANT and REVOKE
    privileges: frozenset[str] = frozenset()  # on tables and views; none: any word may be one
    indexes: frozenset[str] = frozenset()  # the types that CREATE INDEX knows; none: no indexes
    partial_indexes: bool = False  # CREATE INDEX ... WHERE
    partitions: str = (
        ""  # a query of the names of a table's partitions; none: it has no such tables
    )
    incomparable: frozenset[str] = frozenset()  # types whose values are compared by their texts
    indexes_bind: bool = False  # a table with an index cannot be altered
    longest_name: int = 0  # bytes of a name; 0: any number
    qualifies: bool = False  # QUALIFY filters by window functions
    holds_nul: bool = True  # in names and texts
    conflicts_by_table: bool = False  # two that delete from one table at once, whatever its rows
    retypes: bool = True  # a column of a table can become of any type, as `retyped` says
    attempts: int = 5  # at a transaction that conflicts with others
    lock_timeout: str = ""  # a statement after which nobody waits longer than so many ms for a lock
    typed: bool = True  # a text becomes what it is compared with
    mark: str = '"'  # around names
    exact: str = "{}"  # a value that equals no other spelling of itself
    escapes: bool = False  # a backslash in a text is no character of it
    new_table: str = "create table {} as\n"  # before the SELECT of a table that stages rows
    replaces_views: bool = True  # CREATE OR REPLACE VIEW
    reads_views: bool = True  # CREATE VIEW fails where the view could not be read
    temporary: str = "temp"  # stands after CREATE
    text: str = "varchar"  # the type of texts of any length
    date: str = "date '{}'"
    timestamp: str = "timestamp '{}'"
    instant: str = "timestamptz '{}'"
    times: tuple[str, ...] = ("TIMESTAMP", "DATE")  # how the names of types of time begin
    earlier: str = "{} - interval '{} seconds'"
    casts: bool = True  # to every type that a column can have
    full_join: bool = True
    converted: str = "cast({} as {})"  # a value as the type of a column that is told
    retyped: str = "alter column {name} set data type {type} using cast({name} as {type})"
    differs: str = "{} is distinct from {}"
    sets: str = ""  # before the name of a column that an UPDATE sets
    update: str = "update {table} as old set {values}\nfrom {rows} as new\nwhere {where}"

    def any_of(self, texts: Iterable[str]) -> str:
        """What stands in the parentheses of IN; a number as both where nothing makes it one.

        >>> Capabilities().any_of(["eu", "7"]), Capabilities(typed=False).any_of(["eu", "7"])
        ("'eu', '7'", "'eu', '7', 7")
        """
        said = []
        for text in texts:
            said.append(self.value(text))
            if not self.typed and NUMBER.fullmatch(text):
                said.append(text)
        return ", ".join(said)

    def null(self, kind: str, like: str = "") -> str:
        """A NULL of a type; `like` is a value of it, where there may be no other that tells it.

        >>> Capabilities().null("int"), Capabilities(casts=False).null("int", "x")
        ('cast(null as int)', 'case when false then x end')
        """
        if self.casts:
            return f"cast(null as {kind})"
        return f"case when false then {like} end" if like else "null"

    def name(self, name: str) -> str:
        """A name in a statement, whatever it contains."""
        return identifier(name, self.mark)

    def value(self, value: object) -> str:
        """A value in a statement; texts are cast to the type that they are compared with."""
        return literal(value, escapes=self.escapes)


@dataclass(frozen=True, slots=True)
class Dependant:
    """What stands on a relation and keeps it from being dropped: `kind` is view, foreign key ..."""

    kind: str
    relation: Relation
    restore: tuple[str, ...] = ()  # once it is made again: its owner, rights and comments


@dataclass(frozen=True, slots=True)
class Standing:
    """A relation as it stands: `dependants` in the order in which they can be dropped.

    `restore` gives a relation that takes its place its rights and comments; `on_columns` are statements
    of a table with the columns that they need: constraints, indexes, defaults, triggers ...
    """

    kind: str  # table, view, materialized view ...
    dependants: tuple[Dependant, ...] = ()
    restore: tuple[str, ...] = ()
    on_columns: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Deed:
    """A statement that brings what is staged before its readers. It may be said again after a kill:
    only while all that it `needs` is there."""

    sql: str
    needs: tuple[Relation, ...] = ()
    lacks: tuple[Relation, ...] = ()  # and only while none of these is
    unless: str = ""  # a query of one value: whether it has been done already
    is_atomic: bool = True  # cut off, it has done all or nothing
    cleans: bool = False  # it drops what nobody needs once all others are done
    then: tuple[str, ...] = ()  # what is said after it, in one transaction with it


class Publishing(Protocol):
    """How an engine whose DDL cannot be rolled back puts staged rows in the place of others."""

    @property
    def builder(self) -> str:
        """Letters and digits that no other open engine has: what is staged is named after them."""

    @property
    def moves(self) -> bool:
        """Whether a swap takes the staging table itself, and leaves none behind."""

    def head(self, table: str, along: Sequence[str] = ()) -> str:
        """What stands before the SELECT of a new table, which lies along these columns."""

    def rename(self, table: Relation, to: Relation) -> str:
        """The statement that gives a table another name in its schema."""

    def layout(self, cut: Partitioning, columns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The columns that a table must lie along so that slices of it can be replaced; maybe none."""

    def swap(
        self,
        staged: Relation,
        table: Relation,
        old: Relation,
        there: RelationType | None,
        along: Sequence[str] = (),
    ) -> tuple[Deed, ...]:
        """The staged table takes the place of whatever is `there`; `old` is a free name beside it."""

    def slices(
        self,
        connection: Connection,
        staged: Relation,
        table: Relation,
        columns: Sequence[tuple[str, str]],
        cut: Partitioning,
        inside: str,
    ) -> tuple[Deed, ...] | None:
        """The rows that are `inside` give way to the staged ones; `columns` are the table's.

        None: this table's slices cannot be replaced, and all of it must be written anew.
        """


class Form(StrEnum):
    """How a Python asset wants its rows handed over."""

    NATIVE = "native"  # the engine's own lazy handle (DuckDB: DuckDBPyRelation)
    ARROW = "arrow"  # pyarrow.Table
    POLARS = "polars"  # polars.DataFrame
    READER = "reader"  # pyarrow.RecordBatchReader: batch by batch
    LAZY = "lazy"  # polars.LazyFrame
    PANDAS = "pandas"  # pandas.DataFrame
    ROWS = "rows"  # list of dicts


@dataclass(frozen=True, slots=True)
class Rows:
    """A result in memory: column names, their types as the engine says them, and the rows."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)


class Connection(Protocol):
    """One thread's way to the warehouse. Every failure is raised as EngineError with the statement.

    A problem that the engine could place in the statement has `at` with an empty file name: line and
    column of the statement.
    """

    def execute(self, sql: str) -> int | None:
        """Run one statement; the number of rows it wrote, where the engine says so."""

    def parse(self, sql: str) -> None:
        """Raise EngineError when the engine cannot read the text; nothing is run or looked up."""

    def fetch(self, sql: str, limit: int | None = None) -> Rows: ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit on a clean exit, roll back on any exception (KeyboardInterrupt included)."""

    def columns(self, relation: Relation) -> tuple[tuple[str, str], ...] | None:
        """(name, type) in order, or None when the relation does not exist."""

    def describe(self, sql: str) -> tuple[tuple[str, str], ...]:
        """(name, type) of the columns that a SELECT yields, without running it."""

    def meeting(self, there: str, here: str) -> tuple[tuple[str, str], ...]:
        """(name, type) in which the columns of two SELECTs, matched by name, meet; none if they do not.

        A transaction goes on whatever comes of it.
        """

    def standing(self, relation: Relation, *, alone: bool = False) -> Standing | None:
        """What stands at that name and what stands on it; asked where nothing replaces a table.

        `alone`: only its kind is wanted, which costs less.
        """

    def extras(self, relation: Relation, *, grants: bool) -> Seen | None:
        """What it has beside its rows; asked where `can` says that there is any such thing. Rights and
        roles only with `grants`."""

    def frame(self, relation: Relation, form: Form = Form.NATIVE) -> Any:
        """The relation's rows, for Python assets: lazy as the engine's own handle, or read into a frame."""

    def query(self, sql: str, form: Form = Form.NATIVE) -> Any:
        """The rows of a SELECT, in the same forms. Several streams may be open at once."""

    def release(self) -> None:
        """End the streams that were handed out and are not read to their end."""

    def load(self, relation: Relation, data: Any, columns: Sequence[tuple[str, str]] = ()) -> int:
        """Create or replace `relation` from data; the number of rows.

        Data is a list or iterator of dicts, a dict of columns, anything that speaks Arrow (polars,
        pandas, pyarrow), or a native handle. `columns` gives (name, type) for data that has no rows
        to tell them from.
        """

    def load_files(
        self,
        relation: Relation,
        sql_of: Callable[[Mapping[str, str]], str],
        types: Mapping[str, str],
    ) -> None:
        """The same from data files; asked of an engine that reads none itself.

        `types` are declared ones, by column; `sql_of` makes of those that DuckDB knows its SELECT.
        """

    def shared(self, name: str) -> Relation:
        """Where a table stands that all connections of this process see, and nobody else."""

    def interrupt(self) -> None:
        """Stop the statement that is running, from another thread."""

    @property
    def is_open(self) -> bool:
        """Whether anything can still be said over it: a server may have ended it."""

    def close(self) -> None: ...


@runtime_checkable
class WritesFiles(Protocol):
    """A connection of an engine whose `can` says that it writes files."""

    def write_file(self, sql: str, path: str, form: str, options: Mapping[str, Plain]) -> int:
        """Write the rows of a SELECT to a file of this machine that is not there yet; their number.

        `form`: parquet, csv or json; `options` are those of DuckDB's COPY.
        """


@runtime_checkable
class Signs(Protocol):
    """A connection to a server, which can be told on whose behalf it speaks."""

    def sign(self, comment: str) -> None:
        """Stands as a comment in each statement from now on; "" for none."""


@runtime_checkable
class Limits(Protocol):
    """A connection whose statements can be given an end."""

    def limit(self, seconds: float | None) -> None:
        """None of them may take longer from now on: EngineError ENG068. None: as long as they like."""


@runtime_checkable
class IndexesKeys(Protocol):
    """A connection of an engine whose `can` says that it finds rows of a key by an index only."""

    def index_sql(self, relation: Relation, columns: Sequence[str]) -> str | None:
        """The statement that makes one on these columns; None where it has one or can have none."""


@runtime_checkable
class EndsRuns(Protocol):
    """An engine of a server that knows which of its sessions are a run's, and can end those of another."""

    def belong(self, run_id: str) -> None:
        """Each connection that is made from now on is one of this run's."""

    def end_run(self, run_id: str) -> None:
        """End the sessions of a run that is taken for dead: their transactions are rolled back, their
        locks go. One that the server does not let us end stays."""


class Engine(Protocol):
    """An open warehouse. Made by `sqlpipes.engines.open_engine`, closed by whoever opened it."""

    dialect: str
    can: Capabilities
    catalog: str | None  # the database that unqualified names live in

    def connect(self) -> Connection: ...

    def relations(self) -> Mapping[Relation, RelationType]:
        """Every table and view of the warehouse, in one query."""

    def all_columns(self) -> Mapping[Relation, tuple[tuple[str, str], ...]]:
        """(name, type) of every relation, in one query."""

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        """Those that are not there yet, in the target's own database or in another one."""

    def quote(self, relation: Relation) -> str:
        """The relation as it stands in a statement."""

    def temporary(self, name: str) -> Relation:
        """Where a table stands that only the connection that made it sees, and that dies with it."""

    def token_sql(self, relation: Relation, changes: str) -> str:
        """A query of one row and one column that differs when the relation's content does."""

    def windows(
        self,
        connection: Connection,
        relation: Relation,
        changes: str,
        cut: Partitioning,
        where: str = "",
    ) -> Windows:
        """The token of each window of a relation, in one pass; windows are cut as slices would be.

        `where`: of these rows only.

        Raises EngineError SRC002 when a column is missing, of a type that is not cut so, or when
        there are too many windows.
        """

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Engines:
    """The open warehouses of a target: its own, and those of `engines:` that assets live in, by name."""

    own: Engine
    others: Mapping[str, Engine] = field(default_factory=dict)
    at_end: tuple[Callable[[], None], ...] = ()  # before they are closed; may be called again
    permits: tuple[Callable[[], None], ...] = ()  # raise where nothing may be published any more

    def named(self, engine: str) -> Engine:
        return self.others[engine] if engine else self.own

    @property
    def each(self) -> Mapping[str, Engine]:
        """By name; the target's own has none."""
        return {"": self.own, **self.others}

    def permit(self) -> None:
        for call in self.permits:
            call()

    def close(self) -> None:
        for call in self.at_end:
            call()
        for engine in (*self.others.values(), self.own):
            engine.close()
