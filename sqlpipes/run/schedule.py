"""A plan's steps in the order in which they can start: the longest road ahead first.

Steps are known by their place in the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from sqlpipes.core.plan import Plan


class Schedule:
    """What may start, what waits for what, and what can never start any more.

    >>> from sqlpipes.core.partitions import WHOLE
    >>> from sqlpipes.core.plan import Action, Step
    >>> steps = [Step("a", Action.VIEW, WHOLE, ()), Step("b", Action.VIEW, WHOLE, (), frozenset("a"))]
    >>> schedule = Schedule(Plan(tuple(steps)))
    >>> schedule.next(), schedule.next()
    (0, None)
    >>> schedule.succeeded(0)
    >>> schedule.next()
    1
    """

    def __init__(self, plan: Plan) -> None:
        self._waits = _waits(plan)
        self._readers: dict[int, list[int]] = {step: [] for step in self._waits}
        for step, waits in self._waits.items():
            for other in waits:
                self._readers[other].append(step)
        heights = _heights(self._waits, self._readers)
        self._rank = {step: (-heights[step], step) for step in self._waits}
        self._open = set(self._waits)
        self._ready = [self._rank[step] for step, waits in self._waits.items() if not waits]
        heapify(self._ready)

    def next(self) -> int | None:
        """A step that can start now; it is yours. None when all wait."""
        if not self._ready:
            return None
        step = heappop(self._ready)[1]
        self._open.discard(step)
        return step

    def succeeded(self, step: int) -> None:
        for reader in self._readers[step]:
            self._waits[reader].discard(step)
            if not self._waits[reader] and reader in self._open:
                heappush(self._ready, self._rank[reader])

    def failed(self, step: int) -> Iterator[int]:
        """The steps that can never start because of it, in plan order."""
        lost: set[int] = set()
        todo = [step]
        while todo:
            for reader in self._readers[todo.pop()]:
                if reader in self._open:
                    self._open.discard(reader)
                    lost.add(reader)
                    todo.append(reader)
        yield from sorted(lost)

    def give_up(self) -> Iterator[int]:
        """Every step that has not started, in plan order; nothing starts after this."""
        rest, self._ready = sorted(self._open), []
        self._open.clear()
        yield from rest


def _waits(plan: Plan) -> dict[int, set[int]]:
    """Each step and those it waits for: its `after`, and earlier steps of the same asset."""
    places: dict[str, set[int]] = {}
    for i, step in enumerate(plan.steps):
        places.setdefault(step.asset, set()).add(i)
    return {
        i: {place for name in step.after for place in places.get(name, ()) if place != i}
        | {place for place in places[step.asset] if place < i}
        for i, step in enumerate(plan.steps)
    }


def _heights(waits: dict[int, set[int]], readers: dict[int, list[int]]) -> dict[int, int]:
    """The number of steps on the longest chain that starts at each. Plan order is a valid order."""
    heights: dict[int, int] = {}
    for step in sorted(waits, reverse=True):
        heights[step] = 1 + max((heights.get(reader, 0) for reader in readers[step]), default=0)
    return heights
