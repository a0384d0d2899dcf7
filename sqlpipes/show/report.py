"""A finished build -> the summary that a person can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from click import style

from sqlpipes.api import Report
from sqlpipes.core.events import CheckFinished, Status, StepFailed, StepSkipped
from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Plan
from sqlpipes.show.plan import counted
from sqlpipes.show.problems import problems_text

SHOWN_ROWS = 3
WIDEST_ROW = 160
BAD_ROWS = "CHK010"


def report_text(report: Report, graph: Graph, root: str) -> str:
    """What failed and where, what warned, and one line of totals."""
    broken = [event for event in report.failed if event.status is not Status.CANCELLED]
    blocks = [_failure(event, report, root) for event in broken]
    warned = [check for check in report.checks if check.status is Status.WARN]
    blocks += [_warning(check, graph) for check in warned]
    blocks.append(_totals(report))
    if advice := _advice(report):
        blocks.append(advice)
    return "\n\n".join(blocks)


def nothing_text(plan: Plan, *, checks: bool = False) -> str:
    """What is said when a plan has no steps; `checks`: only checks were asked for."""
    if checks:
        return "no checks to run"
    return f"nothing to do: {counted(len(plan.current), 'asset')} current"


def _failure(event: StepFailed, report: Report, root: str) -> str:
    """The problems; a check's bad rows say more than the one row in its hint."""
    gate = {name for step in report.plan.steps if step.asset == event.asset for name in step.checks}
    bad = (Status.FAIL, Status.ERROR)
    samples = {c.check: _sample(c) for c in report.checks if c.check in gate and c.status in bad}
    rows = [line for lines in samples.values() for line in lines]
    problems = event.problems
    if rows:
        problems = tuple(replace(p, hint=None) if p.code == BAD_ROWS else p for p in problems)
    return "\n".join([problems_text(problems, root), *rows])


def _warning(check: CheckFinished, graph: Graph) -> str:
    known: Mapping[str, object] = graph.checks
    place = getattr(known.get(check.check), "at", None)
    where = f"{place}: " if place else ""
    head = f"{where}{style('warning', fg='yellow', bold=True)} {check.check}: "
    return "\n".join([head + _found(check), *_sample(check)])


def _found(check: CheckFinished) -> str:
    return check.message or f"{check.failures:,} bad row{'s' * (check.failures != 1)}"


def _sample(check: CheckFinished) -> list[str]:
    """A few of the bad rows, one a line, as name=value."""
    lines = []
    for row in check.sample[:SHOWN_ROWS]:
        pairs = (f"{name}={_cell(v)}" for name, v in zip(check.columns, row, strict=False))
        lines.append(style("       " + ", ".join(pairs)[:WIDEST_ROW], dim=True))
    if check.sample and check.failures > len(lines):
        lines.append(style(f"       and {check.failures - len(lines):,} more", dim=True))
    return lines


def _cell(value: Any) -> str:
    return "NULL" if value is None else str(value).replace("\n", " ")


def _totals(report: Report) -> str:
    checks = Counter(check.status for check in report.checks)
    skipped = len({event.asset for event in report.events if isinstance(event, StepSkipped)})
    failed = {event.asset for event in report.failed}  # a step may end part by part
    stopped = {event.asset for event in report.failed if event.status is Status.CANCELLED}
    broken = checks[Status.FAIL] + checks[Status.ERROR]
    parts = [
        _part(len({event.asset for event in report.finished} - failed), "done", "green"),
        _part(len(failed - stopped), "failed", "red"),
        _part(len(stopped), "stopped", "bright_black"),
        _part(skipped, "skipped", "bright_black"),
        _part(len(report.plan.current), "current", "bright_black"),
        _part(checks[Status.SUCCESS], _checks(checks[Status.SUCCESS], "passed"), "green"),
        _part(checks[Status.WARN], "warned", "yellow"),
        _part(broken, _checks(broken, "failed"), "red"),
    ]
    return ", ".join(part for part in parts if part) + style(
        f"  in {report.seconds:.2f}s", dim=True
    )


def _checks(number: int, how: str) -> str:
    return f"check{'s' * (number != 1)} {how}"


def _part(number: int, word: str, colour: str) -> str:
    return style(f"{number:,} {word}", fg=colour) if number else ""


def _advice(report: Report) -> str:
    if report.ok:
        return ""
    return (
        "What readers see of what failed or was stopped is as it was before. "
        + style("sqlpipes retry", bold=True)
        + " runs it, and what was skipped."
    )
