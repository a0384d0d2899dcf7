"""A user's imported module -> the resources that it binds, as plain values."""

from __future__ import annotations

import ast
import inspect
import os
from dataclasses import astuple
from functools import partial
from types import ModuleType
from typing import Any

from sqlpipes.core.definitions import NamedResource, resource_definition
from sqlpipes.core.errors import Location
from sqlpipes.read.python.fields import home_of, identity_of, resource_fields
from sqlpipes.read.python.found import FoundResource
from sqlpipes.read.python.members import flat, lists_of
from sqlpipes.read.python.modules import Unit
from sqlpipes.read.python.source import Function, Text
from sqlpipes.read.python.texts import Texts


def resources_of(module: ModuleType, texts: Texts) -> list[FoundResource]:
    """What its Definitions list, else all that it binds to a name: also what it only imports, as a
    resource may stand outside of the model folders."""
    return [found_resource(each, texts) for each in bound_resources(module)]


def bound_resources(module: ModuleType) -> list[Any]:
    lists = lists_of(module)
    listed = [item for whole in lists for item in whole.resources]
    every = listed if lists else [item for value in vars(module).values() for item in flat(value)]
    found: list[Any] = []
    for item in every:
        if resource_definition(item) is not None and not any(item is other for other in found):
            found.append(item)
    return found


def resource_named(module: ModuleType, name: str) -> Any:
    """What is called to make it: a class, a function, or a call that gives what is there already.

    LookupError when the module has none of that name (any more).
    """
    for item in bound_resources(module):
        definition = resource_definition(item)
        if definition is not None and definition.name == name:
            return maker_of(item)
    raise LookupError(f"{module.__name__} declares no resource '{name}'")


def maker_of(item: Any) -> Any:
    """The class or function; of what is there already, a call that gives it."""
    made = inner_of(item)
    return partial(_itself, made) if is_given(item) else made


def _itself(given: Any) -> Any:
    return given


def inner_of(item: Any) -> Any:
    """The class, the plain function, or the thing that is given."""
    while isinstance(item, NamedResource):
        item = item.given
    return getattr(item, "function", item) if resource_definition(item) else item


def is_given(item: Any) -> bool:
    """Whether it is there already, so that nothing makes it."""
    return isinstance(item, NamedResource) and resource_definition(item.given) is None


def found_resource(item: Any, texts: Texts) -> FoundResource:
    definition = resource_definition(item)
    assert definition is not None
    made = inner_of(item)
    known = type(made) if is_given(item) else inspect.unwrap(made)
    root = texts.unit.root
    file = home_of(known, root)
    absolute = os.path.join(root, file)
    text = texts.of(absolute) if os.path.isfile(absolute) else None
    at = _place(known, text) if text else Location(file)
    given = is_given(item)
    fields = [] if given else resource_fields(known, text, root, at)
    if isinstance(item, NamedResource):
        at = _listed_at(definition.name, texts.own)
    return FoundResource(
        name=definition.name,
        identity=identity_of(known, root),
        file=at.file,
        at=[at.line, at.column, at.length],
        description=definition.description or _documented(known, given),
        retry=list(astuple(definition.retry)),
        fields=fields,
        is_given=given,
    )


def _documented(known: Any, given: bool) -> str:
    """Its own docstring; dataclasses write one of their own, which says nothing."""
    said = "" if given else inspect.cleandoc(vars(known).get("__doc__") or known.__doc__ or "")
    return "" if said.startswith(f"{known.__name__}(") else said


def _place(known: Any, text: Text) -> Location:
    for node in ast.walk(text.tree):
        named = isinstance(node, (Function, ast.ClassDef)) and node.name == known.__name__
        if isinstance(node, Function) and named:
            return text.name_at(node)
        if isinstance(node, ast.ClassDef) and named:
            line = text.lines[node.lineno - 1]
            return Location(
                text.file, node.lineno, line.find(node.name, node.col_offset) + 1, len(node.name)
            )
    return Location(text.file)


def _listed_at(name: str, text: Text) -> Location:
    """Where a list of Definitions names it."""
    for node in ast.walk(text.tree):
        if isinstance(node, ast.Constant) and node.value == name:
            return text.at(node, len(name) + 2)
    return Location(text.file)


def own_names(unit: Unit, module: ModuleType) -> list[str]:
    """The names of the classes and functions of resources that stand in the file itself."""
    plain = [
        inspect.unwrap(inner_of(each)) for each in bound_resources(module) if not is_given(each)
    ]
    file = os.path.abspath(unit.module.file)
    return [
        each.__name__
        for each in plain
        if os.path.abspath(os.path.join(unit.root, home_of(each, unit.root))) == file
    ]
