"""Jobs, what came of them, and what a tick did -> text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from click import style

from sqlpipes.core.cron import in_words
from sqlpipes.core.job import ALL, Job, Request
from sqlpipes.core.status import Status
from sqlpipes.core.verdict import Decision
from sqlpipes.show.letters import plain
from sqlpipes.show.plan import counted
from sqlpipes.show.problems import problems_text
from sqlpipes.show.progress import COLOURS
from sqlpipes.show.status import verdict_json

if TYPE_CHECKING:
    from sqlpipes.api.claims import Died
    from sqlpipes.api.queue import JobStatus, Outcome
    from sqlpipes.api.schedules import Missed
    from sqlpipes.api.sensing import SickSensor
    from sqlpipes.api.serving import Served
    from sqlpipes.api.ticking import Ticked
    from sqlpipes.stores import JobRun

FEW = 5
NO_JOBS = "no jobs: declare one in jobs.yml, under `jobs:`"


def jobs_text(jobs: Sequence[JobStatus], target: str) -> str:
    """A line a job: its name, when it is due, its next time and what came of its newest run."""
    if not jobs:
        return NO_JOBS
    names = max(len(each.job.name) for each in jobs)
    when = [_schedule(each.job) for each in jobs]
    width = max(map(len, when))
    nexts = [_next(each, target) for each in jobs]
    room = max(map(len, nexts))
    return "\n".join(
        f"{each.job.name:<{names}}  {said:<{width}}  {due:<{room}}  {_last(each.last)}".rstrip()
        for each, said, due in zip(jobs, when, nexts, strict=True)
    )


def _schedule(job: Job) -> str:
    if not job.cron:
        return "when asked"
    zone = "" if job.timezone == "UTC" else f" ({job.timezone})"
    return in_words(job.cron) + zone


def _next(item: JobStatus, target: str) -> str:
    job = item.job
    if item.next is not None:
        return f"next {_local(item.next, job.timezone)}"
    if not job.cron:
        return ""
    if not job.enabled:
        return "not enabled"
    return f"not in target {target}" if job.target not in (None, target) else ""


def _last(run: JobRun | None) -> str:
    if run is None:
        return style("never run", dim=True)
    word = style(str(run.status), fg=COLOURS.get(run.status))
    at = run.finished_at or run.started_at
    return f"{word} {at:%Y-%m-%d %H:%M}" if at else word


def _local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def job_json(item: JobStatus) -> dict[str, Any]:
    job = item.job
    return {
        "name": job.name,
        "description": job.description,
        "owners": list(job.owners),
        "tags": list(job.tags),
        "select": list(job.select),
        "exclude": list(job.exclude),
        "selector": job.selector,
        "op": job.op.name if job.op else None,
        "vars": dict(job.vars),
        "target": job.target,
        "partition": job.partition.text or None,
        "cron": job.cron or None,
        "timezone": job.timezone,
        "catch_up": "all" if job.catch_up == ALL else job.catch_up,
        "enabled": job.enabled,
        "on_success": [hook.shown for hook in job.on_success],
        "on_failure": [hook.shown for hook in job.on_failure],
        "at": str(job.at) if job.at else None,
        "next": item.next.isoformat() if item.next else None,
        "last": job_run_json(item.last) if item.last else None,
    }


def job_runs_text(runs: Sequence[JobRun]) -> str:
    """A line for each request, newest first."""
    if not runs:
        return "nothing was asked of a job yet"
    width = max(len(run.request.job) for run in runs)
    lines = []
    for run in runs:
        at = run.started_at or run.asked_at
        word = style(f"{run.status:<11}", fg=COLOURS.get(run.status))
        seconds = f"{run.seconds:8.2f}s" if run.seconds is not None else " " * 9
        why = style(plain(run.request.because), dim=True)
        tail = plain(f"{run.run_id}  {run.message}".strip())
        head = f"{at:%Y-%m-%d %H:%M}  {run.request.job:<{width}}  {word} {seconds}"
        lines.append(f"{head}  {why}  {tail}".rstrip())
    return "\n".join(lines)


def job_run_json(run: JobRun) -> dict[str, Any]:
    return {
        **request_json(run.request),
        "status": str(run.status),
        "run_id": run.run_id or None,
        "attempts": run.attempts,
        "message": run.message,
        "asked_at": run.asked_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def request_json(request: Request) -> dict[str, Any]:
    return {
        "job": request.job,
        "key": request.key,
        "due": request.due.isoformat() if request.due else None,
        "because": request.because,
    }


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        **request_json(outcome.request),
        "status": str(outcome.status),
        "run_id": outcome.run_id or None,
        "message": outcome.message,
        "seconds": round(outcome.seconds, 3),
        "problems": [str(problem) for problem in outcome.problems],
        "hook_problems": [str(problem) for problem in outcome.hook_problems],
    }


def outcome_text(outcome: Outcome, root: str) -> str:
    """How it ended, and what is wrong in full."""
    word = style(str(outcome.status), fg=COLOURS.get(outcome.status))
    run = f"  run {outcome.run_id}" if outcome.run_id else ""
    said = plain(outcome.message)
    lines = []
    if outcome.problems:
        said = counted(len(outcome.problems), "problem")
        lines = [problems_text(outcome.problems, root)]
    line = f"{outcome.job}: {word}, {said} in {outcome.seconds:.2f}s{run}"
    if outcome.hook_problems:
        lines.append(problems_text(outcome.hook_problems, root))
    return "\n".join([line, *lines])


def ticked_json(ticked: Ticked) -> dict[str, Any]:
    return {
        "asked": [request_json(request) for request in ticked.asked],
        "missed": [_missed_json(missed) for missed in ticked.missed],
        "died": [_died_json(died) for died in ticked.died],
        "done": [outcome_json(outcome) for outcome in ticked.outcomes],
        "waiting": [request_json(run.request) for run in ticked.waiting],
        "busy": ticked.busy or None,
        "failed_sensors": [_sick_json(each) for each in ticked.sick],
        "verdicts": [verdict_json(verdict) for verdict in ticked.verdicts],
    }


def dry_text(ticked: Ticked) -> str:
    """What a tick would do."""
    lines = [_died_text(died) for died in ticked.died]
    lines += [_missed_text(missed) for missed in ticked.missed]
    lines += [f"{request.job}: would run, {request.because}" for request in ticked.asked]
    if ticked.busy:
        lines.append(f"automation: looks the next time, {ticked.busy}")
    lines = lines or ["nothing is due"]
    room = max((len(verdict.asset) for verdict in ticked.verdicts), default=0)
    lines += [f"  {verdict.asset:<{room}}  {plain(str(verdict))}" for verdict in ticked.verdicts]
    return "\n".join(lines)


def rest_text(ticked: Ticked, jobs: Iterable[JobStatus]) -> str:
    """What is left to say after a tick: who waits, or that nothing was due, and what is next."""
    stopped = {
        (each.job, each.request.key) for each in ticked.outcomes if each.status is Status.CANCELLED
    }
    waiting = [_waiting_text(run, stopped) for run in ticked.waiting]
    if ticked.busy:
        waiting.append(f"automation: looks the next time, {ticked.busy}")
    if waiting or ticked.outcomes or ticked.missed or ticked.sick:
        return "\n".join(waiting)
    known = [(each.next, each.job) for each in jobs if each.next is not None]
    if not known and not ticked.verdicts:
        return "nothing is due: no job has a schedule here"
    said = ["nothing is due"]
    if known:
        at, job = min(known, key=lambda pair: pair[0])
        said.append(f"next: {job.name}, {_local(at, job.timezone)} {job.timezone}")
    waits = {v.asset for v in ticked.verdicts if v.decision in (Decision.WAITS, Decision.HELD)}
    if waits:
        verb = "waits or is held" if len(waits) == 1 else "wait or are held"
        said.append(f"{', '.join(sorted(waits)[:FEW])} {verb} (--dry-run says why)")
    return "; ".join(said)


def _waiting_text(run: JobRun, stopped: set[tuple[str, str]]) -> str:
    request = run.request
    why = "waits, another run of it is under way"
    if (request.job, request.key) in stopped:
        why = "was stopped; queued again"
    elif stopped:
        why = "is queued: nothing was begun after it was stopped"
    return f"{request.job}: {why} ({request.because})"


def happening_text(happening: Served, root: str) -> str:
    """One thing that happens in a tick, as it happens."""
    from sqlpipes.api.claims import Died
    from sqlpipes.api.schedules import Missed
    from sqlpipes.api.sensing import SickSensor
    from sqlpipes.api.serving import Loaded, Trouble
    from sqlpipes.api.ticking import Begun

    match happening:
        case Missed():
            return _missed_text(happening)
        case Died():
            return _died_text(happening)
        case SickSensor():
            return _sick_text(happening, root)
        case Begun():
            return f"{happening.request.job}: begun, {happening.request.because}"
        case Loaded():
            what = "read again, " if happening.again else ""
            known = counted(len(happening.project.jobs), "job")
            return f"{what}{known}, {counted(len(happening.project.graph.assets), 'asset')}"
        case Trouble():
            return problems_text(happening.problems, root)
    return outcome_text(happening, root)


def happening_json(happening: Served) -> dict[str, Any]:
    from sqlpipes.api.claims import Died
    from sqlpipes.api.schedules import Missed
    from sqlpipes.api.sensing import SickSensor
    from sqlpipes.api.serving import Loaded, Trouble
    from sqlpipes.api.ticking import Begun

    match happening:
        case Missed():
            return {"event": "missed", **_missed_json(happening)}
        case Died():
            return {"event": "died", **_died_json(happening)}
        case SickSensor():
            return {"event": "sensor failed", **_sick_json(happening)}
        case Begun():
            return {
                "event": "begun",
                **request_json(happening.request),
                "run_id": happening.run_id,
            }
        case Loaded():
            return {"event": "loaded", "jobs": [job.name for job in happening.project.jobs]}
        case Trouble():
            return {"event": "trouble", "problems": [str(each) for each in happening.problems]}
    return {"event": "done", **outcome_json(happening)}


def _sick_text(sick: SickSensor, root: str) -> str:
    """In full the first time, a line when it is what it was the last time."""
    failed = f"{sick.sensor.name}: sensor {style('failed', fg='red')}"
    if sick.is_news:
        return f"{failed}\n{problems_text(sick.state.problems, root)}"
    return f"{failed} as before: {plain(str(next(iter(sick.state.problems), sick.state.message)))}"


def _sick_json(sick: SickSensor) -> dict[str, Any]:
    problems = [str(problem) for problem in sick.state.problems]
    return {"sensor": sick.sensor.name, "problems": problems}


def _missed_text(missed: Missed) -> str:
    times = "time was" if missed.count == 1 else "times were"
    span = f"{missed.first:%Y-%m-%d %H:%M}"
    if missed.last != missed.first:
        span += f" to {missed.last:%Y-%m-%d %H:%M}"
    said = f"{missed.job}: {missed} {times} missed and left out, {span} UTC"
    return style(said, fg="yellow") + style(" (catch_up: says how many are made up for)", dim=True)


def _missed_json(missed: Missed) -> dict[str, Any]:
    return {
        "job": missed.job,
        "first": missed.first.isoformat(),
        "last": missed.last.isoformat(),
        "count": missed.count,
        "is_all": missed.is_all,
    }


def _died_text(died: Died) -> str:
    then = "it is queued again" if died.again else "it is given up"
    word = style(str(Status.INTERRUPTED), fg="red")
    run = f" (run {died.run.run_id})" if died.run.run_id else ""
    return f"{died.run.request.job}: {word}, its process died{run}; {then}"


def _died_json(died: Died) -> dict[str, Any]:
    return {**request_json(died.run.request), "run_id": died.run.run_id, "again": died.again}
