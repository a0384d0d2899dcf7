"""Sorted rows of half-open ranges of integers, and what sets do with them. Plain tuples in and out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
Ranges = tuple[Range, ...]

FEW = 8  # times as many ranges on the other side: worth a search for each


def merged(ranges: Iterable[Range]) -> Ranges:
    """Any ranges, in any order, overlapping or empty, made canonical: sorted, disjoint, not adjacent.

    >>> merged([(5, 7), (0, 2), (2, 3), (9, 9)])
    ((0, 3), (5, 7))
    """
    found: list[Range] = []
    for low, high in sorted(r for r in ranges if r[0] < r[1]):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def newest(ranges: Ranges, count: int) -> Ranges:
    """The last so many integers of canonical ranges.

    >>> newest(((0, 3), (5, 7)), 3)
    ((2, 3), (5, 7))
    """
    found: list[Range] = []
    for low, high in reversed(ranges):
        if count > 0:
            found.append((max(low, high - count), high))
        count -= high - low
    return tuple(reversed(found))


def common(left: Ranges, right: Ranges) -> Ranges:
    """
    >>> common(((0, 3), (5, 9)), ((2, 6),))
    ((2, 3), (5, 6))
    """
    if len(left) > len(right):
        left, right = right, left
    if not left:
        return ()
    if len(left) == 1 and left[0][0] <= right[0][0] and right[-1][1] <= left[0][1]:
        return right  # the usual: something of all that there should be
    if len(left) * FEW < len(right):
        return tuple(found for one in left for found in _common((one,), _near(one, right)))
    return tuple(_common(left, right))


def without(left: Ranges, right: Ranges) -> Ranges:
    """
    >>> without(((0, 3), (5, 9)), ((2, 6),))
    ((0, 2), (6, 9))
    """
    if len(left) * FEW < len(right):
        return tuple(found for one in left for found in _without((one,), _near(one, right)))
    return tuple(_without(left, right))


def _near(one: Range, ranges: Ranges) -> Ranges:
    """Those that may share something with `one`: thousands are looked up, not gone through."""
    first = max(bisect_left(ranges, one) - 1, 0)
    return ranges[first : bisect_left(ranges, (one[1],), first)]


def _common(left: Ranges, right: Ranges) -> Iterator[Range]:
    i = j = 0
    while i < len(left) and j < len(right):
        low, high = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if low < high:
            yield low, high
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1


def _without(left: Ranges, right: Ranges) -> Iterator[Range]:
    j = 0
    for low, high in left:
        while j < len(right) and right[j][1] <= low:
            j += 1
        k = j
        while k < len(right) and right[k][0] < high:
            if low < right[k][0]:
                yield low, right[k][0]
            low = max(low, right[k][1])
            k += 1
        if low < high:
            yield low, high
