"""What was asked of jobs: a queue in which each key of a job stands once, for any number of processes.

Every method that writes takes the target's tick first, which lets only one process at a time do so:
between what it reads and what it writes nobody else does. Who is alive is not known here: a claim
names a builder (`stores/leases.py`), which gives signs of life.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from sqlpipes.core.job import Request
from sqlpipes.core.status import Status
from sqlpipes.stores import journal
from sqlpipes.stores import tables as t
from sqlpipes.stores.journal import OfTarget, Writing
from sqlpipes.stores.lasting import lasting
from sqlpipes.stores.records import OPEN_JOBS, JobRun, Schedule, in_turn
from sqlpipes.stores.statements import core
from sqlpipes.stores.text import json_text, plain_text, slices_from, slices_text

RUNS, JOBS = t.job_runs, t.jobs


@lasting
class SqlJobs(OfTarget):
    """One target's queue. See `stores.Jobs`."""

    def schedules(self) -> Mapping[str, Schedule]:
        with self._read() as db:
            return _schedules(core(db), self._target)

    def keep(self, schedules: Mapping[str, str], now: datetime) -> None:
        with self._read() as db:
            before = _schedules(core(db), self._target)
        if {job: seen.text for job, seen in before.items()} == schedules:
            return
        with self._write() as to:
            journal.next_tick(to)
            before = _schedules(core(to.db), self._target)
            gone = [job for job, seen in before.items() if schedules.get(job) != seen.text]
            for job in gone:
                core(to.db).execute(
                    delete(JOBS).where(JOBS.c.target == to.target, JOBS.c.job == job)
                )
            for job, text in schedules.items():
                if job in gone or job not in before:
                    row = {"target": to.target, "job": plain_text(job), "schedule": text}
                    core(to.db).execute(insert(JOBS), row | {"since": now.isoformat()})

    def newest_due(self) -> Mapping[str, datetime]:
        query = select(RUNS.c.job, func.max(RUNS.c.due)).where(
            RUNS.c.target == self._target, RUNS.c.due.is_not(None)
        )
        with self._read() as db:
            rows = core(db).execute(query.group_by(RUNS.c.job)).all()
        return {job: datetime.fromisoformat(due) for job, due in rows}

    def ask(self, requests: Sequence[Request], now: datetime) -> tuple[Request, ...]:
        if not requests:
            return ()
        new = []
        with self._write() as to:
            journal.next_tick(to)
            for request in requests:
                if _found(to, request) is None:
                    core(to.db).execute(insert(RUNS), _row(to.target, request, now))
                    new.append(request)
        return tuple(new)

    def skip(self, request: Request, message: str, now: datetime) -> bool:
        with self._write() as to:
            journal.next_tick(to)
            found = _found(to, request)
            if found is None:
                core(to.db).execute(insert(RUNS), _row(to.target, request, now))
            elif found.status != Status.QUEUED.value:
                return False
            end = {"status": Status.SKIPPED.value, "finished_at": now.isoformat()}
            _change(to, request, end | {"message": plain_text(message)})
            return True

    def open(self) -> tuple[JobRun, ...]:
        statuses = [status.value for status in OPEN_JOBS]
        query = select(RUNS).where(RUNS.c.target == self._target, RUNS.c.status.in_(statuses))
        with self._read() as db:
            return tuple(sorted(map(_run, core(db).execute(query)), key=in_turn))

    def claim(self, request: Request, claim: str, run_id: str, now: datetime) -> bool:
        busy = select(RUNS.c.key).where(
            RUNS.c.target == self._target,
            RUNS.c.job == plain_text(request.job),
            RUNS.c.status == Status.RUNNING.value,
        )
        with self._write() as to:
            journal.next_tick(to)
            found = _found(to, request)
            if (
                found is None
                or found.status != Status.QUEUED.value
                or core(to.db).execute(busy).first()
            ):
                return False
            begun = {"status": Status.RUNNING.value, "attempts": found.attempts + 1}
            begun |= {"claim": claim, "run_id": run_id, "started_at": now.isoformat()}
            _change(to, request, begun)
            return True

    def give_back(self, request: Request, claim: str, message: str, *, tried: bool = True) -> bool:
        with self._write() as to:
            journal.next_tick(to)
            found = _held(to, request, claim)
            if found is None:
                return False
            again = {"status": Status.QUEUED.value, "claim": "", "message": plain_text(message)}
            _change(to, request, again | {"attempts": found.attempts - (not tried)})
            return True

    def end(
        self, request: Request, claim: str, status: Status, now: datetime, run_id: str, message: str
    ) -> bool:
        with self._write() as to:
            journal.next_tick(to)
            if _held(to, request, claim) is None:
                return False
            end = {"status": status.value, "finished_at": now.isoformat(), "run_id": run_id}
            _change(to, request, end | {"message": plain_text(message)})
            return True

    def named(self, job: str, keys: Iterable[str]) -> Mapping[str, JobRun]:
        wanted = sorted({plain_text(key) for key in keys})
        query = select(RUNS).where(RUNS.c.target == self._target, RUNS.c.job == job)
        with self._read() as db:
            return {
                row.key: _run(row) for row in core(db).execute(query.where(RUNS.c.key.in_(wanted)))
            }

    def runs(self, job: str | None = None, limit: int = 20) -> tuple[JobRun, ...]:
        query = select(RUNS).where(RUNS.c.target == self._target)
        query = query if job is None else query.where(RUNS.c.job == job)
        newest = query.order_by(*(c.desc() for c in _TURN)).limit(limit)
        with self._read() as db:
            return tuple(map(_run, core(db).execute(newest)))

    def last(self) -> Mapping[str, JobRun]:
        newest = select(RUNS.c.job, func.max(RUNS.c.started_at).label("at"))
        newest = newest.where(RUNS.c.target == self._target).group_by(RUNS.c.job)
        with self._read() as db:
            found = newest.subquery()
            same = (RUNS.c.job == found.c.job, RUNS.c.started_at == found.c.at)
            query = select(RUNS).join(found, same[0] & same[1])
            query = query.where(RUNS.c.target == self._target).order_by(RUNS.c.key)
            rows: Iterable[Any] = core(db).execute(query)
            return {row.job: _run(row) for row in rows}


_TURN = (RUNS.c.asked_at, func.coalesce(RUNS.c.due, RUNS.c.asked_at), RUNS.c.job, RUNS.c.key)


def _schedules(db: Connection, target: str) -> dict[str, Schedule]:
    query = select(JOBS.c.job, JOBS.c.schedule, JOBS.c.since).where(JOBS.c.target == target)
    rows = db.execute(query).all()
    return {job: Schedule(text, datetime.fromisoformat(since)) for job, text, since in rows}


def _same(to: Writing, request: Request) -> tuple[Any, ...]:
    job, key = plain_text(request.job), plain_text(request.key)
    return RUNS.c.target == to.target, RUNS.c.job == job, RUNS.c.key == key


def _found(to: Writing, request: Request) -> Any:
    return core(to.db).execute(select(RUNS).where(*_same(to, request))).first()


def _held(to: Writing, request: Request, claim: str) -> Any:
    found = _found(to, request)
    is_mine = found and found.status == Status.RUNNING.value and found.claim == claim
    return found if is_mine else None


def _change(to: Writing, request: Request, values: dict[str, Any]) -> None:
    core(to.db).execute(update(RUNS).where(*_same(to, request)).values(**values))


def _row(target: str, request: Request, now: datetime) -> dict[str, Any]:
    return {
        "target": target,
        "job": plain_text(request.job),
        "key": plain_text(request.key),
        "due": request.due.isoformat() if request.due else None,
        "because": plain_text(request.because),
        "request": json_text(
            {
                "select": list(request.select),
                "exclude": list(request.exclude),
                "vars": dict(request.vars),
                "partition": request.partition,
                "tags": list(request.tags),
                "only": None if request.only is None else list(request.only),
                "slices": {name: slices_text(each) for name, each in request.slices.items()},
                "forced": sorted(request.forced),
            }
        ),
        "status": Status.QUEUED.value,
        "attempts": 0,
        "claim": "",
        "run_id": "",
        "message": "",
        "asked_at": now.isoformat(),
    }


def _run(row: Any) -> JobRun:
    said = json.loads(row.request)
    request = Request(
        job=row.job,
        key=row.key,
        because=row.because,
        select=tuple(said["select"]),
        exclude=tuple(said["exclude"]),
        vars=said["vars"],
        partition=said["partition"],
        due=_at(row.due),
        tags=tuple(said["tags"]),
        only=None if said.get("only") is None else tuple(said["only"]),
        slices={name: slices_from(text) for name, text in said.get("slices", {}).items()},
        forced=frozenset(said.get("forced", ())),
    )
    return JobRun(
        request,
        Status(row.status),
        datetime.fromisoformat(row.asked_at),
        attempts=row.attempts,
        claim=row.claim,
        run_id=row.run_id,
        message=row.message,
        started_at=_at(row.started_at),
        finished_at=_at(row.finished_at),
    )


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
