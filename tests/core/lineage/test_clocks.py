"""Months and days that a clock with a zone adds, held against DuckDB: a proof never misses the real value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from sqlpipes.core.lineage.hops import back, shifted
from sqlpipes.core.partitions import Grain, Span
from sqlpipes.core.partitions.axes import TimeAxis
from sqlpipes.core.partitions.reach import touched_ranges

HOURS = TimeAxis(Grain.HOUR)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "UTC"])
@pytest.mark.parametrize("months", [-13, -1, 1, 2])
@pytest.mark.parametrize("days", [-3, 0, 3])
def test_a_month_later_by_any_clock_is_where_it_is_proven_to_be(
    zone: str, months: int, days: int
) -> None:
    steps = shifted([Span(months=months), Span(days=days)], "tz")
    assert steps is not None
    road = back(steps)
    first = datetime(2024, 2, 26, tzinfo=UTC)
    instants = [first + timedelta(hours=i) for i in range(24 * 7)]
    with duckdb.connect() as db:
        db.execute(f"set timezone = '{zone}'")
        query = (
            "select epoch_us(unnest($given::timestamptz[])"
            f" + interval '{months} months' + interval '{days} days')"
        )
        found = [row[0] for row in db.execute(query, {"given": instants}).fetchall()]
    for instant, micros in zip(instants, found, strict=True):
        value = datetime(1970, 1, 1) + timedelta(microseconds=micros)
        moved, wanted = HOURS.ordinal(instant.replace(tzinfo=None)), HOURS.ordinal(value)
        [(low, high)] = touched_ranges(((moved, moved + 1),), HOURS, HOURS, road)
        assert low <= wanted < high, (instant, value)
