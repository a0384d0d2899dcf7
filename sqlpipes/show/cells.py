"""Slice states -> cells: one sign and colour each, the worst of what lies in it. Ranges in, text out.

Work grows with the number of ranges and of cells, never with that of slices.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from click import style

from sqlpipes.api import SliceState
from sqlpipes.core.partitions import WHOLE_AXIS, Partitions, Range, first_of

SIGNS = MappingProxyType(  # each is told by its shape alone; the colour only helps
    {
        SliceState.FAILED: ("x", "red"),
        SliceState.IN_DOUBT: ("?", "magenta"),
        SliceState.RUNNING: (">", "cyan"),
        SliceState.MISSING: ("·", "yellow"),
        SliceState.STALE: ("□", "yellow"),
        SliceState.BUILT: ("■", "green"),
    }
)
BAR = 24

Cells = Sequence[SliceState | None]
Positions = Mapping[SliceState, Iterable[Range]]


def painted(states: Positions, low: int, count: int, per: int = 1) -> list[SliceState | None]:
    """`count` cells of `per` positions each, from the position `low` on; None where nothing lies.

    >>> cells = painted({SliceState.BUILT: [(0, 4)], SliceState.FAILED: [(3, 4)]}, 0, 3, per=2)
    >>> [str(cell) for cell in cells]
    ['built', 'failed', 'None']
    """
    cells: list[SliceState | None] = [None] * count
    for state in reversed(SliceState):  # the worst is painted last, over the others
        for first, end in states.get(state, ()):
            start = max((first - low) // per, 0)
            stop = min(-((low - end) // per), count)
            if start < stop:
                cells[start:stop] = [state] * (stop - start)
    return cells


def worst_within(ranges: Mapping[SliceState, Sequence[Range]], spans: Iterable[Range]) -> Cells:
    """A cell for each span of ordinals: the worst state that anything in it is in.

    Each span is looked up, so that tens of thousands of ranges cost next to nothing.

    >>> cells = worst_within({SliceState.STALE: [(2, 3)], SliceState.BUILT: [(0, 2)]}, [(0, 2), (1, 9)])
    >>> [str(cell) for cell in cells]
    ['built', 'stale']
    """
    ends = {state: [high for _, high in ranges[state]] for state in SliceState if state in ranges}
    found: list[SliceState | None] = []
    for low, high in spans:
        here: SliceState | None = None
        for state, behind in ends.items():
            at = bisect_right(behind, low)
            if at < len(behind) and ranges[state][at][0] < high:
                here = state
                break
        found.append(here)
    return found


def cells_text(cells: Cells) -> str:
    """
    >>> from click import unstyle
    >>> unstyle(cells_text([SliceState.BUILT, None, SliceState.STALE]))
    '■ □'
    """
    found: list[str] = []
    start = 0
    for end in range(1, len(cells) + 1):
        if end == len(cells) or cells[end] != cells[start]:
            found.append(_run_text(cells[start], end - start))
            start = end
    return "".join(found)


def _run_text(state: SliceState | None, count: int) -> str:
    if state is None:
        return " " * count
    sign, colour = SIGNS[state]
    return style(sign * count, fg=colour)


def bar(states: Mapping[SliceState, Partitions], room: int = BAR) -> str:
    """All slices of an asset on one short line, along the first axis, or value by value."""
    positions = positions_of(states)
    low = min((ranges[0][0] for ranges in positions.values()), default=0)
    high = max((ranges[-1][1] for ranges in positions.values()), default=0)
    per = max(-(-(high - low) // room), 1)
    return cells_text(painted(positions, low, -(-(high - low) // per), per))


def positions_of(states: Mapping[SliceState, Partitions]) -> dict[SliceState, Sequence[Range]]:
    """Where the slices lie on one line: their ordinals, or the places of their values in a list."""
    if any(first_of(slices.axis) != WHOLE_AXIS for slices in states.values()):
        return {state: slices.ranges for state, slices in states.items()}
    every = sorted({labels for slices in states.values() for labels in slices.labels})
    place = {labels: at for at, labels in enumerate(every)}
    return {
        state: sorted((place[labels], place[labels] + 1) for labels in slices.labels)
        for state, slices in states.items()
    }
