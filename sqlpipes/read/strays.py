"""Entries of property files that describe nothing, or one thing twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.read.marked import Node
from sqlpipes.read.properties import Properties, entry_name


def stray_problems(
    properties: Properties, known: Collection[str], seeds: Collection[str]
) -> list[Problem]:
    """CFG005 for every entry whose asset does not exist."""
    found = []
    for section in ("models", "seeds"):
        for entry in getattr(properties, section):
            name = entry_name(entry)
            at = (entry.get("name") or entry).at
            if name not in known:
                hint = did_you_mean(name, sorted(known))
                message = f"'{section}' describes '{name}', which does not exist"
                found.append(Problem("CFG005", message, at, hint))
            elif section == "models" and name in seeds:
                hint = "move the entry to `seeds:`"
                found.append(Problem("CFG005", f"'{name}' is a seed, not a model", at, hint))
    return found


def sound_selectors(entries: Iterable[Node], problems: list[Problem]) -> dict[str, Node]:
    """By name; CFG003 for a name that stands twice, of which the first counts."""
    found: dict[str, Node] = {}
    for node in entries:
        name = entry_name(node)
        if name in found:
            message = f"the selector '{name}' is defined twice"
            problems.append(Problem("CFG003", message, node.at, others=(found[name].at,)))
        found.setdefault(name, node)
    return found
