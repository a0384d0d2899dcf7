"""An asset's slices -> those that cannot be built yet, for what they read is not there or not done.

Sets in, sets out: slices of an input that stand in the way are carried along the edge to the slices
that read them, through views and inlined queries, which store nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from sqlpipes.core.asset import Asset, Kind, Materialized
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.history import History
from sqlpipes.core.partitions import WHOLE, Partitions, meets
from sqlpipes.core.reads import Mapped, Reads, touched
from sqlpipes.core.verdict import few
from sqlpipes.decide.wish import Outlook

Faults: TypeAlias = list[tuple[str, Partitions]]
"""What is wrong, and with which slices."""


@dataclass(frozen=True, slots=True)
class Hurdle:
    """Slices of an input that stand in the way of slices of its reader."""

    input: str
    because: str
    theirs: Partitions
    mine: Partitions

    def __str__(self) -> str:
        which = "" if self.theirs.is_whole or not self.theirs else f" {few(self.theirs, 60)}"
        return f"{self.input}{which}: {self.because}"


def watched(graph: Graph) -> Graph:
    """The graph in which an automated asset reads the inputs that it ignores as they are."""
    inputs = dict(graph.inputs)
    as_it_is = Reads(Mapped.AS_OF_BUILD, declared=True)
    for name, asset in graph.assets.items():
        auto = asset.auto
        if auto is not None and (auto.ignore or auto.allow is not None):
            inputs[name] = tuple(
                edge if auto.counts(edge.name) else replace(edge, reads=as_it_is, behind=())
                for edge in inputs[name]
            )
    return replace(graph, inputs=inputs)


def stored_inputs(graph: Graph, name: str) -> Iterator[Input]:
    """What is read of stored assets, and through assets that store nothing; each such one as well."""
    todo = list(graph.inputs[name])
    seen: set[tuple[str, Reads]] = set()
    while todo:
        edge = todo.pop()
        if (edge.name, edge.reads) in seen:
            continue
        seen.add((edge.name, edge.reads))
        yield edge
        if graph.assets[edge.name].is_stored:
            continue
        below = edge.behind or graph.inputs[edge.name]
        if edge.reads.how is Mapped.AS_OF_BUILD:
            below = tuple(replace(each, reads=edge.reads, behind=()) for each in below)
        todo += below


def hurdles(
    look: Outlook,
    history: History,
    name: str,
    mine: Partitions,
    faults: Mapping[str, Faults],
    nowhere: Mapping[str, str],
) -> Iterator[Hurdle]:
    """What stands in the way of `mine`, slices of `name`; `faults` of its inputs are known already.

    `nowhere`: input -> why nothing of it can be read.
    """
    if not mine:
        return
    graph = look.graph
    for edge in stored_inputs(graph, name):
        source = graph.assets[edge.name]
        absent = nowhere.get(edge.name) or _absent(look, history, source)
        if absent is not None:
            yield Hurdle(edge.name, absent, Partitions(look.everything(source).axis), mine)
            continue
        for because, theirs in faults.get(edge.name, ()):
            if edge.reads.how is Mapped.LATEST:
                theirs &= look.everything(source).newest(1)
            if blocked := reading(graph, name, mine, edge, theirs):
                yield Hurdle(edge.name, because, theirs, blocked)


def reading(
    graph: Graph, name: str, mine: Partitions, edge: Input, theirs: Partitions
) -> Partitions:
    """Those of `mine` that read some of `theirs` over an edge."""
    own, their = graph.assets[name].partition, graph.assets[edge.name].partition
    columns = own.columns if own else (), their.columns if their else ()
    return touched(mine, theirs, edge.reads, *columns)


def _absent(look: Outlook, history: History, asset: Asset) -> str | None:
    """Why there is nothing at all to read; None: there is something, or nobody needs it."""
    if asset.kind is Kind.SOURCE or asset.materialized is Materialized.EPHEMERAL:
        return None
    if look.observed.lacks(asset) and not history.of(asset.name).built:
        return "never built"
    if history.of(asset.name).built or look.observed.has(asset.name):
        return None
    return "never built"


def faults_of(look: Outlook, history: History, name: str, running: Partitions | None) -> Faults:
    """What is wrong with slices of an asset as it stands in a history, which may be a planned one."""
    asset, past = look.graph.assets[name], history.of(name)
    if asset.kind is Kind.SOURCE or not asset.is_stored:
        return []
    wanted = look.everything(asset)
    alive = among(wanted, running)
    broken = among(wanted, past.broken) - alive
    doubtful = among(wanted, past.suspect) - alive - broken
    missing = wanted - past.slices(wanted.axis) - alive - broken - doubtful
    found = [
        ("is being built", alive),
        ("failed", broken),
        ("interrupted", doubtful),
        ("never built", missing),
    ]
    return [(because, slices) for because, slices in found if slices]


def among(wanted: Partitions, found: Partitions | None) -> Partitions:
    """The wanted slices that share something with `found`; all where that cannot be told."""
    if not found:
        return Partitions(wanted.axis)
    if wanted.axis == WHOLE.axis or not meets(found.axis, wanted.axis):
        return wanted
    return found.overlapping(wanted.axis) & wanted
