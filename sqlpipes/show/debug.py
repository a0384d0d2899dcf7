"""Facts about the surroundings -> text."""

from __future__ import annotations

from collections.abc import Sequence

from click import style

from sqlpipes.api import Fact


def debug_text(facts: Sequence[Fact]) -> str:
    """One line a fact; what does not work is marked."""
    width = max(len(fact.topic) for fact in facts)
    return "\n".join(_line(fact, width) for fact in facts)


def _line(fact: Fact, width: int) -> str:
    mark = style("ok  ", fg="green") if fact.ok else style("FAIL", fg="red", bold=True)
    return f"{mark} {fact.topic:<{width}}  {fact.said}"
