"""What goes along while a query is walked for proofs, and how a name in it finds its column.

Stricter than the binder of the column edges: a name that may mean one thing or another means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

from sqlglot import exp

from sqlpipes.core.asset import Column
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.lineage.chains import kind_of, value_of
from sqlpipes.core.lineage.joined import Joined, Source
from sqlpipes.core.lineage.proofs import (
    Chain,
    Col,
    Proof,
    Relation,
    Support,
    Value,
    Why,
    no_laws,
)
from sqlpipes.core.lineage.reading import offset_of
from sqlpipes.core.lineage.spelling import Spelling
from sqlpipes.core.lineage.types import Types

PHYSICAL = frozenset({"rowid", "ctid", "xmin", "xmax", "cmin", "cmax", "file_row_number"})


class Unsure(Exception):
    """Something that may read anything: nothing is proven of the query."""


@dataclass(slots=True)
class Walk(Spelling):
    """One query being walked. `query` walks a subquery; it is passed along so that modules stay a tree.

    `inputs`: folded parts of a reference -> (the asset it means, its columns); either may be None.
    """

    inputs: Mapping[tuple[str, ...], tuple[str | None, tuple[Column, ...] | None]]
    types: Types
    query: Callable[[Walk, Any, Around], Relation]
    met: set[int] = field(default_factory=set)  # the ids of the tables' nodes that were read


@dataclass(slots=True)
class Around:
    """The names that an expression can see. `parent` is the query around a subquery."""

    parent: Around | None = None
    ctes: Mapping[str, Relation] = field(default_factory=dict)
    rows: Joined = field(default_factory=Joined)
    merged: dict[str, Col | None] = field(default_factory=dict)  # columns of USING, by key
    aliases: dict[str, Any] = field(default_factory=dict)  # of this SELECT, to their expressions
    has_comma: bool = False  # FROM has a comma
    implicit: bool = False  # a subquery in FROM: reaches out only as a last resort

    @property
    def seen(self) -> list[Source]:
        return [source for source in self.rows.sources if source.seen]


def leaf(walk: Walk, keys: tuple[str, ...]) -> Relation:
    """A table that the query does not define: every column is itself."""
    asset, columns = walk.inputs.get(keys, (None, None))
    name = asset if asset is not None else "?" + ".".join(keys)
    names: dict[Col, str] = {}

    def support(col: Col) -> Support:
        return {(name, names[col]): Proof(frozenset({()}), Why())}

    def further(key: str) -> Col | None:
        found = next((col for col in names if col.key == key), None)
        if found is None and key not in PHYSICAL:
            found = Col(key, key)
            names[found] = key
        return found

    for column in columns or ():
        kind = kind_of(walk.types.read(column.type))
        names[Col(column.name, walk.key_of(column.name), kind)] = column.name
    rest = further if columns is None else None
    return Relation(list(names), frozenset({name}), support, no_laws, rest)


def value_in(walk: Walk, node: Any, around: Around) -> Value | None:
    """The value of an expression. Its columns may be those of a query further out."""
    return _read(walk, node, around, frozenset())


def _read(walk: Walk, node: Any, around: Around, within: frozenset[str]) -> Value | None:
    while isinstance(node, (exp.Paren, exp.Alias)):
        node = node.this
    if not isinstance(node, exp.Column):
        return value_of(node, lambda part: _read(walk, part, around, within), walk.dialect)
    if any(isinstance(part, exp.Star) for part in node.parts):
        return None
    keys = [walk.key(part) for part in node.parts]
    found = _named(keys, around)
    if isinstance(found, Col):
        return Value((Chain(found, (), Why(0, offset_of(node) or 0)),), found.kind)
    if found is None or keys[0] in within:
        return None
    return _read(walk, found, around, within | {keys[0]})


def _named(keys: list[str], around: Around) -> Any:
    """A column, the expression of an alias, or None."""
    if len(keys) > 1:
        return _qualified(keys, around)
    key = keys[0]
    if key in around.merged:
        return around.merged[key]
    hits = list(_listed(key, around))
    if len(hits) == 1:
        return hits[0]
    if hits or any(key in source.relation.doubted for source in around.seen):
        return None
    opened = [s for s in around.seen if s.relation.rest and key not in s.hidden]
    if opened:
        reaches_out = around.parent is not None and not around.implicit
        if len(opened) > 1 or reaches_out or key in around.aliases:
            return None
        return opened[0].further(key)
    if key in around.aliases:
        return around.aliases[key]
    if key in PHYSICAL and around.parent is None:
        raise Unsure(key)
    return _named(keys, around.parent) if around.parent is not None else None


def _listed(key: str, around: Around) -> Iterator[Col]:
    for source in around.seen:
        if key not in source.hidden and key not in source.relation.doubted:
            yield from (col for col in source.cols if col.key == key)


def _qualified(keys: list[str], around: Around) -> Col | None:
    """`table.column`, the table with or without its schema. A field of a struct is none."""
    for source in around.seen:
        if source.name != keys[-2] or not _ends(source.parts, keys[:-2]):
            continue
        if keys[-1] in PHYSICAL and not any(col.key == keys[-1] for col in source.cols):
            raise Unsure(keys[-1])
        if keys[-1] in source.relation.doubted:
            return None
        listed = (col for col in source.cols if col.key == keys[-1])
        return next(listed, None) or source.further(keys[-1])
    if any(source.name in keys[:-1] for source in around.seen):
        return None
    if any(col.key == keys[0] for source in around.seen for col in source.cols):
        return None
    return _qualified(keys, around.parent) if around.parent is not None else None


def _ends(parts: tuple[str, ...], wanted: list[str]) -> bool:
    return len(wanted) <= len(parts) and list(parts[len(parts) - len(wanted) :]) == wanted
