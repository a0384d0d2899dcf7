"""A DuckDB that cannot roll anything back: the quick target for what is built beside its relation.

It has no transactions, no temporary tables and no CREATE OR REPLACE TABLE, as Spark on Parquet has not.
SQLPIPES_TEST_DIE_AT=text kills the process, by SIGKILL, before the second statement that holds the text.
"""

from __future__ import annotations

import os
import re
import signal
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection, Deed, RelationType, Rows
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.partitions import Partitioning, TimeAxis
from sqlpipes.core.sql import Relation, identifier
from sqlpipes.engines.duckdb import exists
from sqlpipes.engines.duckdb.connection import DuckConnection
from sqlpipes.engines.duckdb.engine import DuckEngine
from sqlpipes.engines.duckdb.opening import open_duckdb
from sqlpipes.engines.duckdb.place import MEMORY
from sqlpipes.engines.duckdb.spelling import CAN

__all__ = ["blank", "exists", "open_engine", "stamp"]

SAID = count(1)
STAGED_DELETE = re.compile(r'delete from \S*"sqlpipes__b', re.IGNORECASE)


class Dead(BaseException):
    """What is said to an engine whose process would be dead by now."""


class Fuse:
    """After so many statements nothing reaches the warehouse any more."""

    def __init__(self, left: int | None = None) -> None:
        self.left = left
        self.dead = False
        self.said: list[str] = []

    def burn(self, sql: str) -> None:
        self.dead = self.dead or self.left == 0
        if self.dead:
            raise Dead
        if self.left is not None:
            self.left -= 1
        self.said.append(" ".join(sql.split()))


def _die_at(text: str, sql: str) -> None:
    if text in sql and next(SAID) == 2:
        os.kill(os.getpid(), signal.SIGKILL)


class PlainConnection(DuckConnection):
    fuse = Fuse()

    def execute(self, sql: str) -> int | None:
        self.fuse.burn(sql)
        if STAGED_DELETE.match(sql):
            raise EngineError(Problem("ENG004", "what is staged has no DELETE"), statement=sql)
        if text := os.environ.get("SQLPIPES_TEST_DIE_AT"):
            _die_at(text, sql)
        return super().execute(sql)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def fetch(self, sql: str, limit: int | None = None) -> Rows:
        if self.fuse.dead:
            raise Dead
        return super().fetch(sql, limit)


class PlainPublishing:
    """By renaming; slices of a date by DELETE and INSERT, which are two statements."""

    moves = True

    def __init__(self, quote: Any) -> None:
        self._quote = quote
        self.builder = uuid.uuid4().hex[:8]

    def head(self, table: str, along: Sequence[str] = ()) -> str:
        return f"create table {table} as\n"

    def rename(self, table: Relation, to: Relation) -> str:
        return f"alter table {self._quote(table)} rename to {identifier(to.name)}"

    def layout(self, cut: Partitioning, columns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        kinds = {name.casefold(): kind for name, kind in columns}
        dates = [isinstance(each.along, TimeAxis) for each in cut.cuts]
        fit = all(dates) and all(kinds.get(name.casefold()) == "DATE" for name in cut.columns)
        return cut.columns if fit else ()

    def swap(
        self,
        staged: Relation,
        table: Relation,
        old: Relation,
        there: RelationType | None,
        along: Sequence[str] = (),
    ) -> tuple[Deed, ...]:
        put = Deed(self.rename(staged, table), (staged,))
        if there is RelationType.VIEW:
            return (Deed(f"drop view {self._quote(table)}", (staged, table)), put)
        if there is None:
            return (put,)
        gone = Deed(f"drop table if exists {self._quote(old)}", cleans=True)
        return (Deed(self.rename(table, old), (staged, table)), put, gone)

    def slices(
        self,
        connection: Connection,
        staged: Relation,
        table: Relation,
        columns: Sequence[tuple[str, str]],
        cut: Partitioning,
        inside: str,
    ) -> tuple[Deed, ...] | None:
        if not self.layout(cut, columns):
            return None
        names = ", ".join(identifier(name) for name, _ in columns)
        name, rows = self._quote(table), self._quote(staged)
        return (
            Deed(f"delete from {name} where {inside}"),
            Deed(f"insert into {name} ({names}) select {names} from {rows}"),
        )


class PlainDuck(DuckEngine):
    def __init__(self, opened: DuckEngine) -> None:
        super().__init__(opened._first, opened._target, opened._profile)
        from dataclasses import replace

        gone = {"create_or_replace_table": False, "merge": False, "renames": False}
        self.can = replace(
            CAN, transactional_ddl=False, insert_by_name=False, crosses=False, **gone
        )
        self.publishing = PlainPublishing(self.quote)
        self.fuse = Fuse()

    def connect(self) -> PlainConnection:
        cursor = partial(self._open_cursor, self._first)
        connection = PlainConnection(cursor, self._catalog, self.quote)
        connection.fuse = self.fuse
        return connection

    def temporary(self, name: str) -> Relation:
        begin = f"sqlpipes__b{self.publishing.builder}_"
        return Relation(f"{begin}{name}".lower(), self._target.schema)


def open_engine(target: Target, root: str, *, read_only: bool = False, wait_s: float = 0) -> Any:
    opened = open_duckdb(target, root, read_only=read_only, wait_s=wait_s)
    return PlainDuck(opened)


def blank(target: Target, root: str) -> Any:
    from dataclasses import replace

    return open_engine(replace(target, options={**target.options, "path": MEMORY}), root)


def stamp(target: Target, root: str) -> str | None:
    return None


def installed(folder: Path) -> Path:
    """A folder that makes it an installed package, once it stands on the path."""
    info = folder / "plain_duck-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: plain_duck\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sqlpipes.engines]\nplain = servers.plain\n")
    return folder
