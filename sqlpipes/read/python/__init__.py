"""A user's .py file -> the Assets, Checks, resources and entries that it declares, and what is wrong with it.

The file is imported when it, or a file of the project that it reaches, has changed; else what was
learned the last time is taken, so a list of assets never pays for what the user's code imports.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from sqlpipes.core.asset import Asset, Check
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.core.sensor import Sensor
from sqlpipes.read.ground import Ground
from sqlpipes.read.marked import Node
from sqlpipes.read.observers import Observer
from sqlpipes.read.python.assets import (
    asset_of,
    check_of,
    loader,
    named_observers,
    observer_of,
)
from sqlpipes.read.python.found import (
    Contents,
    Found,
    FoundEntry,
    FoundResource,
    FoundSql,
    known_modules,
    load_contents,
    save_contents,
)
from sqlpipes.read.python.modules import Unit, read_unit
from sqlpipes.read.python.sensors import sensor_of

__all__ = ["PythonFile", "entry_node", "read_python"]


@dataclass(frozen=True, slots=True)
class ReadResource:
    """A resource as a file has it. `load` gives what makes it, with the project's imports at hand."""

    found: FoundResource
    load: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class PythonFile:
    """What one file declares. `checks` are @check functions; an asset's own checks are in the asset.

    `entries` are what a property file says as well, by section: `sources` ... `observers` are functions
    that say which version of a source there is.
    """

    assets: tuple[Asset, ...]
    checks: tuple[Check, ...]
    entries: tuple[tuple[str, Node], ...]
    queries: tuple[FoundSql, ...]
    problems: tuple[Problem, ...]
    resources: tuple[ReadResource, ...] = ()
    observers: tuple[Observer, ...] = ()
    sensors: tuple[Sensor, ...] = ()


def read_python(path: str, ground: Ground) -> PythonFile:
    """Never raises for a fault in the user's code: PYT001 says which of the user's lines raised."""
    root, path = os.path.abspath(ground.root), os.path.abspath(path)
    contents = _contents(path, root, ground.config.dialect)
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    problems = list(contents.problems)
    assets = [
        _asset(found, path, relative, ground, problems)
        for found in contents.found
        if found.kind == "asset"
    ]
    checks = [
        check_of(found, loader(path, root, partial(_function, found.kind, found.name)))
        for found in contents.found
        if found.kind == "check"
    ]
    entries = tuple((found.section, entry_node(found)) for found in contents.entries)
    resources = tuple(
        ReadResource(each, loader(path, root, partial(_resource, each.name)))
        for each in contents.resources
    )
    observers = [
        observer_of(found, loader(path, root, partial(_function, found.kind, found.name)))
        for found in contents.found
        if found.kind == "observe"
    ]
    observers += named_observers([at for section, at in entries if section == "sources"], root)
    sensors = tuple(
        sensor_of(found, loader(path, root, partial(_sensor, found.name)))
        for found in contents.sensors
    )
    return PythonFile(
        tuple(assets),
        tuple(checks),
        tuple(entries),
        contents.queries,
        tuple(problems),
        resources,
        tuple(observers),
        sensors,
    )


def entry_node(found: FoundEntry) -> Node:
    marks = {at: list(mark) for at, mark in found.marks.items()}
    return Node(found.file, marks, "", dict(found.keys))


def _asset(
    found: Found, path: str, relative: str, ground: Ground, problems: list[Problem]
) -> Asset:
    load = loader(path, ground.root, partial(_function, found.kind, found.name))
    return asset_of(found, relative, ground, load, problems)


def _contents(path: str, root: str, dialect: str) -> Contents:
    from sqlpipes.read.python.failures import import_problem

    try:
        unit = read_unit(path, root, known_modules(root, path))
    except (OSError, SyntaxError) as fault:
        return Contents((), (import_problem(fault, path, root),))
    return load_contents(unit, dialect) or _imported(unit, dialect)


def _imported(unit: Unit, dialect: str) -> Contents:
    from sqlpipes.read.python.declared import contents_of, is_said_by_text
    from sqlpipes.read.python.failures import import_problem
    from sqlpipes.read.python.importing import load_module
    from sqlpipes.read.python.texts import Texts

    try:
        module = load_module(unit)
    except KeyboardInterrupt:
        raise
    except BaseException as fault:  # SystemExit too: a module that exits is at fault
        return Contents((), (import_problem(fault, unit.module.file, unit.root),))
    texts = Texts(unit)
    contents = contents_of(module, texts, dialect)
    sound = not any(problem.is_error for problem in contents.problems)
    if sound and is_said_by_text(contents, module, texts):
        save_contents(unit, dialect, contents)
    return contents


def _resource(name: str, module: ModuleType) -> Any:
    from sqlpipes.read.python.resources import resource_named

    return resource_named(module, name)


def _function(kind: str, name: str, module: ModuleType) -> Any:
    from sqlpipes.read.python.members import declared_as

    return declared_as(module, kind, name).function


def _sensor(name: str, module: ModuleType) -> Any:
    from sqlpipes.read.python.members import sensor_named

    return sensor_named(module, name).function
