"""Aggregates and window functions."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import BOOL, FLOAT, INT, NULL, NUMBERS, TEXT
from sqlpipes.core.sql.porting.numbers import as_double
from sqlpipes.core.sql.porting.porting import Porting, family, ours

ORDER = "say in which order: string_agg(name, ', ' order by name)"


def _whole(node: Any) -> Any:
    """The function with its FILTER and its OVER."""
    while isinstance(node.parent, (exp.Filter, exp.Window)) and node.parent.this is node:
        node = node.parent
    return node


def _window(porting: Porting, node: Any) -> Any:
    """An average over rows: what stands around its function, as one value."""
    inner = node.this.this if isinstance(node.this, exp.Filter) else node.this
    if isinstance(inner, exp.AggFunc) and isinstance(inner.this, (exp.Distinct, exp.Order)):
        message = "DISTINCT or ORDER BY inside of an aggregate with OVER is an error there"
        porting.refuse(node, "TRN001", message, "aggregate in a query of its own, and join it")
    return as_double(node.copy()) if _averages(node) else node


def _averages(node: Any) -> bool:
    while isinstance(node, (exp.Filter, exp.Window)):
        node = node.this
    return isinstance(node, (exp.Avg, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance))


def _average(porting: Porting, node: Any) -> Any:
    """Of whole numbers Postgres gives a numeric, DuckDB a double."""
    if family(node.this) not in NUMBERS | {NULL}:
        known = family(node.this) or "value of a type that is not known"
        porting.refuse(node, "TRN003", f"this function of a {known} is not the same there")
    return as_double(node.copy()) if _whole(node) is node else node


def _filter(porting: Porting, node: Any) -> Any:
    return as_double(node.copy()) if _averages(node) and _whole(node) is node else node


def _sum(porting: Porting, node: Any) -> Any:
    if family(node.this) == BOOL:
        number = ours(exp.Cast(this=node.this.copy(), to=exp.DataType.build("int")))
        found = node.copy()
        found.set("this", number)
        return found
    return node


def _listed(porting: Porting, node: Any) -> Any:
    """Without an order the items come as they please, in each engine."""
    if not isinstance(node.this, exp.Order) and not node.find(exp.Order):
        name = "string_agg" if isinstance(node, exp.GroupConcat) else "list"
        porting.refuse(
            node, "TRN001", f"{name}() without ORDER BY has no order to be the same", ORDER
        )
    if isinstance(node, exp.GroupConcat) and _item(node) not in (TEXT, NULL, None):
        message = f"string_agg() of a {_item(node)} is an error there"
        hint = "cast it: string_agg(cast(x as varchar), ', ' order by x)"
        porting.refuse(node, "TRN003", message, hint)
    return node


def _item(node: Any) -> str | None:
    value = node.this
    while isinstance(value, (exp.Order, exp.Distinct)):
        value = value.expressions[0] if isinstance(value, exp.Distinct) else value.this
    return family(value)


def _extreme(name: str) -> Any:
    """Postgres knows no greatest boolean."""

    def rule(porting: Porting, node: Any) -> Any:
        if family(node.this) == BOOL:
            message = f"{str(node.sql_name()).lower()}() of a boolean is an error there"
            porting.refuse(node, "TRN003", message, f"use {name}()")
        return node

    return rule


def _arg(desc: bool) -> Any:
    """`arg_max(a, b)`: the first of the a's by b, rows without either left out."""

    def rule(porting: Porting, node: Any) -> Any:
        if _whole(node) is not node or node.args.get("count") is not None:
            message = "arg_max() and arg_min() with FILTER, OVER or a number cannot be said there"
            porting.refuse(node, "TRN001", message, "take the row with row_number() and QUALIFY")
            return node
        value, by = node.this, node.expression
        order = exp.Order(
            this=value.copy(),
            expressions=[exp.Ordered(this=by.copy(), desc=desc, nulls_first=False)],
        )
        known = [
            exp.Not(this=exp.Is(this=each.copy(), expression=exp.Null())) for each in (value, by)
        ]
        kept = exp.Where(this=exp.and_(*known, copy=False))
        rows = exp.Filter(this=ours(exp.ArrayAgg(this=order)), expression=kept)
        return ours(
            exp.Bracket(
                this=ours(exp.Paren(this=rows)), expressions=[exp.Literal.number(1)], offset=1
            )
        )

    return rule


def _one_distinct(porting: Porting, node: Any) -> Any:
    inner = node.this
    if isinstance(inner, exp.Distinct) and len(inner.expressions) > 1:
        message = "count(distinct ...) of several columns is not the same there"
        porting.refuse(node, "TRN001", message, "count the rows of a `select distinct` query")
    return node


def _quantile(porting: Porting, node: Any) -> Any:
    if family(node.this) not in (INT, FLOAT):
        hint = "cast it to double: median(cast(x as double))"
        porting.refuse(node, "TRN003", "this quantile is not the same there", hint)
    if isinstance(node.parent, exp.Window):
        porting.refuse(node, "TRN001", "a quantile over a window cannot be said there")
    return node


def _nulls(porting: Porting, node: Any) -> Any:
    """any_value() leaves nulls out in both."""
    return node.this.copy() if isinstance(node.this, exp.AnyValue) else node


AGGREGATES = {
    "IgnoreNulls": _nulls,
    "Avg": _average,
    "Stddev": _average,
    "StddevSamp": _average,
    "StddevPop": _average,
    "Variance": _average,
    "VariancePop": _average,
    "Window": _window,
    "Filter": _filter,
    "Sum": _sum,
    "Max": _extreme("bool_or"),
    "Min": _extreme("bool_and"),
    "ArrayAgg": _listed,
    "GroupConcat": _listed,
    "ArgMax": _arg(True),
    "ArgMin": _arg(False),
    "Count": _one_distinct,
    "Median": _quantile,
    "PercentileCont": _quantile,
}
