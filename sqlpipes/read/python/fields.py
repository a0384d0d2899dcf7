"""The parameters of a user's function, or the fields of a class -> their names, types and places.

What configuration may fill: the parameters of an asset that have a default, and all of a resource.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from sqlpipes.core.definitions import Secret, resource_definition
from sqlpipes.core.errors import Location
from sqlpipes.read.python.found import FieldSaid, Place
from sqlpipes.read.python.handles import CONTEXT
from sqlpipes.read.python.source import Function, Text, parameters_at
from sqlpipes.read.typed import filled_types, hints_of

BARE = inspect.Parameter.empty


def config_fields(
    function: Callable[..., Any], text: Text, node: Function | None, at: Place
) -> list[FieldSaid]:
    """The parameters with a default that take a plain value."""
    hints = hints_of(function)
    places = parameters_at(text, node) if node is not None else {}
    found: list[FieldSaid] = []
    for name, parameter in inspect.signature(function).parameters.items():
        wanted = wanted_type(name, parameter, hints)
        if parameter.default is BARE or name == CONTEXT or resource_class(wanted) is not None:
            continue
        place = places.get(name, Location(text.file, *at))
        found.append(_said(name, wanted, place, default=parameter.default))
    return found


def wanted_type(name: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    """The annotation; without one the type of a plain default, else anything."""
    if name in hints:
        return hints[name]
    if type(parameter.default) in (bool, int, float, str, list, dict):
        return type(parameter.default)
    return Any


def resource_classes(function: Callable[..., Any], root: str) -> dict[str, str]:
    """Parameter -> the identity of the resource class that its annotation names."""
    hints = hints_of(function)
    asked = (
        (name, resource_class(hints.get(name))) for name in inspect.signature(function).parameters
    )
    return {name: identity_of(each, root) for name, each in asked if each is not None}


def resource_class(wanted: Any) -> type | None:
    """The resource class that a type names, also `Api | None` and Annotated."""
    if isinstance(wanted, type) and resource_definition(wanted) is not None:
        return wanted
    parts = [part for part in typing.get_args(wanted) if part is not type(None)]
    return resource_class(parts[0]) if parts and not isinstance(wanted, type) else None


def resource_fields(made: Any, text: Text | None, root: str, at: Location) -> list[FieldSaid]:
    """All that a resource's class or function is filled with."""
    places = _places(made, text)
    hints, signature = filled_types(made), inspect.signature(made).parameters
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    wanted = {
        name: wanted_type(name, each, hints)
        for name, each in signature.items()
        if each.kind not in several
    }
    return [
        _said(
            name,
            hint,
            places.get(name, at),
            default=signature[name].default,
            needs=identity_of(needed, root) if (needed := resource_class(hint)) else "",
            bare=name not in hints,
        )
        for name, hint in wanted.items()
    ]


def identity_of(given: Any, root: str) -> str:
    """The file and name of a class or function, the same however it was imported."""
    return f"{home_of(given, root)}:{given.__qualname__}"


def home_of(given: Any, root: str) -> str:
    """The file that it stands in, relative to the project where it lies inside."""
    module = sys.modules.get(given.__module__)
    file = getattr(module, "__file__", None) or getattr(
        getattr(given, "__code__", None), "co_filename", given.__module__
    )
    relative = os.path.relpath(file, root).replace(os.sep, "/")
    return file if relative.startswith("../") else relative


def _said(
    name: str, wanted: Any, at: Location, *, default: Any, needs: str = "", bare: bool = False
) -> FieldSaid:
    written = "" if bare else type_text(wanted)
    secret, place = _is_secret(wanted), (at.file, at.line, at.column, at.length)
    said = None if secret or default is BARE else _as_json(default)
    return [name, written, default is BARE, secret, needs, said, *place]


def _as_json(value: Any) -> str | None:
    """A plain value; None for any other, which JSON might spell like a plain one."""
    plain = value is None or type(value) in (bool, int, float, str, list, dict)
    try:
        return json.dumps(value, sort_keys=True) if plain else None
    except (TypeError, ValueError):
        return None


def _is_secret(wanted: Any) -> bool:
    return wanted is Secret or any(map(_is_secret, typing.get_args(wanted)))


def type_text(wanted: Any) -> str:
    """A type as people write it.

    >>> type_text(int), type_text(list[str] | None), type_text(typing.Any), type_text("Api")
    ('int', 'list[str] | None', 'Any', 'Api')
    >>> type_text(typing.Literal["a", 1])
    "Literal['a', 1]"
    """
    if isinstance(wanted, str):
        return wanted
    parts, origin = typing.get_args(wanted), typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(type_text, parts))
    if wanted is type(None):
        return "None"
    name = getattr(origin or wanted, "__name__", str(wanted))
    if not parts:
        return name
    inner = map(repr, parts) if origin is typing.Literal else map(type_text, parts)
    return f"{name}[{', '.join(inner)}]"


def _places(made: Any, text: Text | None) -> dict[str, Location]:
    """Where each field stands, as far as it stands in the file at hand."""
    if text is None:
        return {}
    for node in ast.walk(text.tree):
        if isinstance(node, Function) and node.name == made.__name__ and not isinstance(made, type):
            return parameters_at(text, node)
        if isinstance(node, ast.ClassDef) and node.name == made.__name__ and isinstance(made, type):
            said = (each for each in node.body if isinstance(each, ast.AnnAssign))
            return {
                each.target.id: text.at(each.target, len(each.target.id))
                for each in said
                if isinstance(each.target, ast.Name)
            }
    return {}
