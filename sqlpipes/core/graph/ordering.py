"""Edges -> an order with inputs first, and the circles that no order can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from sqlpipes.core.errors import Problem

if TYPE_CHECKING:
    from sqlpipes.core.graph.linked import Input

Edges = Mapping[str, "tuple[Input, ...]"]


def ordered(inputs: Edges) -> tuple[tuple[str, ...], frozenset[str]]:
    """An order with inputs first, ties by name; and the names that no order can hold."""
    waiting = {name: {i.name for i in found if i.name in inputs} for name, found in inputs.items()}
    readers: dict[str, list[str]] = {name: [] for name in inputs}
    for name, needed in waiting.items():
        for parent in needed:
            readers[parent].append(name)
    ready = [name for name, needed in waiting.items() if not needed]
    heapify(ready)
    order: list[str] = []
    while ready:
        name = heappop(ready)
        order.append(name)
        for reader in readers[name]:
            waiting[reader].discard(name)
            if not waiting[reader]:
                heappush(ready, reader)
    return tuple(order), frozenset(inputs) - frozenset(order)


def circles(stuck: frozenset[str], inputs: Edges) -> list[Problem]:
    """CYC001 for each knot of assets that read each other: its shortest circle, place by place.

    What merely stands below a circle is silent. Once a circle is cut, the next one of a knot shows.
    """
    found = []
    for knot in _knots(stuck, inputs):
        paths = (_way_round(name, knot, inputs) for name in sorted(knot))
        found.append(_circle(min(paths, key=len), inputs))
    return found


def _knots(stuck: frozenset[str], inputs: Edges) -> Iterator[frozenset[str]]:
    """Sets of assets that all read each other, directly or not: what reaches itself goes together."""
    up = {name: _within(name, stuck, inputs) for name in stuck}
    down: dict[str, list[str]] = {name: [] for name in stuck}
    for name, parents in up.items():
        for parent in parents:
            down[parent].append(name)
    _drop_ends(up, down)
    for start in sorted(up):
        if start not in up:
            continue
        above = _reached(start, up)
        knot = (above & _reached(start, down)) | {start}
        for name in knot:
            del up[name], down[name]
        if start in above:
            yield frozenset(knot)


def _drop_ends(up: dict[str, list[str]], down: dict[str, list[str]]) -> None:
    """Take out what nothing on a circle reads."""
    readers = {name: len(found) for name, found in down.items()}
    ends = [name for name, number in readers.items() if not number]
    while ends:
        name = ends.pop()
        del down[name]
        for parent in up.pop(name):
            readers[parent] -= 1
            if not readers[parent]:
                ends.append(parent)


def _within(name: str, names: frozenset[str], inputs: Edges) -> list[str]:
    return [found.name for found in inputs[name] if found.name in names]


def _reached(start: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        for name in edges[todo.pop()]:
            if name in edges and name not in found:
                found.add(name)
                todo.append(name)
    return found


def _way_round(start: str, knot: frozenset[str], inputs: Edges) -> list[str]:
    """The shortest way from `start` along its inputs back to itself, `start` once."""
    came_from: dict[str, str] = {}
    ring = [start]
    while start not in came_from:
        beyond = []
        for name in ring:
            for parent in _within(name, knot, inputs):
                if parent not in came_from:
                    came_from[parent] = name
                    beyond.append(parent)
        ring = beyond
    path = [came_from[start]]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]


def _circle(path: list[str], inputs: Edges) -> Problem:
    edges = [
        next(i for i in inputs[name] if i.name == path[(k + 1) % len(path)])
        for k, name in enumerate(path)
    ]
    lines = [f"{edge.at}: {name} reads {edge.name}" for name, edge in zip(path, edges, strict=True)]
    return Problem(
        "CYC001",
        "assets read each other in a circle: " + " -> ".join([*path, path[0]]),
        edges[0].at,
        hint="\n".join(lines),
        others=tuple(edge.at for edge in edges[1:]),
    )
