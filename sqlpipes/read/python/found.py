"""What a user's file declares, as plain values, and the place where they are kept between commands.

A file's entry is good while that file and every file of the project that it reaches are as they were.
Importing the file, with all that it imports in turn, is what a good entry saves.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.sql import FACTS_VERSION
from sqlpipes.read.python.modules import Module, Unit, hashed

FORMAT = 14  # raise it whenever the same text may yield other facts
FOLDER = ".sqlpipes/cache/python"
PARTS = ("key", "modules", "found", "entries", "queries", "resources", "sensors", "problems")
"""Of what is kept of a file."""

Place = list[int]  # line, column, length
FieldSaid = list[Any]
"""Name, type as written, required, secret, class it needs, default as JSON; file, line, column, length."""
Named = list[Any]  # name, file, line, column, length, and whether it is declared (or SQL names it)


@dataclass(frozen=True, slots=True)
class Found:
    """An asset or a check of a file, as its decorator and its function say. JSON all the way down."""

    kind: str  # asset | check
    name: str
    function: str
    file: str
    at: Place
    parameters: Sequence[str]
    takes_context: bool
    meaning: str  # hash of the code
    inputs: Sequence[Named]  # parameters, deps and tables in SQL
    description: str = ""
    materialized: str = "table"
    schema: str | None = None
    engine: str | None = None
    owners: Sequence[str] = ()
    tags: Sequence[str] = ()
    kinds: Sequence[str] = ()
    group: str | None = None
    meta: Mapping[str, Plain] | None = None
    links: Mapping[str, str] | None = None
    places: Mapping[str, Place] | None = None  # of the texts that the decorator was given
    partition: Sequence[Any] | None = None
    checks: Sequence[Any] = ()
    check_marks: Mapping[str, Sequence[int]] | None = None
    mappings: Mapping[str, Sequence[Any]] | None = None  # how, back, ahead
    asset: str = ""  # of a check
    severity: str = "error"
    whole_table: bool = False
    retry: Sequence[Any] = ()  # the fields of a Retry
    timeout_s: float | None = None
    family: str = ""  # of several assets of one function: file and function
    kept: Mapping[str, Plain] | None = None  # unique_key, strategy ... as the decorator says them
    kept_marks: Mapping[str, Sequence[int]] | None = None
    asks: bool = False  # it looks at what is there already
    files: Sequence[Named] = ()  # paths and patterns that its SQL reads
    paths: Sequence[Named] = ()  # that it asks the context for
    written: Sequence[str] = ()  # paths of its files; * stands for what is computed
    path: str = ""  # what the decorator says of it
    resources: Mapping[str, str] | None = None  # parameter -> the class that its annotation names
    config: Sequence[FieldSaid] = ()  # parameters with a default
    auto: Plain = None  # as under `auto:`
    auto_marks: Mapping[str, Sequence[int]] | None = None


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """What a property file could have said, with the places of its keys. JSON all the way down."""

    section: str
    keys: Mapping[str, Plain]  # with its name
    file: str
    marks: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class FoundResource:
    """A resource that a file binds. `identity`: the file and name of its class or function."""

    name: str
    identity: str
    file: str
    at: Place
    description: str = ""
    retry: Sequence[Any] = ()
    fields: Sequence[FieldSaid] = ()
    is_given: bool = False  # a thing that is there already: nothing configures it


@dataclass(frozen=True, slots=True)
class FoundSensor:
    """A @sensor function, as its decorator and its text say. JSON all the way down."""

    name: str
    function: str
    file: str
    at: Place
    parameters: Sequence[str]  # but for `context`
    takes_context: bool
    job: str
    select: Sequence[str]
    exclude: Sequence[str]
    every_s: float
    timeout_s: float | None
    description: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class FoundSql:
    """A SELECT that a call declares: its text, or the path of a file that holds it. JSON all the way."""

    name: str
    sql: str | None
    path: str | None
    file: str
    spot: Sequence[Any]  # line, column, indent, exact: where the text begins, or the call stands
    keys: Mapping[str, Plain]
    marks: Mapping[str, Sequence[int]]
    names: Mapping[str, Plain]
    partition: Sequence[Any] | None = None
    secret: bool = False  # it may hold a value of the environment


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a file declares, and what is wrong with it."""

    found: tuple[Found, ...]
    problems: tuple[Problem, ...] = ()
    entries: tuple[FoundEntry, ...] = ()
    resources: tuple[FoundResource, ...] = ()
    sensors: tuple[FoundSensor, ...] = ()
    queries: tuple[FoundSql, ...] = ()


def known_modules(root: str, path: str) -> dict[str, Module]:
    """Modules by file, as an earlier reading of this file left them."""
    entry = _load(root, path) or {}
    return {
        file: Module(name, file, sha, tuple(i)) for name, file, sha, i in entry.get("modules", [])
    }


def load_contents(unit: Unit, dialect: str) -> Contents | None:
    """What was learned from exactly these texts, or None."""
    entry = _load(unit.root, unit.module.file)
    if entry is None or entry["key"] != _key(unit, dialect):
        return None
    return contents_again(entry)


def save_contents(unit: Unit, dialect: str, contents: Contents) -> None:
    """Keep it, all or nothing. What JSON cannot say, and a folder that cannot be written, is no fault."""
    modules = [[m.name, m.file, m.sha, m.imports] for m in (unit.module, *unit.reached.values())]
    entry = {
        "key": _key(unit, dialect),
        "modules": modules,
        **plain_contents(contents),
    }
    path = _path(unit.root, unit.module.file)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        text = json.dumps(entry, separators=(",", ":"))
        if not comes_back(entry, json.loads(text)):
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except (OSError, TypeError, ValueError, RecursionError):
        return


def plain_contents(contents: Contents) -> dict[str, Any]:
    return {
        "found": [asdict(each) for each in contents.found],
        "entries": [asdict(each) for each in contents.entries],
        "resources": [asdict(each) for each in contents.resources],
        "sensors": [asdict(each) for each in contents.sensors],
        "queries": [asdict(each) for each in contents.queries],
        "problems": [asdict(problem) for problem in contents.problems],
    }


def contents_again(plain: Mapping[str, Any]) -> Contents:
    """The inverse of `plain_contents`, also after JSON."""
    return Contents(
        tuple(Found(**each) for each in plain["found"]),
        tuple(_problem(each) for each in plain["problems"]),
        tuple(FoundEntry(**each) for each in plain["entries"]),
        tuple(FoundResource(**each) for each in plain["resources"]),
        tuple(FoundSensor(**each) for each in plain["sensors"]),
        tuple(FoundSql(**each) for each in plain["queries"]),
    )


def comes_back(said: Mapping[str, Any], again: Mapping[str, Any]) -> bool:
    """Whether JSON gave back what it was told: a number as a key comes back as text."""
    return all(
        again[key] == _listed(said[key])
        for key in ("found", "entries", "resources", "sensors", "queries")
    )


def _listed(value: Any) -> Any:
    """Tuples as lists, which is all that JSON knows."""
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    return value


def _load(root: str, path: str) -> dict[str, Any] | None:
    try:
        with open(_path(root, path), "rb") as stream:
            entry = json.loads(stream.read())
        complete = isinstance(entry, dict) and {*PARTS} <= set(entry)
    except (OSError, ValueError, RecursionError):
        return None
    return entry if complete else None


def _path(root: str, path: str) -> str:
    relative = os.path.relpath(path, root)
    return os.path.join(root, FOLDER, hashed(relative)[:24] + ".json")


def _key(unit: Unit, dialect: str) -> str:
    """`ast` writes code a little differently in each Python: its version belongs to the key."""
    python = ".".join(map(str, sys.version_info[:2]))
    files = sorted(f"{m.name} {m.file}" for m in unit.reached.values())
    return hashed(
        "\n".join([str(FORMAT), str(FACTS_VERSION), python, dialect, unit.digest, *files])
    )


def _problem(plain: Mapping[str, Any]) -> Problem:
    at = Location(**plain["at"]) if plain["at"] else None
    others = tuple(Location(**other) for other in plain["others"])
    severity = Severity(plain["severity"])
    return Problem(plain["code"], plain["message"], at, plain["hint"], severity, others)
