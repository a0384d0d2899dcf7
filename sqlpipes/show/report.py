"""A finished build -> the summary that a person can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any

from click import style

from sqlpipes.api import Report
from sqlpipes.core.errors import Problem
from sqlpipes.core.events import (
    BUILT_BY,
    UNCHANGED,
    CheckFinished,
    StepFailed,
    StepFinished,
    StepSkipped,
)
from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Plan
from sqlpipes.core.status import Status
from sqlpipes.show.letters import cut, plain, plain_cell, plain_lines
from sqlpipes.show.plan import counted
from sqlpipes.show.problems import problems_text
from sqlpipes.show.said import log_lines

Ended = StepFinished | StepFailed | StepSkipped

SHOWN_ROWS = 3
WIDEST_ROW = 160
LOG_LINES = 10
BAD_ROWS = "CHK010"
EXAMPLE = "for example "


def report_text(report: Report, graph: Graph, root: str) -> str:
    """What failed and where, what warned, and one line of totals."""
    blocks = [_failure(alike, report, root) for alike in _broken(report)]
    warned = [check for check in report.checks if check.status is Status.WARN]
    blocks += [_warning(check, graph) for check in warned]
    if lines := _in_part(report):
        blocks.append("\n".join(lines))
    if report.warnings:
        blocks.append(problems_text(report.warnings, root))
    blocks.append(_totals(report))
    if advice := _advice(report):
        blocks.append(advice)
    return "\n\n".join(blocks)


def nothing_text(plan: Plan, *, checks: bool = False, picked: Sequence[str] = ()) -> str:
    """What is said when a plan has no steps; `checks`: only checks were asked for. `picked`: only
    slices that are such.

    >>> nothing_text(Plan(()), picked=["missing", "failed"])
    'nothing to do: no slice is missing or failed'
    """
    if checks:
        return "no checks to run"
    if picked:
        return f"nothing to do: no slice is {' or '.join(picked)}"
    if not plan.current:
        return "nothing to do"
    return f"nothing to do: {counted(len(plan.current), 'asset')} current"


def _broken(report: Report) -> list[list[StepFailed]]:
    """What failed; parts of an asset that failed at one place for one reason go together, and so do all
    that have a fault of the whole run, which has no place."""
    found: dict[object, list[StepFailed]] = {}
    for event in report.failed:
        if event.status is not Status.CANCELLED:
            places = tuple((problem.code, problem.at) for problem in event.problems)
            placed = any(at for _, at in places)
            key = (event.asset, places) if placed else (places, event.problems)
            found.setdefault(key, []).append(event)
    return list(found.values())


def _failure(alike: Sequence[StepFailed], report: Report, root: str) -> str:
    """The problems of the first; a check's bad rows say more than the one row in its hint."""
    event = alike[0]
    gate = {name for step in report.plan.steps if step.asset == event.asset for name in step.checks}
    bad = [c for c in report.checks if c.check in gate and c.status in (Status.FAIL, Status.ERROR)]
    problems = event.problems
    rows = [line for problem in problems for line in _rows_of(problem, bad)]
    if rows:
        problems = tuple(replace(p, hint=None) if p.code == BAD_ROWS else p for p in problems)
    more = [f"       the same in {_same(alike)}"] if len(alike) > 1 else []
    said = log_lines(event.log, "       | ", LOG_LINES)
    return "\n".join([problems_text(problems, root), *rows, *more, *said])


def _rows_of(problem: Problem, bad: Sequence[CheckFinished]) -> list[str]:
    """Other slices fail the same check with rows of theirs: the example in the hint tells which are meant."""
    named = [each for each in bad if problem.message.startswith(f"check '{each.check}'")]
    told = (problem.hint or "").removeprefix(EXAMPLE).removesuffix("...")
    own = (each for each in named if told and _first_row(each).startswith(told))
    found = next(own, named[0] if named else None)
    return _sample(found) if found else []


def _first_row(check: CheckFinished) -> str:
    """As the hint of the check's problem has it."""
    row = check.sample[0] if check.sample else ()
    return ", ".join(f"{name}={v!r}" for name, v in zip(check.columns, row, strict=False))


def _same(alike: Sequence[StepFailed]) -> str:
    others = list(dict.fromkeys(event.asset for event in alike[1:]))
    return _slices(alike[1:]) if others == [alike[0].asset] else ", ".join(others)


def _slices(events: Sequence[Ended]) -> str:
    text = plain(str(reduce(or_, [event.slices for event in events])))
    count = sum(len(event.slices) for event in events)
    return text if len(text) <= WIDEST_ROW else f"{counted(count, 'slice')}, {text[:WIDEST_ROW]}..."


def _in_part(report: Report) -> list[str]:
    """Assets of which some slices were built and some were not: which ones, a line for each."""
    built: dict[str, list[Ended]] = {}
    for done in report.finished:
        built.setdefault(done.asset, []).append(done)
    lost: dict[tuple[str, str], list[Ended]] = {}
    ended: list[Ended] = [*report.failed, *report.skipped]
    for event in ended:
        word = "skipped" if isinstance(event, StepSkipped) else "failed"
        word = "stopped" if _is_stopped(event) else word
        lost.setdefault((event.asset, word), []).append(event)
    lines = []
    for name in dict.fromkeys(asset for asset, _ in lost if asset in built):
        count = sum(len(event.slices) for event in built[name])
        parts = [f"{counted(count, 'slice')} built"]
        for word in ("failed", "stopped", "skipped"):
            if events := lost.get((name, word)):
                parts.append(f"{sum(len(e.slices) for e in events):,} {word} ({_slices(events)})")
        lines.append(f"{style(plain(name), bold=True)}: {', '.join(parts)}")
    return lines


def _is_stopped(event: Ended) -> bool:
    return isinstance(event, StepFailed) and event.status is Status.CANCELLED


def _warning(check: CheckFinished, graph: Graph) -> str:
    known: Mapping[str, object] = graph.checks
    place = getattr(known.get(check.check), "at", None)
    where = f"{place}: " if place else ""
    head = f"{plain(where)}{style('warning', fg='yellow', bold=True)} {plain(check.check)}: "
    return "\n".join([head + _found(check), *_sample(check)])


def _found(check: CheckFinished) -> str:
    return plain_lines(check.message) or f"{check.failures:,} bad row{'s' * (check.failures != 1)}"


def _sample(check: CheckFinished) -> list[str]:
    """A few of the bad rows, one a line, as name=value."""
    lines = []
    for row in check.sample[:SHOWN_ROWS]:
        pairs = (
            f"{plain_cell(name)}={_cell(v)}" for name, v in zip(check.columns, row, strict=False)
        )
        lines.append(style("       " + cut(", ".join(pairs), WIDEST_ROW), dim=True))
    if check.sample and check.failures > len(lines):
        lines.append(style(f"       and {check.failures - len(lines):,} more", dim=True))
    return lines


def _cell(value: Any) -> str:
    return "NULL" if value is None else plain_cell(str(value))


def _totals(report: Report) -> str:
    checks = Counter(check.status for check in report.checks)
    skipped = {event.asset for event in report.skipped}
    failed = {event.asset for event in report.failed}  # a step may end part by part
    stopped = {event.asset for event in report.failed if event.status is Status.CANCELLED}
    broken = checks[Status.FAIL] + checks[Status.ERROR]
    done = {e.asset for e in report.finished} - failed - skipped
    parts = [
        _part(len(done), "done" + _twice(report, done), "green"),
        _part(len(failed - stopped), "failed", "red"),
        _part(_spared(report, BUILT_BY), "built by others", "green"),
        _part(_spared(report, UNCHANGED), "unchanged", "green"),
        _part(len(stopped), "stopped", "bright_black"),
        _part(len(skipped - failed), "skipped", "bright_black"),
        _part(len(report.plan.current), "current", "bright_black"),
        _part(checks[Status.SUCCESS], _checks(checks[Status.SUCCESS], "passed"), "green"),
        _part(checks[Status.WARN], "warned", "yellow"),
        _part(broken, _checks(broken, "failed"), "red"),
    ]
    run = "" if report.ok else f"  run {report.run_id}"
    said = f"  in {report.seconds:.2f}s{run}"
    return ", ".join(part for part in parts if part) + style(said, dim=True)


def _twice(report: Report, done: set[str]) -> str:
    """Those that a second round took up again: what cuts them found other values by then."""
    rounds = Counter(step.asset for step in report.plan.steps if step.asset in done)
    again = sum(number > 1 for number in rounds.values())
    return f" ({again} again, for new values of a partition)" if again else ""


def _spared(report: Report, because: str) -> int:
    """Assets that this run had nothing to do for after all, for one of the reasons of `DONE`."""
    own = {event.asset for event in report.finished}
    own |= {event.asset for event in report.failed} | {event.asset for event in report.skipped}
    spared = {event.asset for event in report.shared if event.because.startswith(because)}
    return len(spared - own)


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
