"""Names and who reads whom -> a place for every name: layers from left to right, edges as short as may be.

Longest-path layers; then sweeps, in which each layer is ordered by where its neighbours stand and put as
near to them as the room between two boxes allows. The same input gives the same picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 200, 48  # of a box, in pixels at scale 1
ACROSS, DOWN = 100, 18  # room between two layers, and between two boxes of one
APART = 56  # between two parts that have no edge in common
SWEEPS = 8
GRID = 6  # boxes in a row of those that have no edges at all


@dataclass(frozen=True, slots=True)
class Place:
    """The upper left corner of a box, and its layer."""

    x: int
    y: int
    layer: int


def layered(inputs: Mapping[str, Sequence[str]]) -> dict[str, Place]:
    """A place for each key. `inputs`: what each reads, in an order where inputs come first (no circles)."""
    parents = {name: [p for p in dict.fromkeys(read) if p in inputs] for name, read in inputs.items()}
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, read in parents.items():
        for parent in read:
            children[parent].append(name)
    found: dict[str, Place] = {}
    top, alone = 0, []
    for part in _parts(parents, children):
        if len(part) == 1:
            alone += part
            continue
        placed = _placed(part, parents, children)
        low = min(place.y for place in placed.values())
        for name, place in placed.items():
            found[name] = Place(place.x, place.y - low + top, place.layer)
        top = max(place.y for place in found.values()) + HEIGHT + APART
    return found | _grid(alone, top)


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


def _placed(
    names: Sequence[str],
    parents: Mapping[str, Sequence[str]],
    children: Mapping[str, Sequence[str]],
) -> dict[str, Place]:
    layer_of = _layers(names, parents, children)
    layers: list[list[str]] = [[] for _ in range(max(layer_of.values()) + 1)]
    for name in names:
        layers[layer_of[name]].append(name)
    y = {name: float(i * (HEIGHT + DOWN)) for layer in layers for i, name in enumerate(layer)}
    for sweep in range(SWEEPS):
        last = sweep >= SWEEPS - 2  # at the end both sides pull
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _sweep(layer, y, (parents, children) if last else (parents, children)[sweep % 2 :][:1])
    return {
        name: Place(layer_of[name] * (WIDTH + ACROSS), round(y[name]), layer_of[name])
        for name in names
    }


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


def _sweep(
    layer: list[str], y: dict[str, float], sides: Sequence[Mapping[str, Sequence[str]]]
) -> None:
    """Order a layer by the middle of its neighbours, and move it as near to that as there is room."""
    wanted = {}
    for name in layer:
        near = [y[other] for side in sides for other in side[name]]
        wanted[name] = sum(near) / len(near) if near else y[name]
    layer.sort(key=lambda name: (wanted[name], y[name]))
    step = HEIGHT + DOWN
    flat = _rising([wanted[name] - i * step for i, name in enumerate(layer)])
    for i, name in enumerate(layer):
        y[name] = flat[i] + i * step


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
