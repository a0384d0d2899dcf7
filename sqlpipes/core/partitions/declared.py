"""How Python files say a partition: Daily("d", start="2024-01-01") and its like -> Partitioning."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Protocol

from sqlpipes.core.errors import did_you_mean
from sqlpipes.core.partitions.axes import IntegerAxis, TimeAxis, ValueAxis
from sqlpipes.core.partitions.calendar import Grain
from sqlpipes.core.partitions.parsing import parse_instant, parse_step, value_text
from sqlpipes.core.partitions.partitioning import Partitioning
from sqlpipes.core.partitions.zones import is_zone, zone_names


class _Time(Protocol):
    """How Daily and the like are called."""

    def __call__(
        self,
        column: str,
        *,
        start: str | date,
        end: str | date | None = None,
        timezone: str = "UTC",
        include_current: bool = False,
        lookback: int = 0,
        batch: int | None = None,
        order: str = "oldest",
    ) -> Partitioning: ...


def _partitioning(grain: Grain) -> _Time:
    def partitioning(
        column: str,
        *,
        start: str | date,
        end: str | date | None = None,
        timezone: str = "UTC",
        include_current: bool = False,
        lookback: int = 0,
        batch: int | None = None,
        order: str = "oldest",
    ) -> Partitioning:
        axis = TimeAxis(grain, zone=_zone(timezone))
        return _by_time(column, axis, start, end, include_current, lookback, batch, order)

    partitioning.__doc__ = (
        f"Slices of one {grain} each, by the output column `column`, from `start` to before `end`.\n\n"
        "An open end follows the clock. `timezone` says whose midnights count; dates and times without\n"
        "an offset are its own. `order` says which batches are built first, the oldest or the newest.\n"
        "ValueError when a bound is not where a slice starts."
    )
    return partitioning


Yearly = _partitioning(Grain.YEAR)
Quarterly = _partitioning(Grain.QUARTER)
Monthly = _partitioning(Grain.MONTH)
Weekly = _partitioning(Grain.WEEK)
Daily = _partitioning(Grain.DAY)
Hourly = _partitioning(Grain.HOUR)


def Every(
    length: str,
    column: str,
    *,
    start: str | date,
    end: str | date | None = None,
    timezone: str = "UTC",
    include_current: bool = False,
    lookback: int = 0,
    batch: int | None = None,
    order: str = "oldest",
) -> Partitioning:
    """Slices of so many minutes: Every("15 minutes", "at", start="2024-01-01").

    >>> str(Every("15 minutes", "at", start="2024-01-01").axis)
    '15 minutes'
    """
    axis = parse_step(length, _zone(timezone))
    return _by_time(column, axis, start, end, include_current, lookback, batch, order)


def Values(column: str, values: Iterable[Any], *, batch: int | None = None) -> Partitioning:
    """One slice per value of `column`; `batch` values are built at once, all without it.

    >>> Values("region", ["us", "eu"]).values
    ('us', 'eu')
    """
    if isinstance(values, str):
        raise TypeError(f"values must be a list, not {values!r}")
    said = tuple(dict.fromkeys(value_text(value) for value in values))
    if not said:
        raise ValueError("a partition by values needs at least one")
    bound = None if batch is None else _counted(batch, "batch", 1)
    return Partitioning(column, ValueAxis(), values=said, batch=bound)


def Integers(
    column: str,
    *,
    width: int,
    start: int,
    end: int,
    lookback: int = 0,
    batch: int | None = None,
    order: str = "oldest",
) -> Partitioning:
    """Slices of `width` integers each, from `start` to before `end`, both multiples of `width`.

    >>> len(Integers("id", width=100, start=0, end=1000).wanted(datetime(2024, 1, 1)))
    10
    """
    axis = IntegerAxis(_counted(width, "width", 1))
    for what, bound in (("start", start), ("end", end)):
        if not axis.fits(bound):
            raise ValueError(f"{what} {bound} is no multiple of the width {width}")
    return Partitioning(
        column,
        axis,
        axis.ordinal(start),
        axis.ordinal(end),
        lookback=_counted(lookback, "lookback", 0),
        batch=None if batch is None else _counted(batch, "batch", 1),
        newest_first=_is_newest(order),
    )


def _by_time(
    column: str,
    axis: TimeAxis,
    start: str | date,
    end: str | date | None,
    include_current: bool,
    lookback: int,
    batch: int | None,
    order: str,
) -> Partitioning:
    return Partitioning(
        column,
        axis,
        _ordinal(axis, start, "start"),
        None if end is None else _ordinal(axis, end, "end"),
        include_current,
        _counted(lookback, "lookback", 0),
        None if batch is None else _counted(batch, "batch", 1),
        newest_first=_is_newest(order),
    )


def _zone(name: str) -> str:
    if not is_zone(name):
        near = did_you_mean(str(name), zone_names()) or "write it as in Europe/Berlin"
        raise ValueError(f"there is no timezone {name!r}: {near}")
    return name


def _ordinal(axis: TimeAxis, given: str | date, what: str) -> int:
    at = _instant(given, axis, what)
    ordinal = axis.ordinal(at)
    if not axis.fits(at):
        raise ValueError(
            f"{what} '{given}' is not where a {axis} starts; the {axis} that holds it "
            f"starts at '{axis.boundary(ordinal).isoformat(' ')}'"
        )
    return ordinal


def _instant(given: str | date, axis: TimeAxis, what: str) -> datetime:
    try:
        return parse_instant(given if isinstance(given, str) else given.isoformat(), axis.zone)
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{what} {given!r} is not a date such as '2024-01-01'") from None


def _is_newest(order: str) -> bool:
    if order not in ("oldest", "newest"):
        raise ValueError(f"order is 'oldest' or 'newest', not {order!r}")
    return order == "newest"


def _counted(given: int, what: str, least: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise ValueError(f"{what} must be a whole number of {least} or more, not {given!r}")
    return given
