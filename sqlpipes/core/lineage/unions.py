"""Two bound queries + UNION, EXCEPT or INTERSECT -> one table, by position or by name."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.lineage.expressions import record_origins
from sqlpipes.core.lineage.facts import ANY, RowSetKind
from sqlpipes.core.lineage.tables import (
    Level,
    Opening,
    Out,
    Rows,
    Table,
    merge,
    merge_rows,
    unique,
    unknown_of,
)


def combined(node: Any, left: Table, right: Table) -> Table:
    rows: Rows = {}
    merge_rows(rows, left.rows)
    merge_rows(rows, right.rows)
    by_name = bool(node.args.get("by_name"))
    pairs = _by_name(left, right) if by_name else _by_position(left, right)
    both = isinstance(node, exp.Union)
    outs = [_joined(one, other if both else None) for one, other in pairs]
    if left.open or right.open:
        outs = _blurred(outs, left, right, by_name)
    if not both or node.args.get("distinct"):
        for one, other in pairs:
            for out in (one, other):
                if out is not None:
                    record_origins(out.origins, RowSetKind.SET_OP, out.offset, rows)
        for opening in (*left.open, *right.open):
            rows.setdefault((opening.leaf, ANY, RowSetKind.UNKNOWN), -1)
    opened = _openings(left, right, by_name)
    leaves = unique((*left.leaves, *right.leaves))
    return Table(outs, opened, leaves, rows, left.guessed or right.guessed)


def _openings(left: Table, right: Table, by_name: bool) -> tuple[Opening, ...]:
    """By position, an unlisted column of the one side meets any of the other."""
    if by_name:
        return tuple(dict.fromkeys((*left.open, *right.open)))
    if not left.open:
        return ()
    return tuple(Opening(leaf, exact=False) for leaf in unique((*left.leaves, *right.leaves)))


def _blurred(outs: list[Out], left: Table, right: Table, by_name: bool) -> list[Out]:
    """Columns of a set operation of which a side could not be listed."""
    if left.open and not by_name:
        return []
    for out in outs:
        origins = unknown_of(right.open) if not by_name else {}
        for side in (left, right) if by_name else ():
            origins.update({(o.leaf, out.name): Level.UNKNOWN for o in side.open})
        for origin in origins:
            out.origins.setdefault(origin, Level.UNKNOWN)
    return outs


def _by_position(left: Table, right: Table) -> list[tuple[Out, Out | None]]:
    rest: list[Out | None] = list(right.outs)
    rest += [None] * (len(left.outs) - len(rest))
    return list(zip(left.outs, rest, strict=False))


def _by_name(left: Table, right: Table) -> list[tuple[Out, Out | None]]:
    theirs = {out.key: out for out in right.outs}
    ours = {out.key for out in left.outs}
    pairs: list[tuple[Out, Out | None]] = [(out, theirs.get(out.key)) for out in left.outs]
    return pairs + [(out, None) for out in right.outs if out.key not in ours]


def _joined(one: Out, other: Out | None) -> Out:
    origins = dict(one.origins)
    type_ = one.type
    if other is not None:
        merge(origins, other.origins, Level.STAR)
        if one.type != other.type:
            type_ = one.type if other.type is None else None if one.type is not None else other.type
    return Out(one.name, one.key, origins, type_, one.offset, one.aggregated)
