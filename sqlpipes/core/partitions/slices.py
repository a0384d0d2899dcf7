"""Sets of slices: sorted rows of half-open ranges, so twenty years of minutes cost as much as one day.

A set over an axis with labels has one such row for each of its labels. An asset without a partition
has exactly one slice, `WHOLE`, and obeys the same algebra.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import axes as a
from sqlpipes.core.partitions.axes import Axis, Label, Labels, ProductAxis, TimeAxis, ValueAxis
from sqlpipes.core.partitions.calendar import EPOCH, Grain
from sqlpipes.core.partitions.ranges import FEW, Range, Ranges, common, merged, newest, without
from sqlpipes.core.partitions.reach import Reach, touched_ranges

Row = tuple[Labels, Ranges]
Pair = tuple[int, int]
ONE: Ranges = ((0, 1),)


@dataclass(frozen=True, slots=True)
class Partitions:
    """A set of slices of one axis: per labels (none along a single axis) the canonical ranges.

    Made with `of`, `of_values` or `of_rows`, which put anything in order.

    >>> week = Partitions.of(Grain.DAY, [(0, 7)])
    >>> (week - Partitions.of(Grain.DAY, [(2, 4)])).ranges
    ((0, 2), (4, 7))
    >>> len(week), 6 in week, 7 in week
    (7, True, False)
    """

    axis: Axis
    rows: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.axis, Grain):  # a unit stands for its axis in UTC
            object.__setattr__(self, "axis", a.axis_of(self.axis))

    @classmethod
    def of(cls, axis: Axis | Grain, ranges: Iterable[Range] = ()) -> Partitions:
        """Slices along a single axis: any ranges, in any order, overlapping or empty."""
        found = merged(ranges)
        return cls(a.axis_of(axis), (((), found),) if found else ())

    @classmethod
    def of_values(cls, values: Iterable[str]) -> Partitions:
        """
        >>> print(Partitions.of_values(["us", "eu"]) & Partitions.of_values(["eu", "asia"]))
        eu
        """
        return cls(ValueAxis(), tuple(((value,), ONE) for value in sorted(set(values))))

    @classmethod
    def of_rows(cls, axis: Axis, rows: Iterable[tuple[Labels, Iterable[Range]]]) -> Partitions:
        """Slices of any axis; rows of the same labels are put together."""
        found: dict[Labels, list[Range]] = {}
        for labels, ranges in rows:
            found.setdefault(labels, []).extend(ranges)
        ordered = ((labels, merged(found[labels])) for labels in sorted(found))
        return cls(axis, tuple((labels, ranges) for labels, ranges in ordered if ranges))

    @classmethod
    def between(cls, axis: TimeAxis | Grain, start: datetime, end: datetime) -> Partitions:
        """Every slice that lies wholly inside the window [start, end), both naive UTC."""
        found = a.axis_of(axis)
        assert isinstance(found, TimeAxis)
        return cls.of(found, [a.between(found, start, end)])

    @property
    def is_whole(self) -> bool:
        """Whether these are slices of an unpartitioned asset."""
        return self.axis == a.WHOLE_AXIS

    @property
    def ranges(self) -> Ranges:
        """The ranges along the first axis, whatever the labels."""
        if len(self.rows) == 1:
            return self.rows[0][1]
        return merged(found for _, ranges in self.rows for found in ranges)

    @property
    def labels(self) -> tuple[Labels, ...]:
        return tuple(labels for labels, _ in self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def __len__(self) -> int:
        return sum(high - low for _, ranges in self.rows for low, high in ranges)

    def __iter__(self) -> Iterator[int]:
        """The ordinals of slices along a single axis. With labels, `each` gives the slices."""
        if a.rest_of(self.axis):
            raise TypeError(f"a slice of {self.axis} is no single ordinal")
        for low, high in self.ranges:
            yield from range(low, high)

    def __contains__(self, slice: int | tuple[Labels, int]) -> bool:
        labels, ordinal = ((), slice) if isinstance(slice, int) else slice
        return any(
            low <= ordinal < high
            for mine, ranges in self.rows
            if mine == labels
            for low, high in ranges
        )

    def each(self) -> Iterator[Partitions]:
        """Every slice as a set of its own."""
        for labels, ranges in self.rows:
            for low, high in ranges:
                for ordinal in range(low, high):
                    yield Partitions(self.axis, ((labels, ((ordinal, ordinal + 1),)),))

    def runs(self) -> Iterator[Partitions]:
        """The stretches of adjacent slices, each of one row."""
        for labels, ranges in self.rows:
            for found in ranges:
                yield Partitions(self.axis, ((labels, (found,)),))

    def boxes(self) -> Iterator[tuple[Range, tuple[Labels, ...]]]:
        """The ranges along the first axis, each with all labels that have exactly this range."""
        found: dict[Range, list[Labels]] = {}
        for labels, ranges in self.rows:
            for one in ranges:
                found.setdefault(one, []).append(labels)
        for one in sorted(found):
            yield one, tuple(found[one])

    def __or__(self, other: Partitions) -> Partitions:
        self._check_same_axis(other)
        return Partitions.of_rows(self.axis, (*self.rows, *other.rows))

    def __and__(self, other: Partitions) -> Partitions:
        self._check_same_axis(other)
        if len(self.rows) > len(other.rows):
            self, other = other, self
        theirs = _rows_of(other, self)
        rows = ((labels, common(mine, theirs.get(labels, ()))) for labels, mine in self.rows)
        return Partitions(self.axis, tuple(row for row in rows if row[1]))

    def __sub__(self, other: Partitions) -> Partitions:
        self._check_same_axis(other)
        if _lie_apart(self.rows, other.rows):
            return self
        theirs = _rows_of(other, self)
        rows = ((labels, without(mine, theirs.get(labels, ()))) for labels, mine in self.rows)
        return Partitions(self.axis, tuple(row for row in rows if row[1]))

    def _check_same_axis(self, other: Partitions) -> None:
        if self.axis is not other.axis and self.axis != other.axis:
            raise ValueError(f"slices of one {self.axis} and one {other.axis} do not mix")

    @property
    def windows(self) -> tuple[tuple[datetime, datetime], ...]:
        """The ranges of time as half-open instants, naive UTC; nothing along other axes."""
        first = a.first_of(self.axis)
        if not isinstance(first, TimeAxis):
            return ()
        return tuple((first.instant(low), first.instant(high)) for low, high in self.ranges)

    @property
    def end(self) -> float | None:
        """Where the last one ends, to be compared along one kind of axis; None without an order."""
        first = a.first_of(self.axis)
        if isinstance(first, a.WholeAxis) or not self.rows:
            return None
        last = self.ranges[-1][1]
        if isinstance(first, a.IntegerAxis):
            return first.number(last)
        return (first.instant(last) - EPOCH).total_seconds()

    @property
    def keys(self) -> tuple[str, ...]:
        """How people name the slices: the keys of all axes with `|` between them."""
        first = a.first_of(self.axis)
        return tuple(
            "|".join(a.keys_of(self.axis, labels, first.key(ordinal)))
            for labels, ranges in self.rows
            for low, high in ranges
            for ordinal in range(low, high)
        )

    def overlapping(self, axis: Axis | Grain) -> Partitions:
        """The slices of another axis that share something with these. ValueError unless they `meets`.

        >>> Partitions.of(Grain.DAY, [(30, 32)]).overlapping(Grain.MONTH).ranges
        ((0, 2),)
        """
        axis = a.axis_of(axis)
        if axis == self.axis:
            return self
        if axis == a.WHOLE_AXIS:
            return WHOLE if self else Partitions(axis)
        if self.is_whole:
            raise ValueError("the one slice of an unpartitioned asset has no window")
        if not a.meets(self.axis, axis):
            raise ValueError(f"a {self.axis} is no row of slices of one {axis}")
        mine, other = a.first_of(self.axis), a.first_of(axis)
        rows = ((labels, a.overlapping(ranges, mine, other)) for labels, ranges in self.rows)
        return Partitions.of_rows(axis, rows)

    def within(self, axis: Axis | Grain) -> Partitions:
        """The slices of another axis that these cover completely: what a change of grain keeps."""
        axis = a.axis_of(axis)
        if axis == self.axis:
            return self
        if not a.meets(self.axis, axis):
            return Partitions(axis)
        mine, other = a.first_of(self.axis), a.first_of(axis)
        rows = ((labels, a.within(ranges, mine, other)) for labels, ranges in self.rows)
        return Partitions.of_rows(axis, rows)

    def touched_by(self, other: Partitions) -> Partitions:
        """The slices of these that share something with `other`, along the axes that both have.

        An axis that only one of the two has separates nothing: without any in common, any slice may
        touch any.
        """
        if not other or not self:
            return Partitions(self.axis)
        if a.meets(other.axis, self.axis) and not _has_values(self.axis):
            return other.overlapping(self.axis) & self
        return _touched(self, other, _shared(self.axis, other.axis), ((),))

    def reached_by(
        self, other: Partitions, pairs: Sequence[Pair], reaches: Sequence[Reach]
    ) -> Partitions:
        """The slices of these that read something of `other`, by the axes that hang together.

        `pairs`: (place of an axis of these, place of the axis of `other` that it hangs on). `reaches`
        go from the first axis of these to that of `other`; what any of them reaches is read. Pairs
        of axes that cannot be compared separate nothing.
        """
        far = any(reaches)
        sound = [pair for pair in pairs if _is_comparable(self.axis, other.axis, pair, far)]
        return _touched(self, other, sound, reaches) if other and self else Partitions(self.axis)

    def separates(self, other: Axis, pairs: Sequence[tuple[int, int, bool]] | None = None) -> bool:
        """Whether the slices of these part what they read along every axis of `other`.

        `pairs` as in `reached_by`, and whether one hangs on the other over a distance; without them
        the axes are paired as in `touched_by`.
        """
        if pairs is None:
            sound = _shared(self.axis, other)
        else:
            told = ((pair[:2], pair[2]) for pair in pairs)
            sound = [pair for pair, far in told if _is_comparable(self.axis, other, pair, far)]
        firsts = (a.first_place(self.axis), a.first_place(other))
        rests = a.rest_places(self.axis), a.rest_places(other)
        used = {j for i, j in sound if (i, j) == firsts or (i in rests[0] and j in rests[1])}
        return used == set(range(len(a.axes_of(other)))) and other != a.WHOLE_AXIS

    def widened(self, back: int, ahead: int) -> Partitions:
        """These and so many slices around each, along the first axis.

        >>> Partitions.of(Grain.DAY, [(5, 6)]).widened(1, 2).ranges
        ((4, 8),)
        """
        if a.first_of(self.axis) == a.WHOLE_AXIS or not (back or ahead):
            return self
        rows = (
            (labels, [(low - back, high + ahead) for low, high in r]) for labels, r in self.rows
        )
        return Partitions.of_rows(self.axis, rows)

    def before(self, count: int) -> Partitions:
        """As many slices of each row before its first one."""
        rows = ((labels, ((ranges[0][0] - count, ranges[0][0]),)) for labels, ranges in self.rows)
        return Partitions.of_rows(self.axis, rows)

    def newest(self, count: int) -> Partitions:
        """The last so many of each row; all of them where there is no order, as among values."""
        if a.first_of(self.axis) == a.WHOLE_AXIS:
            return self
        rows = ((labels, newest(ranges, count)) for labels, ranges in self.rows)
        return Partitions(self.axis, tuple(row for row in rows if row[1]))

    def __str__(self) -> str:
        """
        >>> print(Partitions.of(Grain.DAY, [(0, 1), (3, 6)]))
        1970-01-01, 1970-01-04..1970-01-07
        >>> print(Partitions.of_values(["us", "eu"]))
        eu, us
        """
        first = a.first_of(self.axis)
        if isinstance(self.axis, ProductAxis):
            return "; ".join(_box_text(self.axis, box, labels) for box, labels in self.boxes())
        if isinstance(self.axis, ValueAxis):
            return ", ".join(str(labels[0]) for labels in self.labels)
        return ", ".join(range_text(first, low, high) for low, high in self.ranges)


WHOLE = Partitions.of(Grain.WHOLE, ONE)


def _lie_apart(mine: tuple[Row, ...], others: tuple[Row, ...]) -> bool:
    """Whether the ends of two rows alone show that they share nothing."""
    if len(mine) != 1 or len(others) != 1:
        return False
    left, right = mine[0][1], others[0][1]
    return left[-1][1] <= right[0][0] or right[-1][1] <= left[0][0]


def _rows_of(slices: Partitions, asked: Partitions) -> dict[Labels, Ranges]:
    """The rows whose labels `asked` has too, and maybe more: one is looked up among ten thousand."""
    rows = slices.rows
    if len(asked.rows) * FEW >= len(rows):
        return dict(rows)
    places = ((labels, bisect_left(rows, (labels,))) for labels, _ in asked.rows)
    return {labels: rows[i][1] for labels, i in places if i < len(rows) and rows[i][0] == labels}


def range_text(axis: a.RangeAxis, low: int, high: int) -> str:
    """A range as `parse_partitions` reads it."""
    if high - low == 1:
        return axis.key(low)
    if isinstance(axis, a.IntegerAxis):
        return f"{axis.number(low)}..{axis.number(high)}"
    return f"{axis.key(low)}..{axis.key(high)}"


def _box_text(axis: ProductAxis, box: Range, labels: tuple[Labels, ...]) -> str:
    """Labels that differ in their last part only are listed together: 2024-01-01|eu,us."""
    first = range_text(a.first_of(axis), *box)
    groups: dict[Labels, list[Labels]] = {}
    for each in labels:
        groups.setdefault(each[:-1], []).append(each)
    last = a.rest_places(axis)[-1]
    found = []
    for group in groups.values():
        keys = list(a.keys_of(axis, group[0], first))
        keys[last] = _labels_text(axis.axes[last], [each[-1] for each in group])
        found.append("|".join(keys))
    return "; ".join(found)


def _labels_text(axis: a.PlainAxis, labels: list[Label]) -> str:
    if isinstance(axis, ValueAxis):
        return ",".join(str(label) for label in labels)
    ranges = merged((int(label), int(label) + 1) for label in labels)
    return ",".join(range_text(axis, low, high) for low, high in ranges)


def _touched(
    mine: Partitions, other: Partitions, pairs: Sequence[Pair], reaches: Sequence[Reach]
) -> Partitions:
    """What of `mine` is reached where the axes do not match one to one."""
    along = (a.first_place(mine.axis), a.first_place(other.axis)) in pairs
    at_mine, at_theirs = _shared_labels(mine.axis, other.axis, pairs)
    reached: dict[tuple[str, ...], list[Range]] = {}
    for labels, ranges in other.rows:
        key = tuple(_plainest(labels[i]) for i in at_theirs)
        found = _along(mine.axis, other.axis, ranges, reaches) if along else ()
        reached.setdefault(key, []).extend(found)
    rows = []
    for labels, ranges in mine.rows:
        key = tuple(_plainest(labels[i]) for i in at_mine)
        if key in reached:
            rows.append((labels, common(ranges, merged(reached[key])) if along else ranges))
    return Partitions.of_rows(mine.axis, rows)


def _along(mine: Axis, other: Axis, ranges: Ranges, reaches: Sequence[Reach]) -> Ranges:
    own, theirs = a.first_of(mine), a.first_of(other)
    found: list[Range] = []
    for reach in reaches:
        if (
            isinstance(own, TimeAxis)
            and isinstance(theirs, TimeAxis)
            and (reach or own.zone != theirs.zone)
        ):
            found += touched_ranges(ranges, theirs, own, reach)
        else:
            found += a.overlapping(ranges, theirs, own)
    return merged(found)


def _has_values(axis: Axis) -> bool:
    """One value may be written in several ways: 1 and 01 are the same number."""
    return any(isinstance(each, ValueAxis) for each in a.rest_of(axis))


def _plainest(label: Label) -> str:
    """One text for all texts of a value: what is told apart too little is only built too often.

    >>> _plainest("01") == _plainest("1.0"), _plainest("EU") == _plainest("eu")
    (True, True)
    """
    try:
        return str(float(label))
    except ValueError:
        return str(label).casefold()


def _is_comparable(mine: Axis, other: Axis, pair: Pair, far: bool) -> bool:
    """First axes of one kind are compared by their windows; others must be cut alike.

    `far`: one hangs on the other over a distance, which is known along time only.
    """
    one, two = a.axes_of(mine)[pair[0]], a.axes_of(other)[pair[1]]
    if type(one) is not type(two) or one == a.WHOLE_AXIS:
        return False
    firsts = pair == (a.first_place(mine), a.first_place(other))
    if far:
        return firsts and isinstance(one, TimeAxis)
    apart = pair[0] != a.first_place(mine) and pair[1] != a.first_place(other)
    return firsts or (apart and one == two)


def _shared(mine: Axis, other: Axis) -> list[Pair]:
    """Places of the axes that are certainly cut along the same thing.

    The only ones of their kind on both sides, or those of one kind and one column. Axes of labels
    other than values must be equal, too: their ordinals are compared as they are.
    """
    left, right = _named(mine), _named(other)
    found = []
    for i, (axis, column) in enumerate(left):
        same = [j for j, (each, _) in enumerate(right) if type(each) is type(axis)]
        alone = sum(type(each) is type(axis) for each, _ in left) == 1 and len(same) == 1
        named = same if alone else [j for j in same if column and right[j][1] == column]
        firsts = (i, named[0]) == (a.first_place(mine), a.first_place(other)) if named else False
        if named and (firsts or right[named[0]][0] == axis) and axis != a.WHOLE_AXIS:
            found.append((i, named[0]))
    return found


def _named(axis: Axis) -> list[tuple[a.WholeAxis | a.PlainAxis, str]]:
    columns = axis.columns if isinstance(axis, ProductAxis) else ("",)
    return list(zip(a.axes_of(axis), columns, strict=True))


def _shared_labels(mine: Axis, other: Axis, pairs: Sequence[Pair]) -> tuple[list[int], list[int]]:
    """The same pairs as places among the labels of each side."""
    left = {place: i for i, place in enumerate(a.rest_places(mine))}
    right = {place: i for i, place in enumerate(a.rest_places(other))}
    both = [(left[i], right[j]) for i, j in pairs if i in left and j in right]
    return [i for i, _ in both], [j for _, j in both]
