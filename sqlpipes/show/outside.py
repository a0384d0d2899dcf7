"""What others wrote -> text and JSON: a note that they did, and how old the data of sources is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from click import style

from sqlpipes.api import SourceAge
from sqlpipes.core.events import StepFinished
from sqlpipes.core.freshness import Verdict
from sqlpipes.show.cards import values_json
from sqlpipes.show.problems import problems_text
from sqlpipes.show.status import short_text

UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
SHOWN_READERS = 5


def report_text(note: StepFinished, readers: Sequence[str]) -> str:
    """What is noted, and whom it concerns."""
    which = "" if note.slices.is_whole else f" {short_text(note.slices, 60)}"
    line = f"noted that {style(note.asset, bold=True)}{which} was written"
    if not readers:
        return f"{line}; nothing reads it"
    more = f" and {len(readers) - SHOWN_READERS} more" if len(readers) > SHOWN_READERS else ""
    return f"{line}; the next build looks at {', '.join(readers[:SHOWN_READERS])}{more}"


def report_json(note: StepFinished) -> dict[str, Any]:
    return {
        "asset": note.asset,
        "slices": str(note.slices),
        "at": note.at.isoformat(),
        "rows": note.rows,
        "metadata": values_json(note.metadata),
    }


def ages_text(found: Sequence[SourceAge], root: str) -> str:
    """A line a source: verdict, name, newest data, age, and how old it may be."""
    room = max(len(item.source) for item in found)
    lines = [_age_line(item, room) for item in found]
    faults = [problem for item in found for problem in item.problems]
    told = ["", problems_text(faults, root)] if faults else []
    return "\n".join([*lines, *told, "", _totals(found)])


def _age_line(item: SourceAge, room: int) -> str:
    limits = [f"warn {duration(item.warn_s)}"] if item.warn_s is not None else []
    limits += [f"error {duration(item.error_s)}"] if item.error_s is not None else []
    age = item.age
    word = style(f"{age.verdict:<6}", fg=_colour(age.verdict)) if age else style("failed", fg="red")
    newest = f"{age.newest:%Y-%m-%d %H:%M}" if age and age.newest else "no rows" if age else ""
    old = duration(age.age_s) if age and age.age_s is not None else ""
    told = style(", ".join(limits), dim=True)
    return f"{word} {item.source:<{room}}  {newest:<16}  {old:>8}  {told}"


def _colour(verdict: Verdict) -> str:
    return {Verdict.PASS: "green", Verdict.WARN: "yellow"}.get(verdict, "red")


def _totals(found: Sequence[SourceAge]) -> str:
    words = [str(item.age.verdict) if item.age else "failed" for item in found]
    counts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    return f"{len(found)} source{'s' * (len(found) != 1)}: {', '.join(counts)}"


def duration(seconds: float) -> str:
    """The two largest units.

    >>> duration(90_061), duration(59.6), duration(-5), duration(86_400)
    ('1d 1h', '59s', '0s', '1d')
    """
    left, parts = max(int(seconds), 0), list[str]()
    for size, unit in UNITS:
        count, left = divmod(left, size)
        if count and len(parts) < 2:
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return " ".join(parts) or "0s"


def age_json(item: SourceAge) -> dict[str, Any]:
    age = item.age
    return {
        "source": item.source,
        "status": str(age.verdict) if age else "runtime error",
        "max_loaded_at": age.newest.isoformat() if age and age.newest else None,
        "age_s": age.age_s if age else None,
        "warn_s": item.warn_s,
        "error_s": item.error_s,
        "problems": [str(problem) for problem in item.problems],
    }
