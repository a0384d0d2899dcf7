"""A row in the warehouse for each lease, so that a commit and a burial exclude each other there.

The state knows who may write, but it is another database: a process may be put to sleep between its
last question to the state and its commit. So each part takes its own row away in the transaction that
publishes its data, and whoever buries a build takes all rows of that build away first. One of the two
is first; the other finds no row, or a conflict, and publishes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from sqlpipes.core.engine import Connection, Engine
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import Relation, literal

NAME = "sqlpipes_fences"
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
        until = time.monotonic() + AWAY_S
        while True:
            try:
                if not self._connection.is_open:
                    self._connection = self._connect()
                self._connection.execute(sql)
                return
            except EngineError:
                if self._connection.is_open or time.monotonic() > until:
                    raise
            time.sleep(PAUSE_S)

    def close(self) -> None:
        self._connection.close()


def fences_of(engine: Engine, schema: str) -> str:
    """The table of fences, made when it is missing, as it stands in a statement."""
    table = engine.quote(Relation(NAME, schema))
    engine.create_schemas([schema])
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
    return table


def put_fence(connection: Steady, table: str, fence: int, run_id: str) -> None:
    """Before a part begins: its row, committed."""
    connection.execute(f"insert into {table} values ({fence}, {literal(run_id)})")


def pass_fence(connection: Connection, table: str, fence: int) -> bool:
    """As the last statement of a part's transaction. False: a burial was first."""
    return connection.execute(f"delete from {table} where fence = {fence}") != 0


def drop_fences(connection: Steady, table: str, run_id: str) -> None:
    """Before a burial, and when a run has ended. EngineError: a part is being published right now."""
    connection.execute(f"delete from {table} where run_id = {literal(run_id)}")
