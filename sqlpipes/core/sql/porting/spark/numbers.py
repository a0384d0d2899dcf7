"""Arithmetic, where DuckDB's and Spark's part."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import EXACT, FLOAT, INT, INTERVAL
from sqlpipes.core.sql.porting.numbers import as_double, demand
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours

WHOLE = 2**53  # from here on doubles have no fractions


def _division(porting: Porting, node: Any) -> Any:
    """Of decimals Spark gives a decimal of some digits, DuckDB a double."""
    if FLOAT in (family(node.left), family(node.right)):
        return node
    both = (as_double(part.copy()) for part in (node.left, node.right))
    left, right = both
    return ours(exp.Div(this=left, expression=right))


def _whole_division(porting: Porting, node: Any) -> Any:
    for part in (node.left, node.right):
        if not demand(porting, node, part, frozenset({INT}), "the whole division //"):
            return node
    return node


def _rest(porting: Porting, node: Any) -> Any:
    for part in (node.left, node.right):
        if not demand(porting, node, part, EXACT, "the rest of a division"):
            return node
    return node


def _times(porting: Porting, node: Any) -> Any:
    if INTERVAL in (family(node.left), family(node.right)):
        porting.refuse(node, "TRN003", "a multiple of an interval is not the same there")
    return node


def _round(porting: Porting, node: Any) -> Any:
    """Spark rounds the digits that a double is written with, DuckDB the double itself."""
    digits = node.args.get("decimals")
    if digits is not None and not digits.is_int:
        porting.refuse(node, "TRN001", "round() to digits that are computed is not the same there")
        return node
    if family(node.this) != FLOAT:
        demand(porting, node, node.this, EXACT, "round()")
        return node
    if isinstance(digits, exp.Neg):
        porting.refuse(node, "TRN001", "round() of a double to tens is not the same there")
        return node
    places = int(str(digits.this)) if digits is not None else 0
    value = node.this.copy()
    if not places:
        return half_away(value)
    size = as_double(exp.Literal.number(10**places))
    found = half_away(_held(exp.Mul(this=_held(value), expression=size.copy())))
    return _held(exp.Div(this=found, expression=size))


def half_away(value: Any) -> Any:
    """A double's nearest whole number; `rint` has it but for halves, which y and half a one give exactly."""
    even = call("rint", value.copy())
    off = call("abs", _held(exp.Sub(this=value.copy(), expression=even.copy())))
    half = exp.Literal.number("0.5D")
    step = ours(exp.Mul(this=half.copy(), expression=call("sign", value.copy())))
    away = ours(exp.Add(this=value.copy(), expression=step))
    return call("if", ours(exp.EQ(this=off, expression=half)), away, even)


def _held(node: Any) -> Any:
    return ours(exp.Paren(this=ours(node)))


def _border(name: str) -> Any:
    """Of a double Spark gives a whole number, and the greatest of them for what is greater."""

    def rule(porting: Porting, node: Any) -> Any:
        if family(node.this) != FLOAT:
            demand(porting, node, node.this, EXACT, f"{name}()")
            return node
        small = ours(
            exp.LT(
                this=call("abs", node.this.copy()),
                expression=as_double(exp.Literal.number(WHOLE)),
            )
        )
        return call("if", small, as_double(call(name, node.this.copy())), node.this.copy())

    return rule


def _log(porting: Porting, node: Any) -> Any:
    if node.args.get("expression") is not None:
        porting.refuse(node, "TRN001", "log() with a base is not the same there", "ln(x) / ln(2)")
        return node
    return _logarithm("log10", node.this)


def _ln(porting: Porting, node: Any) -> Any:
    return _logarithm("ln", node.this)


def _logarithm(name: str, number: Any) -> Any:
    """Of zero, and of what is below, Spark says null."""
    value, zero = as_double(number.copy()), exp.Literal.number(0)
    ways = (
        (exp.EQ(this=value.copy(), expression=zero), "-Infinity"),
        (exp.LT(this=value.copy(), expression=zero.copy()), "NaN"),
    )
    others = [
        ours(exp.If(this=ours(when), true=as_double(exp.Literal.string(said))))
        for when, said in ways
    ]
    return ours(exp.Case(ifs=others, default=call(name, value)))


def _real(name: str) -> Any:
    def rule(porting: Porting, node: Any) -> Any:
        return call(name, as_double(node.this.copy()))

    return rule


def _power(porting: Porting, node: Any) -> Any:
    return call("power", as_double(node.this.copy()), as_double(node.expression.copy()))


def _sign(porting: Porting, node: Any) -> Any:
    return ours(exp.Cast(this=ours(node.copy()), to=exp.DataType.build("int")))


NUMBERS = {
    "Div": _division,
    "IntDiv": _whole_division,
    "Mod": _rest,
    "Mul": _times,
    "Round": _round,
    "Ceil": _border("ceil"),
    "Floor": _border("floor"),
    "Log": _log,
    "Ln": _ln,
    "Exp": _real("exp"),
    "Sqrt": _real("sqrt"),
    "Pow": _power,
    "Sign": _sign,
}
