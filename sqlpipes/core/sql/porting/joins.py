"""Joins that only the source has -> [NOT] EXISTS, or the one row that a LATERAL query finds."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.porting import Porting
from sqlpipes.core.sql.porting.scope import Scope

CONDITION = "say the condition with ON"
# left >= right: the newest of them is the nearest
TURNED: dict[Any, bool] = {exp.GTE: True, exp.GT: True, exp.LTE: False, exp.LT: False}


def port_joins(porting: Porting, select: Any, scope: Scope) -> None:
    joins = select.args.get("joins") or []
    first = 1 if select.args.get("from_") is not None else 0
    kept: list[Any] = []
    gone: list[int] = []
    for place, join in enumerate(joins):
        kind, method = str(join.kind or "").upper(), str(join.method or "").upper()
        if kind in ("SEMI", "ANTI"):
            after = [str(each.side or "").upper() for each in joins[place + 1 :]]
            before = Scope(scope.sources[: first + place], scope.around)
            if _exists(porting, select, join, before, kind, after):
                gone.append(first + place)
                continue
        elif method == "ASOF":
            _asof(porting, join, str(scope.sources[first + place].alias))
        elif method or kind not in ("", "INNER", "CROSS", "OUTER"):
            _refuse(porting, join, method or kind)
        kept.append(join)
    select.set("joins", kept)
    scope.sources = [s for place, s in enumerate(scope.sources) if place not in gone]


def _refuse(porting: Porting, join: Any, said: str) -> None:
    hint = {"NATURAL": "name the columns: USING (...)", "POSITIONAL": "join by a row number"}
    message = f"{said} JOIN has no counterpart there"
    join.set("method", None)
    join.set("kind", None)
    porting.refuse(join, "TRN001", message, hint.get(said, CONDITION), word=said)


def _exists(
    porting: Porting, select: Any, join: Any, before: Scope, kind: str, after: list[str]
) -> bool:
    """Put the join into WHERE. False when it was refused."""
    if any(side in ("RIGHT", "FULL") for side in after):
        message = f"a {kind} JOIN before a RIGHT or FULL one has no counterpart there"
        porting.refuse(
            join, "TRN001", message, f"filter in a query of its own, with {kind} JOIN", word=kind
        )
        return False
    condition = _condition(porting, join, before)
    if condition is None:
        return False
    query = exp.Select(
        expressions=[exp.Literal.number(1)],
        from_=exp.From(this=join.this),
        where=exp.Where(this=condition),
    )
    found: Any = exp.Exists(this=query)
    found = exp.Not(this=found) if kind == "ANTI" else found
    where = select.args.get("where")
    whole = exp.and_(where.this, found, copy=False) if where is not None else found
    select.set("where", exp.Where(this=whole))
    return True


def _condition(porting: Porting, join: Any, before: Scope) -> Any:
    using = join.args.get("using")
    if not using:
        if join.args.get("on") is None:
            porting.refuse(join, "TRN001", "this join has no condition", CONDITION)
        return join.args.get("on")
    right = str(join.this.alias_or_name)
    parts = []
    for column in using:
        owner = before.owner("", str(column.name))
        if owner is None:
            message = f"it is not known which table '{column.name}' is of"
            porting.refuse(column, "TRN004", message, CONDITION)
            return None
        left = exp.Column(this=column.copy(), table=exp.to_identifier(owner.alias))
        mine = exp.Column(this=column.copy(), table=exp.to_identifier(right))
        parts.append(exp.EQ(this=left, expression=mine))
    return exp.and_(*parts)


def _asof(porting: Porting, join: Any, right: str) -> None:
    """`a asof join b on a.k = b.k and a.t >= b.t`: of b's rows that fit the one that is nearest."""
    if str(join.side or "").upper() not in ("", "LEFT"):
        _refuse(porting, join, "ASOF")
        return
    found = _nearest(join.args.get("on"), right)
    if found is None:
        message = "of this ASOF JOIN it is not clear which row is the nearest"
        hint = "say ON with equalities and one inequality, each column with its table"
        porting.refuse(join, "TRN001", message, hint, word="asof")
        return
    column, desc = found
    order = exp.Ordered(this=column.copy(), desc=desc)
    inner = exp.Select(
        expressions=[exp.Star()],
        from_=exp.From(this=join.this),
        where=exp.Where(this=join.args["on"]),
        order=exp.Order(expressions=[order]),
        limit=exp.Limit(expression=exp.Literal.number(1)),
    )
    alias = exp.TableAlias(this=exp.to_identifier(right))
    join.set("this", exp.Lateral(this=exp.Subquery(this=inner), alias=alias))
    join.set("method", None)
    join.set("on", exp.true())


def _nearest(condition: Any, right: str) -> tuple[Any, bool] | None:
    """(the column of the right table that is compared, whether its greatest value is wanted)."""
    if condition is None:
        return None
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    unequal = [part for part in parts if type(part) in TURNED]
    if len(unequal) != 1 or any(type(p) not in TURNED and not isinstance(p, exp.EQ) for p in parts):
        return None
    part = unequal[0]
    for side, turned in ((part.expression, False), (part.this, True)):
        tables = {str(column.table).casefold() for column in side.find_all(exp.Column)}
        if tables == {right}:
            return side, TURNED[type(part)] is not turned
    return None
