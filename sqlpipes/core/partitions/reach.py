"""How far around its own window a slice reads: a road of hops from its column to that of an input.

A hop says, of a column q and a column c that it hangs on: rows with q in the window [s, e) hang on
no rows but those with c in another window. A road of hops says it of the first column and the last.
What is asked of it is the other direction: c moved in [low, high), so which windows of q are touched?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlpipes.core.partitions.axes import IntegerAxis, TimeAxis
from sqlpipes.core.partitions.calendar import Grain
from sqlpipes.core.partitions.ranges import Range, Ranges, merged
from sqlpipes.core.partitions.zones import first_instant, wall

Window: TypeAlias = tuple[datetime, datetime]

CLIPPED = timedelta(days=3)  # a month later than January 31 is February 28
SHIFTED_CLOCK = timedelta(hours=3)  # what summer time may do to a span
OTHER_CLOCK = timedelta(days=2)  # two zones differ by up to 26 hours
TICK = timedelta(microseconds=1)
MONTHS = frozenset({Grain.MONTH, Grain.QUARTER, Grain.YEAR})


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time; either part may be negative.

    >>> str(Span(days=6)), str(Span(months=2)), str(Span(micros=5_400_000_000)), str(Span())
    ('6 days', '2 months', '1 hour 30 minutes', '0')
    """

    months: int = 0
    days: int = 0
    micros: int = 0

    @property
    def negative(self) -> Span:
        return Span(-self.months, -self.days, -self.micros)

    @property
    def is_positive(self) -> bool:
        return (self.months, self.days, self.micros) > (0, 0, 0)

    def after(self, at: datetime) -> datetime:
        """The earliest instant that is certainly not less than `at` plus the span."""
        return self._moved(at, 1)

    def before(self, at: datetime) -> datetime:
        """The latest instant that is certainly not more than `at` minus the span."""
        return self._moved(at, -1)

    def _moved(self, at: datetime, sign: int) -> datetime:
        plain = timedelta(days=sign * self.days, microseconds=sign * self.micros)
        try:
            if not self.months:
                return at + plain
            first = datetime(at.year, at.month, 1)
            moved = Grain.MONTH.instant(Grain.MONTH.ordinal(first) + sign * self.months)
            exact = at == first or at - first <= timedelta(days=27)
            slack = timedelta(0) if exact else CLIPPED
            return moved + (at - first) + plain + sign * slack
        except (OverflowError, ValueError):
            return datetime.max if sign > 0 else datetime.min

    def __str__(self) -> str:
        seconds, micros = divmod(abs(self.micros), 1_000_000)
        sign = -1 if self.micros < 0 else 1
        parts = [(self.months, "month"), (self.days, "day")]
        parts += [(sign * (seconds // 3600), "hour"), (sign * (seconds // 60 % 60), "minute")]
        parts += [(sign * (seconds % 60), "second"), (sign * micros, "microsecond")]
        said = [f"{n} {unit}{'' if abs(n) == 1 else 's'}" for n, unit in parts if n]
        return " ".join(said) or "0"


@dataclass(frozen=True, slots=True)
class RollUp:
    """q is the start of the `unit` that c is in: q = date_trunc(unit, c)."""

    unit: Grain

    def touched(self, window: Window) -> Window:
        return _floor(self.unit, window[0]), window[1]


@dataclass(frozen=True, slots=True)
class DrillDown:
    """c is the start of the `unit` that q is in: c = date_trunc(unit, q)."""

    unit: Grain

    def touched(self, window: Window) -> Window:
        return window[0], _ceiling(self.unit, window[1])


@dataclass(frozen=True, slots=True)
class Near:
    """c lies between q - back and q + ahead, both included."""

    back: Span = Span()
    ahead: Span = Span()

    def touched(self, window: Window) -> Window:
        low, high = window
        return self.ahead.before(low), self.back.after(high)


Hop: TypeAlias = RollUp | DrillDown | Near
Reach: TypeAlias = tuple[Hop, ...]
"""The road from a slice's own column to the input's; empty: the two are equal."""


def reach_plain(reach: Reach) -> list[Any]:
    """A list that JSON can hold."""
    return [_hop_plain(hop) for hop in reach]


def reach_from(plain: Sequence[Any]) -> Reach:
    """ValueError, KeyError or TypeError for what `reach_plain` never wrote."""
    return tuple(_hop_from(hop) for hop in plain)


def reach_text(reach: Reach) -> str:
    """
    >>> reach_text((RollUp(Grain.MONTH),)), reach_text((Near(Span(days=6)),)), reach_text(())
    ('rolled up to the month', '6 days before', 'the same')
    """
    return ", then ".join(_hop_text(hop) for hop in reach) or "the same"


def touched_ranges(
    moved: Ranges, theirs: TimeAxis | IntegerAxis, mine: TimeAxis | IntegerAxis, reach: Reach
) -> Ranges:
    """The ranges of `mine` that read something of the `moved` ranges of `theirs`. Integers are equal."""
    if isinstance(theirs, IntegerAxis) or isinstance(mine, IntegerAxis):
        raise ValueError("a reach goes through time")
    return merged(_touched(one, theirs, mine, reach) for one in moved)


def _touched(moved: Range, theirs: TimeAxis, mine: TimeAxis, reach: Reach) -> Range:
    """Spans are added on the wall clock, as dates are; clocks that may jump or differ get their slack."""
    low, high = (wall(theirs.instant(each), theirs.zone) for each in moved)
    for hop in reversed(reach):
        low, high = hop.touched((low, high))
    slack = timedelta(0)
    if mine.zone != theirs.zone:
        slack = OTHER_CLOCK
    elif reach and mine.zone != "UTC":
        slack = SHIFTED_CLOCK
    begin = _within_calendar(low, -slack)
    end = _within_calendar(high, slack)
    begin, end = (first_instant(each, mine.zone) for each in (begin, end))
    return mine.ordinal(begin), mine.ordinal(end - TICK) + 1


FIRST, LAST = datetime(1, 1, 8), datetime(9998, 12, 24)  # where zones can still be asked


def _within_calendar(at: datetime, slack: timedelta) -> datetime:
    return min(max(at, FIRST) + slack, LAST) if at < LAST else LAST


def _floor(unit: Grain, at: datetime) -> datetime:
    try:
        return unit.instant(unit.ordinal(at))
    except OverflowError:
        return datetime.min


def _ceiling(unit: Grain, at: datetime) -> datetime:
    try:
        return at if unit.fits(at) else unit.instant(unit.ordinal(at) + 1)
    except (OverflowError, ValueError):
        return datetime.max


def _hop_plain(hop: Hop) -> list[Any]:
    if isinstance(hop, Near):
        spans = (hop.back, hop.ahead)
        return ["near", *([span.months, span.days, span.micros] for span in spans)]
    return ["up" if isinstance(hop, RollUp) else "down", hop.unit.value]


def _hop_from(plain: Sequence[Any]) -> Hop:
    kind, *rest = plain
    if kind == "near":
        return Near(Span(*rest[0]), Span(*rest[1]))
    return RollUp(Grain(rest[0])) if kind == "up" else DrillDown(Grain(rest[0]))


def _hop_text(hop: Hop) -> str:
    if isinstance(hop, RollUp):
        return f"rolled up to the {hop.unit}"
    if isinstance(hop, DrillDown):
        return f"drilled down from the {hop.unit}"
    if hop.back == hop.ahead.negative != Span():  # equal but for a shift
        later = hop.ahead.is_positive
        return f"{hop.ahead if later else hop.back} {'later' if later else 'earlier'}"
    said = []
    if hop.back != Span():
        said.append(f"{hop.back} before")
    if hop.ahead != Span():
        said.append(f"{hop.ahead} after")
    return " and ".join(said) or "the same"
