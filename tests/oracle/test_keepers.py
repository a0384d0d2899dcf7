"""Merges, appends, snapshots, `as_of_build` and `latest`: whatever happens, what each promises is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle.keepers import LAST, MODELS, Keepers
from places import Place

from sqlpipes.api import Ask

History = list[tuple[Any, ...]]
days, values, ids = st.integers(0, 27), st.integers(0, 9), st.integers(1, 12)
asks = st.one_of(
    st.just(Ask()),
    st.builds(Ask, force=st.just(True)),
    st.builds(Ask, select=st.lists(st.sampled_from(sorted(MODELS)), max_size=2).map(tuple)),
    st.builds(Ask, last=st.integers(1, 9), force=st.booleans()),
    st.builds(Ask, missing=st.booleans(), stale=st.booleans()),
)
operation = st.one_of(
    st.tuples(st.just("insert"), days | st.just(27), values),
    st.tuples(st.just("change"), ids, values, st.booleans()),
    st.tuples(st.just("move"), ids, days),
    st.tuples(st.just("delete"), ids),
    st.tuples(st.just("carry_state")),
    st.tuples(st.just("build"), st.just(Ask())),
    st.tuples(st.just("build"), asks),
    st.tuples(st.just("build"), asks, st.integers(1, 30)),
)


def follow(operations: History, place: Place) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Keepers(Path(folder), place)
        shop.create()
        for day in (0, 3, 8, 27):
            shop.insert(day, day)
        for verb, *arguments in operations:
            before = sorted(shop.rows.values())
            was_current = shop.plan() == set()
            getattr(shop, verb)(*arguments)
            if was_current and verb not in ("build", "carry_state"):
                what_moved(shop, before, sorted(shop.rows.values()))
        shop.build()
        shop.is_right()
        assert shop.plan() == set()
        shop.carry_state()
        assert shop.plan() == set()


def what_moved(shop: Keepers, before: list[Any], after: list[Any]) -> None:
    """Nothing re-opens what is read as it was when it was built, and only the newest what reads that."""
    planned = shop.plan()
    moved = [row for row in (*before, *after) if (row in before) != (row in after)]
    assert "frozen" not in planned
    assert ("of_newest" in planned) == any(row[1] == LAST for row in moved)
    assert ("merged" in planned) == ("history" in planned) == bool(moved)


@pytest.mark.long
@given(st.lists(operation, min_size=2, max_size=10))
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_promised_is_kept(place, operations):  # type: ignore[no-untyped-def]
    follow(operations, place)


@pytest.mark.nightly
@given(st.lists(operation, min_size=2, max_size=25))
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_promised_is_kept_many_times(place, operations):  # type: ignore[no-untyped-def]
    follow(operations, place)


@pytest.mark.long
@pytest.mark.parametrize(
    "ask",
    [
        Ask(missing=True),
        Ask(failed=True),
        Ask(stale=True),
        Ask(last=1),
        Ask(partitions="2024-01-01"),
        Ask(only_checks=True),
    ],
)
def test_a_build_of_some_slices_does_not_hide_what_the_source_did(ask: Ask) -> None:
    follow([("build", Ask()), ("delete", 2), ("build", ask)], Place())
