"""Names and who reads whom -> a place for every name: layers from left to right, edges as short as may be.

Longest-path layers; then sweeps, in which each layer is ordered by where its neighbours stand and put as
near to them as the room between two boxes allows. An edge over several layers takes room in each of
them, one lane for all edges of one box. The same input gives the same picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlpipes.core.dataclass import dataclass

WIDTH, HEIGHT = 216, 48  # of a box, in pixels at scale 1
ACROSS, DOWN = 84, 22  # room between two layers, and between two boxes of one
LANE = 16  # what an edge takes that goes past a layer, with its room
WIDER, WIDEST = (
    0.02,
    560,
)  # that room is this share of the height, where many boxes stand in one layer
APART = 56  # between two parts that have no edge in common
SWEEPS = 10
GRID = 6  # boxes in a row of those that have no edges at all
MOST_LANES = 4  # for each box, on the average: where there are more, edges run behind boxes

Node = str | tuple[str, int]  # a name, or the lane of its edges in a layer
Near = Mapping[Node, Sequence[Node]]


@dataclass(frozen=True, slots=True)
class Place:
    """The upper left corner of a box, and its layer."""

    x: int
    y: int
    layer: int


@dataclass(frozen=True, slots=True)
class Layout:
    """`places` by name; `bends` by edge (who is read, who reads): the heights at which it passes the layers
    between the two. `step`: from one layer to the next."""

    places: Mapping[str, Place]
    bends: Mapping[tuple[str, str], tuple[int, ...]]
    step: int


def layered(inputs: Mapping[str, Sequence[str]]) -> Layout:
    """A place for each key. `inputs`: what each reads, in an order where inputs come first (no circles)."""
    parents = {
        name: [p for p in dict.fromkeys(read) if p in inputs] for name, read in inputs.items()
    }
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, read in parents.items():
        for parent in read:
            children[parent].append(name)
    places: dict[str, Place] = {}
    bends: dict[tuple[str, str], tuple[int, ...]] = {}
    top, alone = 0, []
    for part in _parts(parents, children):
        if len(part) == 1:
            alone += part
            continue
        layer_of = _layers(part, parents, children)
        y = _heights(part, parents, layer_of)
        low = min(y.values()) - top
        for name in part:
            layer = layer_of[name]
            places[name] = Place(0, round(y[name] - low), layer)
            for parent in parents[name]:
                lanes = [y.get((parent, at)) for at in range(layer_of[parent] + 1, layer)]
                if lanes and None not in lanes:
                    bends[parent, name] = tuple(
                        round(each - low) for each in lanes if each is not None
                    )
        top = round(max(y[name] for name in part) - low) + HEIGHT + APART
    step = WIDTH + round(min(max(ACROSS, top * WIDER), WIDEST))
    for name, place in places.items():
        places[name] = replace(place, x=place.layer * step)
    return Layout(places | _grid(alone, top), bends, step)


def _grid(names: Sequence[str], top: int) -> dict[str, Place]:
    return {
        name: Place((i % GRID) * (WIDTH + DOWN), top + (i // GRID) * (HEIGHT + DOWN), 0)
        for i, name in enumerate(names)
    }


def _parts(
    parents: Mapping[str, Sequence[str]], children: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """Names that hang together, the largest part first, each in the order that was given."""
    part_of: dict[str, int] = {}
    count = 0
    for name in parents:
        if name in part_of:
            continue
        todo = [name]
        part_of[name] = count
        while todo:
            at = todo.pop()
            for other in (*parents[at], *children[at]):
                if other not in part_of:
                    part_of[other] = count
                    todo.append(other)
        count += 1
    parts: list[list[str]] = [[] for _ in range(count)]
    for name in parents:
        parts[part_of[name]].append(name)
    return sorted(parts, key=len, reverse=True)


def _layers(
    names: Sequence[str],
    parents: Mapping[str, Sequence[str]],
    children: Mapping[str, Sequence[str]],
) -> dict[str, int]:
    """One more than the deepest input; what reads nothing stands just before its first reader."""
    depth: dict[str, int] = {}
    for name in names:
        depth[name] = max((depth[parent] + 1 for parent in parents[name]), default=0)
    for name in names:
        if not parents[name] and children[name]:
            depth[name] = min(depth[child] for child in children[name]) - 1
    return depth


def _heights(
    names: Sequence[str], parents: Mapping[str, Sequence[str]], layer_of: Mapping[str, int]
) -> dict[Node, float]:
    """How high each box and each lane stands."""
    up, down = _with_lanes(names, parents, layer_of)
    layers: list[list[Node]] = [[] for _ in range(max(layer_of.values()) + 1)]
    for node in up:
        layers[layer_of[node] if isinstance(node, str) else node[1]].append(node)
    y: dict[Node, float] = {}
    for layer in layers:
        y.update(zip(layer, _stacked(layer, [0.0] * len(layer)), strict=True))
    for sweep in range(SWEEPS):
        last = sweep >= SWEEPS - 2  # at the end both sides pull
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _sweep(layer, y, (up, down) if last else ((up, down)[sweep % 2],))
    return y


def _with_lanes(
    names: Sequence[str], parents: Mapping[str, Sequence[str]], layer_of: Mapping[str, int]
) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    """Neighbours on the left and on the right, a layer away each, with a lane where an edge is longer."""
    longest = {
        parent: max(layer_of[name] for name in readers)
        for parent, readers in _readers(names, parents).items()
    }
    lanes = sum(max(end - layer_of[name] - 1, 0) for name, end in longest.items())
    up: dict[Node, list[Node]] = {name: [] for name in names}
    down: dict[Node, list[Node]] = {name: [] for name in names}
    if lanes <= MOST_LANES * len(names):
        for name, end in longest.items():
            before: Node = name
            for layer in range(layer_of[name] + 1, end):
                lane = (name, layer)
                up[lane], down[lane] = [before], []
                down[before].append(lane)
                before = lane
    for name in names:
        for parent in parents[name]:
            lane = (parent, layer_of[name] - 1)
            side: Node = lane if lane in up else parent
            up[name].append(side)
            down[side].append(name)
    return up, down


def _readers(names: Sequence[str], parents: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        for parent in parents[name]:
            found.setdefault(parent, []).append(name)
    return found


def _sweep(layer: list[Node], y: dict[Node, float], sides: Sequence[Near]) -> None:
    """Order a layer by the middle of its neighbours, and move it as near to that as there is room."""
    wanted: dict[Node, float] = {}
    for node in layer:
        near = [y[other] for side in sides for other in side[node]]
        wanted[node] = sum(near) / len(near) if near else y[node]
    layer.sort(key=lambda node: (wanted[node], y[node]))
    y.update(zip(layer, _stacked(layer, [wanted[node] for node in layer]), strict=True))


def _stacked(layer: Sequence[Node], wanted: Sequence[float]) -> list[float]:
    """Upper edges of boxes and middles of lanes, in this order, none over another, near to what is wanted."""
    offsets, at = [], 0.0
    for node in layer:
        is_lane = isinstance(node, tuple)
        at += LANE / 2 if is_lane else 0
        offsets.append(at)
        at += LANE / 2 if is_lane else HEIGHT + DOWN
    flat = _rising([one - offset for one, offset in zip(wanted, offsets, strict=True)])
    return [one + offset for one, offset in zip(flat, offsets, strict=True)]


def _rising(values: Sequence[float]) -> list[float]:
    """The nearest row of numbers that never falls (least squares; pools of adjacent violators).

    >>> _rising([1, 3, 2, 4])
    [1.0, 2.5, 2.5, 4.0]
    """
    pools: list[tuple[float, int]] = []  # mean and size
    for value in values:
        mean, size = float(value), 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    return [mean for mean, size in pools for _ in range(size)]
