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

from sqlpipes.core.definitions import FieldError, recorder_here
from sqlpipes.core.errors import EngineError, Location, Problem, SqlpipesError
from sqlpipes.run.recording import error_text, message_of

INSTALLED = re.compile(r"(^|[\\/])(site-packages|dist-packages|\.?venv)([\\/]|$)")
OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
TRACEBACK = "Python exception: Traceback"
FRAME = re.compile(r'\s*File "([^"]+)", line (\d+)')
RAISED = re.compile(r"[A-Za-z_][\w.]*(: |$)")
OTHER_CONNECTION = "not suitable for replacement scan"  # DuckDB, of a relation of ours
MOST_LINES = 40  # of a message
CALLERS = 3  # lines that led there, the nearest

E = TypeVar("E", bound=SqlpipesError)


def user_error(
    error: BaseException, function: str, at: Location, root: str, asset: str = ""
) -> EngineError:
    """What the function raised; `at` is where it is defined, for when no line of the user's is known.

    `asset` is told where its name is not the function's.
    """
    if isinstance(error, FieldError):  # it says in its own words what is wrong, and where
        said = f"'{asset or function}': {error.message}"
        return EngineError(Problem("BLD005", said, error.at or at, error.hint))
    places = list(_places(error.__traceback__, root, at.file))
    inner = places[-1] if places else at
    callers = _callers(places)
    _say_rest(error, root)
    whose = f" of '{asset}'" if asset and asset != function else ""
    message = f"{function}(){whose} raised {error_text(error)}"
    return EngineError(Problem("BLD005", message, inner, _cause(error, root), others=callers))


def _say_rest(error: BaseException, root: str) -> None:
    """What does not fit into one line goes to the log of the step: more lines, and members of a group."""
    recorder = recorder_here()
    lines = message_of(error).splitlines()
    if recorder is None:
        return
    if len(lines) > 1:
        recorder.say("".join(f"{line}\n" for line in lines[:MOST_LINES]))
    for member in getattr(error, "exceptions", ())[:MOST_LINES]:
        if isinstance(member, BaseException):
            places = list(_places(member.__traceback__, root))
            where = f" at {places[-1]}" if places else ""
            recorder.say(f"{error_text(member)}{where}\n")


def streamed_error(error: EngineError, function: str, root: str) -> EngineError | None:
    """The same for a reader whose batches the user's code makes: the engine tells its traceback as text.

    None when it is no such error.
    """
    if TRACEBACK not in str(error.__cause__):
        return None
    said = str(error.__cause__)
    found = _users_lines(said, root)
    raised = next((line for line in reversed(said.splitlines()) if RAISED.match(line)), "")
    if not found or not raised:
        return None
    return EngineError(Problem("BLD005", f"{function}() raised {raised}", found[-1]))


def _users_lines(traceback: str, root: str) -> list[Location]:
    """The user's lines of a traceback that is a text."""
    home = os.path.abspath(root)
    frames = (FRAME.match(line) for line in traceback.splitlines())
    found = []
    for frame in frames:
        if frame and _is_users(frame[1], home):
            file = os.path.relpath(frame[1], home).replace(os.sep, "/")
            text, number = _line(frame[1], int(frame[2])), int(frame[2])
            start = len(text) - len(text.lstrip()) + 1
            found.append(Location(file, number, start, len(text.strip()) or 1))
    return found


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
    if OTHER_CONNECTION in message_of(error):
        return (
            "duckdb.sql has a database of its own: use context.sql(...), or the relation's methods"
        )
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is None:
        return None
    if type(cause).__name__.endswith("RemoteTraceback"):  # of a pool of processes, as text
        lines = _users_lines(str(cause), root)
        return f"in another process, at {lines[-1]}" if lines else "in another process"
    places = list(_places(cause.__traceback__, root))
    where = f" at {places[-1]}" if places else ""
    return f"because of {error_text(cause)}{where}"


def _places(trace: TracebackType | None, root: str, own: str = "") -> Iterator[Location]:
    """The user's lines, from the outermost to the innermost: those of the project, and of the function's
    `own` file when it stands elsewhere, such as a test or the cell of a notebook."""
    home = os.path.abspath(root)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename  # or <string>, of code that was made
        if file == own and not file.startswith(home + os.sep):
            yield _place(trace, file)
        elif os.path.isabs(file) and _is_users(file, home):
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
