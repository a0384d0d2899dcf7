"""How old the newest data of a source may be, and what an age means. No clock: `now` is an argument.

Freshness + the newest instant + now -> Age(verdict, age_s)
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location


class Verdict(StrEnum):
    PASS = "pass"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Freshness:
    """What is declared. Ages are in seconds, None where nothing is said.

    When the newest data came is told by `column` (its greatest value, of the rows that `filter` leaves),
    by `query` (one value), or, of files, by the time at which the newest of them was written.
    """

    warn_s: int | None = None
    error_s: int | None = None
    column: str | None = None
    query: str | None = None
    filter: str | None = None
    at: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Age:
    """What came out. `newest` is naive UTC, None when there is no data at all."""

    verdict: Verdict
    newest: datetime | None = None
    age_s: float | None = None


def judged(declared: Freshness, newest: datetime | None, now: datetime) -> Age:
    """Both instants are naive UTC. Data from the future is fresh; no data at all is as old as can be.

    >>> at = datetime(2024, 1, 2)
    >>> str(judged(Freshness(warn_s=3600, error_s=86_400), datetime(2024, 1, 1, 12), at).verdict)
    'warn'
    >>> judged(Freshness(warn_s=3600), None, at)
    Age(verdict=<Verdict.WARN: 'warn'>, newest=None, age_s=None)
    """
    age_s = None if newest is None else (now - newest).total_seconds()
    for limit, verdict in ((declared.error_s, Verdict.ERROR), (declared.warn_s, Verdict.WARN)):
        if limit is not None and (age_s is None or age_s > limit):
            return Age(verdict, newest, age_s)
    return Age(Verdict.PASS, newest, age_s)
