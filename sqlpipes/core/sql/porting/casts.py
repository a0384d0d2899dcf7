"""CAST and TRY_CAST."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import (
    BOOL,
    DATE,
    DECIMAL,
    EXACT,
    FLOAT,
    INT,
    NULL,
    NUMBERS,
    REAL,
    SAFE_TEXT,
    TEXT,
    TIMESTAMPTZ,
    named,
)
from sqlpipes.core.sql.porting.numbers import half_away
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours

TYPES = frozenset(
    [
        "SMALLINT",
        "INT",
        "BIGINT",
        "DECIMAL",
        "DOUBLE",
        "FLOAT",
        "TEXT",
        "VARCHAR",
        "CHAR",
        "NCHAR",
        "NVARCHAR",
        "BPCHAR",
        "BOOLEAN",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMPNTZ",
        "DATETIME",
        "TIMESTAMPTZ",
        "TINYINT",
    ]
)
EXPONENT = r"([eE][+-]?0*\d{1,4}\.?)?"
DIGITS = r"\d+(_\d+)*"
NUMBER = rf"[+-]?({DIGITS}\.?({DIGITS})?|\.{DIGITS}){EXPONENT}"
BASES = r"0[xX][0-9a-fA-F]+(_[0-9a-fA-F]+)*|0[bB][01]+(_[01]+)*"
RANGES = {"SMALLINT": 15, "INT": 31, "BIGINT": 63, "TINYINT": 7}
NARROWEST = 10  # digits of a decimal
LONG = 18  # digits that a whole number of 64 bits holds, whatever they are
TOO_LONG = "becomes another decimal of more than 18 digits there"
LONG_HINT = "cast to decimal(18, s) first"
WIDTH_HINT = (
    "portable are TRY_CAST of a text to a whole number, or to a decimal of 10 digits or more; else"
    " CASE with a pattern"
)
DECLARE = "cast it first: cast(x as decimal(18, 2)), cast(x as bigint)"


def type_name(node: Any) -> str:
    this = node.args["to"].this
    return str(this.name) if hasattr(this, "name") else str(this)


def _cast(porting: Porting, node: Any) -> Any:
    kind, said = type_name(node), family(node.this)
    if kind not in TYPES:
        hint = "use bigint, decimal(p, s), double, varchar, boolean, date or timestamp"
        porting.refuse(node, "TRN001", f"the type {kind} has no counterpart there", hint)
    elif named(kind) == TEXT and said not in SAFE_TEXT:
        what = f"a {said}" if said else "a value of a type that is not known"
        porting.refuse(node, "TRN003", f"{what} is written as text in another way there", DECLARE)
    elif named(kind) == INT and said not in (*NUMBERS, TEXT, BOOL, NULL):
        what = f"a {said}" if said else "a value of a type that is not known"
        porting.refuse(node, "TRN003", f"{what} becomes another whole number there", DECLARE)
    elif named(kind) == BOOL and said in EXACT:
        zero = exp.Literal.number(0)
        return ours(exp.Paren(this=exp.NEQ(this=node.this.copy(), expression=zero)))
    elif named(kind) == DECIMAL and said == FLOAT:
        return _fixed(porting, node)
    elif named(kind) == REAL and said not in (FLOAT, INT, REAL, TEXT, NULL):
        porting.refuse(node, "TRN003", "this becomes another FLOAT there", "use double")
    elif said == REAL and named(kind) not in (FLOAT, REAL):
        message = "a FLOAT of 4 bytes becomes another value there"
        porting.refuse(node, "TRN003", message, "cast it to double first: cast(x as double)")
    elif named(kind) == DATE and said == TIMESTAMPTZ:
        porting.refuse(node, "TRN003", "the day of an instant hangs on the session's zone")
    return node


def _fixed(porting: Porting, node: Any) -> Any:
    """Postgres goes by 15 digits of the double, DuckDB by the double itself: 1.005 is less there.

    So it is a whole number of hundredths first, rounded as DuckDB does; their product with 0.01 is
    exact.
    """
    digits, scale = digits_of(node.args["to"])
    if digits > LONG:
        porting.refuse(node, "TRN003", f"a double {TOO_LONG}", LONG_HINT)
        return node
    size = exp.Literal.number(f"1{'0' * scale}")
    value = _cast_to(node.this.copy(), exp.DataType.build("double"))
    moved = exp.Mul(this=value, expression=_cast_to(size, exp.DataType.build("double")))
    whole = _cast_to(half_away(ours(exp.Paren(this=moved))), exp.DataType.build("bigint"))
    return _cast_to(ours(exp.Mul(this=whole, expression=unit(scale))), node.args["to"].copy())


def unit(scale: int) -> Any:
    """The smallest step of a decimal: 0.01 of two digits."""
    return exp.Literal.number(f"0.{'0' * (scale - 1)}1" if scale else "1")


def digits_of(to: Any) -> tuple[int, int]:
    said = [int(str(each.this)) for each in to.expressions]
    return (said[0], said[1] if len(said) > 1 else 0) if said else (18, 3)


def _try_cast(porting: Porting, node: Any) -> Any:
    """Where the value cannot fail it is a cast; of a text its form is asked first."""
    kind, said = type_name(node), family(node.this)
    if kind in TYPES and named(kind) == TEXT and said in SAFE_TEXT:
        return exp.Cast(this=node.this.copy(), to=node.args["to"].copy())
    if said == TEXT and named(kind) in (INT, DECIMAL) and node.find(exp.Column) is None:
        message = "TRY_CAST of a constant fails while the query is planned there"
        porting.refuse(node, "TRN001", message, "write the value, or null")
        return node
    if said == TEXT and named(kind) in (INT, DECIMAL) and not is_narrow(node):
        return _number(node, kind)
    what = "a value of a type that is not known" if said is None else f"a {said}"
    message = f"TRY_CAST of {what} to {kind} cannot be said there"
    porting.refuse(node, "TRN001", message, WIDTH_HINT)
    return node


def is_narrow(node: Any) -> bool:
    """Whether it is a decimal of few digits, of which DuckDB drops some that exponents move in."""
    digits = node.args["to"].expressions
    if named(type_name(node)) != DECIMAL or not digits:
        return False
    width = digits[0].this
    return int(str(width.this if isinstance(width, exp.Literal) else width)) < NARROWEST


def _number(node: Any, kind: str) -> Any:
    """DuckDB reads more into a text than Postgres' whole numbers, and less than its decimals.

    A point at the very end, which DuckDB takes also behind an exponent, is taken off.
    """
    text, to = node.this.copy(), node.args["to"]
    bare = call("rtrim", text.copy(), exp.Literal.string(". "))
    if kind in RANGES:
        whole = call("round", _cast_to(bare, exp.DataType.build("decimal", "postgres")))
        bound = 2 ** RANGES[kind]
        low, high = exp.Literal.number(-bound), exp.Literal.number(bound - 1)
        inside = exp.If(
            this=exp.Between(this=whole.copy(), low=low, high=high), true=_cast_to(whole, to.copy())
        )
        form, valid, inner = f"{NUMBER}|{BASES}", "numeric", exp.Case(ifs=[inside])
    else:
        digits = to.expressions or [exp.Literal.number(18), exp.Literal.number(3)]
        said = ", ".join(
            str(each.this.this if isinstance(each, exp.DataTypeParam) else each.this)
            for each in digits
        )
        form, valid, inner = NUMBER, f"numeric({said})", _cast_to(bare, to.copy())
    fits = exp.And(
        this=call_operator(text, rf"^\s*({form})\s*$"),
        expression=call("pg_input_is_valid", bare.copy(), exp.Literal.string(valid)),
    )
    return _all_ours(exp.Case(ifs=[exp.If(this=fits, true=inner)]))


def call_operator(text: Any, pattern: str) -> Any:
    """`text ~ 'pattern'`, as Postgres has it."""
    return ours(exp.RegexpLike(this=text, expression=exp.Literal.string(pattern)))


def _cast_to(node: Any, to: Any) -> Any:
    return ours(exp.Cast(this=node, to=to))


def _all_ours(node: Any) -> Any:
    for each in (exp.Case, exp.If, exp.Between, exp.And, exp.Neg):
        for found in node.find_all(each):
            ours(found)
    return node


CASTS = {"Cast": _cast, "TryCast": _try_cast}
