"""What stands in FROM and around queries, and where values of several types meet."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import NULL, TEXT
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours

ONE = "qualify row_number() over (partition by ... order by ...) = 1"
TYPED = "cast them to one type"


def _cte(porting: Porting, node: Any) -> Any:
    """Spark has no word for whether it is computed once."""
    node.set("materialized", None)
    return node


def _distinct(porting: Porting, node: Any) -> Any:
    if node.args.get("on") is not None:
        porting.refuse(node, "TRN001", "DISTINCT ON has no counterpart there", ONE, word="distinct")
    return node


def _series(porting: Porting, node: Any) -> Any:
    """As a table, of numbers that stand in the text."""
    start, end = node.args.get("start"), node.args.get("end")
    bounds = [start, end] if end is not None else [exp.Literal.number(0), start]
    if not isinstance(node.parent, exp.Table) or not all(_is_number(each) for each in bounds):
        message = "a series of other than numbers that are written out is not the same there"
        porting.refuse(node, "TRN001", message)
        return node
    first, last = (each.copy() for each in bounds)
    if not node.args.get("is_end_exclusive"):
        last = ours(exp.Add(this=last, expression=exp.Literal.number(1)))
    return call("range", first, last)


def _is_number(node: Any) -> bool:
    plain = node.this if isinstance(node, exp.Neg) else node
    return isinstance(plain, exp.Literal) and bool(plain.is_int)


def _meeting(porting: Porting, node: Any) -> Any:
    """A text and a number become a text in DuckDB, and a number in Spark."""
    parts = _parts(node)
    said = {family(part) for part in parts} - {NULL}
    written = all(isinstance(p, exp.Literal) for p in parts if family(p) == TEXT)
    mixed = len(said) > 1 and (None in said or (TEXT in said and not written))
    if mixed:
        message = "values of several types, or of one that is not known, meet in another type there"
        porting.refuse(node, "TRN003", message, TYPED)
    return node


def _parts(node: Any) -> list[Any]:
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        found = [each.args["true"] for each in node.args["ifs"]]
        return [*found, default] if default is not None else found
    if isinstance(node, exp.If):
        if isinstance(node.parent, exp.Case):
            return []
        return [each for each in (node.args["true"], node.args.get("false")) if each is not None]
    return [node.this, *node.expressions]


def _within(porting: Porting, node: Any) -> Any:
    """As a value Spark says false where DuckDB does not know; of a filter's rows both leave the same."""
    if node.args.get("query") is not None and not _filters(node):
        message = "IN (select ...) as a value is not the same there, where nulls are met"
        porting.refuse(node, "TRN003", message, "use EXISTS, or filter with it in WHERE")
    return node


def _filters(node: Any) -> bool:
    """Whether the rows that a WHERE keeps are those for which this is true."""
    above, lone = node.parent, True
    if isinstance(above, exp.Not):
        above, lone = above.parent, False
    while isinstance(above, (exp.And, exp.Paren)) or (lone and isinstance(above, exp.Or)):
        above = above.parent
    return isinstance(above, exp.Where)


RELATIONS = {
    "CTE": _cte,
    "Distinct": _distinct,
    "GenerateSeries": _series,
    "In": _within,
    "Coalesce": _meeting,
    "Greatest": _meeting,
    "Least": _meeting,
    "Case": _meeting,
    "If": _meeting,
}
