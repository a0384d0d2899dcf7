"""Graph + when slices were written -> what is not done yet since a time came.

An asset with a time waits for what it reads. A slice of an input is done when it was written since,
or when there is nothing to do for it and all that it reads is done. Nothing moves a function that
reads no asset, so it is done only when it ran since; but where it is built by itself, and for no time, it
is done when it is current.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_

from sqlpipes.core.asset import Asset, Kind, PythonBody
from sqlpipes.core.automation import When
from sqlpipes.core.cron import newest_time
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.reads import Mapped
from sqlpipes.decide.upstream import among, reading, stored_inputs
from sqlpipes.decide.wish import Outlook

Written = Mapping[str, Sequence[tuple[Partitions, datetime | None]]]
"""Asset -> slices, and when they were written as far as that is on record."""


def unsettled(
    look: Outlook,
    name: str,
    due: datetime,
    written: Written,
    stale: Mapping[str, Partitions],
    now: datetime,
) -> dict[str, Partitions]:
    """Slices of what `name` reads, directly or not, that are not done since `due`."""
    graph = look.graph
    found: dict[str, Partitions] = {}
    above = graph.ancestors([name])
    for other in (each for each in graph.order if each in above):
        asset = graph.assets[other]
        if asset.kind is Kind.SOURCE or not asset.is_stored:
            continue
        everything = look.everything(asset)
        still = among(everything, stale.get(other))
        for edge in stored_inputs(graph, other):
            if edge.name in found and edge.reads.how is not Mapped.AS_OF_BUILD:
                still |= reading(graph, other, everything, edge, found[edge.name])
        since = due
        if is_root(asset) and not graph.inputs[other] and not _only_follows(asset):
            still, since = everything, _own_due(asset, due, now)
        done = (slices for slices, at in written.get(other, ()) if at is not None and at >= since)
        still -= reduce(or_, (among(everything, slices) for slices in done), still - still)
        if still:
            found[other] = still
    return found


def awaited(graph: Graph, name: str, found: Mapping[str, Partitions]) -> tuple[str, ...]:
    """Of what is not done, what `name` really waits for: all that it reads itself is done."""
    above = [n for n in graph.order if n in found and n in graph.ancestors([name]) | {name}]
    return tuple(n for n in above if not graph.ancestors([n]) & found.keys())


def _only_follows(asset: Asset) -> bool:
    """Whether it is built by itself and never because of a time: once it is current, nothing asks for
    it again, so nobody may wait for it to run."""
    return asset.auto is not None and asset.auto.when in (When.EAGER, When.MISSING)


def is_root(asset: Asset) -> bool:
    """Whether nothing can be seen to have moved it: a function that writes a table as a whole."""
    return isinstance(asset.body, PythonBody) and asset.partition is None


def _own_due(asset: Asset, due: datetime, now: datetime) -> datetime:
    """One that has a time of its own is done when it ran for that."""
    auto = asset.auto
    own = None
    if auto is not None and auto.when is When.CRON:
        own = newest_time(auto.cron, auto.timezone, now)
    return min(due, own) if own else due
