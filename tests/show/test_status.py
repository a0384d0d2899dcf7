"""The picture of slices: every cell is the worst of what lies in it, and the picture fits a screen."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from click import unstyle
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.api import AssetStatus, SliceState
from sqlpipes.core.partitions import (
    WHOLE,
    Grain,
    IntegerAxis,
    Partitions,
    ProductAxis,
    TimeAxis,
    ValueAxis,
    parse_partitions,
)
from sqlpipes.core.plan import Action, Reason, Step, Why
from sqlpipes.core.status import Status
from sqlpipes.show.cells import SIGNS, painted
from sqlpipes.show.grid import grid_lines
from sqlpipes.show.status import details_text, status_json, status_text

BUILT, STALE, MISSING, FAILED = (
    SliceState.BUILT,
    SliceState.STALE,
    SliceState.MISSING,
    SliceState.FAILED,
)
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


def span(axis, first: datetime, end: datetime) -> Partitions:
    return Partitions.between(axis, first, end)


def grid(states, width: int = 80) -> list[str]:
    return [unstyle(line) for line in grid_lines(states, width)[0]]


def one(states, **more) -> AssetStatus:
    built = more.pop("built", states.get(BUILT, WHOLE))
    fields = {"written_at": NOON, "last": None, "step": None, "columns": ("day",), **more}
    return AssetStatus("orders", built, states=states, newest=built, **fields)


# --------------------------------------------------------------------------------------------- cells


@given(
    st.dictionaries(
        st.sampled_from(list(SliceState)),
        st.lists(st.tuples(st.integers(-5, 60), st.integers(1, 9)), min_size=1, max_size=4),
    ),
    st.integers(1, 7),
)
@settings(deadline=None)
def test_a_cell_is_the_worst_of_its_positions(spans, per):
    ranges = {state: [(low, low + n) for low, n in found] for state, found in spans.items()}
    cells = painted(ranges, 0, 8, per)
    for place, cell in enumerate(cells):
        inside = range(place * per, (place + 1) * per)
        here = [
            s
            for s in SliceState
            if any(lo <= i < hi for lo, hi in ranges.get(s, ()) for i in inside)
        ]
        assert cell == (here[0] if here else None)


def test_every_state_has_a_sign_of_its_own_so_that_no_colour_is_needed():
    assert len({sign for sign, _ in SIGNS.values()}) == len(SliceState)
    assert SIGNS.keys() == set(SliceState)


# ------------------------------------------------------------------------------------------- pictures


def test_days_are_a_row_a_month():
    days = span(Grain.DAY, datetime(2024, 1, 30), datetime(2024, 3, 2))
    late = span(Grain.DAY, datetime(2024, 2, 29), datetime(2024, 3, 2))
    assert grid({STALE: late, BUILT: days - late}) == [
        "           1     6     11    16    21    26    31",
        "  2024-01                                    ■ ■",
        "  2024-02  ■■■■■ ■■■■■ ■■■■■ ■■■■■ ■■■■■ ■■■□",
        "  2024-03  □",
    ]


def test_hours_are_a_row_a_day_and_the_days_of_summer_time_are_shorter_or_longer():
    berlin = TimeAxis(Grain.HOUR, zone="Europe/Berlin")
    spring = span(berlin, datetime(2024, 3, 30, 23), datetime(2024, 3, 31, 22))
    assert len(spring) == 23
    assert grid({BUILT: spring}) == [
        "              00     06     12     18",
        "  2024-03-31  ■■ ■■■ ■■■■■■ ■■■■■■ ■■■■■■",
    ]
    quarters = TimeAxis(Grain.MINUTE, 15, "Europe/Berlin")
    spring = span(quarters, datetime(2024, 3, 31, 0, 30), datetime(2024, 3, 31, 2))
    head, hours = grid({BUILT: spring}, 160)
    assert hours.index("■") == head.index("00") + 6  # half past one
    assert hours.split() == ["2024-03-31", "■■", "■■■■"]
    assert hours.rindex("■■■■") == head.index("00") + 12  # three o'clock
    half = TimeAxis(Grain.MINUTE, 30, "Australia/Lord_Howe")
    spring = span(half, datetime(2024, 10, 5, 13, 30), datetime(2024, 10, 6, 13))
    assert grid({BUILT: spring}, 160)[1].count("■") == 47
    autumn = span(berlin, datetime(2024, 10, 26, 22), datetime(2024, 10, 27, 23))
    assert [line.replace(" ", "").count("■") for line in grid({BUILT: autumn})[1:]] == [25]


def test_months_are_a_row_a_year_and_years_in_tens():
    months = span(Grain.MONTH, datetime(2023, 11, 1), datetime(2024, 3, 1))
    assert grid({BUILT: months}) == [
        "        1   4   7   10",
        "  2023               ■■",
        "  2024  ■■",
    ]
    years = span(Grain.YEAR, datetime(1998, 1, 1), datetime(2003, 1, 1))
    assert grid({BUILT: years})[1:] == ["  1990          ■■", "  2000  ■■■"]


def test_a_week_is_in_the_year_of_its_thursday():
    week = span(Grain.WEEK, datetime(2019, 12, 30), datetime(2020, 1, 13))
    assert grid({BUILT: week})[1:] == ["  2020  ■■"]


def test_minutes_of_twenty_years_fit_on_a_screen_and_one_missing_minute_is_seen():
    years = span(Grain.MINUTE, datetime(2004, 1, 1), datetime(2024, 1, 1))
    minute = span(Grain.MINUTE, datetime(2020, 2, 29, 12), datetime(2020, 2, 29, 12, 1))
    lines, caption = grid_lines({MISSING: minute, BUILT: years - minute}, 80)
    text = unstyle("\n".join(lines))
    assert len(lines) <= 25
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("·") == 1
    assert caption == "a cell is a week and shows the worst of its slices"


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("grain", [g for g in Grain if g is not Grain.WHOLE])
@pytest.mark.parametrize("count", [1, 30, 700, 5000])
def test_no_picture_is_larger_than_a_screen(grain, count, width):
    axis = TimeAxis(grain, zone="Europe/Berlin")
    first = axis.ordinal(datetime(2001, 1, 15))
    count = min(count, 300) if grain in (Grain.YEAR, Grain.QUARTER) else count
    lines = grid({FAILED: Partitions.of(axis, [(first, first + count)])}, width)
    assert len(lines) <= 25
    assert max(map(len, lines)) <= max(width, 40)
    assert any("x" in line for line in lines)


@pytest.mark.parametrize("step", [5, 10, 15, 20, 30, 60, 90, 720])
def test_steps_of_minutes_have_rows_of_hours_or_days(step):
    axis = TimeAxis(Grain.MINUTE, step)
    first = axis.ordinal(datetime(2024, 1, 1))
    a_day = Partitions.of(axis, [(first, first + 1440 // step)])
    lines = grid({BUILT: a_day})
    assert sum(line.count("■") for line in lines) == 1440 // step


def test_integers_are_rows_of_fifty_and_many_of_them_share_a_cell():
    axis = IntegerAxis(10)
    lines, caption = grid_lines({BUILT: Partitions.of(axis, [(0, 60)])}, 80)
    assert [unstyle(line) for line in lines] == [
        "  0    " + " ".join(["■" * 10] * 5),
        "  500  " + "■" * 10,
    ]
    assert caption == "a cell is one slice"
    wide = {
        MISSING: Partitions.of(axis, [(77_777, 77_778)]),
        BUILT: Partitions.of(axis, [(0, 77_777)]),
    }
    lines, caption = grid_lines(wide, 80)
    assert len(lines) <= 25
    assert unstyle("".join(lines)).count("·") == 1
    assert "integers and shows the worst" in caption


def test_values_stand_behind_their_signs_and_too_many_of_them_are_cut_off_the_good_ones_first():
    few = {STALE: Partitions.of_values(["us"]), BUILT: Partitions.of_values(["eu", "asia"])}
    assert grid(few) == ["  ■ asia  ■ eu    □ us"]
    many = Partitions.of_values([f"value number {n:05}" for n in range(9000)])
    bad = Partitions.of_values(["zebra"])
    lines = grid({FAILED: bad, BUILT: many - bad})
    assert lines[0].startswith("  x zebra")
    assert len(lines) == 25
    assert "more" in lines[-1]


def test_a_product_has_a_row_for_each_of_its_labels():
    axis = ProductAxis((TimeAxis(Grain.DAY), ValueAxis()), ("day", "region"))
    built = Partitions.of_rows(axis, [(("eu",), [(0, 3)]), (("us",), [(0, 2)])])
    missing = Partitions.of_rows(axis, [(("us",), [(2, 3)])])
    assert grid({MISSING: missing, BUILT: built}) == [
        "      1970-01-01",
        "  eu  ■■■",
        "  us  ■■·",
    ]
    crowd = Partitions.of_rows(axis, [((f"r{n:03}",), [(0, 900)]) for n in range(99)])
    late = Partitions.of_rows(axis, [(("z",), [(899, 900)])])
    lines = grid({MISSING: late, BUILT: crowd})
    assert lines[1].startswith("  z ")
    assert lines[-1].startswith("  and 77 more")
    assert len(lines) == 25


# --------------------------------------------------------------------------------------------- screens


def test_a_named_asset_is_told_in_ranges_with_its_reasons():
    days = span(Grain.DAY, datetime(2024, 1, 1), datetime(2024, 1, 6))
    late = span(Grain.DAY, datetime(2024, 1, 2), datetime(2024, 1, 3))
    step = Step("orders", Action.SLICES, late, (Reason(Why.INPUT_NEWER, "raw", slices=late),))
    said = unstyle(details_text([one({STALE: late, BUILT: days - late}, step=step)], 80))
    assert said.splitlines() == [
        "orders: stale, 5 slices of day by day",
        "",
        "           1     6     11    16    21    26    31",
        "  2024-01  ■□■■■",
        "",
        "  ■ built     4  2024-01-01, 2024-01-03..2024-01-06",
        "  □ stale     1  2024-01-02  input newer: raw",
        "  a cell is one slice; newest write 2024-06-01 12:00: 2024-01-01, 2024-01-03..2024-01-06",
    ]


def test_the_list_counts_slices_and_keeps_to_the_width():
    days = span(Grain.DAY, datetime(2024, 1, 1), datetime(2024, 1, 6))
    step = Step("orders", Action.SLICES, days, (Reason(Why.NEVER_BUILT, "x" * 200, slices=days),))
    items = [one({MISSING: days}, step=step, written_at=None), one({BUILT: days})]
    first, second, _, total = unstyle(status_text(items, 80)).splitlines()
    assert "·····  5 missing" in first
    assert len(first) <= 80
    assert second.endswith("■■■■■  5 built")
    assert total == "2 assets: 1 current, 1 to build"
    assert "x" * 200 in unstyle(status_text(items))  # a pipe gets it uncut


def test_a_failed_slice_makes_its_asset_failed_whatever_the_newest_run_did():
    days = span(Grain.DAY, datetime(2024, 1, 1), datetime(2024, 1, 6))
    assert status_json(one({FAILED: days}))["state"] == "failed"
    assert status_json(one({BUILT: days}, last=Status.RUNNING))["state"] == "running"
    assert status_json(one({SliceState.RUNNING: days}))["state"] == "running"


def test_json_has_ranges_that_the_partition_option_reads_again():
    axis = ProductAxis((TimeAxis(Grain.DAY), ValueAxis()), ("day", "region"))
    rows = [(("eu",), [(0, 3), (9, 12)]), (("us",), [(0, 3)]), (("a b",), [(40, 41)])]
    slices = Partitions.of_rows(axis, rows)
    said = json.loads(json.dumps(status_json(one({BUILT: slices}))))["states"]["built"]
    assert said["count"] == 10
    again = Partitions(axis)
    for piece in said["ranges"]:
        again |= parse_partitions(piece, axis)
    assert again == slices
    hours = span(Grain.HOUR, datetime(2000, 1, 1), datetime(2020, 1, 1))
    assert status_json(one({BUILT: hours}))["states"]["built"]["ranges"] == [
        "2000-01-01T00..2020-01-01T00"
    ]


def test_an_asset_without_slices_is_told_in_a_line_or_two():
    item = one({BUILT: WHOLE}, columns=())
    assert unstyle(details_text([item])).splitlines() == [
        "orders: current",
        "  written 2024-06-01 12:00",
    ]
    assert status_json(item)["states"] == {}
    days = span(Grain.DAY, datetime(2024, 1, 1), datetime(2024, 1, 6))
    narrowed = one({}, columns=("day",), built=days)
    waiting = one({}, columns=("region",), built=Partitions.of_values([]))
    for text in (status_text, details_text):
        assert "no such slices" in text([narrowed])
        assert "no slices yet" in text([waiting])


def test_what_is_running_has_no_reason_yet():
    days = span(Grain.DAY, datetime(2024, 1, 1), datetime(2024, 1, 6))
    step = Step("orders", Action.SLICES, days, (Reason(Why.INTERRUPTED, slices=days),))
    item = one({SliceState.RUNNING: days}, step=step)
    assert "interrupted" not in status_text([item]) + details_text([item])
