"""Slices with the tick at which they were read, and with the tick at which they moved -> the overtaken.

A thousand separate rebuilds of an asset and of its input are a million pairs to compare. So what moved
is laid out along the axis first, the newest on top; each slice that was read is then looked up in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import pairwise
from typing import TypeAlias

from sqlpipes.core.partitions import Axis, Labels, Partitions, Range

At: TypeAlias = tuple[Partitions, int]  # slices, and the tick at which they were read or written
Stretch: TypeAlias = tuple[int, int, int]  # low, high, tick


def overtaken(read: Iterable[At], moved: Iterable[At]) -> Iterator[At]:
    """What of each in `read` shares a slice with something that moved at a later tick.

    All are slices of one axis.

    >>> days = [Partitions.of_values([name]) for name in ("mon", "tue")]
    >>> [(str(late), at) for late, at in overtaken([(days[0] | days[1], 5)], zip(days, [4, 6]))]
    [('tue', 5)]
    """
    newest = _by_labels(moved)
    for slices, tick in read:
        rows = (
            (labels, tuple(_later(ranges, tick, newest[labels])))
            for labels, ranges in slices.rows
            if labels in newest
        )
        late = Partitions(slices.axis, tuple(row for row in rows if row[1]))
        if late:
            yield late, tick


def alike(moved: Iterable[At], ticks: Iterable[int]) -> list[At]:
    """The same, with those put together of which none of `ticks` (of reading) lies between.

    What was written before all of these ticks is left out: nobody read it too early.
    """
    known = sorted(set(ticks))
    found: dict[tuple[int, Axis], list[Partitions]] = {}
    last: dict[int, int] = {}
    for slices, tick in moved:
        place = bisect_left(known, tick)  # how many read before it was written
        if place:
            found.setdefault((place, slices.axis), []).append(slices)
            last[place] = tick
    return [
        (Partitions.of_rows(axis, (row for each in group for row in each.rows)), last[place])
        for (place, axis), group in found.items()
    ]


def _by_labels(moved: Iterable[At]) -> dict[Labels, list[Stretch]]:
    found: dict[Labels, list[Stretch]] = {}
    for slices, tick in moved:
        for labels, ranges in slices.rows:
            found.setdefault(labels, []).extend((low, high, tick) for low, high in ranges)
    return {labels: list(_newest(pieces)) for labels, pieces in found.items()}


def _newest(pieces: list[Stretch]) -> Iterator[Stretch]:
    """Stretches that may cover each other -> stretches in order that do not, each of its newest tick."""
    pieces.sort()
    ends = sorted({end for low, high, _ in pieces for end in (low, high)})
    there: list[tuple[int, int]] = []  # (-tick, high), the newest first
    i = 0
    for low, high in pairwise(ends):
        while i < len(pieces) and pieces[i][0] == low:
            heappush(there, (-pieces[i][2], pieces[i][1]))
            i += 1
        while there and there[0][1] <= low:
            heappop(there)
        if there:
            yield low, high, -there[0][0]


def _later(ranges: Iterable[Range], tick: int, newest: list[Stretch]) -> Iterator[Range]:
    """Where the newest tick is a later one, as canonical ranges."""
    last: Range | None = None
    for low, high in ranges:
        i = max(bisect_left(newest, (low,)) - 1, 0)
        while i < len(newest) and newest[i][0] < high:
            begin, end = max(low, newest[i][0]), min(high, newest[i][1])
            if newest[i][2] > tick and begin < end:
                if last and last[1] == begin:
                    last = last[0], end
                else:
                    if last:
                        yield last
                    last = begin, end
            i += 1
    if last:
        yield last
