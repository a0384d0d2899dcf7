"""Dates and times."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import DATE, INT, STAMPS, TIMESTAMP, TIMESTAMPTZ
from sqlpipes.core.sql.porting.numbers import as_double
from sqlpipes.core.sql.porting.porting import FAMILY, Porting, call, family, ours

DIFFERENCES = frozenset({"DAY", "HOUR", "MINUTE", "MONTH", "QUARTER", "YEAR"})
TRUNCATIONS = frozenset({"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})
PARTS = frozenset(
    {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOW", "ISODOW", "DOY", "HOUR", "MINUTE"}
)
UNITS = frozenset({"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"})
FORMATS = {
    "%Y": "YYYY",
    "%m": "MM",
    "%d": "DD",
    "%H": "HH24",
    "%M": "MI",
    "%S": "SS",
    "%y": "YY",
    "%j": "DDD",
}
TODAY = "cast it to a date or a timestamp first"


def unit_of(node: Any) -> str:
    unit = node.args.get("unit")
    return str(unit.name).upper().removesuffix("S") if unit is not None else "DAY"


def stamp(porting: Porting, node: Any, part: Any) -> bool:
    if family(part) in STAMPS:
        return True
    known = family(part) or "value of a type that is not known"
    porting.refuse(node, "TRN003", f"this function of a {known} is not the same there", TODAY)
    return False


def _difference(porting: Porting, node: Any) -> Any:
    """Borders between two times, as DuckDB counts them."""
    unit = unit_of(node)
    if unit not in DIFFERENCES:
        message = f"date_diff('{unit.lower()}') counts otherwise there"
        porting.refuse(node, "TRN001", message, f"portable are {listed(DIFFERENCES)}")
        return node
    for part in (node.this, node.expression):
        if not stamp(porting, node, part):
            return node
    first, last = node.expression, node.this
    if unit == "DAY":
        found: Any = exp.Sub(this=_as(last, "date"), expression=_as(first, "date"))
    elif unit in ("HOUR", "MINUTE"):
        found = exp.Sub(this=_borders(last, unit), expression=_borders(first, unit))
    else:
        found = exp.Sub(this=_months(last, unit), expression=_months(first, unit))
    return _ours(exp.Cast(this=exp.Paren(this=found), to=exp.DataType.build("bigint")))


def _as(node: Any, kind: str) -> Any:
    if kind == family(node):
        return node.copy()
    return exp.Cast(this=node.copy(), to=exp.DataType.build(kind))


def _borders(node: Any, unit: str) -> Any:
    """Hours or minutes since 1970, rounded down also before that."""
    seconds = exp.Extract(this=exp.var("EPOCH"), expression=_as(node, "timestamp"))
    size = exp.Literal.number(3600 if unit == "HOUR" else 60)
    return call("floor", exp.Div(this=seconds, expression=size, typed=True))


def _months(node: Any, unit: str) -> Any:
    year: Any = exp.Extract(this=exp.var("YEAR"), expression=node.copy())
    if unit == "YEAR":
        return exp.Paren(this=year)
    part = exp.Extract(this=exp.var(unit), expression=node.copy())
    each = exp.Literal.number(12 if unit == "MONTH" else 4)
    return exp.Paren(this=exp.Add(this=exp.Mul(this=year, expression=each), expression=part))


def _truncated(porting: Porting, node: Any) -> Any:
    """Of a date Postgres makes an instant."""
    unit = unit_of(node)
    if unit not in TRUNCATIONS:
        message = f"date_trunc('{unit.lower()}') is not proven to be the same there"
        porting.refuse(node, "TRN001", message, f"portable are {listed(TRUNCATIONS)}")
        return node
    if not stamp(porting, node, node.this):
        return node
    value = node.this.copy() if family(node.this) != DATE else _ours(_as(node.this, "timestamp"))
    return call("date_trunc", exp.Literal.string(unit.lower()), value)


def _part(porting: Porting, node: Any) -> Any:
    name = str(node.name).upper()
    if not stamp(porting, node, node.expression):
        return node
    if name == "EPOCH":
        return as_double(ours(node.copy()))
    if name == "SECOND":
        return call("floor", ours(node.copy()))
    if name not in PARTS:
        message = f"the part '{name.lower()}' of a time is not proven to be the same there"
        porting.refuse(node, "TRN001", message, f"portable are {listed(PARTS)}")
    return node


def _part_of(name: str) -> Any:
    def rule(porting: Porting, node: Any) -> Any:
        if not stamp(porting, node, node.this):
            return node
        found = ours(exp.Extract(this=exp.var(name), expression=node.this.copy()))
        return call("floor", found) if name == "SECOND" else found

    return rule


def _epoch(porting: Porting, node: Any) -> Any:
    if not stamp(porting, node, node.this):
        return node
    return as_double(ours(exp.Extract(this=exp.var("EPOCH"), expression=node.this.copy())))


def _interval(porting: Porting, node: Any) -> Any:
    amount, unit = node.args.get("this"), node.args.get("unit")
    said = str(unit.name).upper().removesuffix("S") if unit is not None else ""
    if (
        isinstance(amount, exp.Literal)
        and said in UNITS
        and re.fullmatch(r"-?\d+", str(amount.this))
    ):
        return node
    hint = "a whole number and one unit: interval 7 days. For n days: n * ... is not portable"
    porting.refuse(node, "TRN001", "this interval is not proven to be the same there", hint)
    return node


def _moved(porting: Porting, node: Any) -> Any:
    """Instants move by days in the session's zone, which may not be the same one."""
    kinds = {family(node.left), family(node.right)}
    if TIMESTAMPTZ in kinds and kinds & {DATE, TIMESTAMP}:
        porting.refuse(
            node, "TRN003", "an instant and a time without zone do not meet the same there"
        )
    return node


def _formatted(porting: Porting, node: Any) -> Any:
    form = node.args.get("format")
    text = str(form.this) if isinstance(form, exp.Literal) else ""
    pieces = re.findall(r"%.|[^%]+", text)
    known = all(piece in FORMATS or re.fullmatch(r"[^%A-Za-z\"\\]+", piece) for piece in pieces)
    if not pieces or not known or not stamp(porting, node, node.this):
        if not known or not pieces:
            hint = f"portable are {' '.join(FORMATS)} and signs between them"
            porting.refuse(node, "TRN001", "this form of a time is not proven portable", hint)
        return node
    said = "".join(FORMATS.get(piece, piece) for piece in pieces)
    return call("to_char", node.this.copy(), exp.Literal.string(said))


def _series(porting: Porting, node: Any) -> Any:
    for part in (node.args.get("start"), node.args.get("end")):
        if part is not None and family(part) != INT:
            porting.refuse(
                node, "TRN003", "a series of other than whole numbers is not the same there"
            )
            return node
    return node


def _ours(node: Any) -> Any:
    for found in node.walk():
        if found.meta.get(FAMILY) is None:
            ours(found)
    return ours(node)


def listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(name.lower() for name in names))


TIMES = {
    "DateDiff": _difference,
    "TimestampTrunc": _truncated,
    "DateTrunc": _truncated,
    "Extract": _part,
    "Year": _part_of("YEAR"),
    "Month": _part_of("MONTH"),
    "Day": _part_of("DAY"),
    "Quarter": _part_of("QUARTER"),
    "Hour": _part_of("HOUR"),
    "Minute": _part_of("MINUTE"),
    "Second": _part_of("SECOND"),
    "DayOfWeek": _part_of("DOW"),
    "DayOfYear": _part_of("DOY"),
    "TimeToUnix": _epoch,
    "Interval": _interval,
    "Add": _moved,
    "Sub": _moved,
    "TimeToStr": _formatted,
    "GenerateSeries": _series,
}
