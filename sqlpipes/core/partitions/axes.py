"""What slices are cut along: time, integers, values, or several of these at once. Frozen values.

Every axis has one `first` axis, along which a set of slices is a row of ranges (time before integers;
WHOLE, with its one slice 0, where there are only values), and the `rest`, whose slices are named one
by one, by labels: the text of a value, else an ordinal. A value is its own label, so sets over two
lists of values are about the same slices, and a change of a list moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions.calendar import EPOCH, Grain, window_text
from sqlpipes.core.partitions.ranges import Range, Ranges, merged
from sqlpipes.core.partitions.zones import (
    boundary,
    first_instant,
    is_repeated,
    offset,
    standard_offset,
    wall,
)

DAY_MINUTES = 24 * 60
TICK = timedelta(microseconds=1)
FIXED = {Grain.HOUR: timedelta(hours=1), Grain.MINUTE: timedelta(minutes=1)}

Label: TypeAlias = str | int
Labels: TypeAlias = tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class WholeAxis:
    """The one slice of an unpartitioned asset."""

    def key(self, ordinal: int) -> str:
        return "all"

    def __str__(self) -> str:
        return "whole"


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Slices of time. Days and longer ones begin at the zone's local midnights; a skipped day is empty.

    Hours and steps of minutes have a fixed length. They are counted from a UTC epoch, moved so that
    they align with the zone's clock where its (standard) offset is no multiple of them. `step` goes
    with minutes only and divides a day.

    >>> berlin = TimeAxis(Grain.DAY, zone="Europe/Berlin")
    >>> day = berlin.ordinal(datetime(2024, 3, 31))
    >>> berlin.instant(day), berlin.instant(day + 1)  # 23 hours
    (datetime.datetime(2024, 3, 30, 23, 0), datetime.datetime(2024, 3, 31, 22, 0))
    """

    unit: Grain
    step: int = 1
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.unit is Grain.WHOLE or (self.unit is not Grain.MINUTE and self.step != 1):
            raise ValueError(f"there are no slices of {self.step} {self.unit}")
        if self.step < 1 or DAY_MINUTES % self.step:
            raise ValueError(f"{self.step} minutes do not divide a day")

    def ordinal(self, at: datetime) -> int:
        """The ordinal of the slice that holds `at` (naive UTC)."""
        if self.unit in FIXED:
            if self.zone == "UTC" and self.step == 1:
                return self.unit.ordinal(at)
            return (at - self._epoch()) // self._length()
        found = self.unit.ordinal(wall(at, self.zone))
        if self.zone != "UTC":  # a clock set back over midnight shows the old day once more
            while at < self.instant(found):
                found -= 1
            while at >= self.instant(found + 1):
                found += 1
        return found

    def instant(self, ordinal: int) -> datetime:
        """Where a slice starts, in naive UTC."""
        if self.unit in FIXED:
            if self.zone == "UTC" and self.step == 1:
                return self.unit.instant(ordinal)
            return self._epoch() + ordinal * self._length()
        return first_instant(self.unit.instant(ordinal), self.zone)

    def boundary(self, ordinal: int) -> datetime:
        """Where a slice starts on the zone's wall clock: the bound for columns without a zone."""
        if self.unit in FIXED:
            return boundary(self.instant(ordinal), self.zone)
        return self.unit.instant(ordinal)

    def fits(self, at: datetime) -> bool:
        """Whether a slice starts exactly at `at` (naive UTC)."""
        return self.instant(self.ordinal(at)) == at

    def key(self, ordinal: int) -> str:
        """How people name a slice, in the zone's time; with its offset where that is shown twice."""
        if self.unit not in FIXED:
            return self.unit.key(ordinal)
        at = self.instant(ordinal)
        if is_repeated(at, self.zone):
            ahead = offset(at, self.zone)
            sign, minutes = "-" if ahead < timedelta(0) else "+", abs(ahead) // FIXED[Grain.MINUTE]
            return f"{wall(at, self.zone):%Y-%m-%dT%H:%M}{sign}{minutes // 60:02}:{minutes % 60:02}"
        shown = wall(at, self.zone)
        hours = self.unit is Grain.HOUR and not shown.minute
        return f"{shown:%Y-%m-%dT%H}" if hours else f"{shown:%Y-%m-%dT%H:%M}"

    def _length(self) -> timedelta:
        return FIXED[self.unit] * self.step

    def _epoch(self) -> datetime:
        if self.zone == "UTC":
            return EPOCH
        return EPOCH - standard_offset(self.zone) % self._length()

    def __str__(self) -> str:
        unit = str(self.unit) if self.step == 1 else f"{self.step} {self.unit}s"
        return unit if self.zone == "UTC" else f"{unit} in {self.zone}"


@dataclass(frozen=True, slots=True)
class IntegerAxis:
    """Slices of `width` integers each: slice 0 begins at `origin`.

    >>> IntegerAxis(1000).key(IntegerAxis(1000).ordinal(1999))
    '1000..2000'
    """

    width: int
    origin: int = 0

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"a slice of {self.width} integers is none")

    def ordinal(self, number: int) -> int:
        return (number - self.origin) // self.width

    def number(self, ordinal: int) -> int:
        """The first integer of a slice."""
        return self.origin + ordinal * self.width

    def fits(self, number: int) -> bool:
        return self.number(self.ordinal(number)) == number

    def key(self, ordinal: int) -> str:
        if self.width == 1:
            return str(self.number(ordinal))
        return f"{self.number(ordinal)}..{self.number(ordinal + 1)}"

    def __str__(self) -> str:
        return "integer" if self.width == 1 else f"{self.width} integers"


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """One slice per value. A value is known by its text."""

    def key(self, label: Label) -> str:
        return str(label)

    def __str__(self) -> str:
        return "value"


RangeAxis: TypeAlias = WholeAxis | TimeAxis | IntegerAxis
PlainAxis: TypeAlias = TimeAxis | IntegerAxis | ValueAxis


@dataclass(frozen=True, slots=True)
class ProductAxis:
    """Slices of several axes at once; each is cut along a column of its own, named in `columns`."""

    axes: tuple[PlainAxis, ...]
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.axes) < 2 or len(self.axes) != len(self.columns):
            raise ValueError("a product has two axes or more, each with its column")

    def __str__(self) -> str:
        return " and ".join(str(axis) for axis in self.axes)


Axis: TypeAlias = WholeAxis | TimeAxis | IntegerAxis | ValueAxis | ProductAxis

WHOLE_AXIS = WholeAxis()


def axis_of(given: Axis | Grain) -> Axis:
    """A unit stands for its axis in UTC."""
    if not isinstance(given, Grain):
        return given
    return WHOLE_AXIS if given is Grain.WHOLE else TimeAxis(given)


def first_place(axis: Axis) -> int | None:
    """Which axis of a product the ranges run along: the first of time, else of integers, else none."""
    if not isinstance(axis, ProductAxis):
        return None if isinstance(axis, ValueAxis) else 0
    for kind in (TimeAxis, IntegerAxis):
        for place, each in enumerate(axis.axes):
            if isinstance(each, kind):
                return place
    return None


def first_of(axis: Axis) -> RangeAxis:
    """The axis that ranges run along."""
    place = first_place(axis)
    found = WHOLE_AXIS if place is None else axes_of(axis)[place]
    assert not isinstance(found, ValueAxis)
    return found


def axes_of(axis: Axis) -> tuple[WholeAxis | PlainAxis, ...]:
    return axis.axes if isinstance(axis, ProductAxis) else (axis,)


def rest_places(axis: Axis) -> tuple[int, ...]:
    """Where the axes of the labels stand, in order."""
    first = first_place(axis)
    return tuple(place for place in range(len(axes_of(axis))) if place != first)


def rest_of(axis: Axis) -> tuple[PlainAxis, ...]:
    """The axes of the labels, in order."""
    if isinstance(axis, ProductAxis):
        return tuple(axis.axes[place] for place in rest_places(axis))
    return (axis,) if isinstance(axis, ValueAxis) else ()


def keys_of(axis: Axis, labels: Labels, first: str) -> tuple[str, ...]:
    """The key per axis, in the order of the axes; `first` stands for that of the first one."""
    axes = axes_of(axis)
    found = [first] * len(axes)
    for place, label in zip(rest_places(axis), labels, strict=True):
        each = axes[place]
        found[place] = str(label) if isinstance(each, ValueAxis) else each.key(int(label))
    return tuple(found)


def meets(one: Axis, other: Axis) -> bool:
    """Whether slices of one can be told as slices of the other: only the first axis may differ.

    >>> meets(TimeAxis(Grain.DAY), TimeAxis(Grain.MONTH)), meets(TimeAxis(Grain.DAY), WHOLE_AXIS)
    (True, False)
    """
    if one == other:
        return True
    if isinstance(one, ProductAxis) and isinstance(other, ProductAxis):
        if rest_of(one) != rest_of(other) or not _same_columns(one, other):
            return False
    elif isinstance(one, ProductAxis) or isinstance(other, ProductAxis):
        return False
    return type(first_of(one)) is type(first_of(other)) and one not in (WHOLE_AXIS, ValueAxis())


def _same_columns(one: ProductAxis, other: ProductAxis) -> bool:
    """Two labels of one kind are told apart by their columns; a single one needs no name."""
    if len(rest_of(one)) == 1:
        return True
    return [one.columns[i] for i in rest_places(one)] == [
        other.columns[i] for i in rest_places(other)
    ]


def overlapping(ranges: Iterable[Range], one: RangeAxis, other: RangeAxis) -> Ranges:
    """The ranges of `other` that share an instant (an integer) with those of `one`."""
    if one == other:
        return merged(ranges)
    if isinstance(one, TimeAxis) and isinstance(other, TimeAxis):
        return merged(
            (other.ordinal(one.instant(low)), other.ordinal(one.instant(high) - TICK) + 1)
            for low, high in ranges
        )
    if isinstance(one, IntegerAxis) and isinstance(other, IntegerAxis):
        return merged(
            (other.ordinal(one.number(low)), other.ordinal(one.number(high) - 1) + 1)
            for low, high in ranges
        )
    raise ValueError(f"slices of one {one} and one {other} share nothing that is known")


def within(ranges: Iterable[Range], one: RangeAxis, other: RangeAxis) -> Ranges:
    """The ranges of `other` that those of `one` cover completely."""
    if one == other:
        return merged(ranges)
    if isinstance(one, TimeAxis) and isinstance(other, TimeAxis):
        return merged(between(other, one.instant(low), one.instant(high)) for low, high in ranges)
    if isinstance(one, IntegerAxis) and isinstance(other, IntegerAxis):
        return merged(
            (-((other.origin - one.number(low)) // other.width), other.ordinal(one.number(high)))
            for low, high in ranges
        )
    return ()


def between(axis: TimeAxis, start: datetime, end: datetime) -> Range:
    """The slices that lie wholly inside the window [start, end), both naive UTC."""
    low = axis.ordinal(start)
    return (low if axis.instant(low) == start else low + 1), axis.ordinal(end)


def bounds(axis: RangeAxis, low: int, high: int) -> tuple[str, str] | None:
    """Where slices begin and end as text: the zone's wall time, or integers. None for a whole."""
    if isinstance(axis, WholeAxis):
        return None
    if isinstance(axis, IntegerAxis):
        return str(axis.number(low)), str(axis.number(high))
    return window_text(axis.boundary(low)), window_text(axis.boundary(high))
