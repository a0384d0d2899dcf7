"""CAST and TRY_CAST."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.casts import (
    DECLARE,
    LONG,
    LONG_HINT,
    NUMBER,
    RANGES,
    TOO_LONG,
    TYPES,
    WIDTH_HINT,
    digits_of,
    is_narrow,
    type_name,
    unit,
)
from sqlpipes.core.sql.porting.families import (
    BOOL,
    DATE,
    DECIMAL,
    EXACT,
    FLOAT,
    INT,
    NULL,
    NUMBERS,
    SAFE_TEXT,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    named,
)
from sqlpipes.core.sql.porting.numbers import as_double
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours
from sqlpipes.core.sql.porting.spark.numbers import half_away

HEX = r"0[xX]0*[0-9a-fA-F]{1,16}"
BINARY = r"0[bB]0*[01]{1,63}"
UNDERLINED = r"_(?![0-9a-fA-F])|(?<![0-9a-fA-F])_"  # one that is not between two digits


def typed(node: Any, kind: str) -> Any:
    return ours(exp.Cast(this=node, to=exp.DataType.build(kind)))


def local_time(node: Any) -> Any:
    """A time without zone, which a date or an instant becomes."""
    return node.copy() if family(node) == TIMESTAMP else typed(node.copy(), "timestampntz")


def _cast(porting: Porting, node: Any) -> Any:
    kind, said = type_name(node), family(node.this)
    if kind not in TYPES:
        hint = "use bigint, decimal(p, s), double, varchar, boolean, date or timestamp"
        porting.refuse(node, "TRN001", f"the type {kind} has no counterpart there", hint)
        return node
    wanted = named(kind)
    if wanted == TEXT:
        return _to_text(porting, node, said)
    if wanted == INT:
        return _to_int(porting, node, said)
    if wanted == BOOL and said in EXACT:
        zero = exp.Literal.number(0)
        return ours(exp.Paren(this=exp.NEQ(this=node.this.copy(), expression=zero)))
    if wanted == DATE and said == TIMESTAMPTZ:
        porting.refuse(node, "TRN003", "the day of an instant hangs on the session's zone")
    elif wanted == DECIMAL:
        return _to_decimal(porting, node, said)
    elif wanted not in (TEXT, INT) and said is None:
        porting.refuse(
            node, "TRN003", "a value of a type that is not known is cast otherwise there", DECLARE
        )
    return node


def _to_text(porting: Porting, node: Any, said: str | None) -> Any:
    if said not in SAFE_TEXT:
        what = f"a {said}" if said else "a value of a type that is not known"
        porting.refuse(node, "TRN003", f"{what} is written as text in another way there", DECLARE)
    return typed(node.this.copy(), "text")


def _to_int(porting: Porting, node: Any, said: str | None) -> Any:
    """Spark cuts the fraction off."""
    if said not in (*NUMBERS, TEXT, BOOL, NULL):
        what = f"a {said}" if said else "a value of a type that is not known"
        porting.refuse(node, "TRN003", f"{what} becomes another whole number there", DECLARE)
        return node
    if said == FLOAT:
        return ours(exp.Cast(this=call("rint", node.this.copy()), to=node.args["to"].copy()))
    if said in NUMBERS and said != INT:
        whole = call("round", node.this.copy(), exp.Literal.number(0))
        return ours(exp.Cast(this=whole, to=node.args["to"].copy()))
    return node


def _to_decimal(porting: Porting, node: Any, said: str | None) -> Any:
    if said not in (*NUMBERS, TEXT, BOOL, NULL):
        what = f"a {said}" if said else "a value of a type that is not known"
        porting.refuse(node, "TRN003", f"{what} becomes another decimal there", DECLARE)
        return node
    if said == FLOAT:
        return _fixed(porting, node)
    found = node.copy()
    found.set("to", decimal_type(node))
    return found


def _fixed(porting: Porting, node: Any) -> Any:
    """Spark goes by the digits that a double is written with, DuckDB by the double itself: 1.005 is less.

    So it is a whole number of hundredths first, rounded as DuckDB does; their product with 0.01 is
    exact.
    """
    digits, scale = digits_of(node.args["to"])
    if digits > LONG:
        porting.refuse(node, "TRN003", f"a double {TOO_LONG}", LONG_HINT)
        return node
    size = as_double(exp.Literal.number(10**scale))
    moved = exp.Mul(this=exp.Paren(this=node.this.copy()), expression=size)
    whole = typed(half_away(ours(exp.Paren(this=ours(moved)))), "bigint")
    product = ours(exp.Mul(this=whole, expression=unit(scale)))
    return ours(exp.Cast(this=product, to=decimal_type(node)))


def decimal_type(node: Any) -> Any:
    """Without digits it is one of 18, three of them behind the point."""
    to = node.args["to"]
    return to.copy() if to.expressions else exp.DataType.build("decimal(18, 3)")


def _try_cast(porting: Porting, node: Any) -> Any:
    """Where the value cannot fail it is a cast; of a text its form is asked first."""
    kind, said = type_name(node), family(node.this)
    if kind in TYPES and named(kind) == TEXT and said in SAFE_TEXT:
        return typed(node.this.copy(), "text")
    if said == TEXT and named(kind) == INT:
        return _whole(node, kind)
    if said == TEXT and named(kind) == DECIMAL and not is_narrow(node):
        fits = _is_form(node.this, NUMBER)
        value = ours(exp.TryCast(this=_bare(node.this), to=decimal_type(node), safe=True))
        return ours(exp.Case(ifs=[ours(exp.If(this=fits, true=value))]))
    what = "a value of a type that is not known" if said is None else f"a {said}"
    message = f"TRY_CAST of {what} to {kind} cannot be said there"
    porting.refuse(node, "TRN001", message, WIDTH_HINT)
    return node


def _whole(node: Any, kind: str) -> Any:
    """DuckDB reads fractions, exponents and underlines in a text of a whole number, and other bases."""
    bare = _bare(node.this)
    wide = exp.DataType.build("decimal(38, 18)")
    plain = call(
        "round", ours(exp.TryCast(this=bare.copy(), to=wide, safe=True)), exp.Literal.number(0)
    )
    ways = [
        ours(exp.If(this=_is_form(node.this, NUMBER), true=plain)),
        *(_of_base(node.this, form, base) for form, base in ((HEX, 16), (BINARY, 2))),
    ]
    assert kind in RANGES
    return ours(exp.TryCast(this=ours(exp.Case(ifs=ways)), to=node.args["to"].copy(), safe=True))


def _of_base(text: Any, form: str, base: int) -> Any:
    bare = _bare(text)
    lone = ours(exp.Not(this=_rlike(text.copy(), UNDERLINED)))
    fits = ours(exp.And(this=_rlike(bare.copy(), rf"\A\s*{form}\z"), expression=lone))
    digits = call("substring", call("trim", bare), exp.Literal.number(3))
    number = call("conv", digits, exp.Literal.number(base), exp.Literal.number(10))
    return ours(exp.If(this=fits, true=typed(number, "decimal(38, 0)")))


def _bare(text: Any) -> Any:
    """Without underlines, and without a point at the very end, which DuckDB takes also behind an exponent."""
    plain = call("replace", text.copy(), exp.Literal.string("_"), exp.Literal.string(""))
    return call("regexp_replace", plain, exp.Literal.string(r"\.?\s*\z"), exp.Literal.string(""))


def _is_form(text: Any, form: str) -> Any:
    return _rlike(text.copy(), rf"\A\s*({form})\s*\z")


def _rlike(text: Any, pattern: str) -> Any:
    return ours(exp.RegexpLike(this=text, expression=exp.Literal.string(pattern)))


CASTS = {"Cast": _cast, "TryCast": _try_cast}
