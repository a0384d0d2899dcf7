"""Run-time config: values for parameters that have a default -> the asset as it is built with them.

Names are compared here, and types that need no import of the user's module; the others when it is run.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from hashlib import blake2b
from typing import Any

from sqlpipes.core.asset import Asset, Option, PythonBody
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, did_you_mean
from sqlpipes.read.marked import Node

ONCE = "--config"  # the key in `settings` of what only this command sets
PLAIN: dict[str, Any] = {  # types that are known by their text
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "date": date,
    "datetime": datetime,
}


@dataclass(frozen=True, slots=True)
class Config:
    """Option -> value. `once`: those that only this command sets."""

    nodes: Mapping[str, Node]
    once: frozenset[str] = frozenset()


def configured(asset: Asset, config: Config, problems: list[Problem]) -> Asset:
    """The asset with these values, which are part of its version. What equals the default is none.

    RES012 for a name that is no parameter, RES013 for a value of the wrong type.
    """
    body = asset.body
    assert isinstance(body, PythonBody)
    options = {option.name: option for option in body.options}
    nodes: dict[str, Node] = {}
    for name, node in config.nodes.items():
        if name not in options:
            problems.append(_unknown(asset.name, name, node, options))
        elif not _has_default(options[name], node.value):
            problems += _plainly_wrong(asset.name, options[name], node)
            nodes[name] = node
    plain = {name: node.value for name, node in nodes.items()}
    unconfigured = body.unconfigured or asset.version
    now = replace(
        body,
        config=plain,
        arguments=partial(typed_arguments, asset.name, body.load, nodes),
        unconfigured=unconfigured,
    )
    settings = {k: v for k, v in asset.settings.items() if k not in ("config", ONCE)}
    if plain:
        settings["config"] = plain
    once = {name: value for name, value in plain.items() if name in config.once}
    if once:
        settings[ONCE] = once
    return replace(asset, body=now, version=_version(unconfigured, plain), settings=settings)


def _has_default(option: Option, value: Plain) -> bool:
    """Whether the value is the default, as far as that is a literal."""
    return option.default is not None and json.dumps(value, sort_keys=True) == option.default


def _version(unconfigured: str, plain: Mapping[str, Plain]) -> str:
    if not plain:
        return unconfigured
    body, _, settings = unconfigured.partition(".")
    said = f"{settings}|{json.dumps(plain, sort_keys=True, default=str)}"
    return f"{body}.{blake2b(said.encode(), digest_size=4).hexdigest()}"


def _unknown(asset: str, name: str, node: Node, options: Mapping[str, Option]) -> Problem:
    known = f"its parameters with a default are {', '.join(options)}"
    hint = did_you_mean(name, options) or (
        known if options else "none of its parameters has a default"
    )
    at = node.key_at if node.file else None
    return Problem("RES012", f"'{asset}' has no parameter '{name}' to configure", at, hint)


def _plainly_wrong(asset: str, option: Option, node: Node) -> list[Problem]:
    parts = [PLAIN.get(part) for part in option.type.split(" | ") if part != "None"]
    if len(parts) != 1 or parts[0] is None:
        return []
    wanted = parts[0] | None if "None" in option.type else parts[0]
    return _converted(asset, option.name, node, wanted)[1]


def _converted(asset: str, name: str, node: Node, wanted: Any) -> tuple[Any, list[Problem]]:
    from sqlpipes.read.typed import converted, problem_of

    what = f"'{name}' of '{asset}'"
    try:
        value, wrong = converted(node, wanted)
    except TypeError as error:
        at = node.at if node.file else None
        message = f"{what} is of a type that no configuration can give"
        return None, [Problem("RES013", message, at, str(error))]
    return value, [problem_of(each, "RES013", what) for each in wrong]


def typed_arguments(
    asset: str, load: Callable[[], Callable[..., Any]], nodes: Mapping[str, Node]
) -> Mapping[str, Any]:
    """What the function is called with. Imports it; ProjectError RES013 for what is of another type."""
    from sqlpipes.read.python.fields import wanted_type
    from sqlpipes.read.typed import hints_of

    function = inspect.unwrap(load())
    hints, parameters = hints_of(function), inspect.signature(function).parameters
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, node in nodes.items():
        wanted = wanted_type(name, parameters[name], hints)
        values[name], wrong = _converted(asset, name, node, wanted)
        problems += wrong
    if problems:
        raise ProjectError(*problems)
    return values
