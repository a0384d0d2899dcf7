"""Where runs are remembered: events in; History, runs and slices out.

`open_store` is the door. A store belongs to one target: dev and prod have different pasts. It keeps
two things: what happened (runs, steps, checks; may be pruned) and what is (slices, marks; read by
`history` without folding anything). docs/state.md describes the tables.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Location
from sqlpipes.core.events import Event
from sqlpipes.core.history import History
from sqlpipes.core.job import Request
from sqlpipes.core.partitions import Axis, Partitions
from sqlpipes.core.sensor import Reply, SensorState, Wanted
from sqlpipes.core.status import Status
from sqlpipes.core.verdict import Seen
from sqlpipes.core.windows import Slot
from sqlpipes.stores.lock import Holder, build_lock, lock_holder, place_of, state_folder
from sqlpipes.stores.records import (
    CheckRecord,
    JobRun,
    Move,
    Note,
    PastVerdicts,
    RunNews,
    RunRecord,
    Schedule,
    SliceRecord,
    StepRecord,
)

if TYPE_CHECKING:
    from sqlpipes.stores.following import SqlFollower
    from sqlpipes.stores.leases import Leases
    from sqlpipes.stores.sql import SqlStore

__all__ = [
    "Asked",
    "CheckRecord",
    "Holder",
    "JobRun",
    "Jobs",
    "Move",
    "Note",
    "RunNews",
    "RunRecord",
    "Schedule",
    "SliceRecord",
    "StepRecord",
    "Store",
    "build_lock",
    "lock_holder",
    "open_store",
    "peek",
]


class Jobs(Protocol):
    """The queue of one target: what was asked of jobs, each key once, and who does it.

    Every method is one transaction, so of two that take the same thing one comes too late.
    """

    def schedules(self) -> Mapping[str, Schedule]:
        """The jobs that are due by the clock, as they were first seen."""

    def keep(self, schedules: Mapping[str, str], now: datetime) -> None:
        """Remember these schedules and no others; one that is new or has changed counts from `now`."""

    def newest_due(self) -> Mapping[str, datetime]:
        """The newest due time on record of each job, whatever became of it."""

    def ask(self, requests: Sequence[Request], now: datetime) -> tuple[Request, ...]:
        """Put them into the queue; those whose key was not on record."""

    def skip(self, request: Request, message: str, now: datetime) -> bool:
        """Note that it will not be done, unless somebody has begun it."""

    def open(self) -> tuple[JobRun, ...]:
        """What is queued or running, in the order in which it is to be done."""

    def claim(self, request: Request, claim: str, run_id: str, now: datetime) -> bool:
        """Begin it. False: somebody else has, or another run of the same job is under way."""

    def give_back(self, request: Request, claim: str, message: str, *, tried: bool = True) -> bool:
        """Queue again what `claim` had begun and did not end; not `tried` counts as no attempt."""

    def end(
        self, request: Request, claim: str, status: Status, now: datetime, run_id: str, message: str
    ) -> bool:
        """How it ended. False: it is not `claim`'s any more, whatever it did came too late."""

    def named(self, job: str, keys: Iterable[str]) -> Mapping[str, JobRun]:
        """What is on record of a job under these keys."""

    def runs(self, job: str | None = None, limit: int = 20) -> tuple[JobRun, ...]:
        """The newest of all jobs or of one, newest first."""

    def last(self) -> Mapping[str, JobRun]:
        """The newest run of each job that has begun."""


class Asked(Protocol):
    """What is remembered from one look to the next, of one target: verdicts, cursors, wishes."""

    def automation(self) -> Mapping[str, Seen]:
        """What is on record of each automated asset."""

    def save_automation(self, found: Mapping[str, Seen]) -> None:
        """Replace what is on record of these; other verdicts than before are kept as a change."""

    def verdicts(self, asset: str, limit: int = 10) -> tuple[PastVerdicts, ...]:
        """The newest changes of an asset's verdicts, newest first."""

    def sensors(self) -> Mapping[str, SensorState]:
        """What is on record of each sensor that was ever called."""

    def known_keys(self, sensor: str, keys: Iterable[str]) -> frozenset[str]:
        """Those of the keys under which this sensor has asked for something before."""

    def save_reply(
        self, sensor: str, reply: Reply, at: datetime, after: datetime | None
    ) -> tuple[Wanted, ...]:
        """Keep a sensor's cursor together with what it wants, in one transaction; what is new of that.

        Nothing is kept when its newest call is no longer the one `after` which it was asked.
        """

    def reset_sensor(self, sensor: str, cursor: Plain = None, *, keys: bool = False) -> None:
        """Go on from this cursor; `keys`: as if it had never asked for anything."""

    def open_wanted(self) -> tuple[tuple[str, Wanted], ...]:
        """(sensor, what it wants) of all that is not in the queue of jobs yet, oldest first."""

    def mark_done(self, sensor: str, keys: Iterable[str], at: datetime) -> None:
        """What the sensor wanted under these keys is in the queue of jobs."""


class Store(Protocol):
    """The memory of one target. Every method raises StoreError when the state cannot be used."""

    target: str

    def append(self, *events: Event) -> None:
        """Record what happened, in this order, and what it changes, in one transaction."""

    def history(self, names: Iterable[str] | None = None) -> History:
        """What is built, of `names` or of everything."""

    def tick(self) -> int:
        """That of the newest history; another one: somebody has built."""

    def definitions(self, names: Iterable[str]) -> dict[str, str]:
        """The text that the newest build of each asset was made from; never built: left out."""

    def windows(self, asset: str, axis: Axis) -> Mapping[Slot, str]:
        """The tokens on record of a source's windows; none of any other axis."""

    def running(self) -> dict[str, Partitions]:
        """asset -> the slices that a step which has not ended is writing, as far as is known."""

    def built_at(self, names: Iterable[str] | None = None) -> dict[str, datetime]:
        """When each asset was last written."""

    def slices(self, asset: str) -> tuple[SliceRecord, ...]:
        """What is built of one asset, and which run wrote it, oldest write first."""

    def runs(self, limit: int = 20) -> tuple[RunRecord, ...]:
        """The newest runs, newest first, without their steps."""

    def run(self, run_id: str = "last") -> RunRecord:
        """One run with all that happened in it, by id, by the start or end of an id, or the newest.

        ProjectError when there is none, or when more than one is meant.
        """

    def last_result(self) -> Mapping[str, Status]:
        """How the newest run ended for each asset in it; empty when nothing has been run."""

    def check_results(self, run_id: str | None = None) -> tuple[CheckRecord, ...]:
        """The checks of one run (as `run` finds it), or the newest result of every check."""

    def notes(self, asset: str) -> tuple[Note, ...]:
        """The steps of an asset that ended, well or not, oldest first, in runs and outside of them."""

    def check_history(self, asset: str) -> tuple[CheckRecord, ...]:
        """Every result of the checks of an asset, oldest first."""

    def close_stale_runs(self, alive: Callable[[int, str], bool] | None = None) -> tuple[str, ...]:
        """Mark the runs whose process died as interrupted; their ids.

        `alive` is asked for each open run, with its process id and place. None: call it with the
        build lock held; no open run of this place can then be alive, and of others nothing is known.
        """

    def set_stamp(self, key: str, value: str) -> None:
        """Keep a short text, such as what the warehouse's file looked like after a build."""

    def stamp(self, key: str) -> str | None: ...

    def move(self, move: Move, done: str = "") -> None:
        """Give the state of one asset to a name that has none; takes the stamp `done` away with it."""

    def forget(self, names: Iterable[str]) -> None:
        """Drop what is known to be built of these assets; what happened stays on record."""

    def prune(self, keep: int) -> int:
        """Drop what happened in all but the newest `keep` runs; how many went. No slice is forgotten."""

    def jobs(self) -> Jobs:
        """What was asked of jobs, and what became of it."""

    def asked(self) -> Asked:
        """What automation decided and what sensors want."""

    def leases(self) -> Leases | None:
        """Who may write what, among builds that share this state; None when no other can."""

    def follow(self) -> SqlFollower | None:
        """What other processes write to it, as they do; None when no other can."""

    def close(self) -> None: ...


def open_store(
    url: str | None, root: str, *, target: str = "default", at: Location | None = None
) -> Store:
    """The store at a SQLAlchemy URL. None: SQLite in <root>/.sqlpipes/state.db, made when missing.

    `at` is where the URL is written, and so the place of what is wrong with it. A relative SQLite path is
    taken from `root`; `memory://` forgets everything at the end. StoreError when the database cannot be
    opened, is damaged, or was written by a newer version.
    """
    if url == "memory://":
        from sqlpipes.stores.memory import MemoryStore

        return MemoryStore(target)
    from sqlpipes.stores.local import LocalStore, is_ready, local_file, make_ready

    def full() -> SqlStore:
        from sqlpipes.stores.sql import open_sql_store  # SQLAlchemy: 0.2 s that few commands need

        return open_sql_store(url, root, target=target, at=at)

    path = local_file(url, root)
    if path is None:
        return full()
    if url is None:
        with suppress(OSError):
            state_folder(os.path.abspath(root))
    if not is_ready(path, target) and not make_ready(path, target):
        full().close()  # brings it up to date, or says what is wrong
    return LocalStore(path, target, place_of(root), full, at)


def peek(url: str | None, root: str, *, at: Location | None = None) -> str:
    """What the first build would have to do to a state before it can be used; "" when it is ready.

    Nothing is made. StoreError when there is no way to its database, or STO016 no right to make tables.
    """
    if url == "memory://":
        return ""
    from sqlpipes.stores.local import local_file

    path = local_file(url, root)
    if path is not None:
        return "" if os.path.isfile(path) else "not there yet: the first build makes it"
    from sqlpipes.stores.sql import peek_at

    return peek_at(url or "", root, at)
