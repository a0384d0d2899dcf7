"""Arithmetic, where DuckDB's and Postgres' part."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import EXACT, FLOAT, INT, INTERVAL, NULL
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours


def as_double(node: Any) -> Any:
    return ours(exp.Cast(this=node, to=exp.DataType.build("double")))


def demand(porting: Porting, node: Any, part: Any, kinds: frozenset[str], what: str) -> bool:
    """Refuse an operation on a part whose family is another one, or not known."""
    found = family(part)
    if found in kinds or found == NULL:
        return True
    of = "of a type that is not known" if found is None else f"of a {found}"
    hint = "cast it to a type of its own first: cast(x as decimal(18, 3)), cast(x as bigint)"
    porting.refuse(node, "TRN003", f"{what} {of} is not the same there", hint)
    return False


def _whole_division(porting: Porting, node: Any) -> Any:
    for part in (node.left, node.right):
        if not demand(porting, node, part, frozenset({INT}), "the whole division //"):
            return node
    return node


def _round(porting: Porting, node: Any) -> Any:
    """Postgres rounds a double's halves to the even number, and knows no digits for it.

    `trunc(y) + trunc(2 * (y - trunc(y)))` rounds them away from zero, and each step of it is exact.
    """
    if family(node.this) != FLOAT:
        demand(porting, node, node.this, EXACT, "round()")
        return node
    digits = node.args.get("decimals")
    if digits is not None and not (isinstance(digits, exp.Literal) and digits.is_int):
        message = "round() to digits that are computed or negative is not the same there"
        porting.refuse(node, "TRN001", message, "say tens with round(x / 10) * 10")
        return node
    places = int(digits.this) if digits is not None else 0
    value = as_double(node.this.copy())
    if not places:
        return half_away(value)
    size = as_double(exp.Literal.number(10**places))
    found = half_away(ours(exp.Paren(this=exp.Mul(this=value, expression=size.copy()))))
    return ours(exp.Paren(this=exp.Div(this=found, expression=size, typed=True)))


def half_away(value: Any) -> Any:
    whole = call("trunc", value.copy())
    rest = exp.Paren(this=exp.Sub(this=value.copy(), expression=whole.copy()))
    half = call("trunc", exp.Mul(this=exp.Literal.number(2), expression=rest))
    return ours(exp.Paren(this=exp.Add(this=whole, expression=half)))


def _integer_math(porting: Porting, node: Any) -> Any:
    demand(porting, node, node.left, EXACT, "the rest of a division")
    return node


def _times(porting: Porting, node: Any) -> Any:
    if INTERVAL in (family(node.left), family(node.right)):
        porting.refuse(node, "TRN003", "a multiple of an interval is not the same there")
    return node


def _log(porting: Porting, node: Any) -> Any:
    if node.args.get("expression") is not None:
        porting.refuse(node, "TRN001", "log() with a base is not the same there", "ln(x) / ln(2)")
        return node
    return call("log", as_double(node.this.copy()))


def _real(name: str) -> Any:
    """Of a decimal Postgres gives a numeric of many digits, DuckDB a double."""

    def rule(porting: Porting, node: Any) -> Any:
        return call(name, as_double(node.this.copy()))

    return rule


def _literal(porting: Porting, node: Any) -> Any:
    """With an exponent it is a double in DuckDB, and a numeric in Postgres."""
    if node.is_string or "e" not in str(node.this).lower() or str(node.this)[:2].lower() == "0x":
        return node
    return as_double(node.copy())


def _power(porting: Porting, node: Any) -> Any:
    base, by = node.this.unnest(), node.expression.unnest()
    whole = isinstance(by, exp.Literal) and str(by.this).isdigit()
    if isinstance(base, exp.Neg) and isinstance(by, exp.Literal) and not whole:
        message = "a root of a negative number is an error there, and NaN in DuckDB"
        porting.refuse(node, "TRN003", message, "write null")
        return node
    return call("power", as_double(node.this.copy()), as_double(node.expression.copy()))


def _sign(porting: Porting, node: Any) -> Any:
    return ours(exp.Cast(this=ours(node.copy()), to=exp.DataType.build("int")))


NUMBERS = {
    "Literal": _literal,
    "IntDiv": _whole_division,
    "Round": _round,
    "Mod": _integer_math,
    "Mul": _times,
    "Log": _log,
    "Ln": _real("ln"),
    "Exp": _real("exp"),
    "Sqrt": _real("sqrt"),
    "Pow": _power,
    "Sign": _sign,
}
