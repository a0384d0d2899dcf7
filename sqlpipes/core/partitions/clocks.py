"""Axes of time in plain integers, as warehouses count: microseconds since 1970.

A zone's clock is a row of stretches, each with its own offset from UTC, so that SQL can turn instants
into what the clock shows, and back, exactly as the slices are cut.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions.axes import FIXED, TICK, TimeAxis
from sqlpipes.core.partitions.calendar import EPOCH
from sqlpipes.core.partitions.zones import change_between, offset

LOOKS = 100_000  # at most so many instants are asked for their offset
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From the instant `start` on (None: ever since) the clock is `ahead` of UTC.

    Before, it was `ahead_before`; the next stretch begins at `end` (None: never).
    """

    start: int | None
    end: int | None
    ahead: int
    ahead_before: int


def beat(axis: TimeAxis) -> tuple[int, int] | None:
    """(an instant at which a slice begins, how long each is); None for days and longer ones.

    >>> from sqlpipes.core.partitions import Grain
    >>> beat(TimeAxis(Grain.HOUR)), beat(TimeAxis(Grain.DAY))
    ((0, 3600000000), None)
    """
    if axis.unit not in FIXED:
        return None
    begin = axis.instant(0)
    return (begin - EPOCH) // TICK, (axis.instant(1) - begin) // TICK


def stretches_of(zone: str, first: datetime, last: datetime) -> tuple[Stretch, ...]:
    """The stretches of a zone's clock between two instants (naive UTC), at least one.

    >>> summer = stretches_of("Europe/Berlin", datetime(2024, 1, 1), datetime(2024, 7, 1))
    >>> [(found.start, found.ahead // 3_600_000_000) for found in summer]
    [(None, 1), (1711846800000000, 2)]
    """
    changes: list[datetime] = []
    step = max(DAY, (last - first) // LOOKS)
    at = first
    while at < last:
        then = min(at + step, last)
        if offset(at, zone) != offset(then, zone):
            changes.append(change_between(at, then, zone))
        at = then
    starts = [None, *changes]
    ends = [*changes, None]
    return tuple(
        Stretch(
            _us(start) if start else None,
            _us(end) if end else None,
            offset(start or first, zone) // TICK,
            offset(start - TICK if start else first, zone) // TICK,
        )
        for start, end in zip(starts, ends, strict=True)
    )


def _us(at: datetime) -> int:
    return (at - EPOCH) // TICK
