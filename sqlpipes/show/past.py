"""What is remembered -> text and JSON: the state of assets, runs, one run in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from click import style

from sqlpipes.api import AssetStatus
from sqlpipes.core.events import Status
from sqlpipes.show.progress import COLOURS

if TYPE_CHECKING:
    from sqlpipes.stores import CheckRecord, RunRecord, StepRecord


def status_text(found: Sequence[AssetStatus]) -> str:
    """A line an asset: its state, when it was written, its slices, and why it is not current."""
    width = max((len(item.asset) for item in found), default=0)
    lines = [_status_line(item, width) for item in found]
    stale = sum(item.step is not None for item in found)
    total = f"{len(found)} assets: {len(found) - stale} current, {stale} to build"
    return "\n".join([*lines, "", total])


def _status_line(item: AssetStatus, width: int) -> str:
    word, colour = _state(item)
    when = _minute(item.written_at)
    slices = ""
    if not item.built.is_whole and item.built:
        slices = f"  {len(item.built)} slices {item.built}"
    why = f"  {item.step.reasons[0]}" if item.step else ""
    return f"{style(f'{word:<8}', fg=colour)} {item.asset:<{width}}  {when:<16}{slices}" + style(
        why, fg="yellow"
    )


def _state(item: AssetStatus) -> tuple[str, str]:
    if item.last is Status.RUNNING:
        return "running", "cyan"
    if item.last in (Status.FAIL, Status.ERROR, Status.INTERRUPTED):
        return "failed", "red"
    if not item.built:
        return ("missing", "yellow") if item.step else ("inlined", "bright_black")
    return ("stale", "yellow") if item.step else ("current", "green")


def status_json(item: AssetStatus) -> dict[str, Any]:
    return {
        "asset": item.asset,
        "state": _state(item)[0],
        "slices": str(item.built),
        "slice_count": len(item.built),
        "written_at": item.written_at.isoformat() if item.written_at else None,
        "last": str(item.last) if item.last else None,
        "reasons": [str(reason) for reason in item.step.reasons] if item.step else [],
        "to_build": str(item.step.slices) if item.step else "",
    }


def runs_text(runs: Sequence[RunRecord]) -> str:
    """A line a run, newest first."""
    if not runs:
        return "no runs yet"
    return "\n".join(_run_line(run) for run in runs)


def _run_line(run: RunRecord) -> str:
    counts = ", ".join(f"{number} {status}" for status, number in run.counts.items() if number)
    seconds = f"{run.seconds:8.2f}s" if run.seconds is not None else " " * 9
    word = style(f"{run.status:<11}", fg=COLOURS.get(run.status))
    told = style(counts, dim=True)
    return f"{run.run_id}  {word} {_minute(run.started_at)} {seconds}  {run.command}  {told}"


def run_text(run: RunRecord, *, with_sql: bool = False) -> str:
    """One run in full."""
    lines = [_run_line(run), ""]
    width = max((len(step.asset) for step in run.steps), default=0)
    for step in run.steps:
        lines += _step_lines(step, width, with_sql)
        lines += [_check_line(check) for check in run.checks if check.asset == step.asset]
    own = {step.asset for step in run.steps}
    elsewhere = [check for check in run.checks if check.asset not in own]
    return "\n".join([*lines, *(_check_line(check) for check in elsewhere)])


def _step_lines(step: StepRecord, width: int, with_sql: bool) -> list[str]:
    rows = f"{step.rows:,} rows" if step.rows is not None else ""
    seconds = f"{step.seconds:.2f}s" if step.seconds is not None else ""
    word = style(f"{step.status:<9}", fg=COLOURS.get(step.status))
    why = style("; ".join(step.reasons), dim=True)
    cut = f"{step.slices}  " if not step.slices.is_whole else ""
    lines = [f"{word} {step.asset:<{width}}  {step.action:<14} {rows:>14} {seconds:>8}  {cut}{why}"]
    lines += [style(f"          {problem}", fg="red") for problem in step.problems]
    if step.because:
        lines.append(style(f"          because of {step.because}", dim=True))
    if with_sql:
        for statement in step.statements:
            lines += [style(f"          {line}", dim=True) for line in statement.splitlines()]
    return lines


def _check_line(check: CheckRecord) -> str:
    colour = COLOURS.get(check.status)
    said = "passed" if check.status is Status.SUCCESS else check.message or f"{check.failures} rows"
    return f"          {style('check', dim=True)} {check.check}: {style(said, fg=colour)}"


def run_json(run: RunRecord) -> dict[str, Any]:
    said = asdict(run)
    said["counts"] = {str(status): number for status, number in run.counts.items()}
    for step, record in zip(said["steps"], run.steps, strict=True):
        step["slices"] = str(record.slices)
    return said


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
