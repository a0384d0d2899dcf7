"""The state in a local SQLite file, through the standard library: all that a build needs of it.

Importing SQLAlchemy costs as much as reading a thousand models, so the everyday commands go without.
What is told of past runs, jobs and sensors, and a file that is not there yet or has another schema,
are the business of the store that can do everything: it is opened with the first such call.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sqlpipes.core.errors import Location
from sqlpipes.core.status import Status
from sqlpipes.stores.journal import Writing
from sqlpipes.stores.keeping import Keeping
from sqlpipes.stores.layout import sqlite_ddl
from sqlpipes.stores.records import CheckRecord, Move, Note, RunRecord, SliceRecord
from sqlpipes.stores.schema import newest
from sqlpipes.stores.sqlite import file_faults, open_file, prepare

if TYPE_CHECKING:
    from sqlpipes.stores.asked import SqlAsked
    from sqlpipes.stores.following import SqlFollower
    from sqlpipes.stores.jobs import SqlJobs
    from sqlpipes.stores.leases import Leases
    from sqlpipes.stores.sql import SqlStore

PREFIX = "sqlite:///"


def local_file(url: str | None, root: str) -> str | None:
    """The SQLite file that a state URL names; None when it is another database.

    >>> local_file("sqlite:///state.db", "/shop"), local_file("sqlite:///:memory:", "/shop")
    ('/shop/state.db', None)
    """
    if url is None:
        return os.path.join(os.path.abspath(root), ".sqlpipes", "state.db")
    said = url.removeprefix(PREFIX)
    if said == url or said in ("", ":memory:") or "?" in said:
        return None
    return os.path.join(os.path.abspath(root), said)


def is_ready(path: str, target: str) -> bool:
    """Whether there is a file whose schema is the one that is known here, and time runs for the target."""
    if not os.path.isfile(path):
        return False
    try:
        with closing(open_file(path)) as db:
            found = db.execute("select max(version) from sqlpipes_schema").fetchone()
            if found[0] != newest():
                return False
            began = "select count(*) from sqlpipes_ticks where target = ?"
            return bool(db.execute(began, (target,)).fetchone()[0])
    except sqlite3.Error:
        return False


def make_ready(path: str, target: str) -> bool:
    """Make the tables of a file that is new, and the beginning of time for the target. False: it has
    another schema, or cannot be written; nothing was changed."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with closing(open_file(path, make=True)) as db:
            prepare(db)
            with _transaction(db):
                return _is_made(db, target)
    except (sqlite3.Error, OSError):
        return False


def _is_made(db: sqlite3.Connection, target: str) -> bool:
    """Asked inside of the transaction: another process may have been quicker."""
    there = db.execute("select count(*) from sqlite_master where name = 'sqlpipes_schema'")
    if not there.fetchone()[0]:
        for statement in sqlite_ddl():
            db.execute(statement)
        db.execute("insert into sqlpipes_schema values (?)", (newest(),))
    found = db.execute("select max(version) from sqlpipes_schema").fetchone()
    if found[0] != newest():
        return False
    db.execute("insert or ignore into sqlpipes_ticks values (?, 0)", (target,))
    return True


class LocalStore(Keeping):
    """An open state file, narrowed to one target. `open_full` opens the store behind it."""

    def __init__(
        self,
        path: str,
        target: str,
        place: str,
        open_full: Callable[[], SqlStore],
        at: Location | None = None,
    ) -> None:
        super().__init__(target, place)
        self._path = path
        self._at = at  # where it is written which file this is
        self._open_full = open_full
        self._opened: SqlStore | None = None
        self._written: sqlite3.Connection | None = None
        self._writer = threading.Lock()  # the pulse of a build writes from a thread of its own

    def leases(self) -> Leases:
        from sqlpipes.stores.leases import Leases

        return Leases(self._read, self._write, self.target)

    def slices(self, asset: str) -> tuple[SliceRecord, ...]:
        return self._full.slices(asset)

    def runs(self, limit: int = 20) -> tuple[RunRecord, ...]:
        return self._full.runs(limit)

    def run(self, run_id: str = "last") -> RunRecord:
        return self._full.run(run_id)

    def last_result(self) -> Mapping[str, Status]:
        return self._full.last_result()

    def check_results(self, run_id: str | None = None) -> tuple[CheckRecord, ...]:
        return self._full.check_results(run_id)

    def notes(self, asset: str) -> tuple[Note, ...]:
        return self._full.notes(asset)

    def check_history(self, asset: str) -> tuple[CheckRecord, ...]:
        return self._full.check_history(asset)

    def move(self, move: Move, done: str = "") -> None:
        self._full.move(move, done)

    def follow(self) -> SqlFollower:
        return self._full.follow()

    def jobs(self) -> SqlJobs:
        return self._full.jobs()

    def asked(self) -> SqlAsked:
        return self._full.asked()

    def close(self) -> None:
        with self._writer:
            if self._written is not None:
                self._written.close()
                self._written = None
        if self._opened is not None:
            self._opened.close()

    @property
    def _full(self) -> SqlStore:
        if self._opened is None:
            self._opened = self._open_full()
        return self._opened

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        with file_faults(self._path, self._at), closing(open_file(self._path)) as db:
            db.execute("begin")
            yield db

    @contextmanager
    def _write(self) -> Iterator[Writing]:
        with self._writer:
            try:
                with file_faults(self._path, self._at), _transaction(self._writing()) as db:
                    yield Writing(db, self.target, self._place, self._memo)
            except BaseException:
                self._memo.clear()
                raise

    def _writing(self) -> sqlite3.Connection:
        if self._written is None:
            self._written = open_file(self._path)
            prepare(self._written)
        return self._written


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A reader that turns writer half-way cannot wait for its turn, so this one says so first."""
    db.execute("begin immediate")
    try:
        yield db
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise
