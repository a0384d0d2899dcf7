"""GROUP BY ALL and ORDER BY ALL -> the columns one by one."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.porting import OUTWARD, Porting
from sqlpipes.core.sql.porting.stars import is_all


def group_by_all(porting: Porting, select: Any) -> None:
    group = select.args.get("group")
    if group is None or not group.args.get("all"):
        return
    keys: list[Any] = []
    for place, item in enumerate(select.expressions, 1):
        if item.is_star:
            return  # refused already: its columns are not known
        if _aggregates(item):
            continue
        if any(query.meta.get(OUTWARD) for query in item.find_all(exp.Select)):
            message = (
                "GROUP BY ALL over a query that reads columns of this one is not the same there"
            )
            porting.refuse(item, "TRN001", message, "name the columns of GROUP BY")
        if not _reads_columns(item):
            continue  # a constant makes no groups: without any other key there is one
        if item.find(exp.Window):
            message = "GROUP BY ALL over a window function has no counterpart there"
            porting.refuse(item, "TRN001", message, "name the columns of GROUP BY")
        value = item.this if isinstance(item, exp.Alias) else item
        keys.append(value.copy() if isinstance(value, exp.Column) else exp.Literal.number(place))
    if not keys:
        select.set("group", None)
        return
    select.set("group", exp.Group(expressions=keys))


def _reads_columns(item: Any) -> bool:
    """Of this query's own tables."""
    inside = item.walk(prune=lambda found: isinstance(found, exp.Query))
    return any(isinstance(node, exp.Column) for node in inside)


def _aggregates(item: Any) -> bool:
    """Whether the item is computed from a group's rows; queries inside it have groups of their own."""
    for node in item.walk(prune=lambda found: isinstance(found, exp.Query)):
        if isinstance(node, exp.AggFunc) and not _over_rows(node):
            return True
    return False


def _over_rows(node: Any) -> bool:
    """Whether the function runs over a window: `sum(x) over ()` aggregates no group."""
    above = node.parent
    while isinstance(above, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        node, above = above, above.parent
    return isinstance(above, exp.Window) and above.this is node


def order_by_all(porting: Porting, query: Any, count: int) -> None:
    order = query.args.get("order")
    if order is None or not is_all(order):
        return
    said = order.expressions[0]
    found = []
    for place in range(1, count + 1):
        each = said.copy()
        each.set("this", exp.Literal.number(place))
        found.append(each)
    query.set("order", exp.Order(expressions=found))
