"""How far around its own window a slice reads: a road of hops from its column to that of an input.

A hop says, of a column q and a column c that it hangs on: rows with q in the window [s, e) hang on
no rows but those with c in another window. A road of hops says it of the first column and the last.
What is asked of it is the other direction: c moved in [low, high), so which windows of q are touched?
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions.axes import IntegerAxis, TimeAxis
from sqlpipes.core.partitions.calendar import Grain
from sqlpipes.core.partitions.ranges import Range, Ranges, merged
from sqlpipes.core.partitions.zones import first_instant, wall

Window: TypeAlias = tuple[datetime, datetime]

CLIPPED = timedelta(days=3)  # a month later than January 31 is February 28
SHIFTED_CLOCK = timedelta(hours=3)  # what summer time may do to a span
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
    """q is the start of the `unit` that c is in: q = date_trunc(unit, c).

    `zoned`: both are instants, or may be, and a clock that nobody knows says where the unit starts.
    """

    unit: Grain
    zoned: bool = False

    def touched(self, window: Window) -> Window:
        low, high = window
        if not self.zoned:
            return _floor(self.unit, low), high
        return _longest(self.unit).before(low), TURN.after(high)


@dataclass(frozen=True, slots=True)
class DrillDown:
    """c is the start of the `unit` that q is in: c = date_trunc(unit, q). `zoned`: as of a `RollUp`."""

    unit: Grain
    zoned: bool = False

    def touched(self, window: Window) -> Window:
        low, high = window
        if not self.zoned:
            return low, _ceiling(self.unit, high)
        return TURN.before(low), _longest(self.unit).after(high)


@dataclass(frozen=True, slots=True)
class Near:
    """c lies between q - back and q + ahead, both included."""

    back: Span = Span()
    ahead: Span = Span()

    def touched(self, window: Window) -> Window:
        low, high = window
        return self.ahead.before(low), self.back.after(high)


TURN = Span(micros=3 * 3600 * 1_000_000)
TURNED_CLOCK = Near(TURN, TURN)
"""What summer time may do to a span between two instants."""

TURNED_MONTH = Near(Span(days=4), Span(days=4))
"""The same of months, that a clock nobody knows adds: it may still show the last day of a month, whose
day there is not in every month, where another shows the first of the next one.
"""

DAY_AND_MORE = Span(micros=26 * 3600 * 1_000_000)
OTHER_CLOCK = Near(DAY_AND_MORE, DAY_AND_MORE)
"""What two clocks show of one instant: zones differ by up to 26 hours."""

DAYS = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31, Grain.QUARTER: 92, Grain.YEAR: 366}

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


def read_ranges(read_by: Ranges, mine: TimeAxis, theirs: TimeAxis, reach: Reach) -> Ranges:
    """The ranges of `theirs` that the ranges of `mine` read something of: the other direction."""
    back = tuple(_inverse(hop) for hop in reversed(reach))
    return merged(_touched(one, mine, theirs, back) for one in read_by)


def _inverse(hop: Hop) -> Hop:
    """The hop from c to q, if this one goes from q to c."""
    if isinstance(hop, RollUp):
        return DrillDown(hop.unit, hop.zoned)
    if isinstance(hop, DrillDown):
        return RollUp(hop.unit, hop.zoned)
    return Near(hop.ahead, hop.back)


def _touched(moved: Range, theirs: TimeAxis, mine: TimeAxis, reach: Reach) -> Range:
    """Spans are added on the wall clock, as dates are.

    Between two zones it is not known what is carried over, an instant or what the clock shows: both
    are touched. A clock that may jump gets its slack.
    """
    low, high = (wall(theirs.instant(each), theirs.zone) for each in moved)
    for hop in reversed(reach):
        low, high = hop.touched((low, high))
    zones = {mine.zone, theirs.zone}
    slack = SHIFTED_CLOCK if zones != {"UTC"} and (reach or len(zones) > 1) else timedelta(0)
    begin, end = _within_calendar(low, -slack), _within_calendar(high, slack)
    first = min(first_instant(begin, zone) for zone in zones)
    last = max(first_instant(end, zone) for zone in zones)
    return mine.ordinal(first), mine.ordinal(last - TICK) + 1


FIRST, LAST = datetime(1, 1, 8), datetime(9998, 12, 24)  # where zones can still be asked


def _within_calendar(at: datetime, slack: timedelta) -> datetime:
    return min(max(at, FIRST) + slack, LAST) if at < LAST else LAST


def _longest(unit: Grain) -> Span:
    """How long a unit may last between two instants, summer time counted."""
    short = Span(micros=3600 * 1_000_000 if unit is Grain.HOUR else 60 * 1_000_000)
    whole = Span(days=DAYS[unit]) if unit in DAYS else short
    return Span(0, whole.days, whole.micros + TURN.micros)


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
    clock = ["zoned"] if hop.zoned else []
    return ["up" if isinstance(hop, RollUp) else "down", hop.unit.value, *clock]


def _hop_from(plain: Sequence[Any]) -> Hop:
    kind, *rest = plain
    if kind == "near":
        return Near(Span(*rest[0]), Span(*rest[1]))
    unit, zoned = Grain(rest[0]), rest[1:] == ["zoned"]
    return RollUp(unit, zoned) if kind == "up" else DrillDown(unit, zoned)


def _hop_text(hop: Hop) -> str:
    if isinstance(hop, (RollUp, DrillDown)):
        word = "rolled up to" if isinstance(hop, RollUp) else "drilled down from"
        return f"{word} the {hop.unit}" + (" of a clock with a zone" if hop.zoned else "")
    if hop == OTHER_CLOCK:
        return "up to 26 hours apart by the clock"
    if hop == TURNED_CLOCK:
        return "up to 3 hours apart by the clock"
    if hop == TURNED_MONTH:
        return "up to 4 days apart by the clock"
    if hop.back == hop.ahead.negative != Span():  # equal but for a shift
        later = hop.ahead.is_positive
        return f"{hop.ahead if later else hop.back} {'later' if later else 'earlier'}"
    if hop.back.is_positive and hop.ahead.negative.is_positive:
        return f"{hop.ahead.negative} to {hop.back} before"
    if hop.ahead.is_positive and hop.back.negative.is_positive:
        return f"{hop.back.negative} to {hop.ahead} after"
    said = []
    if hop.back != Span():
        said.append(f"{hop.back} before")
    if hop.ahead != Span():
        said.append(f"{hop.ahead} after")
    return " and ".join(said) or "the same"
