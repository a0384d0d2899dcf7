"""Two looks at a source in windows -> what moved, and what its past says then."""

from __future__ import annotations

from sqlpipes.core.history import NEVER, Built, Past
from sqlpipes.core.partitions import WHOLE, Grain, Partitioning, Partitions, TimeAxis, ValueAxis
from sqlpipes.core.reads import EVERYTHING, Mapped, Reads, reads_loose
from sqlpipes.core.windows import Sighting, Windows, sighting, slots

DAY, MONTH = TimeAxis(Grain.DAY), TimeAxis(Grain.MONTH)
SAME = Reads(Mapped.SAME)


def look(*tokens: str, loose: str = "", total: str = "", axis: TimeAxis = DAY) -> Windows:
    """Windows from 0 on; "" has no rows."""
    found = {((), i): token for i, token in enumerate(tokens) if token}
    return Windows(axis, found, loose, total)


def days(*ordinals: int) -> Partitions:
    return slots(DAY, [((), ordinal) for ordinal in ordinals])


def seen(past: Past, now: Windows, before: Windows | None, tick: int) -> Past:
    """The past after one more look that was recorded at this tick."""
    found = sighting(now, before.tokens if before else {}, past.token)
    assert found is not None
    return past.observed(Built(found.slices, "v", tick - 1, tick), now.token, found)


def ticks(past: Past) -> dict[str, int]:
    return {str(built.slices): built.written_at for built in past.built}


def test_only_windows_that_moved_are_told() -> None:
    before = look("a", "b", "c", loose="x")
    found = sighting(look("a", "B", "", "d", loose="x"), before.tokens, before.token)
    assert found == Sighting(
        days(1, 3), days(2), {((), 1): "B", ((), 2): None, ((), 3): "d"}, count=4
    )
    assert sighting(before, before.tokens, before.token) is None
    only_loose = sighting(look("a", "b", "c"), before.tokens, before.token)
    assert only_loose == Sighting(days(), days(), {}, count=3, loose=True)


def test_the_same_tokens_in_other_windows_are_a_change() -> None:
    assert look("a").token != look("", "a").token
    assert look("a").token != look("a", axis=MONTH).token
    assert look("a").token != look("a", loose="x").token


def test_a_look_writes_what_moved_and_leaves_the_rest() -> None:
    first, second = look("a", "b", "c"), look("a", "B", "")
    past = seen(NEVER, first, None, 10)
    assert ticks(past) == {"1970-01-01..1970-01-04": 10}
    past = seen(past, second, first, 20)
    assert ticks(past) == {"1970-01-01": 10, "1970-01-03": 20, "1970-01-02": 20}
    assert (past.version, past.version_since, past.shrunk_at) == ("v", 10, 0)
    past = seen(past, look("a", "B", "", loose="x"), second, 30)
    assert (past.loose_at, past.written_at(), len(past.built)) == (30, 30, 3)


def test_the_same_rows_cut_otherwise_keep_their_tick() -> None:
    whole = NEVER.observed(Built(WHOLE, "v", 4, 5), "3")
    now = look("1", "2", total="3")
    past = seen(whole, now, None, 20)
    assert ticks(past) == {"1970-01-01..1970-01-03": 5}
    assert past.shrunk_at == 0
    months = look("3", total="3", axis=MONTH)
    assert ticks(seen(past, months, None, 30)) == {"1970-01": 5}


def test_other_rows_cut_otherwise_may_be_gone_from_anywhere() -> None:
    whole = NEVER.observed(Built(WHOLE, "v", 4, 5), "3")
    past = seen(whole, look("1", "3", total="4"), None, 20)
    assert (ticks(past), past.shrunk_at) == ({"1970-01-01..1970-01-03": 20}, 20)
    unknown = seen(whole, look("a", "b"), None, 20)  # no total: an aggregate
    assert unknown.shrunk_at == 20


def test_who_reads_rows_that_lie_in_no_window() -> None:
    assert reads_loose(WHOLE, DAY, SAME)
    assert reads_loose(days(1), DAY, EVERYTHING)
    assert not reads_loose(days(1), DAY, SAME)
    assert not reads_loose(days(1), MONTH, SAME)
    assert not reads_loose(days(1), DAY, Reads(Mapped.LATEST))
    regions = Partitions.of_values(["eu"])
    assert reads_loose(regions, DAY, SAME)  # nothing in common: any slice may read any row
    both = (Partitioning("d", DAY) * Partitioning("r", ValueAxis())).axis
    assert reads_loose(days(1), both, SAME)  # a row of this day may lack its region
    assert not reads_loose(Partitions.of_rows(both, [(("eu",), [(1, 2)])]), both, SAME)


def test_one_value_written_in_several_ways() -> None:
    mine = Partitions.of_values(["1", "2"])
    assert mine.touched_by(Partitions.of_values(["01.0", "3"])) == Partitions.of_values(["1"])
