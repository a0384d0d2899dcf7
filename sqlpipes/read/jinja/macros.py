"""macros/*.sql -> the macros that every template can call by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.read.jinja.names import RESERVED
from sqlpipes.read.jinja.source import source_of

if TYPE_CHECKING:
    from sqlpipes.read.jinja.positions import Compiled, PositionedEnvironment


@dataclass(frozen=True)
class Macros:
    """The macro files of a project. They are compiled when the first template is rendered."""

    files: tuple[tuple[str, str], ...] = ()
    digest: str = ""

    @cached_property
    def library(self) -> Library:
        from sqlpipes.read.jinja.positions import PositionedEnvironment

        return _library(PositionedEnvironment(), self.files)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in the macro files. Asking compiles them."""
        return self.library.problems


@dataclass(frozen=True, slots=True)
class Library:
    """Compiled macro files. `homes` says which file defines a macro."""

    environment: PositionedEnvironment
    files: dict[str, Compiled] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def needed(self, template: Compiled) -> list[Compiled]:
        """The macro files that a template reaches, directly or through other macros."""
        found: dict[str, Compiled] = {}
        todo = [template]
        while todo:
            for name in todo.pop().mentions.names:
                home = self.homes.get(name)
                if home is not None and home not in found:
                    found[home] = self.files[home]
                    todo.append(self.files[home])
        return [found[file] for file in sorted(found)]


def load_macros(files: Sequence[tuple[str, str]]) -> Macros:
    """(file relative to the project, its text) of every macro file -> Macros. Nothing is compiled yet.

    `digest` moves when a macro file does. Faults wait in `problems`; a template that is rendered
    while there are any raises them.
    """
    digest = blake2b(digest_size=16)
    ordered = tuple(sorted(files))
    for file, text in ordered:
        digest.update(f"{len(file)} {file} {len(text)} {text}".encode())
    return Macros(ordered, digest.hexdigest())


def _library(environment: PositionedEnvironment, files: tuple[tuple[str, str], ...]) -> Library:
    from sqlpipes.read.jinja.positions import compile_source

    compiled: dict[str, Any] = {}
    homes: dict[str, str] = {}
    problems: list[Problem] = []
    for file, text in files:
        try:
            compiled[file] = compile_source(environment, source_of(file, text))
        except ProjectError as fault:
            problems.extend(fault.problems)
            continue
        for name in compiled[file].macros:
            problems.extend(_clash(name, compiled, file, homes.get(name)))
            homes.setdefault(name, file)
    return Library(environment, compiled, homes, tuple(problems))


def _clash(name: str, compiled: dict[str, Any], file: str, other: str | None) -> list[Problem]:
    at = _definition(compiled[file], name)
    if name in RESERVED:
        message = f"macro '{name}' has the name of a function that every template has"
        return [Problem("JIN006", message, at, "give it another name")]
    if other is not None:
        first = _definition(compiled[other], name)
        message = f"macro '{name}' is already defined in {first}"
        return [Problem("JIN006", message, at, "keep one of the two", others=(first,))]
    return []


def _definition(compiled: Compiled, name: str) -> Any:
    """Where a macro's name stands in its definition."""
    import re

    found = re.search(rf"\bmacro\s+({re.escape(name)})\b", compiled.source.text)
    return compiled.source.at(found.start(1) if found else 0, len(name))
