"""The list of a SELECT -> its columns, and what in it decides which rows there are."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from sqlglot import exp

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.digests.terms import (
    NOTHING,
    Reader,
    Relation,
    Sight,
    Term,
    Unread,
    named_at,
    of_sides,
    only,
)
from sqlpipes.core.lineage.expressions import is_aggregate, is_over
from sqlpipes.core.lineage.stars import star_of

SPREADING = (exp.Explode, exp.Unnest, exp.Posexplode, exp.Inline, exp.GenerateSeries)
"""They make rows where they stand in a list of columns."""


@dataclass(slots=True)
class Projected:
    """What the list says. `rows`: what in it decides which rows there are."""

    columns: list[tuple[str, Term]] = field(default_factory=list)
    open: list[Term] = field(default_factory=list)
    rows: list[Term] = field(default_factory=list)
    keys: list[Term] = field(default_factory=list)  # of GROUP BY ALL
    doubtful: list[Term] = field(default_factory=list)  # it may or may not collapse the rows
    collapses: bool = False


def project(reader: Reader, node: Any, sight: Sight, found: Projected) -> None:
    """Adds the columns of one item to `found`, and its alias to what is in sight."""
    inner = node.this if isinstance(node, exp.Alias) else node
    star = star_of(inner)
    if star is not None:
        _add_star(reader, inner, star, sight, found)
        return
    key = _key(reader, node, inner)
    try:
        term = reader.term(inner, sight)
    except Unread:
        if _may_decide_rows(reader, inner):
            raise
        term = NOTHING
    found.columns.append((key, term))
    if isinstance(node, exp.Alias):
        sight.aliases.setdefault(key, term)
    _add_rows(reader, inner, term, found)


def _key(reader: Reader, node: Any, inner: Any) -> str:
    """The name of the column; "" when the engine makes one up."""
    if isinstance(node, exp.Alias):
        return reader.key(node.args["alias"])
    while isinstance(inner, exp.Paren):
        inner = inner.this
    return reader.key(inner.parts[-1]) if isinstance(inner, exp.Column) else ""


def _may_decide_rows(reader: Reader, node: Any) -> bool:
    words = (*SPREADING, exp.Anonymous, exp.AggFunc, exp.Columns)
    return reader.dialect != "duckdb" or node.find(*words) is not None


def _add_rows(reader: Reader, node: Any, term: Term, found: Projected) -> None:
    """What a column says of the rows: it spreads them, collapses them, or may do so."""
    if isinstance(node, exp.Column):
        found.keys.append(term)
        return
    spreads = SPREADING if reader.dialect == "duckdb" else (*SPREADING, exp.Anonymous)
    if node.find(*spreads) is not None:
        found.rows.append(term)
    collapses = _collapses(node)
    if collapses is None:
        found.doubtful.append(term)
    elif collapses:
        found.collapses = True
    else:
        found.keys.append(term)


def _collapses(node: Any) -> bool | None:
    """Whether an aggregate makes one row of several; None when a function may be one."""
    found: bool | None = False
    todo = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, (exp.Query, exp.Values)):
            continue
        if is_aggregate(current) and not is_over(current):
            return True
        if isinstance(current, exp.Anonymous) and not is_over(current):
            found = None
        todo += current.iter_expressions()
    return found


def _add_star(reader: Reader, node: Any, star: Any, sight: Sight, found: Projected) -> None:
    """`*` and `t.*`, with EXCLUDE, REPLACE and RENAME."""
    if not isinstance(node, (exp.Star, exp.Column)):
        raise Unread
    relation = _starred(reader, node, sight)
    excluded, replaced, names = _edits(reader, star, sight)
    if relation.open and (excluded or replaced or names):
        raise Unread
    found.open += relation.open
    for key, term in relation.columns:
        if key not in excluded:
            new = replaced.get(key, term)
            found.columns.append((names.get(key, key), new))
            found.keys.append(new)


Edits = tuple[set[str], dict[str, Term], dict[str, str]]


def _edits(reader: Reader, star: Any, sight: Sight) -> Edits:
    """What a star leaves out, computes anew and calls otherwise."""
    only(star, frozenset({"except_", "replace", "rename"}))
    excluded: set[str] = set()
    for each in star.args.get("except_") or ():
        if isinstance(each, exp.Column) and len(each.parts) > 1:
            raise Unread
        excluded.add(reader.key(each.this if isinstance(each, exp.Column) else each))
    replaced: dict[str, Term] = {}
    for each in star.args.get("replace") or ():
        if _collapses(each.this) is not False or each.find(*SPREADING) is not None:
            raise Unread
        replaced[reader.key(each.args["alias"])] = reader.term(each.this, sight)
    renamed = star.args.get("rename") or ()
    names = {_key(reader, each.this, each.this): reader.key(each.args["alias"]) for each in renamed}
    return excluded, replaced, names


def _starred(reader: Reader, node: Any, sight: Sight) -> Relation:
    """The columns that a star stands for; one of USING is there once."""
    name = reader.key(node.args["table"]) if isinstance(node, exp.Column) else None
    places = [
        (place, relation)
        for place, (known, relation) in enumerate(sight.sources)
        if (place not in sight.hidden if name is None else known == name)
    ]
    if name is not None and (len(places) != 1 or len(node.parts) > 2):
        raise Unread  # fields of a struct, or a table of the query around
    shown = Relation([], Term("star"))
    merged: set[str] = set()
    for place, relation in places:
        shown.open += tuple(named_at(place, term) for term in relation.open)
        for key, term in relation.columns:
            if name is not None or key not in sight.merged:
                shown.columns.append((key, named_at(place, term)))
            elif key not in merged:
                merged.add(key)
                shown.columns.append((key, _merged(key, sight)))
    return shown


def _merged(key: str, sight: Sight) -> Term:
    """A column of USING, made of both sides."""
    return of_sides([t for _, relation in sight.sources for t in relation.named(key)], [])
