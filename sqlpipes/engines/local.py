"""A DuckDB in memory beside a connection to a server: rows on their way in and out pass through it.

It knows every kind of frame and file, and puts what does not fit into memory into a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import duckdb

from sqlpipes.core.sql import identifier, literal

Cursor = duckdb.DuckDBPyConnection


class Local:
    """Opened when it is first asked for; `close` takes away its folder."""

    def __init__(self) -> None:
        self._first: Cursor | None = None
        self._folder: str | None = None
        self._gone: Callable[[], object] = lambda: None
        self._lent: list[Cursor] = []
        self._tables: list[str] = []
        self._numbers = count(1)

    def cursor(self) -> Cursor:
        """One for each stream: as long as rows of it are to come, it can do nothing else."""
        self._lent.append(self.own_cursor())
        return self._lent[-1]

    def own_cursor(self) -> Cursor:
        """One that whoever asks for it closes."""
        cursor = self._open().cursor()
        cursor.execute("set TimeZone = 'UTC'; set python_enable_replacements = false")
        return cursor

    def own_table(self) -> str:
        """A name for rows that whoever asks for it drops."""
        return identifier(f"kept_{next(self._numbers)}")

    def table(self) -> str:
        """A name for rows, quoted, until `release`."""
        self._tables.append(identifier(f"rows_{next(self._numbers)}"))
        return self._tables[-1]

    @contextmanager
    def file(self) -> Iterator[str]:
        """A path for a file that is gone afterwards."""
        self._open()
        assert self._folder is not None
        path = os.path.join(self._folder, f"rows_{next(self._numbers)}.csv")
        try:
            yield path
        finally:
            if os.path.exists(path):
                os.remove(path)

    def release(self) -> None:
        """End all streams, and forget the rows."""
        while self._lent:
            self._lent.pop().close()
        while self._tables:
            name = self._tables.pop()
            if self._first is not None:
                self._first.execute(f"drop table if exists {name}")

    def interrupt(self) -> None:
        for cursor in (self._first, *self._lent):
            if cursor is not None:
                cursor.interrupt()

    def close(self) -> None:
        self.release()
        if self._first is not None:
            self._first.close()
            self._first = None
        self._gone()

    def _open(self) -> Cursor:
        if self._first is None:
            self._folder = tempfile.mkdtemp(prefix="sqlpipes-")
            self._gone = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            self._first = duckdb.connect(":memory:")
            spill = os.path.join(self._folder, "spill")
            self._first.execute(f"set temp_directory = {literal(spill)}; set TimeZone = 'UTC'")
        return self._first
