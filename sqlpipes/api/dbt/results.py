"""Project + one recorded run -> dbt's run_results, version 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlpipes.api.dbt.ids import asset_id, check_id, relation_name
from sqlpipes.core.asset import Kind
from sqlpipes.core.events import DONE
from sqlpipes.core.plan import Action
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.api.project import Project
    from sqlpipes.stores import CheckRecord, RunRecord, StepRecord

SCHEMA = "https://schemas.getdbt.com/dbt/run-results/v6.json"
THREAD = "main"  # which one it was is not recorded
NOT_BUILT = frozenset({Action.CHECK, Action.EXTRAS, Action.CALL})
UNENDED = frozenset({Status.RUNNING, Status.QUEUED, Status.SPLIT})
OF_STEPS = MappingProxyType(
    {
        Status.SUCCESS: "success",
        Status.WARN: "success",
        Status.FAIL: "error",
        Status.ERROR: "error",
        Status.INTERRUPTED: "error",
        Status.SKIPPED: "skipped",
        Status.CANCELLED: "skipped",
    }
)
OF_CHECKS = MappingProxyType(  # the worst first
    {
        Status.ERROR: "error",
        Status.FAIL: "fail",
        Status.CANCELLED: "skipped",
        Status.SKIPPED: "skipped",
        Status.WARN: "warn",
        Status.SUCCESS: "pass",
    }
)
WORST_FIRST = ("error", "skipped", "success", "no-op")


def run_results(
    project: Project, run: RunRecord, compiled: Mapping[str, str], metadata: dict[str, Any]
) -> dict[str, Any]:
    """A result per asset, of all its steps, and one per check; what the project has no more is left out."""
    steps: dict[str, list[StepRecord]] = {}
    for step in run.steps:
        asset = project.graph.assets.get(step.asset)
        built = step.action not in NOT_BUILT and step.status not in UNENDED
        if asset is not None and asset.kind is not Kind.SOURCE and built:
            steps.setdefault(step.asset, []).append(step)
    checks: dict[str, list[CheckRecord]] = {}
    for check in run.checks:
        if check.check in project.graph.checks:
            checks.setdefault(check.check, []).append(check)
    return {
        "metadata": {**metadata, "dbt_schema_version": SCHEMA},
        "args": {"invocation_command": run.command, "target": run.target, "run_id": run.run_id},
        "elapsed_time": run.seconds or 0.0,
        "results": [
            *(_of_asset(project, name, found, compiled) for name, found in steps.items()),
            *(_of_check(project, name, found) for name, found in checks.items()),
        ],
    }


def _of_asset(
    project: Project, name: str, steps: Sequence[StepRecord], compiled: Mapping[str, str]
) -> dict[str, Any]:
    asset = project.graph.assets[name]
    found = {_status(step) for step in steps}
    status = min(found, key=WORST_FIRST.index)
    if status == "error" and "success" in found:
        status = "partial success"
    rows = [step.rows for step in steps if step.rows is not None]
    ends = [step.finished_at for step in steps if step.finished_at is not None]
    answer: dict[str, Any] = {"action": steps[-1].action, "steps": len(steps)}
    if rows:
        answer["rows_affected"] = sum(rows)
    if asset.partition is not None:
        answer["slices"] = [str(step.slices) for step in steps]
    return {
        "unique_id": asset_id(project.config.name, asset),
        "status": status,
        "thread_id": THREAD,
        "timing": _timing(min(step.started_at for step in steps), max(ends, default=None)),
        "execution_time": sum(step.seconds or 0.0 for step in steps),
        "adapter_response": answer,
        "message": _message(steps, sum(rows) if rows else None),
        "failures": None,
        "compiled": name in compiled,
        "compiled_code": compiled.get(name),
        "relation_name": relation_name(project, asset),
    }


def _status(step: StepRecord) -> str:
    if step.status is Status.SKIPPED and step.because.startswith(DONE):
        return "no-op"
    return OF_STEPS[step.status]


def _message(steps: Sequence[StepRecord], rows: int | None) -> str:
    """What went wrong, else why nothing was done, else what was."""
    faults = [str(problem) for step in steps for problem in step.problems]
    if faults:
        return "\n".join(dict.fromkeys(faults))
    because = [step.because for step in steps if step.because]
    if because:
        return "; ".join(dict.fromkeys(because))
    return steps[-1].action if rows is None else f"{steps[-1].action} ({rows} rows)"


def _of_check(project: Project, name: str, found: Sequence[CheckRecord]) -> dict[str, Any]:
    """Of a check that looked at several slices, the worst."""
    order = list(OF_CHECKS)
    worst = min(found, key=lambda each: order.index(each.status))
    return {
        "unique_id": check_id(project.config.name, project.graph.checks[name]),
        "status": OF_CHECKS[worst.status],
        "thread_id": THREAD,
        "timing": _timing(None, max(each.at for each in found)),
        "execution_time": sum(each.seconds for each in found),
        "adapter_response": {},
        "message": worst.message or None,
        "failures": sum(each.failures for each in found),
        "compiled": False,
        "compiled_code": None,
        "relation_name": None,
    }


def _timing(start: datetime | None, end: datetime | None) -> list[dict[str, Any]]:
    said = {"started_at": instant(start or end), "completed_at": instant(end)}
    return [{"name": "execute", **said}] if end is not None else []


def instant(at: datetime | None) -> str | None:
    """As dbt writes it: UTC, with microseconds and a Z.

    >>> instant(datetime(2024, 1, 1, tzinfo=UTC))
    '2024-01-01T00:00:00.000000Z'
    """
    if at is None:
        return None
    utc = at.astimezone(UTC) if at.tzinfo else at
    return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
