"""SQL text + the columns of its inputs -> Locals: one parse, one walk, never an exception."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from sqlpipes.core.asset import Column
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.garbage import sweep
from sqlpipes.core.lineage.builtins import BUILTINS
from sqlpipes.core.lineage.columns import is_query
from sqlpipes.core.lineage.local import Local, Locals, ordered
from sqlpipes.core.lineage.locality import read_relation
from sqlpipes.core.lineage.places import Places
from sqlpipes.core.lineage.proofs import CONDITION, Relation, Why
from sqlpipes.core.lineage.types import Types
from sqlpipes.core.lineage.walk import Around, Unsure, Walk

FAULTS = (
    SqlglotError, RecursionError, AttributeError, KeyError, IndexError, TypeError, ValueError, Unsure,
)  # fmt: skip

Inputs = Mapping[tuple[str, ...], tuple[str | None, tuple[Column, ...] | None]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A query that was walked: the relation it yields, and what tells places in its text."""

    relation: Relation
    tree: Any
    text: str
    tokens: list[Token]


def read_seen(text: str, types: Types, inputs: Inputs) -> Seen | None:
    """None for what is no single query, or cannot be read.

    `inputs`: folded parts of a reference -> the asset, its columns.
    """
    sweep()
    try:
        tokens, trees = types.parse(text)
        if len(trees) != 1 or not is_query(trees[0]):
            return None
        walk = Walk(types.dialect_name, inputs, types, read_relation)
        relation = read_relation(walk, trees[0], Around())
    except FAULTS:
        return None
    tables = (t for t in trees[0].find_all(exp.Table) if isinstance(t.this, exp.Identifier))
    is_whole = all(id(table) in walk.met for table in tables)
    return Seen(relation, trees[0], text, tokens) if is_whole else None


def locals_of(seen: Seen | None) -> Locals:
    """Places in the text itself (first line 1)."""
    if seen is None:
        return ()
    try:
        if not _is_plain(seen.tree):
            return ()
        return tuple(_locals(seen.relation, Places(seen.text, seen.tokens)))
    except FAULTS:
        return ()


def kinds_of(seen: Seen | None) -> dict[str, str]:
    """Column (as the dialect compares it) -> its kind (see `hops`), where that is certain."""
    relation = seen.relation if seen is not None else None
    cols = [] if relation is None else [c for c in relation.cols if c.key not in relation.doubted]
    return {col.key: col.kind for col in cols if col.key is not None and col.kind is not None}


def read_locals(text: str, types: Types, inputs: Inputs) -> Locals:
    """What is proven of a text."""
    return locals_of(read_seen(text, types, inputs))


def _is_plain(tree: Any) -> bool:
    """Whether every function is known. A macro may hide a window, or a query of any table."""
    return all(
        str(node.name).lower() in BUILTINS
        for node in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc)
    )


def _locals(relation: Relation, places: Places) -> Iterator[Local]:
    for col in relation.cols:
        if col.name is None or col.key is None or col.key in relation.doubted:
            continue
        for (table, source), proof in sorted(relation.support(col).items()):
            if not table.startswith("?"):
                line, at, text = _place(proof.why, places)
                reaches = ordered(proof.reaches)
                yield Local(col.name, table, source, reaches, text, line, at)


def _place(why: Why, places: Places) -> tuple[int, int, str]:
    line, column = places.line_column(places.begin(why.offset))
    said = places.condition if why.rank == CONDITION else places.expression
    return line, column, said(why.offset)
