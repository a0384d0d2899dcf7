"""Dates and times. Sessions are in UTC, so an instant and the time that its clock shows are one."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import DATE, INT, INTERVAL, TIMESTAMP, TIMESTAMPTZ
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours
from sqlpipes.core.sql.porting.spark.casts import local_time, typed
from sqlpipes.core.sql.porting.times import (
    DIFFERENCES,
    TODAY,
    TRUNCATIONS,
    UNITS,
    listed,
    stamp,
    unit_of,
)

PARTS = {
    "YEAR": "year",
    "QUARTER": "quarter",
    "MONTH": "month",
    "WEEK": "weekofyear",
    "DAY": "day",
    "DOY": "dayofyear",
    "HOUR": "hour",
    "MINUTE": "minute",
    "SECOND": "second",
}
FORMATS = {
    "%Y": "yyyy",
    "%m": "MM",
    "%d": "dd",
    "%H": "HH",
    "%M": "mm",
    "%S": "ss",
    "%y": "yy",
    "%j": "DDD",
}


def part_of(name: str, value: Any) -> Any:
    """A part of a time, as a whole number."""
    time = local_time(value)
    if name == "DOW":
        return _held(exp.Sub(this=call("dayofweek", time), expression=exp.Literal.number(1)))
    if name == "ISODOW":
        return _held(exp.Add(this=call("weekday", time), expression=exp.Literal.number(1)))
    return call(PARTS[name], time)


def _held(node: Any) -> Any:
    return ours(exp.Paren(this=ours(node)))


def _instant(value: Any) -> Any:
    return value.copy() if family(value) == TIMESTAMPTZ else typed(local_time(value), "timestamptz")


def _difference(porting: Porting, node: Any) -> Any:
    """Borders between two times, as DuckDB counts them."""
    unit = unit_of(node)
    if unit not in DIFFERENCES:
        message = f"date_diff('{unit.lower()}') counts otherwise there"
        porting.refuse(node, "TRN001", message, f"portable are {listed(DIFFERENCES)}")
        return node
    first, last = node.expression, node.this
    if not all(stamp(porting, node, part) for part in (first, last)):
        return node
    if unit == "DAY":
        return typed(call("datediff", _day(last), _day(first)), "bigint")
    count = _borders if unit in ("HOUR", "MINUTE") else _months
    return typed(_held(exp.Sub(this=count(last, unit), expression=count(first, unit))), "bigint")


def _day(value: Any) -> Any:
    return value.copy() if family(value) == DATE else typed(value.copy(), "date")


def _borders(value: Any, unit: str) -> Any:
    """Hours or minutes since 1970, rounded down also before that."""
    size = exp.Literal.number("3600D" if unit == "HOUR" else "60D")
    seconds = call("unix_seconds", _instant(value))
    return call("floor", ours(exp.Div(this=seconds, expression=size)))


def _months(value: Any, unit: str) -> Any:
    year = part_of("YEAR", value)
    if unit == "YEAR":
        return year
    each = exp.Literal.number(12 if unit == "MONTH" else 4)
    whole = ours(exp.Mul(this=year, expression=each))
    return _held(exp.Add(this=whole, expression=part_of(unit, value)))


def _truncated(porting: Porting, node: Any) -> Any:
    unit = unit_of(node)
    if unit not in TRUNCATIONS:
        message = f"date_trunc('{unit.lower()}') is not proven to be the same there"
        porting.refuse(node, "TRN001", message, f"portable are {listed(TRUNCATIONS)}")
        return node
    if not stamp(porting, node, node.this):
        return node
    found = call("date_trunc", exp.Literal.string(unit.lower()), _instant(node.this))
    return found if family(node.this) == TIMESTAMPTZ else typed(found, "timestampntz")


def _part(porting: Porting, node: Any) -> Any:
    name = str(node.name).upper()
    if not stamp(porting, node, node.expression):
        return node
    if name == "EPOCH":
        return _seconds(node.expression)
    if name not in (*PARTS, "DOW", "ISODOW"):
        message = f"the part '{name.lower()}' of a time is not proven to be the same there"
        hint = f"portable are {listed(frozenset((*PARTS, 'DOW', 'ISODOW')))}"
        porting.refuse(node, "TRN001", message, hint)
        return node
    return part_of(name, node.expression)


def _seconds(value: Any) -> Any:
    size = exp.Literal.number("1000000D")
    return _held(exp.Div(this=call("unix_micros", _instant(value)), expression=size))


def _part_named(name: str) -> Any:
    def rule(porting: Porting, node: Any) -> Any:
        if not stamp(porting, node, node.this):
            return node
        return part_of(name, node.this)

    return rule


def _epoch(porting: Porting, node: Any) -> Any:
    return _seconds(node.this) if stamp(porting, node, node.this) else node


def _interval(porting: Porting, node: Any) -> Any:
    amount, unit = node.args.get("this"), node.args.get("unit")
    said = str(unit.name).upper().removesuffix("S") if unit is not None else ""
    if (
        not isinstance(amount, exp.Literal)
        or said not in UNITS
        or not re.fullmatch(r"-?\d+", str(amount.this))
    ):
        hint = "a whole number and one unit: interval 7 days. For n days: n * ... is not portable"
        porting.refuse(node, "TRN001", "this interval is not proven to be the same there", hint)
        return node
    count = int(str(amount.this)) * (7 if said == "WEEK" else 1)
    kept = exp.var("DAY" if said == "WEEK" else said)
    return ours(exp.Interval(this=exp.Literal.string(str(count)), unit=kept))


def _moved(porting: Porting, node: Any) -> Any:
    """A date and an interval are a time; two dates are some days apart."""
    left, right = family(node.left), family(node.right)
    if TIMESTAMPTZ in (left, right) and {left, right} & {DATE, TIMESTAMP}:
        porting.refuse(
            node, "TRN003", "an instant and a time without zone do not meet the same there"
        )
    elif INTERVAL in (left, right) and {left, right} <= {INTERVAL, None}:
        porting.refuse(node, "TRN003", "this sum of intervals is not the same there", TODAY)
    elif left == right == DATE and isinstance(node, exp.Sub):
        return call("datediff", node.left.copy(), node.right.copy())
    elif {left, right} == {DATE, INT} and isinstance(node, exp.Add):
        day, count = (node.left, node.right) if left == DATE else (node.right, node.left)
        return call("date_add", day.copy(), count.copy())
    elif left == DATE and right == INT:
        return call("date_sub", node.left.copy(), node.right.copy())
    elif DATE in (left, right) and {left, right} & {INTERVAL, TIMESTAMP}:
        found = node.copy()
        for key, kind, part in (("this", left, node.left), ("expression", right, node.right)):
            found.set(key, local_time(part) if kind == DATE else part.copy())
        return found
    return node


def _formatted(porting: Porting, node: Any) -> Any:
    form = node.args.get("format")
    text = str(form.this) if isinstance(form, exp.Literal) else ""
    pieces = re.findall(r"%.|[^%]+", text)
    known = all(piece in FORMATS or re.fullmatch(r"[^%A-Za-z\"\\']+", piece) for piece in pieces)
    if not pieces or not known:
        hint = f"portable are {' '.join(FORMATS)} and signs between them"
        porting.refuse(node, "TRN001", "this form of a time is not proven portable", hint)
        return node
    if not stamp(porting, node, node.this):
        return node
    said = "".join(FORMATS.get(piece, f"'{piece}'") for piece in pieces)
    return call("date_format", _instant(node.this), exp.Literal.string(said))


TIMES = {
    "DateDiff": _difference,
    "TimestampTrunc": _truncated,
    "DateTrunc": _truncated,
    "Extract": _part,
    "Year": _part_named("YEAR"),
    "Month": _part_named("MONTH"),
    "Day": _part_named("DAY"),
    "Quarter": _part_named("QUARTER"),
    "Hour": _part_named("HOUR"),
    "Minute": _part_named("MINUTE"),
    "Second": _part_named("SECOND"),
    "DayOfWeek": _part_named("DOW"),
    "DayOfYear": _part_named("DOY"),
    "TimeToUnix": _epoch,
    "Interval": _interval,
    "Add": _moved,
    "Sub": _moved,
    "TimeToStr": _formatted,
}
