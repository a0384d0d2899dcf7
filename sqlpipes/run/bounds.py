"""A path that a function asks for + what stands there -> why it may not be written, if it may not.

What a build puts somewhere is noted first, in .sqlpipes/files: so the next one knows what it may
replace, also after a kill, with another target or another state. Whatever nobody noted is somebody's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.run.disk import put

FOLDER = os.path.join(".sqlpipes", "files")
OWN = (".py", ".sql", ".yml", ".yaml", ".toml")  # what a project is made of
MOVE = "move it away, or write somewhere else"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Who wants to write files, and what it must leave alone. Paths are absolute."""

    asset: str
    root: str
    declared: str = ""  # `path` of its decorator, or of the model
    recorded: str = ""  # where it wrote last, as the state says
    kept: tuple[str, ...] = ()  # the project's own folders, its warehouse and its state
    others: frozenset[str] = frozenset()  # the other assets that are files
    is_query: bool = False  # no function: it replaces nothing but what a build of it wrote

    def refusal(self, path: str, said: str = "") -> Problem | None:
        """BLD021 or DUP006 without a place. `said`: the path as the user wrote it."""
        path, said = os.path.normpath(path), said or path
        problem = self._of_project(path, said) or self._of_others(path, said)
        if problem is None or problem.code != "BLD021":
            return problem
        return self._told(problem, said)

    def over_own(self, path: str, said: str) -> Problem | None:
        """BLD021 for what is wrong whatever stands there: it would lie over what is the project's own."""
        problem = self._of_project(os.path.normpath(path), said)
        return self._told(problem, said) if problem else None

    def _told(self, problem: Problem, said: str) -> Problem:
        message = f"'{self.asset}' must not write {said!r}: {problem.message}"
        return Problem("BLD021", message, hint=problem.hint)

    def _of_project(self, path: str, said: str) -> Problem | None:
        elsewhere = "name a file or folder of its own, such as output/x.csv"
        if _is_within(self.root, path):
            return Problem("BLD021", "the project is in it", hint=elsewhere)
        for kept in (*self.kept, os.path.join(self.root, ".sqlpipes"), f"{self.root}/.git"):
            name = os.path.relpath(kept, self.root)
            if _is_within(kept, path):
                what = "it is" if _is_within(path, kept) else "in it is"
                return Problem("BLD021", f"{what} the project's own {name}", hint=elsewhere)
            if _is_within(path, kept) and not _is_within(self.root, kept):
                return Problem("BLD021", f"it is in the project's own {name}", hint=elsewhere)
        if os.path.isabs(said) or path == self.declared or _is_within(path, self.root):
            return None
        hint = "say it as path=... in the decorator, or as an absolute path, if it is meant"
        return Problem("BLD021", "it is outside of the project", hint=hint)

    def _of_others(self, path: str, said: str) -> Problem | None:
        noted = Note.of(path, self.root)
        if noted.asset in self.others:
            message = f"'{self.asset}' and '{noted.asset}' both write {said}"
            return Problem("DUP006", message, hint="give each of them a path of its own")
        if not os.path.lexists(path):
            return None
        if os.path.isdir(path):
            strange = next((name for name in names_in(path) if name not in noted.names), None)
            if strange is None:
                return None
            return Problem("BLD021", f"no build of it wrote {strange}, which is in it", hint=MOVE)
        if noted.asset or path == self.recorded:
            return None
        if path.endswith(OWN) or os.path.basename(path).startswith("."):
            return Problem("BLD021", "it is there, and no build of it wrote it", hint=MOVE)
        if path == self.declared and not self.is_query:
            return None
        hint = "move it away, or say path=... in the decorator if it is the asset's"
        if self.is_query:
            hint = "move it away, or remove it if the model is to take its place"
        return Problem("BLD021", "it is there, and no build of it wrote it", hint=hint)

    def note(self, path: str, place: str, columns: tuple[tuple[str, str], ...] = ()) -> None:
        """What is about to stand at `path`, with what stands there until then. Raises OSError."""
        there = Note.of(path, self.root).names if os.path.isdir(path) else frozenset()
        Note(self.asset, there | frozenset(names_in(place)), columns).write(path, self.root)

    def noted(self, path: str, columns: tuple[tuple[str, str], ...] = ()) -> None:
        """The same once it stands there: what was there before is forgotten."""
        with suppress(OSError):
            Note(self.asset, frozenset(names_in(path)), columns).write(path, self.root)


@dataclass(frozen=True, slots=True)
class Note:
    """Which asset wrote a path and, of a folder, the files in it."""

    asset: str = ""
    names: frozenset[str] = frozenset()
    columns: tuple[tuple[str, str], ...] = ()  # of the rows of a query, with their types

    @staticmethod
    def of(path: str, root: str) -> Note:
        """What was noted; nothing when nobody did, or when it cannot be read."""
        try:
            with open(_note_path(path, root), encoding="utf-8") as stream:
                said = json.load(stream)
            columns = tuple((str(name), str(kind)) for name, kind in said.get("columns", ()))
            return Note(str(said["asset"]), frozenset(said["names"]), columns)
        except (OSError, ValueError, KeyError, TypeError):
            return Note()

    def write(self, path: str, root: str) -> None:
        where = _note_path(path, root)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        said = {"path": path, "asset": self.asset, "names": sorted(self.names)}
        columns = {"columns": self.columns} if self.columns else {}
        own = f"{where}.{os.getpid()}"
        with open(own, "w", encoding="utf-8") as stream:
            json.dump({**said, **columns}, stream)
        put(own, where)


def _note_path(path: str, root: str) -> str:
    """One for all names of the same place."""
    folder, name = os.path.split(os.path.normpath(path))
    real = os.path.join(os.path.realpath(folder), name)
    shown = os.path.relpath(real, os.path.realpath(root))  # a project may be moved
    return os.path.join(root, FOLDER, hashlib.blake2b(shown.encode(), digest_size=16).hexdigest())


def names_in(path: str) -> Iterator[str]:
    """Of a folder all files and links in it, relative to it; of a file none."""
    if not os.path.isdir(path):
        return
    for folder, below, names in os.walk(path):
        links = [name for name in below if os.path.islink(os.path.join(folder, name))]
        for name in sorted([*names, *links]):
            yield os.path.relpath(os.path.join(folder, name), path).replace(os.sep, "/")


def _is_within(inner: str, outer: str) -> bool:
    """Whether `inner` is `outer` or in it, also by other names of the same: links, letters' case."""
    inner, outer = os.path.realpath(inner), os.path.realpath(outer)
    while True:
        if inner == outer or _is_same(inner, outer):
            return True
        above = os.path.dirname(inner)
        if above == inner:
            return False
        inner = above


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
