"""A run on record -> the events that it was recorded from, as far as the state keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from sqlpipes.core.events import (
    CheckFinished,
    Event,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
)
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.stores import CheckRecord, RunRecord, StepRecord

UNENDED = (Status.RUNNING, Status.QUEUED)
WELL = (Status.SUCCESS, Status.WARN)


def events_of(run: RunRecord) -> Iterator[Event]:
    """In the order of time; a check comes before the end of the step that asked it."""
    yield RunStarted(
        run.run_id,
        run.started_at,
        run.command,
        run.target,
        run.planned,
        run.current,
        run.selected,
        run.commit,
        run.job,
    )
    found = [each for step in run.steps for each in _of_step(run, step)]
    found += [(check.at, 1, _of_check(check)) for check in run.checks]
    for _, _, event in sorted(found, key=lambda each: each[:2]):
        yield event
    if run.status not in UNENDED:
        at = run.finished_at or max([run.started_at, *(each[0] for each in found)])
        yield RunFinished(run.run_id, at, run.status, run.seconds or 0.0)


def _of_step(run: RunRecord, step: StepRecord) -> Iterator[tuple[datetime, int, Event]]:
    end = step.finished_at or step.started_at
    if step.status is Status.SKIPPED:
        about = (run.run_id, end, step.asset, step.action, step.slices)
        yield end, 2, StepSkipped(*about, step.because)
        return
    yield step.started_at, 0, _start(run, step)
    if step.status in WELL:
        yield end, 2, _well(run, step, end)
    elif step.status not in UNENDED:
        yield end, 2, _badly(run, step, end)


def _start(run: RunRecord, step: StepRecord) -> StepStarted:
    return StepStarted(
        run.run_id,
        step.started_at,
        step.asset,
        step.action,
        step.version,
        step.checks_version,
        step.slices,
        step.reasons,
        step.full,
    )


def _well(run: RunRecord, step: StepRecord, end: datetime) -> StepFinished:
    return StepFinished(
        run.run_id,
        end,
        step.asset,
        step.action,
        step.status,
        step.version,
        step.checks_version,
        step.slices,
        step.seconds or 0.0,
        rows=step.rows,
        bytes=step.bytes,
        columns=step.columns,
    )


def _badly(run: RunRecord, step: StepRecord, end: datetime) -> StepFailed:
    """One whose process died was stopped, as far as anybody outside can tell."""
    status = Status.CANCELLED if step.status is Status.INTERRUPTED else step.status
    return StepFailed(
        run.run_id,
        end,
        step.asset,
        step.action,
        status,
        step.slices,
        step.seconds or 0.0,
        step.problems,
    )


def _of_check(check: CheckRecord) -> CheckFinished:
    return CheckFinished(
        check.run_id,
        check.at,
        check.asset,
        check.check,
        check.status,
        check.failures,
        check.seconds,
        check.message,
    )
