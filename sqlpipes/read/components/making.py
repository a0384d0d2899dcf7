"""A component of a YAML file -> what its `build` declares, as plain values; or the functions again."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import (
    AssetFunction,
    AssetsFunction,
    Building,
    CheckFunction,
    Definitions,
    Entry,
    FieldError,
    SqlAsset,
    component_of,
)
from sqlpipes.core.errors import Location, Problem, ProjectError, Severity
from sqlpipes.core.partitions import Partitioning
from sqlpipes.read.components.catalog import Home
from sqlpipes.read.components.fields import fields_of, holds_secret
from sqlpipes.read.components.filling import filled_node, instance_of
from sqlpipes.read.components.homes import at_home, class_of, package_files, unit_of
from sqlpipes.read.components.naming import nameless
from sqlpipes.read.components.needs import Needs, env_names
from sqlpipes.read.components.places import relocated
from sqlpipes.read.components.purity import hangs_on_itself
from sqlpipes.read.components.wanted import Wanted
from sqlpipes.read.marked import Node
from sqlpipes.read.partition import partitioning
from sqlpipes.read.python.declared import contents_from
from sqlpipes.read.python.found import Contents, comes_back, plain_contents
from sqlpipes.read.python.modules import Unit
from sqlpipes.read.python.texts import Texts

FUNCTIONS = (AssetFunction, AssetsFunction, CheckFunction)
DEEPEST = 20  # components that give components


@dataclass(frozen=True, slots=True)
class Built:
    """What `build` gave. `instance` is the class with its fields filled, `node` its filled attributes."""

    unit: Unit
    instance: Any
    members: tuple[Any, ...]
    node: Node


def made_by(wanted: Wanted, lines: Callable[[], list[str]]) -> tuple[Contents, Needs, bool]:
    """What the component declares, what it looked at, and whether that may be kept. Never raises."""
    needs = Needs(wanted.root, wanted.names.environ)
    for name in env_names(wanted.node.value):
        needs.env(name)
    problems: list[Problem] = []
    built = _built(wanted, needs, problems)
    if built is None:
        return Contents((), tuple(problems)), needs, False
    with at_home(wanted.home, built.unit):
        contents = contents_from(built.members, Texts(built.unit), wanted.dialect, "CMP008")
    contents = relocated(contents, built.node, wanted.at, lines(), own=wanted.home.is_project)
    contents = _with_meaning(contents, built)
    problems += nameless(contents, built.node, wanted.at)
    if not wanted.home.is_project:
        contents = replace(contents, problems=tuple(problems))  # its own code is none of the user's
    else:
        contents = replace(contents, problems=(*problems, *contents.problems))
    contents, sound = _guarded(contents, needs)
    _note_code(wanted.home, built.unit, needs)
    return contents, needs, sound and _may_be_kept(wanted.home, built.unit)


def function_of(wanted: Wanted, kind: str, name: str) -> Any:
    """The function of an asset or check that it makes, found by building it again.

    Raises ProjectError for what is wrong by now, LookupError when it makes none of that name.
    """
    from sqlpipes.read.python.importing import with_imports
    from sqlpipes.read.python.members import definitions_of

    problems: list[Problem] = []
    built = _built(wanted, Needs(wanted.root, wanted.names.environ), problems)
    if built is None:
        raise ProjectError(*problems)
    for item in built.members:
        fits = isinstance(item, FUNCTIONS) and (kind == "check") == isinstance(item, CheckFunction)
        if fits and any(definition.name == name for definition in definitions_of(item)):
            own = wanted.home.is_project
            return with_imports(item.function, built.unit) if own else item.function
    raise LookupError(f"{wanted.home.cls} makes no {kind} '{name}'")


def _built(wanted: Wanted, needs: Needs, problems: list[Problem]) -> Built | None:
    from sqlpipes.read.python.failures import import_problem

    home = wanted.home
    try:
        unit = unit_of(home, wanted.root)
        cls = class_of(home, unit)
    except KeyboardInterrupt:
        raise
    except BaseException as fault:  # SystemExit too: a module that exits is at fault
        if home.is_project:
            problems.append(import_problem(fault, home.path, wanted.root))
        else:
            message = f"{home.module} cannot be imported: {_said(fault)}"
            problems.append(Problem("CMP005", message, wanted.at))
        return None
    with at_home(home, unit):
        return _filled_and_built(wanted, cls, unit, needs, problems)


def _filled_and_built(
    wanted: Wanted, cls: Any, unit: Unit, needs: Needs, problems: list[Problem]
) -> Built | None:
    node = wanted.node
    try:
        if component_of(cls) is None:
            raise TypeError(f"{cls.__name__} is no component: put @component above it")
        before = len(problems)
        needs.hidden = [each.name for each in fields_of(cls) if holds_secret(each.kind)]
        node = filled_node(wanted.node, fields_of(cls), wanted.names, problems)
        instance = instance_of(cls, node, wanted.at, problems)
        if instance is None or len(problems) > before:
            return None
        site = _site(wanted, node, needs, problems)
        return Built(unit, instance, tuple(_members(instance, site, wanted)), node)
    except FieldError as fault:
        at = fault.at or _field_at(node, fault.field, wanted.at)
        problems.append(Problem("CMP004", fault.message, at, fault.hint))
    except ProjectError as fault:
        problems += [p if p.at else replace(p, at=wanted.at) for p in fault.problems]
    except KeyboardInterrupt:
        raise
    except BaseException as fault:
        problems.append(_raised(fault, wanted))
    return None


def _field_at(node: Node, field: str, at: Location) -> Location:
    """Where an attribute stands, or what is below it; the nearest that is there; else the component."""
    found = None
    for part in field.split("/"):
        value = node.value
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            node = list(node.items())[int(part)]
        elif (below := dict(node.entries()).get(part)) is not None:
            node = below
        else:
            break
        found = node
    return found.at if found is not None else at


def _site(wanted: Wanted, node: Node, needs: Needs, problems: list[Problem]) -> Building:
    place = partial(_field_at, node, at=wanted.at)

    def warn(field: str, message: str, hint: str | None = None) -> None:
        problems.append(Problem("CMP011", message, place(field), hint, Severity.WARNING))

    def cut(value: Plain) -> Partitioning | None:
        faults: list[Problem] = []
        same = (below for key, below in node.entries() if below.value == value)
        found = partitioning(next(same, node.with_value(value)), faults)
        if faults:
            raise ProjectError(*faults)
        return found

    return Building(
        root=wanted.root,
        target=wanted.target.name,
        vars=wanted.names.vars,
        at=wanted.at,
        attributes=wanted.node.value if isinstance(wanted.node.value, dict) else {},
        glob=needs.glob,
        read=needs.read,
        digest=needs.digest,
        env=needs.env,
        partition=cut,
        warn=warn,
        place=place,
    )


def _members(component: Any, site: Building, wanted: Wanted, depth: int = 0) -> Iterator[Any]:
    """All that a component declares, and what components that it gives declare."""
    if depth > DEEPEST:
        raise RecursionError("components give components without end")
    name = type(component).__name__
    given = component.build(site)
    if given is None:
        raise ProjectError(_nothing(name, "nothing", wanted.at))
    single = isinstance(given, (*FUNCTIONS, Entry, SqlAsset)) or component_of(type(given))
    if not single and not isinstance(given, Definitions) and not hasattr(given, "__iter__"):
        raise ProjectError(_nothing(name, repr(given), wanted.at))
    for item in [given] if single else given:
        if isinstance(item, (*FUNCTIONS, Entry, SqlAsset)):
            yield item
        elif component_of(type(item)):
            yield from _members(item, site, wanted, depth + 1)
        else:
            raise ProjectError(_nothing(name, repr(item), wanted.at))


def _nothing(name: str, given: str, at: Location) -> Problem:
    hint = "return Definitions(assets=[...], checks=[...]), or a list of what is declared"
    message = f"build() of {name} gives {given[:80]}, which declares nothing"
    return Problem("CMP006", message, at, hint)


def _raised(fault: BaseException, wanted: Wanted) -> Problem:
    """At the user's own line, if there is one, with the component as the other place."""
    from sqlpipes.read.python.failures import innermost

    message = f"{wanted.home.name} cannot be built: {_said(fault)}"
    at = innermost(fault.__traceback__, wanted.root) if wanted.home.is_project else None
    return Problem("CMP005", message, at or wanted.at, others=(wanted.at,) if at else ())


def _said(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__


def _with_meaning(contents: Contents, built: Built) -> Contents:
    """Functions that hold the component, or what is not plain, hang on all of its fields."""
    from sqlpipes.read.python.members import definitions_of
    from sqlpipes.read.python.modules import hashed

    held = {
        definition.name: _holds_more(item.function)
        for item in built.members
        if isinstance(item, FUNCTIONS)
        for definition in definitions_of(item)
    }
    versions = {
        definition.name
        for item in built.members
        if isinstance(item, FUNCTIONS)
        for definition in definitions_of(item)
        if getattr(definition, "version", None)
    }
    found = [
        replace(each, meaning=hashed(f"{each.meaning}\n{built.instance!r}"))
        if held.get(each.name) and each.name not in versions
        else each
        for each in contents.found
    ]
    return replace(contents, found=tuple(found))


PLAIN = (bool, int, float, str, bytes, type(None))


def _holds_more(function: Any) -> bool:
    """Whether a closure holds anything but plain values, which are part of its meaning already."""
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    return any(not _is_plain(value) for value in cells)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    return isinstance(value, PLAIN)


def _guarded(contents: Contents, needs: Needs) -> tuple[Contents, bool]:
    """Whether it holds no value of the environment and JSON can say it; queries that do are marked."""
    plain = plain_contents(contents)
    try:
        text = json.dumps(plain)
    except (TypeError, ValueError, RecursionError):
        return contents, False
    secrets = [json.dumps(value)[1:-1] for value in needs.secrets]
    sound = comes_back(plain, json.loads(text)) and not any(s in text for s in secrets)
    queries = tuple(
        replace(each, secret=any(value in json.dumps(query) for value in secrets))
        for each, query in zip(contents.queries, plain["queries"], strict=True)
    )
    sound = sound and not any(problem.is_error for problem in contents.problems)
    return replace(contents, queries=queries), sound


def _note_code(home: Home, unit: Unit, needs: Needs) -> None:
    if home.is_project:
        needs.unit(unit)
    else:
        needs.files(package_files(home))


def _may_be_kept(home: Home, unit: Unit) -> bool:
    if home.origin == "built-in":
        return True
    with open(unit.module.file, "rb") as stream:
        return hangs_on_itself(ast.parse(stream.read()), home.cls)
