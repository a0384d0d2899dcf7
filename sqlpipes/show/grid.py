"""The slice states of one asset -> a picture that fits on a screen, whatever its slices are cut along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from click import style

from sqlpipes.api import SliceState
from sqlpipes.core.partitions import (
    IntegerAxis,
    Labels,
    Partitions,
    ProductAxis,
    TimeAxis,
    WholeAxis,
    first_of,
    keys_of,
    rest_of,
)
from sqlpipes.core.partitions.axes import RangeAxis
from sqlpipes.show.calendar import (
    ROWS,
    Picture,
    coarser,
    integer_picture,
    row_of_cells,
    time_picture,
)
from sqlpipes.show.cells import SIGNS, Cells, cells_text
from sqlpipes.show.letters import cut, padded, plain, width_of

States = Mapping[SliceState, Partitions]
LONGEST_LABEL = 24
BARS = 100  # cells of a row of a product, at most


def grid_lines(states: States, width: int) -> tuple[list[str], str]:
    """The lines of the picture, and what a cell of it stands for."""
    axis = next(iter(states.values())).axis
    first = first_of(axis)
    if isinstance(first, WholeAxis):
        return _value_lines(states, width), "a sign is one slice"
    picture = picture_of(states, width)
    return picture_lines(picture), _caption(picture.cell, first)


def picture_of(states: States, width: int) -> Picture:
    """Rows of cells, for slices along time or integers, or products with one of these."""
    axis = next(iter(states.values())).axis
    first = first_of(axis)
    if rest_of(axis):
        return _bars(states, first, width)
    if isinstance(first, TimeAxis):
        return time_picture(states, first, width)
    assert isinstance(first, IntegerAxis)
    return integer_picture(states, first, width)


def caption_of(states: States, picture: Picture) -> str:
    """What a cell of the picture stands for."""
    return _caption(picture.cell, first_of(next(iter(states.values())).axis))


def _caption(cell: str, axis: RangeAxis) -> str:
    plain = TimeAxis(axis.unit, axis.step) if isinstance(axis, TimeAxis) else axis
    if cell in (str(plain), f"1 {plain}"):
        return "a cell is one slice"
    article = "" if cell[:1].isdigit() else "an " if cell == "hour" else "a "
    return f"a cell is {article}{cell} and shows the worst of its slices"


def picture_lines(picture: Picture) -> list[str]:
    room = max((width_of(label) for label, _ in picture.rows), default=0)
    lines = [" " * (room + 4) + _heads(picture)] if picture.heads else []
    for label, cells in picture.rows:
        lines.append(f"  {padded(label, room)}  {_blocks(cells, picture.block)}".rstrip())
    return lines


def _heads(picture: Picture) -> str:
    line = ""
    for place, text in picture.heads:
        at = place + (place // picture.block if picture.block else 0)
        if not line or at > len(line):
            line = line.ljust(at) + text
    return style(line, dim=True)


def _blocks(cells: Cells, block: int) -> str:
    if not block:
        return cells_text(cells)
    parts = (cells[at : at + block] for at in range(0, len(cells), block))
    return " ".join(cells_text(part) for part in parts)


def _value_lines(states: States, width: int) -> list[str]:
    """Every value behind its sign, in columns; those that are not built first when they are too many."""
    state_of = {labels: state for state, slices in states.items() for labels in slices.labels}
    axis = next(iter(states.values())).axis
    keys = {labels: plain("|".join(keys_of(axis, labels, ""))) for labels in state_of}
    shown = sorted(keys, key=lambda labels: keys[labels])
    room = max(min(max(map(width_of, keys.values())), LONGEST_LABEL), 1)
    columns = max((width - 2) // (room + 4), 1)
    if len(shown) > columns * ROWS:
        order = list(SliceState)
        shown.sort(key=lambda labels: order.index(state_of[labels]))
        shown = shown[: columns * ROWS]
    cells = [_value(state_of[labels], keys[labels], room) for labels in shown]
    height = -(-len(cells) // columns)
    lines = ["  " + "  ".join(cells[row::height]).rstrip() for row in range(height)]
    more = len(keys) - len(shown)
    return [*lines, style(f"  and {more:,} more", dim=True)] if more else lines


def _value(state: SliceState, key: str, room: int) -> str:
    sign, colour = SIGNS[state]
    return f"{style(sign, fg=colour)} {padded(cut(key, room), room)}"


def _bars(states: States, first: RangeAxis, width: int) -> Picture:
    """A row of cells for each combination of labels; the ones that are most behind, when they are many."""
    names = _names(states)
    room = min(max(map(width_of, names.values())), LONGEST_LABEL)
    unit, low, high = _unit(states, first, min(BARS, width - room - 4))
    rows = [(cut(names[labels], room), _row(states, labels, unit, low, high)) for labels in names]
    shown, rest = rows[:ROWS], rows[ROWS:]
    if rest:
        shown, rest = rows[: ROWS - 1], rows[ROWS - 1 :]
        worst = [_worst([cells[at] for _, cells in rest]) for at in range(high - low)]
        shown = [*shown, (cut(f"and {len(rest):,} more", max(room, 14)), worst)]
    last = f"{unit.key(high - 1)}"
    heads: tuple[tuple[int, str], ...] = ((0, unit.key(low)),)
    if high - low >= len(unit.key(low)) + len(last) + 2:
        heads = (*heads, (high - low - len(last), last))
    noun = str(TimeAxis(unit.unit, unit.step)) if isinstance(unit, TimeAxis) else str(unit)
    return Picture(tuple(shown), noun, heads)


def _names(states: States) -> dict[Labels, str]:
    """The labels by name, those with a slice in a bad state before those that are built."""
    axis = next(iter(states.values())).axis
    assert isinstance(axis, ProductAxis)
    rank: dict[Labels, int] = {}
    for place, slices in enumerate(states.values()):
        for labels in slices.labels:
            rank.setdefault(labels, place)
    names = {labels: plain("|".join(filter(None, keys_of(axis, labels, "")))) for labels in rank}
    many = len(names) > ROWS
    return dict(sorted(names.items(), key=lambda item: (many and rank[item[0]], item[1])))


def _unit(states: States, first: RangeAxis, room: int) -> tuple[RangeAxis, int, int]:
    """The shortest unit in which everything fits into so many cells, and from where to where."""
    ranges = [found for slices in states.values() for found in slices.ranges]
    every = Partitions.of(first, [(min(low for low, _ in ranges), max(high for _, high in ranges))])
    for unit in coarser(first):
        (found,) = every.overlapping(unit).ranges
        if found[1] - found[0] <= room:
            break
    return unit, *found


def _row(states: States, labels: Labels, unit: RangeAxis, low: int, high: int) -> Cells:
    mine = {
        state: Partitions.of(first_of(slices.axis), dict(slices.rows).get(labels, ()))
        for state, slices in states.items()
    }
    return row_of_cells(mine, unit, low, high)


def _worst(cells: Sequence[SliceState | None]) -> SliceState | None:
    order = list(SliceState)
    return min((cell for cell in cells if cell), key=order.index, default=None)
