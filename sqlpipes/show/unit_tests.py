"""Unit test results -> lines, a table of what differs, JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from click import style

from sqlpipes.core.events import plain_value
from sqlpipes.core.row_diff import RowDiff, same
from sqlpipes.core.status import Status
from sqlpipes.core.unit_test import UnitResult
from sqlpipes.show.letters import cut, padded, plain, width_of
from sqlpipes.show.problems import problem_json, problems_text

SHOWN = 20  # rows of each sort
WIDEST = 36
ARROW = " -> "
MARKS = {
    "~": ("yellow", "differs: expected -> actual"),
    "-": ("red", "expected, but not there"),
    "+": ("green", "there, but not expected"),
}
WORDS = {
    Status.SUCCESS: ("ok   ", "green"),
    Status.FAIL: ("fail ", "red"),
    Status.ERROR: ("error", "red"),
}

Line = tuple[str, list[str]]  # mark, cells


def result_line(result: UnitResult) -> str:
    """One line as it ends."""
    word, colour = WORDS[result.status]
    name = f"{result.test.model}: {result.test.name}"
    return f"unit  {style(word, fg=colour)} {name}" + style(f"  {result.seconds:.2f}s", dim=True)


def results_text(results: Sequence[UnitResult], root: str) -> str:
    """What failed and where, then one line of totals."""
    blocks = [failure_text(result, root) for result in results if not result.ok]
    passed = sum(result.ok for result in results)
    failed = len(results) - passed
    parts = [style(f"{passed} passed", fg="green")] if passed else []
    parts += [style(f"{failed} failed", fg="red")] if failed else []
    noun = "unit test" if len(results) == 1 else "unit tests"
    seconds = sum(result.seconds for result in results)
    blocks.append(
        f"{len(results)} {noun}: {', '.join(parts)}" + style(f"  in {seconds:.2f}s", dim=True)
    )
    return "\n\n".join(blocks)


def held_text(results: Sequence[UnitResult]) -> str:
    """What a build says of tests that failed before it."""
    failed = sorted({result.test.model for result in results if not result.ok})
    names = ", ".join(f"'{name}'" for name in failed)
    return f"not built, as a unit test failed: {names} and what reads {'it' if len(failed) == 1 else 'them'}"


def failure_text(result: UnitResult, root: str) -> str:
    """The problems with the user's lines, and the rows that differ."""
    said = problems_text(result.problems, root)
    if result.difference is None:
        if all(problem.at != result.test.at for problem in result.problems) and result.test.at:
            said += "\n" + style(
                f"  in unit test '{result.test.name}' at {result.test.at}", dim=True
            )
        return said
    return f"{said}\n\n{difference_text(result.difference)}"


def difference_text(found: RowDiff) -> str:
    """Rows in columns, a mark before each, and below what the marks mean.

    >>> from click import unstyle
    >>> from sqlpipes.core.row_diff import diff_rows
    >>> found = diff_rows(["id", "n"], [(1, 2), (3, None)], [(1, 5)])
    >>> print(unstyle(difference_text(found)))
       id  n
    ~   1  2 -> 5
    -   3  NULL
    ~ differs: expected -> actual   - expected, but not there
    """
    lines = _lines(found)
    widths = (
        [
            max(width_of(name), *(width_of(cells[i]) for _, cells in lines))
            for i, name in enumerate(found.columns)
        ]
        if lines
        else []
    )
    right = [_is_numeric(found, i) for i in range(len(found.columns))]
    shown = [f"   {_row(found.columns, widths, right)}".rstrip()] if lines else []
    for mark, cells in lines:
        text = f"{mark}  {_row(cells, widths, right)}".rstrip()
        shown.append(style(text, fg=MARKS[mark][0]))
    return "\n".join([*shown, *_more(found), _legend(found)])


def _lines(found: RowDiff) -> list[Line]:
    changed = [
        ("~", [_change(e, a) for e, a in zip(c.expected, c.actual, strict=True)])
        for c in found.changed[:SHOWN]
    ]
    missing = [("-", [_cell(value) for value in row]) for _, row in found.missing[:SHOWN]]
    extra = [("+", [_cell(value) for value in row]) for row in found.extra[:SHOWN]]
    return [*changed, *missing, *extra]


def _change(expected: Any, actual: Any) -> str:
    """One cell; when both look alike, their types say how they differ."""
    if same(expected, actual):
        return _cell(actual)
    old, new = _cell(expected), _cell(actual)
    if old == new:
        old, new = f"{old} ({type(expected).__name__})", f"{new} ({type(actual).__name__})"
    return f"{old}{ARROW}{new}"


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if value == "":
        return "''"
    text = plain(str(value))
    if isinstance(value, str) and text != text.strip():
        text = repr(value)
    return cut(text, WIDEST, "~")


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    return "  ".join(
        padded(cell, width, at_right)
        for cell, width, at_right in zip(cells, widths, right, strict=True)
    )


def _is_numeric(found: RowDiff, column: int) -> bool:
    """Whether its numbers stand under each other: no cell of it shows a change."""
    if any(column in changed.cells for changed in found.changed):
        return False
    rows = [c.actual for c in found.changed] + [row for _, row in found.missing] + list(found.extra)
    values = [row[column] for row in rows]
    return any(v is not None for v in values) and all(
        v is None or (hasattr(v, "__float__") and not isinstance(v, bool)) for v in values
    )


def _more(found: RowDiff) -> list[str]:
    sorts = {"~": found.changed, "-": found.missing, "+": found.extra}
    counted = {mark: len(rows) - SHOWN for mark, rows in sorts.items()}
    return [f"{mark}  and {more:,} more rows" for mark, more in counted.items() if more > 0]


def _legend(found: RowDiff) -> str:
    if found.order:
        return "the rows are there, but in another order"
    sorts = {"~": found.changed, "-": found.missing, "+": found.extra}
    said = [f"{mark} {MARKS[mark][1]}" for mark, rows in sorts.items() if rows]
    if found.same:
        said.append(f"{found.same:,} row{'s' * (found.same != 1)} as expected")
    return style("   ".join(said), dim=True)


def result_json(result: UnitResult) -> dict[str, Any]:
    """As the events of a build: one object, with `event`."""
    at = result.test.at
    return {
        "event": "unit_test_finished",
        "unit_test": result.test.name,
        "asset": result.test.model,
        "status": str(result.status),
        "seconds": result.seconds,
        "file": at.file if at else None,
        "line": at.line if at else None,
        "problems": [problem_json(problem) for problem in result.problems],
        "difference": _difference_json(result.difference) if result.difference else None,
    }


def _difference_json(found: RowDiff) -> Mapping[str, Any]:
    said = asdict(found)
    said["missing"] = [row for _, row in found.missing]
    plain: Mapping[str, Any] = plain_value(said)
    return plain
