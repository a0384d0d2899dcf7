"""Facts about the surroundings -> text, or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from click import style

from sqlpipes.api import Fact
from sqlpipes.show.letters import plain, plain_lines
from sqlpipes.show.problems import problem_json, problem_text


def debug_text(facts: Sequence[Fact], root: str) -> str:
    """One line a fact; below what does not work: why, where it is said, and what to do."""
    width = max(len(fact.topic) for fact in facts)
    return "\n".join(line for fact in facts for line in _lines(fact, width, root))


def _lines(fact: Fact, width: int, root: str) -> list[str]:
    well = style("warn", fg="yellow", bold=True) if fact.problems else style("ok  ", fg="green")
    mark = well if fact.ok else style("FAIL", fg="red", bold=True)
    first = f"{mark} {fact.topic:<{width}}  {plain_lines(fact.said)}"
    placed = [problem for problem in fact.problems if problem.at or problem.hint]
    below = [line for each in placed for line in problem_text(each, root).splitlines()[1:]]
    where = [f"     at {plain(str(each.at))}" for each in placed if each.at]
    return [first, *where, *(f"     {line}" for line in below)]


def debug_json(facts: Sequence[Fact]) -> list[dict[str, Any]]:
    return [
        {
            "topic": fact.topic,
            "said": fact.said,
            "ok": fact.ok,
            "problems": [problem_json(problem) for problem in fact.problems],
        }
        for fact in facts
    ]
