"""What slices a plan may hold after rows of the source moved, said with boxes in (ts, k, n)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from oracle.world import WINDOWS, Model, World

from sqlpipes.core.partitions import Partitions, axes_of, first_place, rest_places

Box = Mapping[str, tuple[Any, Any]]
EVERYWHERE: Box = {}
READ_ALONG = {"of_its_value": "k", "of_its_number": "n", "trailing": "ts", "running": ""}


def boxes(slices: Partitions, columns: tuple[str, ...]) -> list[Box]:
    """Each slice as column -> from, to."""
    return [_box(one, columns) for one in slices.each()]


def _box(one: Partitions, columns: tuple[str, ...]) -> Box:
    if one.is_whole:
        return EVERYWHERE
    axes = axes_of(one.axis)
    ((labels, ((ordinal, _),)),) = one.rows
    first, rest = first_place(one.axis), rest_places(one.axis)
    labelled: list[Any] = [
        ordinal if i == first else labels[rest.index(i)] for i in range(len(axes))
    ]
    return {c: _stretch(axes[i], labelled[i]) for i, c in enumerate(columns)}


def _stretch(axis: Any, label: Any) -> tuple[Any, Any]:
    if hasattr(axis, "boundary"):
        return axis.boundary(label), axis.boundary(label + 1)
    if hasattr(axis, "number"):
        return axis.number(label), axis.number(label + 1)
    return label, label + "\0"


def meets(one: Box, other: Box) -> bool:
    """Whether two boxes share a point; a column that one lacks parts nothing."""
    both = one.keys() & other.keys()
    return all(one[c][0] < other[c][1] and other[c][0] < one[c][1] for c in both)


def window(windows: str, row: tuple[Any, ...]) -> Box:
    """The window of the source that a row lies in. A row in none may be read by anybody."""
    _, ts, k, n, *_ = row
    said = WINDOWS[windows] or ""
    found: dict[str, tuple[Any, Any]] = {}
    if "column: ts" in said:
        if ts is None:
            return EVERYWHERE
        start = ts.replace(minute=0, second=0)
        start = start if "hour" in said else start.replace(hour=0)
        start = start.replace(day=1) if "month" in said else start
        length = timedelta(hours=1) if "hour" in said else timedelta(days=1)
        found["ts"] = start, start + (timedelta(days=31) if "month" in said else length)
    if "column: k" in said:
        if k is None:
            return EVERYWHERE
        found["k"] = k, k + "\0"
    if "column: n" in said:
        if n is None:
            return EVERYWHERE
        found["n"] = n // 10 * 10, n // 10 * 10 + 10
    return found


def read(model: Model, dirty: list[Box], below: str = "") -> list[Box]:
    """What of a model may hang on these boxes of its input, which is cut by `below`.

    Integers beside an axis of time are not parted by integers that stand alone: that is built in vain.
    """
    if model.reads == "all":
        return [EVERYWHERE] if dirty else []
    along = READ_ALONG.get(model.shape)
    found = []
    for box in dirty:
        mine = dict(box) if along is None else {c: box[c] for c in box if c == along}
        if (model.cut == "month_by_number") != (below == "month_by_number"):
            mine.pop("n", None)
        if "ts" in mine:
            low, high = mine["ts"]
            # What a column without a zone holds is not known: any two clocks are less than two days apart.
            more = timedelta(days=2 if model.is_local else 0)
            behind = timedelta(days=2 if model.shape == "trailing" else 0)
            mine["ts"] = low - more, high + more + behind
        found.append(mine)
    return found


def built_for_nothing(world: World, moved: list[tuple[Any, ...]]) -> list[tuple[str, Box]]:
    """The slices in the plan that no moved row is read by."""
    steps = {step.asset: step for step in world.plan().steps}
    source = [window(world.windows, row) for row in moved]
    dirty: list[list[Box]] = []
    found: list[tuple[str, Box]] = []
    for i, model in enumerate(world.models):
        if model.over is None:
            allowed = read(model, source)
        else:
            below = world.models[model.over]
            mixed = "" if model.cut == "month_by_number" else "month_by_number"  # behind a view
            allowed = read(model, dirty[model.over], below.cut if below.slices else mixed)
        if model.shape == "joined":
            allowed += read(model, source)
        if not world.stored(i):
            dirty.append(allowed)
            continue
        planned: list[Box] = []
        if step := steps.get(world.names[i]):
            columns = ("ts", "k", "n")
            if model.slices:
                columns = tuple(c for c in columns if f"column: {c}" in str(model.slices))
            planned = boxes(step.slices, columns)
        found += [(world.names[i], b) for b in planned if not any(meets(b, a) for a in allowed)]
        dirty.append(planned)
    return found
