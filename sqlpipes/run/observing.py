"""A source + the function that observes it -> what it says: a version, or one per window.

The function is the user's own code: what it raises is told at the user's line (SRC006).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

from sqlpipes.core.asset import Asset, PythonBody, SourceBody
from sqlpipes.core.config import Plain
from sqlpipes.core.definitions import Execution
from sqlpipes.core.errors import Location, Problem, ProjectError, SqlpipesError
from sqlpipes.core.partitions import Partitions, parse_partitions
from sqlpipes.core.windows import Slot, Windows
from sqlpipes.run.capture import captured
from sqlpipes.run.faults import placed_error, user_error
from sqlpipes.run.recording import recording

VERSIONS = "a text or a number, or {key of a window: version}"


def observed(
    asset: Asset,
    *,
    target: str,
    root: str,
    vars: Mapping[str, Plain],
    say: Callable[[str], object],
) -> str | Windows | None:
    """What the function says. None: it cannot tell, so that the source counts as changed.

    `say` is given what it prints and logs, once it is done.

    Raises ProjectError SRC006 when it raises, or says what is no version: a build that went on would
    take what it cannot see for unchanged, or build everything below for nothing.
    """
    assert isinstance(asset.body, SourceBody)
    body = asset.body.observer
    assert body is not None
    execution = Execution(asset.name, target=target, root=os.path.abspath(root), vars=vars)
    with _told_to(say):
        said, at = _call(asset, body, execution, root)
    return _look(asset, said, at)


@contextmanager
def _told_to(say: Callable[[str], object]) -> Iterator[None]:
    """What is printed meanwhile is no part of what a command prints: that may be JSON."""
    log = ""
    try:
        with captured(), recording() as recorder:
            try:
                yield
            finally:
                log = recorder.log
    finally:
        if log:
            say(log if log.endswith("\n") else f"{log}\n")


def _call(asset: Asset, body: PythonBody, execution: Execution, root: str) -> tuple[Any, Location]:
    """What the function returns, and where it stands."""
    at = asset.at
    try:
        function = body.load()
        at = _defined(function, root) or at
        takes = "context" in inspect.signature(function).parameters
        return (function(context=execution) if takes else function()), at
    except SqlpipesError as error:
        raise ProjectError(*_told(asset, placed_error(error, at, root).problems)) from error
    except LookupError as error:
        if "has no function" not in str(error):
            raise _raised(asset, error, body.function, at, root) from error
        raise ProjectError(_fault(asset, str(error), asset.at)) from error
    except (Exception, SystemExit) as error:
        raise _raised(asset, error, body.function, at, root) from error


def _raised(
    asset: Asset, error: BaseException, function: str, at: Location, root: str
) -> ProjectError:
    return ProjectError(*_told(asset, user_error(error, function, at, root).problems))


def _told(asset: Asset, problems: tuple[Problem, ...]) -> list[Problem]:
    head = f"source '{asset.name}' cannot be observed: "
    return [replace(each, code="SRC006", message=head + each.message) for each in problems]


def _fault(asset: Asset, what: str, at: Location) -> Problem:
    return Problem("SRC006", f"source '{asset.name}' cannot be observed: {what}", at)


def _look(asset: Asset, said: Any, at: Location) -> str | Windows | None:
    if said is None:
        return None
    if isinstance(said, Mapping):
        return _windows(asset, said, at)
    return _version(asset, said, at)


def _version(asset: Asset, said: Any, at: Location) -> str:
    """A version as text; a kind of its own for each type, so that 1 and "1" differ as little as can be."""
    said = said.item() if hasattr(said, "item") and not isinstance(said, (str, bytes)) else said
    if isinstance(said, bool) or not isinstance(said, (str, int, float, date)):
        what = f"its function returned {type(said).__name__} instead of {VERSIONS}"
        raise ProjectError(_fault(asset, what, at))
    return f"said {said.isoformat() if isinstance(said, date) else said}"


def _windows(asset: Asset, said: Mapping[Any, Any], at: Location) -> Windows:
    cut = asset.partition
    if cut is None:
        what = "its function returned a version per window, but it has no windows"
        hint = "give the source a `partition:`, or return one text or number"
        raise ProjectError(replace(_fault(asset, what, at), hint=hint))
    tokens: dict[Slot, str] = {}
    for key, version in said.items():
        for slot in _slots(asset, key, at):
            if slot in tokens:
                raise ProjectError(_fault(asset, f"two keys name the window of {key!r}", at))
            tokens[slot] = _version(asset, version, at)
    return Windows(cut.axis, tokens)


def _slots(asset: Asset, key: Any, at: Location) -> list[Slot]:
    assert asset.partition is not None
    parts = key if isinstance(key, tuple) else (key,)
    text = "|".join(each.isoformat() if isinstance(each, date) else str(each) for each in parts)
    try:
        slices: Partitions = parse_partitions(text, asset.partition.axis)
    except ValueError as error:
        raise ProjectError(_fault(asset, f"the key {key!r} names no window: {error}", at)) from None
    return [
        (labels, place)
        for labels, ranges in slices.rows
        for low, high in ranges
        for place in range(low, high)
    ]


def _defined(function: Any, root: str) -> Location | None:
    """The line at which the function is defined."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return None
    file = os.path.relpath(code.co_filename, os.path.abspath(root)).replace(os.sep, "/")
    return Location(file, code.co_firstlineno)
