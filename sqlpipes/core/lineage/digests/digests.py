"""The noun, and the one way to it: SQL text + the columns of its inputs -> Digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.garbage import sweep
from sqlpipes.core.lineage.digests.query import read_query
from sqlpipes.core.lineage.digests.terms import (
    NOTHING,
    Inputs,
    Reader,
    Relation,
    Sight,
    Term,
    Unread,
    together,
)
from sqlpipes.core.lineage.types import Types


@dataclass(frozen=True, slots=True)
class Digests:
    """`columns`: folded name -> digest, "" when it is not understood. `rows` "": nothing is known.

    `listed`: there are no further columns. `loose`: names of columns whose values may differ from run to
    run though no input does; None in it: so may the rows.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    rows: str = ""
    listed: bool = False
    loose: frozenset[str | None] = frozenset({None})


def read_digests(text: str, types: Types, inputs: Inputs) -> Digests:
    """Never raises. `inputs`: folded parts of a reference -> its columns, None when not known."""
    return digests_of_trees(parsed(text, types), types, inputs)


def parsed(text: str, types: Types) -> list[exp.Expr]:
    """The statements of a text; none when it cannot be read."""
    sweep()
    try:
        trees = types.dialect.parser().parse(types.dialect.tokenize(text), text)
    except (SqlglotError, RecursionError):
        return []
    return [tree for tree in trees if tree is not None]


def digests_of_trees(trees: list[exp.Expr], types: Types, inputs: Inputs) -> Digests:
    """The same of a text that is `parsed`."""
    if len(trees) != 1:
        return Digests()
    reader = Reader(types.dialect_name, read_query, inputs)
    try:
        return _digests(read_query(reader, trees[0], Sight()))
    except (Unread, SqlglotError, RecursionError, AttributeError, KeyError, TypeError, ValueError):
        return Digests()


def _digests(relation: Relation) -> Digests:
    terms: dict[str, Term] = {}
    for key, term in relation.columns:
        twin = terms.get(key)
        terms[key] = term if twin is None else _both(twin, term)
    loose = {key for key, term in terms.items() if not term.stable}
    return Digests(
        {key: term.digest for key, term in terms.items() if key},
        relation.rows.digest,
        not relation.open and "" not in terms,
        frozenset(loose if relation.rows.stable else {*loose, None}),
    )


def _both(one: Term, other: Term) -> Term:
    return together("both", one, other) if one.digest and other.digest else NOTHING
