"""What crosses whole for one part of a step -> the same rows for its other parts.

They are fetched once and wait on the disk as Arrow, until the run is over; a connection that has taken them
in keeps them while it works on parts of that step. Only where no other build may write meanwhile: a
part is on record as having read what was there when it began.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field
from mmap import ACCESS_READ, mmap
from tempfile import TemporaryFile
from typing import Any

from sqlpipes.core.crossing import Stream
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.run.job import Job

POLL_S = 0.05
Key = tuple[str, str]  # who reads, and what


@dataclass(slots=True)
class Copy:
    """One table's rows, which are bytes of a file; None until all of them are there."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: Any = None
    columns: tuple[tuple[str, str], ...] = ()


class Copies:
    """Those of one run, for all of its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copies: dict[Key, Copy] = {}
        self._holders: dict[int, tuple[Connection, set[Key]]] = {}

    def is_held(self, connection: Connection, key: Key) -> bool:
        """Whether that connection has taken these rows in."""
        return key in self._held_by(connection)

    def hold(self, connection: Connection, key: Key) -> None:
        self._held_by(connection).add(key)

    def let_go(self, connection: Connection, reader: str) -> tuple[str, ...]:
        """The tables that the connection holds for others than `reader`, which it then does no more."""
        held = self._held_by(connection)
        gone = {key for key in held if key[0] != reader}
        held -= gone
        return tuple(asset for _, asset in gone)

    def _held_by(self, connection: Connection) -> set[Key]:
        with self._lock:
            return self._holders.setdefault(id(connection), (connection, set()))[1]

    def stream(self, key: Key, job: Job, fetch: Callable[[], Stream]) -> tuple[Stream, bool]:
        """The rows, and whether they were fetched for this. Others wait meanwhile."""
        with self._lock:
            copy = self._copies.setdefault(key, Copy())
        with _turn(copy.lock, job):
            fetched = copy.rows is None
            if copy.rows is None:
                found = fetch()
                copy.columns, copy.rows = tuple(found.columns), _kept(found.batches)
        return Stream(copy.columns, _read(copy.rows)), fetched

    def close(self) -> None:
        with self._lock:
            self._holders.clear()
            self._copies.clear()


@contextmanager
def _turn(lock: threading.Lock, job: Job) -> Iterator[None]:
    while not lock.acquire(timeout=POLL_S):
        job.go_on()
    try:
        yield
    finally:
        lock.release()


def _kept(batches: Any) -> Any:
    """The same as bytes of a file that has no name: it is gone when nobody reads it, also after a kill."""
    import pyarrow

    with TemporaryFile(prefix="sqlpipes_") as file:
        with pyarrow.ipc.new_stream(file, batches.schema) as out:
            for batch in batches:
                out.write_batch(batch)
        file.flush()
        return pyarrow.py_buffer(mmap(file.fileno(), 0, access=ACCESS_READ))


def _read(rows: Any) -> Any:
    import pyarrow

    return pyarrow.ipc.open_stream(pyarrow.BufferReader(rows))
