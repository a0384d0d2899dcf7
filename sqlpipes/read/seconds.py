"""A key that says a number of seconds -> the number, or what is wrong with it."""

from __future__ import annotations

from math import isfinite

from sqlpipes.core.errors import Problem
from sqlpipes.read.marked import Node


def seconds_of(key: str, node: Node | None, code: str, problems: list[Problem]) -> dict[str, float]:
    """{key: seconds}; nothing where nothing is said, or something that makes no sense."""
    if node is None or node.value is None:
        return {}
    try:
        seconds = float(node.value) if isinstance(node.value, (int, float, str)) else 0.0
    except ValueError:
        seconds = 0.0
    if isinstance(node.value, bool) or not isfinite(seconds) or seconds <= 0:
        hint = f"for example `{key}: 600`"
        problems.append(
            Problem(code, f"'{key}' must be a number of seconds above 0", node.at, hint)
        )
        return {}
    return {key: seconds}
