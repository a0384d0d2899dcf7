"""Every kind of slice, mapping and way to ask, in any order: one build makes all of it right."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle.boxes import built_for_nothing
from oracle.world import (
    CUTS,
    DAYS,
    LOCAL,
    SHAPES,
    WINDOWS,
    Model,
    World,
    apart,
)

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.events import StepStarted

PLACES = DAYS * 4
places = st.integers(-1, PLACES - 1) | st.integers(52, 55)
keys = st.sampled_from("abc") | st.none()
numbers = st.integers(0, 39)
first_rows = st.lists(st.tuples(places, keys, numbers), min_size=3, max_size=16)
History = list[tuple[Any, ...]]


def readable(model: Model, over: Model | None) -> list[str | None]:
    """The mappings that are true of a model: declaring another one would be the user's fault."""
    if model.how != "sliced":
        return [None]
    if over is not None and over.how in ("view", "ephemeral"):
        return [None, "all"]
    if model.is_local != (over is not None and over.how == "sliced" and over.is_local):
        return [None, "all"]
    if model.shape == "trailing" and (over is None or over.cut in ("day", "week", "month")):
        return [None, "all"] if over is None else [None, "all", "{back: 2, ahead: 0}"]
    return [None, "all", "same"] if model.shape in LOCAL else [None, "all"]


@st.composite
def worlds(draw: st.DrawFn) -> list[Model]:
    models: list[Model] = []
    for i in range(draw(st.integers(1, 4))):
        over = draw(st.none() | st.integers(0, i - 1)) if i else None
        how = draw(st.sampled_from(["sliced", "sliced", "sliced", "view", "ephemeral", "table"]))
        shape = draw(st.sampled_from(sorted(SHAPES)))
        model = Model(
            shape,
            over,
            how,
            draw(st.sampled_from(sorted(CUTS))),
            batch=draw(st.none() | st.integers(1, 5)),
            newest=draw(st.booleans()),
            lookback=draw(st.integers(0, 2)),
        )
        declared = readable(model, None if over is None else models[over])
        reads = draw(st.sampled_from(declared))
        models.append(Model(*(getattr(model, f) for f in FIELDS), reads, *_rest(model)))
    return models


FIELDS = ("shape", "over", "how", "cut")


def _rest(model: Model) -> tuple[Any, ...]:
    return model.batch, model.newest, model.lookback


asks = st.one_of(
    st.builds(Ask, missing=st.booleans(), failed=st.booleans(), stale=st.booleans()),
    st.builds(Ask, last=st.integers(1, 5), newest_first=st.none() | st.booleans()),
    st.builds(Ask, force=st.booleans(), partitions=st.sampled_from(["2024-03", "2024-03-31"])),
    st.builds(Ask, force=st.just(True), stale=st.booleans(), last=st.none() | st.integers(1, 3)),
    st.builds(Ask, full_refresh=st.booleans(), newest_first=st.just(True)),
    st.builds(Ask, select=st.sampled_from([("m0",), ("m0+",), ("+m1",)])),
)
operation = st.one_of(
    st.tuples(st.just("insert"), places, keys, numbers),
    st.tuples(st.just("delete"), st.integers(0, 20)),
    st.tuples(st.just("move"), st.integers(0, 20), places),
    st.tuples(st.just("rekey"), st.integers(0, 20), keys, numbers),
    st.tuples(st.just("poison"), st.integers(0, PLACES - 1), st.sampled_from("ab")),
    st.tuples(st.just("mend")),
    st.tuples(st.just("edit"), st.integers(0, 3)),
    st.tuples(st.just("drop"), st.integers(0, 3)),
    st.tuples(st.just("rename"), st.integers(0, 3)),
    st.tuples(st.just("carry_state")),
    st.tuples(st.just("cut_source"), st.sampled_from(sorted(WINDOWS))),
    st.tuples(st.just("build"), asks),
    st.tuples(st.just("build"), st.just(None)),
    st.tuples(st.just("build"), st.none() | asks, st.integers(1, 25)),
)


def settled(world: World, said: object) -> None:
    """A plain build, and then: everything is the truth, and nothing is left to do."""
    report = world.build()
    assert report is not None, said
    assert report.ok, (said, [event.problems for event in report.failed])
    assert apart(world.held(), world.truth()) == {}, said
    assert world.views_are_right(), said
    left = world.plan()
    reasons = [(s.asset, str(s.slices), [str(r) for r in s.reasons]) for s in left.steps]
    assert left.steps == (), (said, reasons)


def follow(models: list[Model], windows: str, rows: list[Any], history: History) -> None:
    said = (models, windows, rows, history)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), models, windows)
        world.create(rows)
        for verb, *arguments in history:
            try:
                getattr(world, verb)(*arguments)
            except sqlpipes.ProjectError as error:
                if {problem.code for problem in error.problems} - {"SEL001", "SEL002"}:
                    raise
        world.mend()
        settled(world, said)


@pytest.mark.long
@given(worlds(), st.sampled_from(sorted(WINDOWS)), first_rows, st.lists(operation, max_size=8))
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_world_after_anything_is_right_with_one_build(models, windows, rows, history):  # type: ignore[no-untyped-def]
    follow(models, windows, rows, history)


@pytest.mark.nightly
@given(worlds(), st.sampled_from(sorted(WINDOWS)), first_rows, st.lists(operation, max_size=20))
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_world_many_times(models, windows, rows, history):  # type: ignore[no-untyped-def]
    follow(models, windows, rows, history)


moves = st.one_of(
    st.tuples(st.just("insert"), st.integers(0, PLACES - 1), st.sampled_from("abc"), numbers),
    st.tuples(st.just("delete"), st.integers(0, 20)),
    st.tuples(st.just("move"), st.integers(0, 20), st.integers(0, PLACES - 1)),
    st.tuples(st.just("rekey"), st.integers(0, 20), st.sampled_from("abc"), numbers),
)


def late(models: list[Model], windows: str, rows: list[Any], rounds: list[History]) -> None:
    """The values of a slice that a query finds hang on all of its input: these are left out."""
    models = [replace(m, cut="static") if "found" in m.cut else m for m in models]
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), models, windows)
        world.create(rows)
        settled(world, (models, windows, rows))
        for edits in rounds:
            before = Counter(world.sql("from raw.events"))
            for verb, *arguments in edits:
                getattr(world, verb)(*arguments)
            after = Counter(world.sql("from raw.events"))
            moved = [*(before - after), *(after - before)]
            assert built_for_nothing(world, moved) == [], (models, windows, rows, rounds, moved)
            settled(world, (models, windows, rows, rounds))


@pytest.mark.long
@given(
    worlds(),
    st.sampled_from(sorted(WINDOWS)),
    first_rows,
    st.lists(st.lists(moves, min_size=1, max_size=2), min_size=1, max_size=2),
)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_is_built_for_nothing(models, windows, rows, rounds):  # type: ignore[no-untyped-def]
    late(models, windows, rows, rounds)


@pytest.mark.nightly
@given(
    worlds(),
    st.sampled_from(sorted(WINDOWS)),
    first_rows,
    st.lists(st.lists(moves, min_size=1, max_size=3), min_size=1, max_size=4),
)
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_is_built_for_nothing_many_times(models, windows, rows, rounds):  # type: ignore[no-untyped-def]
    late(models, windows, rows, rounds)


@pytest.mark.long
@pytest.mark.parametrize("cut", sorted(CUTS))
def test_a_slice_that_fails_stops_no_other(tmp_path: Path, cut: str) -> None:
    world = World(tmp_path, [Model(cut=cut, batch=4), Model("summed", 0, cut=cut)], "day_by_value")
    world.create([(p, "abd"[p % 3], p % 40) for p in (48, 50, 52, 53, 54, 55, 56, 57, 60)])
    settled(world, cut)
    old = world.held()["m0"]
    world.insert(53, "a", 25)
    world.insert(55, "b", 35)
    world.poison(54, "a")
    report = world.build()
    assert report is not None
    assert not report.ok
    assert {event.asset for event in report.failed} == {"m0"}
    held = world.held()["m0"]
    world.mend()
    true = world.truth()["m0"]
    wrong = {key for key in held.keys() | true.keys() if held.get(key) != true.get(key)}
    assert all(held.get(key) == old.get(key) for key in wrong)
    if any(e.full for e in report.events if isinstance(e, StepStarted) and e.asset == "m0"):
        assert held == old  # every slice was to be written, in one transaction
    else:
        assert len(wrong) <= 1
    settled(world, cut)
