"""What is due -> the queue -> done, once. `tick` is one round of it; `serve` is round after round.

    for source in SOURCES:  project + store + now -> Requests      schedules, then sensors
    the queue (stores.Jobs):  each key of a job once               what was missed for too long is skipped
    whoever claims one does it                                     any number of processes may tick at once
    then automation, which looks at what that has changed, and the queue once more

A source only says what it wants; that a thing is wanted twice is no fault, as its key is on record.
What it wants is in the queue before the next source is asked, and before anything is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from sqlpipes.api.automation import Evaluated, automatic, remember
from sqlpipes.api.building import new_run_id
from sqlpipes.api.claims import (
    BY_DEFAULT,
    BY_HAND,
    Claim,
    Died,
    bury_dead,
    claimed,
    is_by_hand,
    seen_dead,
)
from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.queue import (
    How,
    Outcome,
    ask_of,
    job_named,
    perform,
    with_hooks,
)
from sqlpipes.api.schedules import AT_MOST, Missed, due_times, newest_missed, scheduled, schedules
from sqlpipes.api.sensing import SickSensor, failing, sensed, still_wanted
from sqlpipes.api.sharing import Patience
from sqlpipes.api.terms import Watch
from sqlpipes.core.config import NOTHING, Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import LockedError, Problem
from sqlpipes.core.job import Job, Request
from sqlpipes.core.status import Status
from sqlpipes.core.verdict import Verdict

if TYPE_CHECKING:
    from sqlpipes.stores import JobRun, Store

Source = Callable[[Project, "Store", datetime], Sequence[Request]]


@dataclass(frozen=True, slots=True)
class Begun:
    """A request is being done."""

    request: Request
    run_id: str


Happening = Missed | Died | SickSensor | Begun | Outcome


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick saw and did. With `dry_run`, `asked` is what it would do, `missed` and `died`
    what it would note, and nothing else is there."""

    asked: tuple[Request, ...] = ()
    missed: tuple[Missed, ...] = ()
    died: tuple[Died, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    waiting: tuple[JobRun, ...] = ()  # what is still queued: another run of its job is under way
    sick: tuple[SickSensor, ...] = ()  # sensors whose call failed
    busy: str = ""  # why the automated assets could not be looked at
    verdicts: tuple[Verdict, ...] = ()  # of the automated assets, in graph order

    @property
    def ok(self) -> bool:
        given_up = any(not each.again for each in self.died)
        return not given_up and not self.sick and all(outcome.ok for outcome in self.outcomes)


def tick(
    how: How,
    project: Project,
    *,
    at: datetime | None = None,
    dry_run: bool = False,
    command: str = "tick",
    watch: Watch | None = None,
    on_happening: Callable[[Happening], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
    patience: Patience = BY_DEFAULT,
) -> Ticked:
    """Do what is due at `at`, or now, and was not done yet. What fails is in the outcomes.

    Slices are counted up to `at`, too; what is put on record bears the time of the clock.
    Raises ProjectError for files that need mending.
    """
    project.raise_errors()
    now, tell = at or clock(), on_happening or (lambda happening: None)
    with closing(open_store_of(project)) as store:
        if dry_run:
            return _looked(project, store, now)
        died = bury_dead(store, project.root, clock(), patience=patience)
        before = store.asked().sensors() if project.sensors else {}
        asked, missed = _asked(project, store, now, clock())
        sick = failing(project, store, now, before)
        told: tuple[Happening, ...] = (*died, *missed, *sick)
        for happening in told:
            tell(happening)
        round = Round(how, project, store, command, watch or Watch(), clock, patience, tell, at)
        outcomes = tuple(_done(round))
        found = _evaluated(project, store, at or clock(), clock(), round.watch)
        if found.request is not None:
            asked += (found.request,)
            outcomes += tuple(_done(round))
        outcomes += tuple(_given_up(project, each, now) for each in died if not each.again)
        waiting = tuple(run for run in store.jobs().open() if run.status is Status.QUEUED)
        return Ticked(asked, missed, died, outcomes, waiting, sick, found.busy, found.verdicts)


def run_job(
    how: How,
    project: Project,
    name: str,
    *,
    partition: str | None = None,
    vars: Mapping[str, Plain] = NOTHING,
    command: str = "jobs run",
    watch: Watch | None = None,
    clock: Callable[[], datetime] = utc_now,
    wait_s: float = float("inf"),
    patience: Patience = BY_DEFAULT,
) -> Outcome:
    """Run one now, whether it is due or not, and its hooks after it.

    Raises ProjectError when there is no such job, LockedError JOB007 while another run of it is under way.
    """
    project.raise_errors()
    job, now = job_named(project, name), clock()
    run_id = new_run_id(now)
    request = Request(name, BY_HAND + run_id, "asked for", vars=dict(vars), partition=partition)
    ask_of(job, request, now)  # a rule that makes no sense is told before anything is on record
    with closing(open_store_of(project)) as store:
        bury_dead(store, project.root, now, patience=patience)
        store.jobs().ask([request], now)
        round = Round(how, project, store, command, watch or Watch(), clock, patience)
        outcome = _done_once(round, job, request, run_id, may_wait=False, wait_s=wait_s)
        if outcome is None:
            store.jobs().skip(request, "another run was under way", clock())
            raise LockedError(_busy(store, name))
    return with_hooks(project, job, outcome)


def _busy(store: Store, name: str) -> Problem:
    runs = [run for run in store.jobs().open() if run.request.job == name]
    which = next((f" (run {run.run_id})" for run in runs if run.run_id), "")
    hint = "one run of a job at a time: wait for it to end"
    return Problem("JOB007", f"the job '{name}' is running already{which}", hint=hint)


@dataclass(frozen=True, slots=True)
class Round:
    """What all that is done at one time has in common. `tell`: of each happening, as it happens.

    `at`: the time up to which slices are counted, where it is not that of the clock.
    """

    how: How
    project: Project
    store: Store
    command: str
    watch: Watch
    clock: Callable[[], datetime]
    patience: Patience
    tell: Callable[[Happening], None] = lambda happening: None
    at: datetime | None = None


def _done_once(
    round: Round, job: Job, request: Request, run_id: str, *, may_wait: bool, wait_s: float = inf
) -> Outcome | None:
    """What came of it, before its hooks; None when it is somebody else's to do."""
    project, command, clock = round.project, round.command, round.clock

    def do(watch: Watch) -> Outcome:
        round.tell(Begun(request, run_id))
        return perform(
            round.how,
            project,
            job,
            request,
            run_id=run_id,
            command=command,
            watch=watch,
            clock=clock,
            wait_s=wait_s,
            at=round.at,
        )

    return claimed(
        round.store,
        project.root,
        Claim(request, _claim_of(job, run_id), run_id, command),
        do,
        watch=round.watch,
        clock=clock,
        may_wait=may_wait,
        patience=round.patience,
    )


SOURCES: tuple[Source, ...] = (scheduled, sensed)
LOOKING: tuple[Source, ...] = (scheduled, still_wanted)  # no function of a user's is called


def _looked(project: Project, store: Store, now: datetime) -> Ticked:
    """What is queued already, and what the sources would add to it."""
    missed = tuple(due.missed for due in due_times(project, store, now) if due.missed)
    dropped = {(each.job, each.first, each.last) for each in missed}
    queued = [run.request for run in store.jobs().open() if run.status is Status.QUEUED]
    kept = [
        request
        for request in queued
        if request.due is None
        or not any(
            job == request.job and first <= request.due <= last for job, first, last in dropped
        )
    ]
    wanted = [request for source in LOOKING for request in source(project, store, now)]
    asked = {(request.job, request.key): request for request in (*wanted, *kept)}
    known = {
        (run.request.job, run.request.key)
        for job in {request.job for request in wanted}
        for run in store.jobs().runs(job, AT_MOST)
        if run.status is not Status.QUEUED
    }
    new = tuple(request for key, request in asked.items() if key not in known)
    found = automatic(project, store, now)
    new += (found.request,) if found.request else ()
    died = seen_dead(store, project.root)
    new = (*(each.run.request for each in died if each.again), *new)
    return Ticked(new, missed, died, busy=found.busy, verdicts=found.verdicts)


def _evaluated(
    project: Project, store: Store, now: datetime, noted_at: datetime, watch: Watch
) -> Evaluated:
    """What the automated assets ask for goes into the queue, if it is not there already."""
    if watch.cancel.is_set():
        return Evaluated()
    found = automatic(project, store, now)
    remember(store, found)
    asked = store.jobs().ask([found.request] if found.request else [], noted_at)
    return found if asked else replace(found, request=None)


def _asked(
    project: Project, store: Store, now: datetime, noted_at: datetime
) -> tuple[tuple[Request, ...], tuple[Missed, ...]]:
    """Put into the queue what the sources want; what was missed is noted there as skipped."""
    queue = store.jobs()
    missed = tuple(due.missed for due in due_times(project, store, now) if due.missed)
    asked = tuple(
        request
        for source in SOURCES
        for request in queue.ask(source(project, store, now), noted_at)
    )
    queue.keep(schedules(project), now)
    for each in missed:
        said = f"missed: {each} times are not made up for"
        queue.skip(newest_missed(each), said, noted_at)
        for run in queue.open():
            request = run.request
            is_old = request.due is not None and request.due <= each.last
            if request.job == each.job and is_old:
                queue.skip(request, said, noted_at)
    return asked, missed


def _done(round: Round) -> Iterator[Outcome]:
    """Do what is queued, one after the other, for as long as there is something that can be claimed."""
    queue, clock = round.store.jobs(), round.clock
    tried: set[tuple[str, str]] = set()
    while not round.watch.cancel.is_set():
        queued = [run for run in queue.open() if run.status is Status.QUEUED]
        left = [r.request for r in queued if (r.request.job, r.request.key) not in tried]
        if not left:
            return
        request = left[0]
        tried.add((request.job, request.key))
        job = _job_of(round.project, request)
        if job is None:
            queue.skip(request, f"there is no job '{request.job}' any more", clock())
            continue
        may_wait = not is_by_hand(request)
        outcome = _done_once(round, job, request, new_run_id(clock()), may_wait=may_wait)
        if outcome is not None:
            outcome = with_hooks(round.project, job, outcome)
            round.tell(outcome)
            yield outcome


def _job_of(project: Project, request: Request) -> Job | None:
    """The job of that name; a request that says what to build needs none."""
    found = next((job for job in project.jobs if job.name == request.job), None)
    is_told = bool(request.select) or request.only is not None
    return found or (Job(request.job) if is_told else None)


def _claim_of(job: Job, run_id: str) -> str:
    """The builder's name. That of an op is its run's, which then counts as alive; a build has its own."""
    return run_id if job.op is not None else f"job-{run_id}"


def _given_up(project: Project, died: Died, now: datetime) -> Outcome:
    """The end of a run that is not tried again, with its hooks."""
    run = died.run
    outcome = Outcome(
        run.request.job,
        run.request,
        Status.INTERRUPTED,
        f"its process died ({run.attempts} attempts)",
        run.started_at or now,
        now,
        run.run_id,
    )
    job = _job_of(project, run.request)
    return outcome if job is None else with_hooks(project, job, outcome)
