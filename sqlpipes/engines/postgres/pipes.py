"""What one thread writes into a file, read by another while it is written: a pipe where there are such."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlpipes.engines.local import Local

CHUNK = 1 << 20
BY_NUMBER = "/dev/fd"  # open files by their numbers, as every Unix has them

Chunks = Callable[[Callable[[], None]], Iterator[bytes]]
"""Gets what writes; yields what was written. Raises what that raises, after the last bytes."""


@contextmanager
def piped(local: Local) -> Iterator[tuple[str, Chunks]]:
    """(where to write, what is written there)."""
    if not os.path.isdir(BY_NUMBER):
        with local.file() as path:
            yield path, lambda write: _after_all(path, write)
        return
    reader, writer = os.pipe()
    ends = [writer]
    try:
        yield f"{BY_NUMBER}/{writer}", lambda write: _meanwhile(reader, ends, write)
    finally:
        for end in (reader, *ends):
            os.close(end)


def _after_all(path: str, write: Callable[[], None]) -> Iterator[bytes]:
    write()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _meanwhile(reader: int, ends: list[int], write: Callable[[], None]) -> Iterator[bytes]:
    faults: list[BaseException] = []

    def run() -> None:
        try:
            write()
        except BaseException as error:  # told to the one who reads
            faults.append(error)
        finally:
            os.close(ends.pop())  # without it the end of what was written is never seen

    thread = threading.Thread(target=run, daemon=True, name="sqlpipes-pipe")
    thread.start()
    try:
        while chunk := os.read(reader, CHUNK):
            yield chunk
    finally:
        with suppress(OSError):  # nobody reads any more: let the writer run out
            while os.read(reader, CHUNK):
                continue
        thread.join()
    if faults:
        raise faults[0]
