"""`overrides:` of a component: per asset, or per pattern of names, what is changed after the fact."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import wrong

MAGIC = "*?["


def overrides_of(
    node: Node | None, made: Collection[str], problems: list[Problem]
) -> dict[str, list[Node]]:
    """Asset -> the keys that are said of it, patterns first: a whole name counts more than a pattern.

    CMP007 for what names no asset that the component makes.
    """
    found: dict[str, list[Node]] = {}
    if node is None:
        return found
    if not isinstance(node.value, dict):
        problems.append(wrong(node, "a mapping of asset names to their keys"))
        return found
    for key, below in sorted(node.entries(), key=lambda entry: not _is_pattern(entry[0])):
        names = [n for n in made if n == key or (_is_pattern(key) and fnmatchcase(n, key))]
        if not names:
            problems.append(_nobody(key, below, made))
        elif below.value is not None and not isinstance(below.value, dict):
            problems.append(wrong(below, "a mapping such as {owner: me}"))
        else:
            problems += _not_after_the_fact(below)
            for name in names:
                found.setdefault(name, []).append(below)
    return found


def _not_after_the_fact(node: Node) -> list[Problem]:
    """What cannot be said of an asset that is made already."""
    message = "an override does not rename an asset"
    hint = "its name is what the component's attributes make of it"
    return [
        Problem("CMP007", message, below.key_at, hint)
        for key, below in node.entries()
        if key == "name"
    ]


def _is_pattern(key: str) -> bool:
    return any(sign in key for sign in MAGIC)


def _nobody(key: str, node: Node, made: Collection[str]) -> Problem:
    hint = did_you_mean(key, made) or (f"it makes {', '.join(sorted(made)[:8])}" if made else None)
    return Problem("CMP007", f"'{key}' is no asset of this component", node.key_at, hint)
