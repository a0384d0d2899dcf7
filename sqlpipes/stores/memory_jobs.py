"""What was asked of jobs, in memory: the same answers as on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlpipes.core.job import Request
from sqlpipes.core.status import Status
from sqlpipes.stores.records import JobRun, Schedule, in_turn

Key = tuple[str, str]


class MemoryJobs:
    """One target's queue. See `stores.Jobs`."""

    def __init__(self) -> None:
        self._schedules: dict[str, Schedule] = {}
        self._runs: dict[Key, JobRun] = {}

    def schedules(self) -> Mapping[str, Schedule]:
        return dict(self._schedules)

    def keep(self, schedules: Mapping[str, str], now: datetime) -> None:
        before = self._schedules
        self._schedules = {
            job: before[job] if job in before and before[job].text == text else Schedule(text, now)
            for job, text in schedules.items()
        }

    def newest_due(self) -> Mapping[str, datetime]:
        found: dict[str, datetime] = {}
        for run in self._runs.values():
            job, due = run.request.job, run.request.due
            if due is not None:
                found[job] = max(found.get(job, due), due)
        return found

    def ask(self, requests: Sequence[Request], now: datetime) -> tuple[Request, ...]:
        new = []
        for request in requests:
            if _key(request) not in self._runs:
                self._runs[_key(request)] = JobRun(request, Status.QUEUED, now)
                new.append(request)
        return tuple(new)

    def skip(self, request: Request, message: str, now: datetime) -> bool:
        found = self._runs.get(_key(request)) or JobRun(request, Status.QUEUED, now)
        if found.status is not Status.QUEUED:
            return False
        self._runs[_key(request)] = replace(
            found, status=Status.SKIPPED, finished_at=now, message=message
        )
        return True

    def open(self) -> tuple[JobRun, ...]:
        return tuple(sorted((run for run in self._runs.values() if run.is_open), key=in_turn))

    def claim(self, request: Request, claim: str, run_id: str, now: datetime) -> bool:
        found = self._runs.get(_key(request))
        if found is None or found.status is not Status.QUEUED or self._is_busy(request.job):
            return False
        self._runs[_key(request)] = replace(
            found,
            status=Status.RUNNING,
            attempts=found.attempts + 1,
            claim=claim,
            run_id=run_id,
            started_at=now,
        )
        return True

    def give_back(self, request: Request, claim: str, message: str, *, tried: bool = True) -> bool:
        found = self._held(request, claim)
        if found is None:
            return False
        self._runs[_key(request)] = replace(
            found,
            status=Status.QUEUED,
            claim="",
            message=message,
            attempts=found.attempts - (not tried),
        )
        return True

    def end(
        self, request: Request, claim: str, status: Status, now: datetime, run_id: str, message: str
    ) -> bool:
        found = self._held(request, claim)
        if found is None:
            return False
        self._runs[_key(request)] = replace(
            found, status=status, finished_at=now, run_id=run_id, message=message
        )
        return True

    def named(self, job: str, keys: Iterable[str]) -> Mapping[str, JobRun]:
        found = ((key, self._runs.get((job, key))) for key in keys)
        return {key: run for key, run in found if run is not None}

    def runs(self, job: str | None = None, limit: int = 20) -> tuple[JobRun, ...]:
        found = [run for run in self._runs.values() if job in (None, run.request.job)]
        return tuple(sorted(found, key=in_turn, reverse=True)[:limit])

    def last(self) -> Mapping[str, JobRun]:
        begun = [run for run in self._runs.values() if run.started_at is not None]
        begun.sort(key=lambda run: (run.started_at, run.request.key))
        return {run.request.job: run for run in begun}

    def _held(self, request: Request, claim: str) -> JobRun | None:
        found = self._runs.get(_key(request))
        is_mine = found and found.status is Status.RUNNING and found.claim == claim
        return found if is_mine else None

    def _is_busy(self, job: str) -> bool:
        return any(
            run.status is Status.RUNNING for run in self._runs.values() if run.request.job == job
        )


def _key(request: Request) -> Key:
    return request.job, request.key
