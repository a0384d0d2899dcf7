"""Steps from one time to another, and roads of them: the algebra below the proofs. No SQL in here.

A `Step` is a function that a query applies to a value, told as hops in both directions. A kind is what
is known of a type: "date", "stamp" (no zone), "tz", "session" (an instant made of a local time by the
session's clock), "int", "text", ...; None when nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import (
    OTHER_CLOCK,
    TURNED_CLOCK,
    TURNED_MONTH,
    DrillDown,
    Grain,
    Hop,
    Near,
    Reach,
    RollUp,
    Span,
)

LONGEST = 8  # hops of a road; a longer one is given up
WALL = frozenset({"date", "stamp"})
TIMES = frozenset({"date", "stamp", "tz", "session", None})
RANKS = {
    Grain.MINUTE: 0, Grain.HOUR: 1, Grain.DAY: 2, Grain.MONTH: 3, Grain.QUARTER: 4, Grain.YEAR: 5,
}  # fmt: skip
CLOCKS = (OTHER_CLOCK, TURNED_CLOCK, TURNED_MONTH)
REPEATED = (Grain.MINUTE, Grain.HOUR)  # a clock set back shows them twice: the start may be later
LENGTHS = {
    Grain.MINUTE: 1, Grain.HOUR: 1, Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31, Grain.QUARTER: 92,
    Grain.YEAR: 366,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """`back` goes from the value to the argument, `forth` the other way.

    `forth` is None when the value may be NULL though the argument is not. `shift`: it adds this span
    and does nothing else. `floor`: the value lies at most so many days below the argument.
    """

    back: Reach
    forth: Reach | None
    shift: Span | None = None
    floor: int | None = None


def truncated(unit: Grain, kind: str | None) -> tuple[Step, ...] | None:
    """date_trunc that gives a time of the same kind; of one with a zone by the session's clock."""
    if kind not in TIMES:
        return None
    if kind == "date" and unit in (Grain.DAY, Grain.HOUR, Grain.MINUTE):
        return ()
    if kind in WALL:
        return (Step((RollUp(unit),), (DrillDown(unit),), floor=LENGTHS[unit]),)
    floor = None if unit in REPEATED else LENGTHS[unit] + 1
    return (Step((RollUp(unit, True),), (DrillDown(unit, True),), floor=floor),)


def shown(unit: Grain, kind: str | None) -> tuple[Step, ...] | None:
    """The start of the unit as a date: what the session's clock shows, where a time has a zone."""
    if kind in WALL or kind not in TIMES:
        return truncated(unit, kind)
    return (Step((RollUp(unit), OTHER_CLOCK), (OTHER_CLOCK, DrillDown(unit))),)


def bucketed(width: Span, kind: str | None) -> tuple[Step, ...] | None:
    """The start of a stretch of so many days or less, wherever these stretches begin."""
    if kind not in TIMES:
        return None
    clock = () if kind in WALL else (TURNED_CLOCK if kind == "tz" else OTHER_CLOCK,)
    back, forth = (Near(Span(), width), *clock), (Near(width, Span()), *clock)
    return (Step(back, forth),)


def shifted(parts: Sequence[Span], kind: str | None) -> tuple[Step, ...] | None:
    """The parts are added one after the other, months first, as the engines do."""
    if kind not in TIMES:
        return None
    steps = []
    for span in parts:
        if span == Span():
            continue
        back, forth = Near(span, negative(span)), Near(negative(span), span)
        clock = turned(kind, span)
        steps.append(Step((*clock, back), (*clock, forth), span))
    return tuple(steps)


def turned(kind: str | None, *spans: Span) -> Reach:
    """What adding these may come to where a clock with a zone is asked, or may be."""
    if kind in WALL:
        return ()
    return (TURNED_MONTH,) if any(span.months for span in spans) else (TURNED_CLOCK,)


def another_clock() -> tuple[Step, ...]:
    return (Step((OTHER_CLOCK,), (OTHER_CLOCK,)),)


def maybe_null() -> tuple[Step, ...]:
    return (Step((), None),)


def negative(span: Span) -> Span:
    return Span(-span.months, -span.days, -span.micros)


def added(one: Span, other: Span) -> Span | None:
    """The sum; None when months and days would mix, as their order would matter."""
    months = one.months + other.months
    days, micros = one.days + other.days, one.micros + other.micros
    mixed = (one.months or other.months) and (days or micros or (one.months and other.months))
    return None if mixed else Span(months, days, micros)


def meeting(one: str | None, other: str | None) -> Reach | None:
    """What a comparison of two kinds does to a value; None when nothing is certain."""
    if one in WALL and other in WALL:
        return ()
    if one == other and one not in (None, "session", "float", "char"):
        return ()
    return (OTHER_CLOCK,) if one in TIMES and other in TIMES else None


def back(steps: Sequence[Step]) -> Reach:
    """The road from the value of all the steps to what they were applied to."""
    return tuple(hop for step in reversed(steps) for hop in step.back)


def forth(steps: Sequence[Step]) -> Reach | None:
    found: list[Hop] = []
    for step in steps:
        if step.forth is None:
            return None
        found += step.forth
    return tuple(found)


def road(*parts: Reach) -> Reach | None:
    """The roads one after the other, shortened; None when it is too long to be of use.

    >>> road((RollUp(Grain.MONTH),), (RollUp(Grain.DAY),))
    (RollUp(unit=<Grain.MONTH: 'month'>, zoned=False),)
    """
    found: list[Hop] = []
    for hop in (hop for part in parts for hop in part):
        _append(found, hop)
    return tuple(found) if len(found) <= LONGEST else None


def _append(found: list[Hop], hop: Hop) -> None:
    if isinstance(hop, Near) and hop == Near():
        return
    merged = _merged(found[-1], hop) if found else None
    if merged is None:
        found.append(hop)
        return
    found.pop()
    for each in merged:
        _append(found, each)


def _merged(one: Hop, other: Hop) -> Reach | None:
    """Two hops as one, or none; None when they stay two."""
    if isinstance(one, Near) and isinstance(other, Near):
        return _nearer(one, other)
    if isinstance(one, Near) or isinstance(other, Near):
        return None
    coarser = _coarser(one.unit, other.unit)
    if coarser is None or one.zoned or other.zoned:
        return None
    if type(one) is type(other):
        return (type(one)(coarser),)
    if isinstance(one, RollUp):  # both are made of the same time
        if one.unit == other.unit:
            return ()
        return (one,) if coarser == one.unit else (other,)
    return None


def _nearer(one: Near, other: Near) -> Reach | None:
    if (one in CLOCKS) != (other in CLOCKS):  # apart they can be read
        return None
    if any(span.months for span in (one.back, one.ahead, other.back, other.ahead)):
        return None
    back, ahead = added(one.back, other.back), added(one.ahead, other.ahead)
    return None if back is None or ahead is None else (Near(back, ahead),)


def _coarser(one: Grain, other: Grain) -> Grain | None:
    """The longer unit, when it is made of whole shorter ones. Weeks make up no month."""
    if one == other:
        return one
    if Grain.WEEK in (one, other):
        rest = other if one is Grain.WEEK else one
        return Grain.WEEK if RANKS[rest] <= RANKS[Grain.DAY] else None
    return one if RANKS[one] > RANKS[other] else other
