"""UNION BY NAME -> both sides with the same columns in the same order."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.porting import Porting
from sqlpipes.core.sql.porting.scope import Outs
from sqlpipes.core.sql.porting.stars import LISTED, identifier


def by_name(
    porting: Porting, node: Any, left: Outs | None, right: Outs | None
) -> tuple[Outs | None, Outs | None]:
    """The columns of both sides as they stand now; refused where they are not known."""
    if left is None or right is None or not all(name for name, _ in (*left, *right)):
        message = "UNION BY NAME needs the columns of both sides, and they are not known"
        porting.refuse(node, "TRN004", message, LISTED, word="union")
        return left, None
    node.set("by_name", False)
    mine = {name.casefold() for name, _ in left}
    names = [*(name for name, _ in left), *(n for n, _ in right if n.casefold() not in mine)]
    for key, columns in (("this", left), ("expression", right)):
        if [name.casefold() for name, _ in columns] != [name.casefold() for name in names]:
            node.set(key, _aligned(node.args[key], columns, names))
    return _placed(left, names), _placed(right, names)


def _aligned(side: Any, columns: Outs, names: list[str]) -> Any:
    there = {name.casefold() for name, _ in columns}
    items = [
        exp.column(identifier(name))
        if name.casefold() in there
        else exp.alias_(exp.Null(), identifier(name))
        for name in names
    ]
    query = side if isinstance(side, exp.Subquery) else exp.Subquery(this=side)
    query.set("alias", exp.TableAlias(this=exp.to_identifier("side")))
    return exp.Select(expressions=items, from_=exp.From(this=query))


def _placed(columns: Outs, names: list[str]) -> Outs:
    known = {name.casefold(): found for name, found in columns}
    return tuple((name, known.get(name.casefold(), "null")) for name in names)
