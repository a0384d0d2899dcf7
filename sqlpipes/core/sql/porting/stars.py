"""`* EXCLUDE (...) REPLACE (...) RENAME (...)` -> the columns, where they are known."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.names import PLAIN
from sqlpipes.core.sql.porting.porting import Porting
from sqlpipes.core.sql.porting.scope import Scope, Source

LISTED = "list the columns, or declare them with their types where the table is declared"


def expand_stars(porting: Porting, select: Any, scope: Scope) -> None:
    """Also a plain star where its columns must be counted, or where engines order them otherwise."""
    using = [join for join in select.args.get("joins") or () if join.args.get("using")]
    group, order = select.args.get("group"), select.args.get("order")
    counted = select.args.get("qualify") is not None
    counted = counted or (group is not None and group.args.get("all"))
    counted = counted or (order is not None and is_all(order))
    items: list[Any] = []
    for item in select.expressions:
        if item.is_star and (_changes(item) or using or counted):
            items += _expanded(porting, item, using, scope)
        else:
            items.append(item)
    select.set("expressions", items)


def is_all(order: Any) -> bool:
    """ORDER BY ALL."""
    first = order.expressions[0].this if order.expressions else None
    return isinstance(first, exp.Var) and first.name.upper() == "ALL"


def _star(item: Any) -> Any:
    return item.this if isinstance(item, exp.Column) else item


def _changes(item: Any) -> bool:
    return any(_star(item).args.get(key) for key in ("except_", "replace", "rename"))


def _expanded(porting: Porting, item: Any, using: list[Any], scope: Scope) -> list[Any]:
    table = str(item.table).casefold() if isinstance(item, exp.Column) else ""
    sources = [s for s in scope.sources if not table or s.alias == table]
    unknown = [source.alias for source in sources if source.columns is None]
    if unknown or not sources:
        whose = f" of '{unknown[0]}'" if unknown else ""
        message = f"the columns{whose} are not known, and this star needs them one by one"
        porting.refuse(item, "TRN004", message, LISTED)
        return [item]
    return _listed(item, sources, _merged(using) if not table else frozenset())


def _merged(using: list[Any]) -> frozenset[str]:
    return frozenset(str(c.name).casefold() for join in using for c in join.args["using"])


def _listed(item: Any, sources: list[Source], merged: frozenset[str]) -> list[Any]:
    """In the order of the tables; a column of USING once, where it stands first."""
    star = _star(item)
    dropped = {str(each.name).casefold() for each in star.args.get("except_") or ()}
    replaced = {str(a.alias).casefold(): a for a in star.args.get("replace") or ()}
    named = {str(a.this.name).casefold(): str(a.alias) for a in star.args.get("rename") or ()}
    found: list[Any] = []
    seen: set[str] = set()
    for source in sources:
        for name, _ in source.columns or ():
            key = name.casefold()
            if key in dropped or (key in merged and key in seen):
                continue
            seen.add(key)
            column = column_of(name, "" if key in merged else source.alias)
            new = replaced.get(key, column)
            found.append(exp.alias_(new, identifier(named[key])) if key in named else new)
    return found


def column_of(name: str, table: str) -> Any:
    return exp.Column(this=identifier(name), table=identifier(table) if table else None)


def identifier(name: str) -> Any:
    return exp.to_identifier(name, quoted=not PLAIN.fullmatch(name))
