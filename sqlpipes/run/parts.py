"""Step + Graph + what exists -> the parts that it is done in, each of them one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from sqlpipes.core.asset import Check, PythonBody
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions, Range
from sqlpipes.core.plan import Action, Step
from sqlpipes.run.warehouse import Warehouse
from sqlpipes.run.windows import batches, stretches

LOOKS_ONLY = (Action.OBSERVE, Action.CHECK)
ROWLESS = (*LOOKS_ONLY, Action.EXTRAS)  # no slice is written
WIDE_CHECKS = frozenset({"sql", "python", "freshness"})  # they look beyond the slices just written


def parts_of(step: Step, graph: Graph, warehouse: Warehouse) -> tuple[Partitions, ...]:
    """At least one, in the order in which they are to run. The slices of a part are written together."""
    cut = graph.assets[step.asset].partition
    if cut is None or step.action in ROWLESS or is_one(step, graph, warehouse):
        return (step.slices,)
    found = pieces(step.slices, step.asset, graph)
    last_first = step.newest_first and step.asset not in graph.reads_self
    return tuple(sorted(found, key=first_slice, reverse=last_first)) or (step.slices,)


def pieces(slices: Partitions, name: str, graph: Graph) -> Iterable[Partitions]:
    """What one statement or one call may cover. Who reads what it wrote itself goes slice by slice."""
    asset = graph.assets[name]
    batch = asset.partition.batch if asset.partition else None
    if batch is None and name in graph.reads_self:
        batch = 1
    if isinstance(asset.body, PythonBody):
        return stretches(slices, batch)
    return batches(slices, batch)


def is_one(step: Step, graph: Graph, warehouse: Warehouse) -> bool:
    """Whether all of it is published at once: it takes the place of something that is read, or its
    checks look at all of it, and half of it would not pass."""
    asset = graph.assets[step.asset]
    if not step.full or (asset.relation is None and asset.export is None):
        return False
    wide = any(_is_wide(check, step.asset) for check in graph.gate(step.asset))
    if asset.relation is None:  # each file changes by itself
        return wide
    return wide or warehouse.type_of(asset.relation) is not None


def _is_wide(check: Check, name: str) -> bool:
    return check.whole_table or check.asset != name or check.type in WIDE_CHECKS


def first_slice(slices: Partitions) -> tuple[int, str]:
    """Sorts parts along time or integers, then by their labels."""
    labels, ranges = slices.rows[0] if slices.rows else ((), ((0, 0),))
    return ranges[0][0], str(labels)


def together(parts: Iterable[Partitions]) -> Partitions:
    """All slices of several parts of one asset, of which there is at least one."""
    found = list(parts)
    if len(found) == 1:
        return found[0]
    rows = chain.from_iterable(part.rows for part in found)
    return Partitions.of_rows(found[0].axis, rows)


def halves(slices: Partitions) -> tuple[Partitions, Partitions]:
    """
    >>> from sqlpipes.core.partitions import Grain
    >>> [part.ranges for part in halves(Partitions.of(Grain.DAY, [(0, 2), (8, 11)]))]
    [((0, 2),), ((8, 11),)]
    """
    middle = len(slices) // 2
    first = list(_until(slices, middle))
    found = Partitions.of_rows(slices.axis, first)
    return found, slices - found


def _until(slices: Partitions, count: int) -> Iterator[tuple[tuple[str | int, ...], list[Range]]]:
    for labels, ranges in slices.rows:
        for low, high in ranges:
            taken = min(count, high - low)
            count -= taken
            yield labels, [(low, low + taken)]
