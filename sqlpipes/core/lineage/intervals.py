"""An interval that is written out -> spans. Months are told apart from days, which engines add after them."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.hops import negative
from sqlpipes.core.partitions import Span

MONTHS_IN = {"year": 12, "yr": 12, "quarter": 3, "month": 1, "mon": 1}
DAYS_IN = {"week": 7, "day": 1}
SECOND = 1_000_000
MICROS_IN = {
    "hour": 3600 * SECOND, "minute": 60 * SECOND, "second": SECOND, "millisecond": 1000,
    "microsecond": 1, "min": 60 * SECOND, "sec": SECOND,
}  # fmt: skip
TIMES = (exp.DateBin, exp.WindowSpec)  # where a bare text is an interval
PART = re.compile(r"\s*([+-]?\d+)\s*([a-z]+)\s*", re.IGNORECASE)


def spans_of(node: Any) -> list[Span] | None:
    """The parts of an interval that is written out, months before days; None for any other."""
    if isinstance(node, exp.Paren):
        return spans_of(node.this)
    if isinstance(node, exp.Neg):
        inner = spans_of(node.this)
        return None if inner is None else [negative(span) for span in inner]
    if isinstance(node, exp.Cast) and node.args["to"].this is exp.DType.INTERVAL:
        text = node.this.name if isinstance(node.this, exp.Literal) else None
    elif isinstance(node, exp.ToDays):
        number = integer(node.this)
        text = None if number is None else f"{number} days"
    elif isinstance(node, exp.Interval):
        text = _interval_text(node)
    elif isinstance(node, exp.Literal) and node.is_string and isinstance(node.parent, TIMES):
        text = node.name
    else:
        text = None
    return None if text is None else _spans(text)


def _interval_text(node: Any) -> str | None:
    number = node.this
    while isinstance(number, exp.Paren):
        number = number.this
    unit = word(node.args.get("unit"))
    if isinstance(number, exp.Literal):
        return f"{number.name} {unit}".strip()
    whole = integer(number)
    return None if whole is None else f"{whole} {unit}"


def _spans(text: str) -> list[Span] | None:
    months = days = micros = at = 0
    while at < len(text):
        match = PART.match(text, at)
        if match is None:
            return None
        number, unit = int(match[1]), match[2].lower()
        unit = unit[:-1] if unit.endswith("s") and len(unit) > 1 else unit
        if unit not in MONTHS_IN and unit not in DAYS_IN and unit not in MICROS_IN:
            return None
        months += number * MONTHS_IN.get(unit, 0)
        days += number * DAYS_IN.get(unit, 0)
        micros += number * MICROS_IN.get(unit, 0)
        at = match.end()
    return [
        span for span in (Span(months=months), Span(days=days, micros=micros)) if span != Span()
    ]


def word(node: Any) -> str:
    return str(node.name).lower() if node is not None else ""


def integer(node: Any) -> int | None:
    if isinstance(node, exp.Paren):
        return integer(node.this)
    if isinstance(node, exp.Neg):
        inner = integer(node.this)
        return None if inner is None else -inner
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
        return int(node.name)
    return None
