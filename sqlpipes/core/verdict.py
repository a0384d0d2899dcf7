"""What was decided about an automated asset, and what is remembered of it.

An evaluation gives a verdict for every automated asset, for all of its slices or for some: they are
asked for, or they are not, because.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlpipes.core.history import less
from sqlpipes.core.partitions import Partitions


class Decision(StrEnum):
    """What is done about some slices, what needs a person first."""

    HELD = "held"  # they failed, and nothing has changed since
    WAITS = "waits"  # for slices that they read
    RUN = "asked for"
    RUNNING = "running"  # somebody is building them
    NOT_DUE = "not due"  # their time has not come
    NOTHING = "nothing to do"


JOINED = {Decision.WAITS: " for ", Decision.NOT_DUE: " "}


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
        which = "" if self.slices.is_whole or not self.slices else f"{self.slices} "
        between = JOINED.get(self.decision, ": ") if self.because else ""
        return f"{which}{self.decision}{between}{self.because}"


@dataclass(frozen=True, slots=True)
class Try:
    """Slices that were asked for: of which version, at which tick. `times` in a row without a change."""

    slices: Partitions
    version: str
    tick: int
    times: int = 1
    ended: bool = False  # the build that was asked for came to an end


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
        """With these slices asked for once more."""
        same = [t.times for t in self.tries if t.version == version and _meet(t.slices, slices)]
        rest = (replace(t, slices=less(t.slices, slices)) for t in self.tries)
        new = Try(slices, version, tick, max(same, default=0) + 1)
        return replace(self, tries=(*(t for t in rest if t.slices), new))


def _meet(first: Partitions, second: Partitions) -> bool:
    return bool(first) and less(first, second) != first


NOT_SEEN = Seen()
