"""A condition -> the laws that it makes between columns: equalities, and ranges with both bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace
from itertools import product
from typing import Any

from sqlglot import exp

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.chains import settled
from sqlpipes.core.lineage.hops import Step, added, back, forth, meeting, negative, road
from sqlpipes.core.lineage.proofs import CONDITION, Chain, Col, Law, Value, Why
from sqlpipes.core.lineage.reading import offset_of
from sqlpipes.core.partitions import OTHER_CLOCK, TURNED_CLOCK, TURNED_MONTH, Hop, Near, Reach, Span

NOTHING = Span()
TURNED = (TURNED_MONTH, TURNED_CLOCK)

Reader = Callable[[Any], Value | None]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: a column, steps, and a span that is added last."""

    base: Col
    steps: tuple[Step, ...]
    kind: str | None = field(compare=False)
    shift: Span = NOTHING
    clocks: frozenset[Hop] = field(default=frozenset(), compare=False)  # by which the span is added


@dataclass(frozen=True, slots=True)
class Bound:
    """`of` is not below (`low`) or not above `by` plus the span."""

    of: Side
    by: Side
    span: Span
    low: bool
    why: Why


def conjuncts(node: Any) -> Iterator[Any]:
    """The conditions that must all be true."""
    todo = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, exp.Paren):
            todo.append(current.this)
        elif isinstance(current, exp.And):
            todo += [current.expression, current.this]
        else:
            yield current


def laws_of(conditions: Iterable[Any], read: Reader) -> list[Law]:
    """Laws in both directions, of any columns that `read` knows."""
    laws: list[Law] = []
    bounds: list[Bound] = []
    for condition in conditions:
        why = Why(CONDITION, offset_of(condition) or 0)
        if isinstance(condition, (exp.EQ, exp.NullSafeEQ)):
            for one, other in _pairs(condition.this, condition.expression):
                strict = isinstance(condition, exp.EQ)
                laws += equal(read(one), read(other), why, strict)
        else:
            bounds += _bounds(condition, read, why)
    return laws + _ranges(bounds)


def _pairs(one: Any, other: Any) -> list[tuple[Any, Any]]:
    if isinstance(one, exp.Tuple) and isinstance(other, exp.Tuple):
        return list(zip(one.expressions, other.expressions, strict=False))
    return [(one, other)]


def equal(one: Value | None, other: Value | None, why: Why, strict: bool = True) -> list[Law]:
    one, other = settled(one), settled(other)
    if one is None or other is None or one.only is None or other.only is None:
        return []
    bend = meeting(one.kind, other.kind)
    if bend is None or one.only.base is other.only.base:
        return []
    return _both(one.only, other.only, bend, bend, why, strict)


def _both(
    one: Chain, other: Chain, there: Reach, back_again: Reach, why: Why, strict: bool
) -> list[Law]:
    found = []
    for x, y, between in ((one, other, there), (other, one, back_again)):
        onward = forth(x.steps)
        reach = None if onward is None else road(onward, between, back(y.steps))
        if reach is not None:
            found.append(Law(x.base, y.base, reach, why, strict))
    return found


def _bounds(node: Any, read: Reader, why: Why) -> list[Bound]:
    if isinstance(node, exp.Between):
        if node.args.get("symmetric"):
            return []
        low = _bound(node.this, node.args["low"], True, read, why)
        return low + _bound(node.this, node.args["high"], False, read, why)
    without = isinstance(node, (exp.GT, exp.LT))
    if isinstance(node, (exp.GT, exp.GTE)):
        return _bound(node.this, node.expression, True, read, why, without)
    if isinstance(node, (exp.LT, exp.LTE)):
        return _bound(node.this, node.expression, False, read, why, without)
    return []


def _bound(
    one: Any, other: Any, low: bool, read: Reader, why: Why, without: bool = False
) -> list[Bound]:
    """Told of both sides: what bounds one from below bounds the other from above.

    `without`: the bound itself is out, so between whole days it is the next day.
    """
    left, right = _side(read(one)), _side(read(other))
    if left is None or right is None or left.base is right.base:
        return []
    found = []
    for of, by, is_low in ((left, right, low), (right, left, not low)):
        span = added(by.shift, negative(of.shift))
        if span is not None and without and _is_whole_days(of) and _is_whole_days(by):
            span = added(span, Span(days=1 if is_low else -1)) or span
        if span is not None and not of.shift.months:
            found.append(Bound(_bare(of), _bare(by), span, is_low, why))
    return found


def _is_whole_days(side: Side) -> bool:
    """Whether it is certainly a date, or a midnight that a date and whole days make."""
    made_of_date = not side.steps and side.base.kind == "date"
    return (side.kind == "date" or made_of_date) and not side.shift.micros


def _bare(side: Side) -> Side:
    return replace(side, shift=NOTHING)


def _side(value: Value | None) -> Side | None:
    """The spans that are added at the end are one span; steps that may be NULL are no side."""
    value = settled(value)
    if value is None or value.only is None:
        return None
    steps, shift, clocks = list(value.only.steps), NOTHING, set[Hop]()
    while steps and steps[-1].shift is not None:
        total = added(shift, steps[-1].shift)
        if total is None:
            break
        shift = total
        clocks.update(each for each in TURNED if each in steps[-1].back)
        steps.pop()
    return Side(value.only.base, tuple(steps), value.kind, shift, frozenset(clocks))


def _ranges(bounds: list[Bound]) -> list[Law]:
    loose = [each for bound in bounds for each in _loosened(bound)]
    lows, highs = ([b for b in loose if b.low is is_low] for is_low in (True, False))
    found = []
    for low, high in product(lows, highs):
        if low.of == high.of and low.by == high.by:
            found += _between(low, high)
    return found


def _loosened(bound: Bound) -> Iterator[Bound]:
    """A bound by the start of a month is one by a day of it, too, though not as near."""
    yield bound
    steps = bound.by.steps
    if not steps or steps[-1].floor is None or bound.span.months:
        return
    span = added(bound.span, Span(days=-steps[-1].floor)) if bound.low else bound.span
    if span is not None:
        kind = "stamp" if bound.by.kind == "date" else bound.by.kind
        by = replace(bound.by, steps=steps[:-1], kind=kind)
        yield replace(bound, by=by, span=span)


def _between(low: Bound, high: Bound) -> list[Law]:
    bends = [meeting(bound.by.kind, bound.of.kind) for bound in (low, high)]
    if None in bends:
        return []
    sides = (low.by, low.of, high.by, high.of)
    bend: Reach = tuple(each for each in TURNED if any(each in side.clocks for side in sides))
    if any(bends):
        bend = (OTHER_CLOCK, *bend)
    there = Near(negative(low.span), high.span)
    again = Near(high.span, negative(low.span))
    one = Chain(low.by.base, low.by.steps)
    other = Chain(low.of.base, low.of.steps)
    return _both(one, other, (there, *bend), (again, *bend), low.why, True)
