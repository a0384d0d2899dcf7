"""How far a slice reads, held against days and months counted one by one."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.partitions import (
    OTHER_CLOCK,
    DrillDown,
    Grain,
    Hop,
    Near,
    Partitions,
    Reach,
    RollUp,
    Span,
    TimeAxis,
    reach_from,
    reach_plain,
    reach_text,
)
from sqlpipes.core.partitions.zones import first_instant, wall

UNITS = [Grain.YEAR, Grain.QUARTER, Grain.MONTH, Grain.WEEK, Grain.DAY, Grain.HOUR]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]
instants = st.integers(0, 40 * 24 * 4).map(
    lambda n: datetime(2024, 1, 20) + timedelta(minutes=n * 15 * 7)
)
spans = st.builds(Span, months=st.integers(0, 14), days=st.integers(0, 40))
hops = st.one_of(
    st.sampled_from(UNITS).map(RollUp),
    st.sampled_from(UNITS).map(DrillDown),
    st.sampled_from(UNITS).map(lambda unit: RollUp(unit, zoned=True)),
    st.sampled_from(UNITS).map(lambda unit: DrillDown(unit, zoned=True)),
    st.builds(Near, spans, spans),
)


def plus(at: datetime, span: Span, sign: int) -> datetime:
    """As a database adds an interval: the last day of a shorter month stands for the days it lacks."""
    months = at.year * 12 + at.month - 1 + sign * span.months
    year, month = divmod(months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day) + sign * timedelta(days=span.days)


def may_read(hop: Hop, own: datetime, theirs: datetime) -> bool:
    """Whether a row with `own` may hang on a row with `theirs`, as the hop's own words say."""
    if isinstance(hop, RollUp):
        return hop.unit.instant(hop.unit.ordinal(theirs)) == own
    if isinstance(hop, DrillDown):
        return hop.unit.instant(hop.unit.ordinal(own)) == theirs
    return plus(own, hop.back, -1) <= theirs <= plus(own, hop.ahead, 1)


@settings(deadline=None, max_examples=600)
@given(hops, instants, instants, instants, st.integers(1, 60))
def test_what_a_moved_row_reaches_is_touched(
    hop: Hop, own: datetime, theirs: datetime, low: datetime, days: int
) -> None:
    if isinstance(hop, RollUp):
        own = hop.unit.instant(hop.unit.ordinal(theirs))
    if isinstance(hop, DrillDown):
        theirs = hop.unit.instant(hop.unit.ordinal(own))
    window = low, low + timedelta(days=days)
    if may_read(hop, own, theirs) and window[0] <= theirs < window[1]:
        touched = hop.touched(window)
        assert touched[0] <= own < touched[1]


@settings(deadline=None, max_examples=500)
@given(instants, instants, st.integers(0, 50), st.integers(0, 50))
def test_whole_days_are_touched_exactly(
    own: datetime, moved: datetime, back: int, ahead: int
) -> None:
    """Days, trailing by days: nothing is touched that does not read the moved day."""
    day = TimeAxis(Grain.DAY)
    mine, theirs = (Partitions.of(day, [(n, n + 1)]) for n in map(day.ordinal, (own, moved)))
    reach = (Near(Span(days=back), Span(days=ahead)),)
    reads = -back <= day.ordinal(moved) - day.ordinal(own) <= ahead
    assert bool(mine.reached_by(theirs, [(0, 0)], [reach])) == reads


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("mine", [Grain.MONTH, Grain.WEEK, Grain.DAY])
def test_a_month_rolled_up_from_days_is_touched_by_its_own_days_only(
    zone: str, mine: Grain
) -> None:
    day, own = TimeAxis(Grain.DAY, zone=zone), TimeAxis(mine, zone=zone)
    year = Partitions.of(
        day, [(day.ordinal(datetime(2024, 1, 3)), day.ordinal(datetime(2025, 1, 3)))]
    )
    for one in year.each():
        reached = year.overlapping(own).reached_by(one, [(0, 0)], [(RollUp(mine),)])
        assert one.overlapping(own) & reached == one.overlapping(own)
        if zone == "UTC":
            assert reached == one.overlapping(own)


def test_a_day_drilled_down_from_a_month_is_touched_by_that_month() -> None:
    month, day = TimeAxis(Grain.MONTH), TimeAxis(Grain.DAY)
    february = Partitions.between(month, datetime(2024, 2, 1), datetime(2024, 3, 1))
    days = Partitions.between(day, datetime(2024, 1, 1), datetime(2024, 5, 1))
    reached = days.reached_by(february, [(0, 0)], [(DrillDown(Grain.MONTH),)])
    assert str(reached) == "2024-02-01..2024-03-01"


def test_a_road_of_several_hops_is_walked_from_its_end() -> None:
    """Months of sums over the six days before each day."""
    day, month = TimeAxis(Grain.DAY), TimeAxis(Grain.MONTH)
    moved = Partitions.between(day, datetime(2024, 1, 28), datetime(2024, 1, 29))
    months = Partitions.between(month, datetime(2023, 1, 1), datetime(2025, 1, 1))
    reach: Reach = (RollUp(Grain.MONTH), Near(Span(days=6)))
    assert str(months.reached_by(moved, [(0, 0)], [reach])) == "2024-01..2024-03"
    earlier = Partitions.between(day, datetime(2024, 1, 25), datetime(2024, 1, 26))
    assert str(months.reached_by(earlier, [(0, 0)], [reach])) == "2024-01"


def test_the_first_month_after_a_trailing_quarter() -> None:
    month = TimeAxis(Grain.MONTH)
    january = Partitions.between(month, datetime(2024, 1, 1), datetime(2024, 2, 1))
    year = Partitions.between(month, datetime(2023, 6, 1), datetime(2024, 12, 1))
    reached = year.reached_by(january, [(0, 0)], [(Near(Span(months=2)),)])
    assert str(reached) == "2024-01..2024-04"


@given(st.lists(hops, max_size=4))
def test_a_reach_is_kept_as_plain_values(road: list[Hop]) -> None:
    assert reach_from(reach_plain(tuple(road))) == tuple(road)
    assert reach_text(tuple(road))


def test_zones_that_differ_are_given_slack() -> None:
    """A date that both sides show alike is two windows of instants."""
    here, there = TimeAxis(Grain.HOUR, zone="Europe/Berlin"), TimeAxis(Grain.HOUR)
    five = datetime(2024, 7, 1, 5)
    theirs = Partitions.of(there, [(there.ordinal(five), there.ordinal(five) + 1)])
    same_clock_time = here.ordinal(five - timedelta(hours=2))
    mine = Partitions.of(here, [(same_clock_time, same_clock_time + 1)])
    assert mine.reached_by(theirs, [(0, 0)], [()])


def test_values_are_compared_by_what_they_may_mean() -> None:
    mine = Partitions.of_values(["1", "2", "EU"])
    assert str(mine.reached_by(Partitions.of_values(["01"]), [(0, 0)], [()])) == "1"
    assert str(mine.reached_by(Partitions.of_values(["eu"]), [(0, 0)], [()])) == "EU"
    assert not mine.reached_by(Partitions.of_values(["us"]), [(0, 0)], [()])


@pytest.mark.parametrize("far", [datetime(1, 1, 2), datetime(9999, 12, 30)])
def test_the_ends_of_the_calendar_hold(far: datetime) -> None:
    day = TimeAxis(Grain.DAY)
    moved = Partitions.of(day, [(day.ordinal(far), day.ordinal(far) + 1)])
    mine = Partitions.between(day, datetime(2024, 1, 1), datetime(2024, 1, 5))
    reach = (Near(Span(months=12), Span(months=12)), RollUp(Grain.YEAR), DrillDown(Grain.YEAR))
    assert mine.reached_by(moved, [(0, 0)], [reach]) in (mine, Partitions(day))


def days_of_an_hour(reach: Reach, zone: str, hour: int) -> int:
    """How many local days hang on one hour of UTC."""
    hours, days = TimeAxis(Grain.HOUR), TimeAxis(Grain.DAY, zone=zone)
    at = hours.ordinal(datetime(2024, 7, 10, hour))
    month = Partitions.between(days, datetime(2024, 6, 20), datetime(2024, 8, 1))
    return len(month.reached_by(Partitions.of(hours, [(at, at + 1)]), [(0, 0)], [reach]))


def test_an_hour_of_one_zone_touches_few_days_of_another() -> None:
    assert days_of_an_hour((), "Europe/Berlin", 12) == 1
    assert days_of_an_hour((RollUp(Grain.DAY),), "Europe/Berlin", 12) == 2
    assert days_of_an_hour((RollUp(Grain.DAY, zoned=True),), "Europe/Berlin", 12) == 2
    assert days_of_an_hour((RollUp(Grain.DAY), OTHER_CLOCK), "Europe/Berlin", 12) == 4


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(ZONES),
    st.sampled_from(ZONES),
    st.sampled_from([Grain.HOUR, Grain.DAY, Grain.WEEK, Grain.MONTH]),
    st.integers(0, 366 * 24 - 1),
    st.booleans(),
)
def test_an_instant_truncated_by_any_clock_is_touched(
    here: str, there: str, clock: str, unit: Grain, hour: int, as_date: bool
) -> None:
    """date_trunc by the session's clock, kept as an instant or as the date that it shows."""
    at = datetime(2024, 1, 1) + timedelta(hours=hour)
    start = unit.instant(unit.ordinal(wall(at, clock)))
    own = first_instant(start, here if as_date else clock)
    mine, theirs = TimeAxis(Grain.DAY, zone=here), TimeAxis(Grain.HOUR, zone=there)
    reach: Reach = (RollUp(unit), OTHER_CLOCK) if as_date else (RollUp(unit, zoned=True),)
    asked = Partitions.of(mine, [(mine.ordinal(own), mine.ordinal(own) + 1)])
    moved = Partitions.of(theirs, [(theirs.ordinal(at), theirs.ordinal(at) + 1)])
    assert asked.reached_by(moved, [(0, 0)], [reach])


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(ZONES), st.sampled_from(ZONES), st.integers(0, 366 * 24 - 1), st.booleans())
def test_what_is_copied_between_two_zones_is_touched(
    here: str, there: str, hour: int, as_instant: bool
) -> None:
    """An instant is the same, a local time is shown alike."""
    at = datetime(2024, 1, 1) + timedelta(hours=hour)
    own = at if as_instant else first_instant(wall(at, there), here)
    mine, theirs = TimeAxis(Grain.DAY, zone=here), TimeAxis(Grain.HOUR, zone=there)
    asked = Partitions.of(mine, [(mine.ordinal(own), mine.ordinal(own) + 1)])
    moved = Partitions.of(theirs, [(theirs.ordinal(at), theirs.ordinal(at) + 1)])
    assert asked.reached_by(moved, [(0, 0)], [()])
