"""What counts as built, against a plain table of slices."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.history import NEVER, Built, History, Past, doubt, less, settle
from sqlpipes.core.partitions import WHOLE, Grain, Partitions, parse_partitions

DAY, MONTH, WEEK = Grain.DAY, Grain.MONTH, Grain.WEEK


def days(low: int, high: int) -> Partitions:
    return Partitions.of(DAY, [(low, high)])


def months(low: int, high: int) -> Partitions:
    return Partitions.of(MONTH, [(low, high)])


@dataclass(frozen=True)
class Build:
    low: int
    length: int
    version: str
    full: bool


builds = st.lists(
    st.builds(
        Build,
        low=st.integers(0, 20),
        length=st.integers(1, 8),
        version=st.sampled_from(["a", "b", "a-empty"]),
        full=st.booleans(),
    ),
    max_size=12,
)


def flat(past: Past) -> dict[int, tuple[str, int, int]]:
    return {
        ordinal: (built.version, built.read_at, built.written_at)
        for built in past.built
        for ordinal in built.slices
    }


@given(builds)
@settings(deadline=None)
def test_builds_add_up_as_in_a_table_of_slices(history: list[Build]) -> None:
    past, since, version = NEVER, 0, ""
    table: dict[int, tuple[str, int, int]] = {}
    for number, build in enumerate(history):
        read_at, written_at = 2 * number + 1, 2 * number + 2
        slices = days(build.low, build.low + build.length)
        past = past.add(Built(slices, build.version, read_at, written_at), full=build.full)
        table = {} if build.full else table
        table = table | dict.fromkeys(slices, (build.version, read_at, written_at))
        if build.version != version:
            version, since = build.version, written_at
    assert flat(past) == table
    assert sum(len(built.slices) for built in past.built) == len(table)  # nothing counted twice
    assert set(past.slices(DAY)) == set(table)
    assert past.written_at() == max((entry[2] for entry in table.values()), default=0)
    assert (past.version, past.version_since) == (version, since)
    assert all(built.slices for built in past.built)


@given(builds, st.sets(st.integers(0, 30)))
@settings(deadline=None)
def test_what_is_in_doubt_does_not_count_until_it_is_written_again(
    history: list[Build], doubtful: set[int]
) -> None:
    suspect = Partitions.of(DAY, [(day, day + 1) for day in doubtful])
    past = Past(built=(Built(days(0, 31), "a", 1, 2),), version="a", suspect=suspect or None)
    there, doubted = set(range(31)), set(doubtful)
    for number, build in enumerate(history):
        slices = days(build.low, build.low + build.length)
        past = past.add(
            Built(slices, build.version, 2 * number + 3, 2 * number + 4), full=build.full
        )
        there = set(slices) if build.full else there | set(slices)
        doubted = set() if build.full else doubted - set(slices)
    assert set(past.slices(DAY)) == there - doubted
    assert set(past.suspect or ()) == doubted
    assert set(past.in_doubt(DAY)) == doubted


def test_the_version_is_as_old_as_its_first_build_in_a_row() -> None:
    past = NEVER.add(Built(days(0, 5), "a", 1, 2)).add(Built(days(5, 6), "a", 3, 4))
    assert (past.version, past.version_since, past.written_at()) == ("a", 2, 4)
    past = past.add(Built(days(0, 1), "b", 5, 6))
    assert (past.version, past.version_since) == ("b", 6)
    past = past.add(Built(days(0, 1), "a", 7, 8))
    assert (past.version, past.version_since) == ("a", 8)


def test_a_build_ends_a_failure_and_checks_alone_do_too() -> None:
    broken = Past(built=(Built(WHOLE, "a", 1, 2),), version="a", failed=True, checks_version="x")
    assert not broken.add(Built(WHOLE, "a", 3, 4)).failed
    mended = broken.checked("y", 5)
    assert (mended.failed, mended.checks_version, mended.checked_at) == (False, "y", 5)
    assert mended.built == broken.built


def test_a_check_that_failed_for_one_day_is_not_forgotten_when_another_passes() -> None:
    past = Past(built=(Built(days(0, 3), "a", 1, 2),), failed=True, broken=days(1, 2))
    other = past.add(Built(days(2, 3), "a", 3, 4))
    assert (other.failed, other.broken) == (True, days(1, 2))
    mended = other.add(Built(days(0, 2), "a", 5, 6))
    assert (mended.failed, mended.broken) == (False, None)
    anew = other.add(Built(days(2, 3), "a", 5, 6), full=True)
    assert (anew.failed, anew.broken) == (False, None)


def test_a_source_moves_only_when_its_token_does() -> None:
    first = NEVER.observed(Built(WHOLE, "s", 1, 2), "10 rows")
    same = first.observed(Built(WHOLE, "s", 3, 4), "10 rows")
    more = same.observed(Built(WHOLE, "s", 5, 6), "11 rows")
    assert [past.written_at() for past in (first, same, more)] == [2, 2, 6]
    assert [past.token for past in (first, same, more)] == ["10 rows", "10 rows", "11 rows"]


def test_a_source_without_a_token_moves_with_every_look() -> None:
    first = NEVER.observed(Built(WHOLE, "s", 1, 2), None)
    assert first.observed(Built(WHOLE, "s", 3, 4), None).written_at() == 4


def test_days_that_several_steps_built_make_a_month() -> None:
    january = parse_partitions("2024-01", DAY)
    first = Partitions.of(DAY, [(january.ranges[0][0], january.ranges[0][0] + 10)])
    past = NEVER.add(Built(first, "a", 1, 2))
    assert not past.slices(MONTH)
    past = past.add(Built(january - first, "a", 3, 4))
    assert past.slices(MONTH).keys == ("2024-01",)


def test_a_finer_grain_keeps_the_rest_of_the_month() -> None:
    past = NEVER.add(Built(months(0, 2), "a", 1, 2)).add(Built(days(3, 5), "b", 3, 4))
    assert flat(past)[0] == ("a", 1, 2)
    assert flat(past)[3] == ("b", 3, 4)
    assert set(past.slices(DAY)) == set(range(59))
    assert past.slices(MONTH).keys == ("1970-01", "1970-02")


def test_a_coarser_grain_takes_all_days_of_its_months() -> None:
    past = NEVER.add(Built(days(0, 40), "a", 1, 2)).add(Built(months(0, 1), "b", 3, 4))
    assert {built.version: str(built.slices) for built in past.built} == {
        "a": "1970-02-01..1970-02-10",
        "b": "1970-01",
    }


def test_weeks_over_months_claim_only_what_they_cover() -> None:
    past = NEVER.add(Built(months(0, 2), "a", 1, 2)).add(
        Built(Partitions.of(WEEK, [(3, 4)]), "b", 3, 4)
    )
    kept = {built.version: set(built.slices.within(DAY)) for built in past.built}
    written = set(Partitions.of(WEEK, [(3, 4)]).within(DAY))
    assert kept["b"] == written
    assert kept["a"] < set(range(59)) - written


def test_a_whole_and_slices_replace_each_other() -> None:
    sliced = NEVER.add(Built(days(0, 5), "a", 1, 2))
    whole = sliced.add(Built(WHOLE, "b", 3, 4))
    assert [built.version for built in whole.built] == ["b"]
    assert not whole.slices(DAY)
    assert [built.version for built in whole.add(Built(days(0, 1), "c", 5, 6)).built] == ["c"]


def test_doubt_crosses_grains() -> None:
    month = Past(built=(Built(months(0, 2), "a", 1, 2),), suspect=days(3, 4))
    assert month.slices(MONTH).keys == ("1970-02",)
    assert set(month.slices(DAY)) == set(range(59)) - {3}
    assert month.in_doubt(MONTH).keys == ("1970-01",)
    assert month.in_doubt(Grain.WHOLE) == WHOLE
    whole = Past(built=(Built(days(0, 5), "a", 1, 2),), suspect=WHOLE)
    assert not whole.slices(DAY)
    assert not whole.in_doubt(DAY)
    assert NEVER.in_doubt(DAY) == Partitions.of(DAY)


def test_only_what_is_covered_whole_is_settled() -> None:
    assert settle(months(0, 2), days(0, 31)) == months(1, 2)
    assert settle(months(0, 2), days(1, 59)) == months(0, 1)
    assert settle(days(0, 5), months(0, 1)) is None
    assert settle(WHOLE, WHOLE) is None
    assert settle(days(0, 5), Partitions(DAY)) == days(0, 5)


def test_doubts_add_up_in_the_finer_grain() -> None:
    assert doubt(None, Partitions(DAY)) is None
    assert doubt(None, days(0, 1)) == days(0, 1)
    assert doubt(days(0, 1), days(4, 5)) == Partitions.of(DAY, [(0, 1), (4, 5)])
    assert doubt(months(0, 1), days(40, 41)) == Partitions.of(DAY, [(0, 31), (40, 41)])
    assert doubt(days(0, 1), WHOLE) == doubt(WHOLE, days(0, 1)) == WHOLE


@given(st.sets(st.integers(0, 90), max_size=20), st.sets(st.integers(0, 3), max_size=3))
@settings(deadline=None)
def test_less_leaves_no_shared_instant(of_days: set[int], of_months: set[int]) -> None:
    a = Partitions.of(DAY, [(day, day + 1) for day in of_days])
    b = Partitions.of(MONTH, [(month, month + 1) for month in of_months])
    assert set(less(a, b)) == set(a) - set(b.within(DAY))
    assert set(less(b, a).within(DAY)) == set(b.within(DAY)) - set(a)


def test_a_history_with_another_past_leaves_the_first_as_it_was() -> None:
    before = History({"a": NEVER}, tick=7)
    after = before.with_past("b", Past(version="x"))
    assert (before.of("b"), before.tick) == (NEVER, 7)
    assert (after.of("b").version, after.of("a"), after.tick) == ("x", NEVER, 9)


def test_slices_with_the_same_content_keep_the_tick_of_their_last_write() -> None:
    """Readers ask when something was written; the asset itself, when it last read."""
    past = NEVER.add(Built(days(0, 4), "v1", 1, 2)).add(Built(days(4, 6), "v1", 3, 4))
    again = past.add(Built(days(2, 6), "v1", 9, 10), same=days(2, 5))
    written = {(built.slices.ranges, built.read_at, built.written_at) for built in again.built}
    assert written == {
        (((0, 2),), 1, 2),
        (((2, 4),), 9, 2),
        (((4, 5),), 9, 4),
        (((5, 6),), 9, 10),
    }
    whole = past.add(Built(days(0, 6), "v2", 9, 10), full=True, same=days(0, 6))
    assert whole.written_at() == 4
    assert {built.version for built in whole.built} == {"v2"}


def test_slices_in_doubt_are_never_the_same() -> None:
    past = replace(NEVER.add(Built(days(0, 4), "v1", 1, 2)), suspect=days(1, 2))
    again = past.add(Built(days(0, 4), "v1", 9, 10), same=days(0, 4))
    assert [b.slices.ranges for b in again.built if b.written_at == 10] == [((1, 2),)]


def test_pieces_that_end_up_with_the_same_ticks_are_one() -> None:
    past = NEVER.add(Built(days(0, 6), "v1", 1, 2))
    past = past.add(Built(days(0, 3), "v1", 5, 6), same=days(0, 3))  # read again, not moved
    again = past.add(Built(days(0, 6), "v1", 9, 10), same=days(0, 6))
    assert again.built == (Built(days(0, 6), "v1", 9, 2),)
