"""What a build asks of a state and notes in it, whatever reads and writes there: `Store` without records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime

from sqlpipes.core.events import Event
from sqlpipes.core.history import History
from sqlpipes.core.partitions import Axis, Partitions
from sqlpipes.core.windows import Slot
from sqlpipes.stores import current, journal
from sqlpipes.stores.memo import Memo
from sqlpipes.stores.statements import Db


class Keeping(ABC):
    """One target of an open state. Every method is one transaction, and raises StoreError."""

    def __init__(self, target: str, place: str) -> None:
        self.target = target
        self._place = place
        self._memo = Memo()

    @abstractmethod
    def _read(self) -> AbstractContextManager[Db]:
        """One snapshot for all queries of a question."""

    @abstractmethod
    def _write(self) -> AbstractContextManager[journal.Writing]:
        """One transaction; what is remembered of the last one goes when this one is rolled back."""

    def append(self, *events: Event) -> None:
        with self._write() as to:
            for event in events:
                journal.record(to, event)

    def history(self, names: Iterable[str] | None = None) -> History:
        with self._read() as db:
            return current.load_history(db, self.target, names)

    def tick(self) -> int:
        with self._read() as db:
            return current.tick(db, self.target)

    def definitions(self, names: Iterable[str]) -> dict[str, str]:
        with self._read() as db:
            return current.definitions(db, self.target, names)

    def windows(self, asset: str, axis: Axis) -> Mapping[Slot, str]:
        with self._read() as db:
            return current.load_windows(db, self.target, asset, axis)

    def running(self) -> dict[str, Partitions]:
        with self._read() as db:
            return current.running(db, self.target)

    def built_at(self, names: Iterable[str] | None = None) -> dict[str, datetime]:
        with self._read() as db:
            return current.built_at(db, self.target, names)

    def close_stale_runs(self, alive: Callable[[int, str], bool] | None = None) -> tuple[str, ...]:
        is_alive = alive or (lambda _, place: place != self._place)
        with self._read() as db:
            if not journal.dead_runs(db, self.target, is_alive):
                return ()
        with self._write() as to:
            dead = journal.dead_runs(to.db, self.target, is_alive)
            journal.close_runs(to, dead)
            return tuple(dead)

    def set_stamp(self, key: str, value: str) -> None:
        with self._write() as to:
            journal.next_tick(to)
            current.put_stamp(to.db, self.target, key, value)

    def stamp(self, key: str) -> str | None:
        with self._read() as db:
            return current.stamp(db, self.target, key)

    def forget(self, names: Iterable[str]) -> None:
        with self._write() as to:
            journal.forget_assets(to, names)

    def prune(self, keep: int) -> int:
        with self._write() as to:
            return journal.prune(to, keep)
