"""QUALIFY -> a query around the query, whose WHERE it becomes."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.porting import FAMILY, Porting
from sqlpipes.core.sql.porting.scope import Outs, Scope
from sqlpipes.core.sql.porting.stars import identifier

KEPT = "sqlpipes_kept"
OUTSIDE = ("order", "limit", "offset", "distinct", "with_")


def port_qualify(porting: Porting, select: Any, outs: Outs | None, scope: Scope) -> None:
    """`select` itself becomes the outer query, so that whoever holds it holds the result."""
    qualify = select.args.get("qualify")
    if qualify is None or outs is None:
        return  # its star was refused
    if not all(name for name, _ in outs):
        message = "QUALIFY needs a name for every column"
        porting.refuse(qualify, "TRN008", message, "`... as total`", word="qualify")
        return
    if not _orders_outside(porting, select, outs):
        return
    condition = qualify.this
    names = {name.casefold() for name, _ in outs if scope.lacks(name)}
    inner = exp.Select()
    for key in [key for key in select.args if key not in OUTSIDE and key != "qualify"]:
        inner.set(key, select.args[key])
        select.set(key, None)
    select.set("qualify", None)
    if _reads_only(condition, names, inner):
        kept = condition
    else:
        inner.append("expressions", exp.alias_(_expanded(condition, inner, scope), KEPT))
        kept = exp.column(KEPT)
    select.set("expressions", [_output(name, found) for name, found in outs])
    around = exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("qualified")))
    select.set("from_", exp.From(this=around))
    select.set("where", exp.Where(this=kept))


def _output(name: str, found: str | None) -> Any:
    column = exp.column(identifier(name))
    column.meta[FAMILY] = found
    return column


def _reads_only(condition: Any, names: set[str], inner: Any) -> bool:
    """Whether the condition is about columns of the result, and about nothing else."""
    if condition.find(exp.Window, exp.Query, exp.AggFunc):
        return False
    made = {str(item.alias).casefold() for item in inner.expressions if isinstance(item, exp.Alias)}
    columns = list(condition.find_all(exp.Column))
    return all(not c.table and str(c.name).casefold() in names & made for c in columns)


def _expanded(condition: Any, inner: Any, scope: Scope) -> Any:
    """Names of the result inside it, as the expressions that they stand for; a table's own come first."""
    made = {str(i.alias).casefold(): i.this for i in inner.expressions if isinstance(i, exp.Alias)}
    for column in list(condition.find_all(exp.Column)):
        meant = made.get(str(column.name).casefold())
        if meant is not None and not column.table and scope.lacks(str(column.name)):
            column.replace(meant.copy())
    return condition


def _orders_outside(porting: Porting, select: Any, outs: Outs) -> bool:
    """ORDER BY goes outside, where it knows the result's columns only."""
    names = {name.casefold() for name, _ in outs}
    order = select.args.get("order")
    for each in order.expressions if order is not None else ():
        for column in each.find_all(exp.Column):
            if column.table or str(column.name).casefold() not in names:
                message = "ORDER BY of a query with QUALIFY sorts by what is no column of it"
                porting.refuse(each, "TRN001", message, "sort in a query around this one")
                return False
    return True
