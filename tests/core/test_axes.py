"""Axes of every kind against the clock of their zone and against plain sets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.partitions import (
    WHOLE,
    Axis,
    Grain,
    IntegerAxis,
    Partitioning,
    Partitions,
    ProductAxis,
    TimeAxis,
    ValueAxis,
    axis_from,
    axis_plain,
    first_place,
    narrowed,
    parse_instant,
    parse_partitions,
    partitioning_from,
    partitioning_plain,
    rest_places,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
CALENDAR = [Grain.YEAR, Grain.QUARTER, Grain.MONTH, Grain.WEEK, Grain.DAY]
STEPS = [1, 5, 15, 30, 60, 90, 240, 1440]

zones = st.sampled_from(ZONES)
calendar_axes = st.builds(
    lambda unit, zone: TimeAxis(unit, zone=zone), st.sampled_from(CALENDAR), zones
)
minute_axes = st.builds(
    lambda step, zone: TimeAxis(Grain.MINUTE, step, zone), st.sampled_from(STEPS), zones
)
hour_axes = st.builds(lambda zone: TimeAxis(Grain.HOUR, zone=zone), zones)
time_axes = calendar_axes | minute_axes | hour_axes
instants = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1))
DAY = TimeAxis(Grain.DAY)
BERLIN = TimeAxis(Grain.DAY, zone="Europe/Berlin")
REGION_DAYS = ProductAxis((DAY, ValueAxis()), ("d", "region"))
VALUES = ["eu", "us", "it's", "a,b"]


def on_the_wall(at: datetime, zone: str) -> datetime:
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


# ------------------------------------------------------------------------------------------- time


@given(time_axes, instants)
@settings(deadline=None, max_examples=300)
def test_an_instant_lies_in_the_slice_of_its_ordinal(axis: TimeAxis, at: datetime) -> None:
    ordinal = axis.ordinal(at)
    assert axis.instant(ordinal) <= at < axis.instant(ordinal + 1)
    assert axis.ordinal(axis.instant(ordinal)) == ordinal
    assert axis.fits(at) is (axis.instant(ordinal) == at)


@given(calendar_axes, instants)
@settings(deadline=None, max_examples=200)
def test_days_and_longer_begin_at_the_midnights_of_the_zone(axis: TimeAxis, at: datetime) -> None:
    start = on_the_wall(axis.instant(axis.ordinal(at)), axis.zone)
    shown = on_the_wall(at, axis.zone)
    assert (start.hour, start.minute, start.second) == (0, 0, 0)
    assert start == axis.unit.instant(axis.unit.ordinal(shown))


@given(minute_axes | hour_axes, instants)
@settings(deadline=None, max_examples=200)
def test_hours_and_minutes_have_one_length(axis: TimeAxis, at: datetime) -> None:
    ordinal = axis.ordinal(at)
    length = timedelta(hours=1) if axis.unit is Grain.HOUR else timedelta(minutes=axis.step)
    assert axis.instant(ordinal + 1) - axis.instant(ordinal) == length


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", 23),
        ("Europe/Berlin", "2024-10-27", 25),
        ("America/New_York", "2024-03-10", 23),
        ("America/New_York", "2024-11-03", 25),
        ("Australia/Lord_Howe", "2024-04-07", 24.5),
        ("Asia/Kolkata", "2024-03-31", 24),
        ("Asia/Beirut", "2024-03-31", 23),  # its midnight is skipped
        ("America/Havana", "2024-11-03", 25),  # its midnight is shown twice
        ("Pacific/Apia", "2011-12-30", 0),  # the whole day is
    ],
)
def test_days_on_which_a_clock_is_changed(zone: str, day: str, hours: float) -> None:
    axis = TimeAxis(Grain.DAY, zone=zone)
    number = Grain.DAY.ordinal(datetime.fromisoformat(day))
    assert axis.key(number) == day
    assert axis.instant(number + 1) - axis.instant(number) == timedelta(hours=hours)


def test_hours_begin_at_half_past_utc_where_the_offset_is_half_an_hour() -> None:
    axis = TimeAxis(Grain.HOUR, zone="Asia/Kolkata")
    start = parse_instant("2024-01-01", axis.zone)
    assert start == datetime(2023, 12, 31, 18, 30)
    assert axis.fits(start)
    assert axis.key(axis.ordinal(start)) == "2024-01-01T00"


@given(time_axes, st.integers(0, 3000))
@settings(deadline=None, max_examples=100)
def test_wall_bounds_never_run_backwards(axis: TimeAxis, offset: int) -> None:
    """Else a wall time could lie in two slices, or in none."""
    first = axis.ordinal(datetime(2024, 10, 20)) + offset % 700
    walls = [axis.boundary(first + i) for i in range(30)]
    assert all(low <= high for low, high in pairwise(walls))


@given(time_axes, instants, st.integers(1, 40))
@settings(deadline=None, max_examples=200)
def test_a_range_reads_back_as_it_prints(axis: TimeAxis, at: datetime, length: int) -> None:
    low = axis.ordinal(at)
    span = Partitions.of(axis, [(low, low + length)])
    assert parse_partitions(str(span), axis) == span
    assert parse_partitions(axis.key(low), axis) == Partitions.of(axis, [(low, low + 1)])


def test_both_hours_of_the_clock_change_have_a_key() -> None:
    axis = TimeAxis(Grain.HOUR, zone="Europe/Berlin")
    first = axis.ordinal(datetime(2024, 10, 27))
    keys = [axis.key(first + i) for i in range(3)]
    assert keys == ["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27T03"]
    assert [parse_partitions(key, axis).ranges[0][0] for key in keys] == [
        first,
        first + 1,
        first + 2,
    ]


near = st.sets(st.integers(-9, 9), max_size=6)


def around(axis: TimeAxis, at: datetime, offsets: Iterable[int]) -> Partitions:
    middle = axis.ordinal(at)
    return Partitions.of(axis, [(middle + i, middle + i + 1) for i in offsets])


@given(time_axes, time_axes, instants, near)
@settings(deadline=None, max_examples=150)
def test_a_change_of_axis_is_exact(
    mine: TimeAxis, other: TimeAxis, at: datetime, offsets: set[int]
) -> None:
    """At each edge of either, what overlapping and within say of the instants around it holds."""
    these = around(mine, at, offsets)
    covering, inside = these.overlapping(other), these.within(other)
    assert not inside - covering
    for low, high in covering.ranges:
        for edge in (low, high - 1):
            assert Partitions.of(other, [(edge, edge + 1)]).overlapping(mine) & these
    for low, high in inside.ranges:
        assert not Partitions.of(other, [(low, high)]).overlapping(mine) - these
    for start, end in these.windows:
        assert other.ordinal(start) in covering
        assert other.ordinal(end - timedelta(microseconds=1)) in covering


def test_a_month_of_days_is_a_month_in_the_same_zone_only() -> None:
    march = parse_partitions("2024-03", BERLIN)
    assert str(march.within(TimeAxis(Grain.MONTH, zone="Europe/Berlin"))) == "2024-03"
    assert not march.within(Grain.MONTH)
    assert str(march.within(DAY)) == "2024-03-01..2024-03-31"


@pytest.mark.parametrize(
    ("unit", "step", "said"),
    [
        (Grain.MINUTE, 7, "do not divide"),
        (Grain.MINUTE, 0, "do not divide"),
        (Grain.MINUTE, 2880, "do not divide"),
        (Grain.DAY, 2, "no slices of 2 day"),
        (Grain.WHOLE, 1, "no slices of"),
    ],
)
def test_steps_that_make_no_slices(unit: Grain, step: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TimeAxis(unit, step)


def test_many_slices_cost_ranges() -> None:
    hours = Partitioning("at", TimeAxis(Grain.HOUR), 0, 100_000).wanted(datetime(2024, 1, 1))
    assert (len(hours), len(hours.ranges)) == (100_000, 1)
    years = TimeAxis(Grain.MINUTE, zone="Europe/Berlin")
    minutes = parse_partitions("2004..2024", years)
    assert len(minutes.rows) == len(minutes.ranges) == 1
    assert len(minutes) == 7305 * 24 * 60
    assert len(minutes.within(BERLIN)) == 7305
    assert (minutes - parse_partitions("2010", years)).ranges[1][0] > 0


# --------------------------------------------------------------------------- integers and values


@given(st.integers(1, 40), st.integers(-50, 50), st.integers(-999, 999))
@settings(deadline=None)
def test_an_integer_lies_in_the_slice_of_its_ordinal(width: int, origin: int, number: int) -> None:
    axis = IntegerAxis(width, origin)
    ordinal = axis.ordinal(number)
    assert axis.number(ordinal) <= number < axis.number(ordinal + 1)
    assert axis.fits(number) is (axis.number(ordinal) == number)
    assert axis.key(ordinal) == str(parse_partitions(axis.key(ordinal), axis))


@given(st.integers(1, 7), st.integers(0, 6), st.integers(1, 7), near)
@settings(deadline=None)
def test_integers_of_another_width(
    width: int, origin: int, other_width: int, ordinals: set[int]
) -> None:
    mine, other = IntegerAxis(width, origin), IntegerAxis(other_width)
    these = Partitions.of(mine, [(i, i + 1) for i in ordinals])
    numbers = {n for n in range(-99, 99) if mine.ordinal(n) in ordinals}
    slices = {i: {n for n in range(-99, 99) if other.ordinal(n) == i} for i in range(-80, 80)}
    slices = {i: found for i, found in slices.items() if len(found) == other_width}
    assert set(these.overlapping(other)) == {i for i, found in slices.items() if found & numbers}
    assert set(these.within(other)) == {i for i, found in slices.items() if found <= numbers}


def test_values_are_the_same_slices_whatever_the_list() -> None:
    old, new = Partitions.of_values(["us", "eu"]), Partitions.of_values(["asia", "us"])
    assert str(new - old) == "asia"
    assert str(old & new) == "us"
    assert (old | new).keys == ("asia", "eu", "us")
    assert old.axis == new.axis


# ------------------------------------------------------------------------------- every axis at once

AXES: dict[str, Axis] = {
    "time": TimeAxis(Grain.MINUTE, 15, "Asia/Kolkata"),
    "integers": IntegerAxis(10),
    "values": ValueAxis(),
    "time and values": REGION_DAYS,
    "values and time": ProductAxis((ValueAxis(), DAY), ("region", "d")),
    "two lists": ProductAxis((ValueAxis(), ValueAxis()), ("region", "plan")),
    "three": ProductAxis((IntegerAxis(10), ValueAxis(), DAY), ("id", "region", "d")),
}
labels_of = {
    ValueAxis: st.sampled_from(VALUES),
    TimeAxis: st.integers(0, 3),
    IntegerAxis: st.integers(0, 3),
}
Slice = tuple[tuple[str | int, ...], int]


@st.composite
def slices(draw: st.DrawFn, axis: Axis) -> set[Slice]:
    axes = axis.axes if isinstance(axis, ProductAxis) else (axis,)
    labels = st.tuples(*(labels_of[type(axes[place])] for place in rest_places(axis)))
    ordinals = st.integers(-4, 8) if first_place(axis) is not None else st.just(0)
    return draw(st.sets(st.tuples(labels, ordinals), max_size=12))


def as_partitions(axis: Axis, found: set[Slice]) -> Partitions:
    return Partitions.of_rows(axis, ((labels, [(i, i + 1)]) for labels, i in found))


def as_set(found: Partitions) -> set[Slice]:
    return {(one.labels[0], one.ranges[0][0]) for one in found.each()}


@pytest.mark.parametrize("kind", AXES)
@given(st.data())
@settings(deadline=None, max_examples=60)
def test_the_algebra_is_that_of_sets(kind: str, data: st.DataObject) -> None:
    axis = AXES[kind]
    x, y = data.draw(slices(axis)), data.draw(slices(axis))
    a, b = as_partitions(axis, x), as_partitions(axis, y)
    for found, expected in ((a | b, x | y), (a & b, x & y), (a - b, x - y)):
        assert as_set(found) == expected
        assert found == as_partitions(axis, expected)
        assert (len(found), bool(found)) == (len(expected), bool(expected))
        assert len(found.keys) == len(set(found.keys)) == len(expected)
    assert all(one in a for one in x)
    assert sum(len(run) for run in a.runs()) == len(x)
    assert sum((high - low) * len(labels) for (low, high), labels in a.boxes()) == len(x)
    assert axis_from(json.loads(json.dumps(axis_plain(axis)))) == axis


@pytest.mark.parametrize("kind", AXES)
@given(st.data())
@settings(deadline=None, max_examples=60)
def test_what_is_printed_selects_the_same_again(kind: str, data: st.DataObject) -> None:
    axis = AXES[kind]
    everything, some = data.draw(slices(axis)), data.draw(slices(axis))
    plain = {one for one in everything | some if "a,b" not in one[0]}
    all_of_it = as_partitions(axis, plain)
    wanted = as_partitions(axis, some & plain)
    if wanted:
        assert narrowed(all_of_it, str(wanted)) == wanted
        assert parse_partitions(str(wanted), axis) == wanted


def test_days_and_months_of_a_product() -> None:
    months = ProductAxis((TimeAxis(Grain.MONTH), ValueAxis()), ("m", "region"))
    days = parse_partitions("2024-01|eu,us; 2024-02-01|eu", REGION_DAYS)
    assert str(days.within(months)) == "2024-01|eu,us"
    assert str(days.overlapping(months)) == "2024-01|us; 2024-01..2024-03|eu"
    assert not days.within(DAY)
    with pytest.raises(ValueError, match="no row of slices"):
        days.overlapping(DAY)


@pytest.mark.parametrize(
    ("theirs", "mine", "expected"),
    [
        (parse_partitions("2024-01-02", DAY), "2024-01|eu,us", "2024-01-02|eu,us"),
        (parse_partitions("2024-01", Grain.MONTH), "2024-01-31..2024-02-02|eu", "2024-01-31|eu"),
        (Partitions.of_values(["us", "asia"]), "2024-01|eu,us", "2024-01-01..2024-02-01|us"),
        (WHOLE, "2024-01-01|eu,us", "2024-01-01|eu,us"),
        (Partitions.of(IntegerAxis(5), [(0, 1)]), "2024-01-01|eu,us", "2024-01-01|eu,us"),
        (parse_partitions("2024-01-02|us", REGION_DAYS), "2024-01|eu,us", "2024-01-02|us"),
    ],
)
def test_which_slices_of_a_product_read_a_slice(
    theirs: Partitions, mine: str, expected: str
) -> None:
    assert str(parse_partitions(mine, REGION_DAYS).touched_by(theirs)) == expected


def test_two_lists_are_told_apart_by_their_columns() -> None:
    axis = AXES["two lists"]
    mine = parse_partitions("eu|free; us|paid", axis)
    turned = ProductAxis((ValueAxis(), ValueAxis()), ("plan", "region"))
    assert str(mine.touched_by(parse_partitions("free|eu", turned))) == "eu|free"
    unknown = mine.touched_by(Partitions.of_values(["eu"]))
    assert unknown == mine  # eu may be a region or a plan: in doubt all of them


# ------------------------------------------------------------------------------------ as written


def test_a_product_wants_every_combination_and_leaves_the_running_day_out() -> None:
    cut = Partitioning("d", DAY, DAY.ordinal(datetime(2024, 1, 1))) * Partitioning(
        "region", ValueAxis(), values=("us", "eu")
    )
    assert str(cut.wanted(datetime(2024, 1, 3, 12))) == "2024-01-01..2024-01-03|eu,us"
    assert partitioning_from(json.loads(json.dumps(partitioning_plain(cut)))) == cut
    with pytest.raises(ValueError, match="both sides"):
        cut * cut


def test_values_of_a_query_are_wanted_once_they_are_found() -> None:
    cut = Partitioning("region", ValueAxis(), values_from="select distinct region from stg")
    with pytest.raises(LookupError):
        cut.wanted(datetime(2024, 1, 1))
    assert cut.wanted(datetime(2024, 1, 1), {"region": ("b", "a")}).keys == ("a", "b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01", "2024-01-01|eu,us"),
        ("*|us", "2024-01-01..2024-02-01|us"),
        ("2024-01-30..2024-02-01|eu", "2024-01-30..2024-02-01|eu"),
        ("2024-01-01|eu; 2024-01-02|us", "2024-01-01|eu; 2024-01-02|us"),
        ("2024-01-01, 2024-01-03|eu", "2024-01-01|eu; 2024-01-03|eu"),
        ("2025|eu", ""),
    ],
)
def test_a_part_of_a_product(text: str, expected: str) -> None:
    wanted = parse_partitions("2024-01|eu,us", REGION_DAYS)
    assert str(narrowed(wanted, text)) == expected


@pytest.mark.parametrize(
    ("axis", "text", "said"),
    [
        (REGION_DAYS, "2024-01-01|eux", "no value 'eux': did you mean 'eu'"),
        (REGION_DAYS, "2024-01-01|eu|x", "has 3 parts"),
        (REGION_DAYS, "eu", "'eu' is no date"),
        (ValueAxis(), "eux", "no value 'eux'"),
        (IntegerAxis(10), "a", "is no integer"),
        (IntegerAxis(10), "20..10", "is empty"),
    ],
)
def test_what_names_no_slice(axis: Axis, text: str, said: str) -> None:
    wanted = {
        REGION_DAYS: parse_partitions("2024-01|eu,us", REGION_DAYS),
        ValueAxis(): Partitions.of_values(["eu", "us"]),
    }.get(axis, Partitions(axis))
    with pytest.raises(ValueError, match=said):
        narrowed(wanted, text)


@given(time_axes, instants)
@settings(deadline=None, max_examples=60)
def test_wanted_leaves_the_running_window_out(axis: TimeAxis, now: datetime) -> None:
    start = axis.ordinal(now) - 5
    closed = Partitioning("at", axis, start).wanted(now)
    assert all(end <= now for _, end in closed.windows)
    running = Partitioning("at", axis, start, include_current=True).wanted(now) - closed
    assert len(running) == 1
    assert running.windows[0][0] <= now < running.windows[0][1]


def test_combinations_stay_boxes() -> None:
    many = [f"v{i}" for i in range(200)]
    cut = Partitioning("d", DAY, 0, 7000) * Partitioning("v", ValueAxis(), values=tuple(many))
    wanted = cut.wanted(datetime(2024, 1, 1))
    assert len(wanted) == 7000 * 200
    assert len(list(wanted.boxes())) == 1
    assert set(product([0], many)) == {(r[0][0], labels[0]) for labels, r in wanted.rows}
