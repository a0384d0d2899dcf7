"""What was read before it moved: the same answer as comparing every read with every write."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_

from decide.graphs import HERE, asset
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.asset import Asset, Materialized
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.history import Built, History, Past
from sqlpipes.core.partitions import (
    Grain,
    Near,
    Partitioning,
    Partitions,
    RollUp,
    Span,
    TimeAxis,
    ValueAxis,
)
from sqlpipes.core.plan import Why
from sqlpipes.core.reads import Mapped, Proof, Reads, touched
from sqlpipes.decide.overtaken import At, alike, overtaken
from sqlpipes.decide.planner import Observed, Wish, make_plan

DAY, MONTH = TimeAxis(Grain.DAY), TimeAxis(Grain.MONTH)
CUTS = {
    "days": Partitioning("day", DAY, 0, 90),
    "months": Partitioning("day", MONTH, 0, 3),
    "both": Partitioning("day", DAY, 0, 40)
    * Partitioning("region", ValueAxis(), values=("asia", "eu", "us")),
    "regions": Partitioning("region", ValueAxis(), values=("asia", "eu", "us")),
}
NOW = datetime(2024, 1, 1)
cuts = st.sampled_from(sorted(CUTS))
ticks = st.integers(1, 30)


def proof(own: str, *reaches: object) -> Proof:
    return Proof(own, own, tuple(reaches), HERE, own)


READS = st.sampled_from(
    [
        Reads(),
        Reads(Mapped.SAME),
        Reads(Mapped.SAME, back=3),
        Reads(Mapped.SAME, ahead=1),
        Reads(Mapped.LATEST),
        Reads(Mapped.AS_OF_BUILD),
        Reads(Mapped.PROVEN, proofs=(proof("day", ()),)),
        Reads(Mapped.PROVEN, proofs=(proof("day", (Near(Span(days=6)),), (RollUp(Grain.MONTH),)),)),
        Reads(Mapped.PROVEN, proofs=(proof("day", ()), proof("region", ()))),
    ]
)


@st.composite
def some_of(draw: st.DrawFn, everything: Partitions) -> Partitions:
    """Scattered slices of a few rows."""
    rows = []
    for labels, ranges in everything.rows:
        low, high = ranges[0]
        pair = st.tuples(st.integers(low, high - 1), st.integers(1, 9))
        found = [(at, min(at + n, high)) for at, n in draw(st.lists(pair, max_size=3))]
        rows.append((labels, found))
    return Partitions.of_rows(everything.axis, rows)


@st.composite
def pasts(draw: st.DrawFn, cut: Partitioning) -> Past:
    """Everything built once, then parts of it again, as in a long life."""
    everything = cut.wanted(NOW)
    read_at, written_at = sorted([draw(ticks), draw(ticks)])
    past = Past().add(Built(everything, "1.1", read_at, written_at))
    for _ in range(draw(st.integers(0, 6))):
        slices = draw(some_of(everything))
        if slices:
            full = draw(st.integers(0, 9)) == 0  # the table was written anew, with fewer slices
            read_at = written_at + draw(ticks)  # one after the other
            written_at = read_at + draw(ticks)
            past = past.add(Built(slices, "1.1", read_at, written_at), full=full)
    return past


def table(name: str, cut: Partitioning, **more: str) -> Asset:
    return asset(name, materialized=Materialized.TABLE, partition=cut, **more)


def one_by_one(mine: Past, theirs: Past, reads: Reads, own: Partitioning, their: Partitioning):
    """Every write of the input against every read of the reader."""
    wanted = own.wanted(NOW)
    found = Partitions(wanted.axis)
    if any(built.read_at < theirs.shrunk_at for built in mine.built):
        gone = [built.slices for built in mine.built if built.read_at < theirs.shrunk_at]
        shrunk = reads.how is not Mapped.AS_OF_BUILD
        found = reduce(or_, gone, found) if shrunk else found
    last = max((each.slices.end or 0 for each in theirs.built), default=0)
    for built in mine.built:
        for each in theirs.built:
            newest = each.slices.end is None or each.slices.end >= last
            if each.written_at > built.read_at and (reads.how is not Mapped.LATEST or newest):
                late = touched(
                    built.slices & wanted, each.slices, reads, own.columns, their.columns
                )
                found |= late
    return found


def newer(
    mine: Past, theirs: Past, reads: Reads, own: Partitioning, their: Partitioning
) -> list[Partitions | None]:
    """What the plan says of slices whose input is newer."""
    tables = table("below", their), table("above", own)
    graph = Graph(
        {each.name: each for each in tables},
        {"below": (), "above": (Input("below", HERE, reads),)},
        ("below", "above"),
    )
    history = History({"below": theirs, "above": mine}, 100)
    plan = make_plan(graph, history, Wish(frozenset({"above"})), Observed(), NOW, {})
    return [r.slices for s in plan.steps for r in s.reasons if r.why is Why.INPUT_NEWER]


@given(st.data(), cuts, cuts, READS)
@settings(deadline=None, max_examples=120)
def test_the_plan_is_what_each_pair_of_a_read_and_a_write_says(
    data: st.DataObject, own: str, their: str, reads: Reads
) -> None:
    mine, theirs = data.draw(pasts(CUTS[own])), data.draw(pasts(CUTS[their]))
    expected = one_by_one(mine, theirs, reads, CUTS[own], CUTS[their])
    said = newer(mine, theirs, reads, CUTS[own], CUTS[their])
    assert said == ([expected] if expected else [])


timed = st.lists(st.tuples(some_of(CUTS["both"].wanted(NOW)), ticks), max_size=6)


def earlier_than(read: list[At], moved: list[At]) -> list[At]:
    empty = Partitions(CUTS["both"].axis)
    found = []
    for slices, tick in read:
        late = reduce(or_, (each for each, at in moved if at > tick), empty) & slices
        found += [(late, tick)] if late else []
    return found


@given(timed, timed)
@settings(deadline=None)
def test_what_was_read_too_early_is_found_whatever_covers_what(
    read: list[At], moved: list[At]
) -> None:
    expected = earlier_than(read, moved)
    assert list(overtaken(read, moved)) == expected
    fewer = alike(moved, [tick for _, tick in read])
    assert list(overtaken(read, fewer)) == expected
    assert len(fewer) <= len({tick for _, tick in read})


def test_two_writes_along_two_axes_reach_no_more_than_each_alone():
    """A day of the one region and another day of the other are two slices, not four."""
    cut = CUTS["both"]
    two = (
        Partitions.of_rows(cut.axis, [(("eu",), [(3, 4)])]),
        Partitions.of_rows(cut.axis, [(("us",), [(5, 6)])]),
    )
    once = Past().add(Built(cut.wanted(NOW), "1.1", 1, 2))
    later = once.add(Built(two[0], "1.1", 6, 7)).add(Built(two[1], "1.1", 8, 9))
    reads = Reads(Mapped.PROVEN, proofs=(proof("day", ()), proof("region", ())))
    above = Past().add(Built(cut.wanted(NOW), "1.1", 3, 4))
    assert newer(above, later, reads, cut, cut) == [two[0] | two[1]]


def test_a_month_that_was_built_day_by_day_is_of_the_old_version():
    """No step wrote the whole of January, and still it is there, and old."""
    past = Past()
    for day in range(31):
        past = past.add(
            Built(Partitions.of(DAY, [(day, day + 1)]), "1.1", 2 * day + 1, 2 * day + 2)
        )
    past = past.add(Built(Partitions.of(DAY, [(31, 70)]), "1.1", 63, 64))
    assert past.slices(MONTH) == Partitions.of(MONTH, [(0, 2)])
    for version, expected in (("2.1", Why.SQL_CHANGED), ("1.2", Why.SETTINGS_CHANGED)):
        now = table("m", Partitioning("day", MONTH, 0, 3), version=version)
        graph = Graph({"m": now}, {"m": ()}, ("m",))
        history = History({"m": past}, 64)
        plan = make_plan(graph, history, Wish(frozenset({"m"})), Observed(), NOW, {})
        (step,) = plan.steps
        assert {r.why: str(r.slices) for r in step.reasons} == {
            Why.NEVER_BUILT: "1970-03",
            expected: "1970-01..1970-03",
        }
