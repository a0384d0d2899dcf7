"""Window functions -> around which values of a column each looks; nothing, when it may look anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlglot import exp

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.hops import Step, negative, turned
from sqlpipes.core.lineage.intervals import spans_of
from sqlpipes.core.lineage.proofs import FRAME, NOWHERE, Value, Why
from sqlpipes.core.lineage.reading import offset_of
from sqlpipes.core.partitions import Near, Reach, Span

QUERIES = (exp.Query, exp.Values)
FRAMED = (
    exp.Sum, exp.Count, exp.Avg, exp.Min, exp.Max, exp.Stddev, exp.StddevSamp, exp.StddevPop,
    exp.Variance, exp.VariancePop, exp.Median, exp.ArrayAgg, exp.GroupConcat, exp.CountIf,
    exp.LogicalAnd, exp.LogicalOr, exp.FirstValue, exp.LastValue,
)  # fmt: skip
"""Functions of the rows in their frame only; rank, lag and their like look beyond it."""


@dataclass(frozen=True, slots=True)
class Look:
    """For a row with `at`, rows with `at` within the reach of its own are looked at, and no others."""

    at: Value
    reach: Reach = ()
    why: Why = NOWHERE


def windows_in(node: Any) -> Iterator[Any]:
    """Window functions of this expression, not of the queries in it."""
    todo = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, exp.Window):
            yield current
        if not isinstance(current, QUERIES):
            todo += current.iter_expressions()


def looks_of(
    window: Any, named: Mapping[str, Any], read: Callable[[Any], Value | None]
) -> list[Look]:
    """Any one of them is true of the function. `named`: the WINDOW clause, names case-folded."""
    spelt = _clauses(window, named)
    if spelt is None:
        return []
    found = [Look(value) for part in spelt[0] if (value := read(part)) is not None]
    return found + _range(window, spelt[1], spelt[2], read)


def _clauses(window: Any, named: Mapping[str, Any]) -> tuple[list[Any], Any, Any] | None:
    """PARTITION BY, ORDER BY and the frame, those of a named window included."""
    parts = list(window.args.get("partition_by") or ())
    order, spec = window.args.get("order"), window.args.get("spec")
    if window.args.get("alias") is None:
        return parts, order, spec
    found = named.get(window.args["alias"].name.casefold())
    inner = _clauses(found, named) if found is not None else None
    if inner is None:
        return None
    return inner[0] + parts, order or inner[1], spec or inner[2]


def _range(window: Any, order: Any, spec: Any, read: Callable[[Any], Value | None]) -> list[Look]:
    """ORDER BY one time, RANGE BETWEEN two intervals."""
    function = window.this
    while isinstance(function, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        function = function.this
    if order is None or len(order.expressions) != 1 or not isinstance(function, FRAMED):
        return []
    if spec is None or str(spec.args.get("kind")).upper() != "RANGE":
        return []
    low = _edge(spec.args.get("start"), spec.args.get("start_side"))
    given = spec.args.get("end")
    high = Span() if given is None else _edge(given, spec.args.get("end_side"))
    key = order.expressions[0]
    value = read(key.this if isinstance(key, exp.Ordered) else key)
    if low is None or high is None or value is None or value.only is None:
        return []
    if isinstance(key, exp.Ordered) and key.args.get("desc"):
        low, high = negative(high), negative(low)
    return [_near(value, low, high, Why(FRAME, offset_of(window) or 0))]


def _near(value: Value, low: Span, high: Span, why: Why) -> Look:
    near = Near(negative(low), high)
    clock = () if near == Near() else turned(value.kind, low, high)
    return Look(value, (near, *clock), why)


def _edge(node: Any, side: Any) -> Span | None:
    """How far from the row's own value, negative before it; None without a bound."""
    if str(getattr(node, "name", node)).upper() == "CURRENT ROW":
        return Span()
    spans = spans_of(node) if isinstance(node, exp.Expression) else None
    if spans is None or len(spans) > 1 or str(side).upper() not in ("PRECEDING", "FOLLOWING"):
        return None
    span = spans[0] if spans else Span()
    return negative(span) if str(side).upper() == "PRECEDING" else span


def rest_of(long: tuple[Step, ...], short: tuple[Step, ...]) -> tuple[Step, ...] | None:
    """The steps of the one after those of the other; None when it begins otherwise."""
    return long[len(short) :] if long[: len(short)] == short else None
