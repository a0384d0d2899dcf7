"""A query's tree -> the same rows said without what only the source dialect has.

Every rule works on the tree in place. A query is done inner parts first, as the columns of what it
reads decide what it may leave out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting import families
from sqlpipes.core.sql.porting.aliases import expand_aliases
from sqlpipes.core.sql.porting.conditions import check_union, refuse_hidden, refuse_rows
from sqlpipes.core.sql.porting.grouping import group_by_all, order_by_all
from sqlpipes.core.sql.porting.joins import port_joins
from sqlpipes.core.sql.porting.porting import FAMILY, OUTWARD, Porting, family
from sqlpipes.core.sql.porting.qualifying import port_qualify
from sqlpipes.core.sql.porting.scope import Ctes, Outs, Scope, Source, renamed, table_columns
from sqlpipes.core.sql.porting.stars import expand_stars
from sqlpipes.core.sql.porting.unions import by_name

UNNAMED = "give it a name: `... as total`"


def port_query(
    porting: Porting, node: Any, ctes: Ctes, around: Scope | None, *, table: bool
) -> Outs | None:
    """The columns that it yields, None when they are not known.

    `table`: somebody reads them by their names.
    """
    ctes = _with(porting, node, ctes, around)
    if isinstance(node, exp.Subquery):
        return port_query(porting, node.this, ctes, around, table=table)
    if isinstance(node, exp.SetOperation):
        return _set_operation(porting, node, ctes, around, table=table)
    if isinstance(node, exp.Select):
        return _select(porting, node, ctes, around, table=table)
    if isinstance(node, exp.Values):
        return _values(porting, node)
    return None


def _with(porting: Porting, node: Any, ctes: Ctes, around: Scope | None) -> Ctes:
    found = dict(ctes)
    with_ = node.args.get("with_")
    for cte in with_.expressions if with_ is not None else ():
        name = str(cte.alias).casefold()
        if with_.args.get("recursive"):
            found[name] = None  # while its own rows are not known
        outs = port_query(porting, cte.this, found, around, table=True)
        found[name] = renamed(outs, cte.args.get("alias"))
    return found


def _set_operation(
    porting: Porting, node: Any, ctes: Ctes, around: Scope | None, *, table: bool
) -> Outs | None:
    left = port_query(porting, node.this, ctes, around, table=table)
    right = port_query(porting, node.expression, ctes, around, table=False)
    if node.args.get("by_name"):
        left, right = by_name(porting, node, left, right)
    if left is None:
        return None
    order_by_all(porting, node, len(left))
    check_union(porting, node, left, right)
    others = right if right is not None else ()
    kinds = [found for _, found in others] if len(others) == len(left) else [None] * len(left)
    pairs = list(zip(left, kinds, strict=True))
    _refuse_blend(porting, node, [{mine, other} for (_, mine), other in pairs])
    return tuple((name, families.meeting([mine, other])) for (name, mine), other in pairs)


def _refuse_blend(porting: Porting, node: Any, columns: list[set[str | None]]) -> None:
    """A text and something else become a text in DuckDB."""
    known = [kinds - {None, families.NULL} for kinds in columns]
    if any(families.TEXT in kinds and len(kinds) > 1 for kinds in known):
        message = "a column of texts and one of another type do not become one column there"
        porting.refuse(node, "TRN003", message, "cast them to one type")


def _values(porting: Porting, node: Any) -> Outs | None:
    rows = [row.expressions for row in node.expressions if isinstance(row, exp.Tuple)]
    if not rows:
        return None
    families.mark(node)
    columns = zip(*rows, strict=False)
    kinds = (families.meeting([family(cell) for cell in column]) for column in columns)
    names = (f"col{i}" for i in range(len(rows[0])))
    outs: Outs = tuple(zip(names, kinds, strict=False))
    alias = node.args.get("alias")
    if not (isinstance(alias, exp.TableAlias) and alias.args.get("columns")):
        hint = "name them: `(values (1, 'a')) as t(id, name)`"
        porting.refuse(node, "TRN001", "the columns of VALUES have no names of their own", hint)
    return renamed(outs, alias)


def _select(
    porting: Porting, select: Any, ctes: Ctes, around: Scope | None, *, table: bool
) -> Outs | None:
    scope = Scope(around=around)
    for relation in _relations(select):
        scope.sources.append(_source(porting, relation, ctes, scope))
    port_joins(porting, select, scope)
    expand_stars(porting, select, scope)
    refuse_hidden(porting, select, scope)
    expand_aliases(select, scope)
    _resolve(porting, select, ctes, scope)
    if table:
        _demand_names(porting, select)
    group_by_all(porting, select)
    outs = _outs(select, scope)
    if outs is not None:
        order_by_all(porting, select, len(outs))
    port_qualify(porting, select, outs, scope)
    return outs


def _relations(select: Any) -> Iterator[Any]:
    from_ = select.args.get("from_")
    if from_ is not None:
        yield from_.this
    for join in select.args.get("joins") or ():
        yield join.this
    yield from select.args.get("laterals") or ()


def _source(porting: Porting, relation: Any, ctes: Ctes, scope: Scope) -> Source:
    alias = str(relation.alias_or_name).casefold()
    if isinstance(relation, exp.Table):
        if isinstance(relation.this, exp.Func):
            for argument in relation.this.find_all(exp.Query):
                port_query(porting, argument, ctes, scope, table=False)
            families.mark(relation.this)
            return Source(alias, None)
        return Source(
            alias, renamed(table_columns(porting, relation, ctes), relation.args.get("alias"))
        )
    inside = scope if isinstance(relation, exp.Lateral) else scope.around
    query = relation.this if isinstance(relation, exp.Lateral) else relation
    if isinstance(query, (exp.Query, exp.Values)):
        outs = port_query(porting, query, ctes, inside, table=True)
        if isinstance(query, exp.Values):
            return Source(alias, outs)
        return Source(alias, renamed(outs, relation.args.get("alias")))
    return Source(alias, None)


def _resolve(porting: Porting, select: Any, ctes: Ctes, scope: Scope) -> None:
    """Tell each column its family, and do the queries inside expressions."""
    for part in _expressions(select):
        for node in list(part.walk(prune=lambda found: isinstance(found, exp.Query))):
            if isinstance(node, exp.Query):
                port_query(porting, node, ctes, scope, table=False)
            elif isinstance(node, exp.Column) and FAMILY not in node.meta:
                refuse_rows(porting, select, scope, node)
                node.meta[FAMILY] = scope.family(str(node.table), str(node.name))
                if scope.owner(str(node.table), str(node.name)) not in scope.sources:
                    select.meta[OUTWARD] = True
        families.mark(part)


def _expressions(select: Any) -> Iterator[Any]:
    """All that stands in a SELECT beside its tables and its CTEs."""
    for key, value in select.args.items():
        if key in ("from_", "with_", "laterals"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, exp.Join):
                yield from (part.args[k] for k in ("on",) if part.args.get(k) is not None)
            elif isinstance(part, exp.Expr):
                yield part


def _outs(select: Any, scope: Scope) -> Outs | None:
    found: list[tuple[str, str | None]] = []
    for item in select.expressions:
        if item.is_star:
            owners = [
                s for s in scope.sources if not item.args.get("table") or s.alias == _of(item)
            ]
            if any(source.columns is None for source in owners):
                return None
            found += [column for source in owners for column in source.columns or ()]
        else:
            named = isinstance(item, (exp.Alias, exp.Column))
            found.append((str(item.alias_or_name) if named else "", family(item)))
    return tuple(found)


def _of(star: Any) -> str:
    return str(star.table).casefold()


def _demand_names(porting: Porting, select: Any) -> None:
    for item in select.expressions:
        if not isinstance(item, (exp.Alias, exp.Column, exp.Star, exp.Columns)):
            porting.refuse(
                item, "TRN008", "this column has no name, and engines differ in it", UNNAMED
            )
