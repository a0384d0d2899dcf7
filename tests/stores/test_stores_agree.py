"""Whatever happens, the store on disk and the one in memory tell the same story."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores.events import (
    checked,
    failed,
    finished,
    run_finished,
    run_started,
    said,
    skipped,
    span,
    started,
)

from sqlpipes.core.events import Event
from sqlpipes.core.partitions import WHOLE, Grain, Partitions, TimeAxis
from sqlpipes.core.status import Status
from sqlpipes.core.windows import Sighting
from sqlpipes.stores import Move, Store, open_store
from sqlpipes.stores.memory import MemoryStore

runs = st.sampled_from(["r1", "r2", "r3"])
assets = st.sampled_from(["a", "b"])
versions = st.sampled_from(["v1.s", "v2", ""])
looks = ["run checks", "observe source", "report source", "report"]
actions = st.sampled_from(["replace slices"] * 3 + looks)
tokens = st.sampled_from([None, "t1", "t2"])
day_spans = st.builds(lambda low, n: span(low, low + n), st.integers(0, 9), st.integers(1, 5))
month_spans = st.sampled_from([Partitions.of(Grain.MONTH, [(0, 1)]), WHOLE])
slices = st.one_of(day_spans, day_spans, month_spans)
common = {"asset": assets, "slices": slices, "action": actions, "run_id": runs}


def looked(asset: str, moved: list[int], anew: bool, run_id: str) -> Event:
    """A look at a source in windows: even ones have rows, odd ones have none any more."""
    tokens = {((), day): None if day % 2 else f"t{day}" for day in moved}
    there = Partitions.of(Grain.DAY, [(day, day + 1) for day in moved if day % 2 == 0])
    gone = Partitions.of(Grain.DAY, [(day, day + 1) for day in moved if day % 2])
    seen = Sighting(there, gone, tokens, 7, anew=anew, loose=not moved)
    said = {"action": "observe source", "token": f"windows;;{moved};", "sighting": seen}
    return finished(asset, seen.slices, run_id=run_id, **said)


happenings = st.one_of(
    st.builds(started, version=versions, full=st.booleans(), **common),
    st.builds(started, version=versions, full=st.booleans(), **common),
    st.builds(
        finished, version=versions, full=st.booleans(), token=tokens, definition=versions, **common
    ),
    st.builds(looked, assets, st.lists(st.integers(0, 6), max_size=3), st.booleans(), runs),
    st.builds(failed, status=st.sampled_from([Status.FAIL, Status.ERROR]), **common),
    st.builds(skipped, **common),
    st.builds(said, assets, st.sampled_from(["one", "one two"]), action=actions, run_id=runs),
    st.builds(checked, assets, st.sampled_from(["x", "y"]), run_id=runs),
    st.builds(run_finished, runs),
    st.sampled_from(["close", "forget", "prune", "move", "reopen"]),
)


def do(store: Store, happening: Event | str) -> None:
    if happening == "close":
        store.close_stale_runs(lambda pid, place: False)
    elif happening == "forget":
        store.forget(["a"])
    elif happening == "move":
        known = store.history().assets
        if "a" in known:
            store.forget(["b"])
            bodies, checks = ("v1", "v9"), ("v2", "v8")
            store.move(Move("a", "b", "elsewhere", bodies=bodies, checks=checks))
    elif happening == "prune":
        store.prune(1)
    elif not isinstance(happening, str):
        store.append(happening)


def all_of(store: Store) -> list[object]:
    there = [run.run_id for run in store.runs()]
    names = ["a", "b"]
    return [
        store.history(),
        store.history(["a"]),
        store.definitions(names),
        store.running(),
        store.built_at(),
        store.last_result(),
        [(c.run_id, c.check, c.status) for c in store.check_results()],
        [store.slices(name) for name in names],
        [store.windows(name, TimeAxis(Grain.DAY)) for name in names],
        [(run.status, run.counts, run.steps, run.checks) for run in map(store.run, there)],
        there,
    ]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("project"))


numbers = itertools.count()


@given(st.lists(happenings, min_size=8, max_size=30), st.booleans())
@settings(deadline=None, max_examples=25)
def test_disk_and_memory_tell_the_same(
    root: str, story: Sequence[Event | str], twice: bool
) -> None:
    target = f"target{next(numbers)}"
    memory = MemoryStore(target)
    with (
        closing(open_store(None, root, target=target)) as disk,
        closing(open_store(None, root, target=target)) as other,
    ):
        for run in ("r1", "r2", "r3"):
            do(memory, run_started(run))
            do(disk, run_started(run))
        for number, happening in enumerate(story):
            do(memory, happening)
            do(other if twice and number % 2 else disk, happening)  # neither may trust its memo
        assert all_of(disk) == all_of(memory)
        assert all_of(other) == all_of(memory)


@given(st.lists(happenings, max_size=25))
@settings(deadline=None, max_examples=40)
def test_slices_are_never_counted_twice_and_never_lost(story: Sequence[Event | str]) -> None:
    store = MemoryStore("dev")
    for happening in story:
        do(store, happening)
        for past in store.history().assets.values():
            by_grain = [(b.slices.axis, ordinal) for b in past.built for ordinal in b.slices]
            assert len(by_grain) == len(set(by_grain))
            tick = store.history().tick  # what holds what it held was written before it was read
            assert all(0 < at <= tick for b in past.built for at in (b.read_at, b.written_at))
