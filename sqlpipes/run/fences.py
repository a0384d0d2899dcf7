"""What stands in the warehouse for each lease, so that a commit and a burial exclude each other there.

The state knows who may write, but it is another database: a process may be put to sleep between its
last question to the state and its commit. So each part takes its own fence away in the transaction that
publishes its data, and whoever buries a build takes all fences of that build away first. One of the two
is first; the other finds no fence, or a conflict, and publishes nothing.

A fence is a row of one table. Where any two that delete from one table conflict, parts that have
nothing to do with each other would: there it is a table of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection, Engine, Rows
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import Relation, literal

T = TypeVar("T")

NAME = "sqlpipes_fences"
APART = "sqlpipes_fence"
MISSING = "ENG004"
ATTEMPTS = 5
AWAY_S = 30.0  # for how long a warehouse that is away is waited for
PAUSE_S = 0.1


class Steady:
    """A connection for the statements of fences, which may be said twice: when it is cut, another one
    takes its place."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._connection = connect()

    def execute(self, sql: str) -> None:
        """EngineError when it fails, or when there was no way to the warehouse for AWAY_S seconds."""
        self._said(lambda connection: connection.execute(sql))

    def fetch(self, sql: str) -> Rows:
        return self._said(lambda connection: connection.fetch(sql))

    def _said(self, say: Callable[[Connection], T]) -> T:
        until = time.monotonic() + AWAY_S
        while True:
            try:
                if not self._connection.is_open:
                    self._connection = self._connect()
                return say(self._connection)
            except EngineError:
                if self._connection.is_open or time.monotonic() > until:
                    raise
            time.sleep(PAUSE_S)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Fences:
    """Where they stand. `apart`: each is a table of its own."""

    schema: str
    apart: bool
    quote: Callable[[Relation], str]

    @property
    def table(self) -> str:
        return self.quote(Relation(NAME, self.schema))

    def own(self, run_id: str, fence: int) -> str:
        return self.quote(Relation(f"{APART}_{run_id}_{fence}", self.schema))


def fences_of(engine: Engine, schema: str) -> Fences:
    """The schema and, where they share one, the table are made when they are missing."""
    fences = Fences(schema, engine.can.conflicts_by_table, engine.quote)
    engine.create_schemas([schema])
    if not fences.apart:
        _make_table(engine, fences.table)
    return fences


def _make_table(engine: Engine, table: str) -> None:
    with closing(engine.connect()) as connection:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                connection.execute(
                    f"create table if not exists {table} (fence bigint, run_id {engine.can.text})"
                )
                break
            except EngineError:  # another build makes it at this very moment
                if attempt == ATTEMPTS:
                    raise
                time.sleep(PAUSE_S * attempt)  # its transaction may be asleep, too


def put_fence(connection: Steady, fences: Fences, fence: int, run_id: str) -> None:
    """Before a part begins: its fence, committed."""
    if fences.apart:
        connection.execute(f"create or replace table {fences.own(run_id, fence)} (fence bigint)")
        return
    connection.execute(f"insert into {fences.table} values ({fence}, {literal(run_id)})")


def pass_fence(connection: Connection, fences: Fences, fence: int, run_id: str) -> bool:
    """As the last statement of a part's transaction. False: a burial was first."""
    if not fences.apart:
        return connection.execute(f"delete from {fences.table} where fence = {fence}") != 0
    try:
        connection.execute(f"drop table {fences.own(run_id, fence)}")
    except EngineError as error:
        if MISSING not in {problem.code for problem in error.problems}:
            raise
        return False
    return True


def drop_fences(connection: Steady, fences: Fences, run_id: str) -> None:
    """Before a burial, and when a run has ended. EngineError: a part is being published right now."""
    if not fences.apart:
        connection.execute(f"delete from {fences.table} where run_id = {literal(run_id)}")
        return
    begin = f"{APART}_{run_id}_"
    found = connection.fetch(
        f"select table_name from information_schema.tables where table_schema = "
        f"{literal(fences.schema)} and left(table_name, {len(begin)}) = {literal(begin)}"
    )
    for (name,) in found.rows:
        table = fences.quote(Relation(str(name), fences.schema))
        connection.execute(f"drop table if exists {table}")
