"""Graph + column lineage -> every column with its description, its own or that of the column it copies.

A column that is only copied or renamed means what the column above means; one that is computed,
aggregated or cast does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlpipes.core.asset import Asset, Column
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage.facts import ANY, ColumnFacts, EdgeKind
from sqlpipes.core.lineage.trace import ColumnRef, Lineage

COPIES = frozenset({EdgeKind.STAR, EdgeKind.COPIED, EdgeKind.RENAMED})

Docs = Mapping[tuple[str, str], "Documented"]  # by asset, and column in lower case


@dataclass(frozen=True, slots=True)
class Documented:
    """A column and what is said of it. `origin`: whose description it is, if not its own."""

    name: str
    type: str | None
    description: str
    origin: ColumnRef | None = None


def documented(graph: Graph, traced: Lineage) -> dict[str, tuple[Documented, ...]]:
    """The columns of every asset, as far as they are known, with the nearest description."""
    found: dict[tuple[str, str], Documented] = {}
    columns: dict[str, tuple[Documented, ...]] = {}
    for name in graph.order:
        own = [
            _documented(column, name, traced.facts.get(name), found)
            for column in _columns(graph.assets[name], traced)
        ]
        found.update({(name, each.name.casefold()): each for each in own})
        columns[name] = tuple(own)
    return columns


def _columns(asset: Asset, traced: Lineage) -> Iterator[Column]:
    """What it yields, each with what is declared of it; then what is declared and not known to be there."""
    declared = {column.name.casefold(): column for column in asset.columns}
    for column in traced.columns(asset.name):
        said = declared.pop(column.name.casefold(), column)
        yield Column(column.name, column.type or said.type, said.description)
    if not traced.is_listed(asset.name):
        yield from declared.values()


def _documented(column: Column, asset: str, facts: ColumnFacts | None, found: Docs) -> Documented:
    if column.description or facts is None:
        return Documented(column.name, column.type, column.description)
    above = [found.get(source) for source in _copied(column.name, facts)]
    texts = {each.description if each else "" for each in above}
    first = above[0] if above else None
    if first is None or len(texts) != 1 or not first.description:
        return Documented(column.name, column.type, "")
    source = next(_copied(column.name, facts))
    origin = first.origin or ColumnRef(source[0], first.name)
    return Documented(column.name, column.type, first.description, origin)


def _copied(column: str, facts: ColumnFacts) -> Iterator[tuple[str, str]]:
    """The columns whose values this one holds as they are; none when it may hold anything else."""
    wanted = (column.casefold(), ANY)
    edges = [edge for edge in facts.value_edges if (edge.column or "").casefold() in wanted]
    if all(edge.kind in COPIES and edge.source != ANY for edge in edges):
        yield from ((edge.table, edge.source.casefold()) for edge in edges)
