"""An exception out of a user's module -> PYT001 at the innermost of the user's own lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.read.python.modules import is_inside

KEYWORD = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'")


def import_problem(fault: BaseException, path: str, root: str) -> Problem:
    """What went wrong while the file at `path` was imported."""
    at = _syntax_place(fault, root) or innermost(fault.__traceback__, root)
    at = at or Location(_relative(path, root))
    if isinstance(fault, SyntaxError):
        return Problem("PYT001", f"{type(fault).__name__}: {fault.msg}", at)
    said = f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
    return Problem("PYT001", f"this file cannot be imported: {said}", at, _hint(fault, root))


def _hint(fault: BaseException, root: str) -> str | None:
    if isinstance(fault, ModuleNotFoundError) and fault.name:
        return f"install '{fault.name.partition('.')[0]}', or mend the name"
    keyword = KEYWORD.search(str(fault))
    if isinstance(fault, TypeError) and keyword:
        return _known_keyword(keyword[1], keyword[2])
    return None


def _known_keyword(function: str, given: str) -> str | None:
    """The nearest option of one of our own functions."""
    import inspect

    from sqlpipes.core import definitions
    from sqlpipes.core.partitions import declared

    homes = (definitions, declared)
    function = function.removesuffix(".__init__").rpartition(".")[2]
    target: Any = {"partitioning": declared.Daily}.get(function) or next(
        (found for home in homes if (found := getattr(home, function, None))), None
    )
    if target is None or not callable(target):
        return None
    known = list(inspect.signature(target).parameters)
    return did_you_mean(given, known) or f"known: {', '.join(known[1:])}"


def _syntax_place(fault: BaseException, root: str) -> Location | None:
    if not isinstance(fault, SyntaxError) or not fault.filename:
        return None
    if not is_inside(fault.filename, root):
        return None
    return Location(_relative(fault.filename, root), fault.lineno or 1, max(fault.offset or 1, 1))


def innermost(trace: TracebackType | None, root: str) -> Location | None:
    found = None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if os.path.isabs(file) and is_inside(file, root) and not _is_ours(file):
            found = _place(trace, file, root)
        trace = trace.tb_next
    return found


def _is_ours(file: str) -> bool:
    """A project may live in a checkout of the tool."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.abspath(file).startswith(package + os.sep)


def _place(trace: TracebackType, file: str, root: str) -> Location:
    positions = list(_positions(trace))
    index = trace.tb_lasti // 2
    line, offset = positions[index] if index < len(positions) else (None, None)
    text = _line(file, trace.tb_lineno)
    column = len(text.encode()[: offset or 0].decode("utf-8", "replace")) + 1
    if line != trace.tb_lineno or offset is None:
        column = len(text) - len(text.lstrip()) + 1
    return Location(_relative(file, root), trace.tb_lineno, column)


def _positions(trace: TracebackType) -> Iterator[tuple[int | None, int | None]]:
    """(line, column in bytes) of every instruction."""
    for line, _, offset, _ in trace.tb_frame.f_code.co_positions():
        yield line, offset


def _line(file: str, number: int) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            for index, text in enumerate(stream, 1):
                if index == number:
                    return text.rstrip("\n")
    except OSError:
        pass
    return ""


def _relative(path: str, root: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")
