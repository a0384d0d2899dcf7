"""Parts of a proven kind that the types of their own parts make others: conditions, FLOATs, unions."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import NULL, NUMBERS, REAL, TEXT, meeting
from sqlpipes.core.sql.porting.porting import Porting, family
from sqlpipes.core.sql.porting.scope import Outs, Scope

KEEPS = (exp.Alias, exp.Select, exp.Paren, exp.Count, exp.Is, exp.Cast, exp.Subquery, exp.Tuple)


def check_types(porting: Porting, node: Any) -> None:
    for part in _conditions(node):
        found = family(part)
        if found in NUMBERS | {TEXT, REAL}:
            message = f"a {found} is no condition there"
            porting.refuse(part, "TRN003", message, "say what is asked: x <> 0")
    if isinstance(node, KEEPS):
        return
    for part in node.iter_expressions():
        if family(part) == REAL and not isinstance(part, exp.DataType):
            message = "a FLOAT of 4 bytes is counted and compared otherwise there"
            porting.refuse(part, "TRN003", message, "cast it to double first: cast(x as double)")


def _conditions(node: Any) -> list[Any]:
    if isinstance(node, (exp.And, exp.Or)):
        return [node.left, node.right]
    if isinstance(node, (exp.Not, exp.Where, exp.Having)):
        return [node.this]
    if isinstance(node, exp.If):
        compared = isinstance(node.parent, exp.Case) and node.parent.args.get("this") is not None
        return [] if compared else [node.this]
    if isinstance(node, exp.Join) and node.args.get("on") is not None:
        return [node.args["on"]]
    return []


def check_union(porting: Porting, node: Any, left: Outs, right: Outs | None) -> None:
    """Both sides as the engine sees them: Postgres casts no text to a number by itself, and takes a
    column of nulls alone for a text."""
    if right is None or len(left) != len(right):
        return
    for (name, mine), (_, other) in zip(left, right, strict=True):
        column = f"'{name}'" if name else "a column"
        if mine == other == NULL and isinstance(node.parent, exp.SetOperation):
            message = f"{column} of nulls alone is a text there, and does not meet other types"
            porting.refuse(node, "TRN003", message, "cast the null", word="union")
        elif mine is not None and other is not None and meeting([mine, other]) is None:
            message = f"{column} is a {mine} on one side and a {other} on the other"
            porting.refuse(node, "TRN003", message, "cast both to one type", word="union")


def refuse_rows(porting: Porting, select: Any, scope: Scope, column: Any) -> None:
    """A table's name as a value is its row, which other engines compare and write in another way."""
    name = str(column.name).casefold()
    if column.table or isinstance(column.this, exp.Star) or not _is_table(scope, name):
        return
    if isinstance(column.parent, (exp.Ordered, exp.Group)) and name in _made(select):
        return
    message = f"'{column.name}' is a table, and its whole row as a value is another one there"
    porting.refuse(column, "TRN001", message, "name the columns")


def _is_table(scope: Scope | None, name: str) -> bool:
    while scope is not None:
        if any(source.has(name) for source in scope.sources):
            return False
        if any(source.alias == name for source in scope.sources):
            return True
        scope = scope.around
    return False


def _made(select: Any) -> dict[str, Any]:
    return {str(i.alias).casefold(): i.this for i in select.expressions if isinstance(i, exp.Alias)}


def refuse_hidden(porting: Porting, select: Any, scope: Scope) -> None:
    """A name in GROUP BY or HAVING that is an alias and a column as well: each engine takes another."""
    made = _made(select)
    for key in ("group", "having"):
        part = select.args.get(key)
        for column in part.find_all(exp.Column) if part is not None else ():
            name = str(column.name).casefold()
            meant = made.get(name)
            if meant is None or column.table or not any(s.has(name) for s in scope.sources):
                continue
            if not (isinstance(meant, exp.Column) and str(meant.name).casefold() == name):
                message = f"'{column.name}' is a column and an alias, and engines differ in which"
                porting.refuse(column, "TRN001", message, "give the alias a name of its own")
