"""The cron lines of jobs + what is on record + now -> the times that are due, and those that were missed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlpipes.api.project import Project
from sqlpipes.api.queue import is_due_here
from sqlpipes.core.cron import times
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.job import Job, Request
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.stores import Store

AT_MOST = 10_000  # times of one job that are looked through, for the newest of them


@dataclass(frozen=True, slots=True)
class Missed:
    """Times of a job at which nobody looked, and which are not made up for: from the first to the last."""

    job: str
    first: datetime
    last: datetime
    count: int
    is_all: bool = True  # False: there were more

    def __str__(self) -> str:
        more = "" if self.is_all else "more than "
        return f"{more}{self.count:,}"


@dataclass(frozen=True, slots=True)
class Due:
    """The times of a job since the newest on record: those to be done, and those that were missed."""

    job: Job
    times: tuple[datetime, ...]
    missed: Missed | None = None


def scheduled(project: Project, store: Store, now: datetime) -> Sequence[Request]:
    """What the cron lines of the jobs ask for."""
    return [
        _request(due.job, at, due.missed)
        for due in due_times(project, store, now)
        for at in due.times
    ]


def schedules(project: Project) -> dict[str, str]:
    """The jobs that are due by the clock here, with what their times hang on."""
    return {
        job.name: f"{job.cron} {job.timezone}" for job in project.jobs if is_due_here(job, project)
    }


def due_times(project: Project, store: Store, now: datetime) -> Iterator[Due]:
    """The times of each job since it was first seen, or since the newest on record, until `now`.

    A job that was never seen, or with another schedule, has none: it counts from now.
    """
    wanted = schedules(project)
    if not wanted:
        return
    seen, newest, queued = store.jobs().schedules(), store.jobs().newest_due(), _queued(store)
    for job in project.jobs:
        known = seen.get(job.name)
        if job.name not in wanted or known is None or known.text != wanted[job.name]:
            continue
        after = max(known.since, newest.get(job.name, known.since))
        found = _since(job, after, now)
        waiting = [at for at in queued.get(job.name, ()) if at <= now]
        yield _cut(job, sorted({*waiting, *found.times}), found.missed)


def _queued(store: Store) -> dict[str, list[datetime]]:
    """The due times that are in the queue, by job."""
    found: dict[str, list[datetime]] = {}
    for run in store.jobs().open():
        if run.status is Status.QUEUED and run.request.due is not None:
            found.setdefault(run.request.job, []).append(run.request.due)
    return found


def _since(job: Job, after: datetime, now: datetime) -> Due:
    """The newest times after `after`, at most AT_MOST, and what lies before them."""
    first, cut = None, False
    while True:
        found: deque[datetime] = deque()
        for at in times(job.cron, job.timezone, after):
            if at > now or len(found) > AT_MOST:
                break
            first = first or at
            found.append(at)
        if len(found) <= AT_MOST:
            break
        after, cut = after + (now - after) / 2, True  # nobody makes up for so many
    missed = None
    if cut and first is not None and found:
        missed = Missed(job.name, first, found[0], AT_MOST, is_all=False)
    return Due(job, tuple(found), missed)


def _cut(job: Job, found: list[datetime], before: Missed | None) -> Due:
    kept, dropped = found[-job.catch_up :], found[: -job.catch_up]
    if not dropped:
        return Due(job, tuple(kept), before)
    first = before.first if before else dropped[0]
    count = AT_MOST if before else len(dropped)
    return Due(job, tuple(kept), Missed(job.name, first, dropped[-1], count, is_all=not before))


def _request(job: Job, due: datetime, missed: Missed | None) -> Request:
    shown = f"{due.astimezone(ZoneInfo(job.timezone)):%Y-%m-%d %H:%M} {job.timezone}"
    more = f"; {missed} missed before are left out" if missed else ""
    return Request(job.name, key_of(due), f"due {shown}{more}", due=due)


def key_of(due: datetime) -> str:
    """
    >>> from datetime import UTC
    >>> key_of(datetime(2024, 1, 5, 6, tzinfo=UTC))
    '2024-01-05T06:00Z'
    """
    return f"{due:%Y-%m-%dT%H:%MZ}"


def newest_missed(missed: Missed) -> Request:
    return Request(missed.job, key_of(missed.last), "missed", due=missed.last)
