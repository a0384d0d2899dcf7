"""A component's attributes and the environment -> the texts in them that nobody is to see.

A Secret is one by its type. What comes from env_var is one when its variable, or a key that it stands
under, has the name of one: masking all of it would hide half a log behind the name of a region.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from sqlpipes.core.config import Plain
from sqlpipes.core.definitions import named_secret
from sqlpipes.read.braces import fill
from sqlpipes.read.components.needs import ENV_VAR
from sqlpipes.read.components.wanted import Wanted
from sqlpipes.read.marked import Node

HIDING = frozenset(
    {"headers", "env", "url", "dsn"}
)  # keys under which all that comes from outside is one
OF_URL = r"(?i)(^|_)(url|uri|dsn)$"
PASSWORD = r"://[^/@]*?:([^/@]+)@"


def secrets_of(wanted: Wanted, fields: Collection[str], asked: Iterable[str]) -> Iterator[str]:
    """`fields`: attributes whose type has a Secret; `asked`: variables that `build` asked for."""
    environ = wanted.names.environ
    for key, below in wanted.node.entries():
        if key in fields:
            yield from _texts(fill(below, wanted.names, []).value)
    names = {name for name in asked if _is_named(name)} | set(_named(wanted.node))
    for name in sorted(names):
        if value := environ.get(name):
            yield value
            yield from re.findall(PASSWORD, value)


def _is_named(name: str) -> bool:
    return named_secret(name) or re.search(OF_URL, name) is not None


def _named(node: Node, *, hiding: bool = False) -> Iterator[str]:
    """Variables in braces, by their own name or by a key above them."""
    hiding = hiding or node.key in HIDING or named_secret(node.key)
    if isinstance(node.value, str):
        names = re.findall(ENV_VAR, node.value) if "env_var" in node.value else []
        yield from (name for name in names if hiding or _is_named(name))
    below = node.items() if isinstance(node.value, list) else (each for _, each in node.entries())
    for each in below:
        yield from _named(each, hiding=hiding)


def _texts(value: Plain) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)
