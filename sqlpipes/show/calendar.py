"""Slices of time and of integers -> rows of cells on one screen: a month, a day, a year a row.

The finest picture is taken that fits; a cell of a coarser one stands for several slices, which the
caption says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType

from sqlpipes.api import SliceState
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import (
    Axis,
    Grain,
    IntegerAxis,
    Partitions,
    TimeAxis,
    first_of,
)
from sqlpipes.core.partitions.axes import RangeAxis
from sqlpipes.show.cells import Cells, worst_within

ROWS = 24  # at most: a grid with its legend fits on a screen
TEN = 10
FIFTY = 50
DAY_MINUTES = 24 * 60
MARGIN = 17  # what the longest label of a row takes

States = Mapping[SliceState, Partitions]


@dataclass(frozen=True, slots=True)
class Picture:
    """`rows` have a label each; `heads` are labels of columns, with their places; `cell` is a cell's noun.

    `block`: a space stands after so many cells.
    """

    rows: tuple[tuple[str, Cells], ...]
    cell: str
    heads: tuple[tuple[int, str], ...] = ()
    block: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """A row is one unit, or so many cells. `heads` say which column is which; they count from `first`,
    `scale` to a column."""

    row: Grain | int
    cell: TimeAxis
    width: int
    block: int
    every: int
    first: int = 1
    scale: Fraction = Fraction(1)

    @property
    def heads(self) -> tuple[tuple[int, str], ...]:
        room = 2 if self.first == 0 else 1
        places = range(0, self.width, self.every)
        return tuple((at, f"{int(at * self.scale) + self.first:0{room}}") for at in places)

    @property
    def room(self) -> int:
        """Columns of a terminal that it takes."""
        return MARGIN + self.width + ((self.width - 1) // self.block if self.block else 0)


SIZES = MappingProxyType({grain: place for place, grain in enumerate(reversed(Grain))})
CLOCKS = frozenset({Grain.DAY, Grain.HOUR})  # rows whose columns are times of the clock
WEEKS_ONLY = frozenset({Grain.DAY, Grain.WEEK, Grain.HOUR, Grain.MINUTE})  # others cut across them


def _layouts(axis: TimeAxis) -> Iterator[Layout]:
    """The finest first, in the zone of the slices."""
    if axis.unit is Grain.MINUTE:
        yield from _minutes(axis)
    for row, grain, width, block, every, first in PLAIN:
        if _suits(grain, axis.unit):
            same = grain is axis.unit and grain is not Grain.MINUTE
            cell = axis if same else TimeAxis(grain, zone=axis.zone)
            yield Layout(row, cell, width, block, every, first)


def _minutes(axis: TimeAxis) -> Iterator[Layout]:
    """Longer steps a row a day, where that fits; shorter ones a row an hour."""
    width, hour = DAY_MINUTES // axis.step, 60 // axis.step
    if axis.step > 60:
        yield Layout(Grain.DAY, axis, width, 0, width, 0)
    elif axis.step >= 10 and 60 % axis.step == 0:
        yield Layout(Grain.DAY, axis, width, 6 * hour, 6 * hour, 0, Fraction(axis.step, 60))
    if axis.step < 60 and 60 % axis.step == 0:
        block = 15 // axis.step if axis.step <= 5 else 0
        yield Layout(Grain.HOUR, axis, hour, block, block or 2, 0, Fraction(axis.step))


def _suits(cell: Grain, unit: Grain) -> bool:
    """Whether a cell holds whole slices: weeks lie across months."""
    if cell is Grain.WEEK:
        return unit in WEEKS_ONLY
    if unit is Grain.WEEK and cell in (Grain.MONTH, Grain.QUARTER):
        return False
    return SIZES[cell] >= SIZES[unit]


PLAIN = (
    (Grain.DAY, Grain.HOUR, 24, 6, 6, 0),
    (Grain.MONTH, Grain.DAY, 31, 5, 5, 1),
    (Grain.YEAR, Grain.WEEK, 53, 0, 10, 1),
    (Grain.YEAR, Grain.MONTH, 12, 3, 3, 1),
    (Grain.YEAR, Grain.QUARTER, 4, 0, 1, 1),
    (TEN, Grain.YEAR, TEN, 0, 5, 0),
    (FIFTY, Grain.YEAR, FIFTY, TEN, TEN, 0),
)


def time_picture(states: States, axis: TimeAxis, width: int) -> Picture:
    """Slices of time, in the zone that they are cut in."""
    layouts = list(_layouts(axis))
    fitting = [each for each in layouts if each.room <= width] or layouts[-2:-1]
    for layout in fitting:
        rows = _row_starts(states, layout)
        if len(rows) <= ROWS:
            break
    return _time_rows(states, layout, rows[-ROWS:])


def _row_starts(states: States, layout: Layout) -> list[int]:
    """The ordinals of the rows' units; with a number of cells a row, of its first cell."""
    cells = layout.cell
    for low, high in _extent(states, cells):
        if isinstance(layout.row, Grain):
            unit = TimeAxis(layout.row, zone=cells.zone)
            first, last = (unit.ordinal(_anchor(cells, at)) for at in (low, high - 1))
            return list(range(first, last + 1))
        return list(range(low - cells.instant(low).year % layout.row, high, layout.row))
    return []


def _anchor(cells: TimeAxis, at: int) -> datetime:
    """The instant that says which row a cell is in: a week is in the year of its Thursday."""
    if cells.unit is not Grain.WEEK:
        return cells.instant(at)
    days = TimeAxis(Grain.DAY, zone=cells.zone)
    return days.instant(days.ordinal(cells.instant(at)) + 3)


def row_of_cells(states: States, cells: RangeAxis, low: int, high: int) -> Cells:
    """The cells from `low` to `high` of an axis that is that of the slices, or a coarser one."""
    ranges = {state: slices.ranges for state, slices in states.items()}
    axes = [first_of(slices.axis) for slices in states.values()]
    if not axes or axes[0] == cells:
        return worst_within(ranges, ((at, at + 1) for at in range(low, high)))
    spans = (Partitions.of(cells, [(at, at + 1)]).overlapping(axes[0]) for at in range(low, high))
    return worst_within(ranges, [each.ranges[0] for each in spans])


def _extent(states: States, axis: Axis) -> Iterator[tuple[int, int]]:
    """From the first to behind the last slice, as one range; nothing without slices."""
    for slices in list(states.values())[:1]:
        low = min(each.ranges[0][0] for each in states.values())
        high = max(each.ranges[-1][1] for each in states.values())
        yield Partitions.of(first_of(slices.axis), [(low, high)]).overlapping(axis).ranges[0]


def _time_rows(states: States, layout: Layout, rows: Sequence[int]) -> Picture:
    cells = layout.cell
    places = [_row(row, layout) for row in rows]
    start, end = places[0][1], places[-1][2]
    line = row_of_cells(states, cells, start, end)
    found = tuple(
        (label, _with_gap(line[low - start : high - start], layout, low))
        for label, low, high in places
    )
    return Picture(found, str(TimeAxis(cells.unit, cells.step)), layout.heads, layout.block)


def _with_gap(cells: Cells, layout: Layout, low: int) -> Cells:
    """Blanks where the clock skips an hour, so that what comes after stands below its own head."""
    missing = layout.width - len(cells)
    if missing <= 0 or layout.row not in CLOCKS:
        return cells
    places = (_place(layout, low + i) for i in range(len(cells)))
    gap = next((i for i, place in enumerate(places) if place > i), len(cells))
    return [*cells[:gap], *[None] * missing, *cells[gap:]]


def _place(layout: Layout, cell: int) -> int:
    """The column of a cell, as the clock on the wall says."""
    at, axis = layout.cell.boundary(cell), layout.cell
    minutes = at.minute + (at.hour * 60 if layout.row is Grain.DAY else 0)
    return minutes // (axis.step * (60 if axis.unit is Grain.HOUR else 1))


def _row(row: int, layout: Layout) -> tuple[str, int, int]:
    """The label of a row, its first cell and the one after its last. A day of summer time may have 23
    or 25 hours: then its row has, too."""
    cells = layout.cell
    if not isinstance(layout.row, Grain):
        return cells.key(row), row, row + layout.row
    unit = TimeAxis(layout.row, zone=cells.zone)
    low, high = (_first_in(cells, unit, at) for at in (row, row + 1))
    return unit.key(row), low, high


def _first_in(cells: TimeAxis, unit: TimeAxis, row: int) -> int:
    """The first cell of a row's unit."""
    at = unit.instant(row)
    found = cells.ordinal(at)
    return found if _anchor(cells, found) >= at else found + 1


def integer_picture(states: States, axis: IntegerAxis, width: int) -> Picture:
    """Rows of fifty cells (less in a narrow terminal); a cell is 1, 2, 5, 10 ... slices."""
    room = FIFTY if width >= FIFTY + FIFTY // TEN + MARGIN else 20
    ((low, high),) = _extent(states, axis)
    per = next(per for per in _round_numbers() if -(-(high - low) // (per * room)) < ROWS)
    cells = IntegerAxis(axis.width * per, axis.origin)
    first, last = low // per // room * room, (high - 1) // per
    line = row_of_cells(states, cells, first, last + room)
    rows = tuple(
        (f"{cells.number(row)}", line[row - first : row - first + room])
        for row in range(first, last + 1, room)
    )
    noun = str(cells) if cells.width > 1 else "integer"
    return Picture(rows, noun, (), TEN)


def _round_numbers() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 ..."""
    size = 1
    while True:
        yield from (size, 2 * size, 5 * size)
        size *= TEN


def coarser(axis: RangeAxis) -> Iterator[RangeAxis]:
    """The axis itself and ever longer units, in which a row of cells may be drawn."""
    yield axis
    if isinstance(axis, IntegerAxis):
        yield from (IntegerAxis(axis.width * per, axis.origin) for per in _round_numbers())
    if isinstance(axis, TimeAxis):
        for grain in reversed(Grain):
            if grain not in (axis.unit, Grain.WHOLE) and _suits(grain, axis.unit):
                yield TimeAxis(grain, zone=axis.zone)
