"""Late data through chains of days, weeks and months: built right, and nothing built for nothing."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle.chains import END, SHAPES, START, Chain, Link

DAYS = (END - START).days
days = st.integers(0, DAYS - 1).map(lambda n: START + timedelta(days=n))
rows = st.lists(st.tuples(days, st.sampled_from("ab"), st.integers(-3, 9)), min_size=3, max_size=20)


@st.composite
def chains(draw: st.DrawFn) -> list[Link]:
    """Each model cut so that the next one can read it."""
    links: list[Link] = []
    by = "day"
    for _ in range(draw(st.integers(1, 4))):
        fitting = sorted(name for name, shape in SHAPES.items() if by in shape.over)
        name = draw(st.sampled_from(fitting))
        links.append(Link(name, draw(st.booleans())))
        by = SHAPES[name].by
    return links


edits = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), days, st.sampled_from("ab"), st.integers(-3, 9)),
        st.tuples(st.just("delete"), days),
    ),
    min_size=1,
    max_size=3,
)


def late_data(links: list[Link], first: list[tuple[date, str, int]], rounds: list[list]) -> None:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(Path(folder), links, first)
        chain.build()
        assert chain.tables() == chain.truth()
        assert chain.plan() == {}
        for edits in rounds:
            before = chain.days()
            for verb, *what in edits:
                if verb == "insert":
                    chain.insert([tuple(what)])  # type: ignore[list-item]
                else:
                    chain.delete(what[0])
            after = chain.days()
            moved = {d for d in before.keys() | after.keys() if before.get(d) != after.get(d)}
            assert chain.plan() == chain.expected(frozenset(moved)), (links, moved)
            chain.build()
            assert chain.tables() == chain.truth()
            assert chain.plan() == {}


@pytest.mark.long
@settings(deadline=None, max_examples=5, suppress_health_check=list(HealthCheck))
@given(chains(), rows, st.lists(edits, min_size=1, max_size=2))
def test_late_data_reaches_what_reads_it_and_nothing_else(links, first, rounds):  # type: ignore[no-untyped-def]
    late_data(links, first, rounds)


@pytest.mark.nightly
@settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))
@given(chains(), rows, st.lists(edits, min_size=1, max_size=4))
def test_late_data_reaches_what_reads_it_many_times(links, first, rounds):  # type: ignore[no-untyped-def]
    late_data(links, first, rounds)


@pytest.mark.long
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_each_shape_over_days_or_what_it_needs(shape: str) -> None:
    over = SHAPES[shape].over
    links = [Link(shape)]
    if "day" not in over:
        links = [Link({"month": "monthly", "week": "weekly"}[over[0]]), Link(shape, view=True)]
    first = [(START + timedelta(days=n), "ab"[n % 2], n % 7) for n in range(DAYS)]
    late = START + timedelta(days=38)
    late_data(links, first, [[("insert", late, "a", 5), ("delete", START + timedelta(days=9))]])
