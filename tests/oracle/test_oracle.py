"""The test that matters most: whatever happens to a project, one build makes it as if built anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle.shop import BUILT, MODELS, Shop
from places import Place

import sqlpipes
from sqlpipes.api import Ask

NAMES = sorted(MODELS)
DUCKDB = Place()
SELECTORS = [*NAMES, *(f"+{name}" for name in NAMES), *(f"{name}+" for name in NAMES), "raw_sales"]

days = st.integers(0, 20)
keys = st.sampled_from("abc")
amounts = st.none() | st.integers(0, 50)
asks = st.builds(
    Ask,
    select=st.lists(st.sampled_from(SELECTORS), max_size=2).map(tuple),
    force=st.booleans(),
    full_refresh=st.integers(0, 9).map(lambda n: n == 0),
    empty=st.integers(0, 19).map(lambda n: n == 0),
)
partial = st.builds(
    Ask,
    select=st.sampled_from([("daily",), ("+daily",), ("weekly",), ("daily", "weekly")]),
    partitions=st.sampled_from(["2024-01-01..2024-01-08", "2024-01-08..2024-01-15"]),
    force=st.booleans(),
)
operation = st.one_of(
    st.tuples(st.just("add_sale"), days, keys, amounts),
    st.tuples(st.just("change_sale"), st.integers(0, 30), amounts),
    st.tuples(st.just("add_event"), keys),
    st.tuples(st.just("edit"), st.sampled_from(NAMES), st.integers(0, 5)),
    st.tuples(st.just("edit"), st.just("daily"), st.integers(0, 5)),
    st.tuples(st.just("write_file"), st.integers(0, 1), st.integers(0, 2)),
    st.tuples(st.just("remove_file"), st.integers(0, 1)),
    st.tuples(st.just("rename_seed")),
    st.tuples(st.just("put_aside"), st.sampled_from(["aside", "aside_2"]), st.integers(0, 3)),
    st.tuples(st.just("drop"), st.sampled_from(BUILT)),
    st.tuples(st.just("pass_time"), days),
    st.tuples(st.just("lose_state")),
    st.tuples(st.just("poison"), keys),
    st.tuples(st.just("build"), asks | partial),
    st.tuples(st.just("build"), st.just(Ask())),
    st.tuples(st.just("killed"), st.just(Ask()) | asks, st.integers(1, 30)),
    st.tuples(st.just("cut"), st.integers(1, 30)),
)


def follow(shop: Shop, history: list[tuple]) -> None:  # type: ignore[type-arg]
    """Do what the history says; a build may fail on a poisoned row, which is then taken out again."""
    for verb, *arguments in history:
        if verb == "killed":
            shop.build(arguments[0], kill_at=arguments[1])
        elif verb == "poison":
            shop.add_sale(0, arguments[0], 1_000_000)
            shop.build()
            shop.change_sale(len(shop.rows) - 1, 5)
        else:
            getattr(shop, verb)(*arguments)


def check_history(history: list[tuple], place: Place = DUCKDB) -> None:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder) / "shop", place)
        (Path(folder) / "fresh").mkdir()
        shop.create()
        follow(shop, history)
        report = shop.build()
        said = "\n".join(shop.log)
        assert report is not None, said
        assert report.ok, said
        assert shop.tables() == shop.rebuilt(Path(folder) / "fresh"), said
        left = sqlpipes.plan(shop.load(), now=shop.now)
        assert left.steps == (), f"{said}\n{[(s.asset, s.reasons) for s in left.steps]}"


@given(st.lists(operation, min_size=1, max_size=7))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_history_then_one_build_equals_a_full_rebuild(history):
    check_history(history)


@pytest.mark.long
@given(st.lists(operation, min_size=1, max_size=6))
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_same_on_a_server_that_cuts_connections(postgres_database, history):
    check_history(history, Place("postgres", postgres_database))


@pytest.mark.nightly
@given(st.lists(operation, min_size=1, max_size=15))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_long_histories_on_a_server_that_cuts_connections(postgres_database, history):
    check_history(history, Place("postgres", postgres_database))


@pytest.mark.nightly
@given(st.lists(operation, min_size=1, max_size=20))
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
def test_long_histories_equal_a_full_rebuild(history):
    check_history(history)
