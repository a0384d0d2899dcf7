"""Slices as people write them -> Partitions. ValueError says what is wrong, in words for the user."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType

from sqlpipes.core.errors import did_you_mean
from sqlpipes.core.partitions import axes as a
from sqlpipes.core.partitions.axes import (
    Axis,
    IntegerAxis,
    Label,
    Labels,
    ProductAxis,
    TimeAxis,
    ValueAxis,
)
from sqlpipes.core.partitions.calendar import Grain, as_naive_utc
from sqlpipes.core.partitions.ranges import Range, Ranges, common
from sqlpipes.core.partitions.slices import Partitions
from sqlpipes.core.partitions.zones import first_instant

ANY = "*"
LONGEST_VALUE = 500  # it stands in the state's index, and on people's screens
UNITS = tuple(grain.value for grain in Grain if grain is not Grain.WHOLE)
ADVERBS = MappingProxyType(
    {
        "yearly": "year",
        "quarterly": "quarter",
        "monthly": "month",
        "weekly": "week",
        "daily": "day",
        "hourly": "hour",
        "minutely": "minute",
    }
)

_READ = {  # by length
    4: (Grain.YEAR, "%Y"),
    7: (Grain.MONTH, "%Y-%m"),
    10: (Grain.DAY, "%Y-%m-%d"),
    13: (Grain.HOUR, "%Y-%m-%d %H"),
    16: (Grain.MINUTE, "%Y-%m-%d %H:%M"),
}


def parse_instant(text: str, zone: str = "UTC") -> datetime:
    """An ISO date or time as naive UTC; also a bare year, month or quarter. ValueError otherwise.

    Without an offset of its own it is what the zone's clock shows.

    >>> parse_instant("2024-Q2"), parse_instant("2024-01-01T02:00+01:00")
    (datetime.datetime(2024, 4, 1, 0, 0), datetime.datetime(2024, 1, 1, 1, 0))
    """
    return _key(text, zone)[1]


def parse_step(text: str, zone: str = "UTC") -> TimeAxis:
    """A length as people write it -> its axis: a unit, its adverb, or any number of minutes or hours.

    >>> print(parse_step("15 minutes"), parse_step("hourly"), parse_step("2 hours"))
    15 minutes hour 120 minutes
    """
    words = text.casefold().split()
    number, name = (words[0], words[1]) if len(words) == 2 else ("1", "".join(words))
    unit = ADVERBS.get(name, name.removesuffix("s"))
    if unit not in UNITS or not number.isdecimal():
        near = did_you_mean(unit, UNITS) or f"known: {', '.join(UNITS)}"
        raise ValueError(f"nothing is cut by '{text}': {near}")
    if int(number) == 1:
        return TimeAxis(Grain(unit), zone=zone)
    if unit not in (Grain.HOUR, Grain.MINUTE):
        raise ValueError(f"there are no slices of {text}: only minutes and hours can be several")
    minutes = int(number) * (60 if unit == Grain.HOUR else 1)
    return TimeAxis(Grain.MINUTE, minutes, zone)


def value_text(value: object) -> str:
    """A value of a list as its text, as a query would cast it. ValueError for what cannot be one.

    >>> value_text("eu"), value_text(3), value_text(True)
    ('eu', '3', 'true')
    """
    if value is None:
        raise ValueError("a row without a value belongs to no slice: leave null out")
    text = str(value).casefold() if isinstance(value, bool) else str(value)
    if "\x00" in text or len(text) > LONGEST_VALUE:
        raise ValueError(f"a value must be a text of at most {LONGEST_VALUE} characters")
    return text


def parse_partitions(text: str, axis: Axis | Grain) -> Partitions:
    """What `str` of a set shows, and more: keys, or ranges whose end is exclusive, after commas.

    A key of a coarser grain means all slices in it, one of a finer grain the slice that it lies in; a
    Monday means its week where slices are weeks.
    Any text is a value. A product has a part for each axis: `2024-01|eu,us`; more of them after `;`.

    >>> len(parse_partitions("2024-02", Grain.DAY))
    29
    >>> print(parse_partitions("2024-01-01..2024-01-03", Grain.DAY))
    2024-01-01..2024-01-03
    >>> print(parse_partitions("0..1000, 2000..3000", IntegerAxis(100)))
    0..1000, 2000..3000
    """
    axis = a.axis_of(axis)
    if isinstance(axis, ProductAxis):
        found = Partitions(axis)
        for box in text.split(";"):
            found |= _box(box, axis)
        return found
    if isinstance(axis, ValueAxis):
        return Partitions.of_values(_values(text))
    return Partitions.of(axis, _ranges(text, axis))


def named_slices(keys: Sequence[str], axis: Axis) -> Partitions:
    """The slices that share something with what a key per axis names, whichever of both is longer.

    >>> print(named_slices(["2024-02"], TimeAxis(Grain.QUARTER)))
    2024-Q1
    >>> len(named_slices(["2024-02"], TimeAxis(Grain.DAY)))
    29
    """
    axes = a.axes_of(axis)
    rest: list[Labels] = [()]
    for place in a.rest_places(axis):
        each = axes[place]
        more: list[Label] = []
        more += [keys[place]] if isinstance(each, ValueAxis) else range(*_named(keys[place], each))
        rest = [(*labels, one) for labels in rest for one in more]
    first = a.first_place(axis)
    ranges = ((0, 1),) if first is None else (_named(keys[first], axes[first]),)
    return Partitions.of_rows(axis, ((labels, ranges) for labels in rest))


def _named(text: str, axis: a.WholeAxis | a.PlainAxis) -> Range:
    if isinstance(axis, IntegerAxis):
        return _integers(text, axis)
    assert isinstance(axis, TimeAxis)
    grain, at = _key(text, axis.zone)
    low = axis.ordinal(at)
    if grain is None:
        return low, low + 1
    named = TimeAxis(grain, zone=axis.zone)
    try:
        return low, axis.ordinal(named.instant(named.ordinal(at) + 1) - a.TICK) + 1
    except (OverflowError, ValueError):
        raise ValueError(f"'{text}' ends after the last day that a date can say") from None


def narrowed(wanted: Partitions, text: str) -> Partitions:
    """The slices among `wanted` that a text names; ValueError for a value that is none of them.

    The part of a product's axis may be `*` or, at the end, left out: then any slice of it is meant.

    >>> print(narrowed(Partitions.of_values(["eu", "us"]), "us"))
    us
    """
    axis = wanted.axis
    if not isinstance(axis, (ProductAxis, ValueAxis)):
        return wanted & parse_partitions(text, axis)
    if isinstance(axis, ValueAxis):
        values = _known([str(labels[0]) for labels in wanted.labels], text)
        return wanted & Partitions.of_values(values)
    found = Partitions(axis)
    for box in text.split(";"):
        found |= _inside(wanted, axis, _parts(box, axis))
    return found


def _inside(wanted: Partitions, axis: ProductAxis, parts: list[str]) -> Partitions:
    rows = wanted.rows
    for i, place in enumerate(a.rest_places(axis)):
        if parts[place] != ANY:
            labels = _labels(parts[place], axis.axes[place], {each[0][i] for each in wanted.rows})
            rows = tuple(row for row in rows if row[0][i] in labels)
    place_of_first = a.first_place(axis)
    if place_of_first is None or parts[place_of_first] == ANY:
        return Partitions(axis, rows)
    asked = _ranges(parts[place_of_first], a.first_of(axis))
    return Partitions.of_rows(axis, ((labels, common(ranges, asked)) for labels, ranges in rows))


def _labels(text: str, axis: a.PlainAxis, known: set[Label]) -> set[Label]:
    if isinstance(axis, ValueAxis):
        return set(_known([str(label) for label in known], text))
    asked = _ranges(text, axis)
    return {one for one in known if any(low <= int(one) < high for low, high in asked)}


def _known(values: list[str], text: str) -> list[str]:
    """The values that a text names. A value may have a comma itself."""
    if text.strip() in values:
        return [text.strip()]
    asked = _values(text)
    for value in asked:
        if value not in values:
            near = did_you_mean(value, values)
            raise ValueError(f"there is no value '{value}'" + (f": {near}" if near else ""))
    return asked


def _values(text: str) -> list[str]:
    return [value.strip() for value in text.split(",")]


def _parts(text: str, axis: ProductAxis) -> list[str]:
    parts = [part.strip() for part in text.split("|")]
    if len(parts) > len(axis.axes):
        columns = " and ".join(axis.columns)
        raise ValueError(f"'{text.strip()}' has {len(parts)} parts, but slices are of {columns}")
    return parts + [ANY] * (len(axis.axes) - len(parts))


def _box(text: str, axis: ProductAxis) -> Partitions:
    parts = _parts(text, axis)
    if ANY in parts:
        raise ValueError(f"'{text}' does not say which {axis.columns[parts.index(ANY)]}")
    rest: list[Labels] = [()]
    for place in a.rest_places(axis):
        each = axis.axes[place]
        more: list[Label] = []
        if isinstance(each, ValueAxis):
            more += _values(parts[place])
        else:
            more += [one for low, high in _ranges(parts[place], each) for one in range(low, high)]
        rest = [(*labels, one) for labels in rest for one in more]
    place_of_first = a.first_place(axis)
    ranges: Ranges = ((0, 1),)
    if place_of_first is not None:
        ranges = _ranges(parts[place_of_first], a.first_of(axis))
    return Partitions.of_rows(axis, ((labels, ranges) for labels in rest))


def _ranges(text: str, axis: a.WholeAxis | a.PlainAxis) -> Ranges:
    if isinstance(axis, TimeAxis):
        return Partitions.of(axis, [_times(part, axis) for part in text.split(",")]).ranges
    if isinstance(axis, IntegerAxis):
        return Partitions.of(axis, [_integers(part, axis) for part in text.split(",")]).ranges
    raise ValueError(f"'{text}' names slices of an asset that has no partition")


def _integers(text: str, axis: IntegerAxis) -> tuple[int, int]:
    """`0..1000`, its end exclusive; one integer names the slice that it lies in."""
    first, dots, last = text.partition("..")
    try:
        low = int(first)
        high = int(last) if dots else None
    except ValueError:
        raise ValueError(f"'{text.strip()}' is no integer and no range such as 0..1000") from None
    if high is None:
        return axis.ordinal(low), axis.ordinal(low) + 1
    if high <= low:
        raise ValueError(f"'{text}' is empty: the end is exclusive and must come after the start")
    return axis.ordinal(low), axis.ordinal(high - 1) + 1


def _times(text: str, axis: TimeAxis) -> tuple[int, int]:
    first, dots, last = text.partition("..")
    if dots:
        start, end = (parse_instant(each, axis.zone) for each in (first, last))
    else:
        start, end = _window(text, axis)
    if end <= start:
        raise ValueError(f"'{text}' is empty: the end is exclusive and must come after the start")
    low, high = axis.ordinal(start), axis.ordinal(end - a.TICK) + 1
    try:
        axis.instant(high)
    except (OverflowError, ValueError):
        raise ValueError(f"'{text}' ends after the last day that a date can say") from None
    return low, high


def _window(text: str, wanted: TimeAxis) -> tuple[datetime, datetime]:
    """The window that one key names; an instant names the slice that it lies in."""
    grain, at = _key(text, wanted.zone)
    named = TimeAxis(grain, zone=wanted.zone) if grain else None
    finer = grain is Grain.MINUTE and wanted.step > 1
    if named is None or finer or (grain, wanted.unit) in _ALSO:
        named = wanted if wanted.fits(at) else named
    if named is None or (finer and named != wanted):
        return at, at + a.TICK  # the slice that it lies in
    try:
        return at, named.instant(named.ordinal(at) + 1)
    except (OverflowError, ValueError):
        raise ValueError(f"'{text}' ends after the last day that a date can say") from None


_ALSO = {(Grain.DAY, Grain.WEEK), (Grain.MINUTE, Grain.HOUR)}  # a Monday, and an hour at half past


def _key(text: str, zone: str) -> tuple[Grain | None, datetime]:
    """What a key names and where that starts, in naive UTC; an instant is of no grain."""
    text = text.strip()
    try:
        if len(text) == 7 and text[4:6].upper() == "-Q":
            shown = datetime(int(text[:4]), 3 * int(text[6]) - 2, 1)
            return Grain.QUARTER, first_instant(shown, zone)
        if len(text) == 8 and text[4:6].upper() == "-W":
            shown = datetime.fromisocalendar(int(text[:4]), int(text[6:]), 1)
            return Grain.WEEK, first_instant(shown, zone)
        if known := _READ.get(len(text)):
            with suppress(ValueError):  # 2024-W05-1 is as long as a day's key
                shown = datetime.strptime(text.replace("T", " "), known[1])
                return known[0], first_instant(shown, zone)
        if text[4:5] == "-" and text[10:11] not in ("", "T", " "):
            raise ValueError  # any sign would do for fromisoformat: 2024-01-01+05 would be 5 o'clock
        at = datetime.fromisoformat(text)
        return None, as_naive_utc(at) if at.tzinfo else first_instant(at, zone)
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is no date, time, year, month or quarter") from None
