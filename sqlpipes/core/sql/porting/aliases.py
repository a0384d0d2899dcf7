"""A name that another column of the same SELECT has been given -> the expression that it stands for.

Only where it is certain that no table has a column of that name: where there is one, that is meant in
every dialect. A name that nobody can be sure of stays: the target either has the column, or says so.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.scope import Scope

VOLATILE = (exp.Rand, exp.Uuid)


def expand_aliases(select: Any, scope: Scope) -> None:
    known: dict[str, Any] = {}
    items: list[Any] = []
    for item in select.expressions:
        found = _expanded(item, known, scope)
        items.append(found)
        if isinstance(found, exp.Alias) and not any(found.this.find(kind) for kind in VOLATILE):
            known[str(found.alias).casefold()] = found.this
    select.set("expressions", items)
    for key in ("where", "having"):
        part = select.args.get(key)
        if part is not None:
            select.set(key, _expanded(part, known, scope))
    _expand_bare(select, known, scope)


def _expand_bare(select: Any, known: dict[str, Any], scope: Scope) -> None:
    """GROUP BY and ORDER BY know names that stand alone in every dialect."""
    for key in ("group", "order"):
        part = select.args.get(key)
        for each in part.expressions if part is not None else ():
            value = each.this if isinstance(each, exp.Ordered) else each
            if not isinstance(value, exp.Column):
                value.replace(_expanded(value, known, scope))


def _expanded(part: Any, known: dict[str, Any], scope: Scope) -> Any:
    for column in list(part.find_all(exp.Column)):
        if column.table or column.find_ancestor(exp.Query) not in (
            None,
            part.find_ancestor(exp.Query),
        ):
            continue
        meant = known.get(str(column.name).casefold())
        if meant is None or not scope.lacks(str(column.name)):
            continue
        new = _wrapped(meant.copy())
        if column is part:
            return new
        column.replace(new)
    return part


def _wrapped(value: Any) -> Any:
    simple = (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Window)
    return value if isinstance(value, simple) else exp.Paren(this=value)
