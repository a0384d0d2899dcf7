"""Slices against Python's own sets, and ordinals against the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.partitions import (
    WHOLE,
    Grain,
    Partitioning,
    Partitions,
    ProductAxis,
    TimeAxis,
    ValueAxis,
    as_naive_utc,
    parse_instant,
    parse_partitions,
    window_text,
)

GRAINS = [grain for grain in Grain if grain is not Grain.WHOLE]
grains = st.sampled_from(GRAINS)
instants = st.datetimes(datetime(1900, 1, 1), datetime(2100, 12, 31))
ranges = st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), max_size=8)


def as_set(pairs: list[tuple[int, int]]) -> set[int]:
    return {ordinal for low, high in pairs for ordinal in range(low, high)}


def as_partitions(ordinals: set[int], grain: Grain = Grain.DAY) -> Partitions:
    return Partitions.of(grain, [(ordinal, ordinal + 1) for ordinal in ordinals])


def is_canonical(found: Partitions) -> bool:
    flat = [edge for pair in found.ranges for edge in pair]
    return flat == sorted(set(flat))


@given(ranges)
@settings(deadline=None)
def test_any_ranges_become_one_canonical_row(pairs: list[tuple[int, int]]) -> None:
    found = Partitions.of(Grain.DAY, pairs)
    assert list(found) == sorted(as_set(pairs))
    assert len(found) == len(as_set(pairs))
    assert is_canonical(found)
    assert found == as_partitions(as_set(pairs))


many = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5)), min_size=30, max_size=90).map(
    lambda found: [(low, low + length) for low, length in found]
)
few = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=3)


@given(few, many)
@settings(deadline=None)
def test_a_few_ranges_are_looked_up_among_many(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    a, b = Partitions.of(Grain.DAY, left), Partitions.of(Grain.DAY, right)
    x, y = as_set(left), as_set(right)
    for found, expected in ((a & b, x & y), (b & a, x & y), (a - b, x - y), (b - a, y - x)):
        assert set(found) == expected
        assert is_canonical(found)


values = st.sets(st.integers(0, 200).map(str))


@given(st.sets(st.integers(0, 200).map(str), max_size=3), values)
@settings(deadline=None)
def test_a_few_values_are_looked_up_among_many(left: set[str], right: set[str]) -> None:
    a, b = Partitions.of_values(left), Partitions.of_values(right)
    assert a & b == b & a == Partitions.of_values(left & right)
    assert a - b == Partitions.of_values(left - right)
    assert b - a == Partitions.of_values(right - left)


@given(ranges, ranges)
@settings(deadline=None)
def test_the_algebra_is_that_of_sets(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    a, b = Partitions.of(Grain.DAY, left), Partitions.of(Grain.DAY, right)
    x, y = as_set(left), as_set(right)
    for found, expected in ((a | b, x | y), (a & b, x & y), (a - b, x - y)):
        assert set(found) == expected
        assert is_canonical(found)
        assert bool(found) is bool(expected)
    assert all((ordinal in a) is (ordinal in x) for ordinal in range(-41, 42))


@given(ranges, st.integers(1, 30))
@settings(deadline=None)
def test_the_newest_are_the_last_ones(pairs: list[tuple[int, int]], count: int) -> None:
    found = Partitions.of(Grain.DAY, pairs).newest(count)
    assert list(found) == sorted(as_set(pairs))[-count:]
    assert is_canonical(found)


def test_the_newest_of_each_label_and_all_where_there_is_no_order() -> None:
    axis = ProductAxis((TimeAxis(Grain.DAY), ValueAxis()), ("d", "r"))
    both = Partitions.of_rows(axis, [(("eu",), [(0, 5)]), (("us",), [(0, 2), (7, 8)])])
    assert both.newest(2).rows == ((("eu",), ((3, 5),)), (("us",), ((1, 2), (7, 8))))
    regions = Partitions.of_values(["eu", "us"])
    assert regions.newest(1) == regions
    assert WHOLE.newest(1) == WHOLE


def test_slices_of_two_grains_do_not_mix() -> None:
    day, hour = Partitions.of(Grain.DAY, [(0, 1)]), Partitions.of(Grain.HOUR, [(0, 1)])
    for operate in (Partitions.__or__, Partitions.__and__, Partitions.__sub__):
        with pytest.raises(ValueError, match="day and one hour"):
            operate(day, hour)


@given(grains, instants)
@settings(deadline=None)
def test_an_instant_lies_in_the_slice_of_its_ordinal(grain: Grain, at: datetime) -> None:
    ordinal = grain.ordinal(at)
    assert grain.instant(ordinal) <= at < grain.instant(ordinal + 1)
    assert grain.ordinal(grain.instant(ordinal)) == ordinal
    assert grain.ordinal(grain.instant(ordinal + 1) - timedelta(microseconds=1)) == ordinal
    assert grain.fits(at) is (grain.instant(ordinal) == at)


@given(instants)
@settings(deadline=None)
def test_slices_start_where_the_calendar_says(at: datetime) -> None:
    day = datetime(at.year, at.month, at.day)
    starts = {
        Grain.YEAR: datetime(at.year, 1, 1),
        Grain.QUARTER: datetime(at.year, (at.month - 1) // 3 * 3 + 1, 1),
        Grain.MONTH: datetime(at.year, at.month, 1),
        Grain.WEEK: day - timedelta(days=day.weekday()),
        Grain.DAY: day,
        Grain.HOUR: day + timedelta(hours=at.hour),
        Grain.MINUTE: day + timedelta(hours=at.hour, minutes=at.minute),
    }
    assert {grain: grain.instant(grain.ordinal(at)) for grain in GRAINS} == starts


@given(grains, instants)
@settings(deadline=None)
def test_a_key_reads_back_as_its_slice(grain: Grain, at: datetime) -> None:
    ordinal = grain.ordinal(at)
    assert parse_partitions(grain.key(ordinal), grain) == as_partitions({ordinal}, grain)


@given(grains, instants, st.integers(1, 50))
@settings(deadline=None)
def test_a_range_reads_back_as_it_prints(grain: Grain, at: datetime, length: int) -> None:
    low = grain.ordinal(at)
    span = Partitions.of(grain, [(low, low + length)])
    assert parse_partitions(str(span), grain) == span


def windows_of(found: Partitions) -> list[tuple[datetime, datetime]]:
    return [(found.axis.instant(o), found.axis.instant(o + 1)) for o in found]


near = st.sets(st.integers(-6, 6), max_size=6)
coarse = st.sampled_from([Grain.YEAR, Grain.QUARTER, Grain.MONTH, Grain.WEEK, Grain.DAY])


@given(coarse, coarse, near)
@settings(deadline=None)
def test_overlapping_is_every_slice_that_shares_an_instant(
    mine: Grain, other: Grain, ordinals: set[int]
) -> None:
    these = as_partitions(ordinals, mine)
    spans = windows_of(these)
    candidates = range(other.ordinal(datetime(1963, 1, 1)), other.ordinal(datetime(1978, 1, 1)))
    expected = [
        o
        for o in candidates
        if any(other.instant(o) < end and start < other.instant(o + 1) for start, end in spans)
    ]
    found = these.overlapping(other)
    assert list(found) == expected
    assert is_canonical(found)


@given(coarse, coarse, near)
@settings(deadline=None)
def test_within_is_every_slice_that_is_covered_whole(
    mine: Grain, other: Grain, ordinals: set[int]
) -> None:
    these = as_partitions(ordinals, mine)
    days = set(these.overlapping(Grain.DAY))
    candidates = range(other.ordinal(datetime(1963, 1, 1)), other.ordinal(datetime(1978, 1, 1)))
    expected = [
        o for o in candidates if set(as_partitions({o}, other).overlapping(Grain.DAY)) <= days
    ]
    found = these.within(other)
    assert list(found) == expected
    assert is_canonical(found)


def test_one_whole_and_its_slices() -> None:
    january = parse_partitions("2024-01", Grain.DAY)
    assert january.overlapping(Grain.WHOLE) == WHOLE
    assert not Partitions.of(Grain.DAY).overlapping(Grain.WHOLE)
    assert WHOLE.overlapping(Grain.WHOLE) == WHOLE.within(Grain.WHOLE) == WHOLE
    assert not january.within(Grain.WHOLE)
    assert not WHOLE.within(Grain.DAY)
    with pytest.raises(ValueError, match="no window"):
        WHOLE.overlapping(Grain.DAY)


def test_twenty_years_of_minutes_cost_as_much_as_one_day() -> None:
    minutes = parse_partitions("2004..2024", Grain.MINUTE)
    assert len(minutes.ranges) == 1
    assert len(minutes) == len(parse_partitions("2004..2024", Grain.DAY)) * 24 * 60


def test_many_scattered_slices_change_their_grain() -> None:
    scattered = Partitions.of(Grain.HOUR, [(hour, hour + 2) for hour in range(0, 120_000, 4)])
    assert len(scattered.within(Grain.MINUTE).ranges) == 30_000
    assert not scattered.within(Grain.DAY)


@pytest.mark.parametrize(
    ("grain", "now", "options", "expected"),
    [
        (Grain.DAY, "2024-01-04T08:00", {}, "2024-01-01..2024-01-04"),
        (Grain.DAY, "2024-01-04", {}, "2024-01-01..2024-01-04"),
        (Grain.DAY, "2024-01-04T08:00", {"include_current": True}, "2024-01-01..2024-01-05"),
        (Grain.DAY, "2024-01-04T08:00", {"end": "2024-01-03"}, "2024-01-01..2024-01-03"),
        (Grain.DAY, "2024-01-01T23:59", {}, ""),
        (Grain.DAY, "2023-12-01", {}, ""),
        (Grain.DAY, "2023-12-01", {"include_current": True}, ""),
        (Grain.MONTH, "2024-03-31", {}, "2024-01..2024-03"),
        (Grain.WEEK, "2024-01-15", {}, "2024-01-01..2024-01-15"),
    ],
)
def test_wanted_leaves_the_running_slice_out(
    grain: Grain, now: str, options: dict[str, object], expected: str
) -> None:
    end = options.pop("end", None)
    partitioning = Partitioning(
        "at",
        grain,
        start=grain.ordinal(datetime(2024, 1, 1)),
        end=grain.ordinal(parse_instant(str(end))) if end else None,
        include_current=bool(options.get("include_current")),
    )
    assert str(partitioning.wanted(parse_instant(now))) == expected


@given(instants, st.integers(-100, 100), st.booleans(), st.none() | st.integers(-100, 100))
@settings(deadline=None)
def test_wanted_never_reaches_past_the_clock_or_the_end(
    now: datetime, start: int, current: bool, end: int | None
) -> None:
    today = Grain.DAY.ordinal(now)
    last = None if end is None else today + end
    partitioning = Partitioning("at", Grain.DAY, today + start, last, include_current=current)
    wanted = set(partitioning.wanted(now))
    assert wanted == {
        day
        for day in range(today - 200, today + 200)
        if day >= today + start
        and (day < today or (current and day == today))
        and (last is None or day < last)
    }


@pytest.mark.parametrize(
    ("text", "grain", "expected"),
    [
        ("2024", Grain.QUARTER, "2024-Q1..2025-Q1"),
        ("2024-q2", Grain.MONTH, "2024-04..2024-07"),
        ("2024-04-29", Grain.WEEK, "2024-04-29"),
        ("2024-W18-1", Grain.WEEK, "2024-04-29"),
        ("2024-01-01T05", Grain.HOUR, "2024-01-01T05"),
        ("2024-01-01 05:30", Grain.MINUTE, "2024-01-01T05:30"),
        ("2024-01-01T02:00+01:00", Grain.HOUR, "2024-01-01T01"),
        (" 2024-01-01 .. 2024-02 ", Grain.DAY, "2024-01-01..2024-02-01"),
        ("2024-01-10", Grain.MONTH, "2024-01"),
        ("2024-01-31..2024-02-02", Grain.MONTH, "2024-01..2024-03"),
        ("2024-W18", Grain.DAY, "2024-04-29..2024-05-06"),
        ("2024-01", Grain.WEEK, "2024-01-01..2024-02-05"),
        ("2024-04-30", Grain.WEEK, "2024-04-29"),
        ("2024-01-01T00:30+00:00", Grain.HOUR, "2024-01-01T00"),
        ("2024..9999", Grain.YEAR, "2024..9999"),
        ("2024-02-29", Grain.DAY, "2024-02-29"),
    ],
)
def test_ranges_as_people_write_them(text: str, grain: Grain, expected: str) -> None:
    assert str(parse_partitions(text, grain)) == expected


@pytest.mark.parametrize(
    ("text", "grain", "message"),
    [
        ("2024-02-30", Grain.DAY, "'2024-02-30' is no date"),
        ("", Grain.DAY, "'' is no date"),
        ("2024-01-01..", Grain.DAY, "'' is no date"),
        ("2024-Q5", Grain.DAY, "'2024-Q5' is no date"),
        ("2024-Q0", Grain.DAY, "'2024-Q0' is no date"),
        ("yesterday", Grain.DAY, "'yesterday' is no date"),
        ("2024-01-01+05", Grain.HOUR, "is no date"),
        ("2024-01-02..2024-01-02", Grain.DAY, "is empty"),
        ("2024-01-02..2024-01-01", Grain.DAY, "is empty"),
        ("2024-W99", Grain.DAY, "'2024-W99' is no date"),
        ("9999", Grain.YEAR, "ends after the last day"),
        ("2024-12-30..9999-12-31", Grain.YEAR, "ends after the last day"),
        ("0001-01-01T00:00+05:00", Grain.HOUR, "is no date"),
        ("2024-01-01", Grain.WHOLE, "has no partition"),
    ],
)
def test_ranges_that_cannot_be_read(text: str, grain: Grain, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", "\\(")):
        parse_partitions(text, grain)


def test_the_last_day_that_a_date_can_say_may_bound_a_range() -> None:
    assert parse_instant("9999-12-31") == datetime(9999, 12, 31)


@given(instants, st.integers(-14 * 60, 14 * 60))
@settings(deadline=None)
def test_a_zone_is_taken_off(at: datetime, minutes: int) -> None:
    zoned = at.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert as_naive_utc(zoned) == at - timedelta(minutes=minutes)
    assert as_naive_utc(at) == at == as_naive_utc(at.replace(tzinfo=UTC))


@given(instants)
@settings(deadline=None)
def test_window_text_loses_nothing(at: datetime) -> None:
    assert datetime.fromisoformat(window_text(at)) == at
