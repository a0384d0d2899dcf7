"""How an asset is cut into slices, and which slices there should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product
from types import MappingProxyType
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import axes as a
from sqlpipes.core.partitions.axes import (
    Axis,
    IntegerAxis,
    Label,
    PlainAxis,
    ProductAxis,
    TimeAxis,
    ValueAxis,
    axis_of,
)
from sqlpipes.core.partitions.calendar import Grain
from sqlpipes.core.partitions.plain import axis_from, axis_plain
from sqlpipes.core.partitions.ranges import Ranges
from sqlpipes.core.partitions.slices import ONE, Partitions

NOT_ASKED: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Partitioning:
    """One cut: the output column that slices live in, along which axis, and from where to where.

    `start` and `end` are ordinals, half-open; an open end of time follows the clock, and the running
    window is left out unless `include_current`. A cut by values has a list of them or, in
    `values_from`, the query that finds them. `lookback` slices before the newest are built again with
    it. `batch` bounds how many adjacent slices one statement writes, and `newest_first` says which of
    such statements come first. `others` are further cuts, across this one: a slice of the asset is then
    one slice of each.
    """

    column: str
    along: PlainAxis
    start: int = 0
    end: int | None = None
    include_current: bool = False
    lookback: int = 0
    batch: int | None = None
    values: tuple[str, ...] = ()
    values_from: str | None = None
    others: tuple[Partitioning, ...] = ()
    newest_first: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.along, Grain):  # a unit stands for its axis in UTC
            object.__setattr__(self, "along", axis_of(self.along))
        if isinstance(self.along, IntegerAxis) and self.end is None:
            raise ValueError("a cut by integers needs an end: nobody counts on")

    @property
    def cuts(self) -> tuple[Partitioning, ...]:
        """This cut and the others, each alone."""
        alone = replace(self, others=()) if self.others else self
        return (alone, *self.others)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(cut.column for cut in self.cuts)

    @property
    def axis(self) -> Axis:
        """What the asset's slices are slices of."""
        if not self.others:
            return self.along
        return ProductAxis(tuple(cut.along for cut in self.cuts), self.columns)

    @property
    def asks(self) -> tuple[Partitioning, ...]:
        """The cuts whose values a query finds."""
        return tuple(cut for cut in self.cuts if cut.values_from is not None)

    def wanted(self, now: datetime, found: Mapping[str, Sequence[str]] = NOT_ASKED) -> Partitions:
        """Every slice that should exist at `now` (naive UTC).

        `found` holds the values of each column whose values a query finds; LookupError without them.
        """
        cuts, axis = self.cuts, self.axis
        place = a.first_place(axis)
        ranges = ONE if place is None else cuts[place]._ranges(now)
        rest = [cuts[i]._labels(now, found) for i in a.rest_places(axis)]
        return Partitions.of_rows(axis, ((labels, ranges) for labels in product(*rest)))

    def _labels(self, now: datetime, found: Mapping[str, Sequence[str]]) -> Sequence[Label]:
        if not isinstance(self.along, ValueAxis):
            return [one for low, high in self._ranges(now) for one in range(low, high)]
        return self.values if self.values_from is None else found[self.column]

    def _ranges(self, now: datetime) -> Ranges:
        last = self.end
        if isinstance(self.along, TimeAxis):
            here = self.along.ordinal(now) + (1 if self.include_current else 0)
            last = here if last is None else min(last, here)
        assert last is not None
        return Partitions.of(self.along, [(self.start, last)]).ranges

    def __mul__(self, other: Partitioning) -> Partitioning:
        """Cut across: `Daily("d", ...) * Values("region", [...])`. ValueError for a column twice."""
        if set(self.columns) & set(other.columns):
            raise ValueError(f"both sides of a product cut along {', '.join(self.columns)}")
        return replace(
            self,
            others=(*self.others, *other.cuts),
            lookback=max(self.lookback, other.lookback),
            batch=other.batch if self.batch is None else self.batch,
            newest_first=self.newest_first or other.newest_first,
        )

    @property
    def identity(self) -> list[Any]:
        """What of it changes the rows of a query that knows its slices: not how far it reaches."""
        found: list[Any] = [self.column, axis_plain(self.along), self.start, self.include_current]
        return [*found, *(cut.identity for cut in self.others)]

    @property
    def rows_identity(self) -> list[Any]:
        """What of it changes the rows of a query that knows of no slices: days or months are alike."""
        axis: Any = axis_plain(self.along)
        if isinstance(self.along, TimeAxis):
            axis = {"by": "time", "zone": self.along.zone}
        return [self.column, axis, *(cut.rows_identity for cut in self.others)]


def partitioning_plain(cut: Partitioning) -> list[Any]:
    """A list that JSON can hold."""
    return [
        cut.column,
        axis_plain(cut.along),
        cut.start,
        cut.end,
        cut.include_current,
        cut.lookback,
        cut.batch,
        list(cut.values),
        cut.values_from,
        [partitioning_plain(other) for other in cut.others],
        cut.newest_first,
    ]


def partitioning_from(plain: Sequence[Any]) -> Partitioning:
    column, along, start, end, current, lookback, batch, values, asked, others, newest = plain
    axis = axis_from(along)
    assert isinstance(axis, (TimeAxis, IntegerAxis, ValueAxis))
    return Partitioning(
        column,
        axis,
        start,
        end,
        current,
        lookback,
        batch,
        tuple(values),
        asked,
        tuple(partitioning_from(other) for other in others),
        newest,
    )
