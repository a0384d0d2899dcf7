"""A state that other processes write to -> what is new in it since it was asked last. Only reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Any

from sqlalchemy import Connection, Engine, func, or_, select

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.status import Status
from sqlpipes.stores import tables as t
from sqlpipes.stores.recall import runs_of, steps_of
from sqlpipes.stores.records import RunNews, RunRecord, StepRecord

Reading = Callable[[], AbstractContextManager[Connection]]
RUNNING = Status.RUNNING.value


@dataclass(slots=True)
class Tail:
    """What is known of a run that goes on. `steps`: number -> which step, and whether it goes on."""

    last: int = 0
    steps: dict[int, tuple[str, str, bool]] = field(default_factory=dict)

    @property
    def open(self) -> list[int]:
        return [number for number, (_, _, goes_on) in self.steps.items() if goes_on]

    @property
    def done(self) -> int:
        """Steps of which nothing goes on any more; one that is written part by part has several rows."""
        found: dict[tuple[str, str], bool] = {}
        for asset, action, goes_on in self.steps.values():
            found[asset, action] = found.get((asset, action), False) or goes_on
        return sum(not goes_on for goes_on in found.values())

    def add(self, steps: Iterable[StepRecord]) -> None:
        for step in steps:
            self.last = max(self.last, step.number)
            goes_on = step.status is Status.RUNNING
            self.steps[step.number] = (step.asset, step.action, goes_on)


class SqlFollower:
    """Asked again and again by one thread at a time. `path`: of a SQLite file, else None."""

    def __init__(self, engine: Engine, read: Reading, target: str, path: str | None) -> None:
        self._engine = engine
        self._read = read
        self._target = target
        self._path = path
        self._file = _identity(path)
        self._eye: Connection | None = None  # SQLite tells it whether anybody else has committed
        self._mark: Any = None
        self._live: dict[str, Tail] = {}
        self._newest: int | None = None

    @property
    def is_gone(self) -> bool:
        """Whether there is another file in the place of the one that is open, or none."""
        return self._path is not None and _identity(self._path) != self._file

    @property
    def live(self) -> tuple[str, ...]:
        """The runs that went on when it was asked last."""
        return tuple(self._live)

    def moved(self) -> bool:
        """Whether anything was committed since it was asked last; the first time it is so."""
        mark = self._version() if self._path else self._sums()
        moved, self._mark = mark != self._mark, mark
        return bool(moved)

    def news(self) -> tuple[RunNews, ...]:
        """The runs that have begun, gone on or ended, each with those of its steps that did.

        The first time: all that are going on.
        """
        with self._read() as db:
            found = [self._news_of(db, run) for run in self._runs(db)]
        return tuple(each for each in found if each is not None)

    def all_live(self) -> tuple[RunNews, ...]:
        """Every run that goes on, without its steps."""
        with self._read() as db:
            runs = runs_of(db, self._target, t.runs.c.run_id.in_(list(self._live)))
            return tuple(RunNews(run, self._live[run.run_id].done, ()) for run in runs)

    def close(self) -> None:
        if self._eye is not None:
            self._eye.close()

    def _runs(self, db: Connection) -> tuple[RunRecord, ...]:
        c = t.runs.c
        going_on: Any = or_(c.status == RUNNING, c.run_id.in_(list(self._live)))
        newest = db.scalar(select(func.max(c.id)).where(c.target == self._target)) or 0
        if self._newest is not None:
            going_on = or_(going_on, c.id > self._newest)
        self._newest = newest
        return runs_of(db, self._target, going_on)

    def _news_of(self, db: Connection, run: RunRecord) -> RunNews | None:
        goes_on = run.status is Status.RUNNING
        is_new = run.run_id not in self._live
        tail = self._live.setdefault(run.run_id, Tail())
        c = t.steps.c
        steps = steps_of(db, self._target, run.run_id, or_(c.id > tail.last, c.id.in_(tail.open)))
        tail.add(steps)
        if not goes_on:
            del self._live[run.run_id]
        return RunNews(run, tail.done, steps) if steps or is_new or not goes_on else None

    def _version(self) -> Any:
        if self._eye is None:
            self._eye = self._engine.connect()
        return self._eye.exec_driver_sql("PRAGMA data_version").scalar()

    def _sums(self) -> Any:
        """One small question, whose answer moves with every event that is recorded."""
        own = self._target

        def newest(table: Any) -> Any:
            found = select(func.max(table.c.id)).where(table.c.target == own)
            return found.scalar_subquery()

        tick = select(t.ticks.c.tick).where(t.ticks.c.target == own).scalar_subquery()
        with self._read() as db:
            row = db.execute(select(tick, newest(t.runs), newest(t.steps), newest(t.checks)))
            return tuple(row.one())


def _identity(path: str | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
