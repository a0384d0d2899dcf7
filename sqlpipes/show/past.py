"""What happened -> text and JSON: the runs, one run in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from click import style

from sqlpipes.core.events import DONE
from sqlpipes.core.status import Status
from sqlpipes.show.cards import short_commit, value_lines, values_json
from sqlpipes.show.letters import padded, plain, plain_lines, width_of
from sqlpipes.show.progress import COLOURS
from sqlpipes.show.said import FEW, log_lines, op_lines

if TYPE_CHECKING:
    from sqlpipes.stores import CheckRecord, RunRecord, StepRecord


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
    job = style(f"[{plain(run.job)}] ", fg="cyan") if run.job else ""
    return f"{run.run_id}  {word} {_minute(run.started_at)} {seconds}  {job}{plain(run.command)}  {told}"


def run_text(run: RunRecord, *, with_sql: bool = False, with_log: bool = False) -> str:
    """One run in full."""
    commit = [style(f"commit {short_commit(run.commit)}", dim=True)] if run.commit else []
    lines = [_run_line(run), *commit, ""]
    width = max((width_of(plain(step.asset)) for step in run.steps), default=0)
    for step in run.steps:
        lines += _step_lines(step, width, with_sql, with_log)
        lines += [_check_line(check) for check in run.checks if check.asset == step.asset]
    own = {step.asset for step in run.steps}
    elsewhere = [check for check in run.checks if check.asset not in own]
    return "\n".join([*lines, *(_check_line(check) for check in elsewhere)])


def _step_lines(step: StepRecord, width: int, with_sql: bool, with_log: bool) -> list[str]:
    rows = f"{step.rows:,} rows" if step.rows is not None else ""
    seconds = f"{step.seconds:.2f}s" if step.seconds is not None else ""
    word = style(f"{step.status:<9}", fg=COLOURS.get(step.status))
    why = style(plain("; ".join(step.reasons)), dim=True)
    cut = f"{plain(str(step.slices))}  " if not step.slices.is_whole else ""
    name = padded(plain(step.asset), width)
    lines = [f"{word} {name}  {step.action:<14} {rows:>14} {seconds:>8}  {cut}{why}"]
    lines += [
        style(f"          {plain_lines(str(problem))}", fg="red") for problem in step.problems
    ]
    if step.because:
        of = "" if step.because.startswith(DONE) else "because of "
        lines.append(style(f"          {of}{plain(step.because)}", dim=True))
    lines += value_lines(step.metadata, " " * 10)
    lines += op_lines(step.ops, " " * 10)
    lines += log_lines(step.log, " " * 10 + "| ", None if with_log else FEW)
    if with_sql:
        for statement in step.statements:
            lines += [
                style(f"          {line}", dim=True) for line in plain_lines(statement).split("\n")
            ]
    return lines


def _check_line(check: CheckRecord) -> str:
    colour = COLOURS.get(check.status)
    said = "passed" if check.status is Status.SUCCESS else plain_lines(check.message)
    said = said or f"{check.failures} rows"
    return f"          {style('check', dim=True)} {plain(check.check)}: {style(said, fg=colour)}"


def run_json(run: RunRecord) -> dict[str, Any]:
    said = asdict(run)
    said["counts"] = {str(status): number for status, number in run.counts.items()}
    for step, record in zip(said["steps"], run.steps, strict=True):
        step["slices"] = str(record.slices)
        step["metadata"] = values_json(record.metadata)
    return said


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
