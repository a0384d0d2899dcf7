"""Graph + what the queries prove -> the graph whose edges say which slices a slice reads.

An edge is proven only where nobody declared it, and only from the query itself: a function, a query
that reads its own table, or an input whose hooks may write anywhere, prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlpipes.core.asset import Asset, SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.lineage import Local, through
from sqlpipes.core.reads import EVERYTHING, Mapped, Proof, Reads

Locals = Mapping[str, tuple[Local, ...]]
"""Asset -> what its query proves of the tables that it reads."""

HARMLESS = ("grant", "revoke", "analyze", "vacuum", "comment", "checkpoint")
"""What a hook may do without moving a row."""


def provable(graph: Graph) -> tuple[str, ...]:
    """The assets whose queries are worth a look: partitioned ones, and what they read through."""
    found: dict[str, None] = {}
    todo = [name for name in graph.order if _asks(graph, name)]
    while todo:
        name = todo.pop()
        if name in found or not isinstance(graph.assets[name].body, SqlBody):
            continue
        found[name] = None
        todo += [p for p in graph.parents(name) if not graph.assets[p].is_stored]
    return tuple(name for name in graph.order if name in found)


def proved(graph: Graph, local: Locals) -> Graph:
    """The graph with `reads` and `behind` of every edge that can be proven; the others as they were."""
    if not local:
        return graph
    inputs = dict(graph.inputs)
    for name in graph.order:
        if _asks(graph, name):
            inputs[name] = tuple(_proven(graph, local, name, edge) for edge in inputs[name])
    return replace(graph, inputs=inputs)


def _asks(graph: Graph, name: str) -> bool:
    """Whether it has slices, reads something nobody declared, and could prove how."""
    asset = graph.assets[name]
    is_query = isinstance(asset.body, SqlBody) and not asset.body.opaque
    if asset.partition is None or not is_query or name in graph.reads_self:
        return False
    return any(not edge.reads.declared for edge in graph.inputs[name])


def _proven(graph: Graph, local: Locals, name: str, edge: Input) -> Input:
    asset = graph.assets[name]
    if edge.reads.declared or edge.unseen:
        return edge
    assert asset.partition is not None
    own = {column.casefold(): column for column in asset.partition.columns}
    said = [
        replace(each, column=own[each.column.casefold()])
        for each in local.get(name, ())
        if each.table == edge.name and each.column.casefold() in own
    ]
    return _edge(graph, local, asset, edge, said)


def _edge(graph: Graph, local: Locals, reader: Asset, edge: Input, said: list[Local]) -> Input:
    source = graph.assets[edge.name]
    if not said:
        return edge
    if not source.is_stored:
        behind = tuple(_behind(graph, local, reader, edge.name, said))
        return replace(edge, behind=behind) if behind else edge
    if source.partition is None or _writes_elsewhere(source):
        return edge
    return replace(edge, reads=_reads(reader, source, said))


def _behind(
    graph: Graph, local: Locals, reader: Asset, view: str, said: list[Local]
) -> Iterator[Input]:
    """What the reader reads through a view: how is told by both queries, one after the other."""
    for edge in graph.inputs[view]:
        composed: list[Local] = []
        if not edge.unseen:
            composed = [
                found
                for mine in said
                for theirs in local.get(view, ())
                if theirs.table == edge.name and (found := through(mine, theirs))
            ]
        plain = Input(edge.name, edge.at, EVERYTHING)
        yield _edge(graph, local, reader, plain, composed)


def _reads(reader: Asset, source: Asset, said: list[Local]) -> Reads:
    """At most one proof per cut of the reader: the first that names a cut of the input."""
    assert source.partition is not None
    theirs = {column.casefold(): column for column in source.partition.columns}
    proofs: dict[str, Proof] = {}
    for each in said:
        if each.source.casefold() in theirs:
            at = Location(reader.path, each.line, each.column_at, len(each.text))
            column = theirs[each.source.casefold()]
            proofs.setdefault(each.column, Proof(each.column, column, each.reaches, at, each.text))
    return Reads(Mapped.PROVEN, proofs=tuple(proofs.values())) if proofs else EVERYTHING


def _writes_elsewhere(source: Asset) -> bool:
    """Whether a hook of it may move rows of slices that its step does not write."""
    hooks = [text.strip().casefold() for text in (*source.before, *source.after)]
    return any(not text.startswith(HARMLESS) for text in hooks)
