"""`engines:` of an output -> further Targets by name, in which assets of the same graph may live."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlpipes.core.config import OWN_ENGINE, Target
from sqlpipes.core.errors import Problem
from sqlpipes.read.marked import Node

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
FORM = "for example `engines: {dw: {type: postgres, host: ...}}`, or the name of another output"

MakeTarget = Callable[[str, Node, list[Problem]], Target]
Fill = Callable[[Node, list[Problem]], Node]


def read_engines(
    node: Node,
    own: Target,
    output_named: Callable[[str], Node | None],
    fill: Fill,
    make: MakeTarget,
    problems: list[Problem],
) -> Mapping[str, Target | None]:
    """Each is an output of its own, the name of another one, or `default`: the target's own engine.

    PRF003 for what is neither, and for one database under two names. `make` is handed an output whose
    braces are not filled in: what one lacks that no asset lives on is nobody's concern.
    """
    if not isinstance(node.value, dict):
        problems.append(Problem("PRF003", "'engines' must be engines by name", node.at, FORM))
        return {}
    found: dict[str, Target | None] = {}
    for name, below in node.entries():
        if name == OWN_ENGINE or not NAME.fullmatch(name):
            what = (
                "is what the target's own engine is called" if name == OWN_ENGINE else "is no name"
            )
            problems.append(Problem("PRF003", f"'{name}' {what}", below.key_at, FORM))
            continue
        unset: list[Problem] = []
        said = fill(below, unset) if isinstance(below.value, str) else below
        if unset:  # which output it is cannot be known
            found[name] = replace(own, problems=tuple(unset))
        else:
            found[name] = _engine(name, said, output_named, make, problems)
    _refuse_twins(node, own, found, problems)
    return found


def _engine(
    name: str,
    node: Node,
    output_named: Callable[[str], Node | None],
    make: MakeTarget,
    problems: list[Problem],
) -> Target | None:
    if node.value == OWN_ENGINE:
        return None
    said: Node | None = node
    if isinstance(node.value, str):
        said = output_named(node.value)
        if said is None:
            message = (
                f"the engine '{name}' is said to be the output '{node.value}', which is not there"
            )
            problems.append(Problem("PRF003", message, node.at, FORM))
            return None
    elif not isinstance(node.value, dict):
        problems.append(Problem("PRF003", f"the engine '{name}' must be an output", node.at, FORM))
        return None
    assert said is not None
    return make(name, said, problems)


def _refuse_twins(
    node: Node, own: Target, found: Mapping[str, Target | None], problems: list[Problem]
) -> None:
    """Two connections to one file would not see each other's locks."""
    seen = {_where(own): OWN_ENGINE}
    for name, target in found.items():
        if target is None or target.problems:
            continue
        other = seen.setdefault(_where(target), name)
        if other != name:
            at = next((below.key_at for key, below in node.entries() if key == name), node.at)
            message = f"the engines '{name}' and '{other}' are one database"
            hint = (
                f"`{name}: {OWN_ENGINE}` says that it is the target's own"
                if other == OWN_ENGINE
                else None
            )
            problems.append(Problem("PRF003", message, at, hint))


def _where(target: Target) -> str:
    """What tells two databases apart; one in memory is always another one."""
    address = {k: v for k, v in target.options.items() if k not in ("settings", "resources")}
    if address.get("path") == ":memory:":
        return target.name
    return repr((target.engine, sorted((k, repr(v)) for k, v in address.items())))
