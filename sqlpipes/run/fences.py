"""A row in the warehouse for each lease, so that a commit and a burial exclude each other there.

The state knows who may write, but it is another database: a process may be put to sleep between its
last question to the state and its commit. So each part takes its own row away in the transaction that
publishes its data, and whoever buries a build takes all rows of that build away first. One of the two
is first; the other finds no row, or a conflict, and publishes nothing.
"""

from __future__ import annotations

from contextlib import closing

from sqlpipes.core.engine import Connection, Engine
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import Relation, literal

NAME = "sqlpipes_fences"
ATTEMPTS = 5


def fences_of(engine: Engine, schema: str) -> str:
    """The table of fences, made when it is missing, as it stands in a statement."""
    table = engine.quote(Relation(NAME, schema))
    engine.create_schemas([schema])
    with closing(engine.connect()) as connection:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                connection.execute(
                    f"create table if not exists {table} (fence bigint, run_id varchar)"
                )
                break
            except EngineError:  # another build makes it at this very moment
                if attempt == ATTEMPTS:
                    raise
    return table


def put_fence(connection: Connection, table: str, fence: int, run_id: str) -> None:
    """Before a part begins: its row, committed."""
    connection.execute(f"insert into {table} values ({fence}, {literal(run_id)})")


def pass_fence(connection: Connection, table: str, fence: int) -> bool:
    """As the last statement of a part's transaction. False: a burial was first."""
    return connection.execute(f"delete from {table} where fence = {fence}") != 0


def drop_fences(connection: Connection, table: str, run_id: str) -> None:
    """Before a burial, and when a run has ended. EngineError: a part is being published right now."""
    connection.execute(f"delete from {table} where run_id = {literal(run_id)}")
