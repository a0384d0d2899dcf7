"""The state itself: where it is and how big, carried into a file and back."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace as replaced
from typing import IO, TYPE_CHECKING

from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project
from sqlpipes.core.errors import Problem, ProjectError, StoreError
from sqlpipes.version import __version__

if TYPE_CHECKING:
    from sqlpipes.stores.carrying import Carried, Size

_OF_ITS_URL = ("STO001", "STO006", "STO007", "STO015", "STO016", "STO017", "STO018")
STANDARD = "-"  # the file name that means stdin or stdout


def state_size(project: Project) -> Size:
    """Where the state of the target is, and how much it holds."""
    from sqlpipes.stores.carrying import size_of

    _refuse_memory(project)
    with _placed(project):
        return size_of(project.config.state, project.root, project.target.name, os.path.getsize)


def export_state(project: Project, path: str, *, all_targets: bool = False) -> int:
    """Write the state as JSON lines to a file (compressed when its name ends so); the number of lines.

    The file appears when it is whole: whatever stood there before stays until then.
    """
    from sqlpipes.stores.carrying import export_lines

    _refuse_memory(project)
    target = None if all_targets else project.target.name
    at = utc_now().isoformat(timespec="seconds")
    lines = export_lines(project.config.state, project.root, target, at=at, version=__version__)
    with _placed(project), _writing(path) as file:
        count = 0
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count


def import_state(
    project: Project, path: str, *, all_targets: bool = False, replace: bool = False
) -> Carried:
    """Take in a file that `export_state` wrote; all of it or nothing.

    Raises StoreError STO008 to STO012 for a file or a state that does not fit, LockedError when a
    build is running.
    """
    from sqlpipes.stores import build_lock
    from sqlpipes.stores.carrying import import_lines

    _refuse_memory(project)
    target = None if all_targets else project.target.name
    name = "stdin" if path == STANDARD else path
    lock = build_lock(project.root, command="state import")
    with _placed(project), lock, _reading(path) as lines:
        return import_lines(
            project.config.state, project.root, target, lines, file=name, replace=replace
        )


@contextmanager
def _placed(project: Project) -> Iterator[None]:
    """What is wrong with the database of the state is told where that is named."""
    at = project.config.state_at
    try:
        yield
    except StoreError as error:
        told = [
            p if p.at or p.code not in _OF_ITS_URL else replaced(p, at=at) for p in error.problems
        ]
        raise type(error)(*told) from error


def _refuse_memory(project: Project) -> None:
    if project.config.state == "memory://":
        message = "`state` is memory://, which keeps nothing"
        raise ProjectError(Problem("STO013", message, hint="leave `state` out for a SQLite file"))


@contextmanager
def _writing(path: str) -> Iterator[IO[str]]:
    if path == STANDARD:
        yield sys.stdout
        return
    beside = f"{path}.{os.getpid()}.part"
    try:
        with _open(beside, "wt", packed=path.endswith(".gz")) as file:
            yield file
        os.replace(beside, path)
    except OSError as error:
        raise _unusable(path, error) from error
    finally:
        if os.path.exists(beside):
            os.remove(beside)


@contextmanager
def _reading(path: str) -> Iterator[Iterable[str]]:
    if path == STANDARD:
        yield _decoded(sys.stdin, "stdin")
        return
    try:
        with _open(path, "rt", packed=path.endswith(".gz")) as file:
            yield _decoded(file, path)
    except OSError as error:
        raise _unusable(path, error) from error


def _decoded(file: IO[str], name: str) -> Iterator[str]:
    """The lines; a file that is cut off or is no text says so itself."""
    try:
        yield from file
    except EOFError:
        return  # a compressed file that was cut off: its footer is missing
    except zlib.error as error:
        raise StoreError(Problem("STO008", f"{name} is damaged: {error}")) from None
    except UnicodeDecodeError as error:
        message = f"{name} is no text: {error.reason}"
        hint = "a compressed file's name ends with .gz" if error.start <= 1 else None
        raise StoreError(Problem("STO008", message, hint=hint)) from None


def _open(path: str, mode: str, *, packed: bool) -> IO[str]:
    opened = gzip.open if packed else open
    return opened(path, mode, encoding="utf-8", newline="\n")  # type: ignore[return-value]


def _unusable(path: str, error: OSError) -> StoreError:
    return StoreError(Problem("STO004", f"{path}: {error.strerror or error}"))
