"""An expression -> the value it is: which column, and by which steps. None for all that is no time,
and no copy. What is read here must mean the same in DuckDB and in Postgres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.hops import (
    TIMES,
    WALL,
    Step,
    another_clock,
    bucketed,
    maybe_null,
    meeting,
    negative,
    shifted,
    shown,
    truncated,
)
from sqlpipes.core.lineage.intervals import SECOND, integer, spans_of, word
from sqlpipes.core.lineage.proofs import FUNCTION, Chain, Value, Why
from sqlpipes.core.lineage.reading import offset_of
from sqlpipes.core.partitions import Grain, Span

Reader = Callable[[Any], Value | None]
"""Reads an expression below this one: names are resolved there."""

UNITS = {
    "year": Grain.YEAR, "quarter": Grain.QUARTER, "month": Grain.MONTH, "week": Grain.WEEK,
    "day": Grain.DAY, "hour": Grain.HOUR, "minute": Grain.MINUTE,
}  # fmt: skip
FORMATS = {
    "%Y-%m-%d": Grain.DAY, "%Y-%m-01": Grain.MONTH, "%Y-01-01": Grain.YEAR, "%Y%m01": Grain.MONTH,
    "%Y%m%d": Grain.DAY, "%Y0101": Grain.YEAR,
}  # fmt: skip
DASHED = frozenset({"%Y-%m-%d", "%Y-%m-01", "%Y-01-01"})
INTEGERS = frozenset(
    {
        exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT, exp.DType.INT128,
        exp.DType.UTINYINT, exp.DType.USMALLINT, exp.DType.UINT, exp.DType.UBIGINT, exp.DType.UINT128,
    }
)  # fmt: skip
KINDS = {
    exp.DType.DATE: "date", exp.DType.TIMESTAMP: "stamp", exp.DType.TIMESTAMPNTZ: "stamp",
    exp.DType.TIMESTAMPTZ: "tz", exp.DType.TIMESTAMPLTZ: "tz", exp.DType.TEXT: "text",
    exp.DType.VARCHAR: "text", exp.DType.FLOAT: "float", exp.DType.DOUBLE: "float",
    exp.DType.DECIMAL: "decimal", exp.DType.CHAR: "char", exp.DType.BPCHAR: "char",
    exp.DType.TIMESTAMP_S: None, exp.DType.TIMESTAMP_MS: None, exp.DType.TIMESTAMP_NS: None,
}  # fmt: skip


def kind_of(type_: Any) -> str | None:
    """What a type means for a comparison; None when that is not known."""
    if type_ is None or type_.this in (exp.DType.UNKNOWN, exp.DType.NULL):
        return None
    if type_.this in INTEGERS:
        return "int"
    if type_.this in KINDS:
        return KINDS[type_.this]
    return f"other {type_.sql()}"


def kind_made(node: Any) -> str | None:
    """The kind of what is no copy of anything: a cast, a series."""
    while isinstance(node, (exp.Paren, exp.Alias, exp.Explode, exp.Unnest)):
        node = node.expressions[0] if isinstance(node, exp.Unnest) else node.this
    if isinstance(node, exp.GenerateSeries):
        kind, step = kind_made(node.args.get("start")), node.args.get("step")
        return "stamp" if kind in WALL and isinstance(step, exp.Interval) else None
    if isinstance(node, exp.Cast) and not node.args["to"].expressions:
        return kind_of(node.args["to"])
    return None


def value_of(node: Any, read: Reader, dialect: str) -> Value | None:
    """The value of anything but a name, which `read` knows."""
    found = STEPPING.get(type(node))
    if found is not None:
        return found(node, read, dialect)
    either = _parts_of(node)
    if either is not None:
        return _either([read(part) for part in either])
    return _stepped_by_call(node, read) if isinstance(node, exp.Anonymous) else None


def with_steps(
    value: Value | None, steps: Sequence[Step] | None, kind: str | None, node: Any
) -> Value | None:
    if value is None or steps is None:
        return None
    why = Why(FUNCTION, offset_of(node) or 0)
    chains = tuple(
        Chain(c.base, (*c.steps, *steps), why if why.rank > c.why.rank else c.why)
        for c in value.chains
    )
    return Value(chains, kind)


def settled(value: Value | None) -> Value | None:
    """A local time that the session's clock made an instant of: its own clock is gone."""
    if value is None or value.kind != "session":
        return value
    chains = tuple(Chain(c.base, (*c.steps, *another_clock()), c.why) for c in value.chains)
    return Value(chains, "tz")


def _either(parts: Sequence[Value | None]) -> Value | None:
    """Each part's own clock counts; one that is unknown may be anything."""
    values = [settled(part) for part in parts]
    chains: list[Chain] = []
    kind = values[0].kind if values and values[0] is not None else None
    for value in values:
        bend = None if value is None else meeting(kind, value.kind)
        if value is None or bend is None:
            return None
        steps = (*another_clock(), *maybe_null()) if bend else maybe_null()
        chains += [Chain(c.base, (*c.steps, *steps), c.why) for c in value.chains]
    kinds = {value.kind for value in values if value is not None}
    same = kind if len(kinds) == 1 else "stamp" if kinds <= WALL else None
    return Value(tuple(chains), same) if chains else None


def _parts_of(node: Any) -> list[Any] | None:
    """The expressions one of which is the value of this one, or NULL."""
    if isinstance(node, (exp.Coalesce, exp.Greatest, exp.Least)):
        return [node.this, *node.expressions]
    if isinstance(node, exp.Nullif):
        return [node.this]
    if isinstance(node, exp.If):
        branches = [node.args.get("true"), node.args.get("false")]
    elif isinstance(node, exp.Case):
        branches = [branch.args.get("true") for branch in node.args["ifs"]]
        branches.append(node.args.get("default"))
    else:
        return None
    return [
        branch for branch in branches if branch is not None and not isinstance(branch, exp.Null)
    ]


def _cast(node: Any, read: Reader, dialect: str) -> Value | None:
    made = _made_of_text(node, read)
    if made is not None:
        return made
    value, target = read(node.this), node.args["to"]
    if value is None or node.args.get("format") or node.args.get("action"):
        return None
    kind = kind_of(target)
    if isinstance(node, exp.TryCast) and not (kind in WALL and value.kind in WALL):
        return None
    if kind in ("text", "int"):
        sound = value.kind in ("int", kind) and not target.expressions
        return with_steps(value, (), kind, node) if sound else None
    if target.this is exp.DType.DATE:
        steps, found = _to_date(value.kind), "date"
    elif kind == "stamp" and not target.expressions:
        steps, found = _to_clock(value.kind, WALL), "stamp"
    elif kind == "tz" and not target.expressions:
        steps, found = _to_clock(value.kind, frozenset({"tz"})), "tz"
    else:
        return None
    return with_steps(value, steps, found, node)


def _to_date(kind: str | None) -> tuple[Step, ...] | None:
    if kind == "date":
        return ()
    return shown(Grain.DAY, "stamp" if kind == "session" else kind)


def _to_clock(kind: str | None, same: frozenset[str]) -> tuple[Step, ...] | None:
    if kind in same:
        return ()
    return another_clock() if kind in TIMES else None


def _made_of_text(node: Any, read: Reader) -> Value | None:
    """strftime(c, '%Y-%m-01')::date."""
    inner = node.this
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if not isinstance(inner, exp.TimeToStr) or node.args["to"].this is not exp.DType.DATE:
        return None
    form = inner.args.get("format")
    unit = FORMATS.get(form.name) if isinstance(form, exp.Literal) and form.name in DASHED else None
    value = read(inner.this)
    if unit is None or value is None or isinstance(node, exp.TryCast):
        return None
    return with_steps(value, shown(unit, value.kind), "date", node)


def _trunc(node: Any, read: Reader, dialect: str) -> Value | None:
    unit, value = UNITS.get(word(node.args.get("unit"))), read(node.this)
    if unit is None or value is None:
        return None
    if node.args.get("zone") is not None:
        steps = _trunc_in_zone(unit, value.kind)
        return with_steps(value, steps, "tz", node)
    kind = value.kind if value.kind not in WALL else "stamp"
    if value.kind == "date" and dialect != "duckdb":
        kind = "session"
    steps = truncated(unit, value.kind)
    if value.kind is None and dialect != "duckdb" and steps is not None:
        steps = (*steps, *another_clock())  # of a date it makes an instant
    return with_steps(value, steps, kind, node)


def _trunc_in_zone(unit: Grain, kind: str | None) -> tuple[Step, ...] | None:
    """What has no zone is first made an instant, by the session's clock."""
    if kind not in TIMES:
        return None
    instant = () if kind == "tz" else another_clock()
    return (*instant, *(truncated(unit, "tz") or ()))


def _day(node: Any, read: Reader, dialect: str) -> Value | None:
    """date(c)."""
    if node.args.get("zone") is not None or node.expressions or node.this is None:
        return None
    value = read(node.this)
    return None if value is None else with_steps(value, _to_date(value.kind), "date", node)


def _bucket(node: Any, read: Reader, dialect: str) -> Value | None:
    """time_bucket and date_bin. Stretches of months or of another origin than the units' need care."""
    value, spans = read(node.expression), spans_of(node.this)
    if value is None or spans is None or len(spans) != 1 or node.args.get("zone") is not None:
        return None
    width, moved = spans[0], node.args.get("unit") is not None
    unit = None if moved else _aligned(width)
    if unit is not None:
        steps = truncated(unit, value.kind)
    elif width.months or width.days < 0 or width.micros < 0 or value.kind == "session":
        return None
    else:
        steps = bucketed(width, value.kind)
    return with_steps(value, steps, "stamp" if value.kind in WALL else value.kind, node)


def _aligned(width: Span) -> Grain | None:
    known = {
        Span(months=1): Grain.MONTH, Span(months=3): Grain.QUARTER, Span(months=12): Grain.YEAR,
        Span(days=1): Grain.DAY, Span(days=7): Grain.WEEK,
        Span(micros=3600 * SECOND): Grain.HOUR, Span(micros=60 * SECOND): Grain.MINUTE,
    }  # fmt: skip
    return known.get(width)


def _last_day(node: Any, read: Reader, dialect: str) -> Value | None:
    value = read(node.this)
    if value is None or node.args.get("unit") is not None or value.kind not in WALL:
        return None
    month = truncated(Grain.MONTH, value.kind) or ()
    rest = shifted([Span(months=1), Span(days=-1)], "stamp") or ()
    return with_steps(value, (*month, *rest), "date", node)


def _plus(node: Any, read: Reader, dialect: str) -> Value | None:
    value, spans = read(node.this), spans_of(node.expression)
    if spans is None and isinstance(node, exp.Add) and spans_of(node.this) is not None:
        value, spans = read(node.expression), spans_of(node.this)
    if value is None:
        return None
    if spans is None:
        return _plus_days(node, value)
    if isinstance(node, exp.Sub):
        spans = [negative(span) for span in spans]
    return _moved(value, spans, node)


def _moved(value: Value, spans: Sequence[Span], node: Any) -> Value | None:
    instant = settled(value)
    kind = "stamp" if value.kind in WALL else "tz" if value.kind == "session" else value.kind
    return with_steps(instant, shifted(spans, kind), kind, node)


def _plus_days(node: Any, value: Value) -> Value | None:
    """A date and a number of days."""
    number = integer(node.expression)
    if number is None or value.kind != "date":
        return None
    days = -number if isinstance(node, exp.Sub) else number
    return with_steps(value, shifted([Span(days=days)], "date"), "date", node)


def _date_add(node: Any, read: Reader, dialect: str) -> Value | None:
    """date_add(c, interval '1 day') of DuckDB."""
    value, spans = read(node.this), spans_of(node.expression)
    if value is None or spans is None or node.args.get("unit") is not None:
        return None
    return _moved(value, spans, node)


def _at_zone(node: Any, read: Reader, dialect: str) -> Value | None:
    value = read(node.this)
    if value is None or value.kind not in TIMES:
        return None
    kind = {"tz": "stamp", "stamp": "tz"}.get(value.kind or "")
    return with_steps(value, another_clock(), kind, node)


def _from_parts(node: Any, read: Reader, dialect: str) -> Value | None:
    return _made_of_parts(node, [node.args.get(part) for part in ("year", "month", "day")], read)


def _stepped_by_call(node: Any, read: Reader) -> Value | None:
    if str(node.name).lower() == "make_date" and len(node.expressions) == 3:
        return _made_of_parts(node, node.expressions, read)
    return None


def _made_of_parts(node: Any, parts: Sequence[Any], read: Reader) -> Value | None:
    """make_date(year(c), month(c), 1) and make_date(year(c), 1, 1)."""
    year, month = (_part_of(part) for part in parts[:2])
    if year is None or year[0] != "year" or integer(parts[2]) != 1:
        return None
    if month is not None and month == ("month", year[1]):
        unit = Grain.MONTH
    elif integer(parts[1]) == 1:
        unit = Grain.YEAR
    else:
        return None
    value = read(year[1])
    if value is None or value.kind == "session":
        return None
    return with_steps(value, shown(unit, value.kind), "date", node)


def _part_of(node: Any) -> tuple[str, Any] | None:
    """(unit, expression) of year(c), month(c), extract(year from c), date_part('year', c)."""
    while isinstance(node, (exp.Paren, exp.Cast)):
        if isinstance(node, exp.Cast) and kind_of(node.args["to"]) != "int":
            return None
        node = node.this
    if isinstance(node, (exp.Year, exp.Month)):
        return node.key, node.this
    if isinstance(node, exp.Extract):
        return word(node.this), node.expression
    called = str(node.name).lower() if isinstance(node, exp.Anonymous) else ""
    if called in ("date_part", "datepart") and len(node.expressions) == 2:
        return word(node.expressions[0]), node.expressions[1]
    return None


STEPPING: dict[Any, Callable[[Any, Reader, str], Value | None]] = {
    exp.Cast: _cast, exp.TryCast: _cast, exp.TimestampTrunc: _trunc, exp.DateTrunc: _trunc,
    exp.Date: _day, exp.DateBin: _bucket, exp.LastDay: _last_day, exp.Add: _plus, exp.Sub: _plus,
    exp.DateAdd: _date_add, exp.AtTimeZone: _at_zone, exp.DateFromParts: _from_parts,
}  # fmt: skip
