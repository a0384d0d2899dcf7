"""Aggregates and window functions."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.aggregates import ORDER
from sqlpipes.core.sql.porting.families import BOOL, NULL, NUMBERS
from sqlpipes.core.sql.porting.numbers import as_double
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours

RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile)
PLACED = (*RANKS, exp.Lag, exp.Lead, exp.NthValue)
FILTERED = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max)


def _average(porting: Porting, node: Any) -> Any:
    """Of a decimal Spark gives a decimal of some digits, DuckDB a double."""
    value = node.this.this if isinstance(node.this, exp.Distinct) else node.this
    if isinstance(node.this, exp.Distinct) or family(value) not in NUMBERS | {NULL}:
        known = family(value) or "value of a type that is not known"
        porting.refuse(node, "TRN003", f"this function of a {known} is not the same there")
        return node
    found = node.copy()
    found.set("this", as_double(value.copy()))
    return found


def _sum(porting: Porting, node: Any) -> Any:
    if family(node.this) == BOOL:
        found = node.copy()
        found.set("this", ours(exp.Cast(this=node.this.copy(), to=exp.DataType.build("int"))))
        return found
    return node


def _any(porting: Porting, node: Any) -> Any:
    """any_value() leaves nulls out in DuckDB."""
    if isinstance(node.this, exp.AnyValue):
        return call("any_value", node.this.this.copy(), exp.true())
    return node


def _bare_any(porting: Porting, node: Any) -> Any:
    held = isinstance(node.parent, exp.IgnoreNulls)
    return node if held else call("any_value", node.this.copy(), exp.true())


def _listed(porting: Porting, node: Any) -> Any:
    if not node.find(exp.Order):
        message = "string_agg() without ORDER BY has no order to be the same"
        porting.refuse(node, "TRN001", message, ORDER)
    elif _beside_distinct(node):
        message = "string_agg() beside an aggregate of DISTINCT values fails there"
        porting.refuse(node, "TRN001", message, "compute it in a query of its own, and join them")
    return node


def _beside_distinct(node: Any) -> bool:
    """Spark 4.3 then ends with a fault of its own."""
    query = node.find_ancestor(exp.Select)
    inside = query.walk(prune=lambda found: isinstance(found, exp.Query) and found is not query)
    return any(isinstance(each, exp.Distinct) and each.arg_key == "this" for each in inside)


def _arg(name: str) -> Any:
    """Rows without either are left out, as in DuckDB."""

    def rule(porting: Porting, node: Any) -> Any:
        if isinstance(node.parent, (exp.Filter, exp.Window)) or node.args.get("count") is not None:
            message = "arg_max() and arg_min() with FILTER, OVER or a number cannot be said there"
            porting.refuse(node, "TRN001", message, "take the row with row_number() and QUALIFY")
            return node
        both = (node.this, node.expression)
        known = [ours(exp.Not(this=exp.Is(this=e.copy(), expression=exp.Null()))) for e in both]
        kept = ours(exp.Where(this=exp.and_(*known, copy=False)))
        found = call(name, node.this.copy(), node.expression.copy())
        return ours(exp.Filter(this=found, expression=kept))

    return rule


def _one_distinct(porting: Porting, node: Any) -> Any:
    inner = node.this
    if isinstance(inner, exp.Distinct) and len(inner.expressions) > 1:
        message = "count(distinct ...) of several columns is not the same there"
        porting.refuse(node, "TRN001", message, "count the rows of a `select distinct` query")
    return node


def _quantile(porting: Porting, node: Any) -> Any:
    if family(node.this) not in NUMBERS:
        porting.refuse(node, "TRN003", "this quantile is not the same there", "cast it to double")
        return node
    if isinstance(node.parent, exp.Window):
        porting.refuse(node, "TRN001", "a quantile over a window cannot be said there")
        return node
    half = exp.Literal.number("0.5")
    share = half if isinstance(node, exp.Median) else node.expression.copy()
    return call("percentile", as_double(node.this.copy()), share)


def _filter(porting: Porting, node: Any) -> Any:
    """Over a window there is no FILTER in Spark: rows that are out give a null, which no aggregate counts."""
    if not isinstance(node.parent, exp.Window):
        return node
    inner = node.this
    if not isinstance(inner, FILTERED) or isinstance(inner.this, exp.Distinct):
        porting.refuse(node, "TRN001", "FILTER over a window cannot be said there", "use CASE")
        return node
    value = exp.Literal.number(1) if isinstance(inner.this, exp.Star) else inner.this.copy()
    kept = ours(exp.If(this=node.expression.this.copy(), true=value))
    found = inner.copy()
    found.set("this", ours(exp.Case(ifs=[kept])))
    return found


def _window(porting: Porting, node: Any) -> Any:
    inner, spec = node.this, node.args.get("spec")
    if any(each.this for each in inner.find_all(exp.Distinct)) or inner.find(exp.Distinct):
        porting.refuse(node, "TRN001", "DISTINCT over a window cannot be said there")
    elif spec is not None and str(spec.args.get("kind")).upper() == "GROUPS":
        message = "a window of GROUPS cannot be said there"
        porting.refuse(node, "TRN001", message, "ROWS and RANGE can")
    elif isinstance(inner, PLACED) and not (node.args.get("order") or node.args.get("alias")):
        message = "without ORDER BY this function has no order to be the same"
        porting.refuse(node, "TRN001", message, "say in which order: over (order by id)")
    return node


AGGREGATES = {
    "Avg": _average,
    "Stddev": _average,
    "StddevSamp": _average,
    "StddevPop": _average,
    "Variance": _average,
    "VariancePop": _average,
    "Sum": _sum,
    "IgnoreNulls": _any,
    "AnyValue": _bare_any,
    "GroupConcat": _listed,
    "ArgMax": _arg("max_by"),
    "ArgMin": _arg("min_by"),
    "Count": _one_distinct,
    "Median": _quantile,
    "PercentileCont": _quantile,
    "Filter": _filter,
    "Window": _window,
}
