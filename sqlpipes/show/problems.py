"""Problems -> text with the user's line, a caret and a hint."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from click import style

from sqlpipes.core.errors import Location, Problem
from sqlpipes.show.hidden import shown
from sqlpipes.show.letters import plain, plain_lines, width_of

WIDEST = 100  # characters of a line that are shown
BEFORE = 60  # of them before the column
CUT = "..."
NO_TEXTS: Mapping[str, str] = MappingProxyType({})


def problems_text(
    problems: Iterable[Problem], root: str, texts: Mapping[str, str] = NO_TEXTS
) -> str:
    """Every problem as a person reads it, a blank line between two.

    `root` is where files are; `texts` stand for files that are none, such as the value of a flag.
    """
    return "\n\n".join(problem_text(problem, root, texts) for problem in problems)


def problem_text(problem: Problem, root: str, texts: Mapping[str, str] = NO_TEXTS) -> str:
    colour = "red" if problem.is_error else "yellow"
    place = f"{plain(str(problem.at))}: " if problem.at else ""
    message = plain_lines(problem.message)
    lines = [place + style(problem.code, fg=colour, bold=True) + " " + message]
    if problem.at:
        lines += _excerpt(problem.at, _lines(problem.at.file, root, texts), colour)
    said = f"{problem.message}\n{problem.hint}"
    for other in problem.others:
        if str(other) not in said:
            lines.append(style("  also: ", fg="cyan") + plain(str(other)))
            lines += _excerpt(other, _lines(other.file, root, texts), colour)
    if problem.hint:
        first, *more = plain_lines(problem.hint).split("\n")
        lines.append(style("  hint: ", fg="cyan") + first)
        lines += [f"        {line}" for line in more]
    return "\n".join(lines)


def _lines(name: str, root: str, texts: Mapping[str, str]) -> list[str]:
    """The lines of a file; none when it cannot be read any more."""
    if name in texts:
        return texts[name].splitlines()
    try:
        with open(os.path.join(root, name), encoding="utf-8-sig") as file:
            return file.read().split("\n")
    except (OSError, ValueError):
        return []


def _excerpt(at: Location, lines: list[str], colour: str) -> list[str]:
    """The line and a caret under it, or nothing when there is no such place."""
    text = shown(at.file, lines, at.line) if at.line <= len(lines) else ""
    if not text.strip() or at.column > len(text) + 1:
        return []
    window, column = _window(text.replace("\t", " ").rstrip(), at.column - 1)
    length = max(1, min(at.length, len(window) - column))
    before, marked = plain(window[:column]), plain(window[column : column + length])
    caret = " " * width_of(before) + style("^" * max(1, width_of(marked)), fg=colour, bold=True)
    return [style(f"{at.line:>4} | ", dim=True) + plain(window), style("     | ", dim=True) + caret]


def _window(text: str, column: int) -> tuple[str, int]:
    """As much of a long line as stands around the column, and where that is in it.

    >>> _window("abc", 1)
    ('abc', 1)
    >>> window, column = _window("a" * 99 + "X" + "b" * 99, 99)
    >>> window[:4], window[-4:], len(window), window[column]
    ('...a', 'b...', 100, 'X')
    """
    start = max(0, column - BEFORE) if len(text) > WIDEST else 0
    window = text[start : start + WIDEST]
    if start:
        window = CUT + window[len(CUT) :]
    if len(text) > start + WIDEST:
        window = window[: -len(CUT)] + CUT
    return window, column - start


def problem_json(problem: Problem) -> dict[str, Any]:
    at = problem.at
    return {
        "code": problem.code,
        "severity": str(problem.severity),
        "message": problem.message,
        "file": at.file if at else None,
        "line": at.line if at else None,
        "column": at.column if at else None,
        "length": at.length if at else None,
        "hint": problem.hint,
    }
