"""What a step will say to the warehouse, as values: shown by `plan --sql`, then run as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum

from sqlpipes.core.asset import Asset
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Capabilities, Connection, Deed, RelationType
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.export import Export
from sqlpipes.core.partitions import Partitioning, Partitions
from sqlpipes.core.sql import Relation
from sqlpipes.run.query import Query


class Purpose(StrEnum):
    """What a statement is for; it decides what its result means."""

    PREPARE = "prepare"  # make room, make a staging table
    HOOK = "hook"  # the user's own statement
    WRITE = "write"  # its count is the number of rows written
    COUNT = "count"  # a query of the number of rows written
    AUDIT = "audit"  # a query; any row of it is a fault
    FIT = "fit"  # a query that is only described: its columns say what runs next
    COPY = "copy"  # its rows go to files that wait to be published
    PUBLISH = "publish"  # it brings staged rows before their readers, once the checks have passed
    CLEAN = "clean"


def insert_head(table: str, can: Capabilities) -> str:
    """What stands before the SELECT of an insert; `table` is quoted.

    Where columns cannot be matched by name, they are listed when the SELECT has been asked for them.
    """
    return f"insert into {table}{' by name' if can.insert_by_name else ''}\n"


IN_PLACE = "-- where a table of the same columns stands: its rows are deleted, and these inserted\n"


def create_head(table: str, can: Capabilities) -> str:
    """What stands before the SELECT of a table that takes the place of any other."""
    if can.create_or_replace_table:
        return f"create or replace table {table} as\n"
    return f"{IN_PLACE}create table {table} as\n"


def stage_head(table: str, can: Capabilities) -> str:
    """The same for a table that only this connection sees."""
    if not can.transactional_ddl:
        return can.new_table.format(table)
    if can.create_or_replace_table:
        return f"create or replace {can.temporary} table {table} as\n"
    return f"drop table if exists {table};\ncreate {can.temporary} table {table} as\n"


@dataclass(frozen=True, slots=True)
class Opens:
    """Slices whose partitions must be there before rows of theirs are written."""

    relation: Relation
    cut: Partitioning
    slices: Partitions


@dataclass(frozen=True, slots=True)
class Made:
    """What a CREATE puts in the place of whatever stands there."""

    relation: Relation
    kind: RelationType


@dataclass(frozen=True, slots=True)
class Output:
    """Rows of a table on their way to a file, or of a cut one to a file for each of its slices.

    `whole`: all slices that the folder is to have afterwards; None: those besides `slices` stay.
    """

    table: str
    export: Export
    cut: Partitioning | None
    slices: Partitions
    whole: Partitions | None = None


Columns = tuple[tuple[str, str], ...]
"""(name, type) in order."""

Fit = Callable[[Columns, Columns | None, datetime], "Fitted"]
"""Columns of the query, of the table (None: there is none), and the build's time, naive UTC.

A type of the query whose values the table's own can hold is told as the table's.
"""


Decides = Callable[[Connection], "tuple[Statement, ...]"]
"""Asks the warehouse, when its turn has come."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `query` is the user's text in it, `offset` where in `sql` that text begins."""

    sql: str
    purpose: Purpose
    fault: Problem | None = None  # of an AUDIT: what it means when a row comes back
    query: Query | None = None
    offset: int = 0
    into: str | None = None  # of an insert: the table that its rows must fit
    select: int = 0  # of an insert or a CREATE: where in `sql` the SELECT begins
    fills: str | None = (
        None  # of an insert: the table whose columns are those of the SELECT by name
    )
    makes: Made | None = None  # of a CREATE of a relation that readers see
    disturbs: Relation | None = None  # of an ALTER that views on the table may forbid
    opens: Opens | None = None  # of a CREATE or an insert: partitions that it needs
    plain: Relation | None = None  # of an insert: what the server must not cut for us any more
    extras: Asset | None = None  # it stands for what this one lacks beside its rows
    at: Location | None = None  # where it is asked for, when that is no query
    fit: Fit | None = field(default=None, compare=False)  # of a FIT; it may raise EngineError
    relation: Relation | None = None  # of a FIT: what the query's columns are held against
    output: Output | None = None  # of a COPY
    deed: Deed | None = None  # of a PUBLISH
    again: bool = False  # it is needed only where this build has tried the same before
    decides: Decides | None = field(default=None, compare=False)  # what is said in its place

    @property
    def rows(self) -> Statement:
        """The SELECT of an insert or a CREATE on its own."""
        return self.headed("")

    def headed(self, head: str) -> Statement:
        """The same SELECT after another head; nothing is left to be found out about it."""
        moved = len(head) - self.select
        sql, offset = head + self.sql[self.select :], self.offset + moved
        found = replace(self, sql=sql, offset=offset, select=len(head))
        return replace(found, into=None, fills=None, makes=None, opens=None)

    def place(self, line: int, column: int) -> Location | None:
        """The place in the user's file of a line and column of this statement, if it is theirs.

        >>> Statement("drop table x", Purpose.PREPARE).place(1, 1)
        """
        if self.query is None:
            return None
        starts = [0]
        for text in self.sql.split("\n"):
            starts.append(starts[-1] + len(text) + 1)
        return self.query.place(starts[min(line, len(starts)) - 1] + column - 1 - self.offset)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What runs next once the columns are known; `instead`: in place of all that stands after it."""

    statements: tuple[Statement, ...] = ()
    instead: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a Python asset's function, for adjacent slices. Its rows land in `stage`.

    `then` is said after that: what they must obey, and how they join those of earlier calls in `whole`.
    `this` is the table that they come to, for a function that asks what is there already; None when it
    is written anew.
    """

    slices: Partitions
    stage: Relation
    then: tuple[Statement, ...] = ()
    whole: Relation | None = None
    this: Relation | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """Names beside a relation that is published without a transaction.

    `shadow` is what the relation will be: the checks look there. `journal` tells what is under way.
    `tables` and `views` may be left by a part that fails.
    """

    shadow: Relation
    journal: Relation
    tables: tuple[Relation, ...] = ()
    views: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is committed together: `statements`, then the gate's checks, then `after`.

    The `calls` come before it begins. `fresh` says that it writes the relation anew.
    """

    statements: tuple[Statement, ...]
    slices: Partitions
    after: tuple[Statement, ...] = ()
    calls: tuple[Call, ...] = ()
    fresh: bool = False
    beside: Beside | None = None  # on an engine that cannot roll back what it does
    moved: str = ""  # where the rows stood that the first statements take along
