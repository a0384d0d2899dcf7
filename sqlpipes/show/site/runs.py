"""What ran -> documents: a row a run, and one run in full with every step's begin, end and reasons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlpipes.show.cards import values_json
from sqlpipes.show.site.overview import slug

if TYPE_CHECKING:
    from sqlpipes.stores import CheckRecord, RunRecord, StepRecord

MOST_LOG = 20_000  # characters of a step's log


def runs_document(runs: Iterable[RunRecord]) -> dict[str, Any]:
    return {"runs": [_head(run) for run in runs]}


def run_row(run: RunRecord) -> dict[str, Any]:
    """As it stands in the list of runs."""
    return _head(run)


def step_row(step: StepRecord) -> dict[str, Any]:
    """As it stands in the document of its run; `number` is its own there."""
    return _step(step)


def run_document(run: RunRecord) -> dict[str, Any]:
    return {
        **_head(run),
        "steps": [_step(step) for step in run.steps],
        "checks": [_check(check) for check in run.checks],
    }


def _head(run: RunRecord) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "doc": slug(run.run_id),
        "status": str(run.status),
        "command": run.command,
        "target": run.target,
        "job": run.job,
        "commit": run.commit,
        "begin": run.started_at.isoformat(),
        "end": _text(run.finished_at),
        "seconds": run.seconds,
        "planned": run.planned,
        "current": run.current,
        "counts": {str(status): count for status, count in run.counts.items() if count},
    }


def _step(step: StepRecord) -> dict[str, Any]:
    return {
        "number": step.number,
        "asset": step.asset,
        "action": step.action,
        "status": str(step.status),
        "slices": "" if step.slices.is_whole else str(step.slices),
        "begin": step.started_at.isoformat(),
        "end": _text(step.finished_at),
        "seconds": step.seconds,
        "rows": step.rows,
        "bytes": step.bytes,
        "reasons": list(step.reasons),
        "because": step.because,
        "problems": [str(problem) for problem in step.problems],
        "statements": list(step.statements),
        "failed_statement": step.statement,
        "ops": [[op.name, str(op.status), op.seconds, op.depth, op.message] for op in step.ops],
        "log": step.log[-MOST_LOG:],
        "logged": values_json(step.metadata),
    }


def _check(check: CheckRecord) -> dict[str, Any]:
    return {
        "asset": check.asset,
        "check": check.check,
        "status": str(check.status),
        "failures": check.failures,
        "message": check.message,
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
