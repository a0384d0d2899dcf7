"""A state in a SQLite file: how its connections are opened, and what they refuse -> StoreError."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlpipes.core.errors import Location, StoreError
from sqlpipes.stores.refused import refused

BUSY_TIMEOUT_S = 30


def open_file(path: str, *, make: bool = False) -> sqlite3.Connection:
    """A connection for any thread, one at a time. Not to `make`: a file that is gone is a fault."""
    location = "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(
        f"{location}?mode={'rwc' if make else 'rw'}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def prepare(connection: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = NORMAL")


def _write_ahead(connection: Any) -> None:
    """Two that make a new database at once: SQLite lets no one wait for this change, so we do."""
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


@contextmanager
def file_faults(path: str, at: Location | None = None) -> Iterator[None]:
    """`at`: where the file is named."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(refused(path, str(error), at)) from error
