"""A state whose server goes away for a while: what it was asked meanwhile is asked again.

A transaction that was cut off is repeated, as nothing of it is there. Where the connection was cut
while its commit was under way, nobody here knows whether it happened, but the server does: Postgres
tells what became of a transaction by its id. So nothing is noted twice, and nothing is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, exc, text

from sqlpipes.core.errors import StoreError

AWAY_S = 60.0  # for how long one waits for a server
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
# No server is there to give a code, or none did: the words are libpq's.
UNREACHED = ("connection refused", "timeout expired", "connection failed", "no route to host")
CUT_OFF = ("server closed", "starting up", "shutting down", "recovery", "reset by peer")
# Seconds, and milliseconds in the last: a machine that is gone says no word, so its silence counts.
LISTENING = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

Class = TypeVar("Class", bound=type)


class Away(StoreError):
    """The server is out of reach or has ended the connection: nothing of the transaction is there."""


def lasting(rooms: Class) -> Class:
    """Each public method of such a class is one transaction, so it can be repeated as a whole."""
    for name in dir(rooms):
        method = getattr(rooms, name)
        if callable(method) and not name.startswith("_"):
            setattr(rooms, name, _repeated(method))
    return rooms


def patiently(ask: Callable[[], Any], *, was_there: bool = True) -> Any:
    """Ask until the server is there again. Away when it stays away for AWAY_S seconds.

    Where nobody knows yet that it `was_there`, one that does not answer at all is not waited for:
    its address may be wrong.
    """
    until, pause = time.monotonic() + AWAY_S, FIRST_PAUSE_S
    while True:
        try:
            return ask()
        except Away as error:
            waits = was_there or _has_answered(error)
            if not waits or time.monotonic() + pause > until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def is_away(error: exc.DBAPIError) -> bool:
    """Whether the server could not be reached, or has ended the connection."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:  # 57P01-57P03: it shuts down, crashed, starts; 08: the connection broke
        return str(state).startswith(("08", "57P0"))
    return isinstance(error, exc.OperationalError) and _is_unreached(str(error.orig))


def options(url: URL) -> dict[str, Any]:
    """What a connection is opened with so that a silent server is noticed; the URL has the last word."""
    if url.get_backend_name() != "postgresql" or url.get_driver_name() not in (
        "psycopg",
        "psycopg2",
    ):
        return {}
    return {name: value for name, value in LISTENING.items() if name not in url.query}


def transaction_id(db: Connection) -> str | None:
    """The name by which the server knows this transaction later; None where it keeps none."""
    if db.dialect.name != "postgresql":
        return None
    found: str = db.scalar(_OWN_ID)
    return found


def was_committed(engine: Engine, transaction: str | None) -> bool | None:
    """What became of it, asked on a new connection until it is over. None: nobody can tell."""
    if transaction is None:
        return None
    until, pause = time.monotonic() + AWAY_S, FIRST_PAUSE_S
    while time.monotonic() < until:
        try:
            with engine.connect() as db:
                status = db.scalar(_STATUS, {"id": transaction})
        except exc.DBAPIError as error:
            if not is_away(error):
                return None
            status = "in progress"
        if status != "in progress":
            return None if status is None else bool(status == "committed")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)
    return None


def _repeated(method: Any) -> Any:
    @wraps(method)
    def asked(*args: Any, **named: Any) -> Any:
        return patiently(lambda: method(*args, **named))

    return asked


def _has_answered(error: StoreError) -> bool:
    cause = error.__cause__
    if not isinstance(cause, exc.DBAPIError):
        return False
    said = str(cause.orig).lower()
    return cause.connection_invalidated or any(words in said for words in CUT_OFF)


def _is_unreached(said: str) -> bool:
    return any(words in said.lower() for words in (*UNREACHED, *CUT_OFF))


_OWN_ID = text("select pg_current_xact_id()::text")
_STATUS = text("select pg_xact_status(cast(cast(:id as text) as xid8))")
