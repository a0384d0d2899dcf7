"""Attributes in YAML + a component's class -> an instance, or every fault at its own place."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.definitions import FieldError
from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.read.braces import Names, fill, has_braces
from sqlpipes.read.components.fields import (
    LISTS,
    Field,
    bare,
    fields_of,
    is_of_fields,
    members,
    wanted,
)
from sqlpipes.read.marked import Node
from sqlpipes.read.typed import own_type


def filled_node(node: Node, fields: list[Field], names: Names, problems: list[Problem]) -> Node:
    """The attributes with their braces evaluated, but not those of texts that keep them for later."""
    raw = {field.name for field in fields if field.is_raw}
    value: dict[str, Plain] = {}
    for key, below in node.entries():
        keep = key in raw or not has_braces(below.value)
        if key not in raw:
            problems += _statements(below)
        value[key] = below.value if keep else fill(below, names, problems).value
    return node.with_value(value)


def _statements(node: Node) -> Iterator[Problem]:
    """TPL001 for `{% %}`, which nobody would ever evaluate."""
    if isinstance(node.value, (dict, list)):
        below = node.items() if isinstance(node.value, list) else (n for _, n in node.entries())
        for each in below:
            yield from () if each.key == "description" else _statements(each)
    elif isinstance(node.value, str) and "{%" in node.value:
        hint = "`enabled: \"{{ target.name == 'prod' }}\"` leaves out a component, or one override's asset"
        yield Problem(
            "TPL001", "{% %} is not evaluated in attributes, only {{ }} is", node.at, hint
        )


def instance_of(cls: type, node: Node, at: Location, problems: list[Problem]) -> Any:
    """The class, its fields filled; None when something is wrong. `at`: where `type:` stands.

    CMP002: an attribute that it has not; CMP003: one that is missing; CMP004: a wrong value.
    """
    import msgspec

    faults = list(_object_faults(cls, node, at, cls.__name__))
    problems += faults
    if faults:
        return None
    try:
        return msgspec.convert(node.value, cls, strict=False, dec_hook=own_type)
    except msgspec.ValidationError as fault:  # of its own __post_init__, for the most
        if isinstance(fault.__cause__, FieldError):
            raise fault.__cause__ from None
        problems.append(Problem("CMP004", f"{cls.__name__}: {_plain_words(fault)}", at))
        return None


def _object_faults(cls: type, node: Node, at: Location, name: str) -> Iterator[Problem]:
    fields = {field.name: field for field in fields_of(cls)}
    given = dict(node.entries())
    for key, below in given.items():
        if key not in fields:
            hint = did_you_mean(key, fields) or f"known: {', '.join(fields)}"
            yield Problem("CMP002", f"{name} has no attribute '{key}'", below.key_at, hint)
        else:
            yield from _faults(fields[key].kind, below, key)
    for field in fields.values():
        if field.required and field.name not in given:
            hint = f"{field.doc or field.name}: {field.wanted}"
            yield Problem("CMP003", f"{name} needs the attribute '{field.name}'", at, hint)


def _faults(kind: Any, node: Node, name: str) -> Iterator[Problem]:
    parts = [part for part in members(kind) if _fits(part, node.value)]
    if len(parts) == 1:
        one = bare(parts[0])
        origin, below = typing.get_origin(one) or one, typing.get_args(one)
        if is_of_fields(one) and isinstance(node.value, dict):
            yield from _object_faults(one, node, node.at, f"'{name}'")
            return
        if origin in LISTS and isinstance(node.value, list) and below:
            for index, item in enumerate(node.items()):
                yield from _faults(below[0], item, f"{name}[{index}]")
            return
        if isinstance(node.value, dict) and len(below) == 2:
            for key, item in node.entries():
                yield from _faults(below[1], item, f"{name}.{key}")
            return
    yield from _leaf_fault(kind, node, name)


def _fits(kind: Any, value: Plain) -> bool:
    """Whether a value has the shape of a type: a mapping, a list, or a single value."""
    one = bare(kind)
    if one is Any or one is object:
        return True
    origin = typing.get_origin(one) or one
    is_mapping = is_of_fields(one) or (isinstance(origin, type) and issubclass(origin, Mapping))
    if isinstance(value, dict):
        return is_mapping
    if isinstance(value, list):
        return origin in LISTS
    return not is_mapping and origin not in LISTS


def _leaf_fault(kind: Any, node: Node, name: str) -> Iterator[Problem]:
    import msgspec

    try:
        msgspec.convert(node.value, kind, strict=False, dec_hook=own_type)
    except msgspec.ValidationError as fault:
        hint = None
        if str in members(kind) and isinstance(node.value, (bool, int, float)):
            hint = f"put it in quotes: '{node.value}'"
        elif isinstance(node.value, str) and _takes_lists(kind):
            hint = f"put it in brackets: [{node.value}]"
        elif isinstance(node.value, str):
            said_of = [each for part in members(kind) for each in typing.get_args(bare(part))]
            hint = did_you_mean(node.value, [each for each in said_of if isinstance(each, str)])
        said = str(fault)
        more = f", {said.partition(' ')[2]}" if said.startswith("Expected") and "=" in said else ""
        message = f"'{name}' must be {wanted(kind)}{_bound(more)}"
        yield Problem("CMP004", message, node.at, hint)


def _takes_lists(kind: Any) -> bool:
    return any((typing.get_origin(bare(each)) or bare(each)) in LISTS for each in members(kind))


def _bound(said: str) -> str:
    """
    >>> _bound(", `int` >= 1"), _bound("")
    (', >= 1', '')
    """
    head, _, rest = said.rpartition("` ")
    return f", {rest}" if head else ""


def _plain_words(fault: Exception) -> str:
    return str(fault).partition(" - at `")[0]
