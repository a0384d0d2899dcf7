"""An exception out of a user's function -> BLD005 at the innermost of the user's own lines.

Frames of ours and of what is installed are left out; the user's lines that led there come along.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import TypeVar

from sqlpipes.core.errors import EngineError, Location, Problem, SqlpipesError
from sqlpipes.run.recording import error_text

INSTALLED = re.compile(r"(^|[\\/])(site-packages|dist-packages|\.?venv)([\\/]|$)")
OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
TRACEBACK = "Python exception: Traceback"
FRAME = re.compile(r'\s*File "([^"]+)", line (\d+)')
RAISED = re.compile(r"[A-Za-z_][\w.]*(: |$)")
CALLERS = 3  # lines that led there, the nearest

E = TypeVar("E", bound=SqlpipesError)


def user_error(
    error: BaseException, function: str, at: Location, root: str, asset: str = ""
) -> EngineError:
    """What the function raised; `at` is where it is defined, for when no line of the user's is known.

    `asset` is told where its name is not the function's.
    """
    places = list(_places(error.__traceback__, root))
    inner = places[-1] if places else at
    callers = _callers(places)
    whose = f" of '{asset}'" if asset and asset != function else ""
    message = f"{function}(){whose} raised {error_text(error)}"
    return EngineError(Problem("BLD005", message, inner, _cause(error, root), others=callers))


def streamed_error(error: EngineError, function: str, root: str) -> EngineError | None:
    """The same for a reader whose batches the user's code makes: the engine tells its traceback as text.

    None when it is no such error.
    """
    if TRACEBACK not in str(error.__cause__):
        return None
    lines = str(error.__cause__).splitlines()
    home = os.path.abspath(root)
    found = [match for line in lines if (match := FRAME.match(line)) and _is_users(match[1], home)]
    raised = next((line for line in reversed(lines) if RAISED.match(line)), "")
    if not found or not raised:
        return None
    file = os.path.relpath(found[-1][1], home).replace(os.sep, "/")
    text = _line(found[-1][1], int(found[-1][2]))
    at = Location(
        file, int(found[-1][2]), len(text) - len(text.lstrip()) + 1, len(text.strip()) or 1
    )
    return EngineError(Problem("BLD005", f"{function}() raised {raised}", at))


def _callers(places: list[Location]) -> tuple[Location, ...]:
    """A line each: a comprehension is a frame of its own at the line of its function."""
    lines = {(place.file, place.line): place for place in places[:-1]}
    if places:
        lines.pop((places[-1].file, places[-1].line), None)
    return tuple(lines.values())[-CALLERS:]


def placed_error(error: E, at: Location, root: str) -> E:
    """An error of ours that went through the user's code, such as that of a query: at the user's line."""
    places = list(_places(error.__traceback__, root))
    inner = places[-1] if places else at
    error.problems = tuple(
        replace(problem, at=inner) if problem.at is None or not problem.at.file else problem
        for problem in error.problems
    )
    return error


def _cause(error: BaseException, root: str) -> str | None:
    """What the exception was raised from, which often says more."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is None:
        return None
    places = list(_places(cause.__traceback__, root))
    where = f" at {places[-1]}" if places else ""
    return f"because of {error_text(cause)}{where}"


def _places(trace: TracebackType | None, root: str) -> Iterator[Location]:
    """The user's lines, from the outermost to the innermost."""
    home = os.path.abspath(root)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename  # or <string>, of code that was made
        if os.path.isabs(file) and _is_users(file, home):
            yield _place(trace, os.path.relpath(file, home).replace(os.sep, "/"))
        trace = trace.tb_next


def _is_users(file: str, home: str) -> bool:
    inside = file.startswith(home.rstrip(os.sep) + os.sep) and not file.startswith(OURS)
    return inside and not INSTALLED.search(os.path.relpath(file, home))


def _place(trace: TracebackType, file: str) -> Location:
    """Python counts columns in bytes; a line of ASCII, as most are, needs no second look."""
    positions = list(trace.tb_frame.f_code.co_positions())
    index = trace.tb_lasti // 2
    line, end, column, last = positions[index] if index < len(positions) else (None,) * 4
    if line != trace.tb_lineno or column is None:
        return Location(file, trace.tb_lineno)
    text = _line(trace.tb_frame.f_code.co_filename, line).encode()
    start = len(text[:column].decode("utf-8", "replace"))
    length = len(text[column:last].decode("utf-8", "replace")) if end == line else 1
    return Location(file, line, start + 1, max(length, 1))


def _line(file: str, number: int) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return next((t for i, t in enumerate(stream, 1) if i == number), "").rstrip("\n")
    except OSError:
        return ""
