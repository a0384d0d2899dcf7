"""Rows that have landed beside a connection, and go to the server when a statement asks for them.

A staging table is made empty, with the columns of its rows. A statement that only moves all of them into
a table is carried out by one COPY into that; for any other they go into the staging table first.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.sql import identifier
from sqlpipes.engines.postgres.loading import Columns, Landed, columns_sql
from sqlpipes.engines.postgres.raw import RawFile

NAME = r'"(?:[^"]|"")*"'
TABLE = rf"{NAME}(?:\.{NAME})*"
DROP = re.compile(r"drop table (?:if exists )?")
INSERT = re.compile(rf"insert into (?P<table>{TABLE}) \((?P<columns>.*)\)\n", re.DOTALL)
CREATE = re.compile(rf"create table (?P<table>{TABLE}) as\n")


@dataclass(slots=True)
class Waiting:
    """`stage` is quoted. `sent`: they are in the staging table; `inside`: since this transaction.

    `again`: another way to land the same rows, for a file that cannot go as it is after all; `refused`:
    that has turned out. `reads`: the SELECT that reads the file, where they are a file's.
    """

    stage: str
    landed: Landed | RawFile
    again: Callable[[], Landed] | None = None
    reads: str = ""
    refused: bool = False
    sent: bool = False
    inside: bool = False

    def is_dropped_by(self, sql: str) -> bool:
        found = DROP.match(sql)
        return found is not None and sql[found.end() :].strip() == self.stage

    def road(self, sql: str) -> Road | None:
        """Where a statement moves all of the rows to, in their order of columns."""
        tail = f"select * from {self.stage}"
        if self.sent or not sql.endswith(tail):
            return None
        head = sql[: -len(tail)]
        if found := CREATE.fullmatch(head):
            return Road(found["table"], self.landed.columns)
        listed = ", ".join(identifier(name) for name, _ in self.landed.columns)
        found = INSERT.fullmatch(head)
        return Road(found["table"]) if found and found["columns"] == listed else None


@dataclass(frozen=True, slots=True)
class Road:
    """A table to fill; with `columns` it is made first."""

    table: str
    columns: Columns = ()

    @property
    def create(self) -> str:
        return (
            f"create table {self.table} (\n{columns_sql(self.columns)}\n)" if self.columns else ""
        )
