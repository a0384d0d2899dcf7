"""The state in a local SQLite file, asked through the standard library. Questions in, answers out.

A command that builds nothing asks three questions; importing SQLAlchemy for them costs as much as
reading a thousand models. So these are answered here, and the first call of anything else opens
the store that can do everything. Any doubt (no file, another schema, a fault) is its business, too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlpipes.core.events import Event
from sqlpipes.core.history import History
from sqlpipes.core.partitions import Axis, Partitions
from sqlpipes.core.status import Status
from sqlpipes.core.windows import Slot
from sqlpipes.stores.records import CheckRecord, Move, Note, RunRecord, SliceRecord
from sqlpipes.stores.rows import ASSET, FEW, MARK, SLICE, WINDOW, Row, history_of, tokens_of
from sqlpipes.stores.schema import newest

if TYPE_CHECKING:
    from sqlpipes.stores.asked import SqlAsked
    from sqlpipes.stores.following import SqlFollower
    from sqlpipes.stores.jobs import SqlJobs
    from sqlpipes.stores.leases import SqlLeases
    from sqlpipes.stores.sql import SqlStore

PREFIX = "sqlite:///"
BUSY_TIMEOUT_S = 30

Answer = TypeVar("Answer")


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


def can_be_asked(path: str) -> bool:
    """Whether there is a file whose schema is the one that is known here."""
    if not os.path.isfile(path):
        return False
    try:
        with _snapshot(path) as db:
            found = db.execute("select max(version) from sqlpipes_schema").fetchone()
    except sqlite3.Error:
        return False
    return bool(found[0] == newest())


class QuickStore:
    """An open state file, narrowed to one target. `open_full` opens the store behind it."""

    def __init__(self, path: str, target: str, open_full: Callable[[], SqlStore]) -> None:
        self.target = target
        self._path = path
        self._open_full = open_full
        self._opened: SqlStore | None = None

    def history(self, names: Iterable[str] | None = None) -> History:
        wanted = None if names is None else frozenset(names)
        return self._ask(lambda db: _history(db, self.target, wanted)) or self._full.history(wanted)

    def definitions(self, names: Iterable[str]) -> dict[str, str]:
        wanted = frozenset(names)
        found = self._ask(lambda db: _definitions(db, self.target, wanted))
        return self._full.definitions(wanted) if found is None else found

    def windows(self, asset: str, axis: Axis) -> Mapping[Slot, str]:
        sql = f"select {', '.join(WINDOW)} from sqlpipes_windows where target = ? and asset = ?"
        found = self._ask(lambda db: tokens_of(db.execute(sql, (self.target, asset)), axis))
        return self._full.windows(asset, axis) if found is None else found

    def stamp(self, key: str) -> str | None:
        sql = "select value from sqlpipes_stamps where target = ? and key = ?"
        found = self._ask(lambda db: db.execute(sql, (self.target, key)).fetchall())
        if found is None:
            return self._full.stamp(key)
        return str(found[0][0]) if found else None

    def close_stale_runs(self, alive: Callable[[int, str], bool] | None = None) -> tuple[str, ...]:
        sql = "select count(*) from sqlpipes_runs where target = ? and status = ?"
        known = (self.target, Status.RUNNING.value)
        open_runs = self._ask(lambda db: int(db.execute(sql, known).fetchone()[0]))
        return () if open_runs == 0 else self._full.close_stale_runs(alive)

    def append(self, *events: Event) -> None:
        self._full.append(*events)

    def running(self) -> dict[str, Partitions]:
        return self._full.running()

    def built_at(self, names: Iterable[str] | None = None) -> dict[str, datetime]:
        return self._full.built_at(names)

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

    def set_stamp(self, key: str, value: str) -> None:
        self._full.set_stamp(key, value)

    def move(self, move: Move, done: str = "") -> None:
        self._full.move(move, done)

    def forget(self, names: Iterable[str]) -> None:
        self._full.forget(names)

    def prune(self, keep: int) -> int:
        return self._full.prune(keep)

    def leases(self) -> SqlLeases:
        return self._full.leases()

    def follow(self) -> SqlFollower:
        return self._full.follow()

    def jobs(self) -> SqlJobs:
        return self._full.jobs()

    def asked(self) -> SqlAsked:
        return self._full.asked()

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    @property
    def _full(self) -> SqlStore:
        if self._opened is None:
            self._opened = self._open_full()
        return self._opened

    def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        """None: it could not be answered here; the full store tries again and says what is wrong."""
        if self._opened is not None:
            return None
        try:
            with _snapshot(self._path) as db:
                return question(db)
        except sqlite3.Error:
            return None


@contextmanager
def _snapshot(path: str) -> Iterator[sqlite3.Connection]:
    """One transaction for all queries of a question. A file that is gone is a fault, not a new one."""
    location = "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    opened = sqlite3.connect(
        location + "?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    with closing(opened) as db:
        db.execute("begin")
        yield db


def _history(db: sqlite3.Connection, target: str, wanted: frozenset[str] | None) -> History:
    tick = db.execute("select tick from sqlpipes_ticks where target = ?", (target,)).fetchone()
    return history_of(
        _rows(db, "sqlpipes_assets", ASSET, target, wanted),
        _rows(db, "sqlpipes_slices", SLICE, target, wanted),
        _rows(db, "sqlpipes_marks", MARK, target, wanted),
        tick[0] if tick else 0,
    )


def _definitions(db: sqlite3.Connection, target: str, wanted: frozenset[str]) -> dict[str, str]:
    rows = _rows(db, "sqlpipes_assets", ("asset", "definition"), target, wanted)
    return {asset: text for asset, text in rows if text is not None}


def _rows(
    db: sqlite3.Connection,
    table: str,
    columns: tuple[str, ...],
    target: str,
    wanted: frozenset[str] | None,
) -> Iterable[Row]:
    sql = f"select {', '.join(columns)} from {table} where target = ?"
    if wanted is not None and len(wanted) <= FEW:
        names: list[Any] = sorted(wanted)
        return db.execute(f"{sql} and asset in ({', '.join('?' * len(names))})", [target, *names])
    rows = db.execute(sql, (target,))
    return rows if wanted is None else (row for row in rows if row[0] in wanted)
