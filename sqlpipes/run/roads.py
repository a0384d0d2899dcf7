"""Plan + Graph -> how the slices of one planned step hang on those of another.

A road is what is known of it. Where nothing is known, every slice of the reader hangs on every slice
of what it waits for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Plan, Step
from sqlpipes.core.reads import EVERYTHING, Mapped, Reads, touched

KNOWN = (Mapped.SAME, Mapped.PROVEN)  # mappings that say which slices are read, and no others


@dataclass(frozen=True, slots=True)
class Road:
    """`ways`: all ways in which the reader reads the other; `own` and `their`: the columns of the cuts."""

    ways: tuple[Reads, ...] = (EVERYTHING,)
    own: tuple[str, ...] = ()
    their: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every slice of the reader waits for everything."""
        return not self.own or not self.their or any(way.how not in KNOWN for way in self.ways)

    def reached(self, mine: Partitions, theirs: Partitions) -> Partitions:
        """Those of `mine` that read something of `theirs`."""
        if self.is_whole:
            return mine if theirs else Partitions(mine.axis)
        found = (touched(mine, theirs, way, self.own, self.their) for way in self.ways)
        return reduce(or_, found, Partitions(mine.axis))


WHOLE_ROAD = Road()


def roads(plan: Plan, graph: Graph) -> list[dict[int, Road]]:
    """Per step of the plan, by its place: the places of those that it waits for, and the road to each."""
    places = {step.asset: i for i, step in enumerate(plan.steps)}
    return [_roads_of(plan, graph, places, step) for step in plan.steps]


def _roads_of(plan: Plan, graph: Graph, places: Mapping[str, int], step: Step) -> dict[int, Road]:
    ways = _ways(graph, places, step)
    found = {}
    for name in step.after:
        if name in places and name != step.asset:
            other = plan.steps[places[name]]
            found[places[name]] = _road(graph, step, other, ways.get(name, (EVERYTHING,)))
    return found


def _road(graph: Graph, step: Step, other: Step, ways: tuple[Reads, ...]) -> Road:
    mine, theirs = (graph.assets[one.asset].partition for one in (step, other))
    looks = {step.action, other.action} & {Action.CHECK, Action.OBSERVE}
    if mine is None or theirs is None or looks:
        return WHOLE_ROAD
    road = Road(ways, mine.columns, theirs.columns)
    return WHOLE_ROAD if road.is_whole else road


def _ways(graph: Graph, planned: Collection[str], step: Step) -> dict[str, tuple[Reads, ...]]:
    """Planned asset -> every way in which the step's query and its checks read it."""
    found: dict[str, list[Reads]] = {}
    for name, reads in _read(graph, planned, graph.inputs.get(step.asset, ())):
        found.setdefault(name, []).append(reads)
    checked = {
        name
        for check in (graph.checks[each] for each in step.checks)
        for other in (check.asset, *check.inputs)
        for name in _nearest(graph, planned, other)
    }
    for name in checked - {step.asset}:
        found[name] = [EVERYTHING]
    return {name: tuple(ways) for name, ways in found.items()}


def _read(
    graph: Graph, planned: Collection[str], inputs: tuple[Input, ...]
) -> Iterator[tuple[str, Reads]]:
    for found in inputs:
        if found.name in planned:
            yield found.name, found.reads
        elif found.behind:
            yield from _read(graph, planned, found.behind)
        else:
            yield from ((name, EVERYTHING) for name in _nearest(graph, planned, found.name))


def _nearest(graph: Graph, planned: Collection[str], name: str) -> set[str]:
    """The asset itself when it is planned, else the planned ones next above it."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = [name]
    while todo:
        other = todo.pop()
        if other in seen:
            continue
        seen.add(other)
        if other in planned:
            found.add(other)
        else:
            todo += graph.parents(other)
    return found
