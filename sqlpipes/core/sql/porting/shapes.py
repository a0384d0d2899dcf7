"""What was written, read again: whether as much of everything is in it as was meant."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlglot import exp

COUNTED = {
    "Select": exp.Select,
    "FROM": exp.From,
    "a join": exp.Join,
    "WHERE": exp.Where,
    "GROUP BY": exp.Group,
    "HAVING": exp.Having,
    "ORDER BY": exp.Order,
    "LIMIT": exp.Limit,
    "OFFSET": exp.Offset,
    "DISTINCT": exp.Distinct,
    "a set operation": exp.SetOperation,
    "a WITH query": exp.CTE,
    "a window": exp.Window,
    "a window's frame": exp.WindowSpec,
    "FILTER": exp.Filter,
    "a table": exp.Table,
    "a column": exp.Column,
}


def lost(meant: Any, found: Any) -> str | None:
    """The first kind of which the text holds fewer than the tree, or None."""
    if found is None:
        return "all of it"
    mine, theirs = _counts(meant), _counts(found)
    for name in COUNTED:
        if theirs[name] < mine[name]:
            return name
    return None


def _counts(tree: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in tree.walk():
        for name, kind in COUNTED.items():
            if isinstance(node, kind):
                found[name] += 1
    return found
