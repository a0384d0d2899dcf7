"""Expressions -> the family of their type: enough to know where two engines part.

None is "nobody knows", and what hangs on it is refused.
"""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.porting import FAMILY, family

INT, DECIMAL, FLOAT, TEXT, BOOL = "int", "decimal", "float", "text", "bool"
REAL = "float of 4 bytes"  # DuckDB counts and compares in 4 bytes, Postgres in 8
DATE, TIMESTAMP, TIMESTAMPTZ, TIME, INTERVAL = (
    "date",
    "timestamp",
    "timestamptz",
    "time",
    "interval",
)
NULL = "null"
FIXED = "decimal of a fixed scale"  # elsewhere engines keep other numbers of zeros
EXACT = frozenset({INT, DECIMAL, FIXED})
NUMBERS = EXACT | {FLOAT}
STAMPS = frozenset({DATE, TIMESTAMP, TIMESTAMPTZ})
SAFE_TEXT = frozenset({INT, FIXED, TEXT, BOOL, DATE, TIMESTAMP, TIME, NULL})

NAMES = {
    INT: "TINYINT SMALLINT INTEGER INT BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT "
    "INT2 INT4 INT8 INT128 UINT MEDIUMINT UINT128 LONG SHORT BYTE",
    DECIMAL: "DECIMAL NUMERIC",
    FLOAT: "DOUBLE FLOAT8",
    REAL: "FLOAT REAL FLOAT4",
    TEXT: "VARCHAR TEXT CHAR BPCHAR STRING NVARCHAR NCHAR CHARACTER",
    BOOL: "BOOLEAN BOOL",
    DATE: "DATE DATE32",
    TIMESTAMP: "TIMESTAMP TIMESTAMPNTZ TIMESTAMP_NTZ DATETIME",
    TIMESTAMPTZ: "TIMESTAMPTZ TIMESTAMPLTZ",
    TIME: "TIME",
    INTERVAL: "INTERVAL",
}
FAMILIES = {name: kind for kind, names in NAMES.items() for name in names.split()}

SAME: tuple[Any, ...] = (
    exp.Max,
    exp.Min,
    exp.AnyValue,
    exp.First,
    exp.Last,
    exp.FirstValue,
    exp.LastValue,
)
SAME += (exp.Lag, exp.Lead, exp.NthValue, exp.Paren, exp.Abs, exp.Neg, exp.Filter, exp.Window)
SAME += (exp.Distinct, exp.Ordered, exp.IgnoreNulls, exp.RespectNulls, exp.ArgMax, exp.ArgMin)
SAME += (exp.Alias, exp.Nullif)
TRUTHS: tuple[Any, ...] = (
    exp.Predicate,
    exp.Not,
    exp.And,
    exp.Or,
    exp.Xor,
    exp.LogicalAnd,
    exp.LogicalOr,
)
TRUTHS += (exp.Exists, exp.Boolean, exp.StartsWith, exp.EndsWith, exp.Contains, exp.RegexpLike)
TEXTS: tuple[Any, ...] = (
    exp.Upper,
    exp.Lower,
    exp.Trim,
    exp.Substring,
    exp.Replace,
    exp.Concat,
    exp.ConcatWs,
)
TEXTS += (exp.DPipe, exp.Left, exp.Right, exp.GroupConcat, exp.SplitPart, exp.TimeToStr, exp.MD5)
TEXTS += (exp.Repeat, exp.Reverse, exp.Pad, exp.RegexpReplace, exp.Translate, exp.Chr)
WHOLE: tuple[Any, ...] = (
    exp.Count,
    exp.CountIf,
    exp.RowNumber,
    exp.Rank,
    exp.DenseRank,
    exp.Ntile,
    exp.Length,
)
WHOLE += (exp.DateDiff, exp.StrPosition, exp.Year, exp.Month, exp.Day, exp.Quarter, exp.IntDiv)
WHOLE += (exp.BitwiseAnd, exp.BitwiseOr, exp.Week, exp.DayOfWeek, exp.DayOfYear, exp.Sign)
REALS: tuple[Any, ...] = (
    exp.Avg,
    exp.Div,
    exp.Median,
    exp.PercentileCont,
    exp.Stddev,
    exp.StddevSamp,
    exp.StddevPop,
)
REALS += (exp.Variance, exp.VariancePop, exp.Corr, exp.Ln, exp.Exp, exp.Sqrt, exp.Pow, exp.Log)
REALS += (exp.PercentRank, exp.CumeDist, exp.CovarSamp, exp.CovarPop, exp.Sin, exp.Cos)


def named(type_: str | None) -> str | None:
    """
    >>> named("DECIMAL(10,2)"), named("TIMESTAMP WITH TIME ZONE"), named("INTEGER[]"), named(None)
    ('decimal', 'timestamptz', None, None)
    """
    if type_ is None or "[" in type_:
        return None
    plain = re.sub(r"\(.*\)", "", type_).strip().upper()
    if plain == "TIMESTAMP WITH TIME ZONE":
        return TIMESTAMPTZ
    return FAMILIES.get(plain)


def mark(tree: Any) -> None:
    """Each expression below, leaves first; columns carry their family already."""
    for node in reversed(list(tree.walk(bfs=True))):
        if FAMILY not in node.meta:
            node.meta[FAMILY] = _of(node)


def _of(node: Any) -> str | None:
    if isinstance(node, exp.Literal):
        text = str(node.this)
        return TEXT if node.is_string else INT if text.isdigit() else _number(text)
    if isinstance(node, (exp.Cast, exp.TryCast)):
        found = named(node.args["to"].this.name if hasattr(node.args["to"].this, "name") else None)
        return FIXED if found == DECIMAL else found
    if isinstance(node, exp.Null):
        return NULL
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Mod)):
        return _arithmetic(node, family(node.left), family(node.right))
    if isinstance(node, exp.Subquery):
        return _scalar(node)
    for kinds, found in ((TRUTHS, BOOL), (TEXTS, TEXT), (WHOLE, INT), (REALS, FLOAT)):
        if isinstance(node, kinds):
            return found
    return _other(node)


def _other(node: Any) -> str | None:
    if isinstance(node, SAME):
        return family(node.this) if isinstance(node.this, exp.Expr) else None
    if isinstance(node, (exp.Ceil, exp.Floor, exp.Round, exp.Sum)):
        found = meeting([family(node.this)])
        return INT if found == BOOL else found
    if isinstance(node, (exp.Coalesce, exp.Greatest, exp.Least)):
        return meeting([family(node.this), *map(family, node.expressions)])
    if isinstance(node, (exp.Case, exp.If)):
        return _branches(node)
    if isinstance(node, exp.Interval):
        return INTERVAL
    if isinstance(node, (exp.CurrentDate, exp.LastDay)):
        return DATE
    if isinstance(node, (exp.TimestampTrunc, exp.DateTrunc)):
        return TIMESTAMPTZ if family(node.this) == TIMESTAMPTZ else TIMESTAMP
    if isinstance(node, exp.Extract):
        return FLOAT if node.name.upper() == "EPOCH" else INT
    return TIMESTAMPTZ if isinstance(node, exp.CurrentTimestamp) else None


def _number(text: str) -> str:
    return FLOAT if "e" in text.lower() else DECIMAL


def _arithmetic(node: Any, left: str | None, right: str | None) -> str | None:
    if left in STAMPS or right in STAMPS:
        return _moved(node, left, right)
    if left == INTERVAL or right == INTERVAL:
        return INTERVAL if left == right or isinstance(node, exp.Mul) else None
    return meeting([left, right])


def _moved(node: Any, left: str | None, right: str | None) -> str | None:
    if left in STAMPS and right in STAMPS:
        return INT if left == right == DATE else INTERVAL
    stamp, by = (left, right) if left in STAMPS else (right, left)
    if by == INT:
        return stamp
    return TIMESTAMP if by == INTERVAL and stamp == DATE else stamp if by == INTERVAL else None


def meeting(kinds: list[str | None]) -> str | None:
    """The family in which values of these meet."""
    said = {DECIMAL if kind == FIXED else kind for kind in kinds if kind != NULL}
    if len(said) <= 1:
        return said.pop() if said else NULL
    if None in said:
        return None
    if said <= NUMBERS:
        return FLOAT if FLOAT in said else DECIMAL
    return TIMESTAMP if said == {DATE, TIMESTAMP} else None


def _branches(node: Any) -> str | None:
    if isinstance(node, exp.If):
        found = [family(node.args["true"])]
        if isinstance(node.parent, exp.Case):
            return found[0]
        last = node.args.get("false")
        return meeting([*found, family(last) if last is not None else NULL])
    last = node.args.get("default")
    return meeting([*map(family, node.args["ifs"]), family(last) if last is not None else NULL])


def _scalar(node: Any) -> str | None:
    query = node.this
    if isinstance(query, exp.Select) and len(query.expressions) == 1:
        return family(query.expressions[0])
    return None
