"""What the project file and the profile say under `resources:` -> each resource's values, and faults.

Names are compared whenever a project is read, types when a resource is wanted: that imports its class.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, did_you_mean
from sqlpipes.core.hiding import hidden_in
from sqlpipes.read.braces import Names, fill
from sqlpipes.read.marked import Node

if TYPE_CHECKING:
    from sqlpipes.core.resource import ResourceField

VARIABLE = re.compile(r"\{\{\s*env_var\(\s*['\"]([^'\"]+)['\"]\s*\)\s*(?:\|\s*\w+\s*)?\}\}")


@dataclass(frozen=True, slots=True)
class Said:
    """Field -> what configures it, the target's word before the project's. `at`: each section's node."""

    fields: Mapping[str, Node] = field(default_factory=dict, repr=False)
    nodes: tuple[Node, ...] = field(default=(), repr=False)

    def missing(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Environment variables that are named without a default, and are not set."""
        named = (name for node in self.fields.values() for name in _variables(node.value))
        return tuple(dict.fromkeys(name for name in named if name not in environ))


def said_of(layers: Sequence[Node | None], problems: list[Problem]) -> dict[str, Said]:
    """Resource -> what is said of it; layers from weak to strong, key by key."""
    fields: dict[str, dict[str, Node]] = {}
    nodes: dict[str, list[Node]] = {}
    for layer in layers:
        for name, below in layer.entries() if layer else ():
            own = fields.setdefault(name, {})
            nodes.setdefault(name, []).append(below)
            if not isinstance(below.value, (dict, type(None))):
                message = f"the resource '{name}' is configured by a mapping of its fields"
                problems.append(Problem("RES002", message, below.at, _example(name)))
            own.update(below.entries())
    return {name: Said(fields[name], tuple(nodes[name])) for name in fields}


def strangers(said: Mapping[str, Said], known: Sequence[str]) -> Iterator[Problem]:
    """RES001 for what is configured and is no resource."""
    for name, own in said.items():
        if name not in known:
            hint = did_you_mean(name, known) or (
                f"there are {', '.join(sorted(known))}"
                if known
                else "put @resource above its class"
            )
            at = own.nodes[0].key_at if own.nodes[0].file else None
            yield Problem("RES001", f"there is no resource '{name}'", at, hint)


def strange_fields(
    name: str, said: Said, fields: Sequence[ResourceField], given: bool
) -> Iterator[Problem]:
    """RES002 for keys that are no field that a text can fill."""
    known = {each.name: each for each in fields}
    for key, node in said.fields.items():
        if given:
            hint = "list its class instead of the thing itself: then it is configured"
            message = f"the resource '{name}' is made in Python: it takes no configuration"
            yield Problem("RES002", message, node.key_at, hint)
        elif key not in known:
            free = [each.name for each in fields if not each.needs]
            hint = did_you_mean(key, free) or (
                f"it has {', '.join(free)}" if free else "it has no fields"
            )
            yield Problem("RES002", f"the resource '{name}' has no '{key}'", node.key_at, hint)
        elif (needs := known[key].needs) is not None:
            message = f"'{key}' of the resource '{name}' is the resource '{needs}'"
            yield Problem(
                "RES002", message, node.key_at, f"configure '{needs}', and leave this out"
            )


def typed_values(
    name: str,
    said: Said,
    fields: Sequence[ResourceField],
    names: Names,
    load: Callable[[], Any],
) -> Mapping[str, Any]:
    """The fields that are configured, typed. ProjectError with all that is wrong or missing."""
    from sqlpipes.read.typed import converted, filled_types, problem_of

    problems: list[Problem] = []
    own = {each.name: each for each in fields if not each.needs}
    missing = [each for each in own.values() if each.required and each.name not in said.fields]
    problems += [_unset(name, each) for each in missing]
    hints = filled_types(inspect.unwrap(load()))
    values: dict[str, Any] = {}
    for key, node in said.fields.items():
        if key not in own:
            continue  # told by strange_fields
        before = len(problems)
        filled = fill(node, names, problems)
        if len(problems) > before:
            continue
        what = f"'{key}' of the resource '{name}'"
        try:
            values[key], wrong = converted(filled, hints.get(key, Any))
        except TypeError as error:
            message = f"{what} is of a type that no configuration can fill: {own[key].type}"
            problems.append(Problem("RES003", message, own[key].at, str(error)))
            continue
        problems += [problem_of(each, "RES003", what) for each in wrong]
    if problems:
        raise ProjectError(*problems)
    return values


def _unset(name: str, wanted: ResourceField) -> Problem:
    how = "\"{{ env_var('...') }}\"" if wanted.secret else "..."
    hint = f"in the profile's output, or the project file: resources: {{{name}: {{{wanted.name}: {how}}}}}"
    message = f"the resource '{name}' needs '{wanted.name}', which is configured nowhere"
    return Problem("RES004", message, wanted.at, hint)


def _example(name: str) -> str:
    return f"for example `{name}: {{url: ...}}`"


def _variables(value: Plain) -> Iterator[str]:
    if isinstance(value, str):
        yield from VARIABLE.findall(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _variables(item)
    elif isinstance(value, list):
        for item in value:
            yield from _variables(item)


def unless_secret(facts: dict[str, Any], key: str) -> dict[str, Any]:
    """Facts about a file, marked as not to be kept when a secret may stand under a `resources:`, or
    stands anywhere else, such as in a URL."""
    value = facts.get(key)
    literal = any("{{" not in text for text in hidden_in(value))
    return {**facts, "secret": True} if literal or _may_hold_secrets(value) else facts


def _may_hold_secrets(value: Plain) -> bool:
    if not isinstance(value, dict):
        return False
    own = value.get("resources")
    return _has_literal(own) or any(map(_may_hold_secrets, value.values()))


def _has_literal(value: Plain) -> bool:
    """Whether anything is written out, and not only named as an environment variable."""
    if isinstance(value, dict):
        return any(map(_has_literal, value.values()))
    if isinstance(value, list):
        return any(map(_has_literal, value))
    if isinstance(value, str):
        return VARIABLE.fullmatch(value.strip()) is None
    return value is not None and not isinstance(value, bool)
