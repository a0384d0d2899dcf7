"""Impact -> text for a terminal, Markdown for a pull request, JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from click import style

from sqlpipes.core.errors import Problem
from sqlpipes.core.impact import AssetImpact, Change, ColumnChange, Effect, Impact
from sqlpipes.show.letters import plain
from sqlpipes.show.problems import problem_text

COLOURS = {
    Effect.BREAKS: "red",
    Effect.TOUCHED: "yellow",
    Effect.UNKNOWN: "magenta",
    Effect.UNTOUCHED: "green",
}
SIGNS = {Change.ADDED: "+", Change.REMOVED: "-"}
SHOWN = 4  # causes of an asset that is touched


def impact_text(found: Impact, root: str, *, verbose: bool = False) -> str:
    """What changed, then what that reaches, the worst first."""
    changed = [each for each in found.assets if each.change is not None]
    below = [each for each in found.assets if each.effect is not Effect.NONE]
    if not changed and not below and not found.problems:
        return f"nothing changed since {plain(found.against)}"
    lines = [f"changed since {plain(found.against)}"]
    for each in changed:
        lines += ["", *_changed(each)]
    if below:
        lines += ["", "below"]
        width = max(len(plain(each.asset)) for each in below)
        for each in sorted(below, key=lambda each: list(Effect).index(each.effect)):
            lines += _reached(each, width, root, verbose)
    for problem in found.problems:
        lines += ["", problem_text(problem, root)]
    return "\n".join([*lines, "", _counts(found)])


def _changed(each: AssetImpact) -> Iterator[str]:
    at = f"  {plain(each.at.file)}" if each.at else ""
    yield f"{style(plain(each.asset), bold=True)}  {each.change}{style(at, dim=True)}"
    for change in each.columns:
        if each.change is not Change.ADDED:
            yield f"  {SIGNS.get(change.change, '~')} {plain(str(change))}"
    for said in _besides(each):
        yield f"  ~ {said}"
    yield from (f"    {plain(said)}" for said in each.conditions)


def _besides(each: AssetImpact) -> Iterator[str]:
    """What changed of an asset beside its columns."""
    if each.change is Change.SAME:
        yield "its text alone: every column is computed as before"
    if each.rows and each.change is Change.CHANGED:
        yield "which rows there are" if each.kind == "sql" else "its rows may be others"
    if each.settings:
        yield f"config: {plain(', '.join(each.settings))}"
    if each.checks:
        yield f"checks: {plain(', '.join(each.checks))}"


def _reached(each: AssetImpact, width: int, root: str, verbose: bool) -> Iterator[str]:
    effect = style(f"{each.effect:<9}", fg=COLOURS[each.effect])
    said = _why(each, verbose)
    yield f"  {plain(each.asset):<{width}}  {effect}  {plain(said)}".rstrip()
    for problem in each.problems:
        yield from (f"    {line}" for line in problem_text(problem, root).splitlines())


def _why(each: AssetImpact, verbose: bool = False) -> str:
    if each.effect is Effect.UNTOUCHED:
        return each.proof
    causes = list(each.because)
    more = len(causes) - SHOWN
    if more > 0 and not verbose:
        causes = [*causes[:SHOWN], f"and {more} more"]
    return "; ".join(causes)


def _counts(found: Impact) -> str:
    changed = sum(each.change is not None for each in found.assets)
    said = [f"{changed} changed"]
    for effect in (Effect.BREAKS, Effect.TOUCHED, Effect.UNKNOWN, Effect.UNTOUCHED):
        number = found.count(effect)
        if number:
            said.append(style(f"{number} {effect}", fg=COLOURS[effect]))
    return ", ".join(said)


def impact_markdown(found: Impact) -> str:
    """A comment for a pull request: a line of numbers, what breaks, a table, the rest folded."""
    changed = [each for each in found.assets if each.change is not None]
    below = [each for each in found.assets if each.effect is not Effect.NONE]
    if not changed and not below and not found.problems:
        return f"**sqlpipes impact**: nothing changed since `{found.against}`"
    counts = [f"**{found.count(e)} {e}**" for e in COLOURS if found.count(e)]
    lines = [f"**sqlpipes impact** since `{found.against}`: {len(changed)} changed"]
    lines[0] += f", {', '.join(counts)}" if counts else ""
    faults = [*found.problems, *(problem for each in below for problem in each.problems)]
    lines += [f"- :x: {_fault(problem)}" for problem in faults]
    lines += ["", "| changed | what |", "| --- | --- |"]
    lines += [f"| {_code(each.asset)} | {_cell(_summary(each))} |" for each in changed]
    loud = [each for each in below if each.effect is not Effect.UNTOUCHED]
    quiet = [each for each in below if each.effect is Effect.UNTOUCHED]
    if loud:
        lines += ["", "| below | | why |", "| --- | --- | --- |"]
        lines += [f"| {_code(e.asset)} | {e.effect} | {_cell(_why(e))} |" for e in loud]
    if quiet:
        lines += ["", f"<details><summary>{len(quiet)} proven untouched</summary>", ""]
        lines += [f"- {_code(each.asset)}: {_cell(each.proof)}" for each in quiet]
        lines += ["", "</details>"]
    return "\n".join(lines)


def _fault(problem: Problem) -> str:
    at = f"`{problem.at}` " if problem.at else ""
    return f"{at}{problem.code} {_cell(problem.message)}"


def _summary(each: AssetImpact) -> str:
    if each.change in (Change.ADDED, Change.REMOVED):
        return str(each.change)
    return "; ".join([*map(str, each.columns), *_besides(each)])


def _code(name: str) -> str:
    """A name that has signs of its own is no code."""
    said = plain(name)
    return _cell(said) if "`" in said or "|" in said else f"`{said}`"


def _cell(text: str) -> str:
    """What may stand in a cell of a table: no sign of an expression is one of Markdown or HTML."""
    said = plain(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*~|\[\]])", r"\\\1", said)


def impact_json(found: Impact) -> dict[str, Any]:
    """docs/impact.md tells the keys."""
    return {
        "against": found.against,
        "counts": {str(effect): found.count(effect) for effect in COLOURS},
        "assets": [_asset_json(each) for each in found.assets],
        "problems": list(_problems_json(found.problems)),
    }


def _asset_json(each: AssetImpact) -> dict[str, Any]:
    return {
        "asset": each.asset,
        "kind": each.kind,
        "file": each.at.file if each.at else None,
        "change": each.change,
        "columns": [_column_json(change) for change in each.columns],
        "rows_changed": each.rows,
        "conditions": list(each.conditions),
        "config": list(each.settings),
        "checks": list(each.checks),
        "effect": each.effect or None,
        "touched": list(each.touched),
        "because": list(each.because),
        "proof": each.proof or None,
        "problems": list(_problems_json(each.problems)),
    }


def _column_json(change: ColumnChange) -> dict[str, Any]:
    was = {"was": change.was} if change.was else {}
    return {"column": change.column, "change": change.change, **was} | (
        {"now": change.now} if change.now else {}
    )


def _problems_json(problems: Iterable[Problem]) -> Iterator[dict[str, Any]]:
    for each in problems:
        at = each.at
        place = {"file": at.file, "line": at.line, "column": at.column} if at else {}
        yield {"code": each.code, "message": each.message, "hint": each.hint, **place}
