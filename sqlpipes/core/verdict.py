"""What was decided about an automated asset, and what is remembered of it.

An evaluation gives a verdict for every automated asset, for all of its slices or for some: they are
asked for, or they are not, because.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.history import less
from sqlpipes.core.partitions import Partitions


class Decision(StrEnum):
    """What is done about some slices, what needs a person first."""

    HELD = "held"  # they failed, and nothing has changed since
    WAITS = "waits"  # for slices that they read
    RUN = "asked for"
    RUNNING = "under way"  # asked for already, or somebody is building them
    NOT_DUE = "not due"  # their time has not come
    NOTHING = "nothing to do"


JOINED = {Decision.WAITS: " for ", Decision.NOT_DUE: " "}


def few(slices: Partitions, room: int = 80) -> str:
    """As many of its ranges as there is room for.

    >>> from sqlpipes.core.partitions import Grain
    >>> few(Partitions.of(Grain.DAY, [(n, n + 1) for n in range(0, 90, 2)]), 24)
    '1970-01-01, 1970-01-03 and 43 more'
    """
    text = str(slices)
    if len(text) <= room:
        return text
    pieces = text.split(", ")
    kept = pieces[:1]
    while len(", ".join(pieces[: len(kept) + 1])) <= room:
        kept = pieces[: len(kept) + 1]
    more = f" and {len(pieces) - len(kept):,} more" if len(pieces) > len(kept) else ""
    return ", ".join(kept) + more


@dataclass(frozen=True, slots=True)
class Verdict:
    """About these slices of an asset. `because` is one line."""

    asset: str
    decision: Decision
    slices: Partitions
    because: str

    def __str__(self) -> str:
        """
        >>> from sqlpipes.core.partitions import WHOLE
        >>> print(Verdict("daily", Decision.WAITS, WHOLE, "orders 2024-01-05: never built"))
        waits for orders 2024-01-05: never built
        """
        which = "" if self.slices.is_whole or not self.slices else f"{few(self.slices)} "
        between = JOINED.get(self.decision, ": ") if self.because else ""
        return f"{which}{self.decision}{between}{self.because}"


@dataclass(frozen=True, slots=True)
class Try:
    """Slices that were asked for: of which version, at which tick, under which key of the queue."""

    slices: Partitions
    version: str
    tick: int
    key: str = ""
    ended: bool = False  # that is done with, however it went


@dataclass(frozen=True, slots=True)
class Seen:
    """What is on record of an asset's automation.

    `verdicts` are the newest, since `at`. `handled` is the newest due time that is done with; None: it
    was never looked at.
    """

    verdicts: tuple[Verdict, ...] = ()
    at: datetime | None = None
    tries: tuple[Try, ...] = ()
    handled: datetime | None = None

    def tried(self, slices: Partitions, version: str, tick: int) -> Seen:
        """With these slices asked for."""
        rest = (replace(each, slices=less(each.slices, slices)) for each in self.tries)
        new = Try(slices, version, tick)
        return replace(self, tries=(*(each for each in rest if each.slices), new))


NOT_SEEN = Seen()
