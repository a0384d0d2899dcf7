"""Plan + Graph -> how the slices of one planned step hang on those of another.

A road is what is known of it. Where nothing is known, every slice of the reader hangs on every slice
of what it waits for.

A view holds no rows. It is made when something of each table that it reads is there, also when slices
of them failed, and whoever reads it hangs on the slices behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import or_

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Plan, Step
from sqlpipes.core.reads import EVERYTHING, Mapped, Reads, touched

KNOWN = (Mapped.SAME, Mapped.PROVEN)  # mappings that say which slices are read, and no others


@dataclass(frozen=True, slots=True)
class Road:
    """`ways`: all ways in which the reader reads the other; `own` and `their`: the columns of the cuts.

    `some`: it waits until every part of the other has ended, and lives on if one has ended well.
    """

    ways: tuple[Reads, ...] = (EVERYTHING,)
    own: tuple[str, ...] = ()
    their: tuple[str, ...] = ()
    some: bool = False

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
SOME_ROAD = Road(some=True)


@dataclass(frozen=True, slots=True)
class Scene:
    """What roads lead through: the plan's steps by name; `beyond`: of each view that needs only
    some rows, the planned steps behind it that have some."""

    graph: Graph
    places: Mapping[str, int]
    beyond: Mapping[str, frozenset[str]]


def roads(plan: Plan, graph: Graph) -> list[dict[int, Road]]:
    """Per step of the plan, by its place: the places of those that it waits for, and the road to each."""
    places = {step.asset: i for i, step in enumerate(plan.steps)}
    scene = Scene(graph, places, _beyond(plan, graph))
    return [_roads_of(plan, scene, step) for step in plan.steps]


def _beyond(plan: Plan, graph: Graph) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for step in plan.steps:  # in an order in which inputs come first
        if _is_bare_view(step, graph):
            behind = (found.get(name, frozenset({name})) for name in step.after)
            found[step.asset] = reduce(or_, behind, frozenset())
    return found


def _is_bare_view(step: Step, graph: Graph) -> bool:
    """Checks and hooks may look at the rows that it shows."""
    asset = graph.assets[step.asset]
    return step.action is Action.VIEW and not (step.checks or asset.before or asset.after)


def _roads_of(plan: Plan, scene: Scene, step: Step) -> dict[int, Road]:
    if step.asset in scene.beyond:
        return {
            scene.places[name]: SOME_ROAD if scene.graph.assets[name].partition else WHOLE_ROAD
            for name in step.after
            if name in scene.places and name != step.asset
        }
    ways = _ways(scene, step)
    found = {}
    for name in _seen_through(scene, step.after):
        if name in scene.places and name != step.asset:
            other = plan.steps[scene.places[name]]
            road = _road(scene.graph, step, other, ways.get(name, (EVERYTHING,)))
            found[scene.places[name]] = road
    return found


def _seen_through(scene: Scene, names: Iterable[str]) -> frozenset[str]:
    """The same and, of views that need only some rows, what is behind them."""
    found = frozenset(names)
    return found.union(*(scene.beyond.get(name, ()) for name in found))


def _road(graph: Graph, step: Step, other: Step, ways: tuple[Reads, ...]) -> Road:
    mine, theirs = (graph.assets[one.asset].partition for one in (step, other))
    looks = {step.action, other.action} & {Action.CHECK, Action.OBSERVE, Action.EXTRAS}
    if mine is None or theirs is None or looks:
        return WHOLE_ROAD
    road = Road(ways, mine.columns, theirs.columns)
    return WHOLE_ROAD if road.is_whole else road


def _ways(scene: Scene, step: Step) -> dict[str, tuple[Reads, ...]]:
    """Planned asset -> every way in which the step's query and its checks read it."""
    found: dict[str, list[Reads]] = {}
    for name, reads in _read(scene, scene.graph.inputs.get(step.asset, ())):
        found.setdefault(name, []).append(reads)
    checked = {
        name
        for check in (scene.graph.checks[each] for each in step.checks)
        for other in (check.asset, *check.inputs)
        if other != step.asset
        for name in _seen_through(scene, scene.graph.nearest([other], scene.places))
    }
    for name in checked - {step.asset}:
        found[name] = [EVERYTHING]
    return {name: tuple(ways) for name, ways in found.items()}


def _read(scene: Scene, inputs: tuple[Input, ...]) -> Iterator[tuple[str, Reads]]:
    for found in inputs:
        planned = found.name in scene.places
        if planned:
            yield found.name, found.reads
        if found.behind and (not planned or found.name in scene.beyond):
            yield from _read(scene, found.behind)
        elif not planned or found.name in scene.beyond:
            near = _seen_through(scene, scene.graph.nearest([found.name], scene.places))
            yield from ((name, EVERYTHING) for name in near)
