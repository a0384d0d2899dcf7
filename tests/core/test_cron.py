"""Cron lines: what is wrong with one, and when a sound one is due, where clocks change too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.cron import ALIASES, cron_fault, in_words, next_time, times

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("line", "start", "length", "words"),
    [
        ("60 0 * * *", 0, 2, "'60' is no minute"),
        ("0 24 * * *", 2, 2, "'24' is no hour"),
        ("0 0 32 * *", 4, 2, "'32' is no day of the month"),
        ("0 0 * 13 *", 6, 2, "'13' is no month"),
        ("0 0 * * 8", 8, 1, "'8' is no day of the week"),
        ("0  0 * * fry", 9, 3, "'fry' is no day of the week"),
        ("*/0 * * * *", 0, 3, "'*/0' is no minute"),
        ("0 6 * *", 0, 7, "has 4 fields"),
        ("0 0 6 * * *", 0, 11, "has 6 fields"),
        ("daily", 0, 5, "has 1 field"),
        ("0 0 31 2 *", 4, 2, "never due"),
        ("@dayly", 0, 6, "'@dayly' is no schedule"),
    ],
)
def test_a_fault_says_which_field_and_where(line: str, start: int, length: int, words: str) -> None:
    fault = cron_fault(line)
    assert fault is not None
    assert words in fault.message
    assert (fault.start, fault.length) == (start, length)
    assert fault.hint


@pytest.mark.parametrize("line", ["0 6 * * *", "*/15 8-18 * * MON-FRI", "0 0 L * *", *ALIASES])
def test_sound_lines_have_no_fault_a_time_and_words(line: str) -> None:
    assert cron_fault(line) is None
    assert next_time(line, "UTC", datetime(2024, 1, 1, tzinfo=UTC)) is not None
    assert in_words(line)


def first(line: str, zone: str, after: str, count: int) -> list[str]:
    found = times(line, zone, datetime.fromisoformat(after))
    return [f"{at.astimezone(ZoneInfo(zone)):%d %H:%M%z}" for at in islice(found, count)]


def test_a_fixed_time_that_the_clock_skips_is_due_right_after_the_gap() -> None:
    found = first("30 2 * * *", BERLIN, "2024-03-30T12:00+00:00", 2)
    assert found == ["31 03:00+0200", "01 02:30+0200"]


def test_a_fixed_time_that_comes_twice_is_due_the_first_time_only() -> None:
    found = first("30 2 * * *", BERLIN, "2024-10-26T12:00+00:00", 2)
    assert found == ["27 02:30+0200", "28 02:30+0100"]


def test_asked_between_the_two_passes_of_an_hour_nothing_of_the_first_comes() -> None:
    between = "2024-10-27T01:10+00:00"  # 2:10 for the second time
    assert first("30 2 * * *", BERLIN, between, 1) == ["28 02:30+0100"]


def test_every_half_hour_goes_by_elapsed_time() -> None:
    found = first("*/30 * * * *", BERLIN, "2024-10-26T23:45+00:00", 5)
    assert found == [
        "27 02:00+0200",
        "27 02:30+0200",
        "27 02:00+0100",
        "27 02:30+0100",
        "27 03:00+0100",
    ]
    found = first("*/30 * * * *", BERLIN, "2024-03-31T00:15+00:00", 3)
    assert found == ["31 01:30+0100", "31 03:00+0200", "31 03:30+0200"]


lines = st.sampled_from(
    [
        "0 6 * * *",
        "30 2 * * *",
        "*/20 * * * *",
        "15 1,2,3 * * *",
        "0 * * * *",
        "5 0 1 * *",
        "0 2 * * SUN",
    ]
)
zones = st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
instants = st.datetimes(datetime(2024, 1, 1), datetime(2025, 12, 31)).map(
    lambda at: at.replace(tzinfo=UTC)
)


@given(lines, zones, instants)
@settings(deadline=None, max_examples=150)
def test_times_are_those_of_cronsim_after_the_instant_and_each_is_the_next_of_the_one_before(
    line: str, zone: str, after: datetime
) -> None:
    found = list(islice(times(line, zone, after), 6))
    assert found == sorted(set(found))
    assert all(at > after for at in found)
    theirs = CronSim(line, after.astimezone(ZoneInfo(zone)) if zone != "UTC" else after)
    known = [at.astimezone(UTC) for at in islice(theirs, 8)]
    assert [at for at in known if at > after][:4] == found[:4]
    for before, at in pairwise(found):
        assert next_time(line, zone, before) == at


@given(lines, zones, instants, st.integers(1, 40))
@settings(deadline=None, max_examples=100)
def test_however_often_it_is_asked_no_time_is_lost_or_doubled(
    line: str, zone: str, after: datetime, minutes: int
) -> None:
    """As a tick does it: from the newest time on record on, or from the first look."""
    end = after + timedelta(hours=30)
    at_once = [at for at in islice(times(line, zone, after), 200) if at <= end]
    seen: list[datetime] = []
    newest, now = after, after
    while now < end:
        now = min(now + timedelta(minutes=minutes), end)
        for at in times(line, zone, newest):
            if at > now:
                break
            seen.append(at)
            newest = at
    assert seen == at_once
