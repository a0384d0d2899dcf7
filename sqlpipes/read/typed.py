"""A plain value of YAML + the type that a field wants -> the typed value, or what is wrong and where.

msgspec converts; what it says is put into words that name the field, and placed in the user's file.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions.secret import Secret
from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.read.marked import Node, escaped

SAID = re.compile(r"(?s)(.*?)(?: - at `(key in )?\$(.*)`)?")
STEP = re.compile(r"\[\.\.\.\]|\[(\d+)\]|\.([^.\[]+)")
EXPECTED = re.compile(r"Expected `(.+)`, got `(.+)`")
MISSING = re.compile(r"Object missing required field `(.+)`")
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
    "date": "a date such as 2024-01-31",
    "datetime": "a time such as 2024-01-31T08:00:00",
}
INVALID = {  # the first that is in what is said
    "datetime": "a time such as 2024-01-31T08:00:00",
    "date": "a date such as 2024-01-31",
    "time": "a time of day such as 08:00:00",
    "duration": "a duration such as PT30S",
    "UUID": "a UUID",
    "decimal": "a number",
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a value, without the field's name; `node` is where, below the field."""

    node: Node
    message: str  # begins with "must be" or the like
    hint: str | None = None


def converted(node: Node, wanted: Any) -> tuple[Any, list[Wrong]]:
    """The typed value, and all that is wrong. Text that spells a number is one where one is wanted.

    Raises TypeError for a type that no text can be made into.
    """
    import msgspec

    if strange := list(_strange(node, wanted)):
        return None, strange
    try:
        return msgspec.convert(node.value, wanted, strict=False, dec_hook=own_type), []
    except msgspec.ValidationError as error:
        return None, [_wrong(str(error), node, wanted)]


def own_type(wanted: Any, value: Any) -> Any:
    """What msgspec does not know. ValueError becomes its ValidationError."""
    if wanted is Secret:
        if not isinstance(value, str):
            raise ValueError("a secret is text: put it in quotes")
        return Secret(value)
    if getattr(wanted, "__module__", "").startswith("pathlib") and isinstance(value, str):
        return wanted(value)
    name = getattr(wanted, "__name__", str(wanted))
    raise TypeError(f"nothing that a file can say becomes {name}")


def _wrong(said: str, node: Node, wanted: Any) -> Wrong:
    found = SAID.fullmatch(said)
    assert found is not None
    text, path = found[1], found[3] or ""
    place = _below(node, path)
    if missing := MISSING.fullmatch(text):
        return Wrong(place, f"lacks '{missing[1]}'")
    if expected := EXPECTED.fullmatch(text):
        wants, got = _words(expected[1]), _words(expected[2])
        is_text = expected[1] == "str" and expected[2] in ("int", "float")
        got = "a fraction" if (expected[1], expected[2]) == ("int", "float") else got
        hint = "put it in quotes" if is_text else None
        return Wrong(place, f"must be {wants}, not {got}", hint)
    if text.startswith("Invalid enum value"):
        known = list(choices(wanted))
        near = did_you_mean(str(place.value), known) if known else None
        return Wrong(place, f"must be one of {', '.join(known)}" if known else "is unknown", near)
    for kind, words in INVALID.items():
        if text.startswith("Invalid") and kind in text:
            return Wrong(place, f"must be {words}")
    return Wrong(place, f"is refused: {text}")


def _words(said: str) -> str:
    """
    >>> _words("int | null"), _words("array")
    ('a whole number or empty', 'a list')
    """
    return " or ".join(WORDS.get(part, part) for part in said.split(" | "))


def _below(node: Node, path: str) -> Node:
    """The node that msgspec's path names; `[...]` is some key or member, which it does not tell."""
    for step in STEP.finditer(path):
        key = step[1] or step[2]
        if key is None:
            break
        value = node.value
        inner: Plain = None
        if isinstance(value, dict):
            inner = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            inner = value[int(key)]
        node = Node(node.file, node.marks, f"{node.path}/{escaped(key)}", inner)
    return node


def choices(wanted: Any) -> Iterator[str]:
    """The values of a Literal or an Enum, also inside of other types."""
    import enum

    if typing.get_origin(wanted) is typing.Literal:
        yield from (str(value) for value in typing.get_args(wanted))
    elif isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        yield from (str(member.value) for member in wanted)
    else:
        for part in typing.get_args(wanted):
            yield from choices(part)


def _strange(node: Node, wanted: Any) -> Iterator[Wrong]:
    """Keys below that no field has, which msgspec would pass over."""
    wanted = _unless_none(wanted)
    if fields := fields_of(wanted):
        for key, below in node.entries():
            if key in fields:
                yield from _strange(below, fields[key])
            else:
                hint = did_you_mean(key, fields) or f"it has {', '.join(fields)}"
                yield Wrong(below, f"has no '{key}'", hint)
        return
    parts = typing.get_args(wanted)
    if isinstance(node.value, list) and len(parts) in (1, 2):
        for item in node.items():
            yield from _strange(item, parts[0])
    elif isinstance(node.value, dict) and typing.get_origin(wanted) in (dict, Mapping):
        for _, below in node.entries():
            yield from _strange(below, parts[1])
    elif isinstance(node.value, dict):
        inner = [part for part in parts if fields_of(part)]
        if len(inner) == 1:
            yield from _strange(node, inner[0])


def _unless_none(wanted: Any) -> Any:
    """The one type that a field may have beside None.

    >>> _unless_none(dict[str, int] | None), _unless_none(typing.Annotated[int, "big"])
    (dict[str, int], <class 'int'>)
    """
    if typing.get_origin(wanted) is typing.Annotated:
        return _unless_none(typing.get_args(wanted)[0])
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(wanted) if part is not type(None)]
        return _unless_none(parts[0]) if len(parts) == 1 else wanted
    return wanted


def fields_of(wanted: Any) -> dict[str, Any]:
    """Field -> type of a dataclass, msgspec.Struct or TypedDict; nothing for any other type."""
    if not isinstance(wanted, type):
        return {}
    if typing.is_typeddict(wanted):
        return dict(hints_of(wanted))
    if is_dataclass(wanted) or hasattr(wanted, "__struct_fields__"):
        hints = hints_of(wanted)
        names: tuple[str, ...] = getattr(wanted, "__struct_fields__", ()) or tuple(
            getattr(wanted, "__dataclass_fields__", ())
        )
        return {name: hints.get(name, Any) for name in names}
    return {}


def filled_types(made: Any) -> dict[str, Any]:
    """Name -> type of what a class or function is called with; what has no annotation is missing."""
    if isinstance(made, type):
        return fields_of(made) or dict(hints_of(vars(made).get("__init__", made)))
    return dict(hints_of(made))


def hints_of(given: Callable[..., Any] | type) -> Mapping[str, Any]:
    """Name -> type; an annotation that cannot be evaluated is left as it is written."""
    import inspect

    plain = given if isinstance(given, type) else inspect.unwrap(given)
    try:
        return typing.get_type_hints(plain)
    except Exception:  # any code may stand in an annotation
        return dict(getattr(plain, "__annotations__", {}))


def problem_of(wrong: Wrong, code: str, what: str) -> Problem:
    """The problem that it is; `what` names the field: "'port' of resource 'api'"."""
    at = wrong.node.at if wrong.node.file else None
    key_fault = wrong.message.startswith("has no")
    if key_fault and wrong.node.file:
        at = wrong.node.key_at
    return Problem(code, f"{what} {wrong.message}", at, wrong.hint)
