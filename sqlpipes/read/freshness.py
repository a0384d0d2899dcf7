"""`freshness:` of a source, in dbt's words or in fewer -> Freshness.

{warn_after: {count: 12, period: hour}, error_after: ..., filter: ...} with loaded_at_field
{warn: 12h, error: 1d, column: updated_at}        {column: updated_at, max_age: 2 days}        1d
"""

from __future__ import annotations

from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.core.freshness import Freshness
from sqlpipes.read.checks import seconds
from sqlpipes.read.files import is_remote
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import Layered, text, wrong

AGES = {"warn": "warn", "warn_after": "warn", "error": "error", "error_after": "error"}
NEWEST = {
    "column": "column",
    "loaded_at_field": "column",
    "query": "query",
    "loaded_at_query": "query",
}
ROWS = {"filter": "filter", "where": "filter"}
KEYS = (*AGES, *NEWEST, *ROWS, "max_age", "severity")


def read_freshness(
    name: str, merged: Layered, files: tuple[str, ...], problems: list[Problem]
) -> Freshness | None:
    """None when nothing is declared. SRC004: nothing says when the newest rows came."""
    node = merged.node("freshness")
    if node is None:
        return None
    ages = _ages(node, problems)
    if ages is None:
        return None
    places = [(word, merged.node(key)) for key, word in NEWEST.items() if key.startswith("loaded")]
    places += [(word, node.get(key)) for key, word in {**NEWEST, **ROWS}.items()]
    found = {word: said for word, at in places if (said := text(at, problems).strip())}
    told = Freshness(
        ages.get("warn"),
        ages.get("error"),
        found.get("column"),
        found.get("query"),
        found.get("filter"),
        node.key_at,
    )
    return _told_by(name, told, files, node, problems)


def _ages(node: Node, problems: list[Problem]) -> dict[str, int] | None:
    """Seconds until a warning and an error. None when they are wrong; then it is told."""
    before = len(problems)
    found: dict[str, tuple[int, Node]] = {}
    if not isinstance(node.value, dict):
        found["error"] = seconds(node, problems), node
    for key, below in node.entries():
        if below.value is None:
            continue
        if key == "max_age":
            graver = text(node.get("severity"), []).startswith("warn")
            found["warn" if graver else "error"] = seconds(below, problems), below
        elif key in AGES:
            found[AGES[key]] = seconds(below, problems), below
        elif key not in KEYS:
            hint = did_you_mean(key, KEYS)
            problems.append(Problem("CFG001", f"freshness has no key '{key}'", below.key_at, hint))
    if not found and len(problems) == before:
        message = "freshness does not say how old is too old"
        hint = "such as {warn: 12h, error: 1d, column: loaded_at}"
        problems.append(Problem("CFG002", message, node.key_at, hint))
    if "warn" in found and "error" in found and found["warn"][0] > found["error"][0] > 0:
        problems.append(wrong(found["warn"][1], "no longer than the age of an error"))
    if len(problems) > before:
        return None
    return {word: age for word, (age, _) in found.items()}


def _told_by(
    name: str, found: Freshness, files: tuple[str, ...], node: Node, problems: list[Problem]
) -> Freshness | None:
    fault = None
    if found.column and found.query:
        fault, hint = "has two ways to find its newest rows", "keep the column or the query"
    elif found.query and found.filter:
        fault, hint = "has a filter beside its query", "write the filter into the query"
    elif found.column or found.query:
        return found
    elif not files:
        fault = "needs the column that says when a row was loaded"
        hint = "name it with `loaded_at_field:`, or `column:` below `freshness:`"
    elif any(map(is_remote, files)):
        fault = "cannot be told by the time of files that are not on this machine"
        hint = "name the `column:` that says when a row was loaded"
    if fault is None:
        return found
    problems.append(Problem("SRC004", f"freshness of '{name}' {fault}", node.key_at, hint))
    return None
