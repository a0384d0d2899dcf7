"""Graph + what the queries prove -> the graph whose edges say which slices a slice reads.

An edge is proven only where nobody declared it, and only from the query itself: a function, a query
that reads its own table, or an input whose hooks may write anywhere, prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlpipes.core.asset import Asset, Column, Kind, SourceBody, SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.lineage import Local, Passed, through
from sqlpipes.core.partitions import Grain, Partitioning, TimeAxis
from sqlpipes.core.reads import EVERYTHING, Mapped, Proof, Reads
from sqlpipes.decide.views import is_of_a_view, seen_through

Known = Mapping[str, tuple[Column, ...]]
Locals = Mapping[str, tuple[Local, ...]]
"""Asset -> what its query proves of the tables that it reads."""

HARMLESS = ("grant", "revoke", "analyze", "vacuum", "comment", "checkpoint")
"""What a hook may do without moving a row."""


def provable(graph: Graph) -> tuple[str, ...]:
    """The assets whose queries are worth a look: partitioned ones, and what they read through."""
    found: dict[str, None] = {}
    todo = [name for name in graph.order if _asks(graph, name)]
    for name in graph.order:
        todo += [edge.name for edge in graph.inputs[name] if is_of_a_view(graph, edge)]
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
        asks = _asks(graph, name)
        if asks or any(is_of_a_view(graph, edge) for edge in inputs[name]):
            inputs[name] = tuple(_known(graph, local, name, edge, asks) for edge in inputs[name])
    return replace(graph, inputs=inputs)


def cut(graph: Graph, local: Locals, known: Known) -> Graph:
    """The graph whose sources are looked at in windows wherever a query proves which it reads.

    A source that says itself how it is cut, or how it changes, stays as it is.
    """
    wanted: dict[str, dict[str, list[TimeAxis]]] = {}
    for name in graph.order:
        for found in _ends(graph, local, name) if _asks(graph, name) else ():
            axis = _axis(graph.assets[name], found.column)
            if axis is not None and _is_cuttable(graph.assets[found.table], found.source, known):
                columns = wanted.setdefault(found.table, {})
                columns.setdefault(found.source.casefold(), []).append(axis)
    assets = dict(graph.assets)
    for name, columns in wanted.items():
        column = max(columns, key=lambda each: (len(columns[each]), each))
        finest = max(columns[column], key=lambda axis: (tuple(Grain).index(axis.unit), -axis.step))
        spelt = next(c.name for c in known[name] if c.name.casefold() == column)
        assets[name] = replace(assets[name], partition=Partitioning(spelt, finest))
    return replace(graph, assets=assets) if wanted else graph


def _ends(graph: Graph, local: Locals, name: str) -> Iterator[Local]:
    """What an asset proves of the sources that it reads, through views too."""
    todo = [each for edge in graph.inputs[name] for each in _said(graph, local, name, edge)]
    while todo:
        found = todo.pop()
        if graph.assets[found.table].kind is Kind.SOURCE:
            yield found
        elif not graph.assets[found.table].is_stored:
            seen = {edge.name for edge in graph.inputs[found.table] if not edge.unseen}
            below = (through(found, each) for each in local.get(found.table, ()))
            todo += [each for each in below if each is not None and each.table in seen]


def _axis(asset: Asset, column: str) -> TimeAxis | None:
    assert asset.partition is not None
    along = {each.column: each.along for each in asset.partition.cuts}.get(column)
    return along if isinstance(along, TimeAxis) else None


def _is_cuttable(source: Asset, column: str, known: Known) -> bool:
    """A table whose column is certainly a time, and which is compared by its rows."""
    body = source.body
    if not isinstance(body, SourceBody) or body.files or source.partition is not None:
        return False
    types = {each.name.casefold(): each.type or "" for each in known.get(source.name, ())}
    is_time = types.get(column.casefold(), "").upper().startswith(("DATE", "TIMESTAMP"))
    return is_time and body.changes in (None, "hash", "count")


def _asks(graph: Graph, name: str) -> bool:
    """Whether it has slices, reads something nobody declared, and could prove how."""
    asset = graph.assets[name]
    is_query = isinstance(asset.body, SqlBody) and not asset.body.opaque
    if asset.partition is None or not is_query or name in graph.reads_self:
        return False
    return any(not edge.reads.declared for edge in graph.inputs[name])


def _known(graph: Graph, local: Locals, name: str, edge: Input, asks: bool) -> Input:
    if is_of_a_view(graph, edge):
        return replace(edge, behind=seen_through(graph, local, graph.assets[name], edge))
    if not asks:
        return edge
    return _edge(graph, local, graph.assets[name], edge, _said(graph, local, name, edge))


def _said(graph: Graph, local: Locals, name: str, edge: Input) -> list[Local]:
    """What an asset's query proves of one input, along the columns that its slices live in."""
    cut = graph.assets[name].partition
    if cut is None or edge.reads.declared or edge.unseen:
        return []
    own = {column.casefold(): column for column in cut.columns}
    return [
        replace(each, column=own[each.column.casefold()])
        for each in local.get(name, ())
        if each.table == edge.name and each.column.casefold() in own
    ]


def _edge(graph: Graph, local: Locals, reader: Asset, edge: Input, said: list[Local]) -> Input:
    source = graph.assets[edge.name]
    if not said:
        return edge
    if not source.is_stored:
        behind = tuple(_behind(graph, local, reader, edge.name, said))
        return replace(edge, behind=behind) if behind else edge
    if source.partition is None or _writes_elsewhere(source):
        return edge
    reads = _reads(graph, reader, source, said)
    if reads.how is not Mapped.PROVEN:
        return replace(edge, elsewhere=tuple(sorted({each.source for each in said})))
    return replace(edge, reads=reads)


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


def _reads(graph: Graph, reader: Asset, source: Asset, said: list[Local]) -> Reads:
    """At most one proof per cut of the reader: the first that names a cut of the input."""
    assert source.partition is not None
    theirs = {column.casefold(): column for column in source.partition.columns}
    proofs: dict[str, Proof] = {}
    for each in said:
        if each.source.casefold() in theirs:
            at = Location(reader.path, each.line, each.column_at, len(each.text))
            column = theirs[each.source.casefold()]
            via = tuple((_place(graph, passed), passed.text) for passed in each.via)
            proof = Proof(each.column, column, each.reaches, at, each.text, via)
            proofs.setdefault(each.column, proof)
    return Reads(Mapped.PROVEN, proofs=tuple(proofs.values())) if proofs else EVERYTHING


def _place(graph: Graph, passed: Passed) -> Location:
    path = graph.assets[passed.view].path
    return Location(path, passed.line, passed.column_at, len(passed.text))


def _writes_elsewhere(source: Asset) -> bool:
    """Whether a hook of it may move rows of slices that its step does not write."""
    hooks = [text.strip().casefold() for text in (*source.before, *source.after)]
    return any(not text.startswith(HARMLESS) for text in hooks)
