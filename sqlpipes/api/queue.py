"""A job + a request -> a build, or the call of its op; what came of it, and its hooks.

What is done under a request is on record before it begins (`stores.Jobs`); `api/ticking.py` decides
when that is. Nothing here asks whether it is due.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlpipes.api.build_report import Report
from sqlpipes.api.building import build
from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project, load, open_store_of
from sqlpipes.api.selection import Ask
from sqlpipes.api.terms import Watch
from sqlpipes.core.config import NOTHING, Plain
from sqlpipes.core.cron import next_time
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, SqlpipesError, near_or_all
from sqlpipes.core.events import RunFinished, StepFailed
from sqlpipes.core.job import Job, Request, SliceRule, slice_rule
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.stores import JobRun

WELL = (Status.SUCCESS, Status.WARN)


@dataclass(frozen=True, slots=True)
class How:
    """How a project is loaded; a job with vars of its own needs it loaded once more."""

    root: str
    target: str | None = None
    profile: str | None = None
    profiles_dir: str | None = None
    vars: Mapping[str, Plain] = field(default_factory=dict)
    cache: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request. `run_id`: its run on record; empty when there was nothing to do.

    `problems` are those that ended it or its steps, `hook_problems` what its hooks failed with.
    """

    job: str
    request: Request
    status: Status
    message: str
    started_at: datetime
    finished_at: datetime
    run_id: str = ""
    problems: tuple[Problem, ...] = ()
    report: Report | None = None
    hook_problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return self.status in WELL

    @property
    def seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it stands: its next time, none while it is not due by the clock here, and its newest run."""

    job: Job
    next: datetime | None
    last: JobRun | None


def load_as(how: How, vars: Mapping[str, Plain] = NOTHING) -> Project:
    """Load it, with `vars` in place of its own."""
    return load(
        how.root,
        target=how.target,
        profile=how.profile,
        profiles_dir=how.profiles_dir,
        vars={**how.vars, **vars},
        cache=how.cache,
    )


def job_named(project: Project, name: str) -> Job:
    """The job of that name. ProjectError JOB006 when there is none."""
    for job in project.jobs:
        if job.name == name:
            return job
    names = [job.name for job in project.jobs]
    hint = near_or_all(name, names, "declare it in jobs.yml under `jobs:`")
    raise ProjectError(Problem("JOB006", f"there is no job '{name}'", hint=hint))


def is_due_here(job: Job, project: Project) -> bool:
    """Whether the clock asks for it in this target."""
    return bool(job.cron) and job.enabled and job.target in (None, project.target.name)


def jobs(project: Project, *, now: datetime | None = None) -> tuple[JobStatus, ...]:
    """Every job, in the order in which they are declared."""
    now = now or utc_now()
    with closing(open_store_of(project)) as store:
        last = store.jobs().last() if project.jobs else {}
    return tuple(
        JobStatus(
            job,
            next_time(job.cron, job.timezone, now) if is_due_here(job, project) else None,
            last.get(job.name),
        )
        for job in project.jobs
    )


def job_runs(project: Project, name: str | None = None, limit: int = 20) -> tuple[JobRun, ...]:
    """What was asked of jobs, newest first."""
    with closing(open_store_of(project)) as store:
        return store.jobs().runs(name, limit)


def ask_of(job: Job, request: Request, now: datetime) -> Ask:
    """What a request means: its own words, and the job's where it has none."""
    rule = _rule(job, request)
    own = bool(request.select)
    return Ask(
        select=request.select if own else job.select,
        exclude=request.exclude if own or request.exclude else job.exclude,
        selector=None if own else job.selector,
        partitions=rule.range,
        last=rule.last,
        missing=rule.missing,
        failed=rule.failed,
        stale=rule.stale,
        as_of=(request.due or now) if rule.due else None,
        only=request.only,
        slices=request.slices,
        forced=request.forced,
        full_refresh=job.full_refresh,
    )


def _rule(job: Job, request: Request) -> SliceRule:
    if request.partition is None:
        return job.partition
    try:
        return slice_rule(request.partition)
    except ValueError as error:
        at = Location("--partition", length=max(len(request.partition), 1))
        raise ProjectError(Problem("JOB003", str(error), at)) from None


def perform(
    how: How,
    project: Project,
    job: Job,
    request: Request,
    *,
    run_id: str,
    command: str,
    watch: Watch,
    clock: Callable[[], datetime] = utc_now,
    wait_s: float = float("inf"),
    at: datetime | None = None,
) -> Outcome:
    """Do what is asked for, as if it were `at`. What fails is in the outcome, never raised; hooks are
    not run here."""
    began = clock()
    try:
        if job.op is not None:
            end = _called(project, job, request, run_id, command, watch, clock)
        else:
            ask = replace(ask_of(job, request, at or clock()), now=at)
            vars = {**job.vars, **request.vars}
            project = load_as(how, vars) if vars else project
            end = _built(project, ask, job, run_id, command, watch, clock, wait_s)
    except SqlpipesError as error:
        problems = _in_file(error.problems, job, request)
        message = str(problems[0]) if problems else str(error)
        end = End(_unless_stopped(watch), message, problems)
    except Exception as error:  # whoever goes round must go on: the other jobs are none the worse
        message = f"sqlpipes itself broke: {type(error).__name__}: {error}"
        end = End(_unless_stopped(watch), message, (Problem("BLD008", message),))
    on_record = run_id if end.on_record else ""
    said = (end.status, end.message, began, clock(), on_record, end.problems, end.report)
    return Outcome(job.name, request, *said, end.report.notes if end.report else ())


def _in_file(problems: tuple[Problem, ...], job: Job, request: Request) -> tuple[Problem, ...]:
    """What is wrong with the job's own words, at its lines; what was asked for has no line there."""
    from sqlpipes.decide.jobs import in_file

    if request.partition is not None or request.select:
        return problems
    return tuple(in_file(problem, job) for problem in problems)


def _unless_stopped(watch: Watch) -> Status:
    return Status.CANCELLED if watch.cancel.is_set() else Status.ERROR


@dataclass(frozen=True, slots=True)
class End:
    """How what was asked for has ended. `on_record`: it was a run, with events."""

    status: Status
    message: str
    problems: tuple[Problem, ...] = ()
    report: Report | None = None
    on_record: bool = False


def _built(
    project: Project,
    ask: Ask,
    job: Job,
    run_id: str,
    command: str,
    watch: Watch,
    clock: Callable[[], datetime],
    wait_s: float,
) -> End:
    report = build(
        project,
        ask,
        command=command,
        job=job.name,
        run_id=run_id,
        wait_s=wait_s,
        on_plan=watch.on_plan,
        on_event=watch.on_event,
        on_wait=watch.on_wait,
        cancel=watch.cancel,
        clock=clock,
    )
    problems = tuple(problem for failed in report.failed for problem in failed.problems)
    status = report.status if report.status not in WELL or report.ok else Status.FAIL
    return End(status, _told(report, problems), problems, report, bool(report.events))


def _told(report: Report, problems: tuple[Problem, ...]) -> str:
    if problems:
        return str(problems[0])
    if not all(result.ok for result in report.unit_tests):
        return "a unit test failed"
    if bad := next((check for check in report.checks if check.status not in WELL), None):
        return f"check {bad.check}: {bad.message or f'{bad.failures} bad rows'}"
    if not report.events:
        return "nothing to do"
    steps = len({event.asset for event in report.finished})
    return f"{steps} {'step' if steps == 1 else 'steps'} done"


def _called(
    project: Project,
    job: Job,
    request: Request,
    run_id: str,
    command: str,
    watch: Watch,
    clock: Callable[[], datetime],
) -> End:
    from sqlpipes.run.op import op_plan, run_op

    assert job.op is not None
    project.raise_errors()
    if watch.on_plan:
        watch.on_plan(op_plan(job.op, request.because))
    problems: tuple[Problem, ...] = ()
    status = Status.SUCCESS
    with closing(open_store_of(project)) as store:
        for event in run_op(
            job.op,
            at=job.at or Location("jobs.yml"),
            run_id=run_id,
            command=command,
            job=job.name,
            target=project.target.name,
            root=project.root,
            clock=clock,
            because=request.because,
            cancel=watch.cancel,
        ):
            store.append(event)
            if isinstance(event, StepFailed):
                problems = event.problems
            if isinstance(event, RunFinished):
                status = event.status
            if watch.on_event:
                watch.on_event(event)
    message = str(problems[0]) if problems else f"op {job.op.name} returned"
    return End(status, message, problems, on_record=True)


def with_hooks(project: Project, job: Job, outcome: Outcome) -> Outcome:
    """The outcome, after the hooks that it calls for were run, or those of the project where the job has none
    of either kind. Of a run that was stopped, none."""
    from sqlpipes.run.hooks import run_hooks

    said_by = job if job.on_success or job.on_failure else project.hooks
    if said_by is None:
        return outcome
    hooks = said_by.on_success if outcome.ok else said_by.on_failure
    if not hooks or outcome.status is Status.CANCELLED:
        return outcome
    said = summary(project, outcome)
    problems = run_hooks(hooks, said, root=project.root, environ=os.environ)
    return replace(outcome, hook_problems=(*outcome.hook_problems, *problems))


def summary(project: Project, outcome: Outcome) -> dict[str, Any]:
    """What a hook is told, as plain JSON."""
    request, report = outcome.request, outcome.report
    return {
        "job": outcome.job,
        "run_id": outcome.run_id,
        "status": str(outcome.status),
        "message": outcome.message,
        "because": request.because,
        "due": request.due.isoformat() if request.due else None,
        "key": request.key,
        "target": project.target.name,
        "project": project.config.name,
        "started_at": outcome.started_at.isoformat(),
        "finished_at": outcome.finished_at.isoformat(),
        "seconds": round(outcome.seconds, 3),
        "problems": [
            {"code": each.code, "message": each.message, "at": str(each.at) if each.at else None}
            for each in outcome.problems
        ],
        "built": [step.asset for step in report.finished] if report else [],
        "failed": [step.asset for step in report.failed] if report else [],
        "skipped": [step.asset for step in report.skipped] if report else [],
    }
