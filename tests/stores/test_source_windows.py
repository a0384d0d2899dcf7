"""Tokens of windows in a state on disk: kept by axis, written only where they moved, forgotten at last."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from stores.events import finished, run_started

from sqlpipes.core.partitions import Axis, Grain, Partitioning, TimeAxis, ValueAxis
from sqlpipes.core.windows import Slot, Windows, sighting
from sqlpipes.stores import Store, open_store
from sqlpipes.stores.memory import MemoryStore

DAY = TimeAxis(Grain.DAY)
BERLIN = TimeAxis(Grain.DAY, zone="Europe/Berlin")
BOTH = (Partitioning("d", DAY) * Partitioning("r", ValueAxis())).axis


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else open_store(None, str(tmp_path))


def look(store: Store, now: Windows) -> None:
    """What a build records of a look."""
    token = store.history().of("raw").token
    found = sighting(now, store.windows("raw", now.axis), token)
    assert found is not None
    said = {"action": "observe source", "token": now.token, "sighting": found}
    store.append(finished("raw", found.slices, **said))


@pytest.mark.parametrize(
    ("axis", "one", "two"),
    [
        (DAY, ((), -3), ((), 5)),
        (BERLIN, ((), 0), ((), 1)),
        (ValueAxis(), (("it's",), 0), (("eu",), 0)),
        (BOTH, (("eu",), 3), (("us",), 3)),
    ],
)
def test_tokens_are_kept_by_axis(store: Store, axis: Axis, one: Slot, two: Slot) -> None:
    with closing(store):
        store.append(run_started())
        look(store, Windows(axis, {one: "a", two: "b"}))
        assert store.windows("raw", axis) == {one: "a", two: "b"}
        assert store.windows("raw", TimeAxis(Grain.MONTH)) == {}
        look(store, Windows(axis, {two: "B"}))
        assert store.windows("raw", axis) == {two: "B"}
        written = [built.written_at for built in store.history().of("raw").built]
        assert len(written) == 2  # what moved, and what is gone
        look(store, Windows(TimeAxis(Grain.MONTH), {((), 0): "c"}))
        assert store.windows("raw", axis) == {}
        store.append(finished("raw", action="observe source", token="whole"))
        assert store.windows("raw", TimeAxis(Grain.MONTH)) == {}


def test_forgotten_with_the_source(store: Store) -> None:
    with closing(store):
        store.append(run_started())
        look(store, Windows(DAY, {((), 1): "a"}))
        store.forget(["raw"])
        assert store.windows("raw", DAY) == {}


def test_many_windows_and_only_what_moved_is_written(tmp_path: Path) -> None:
    many = {((), i): "a" for i in range(100_000)}
    with closing(open_store(None, str(tmp_path))) as store:
        store.append(run_started())
        look(store, Windows(DAY, many))
        look(store, Windows(DAY, many | {((), 7): "b", ((), 100_000): "c"}))
        assert store.windows("raw", DAY)[(), 7] == "b"
        assert len(store.windows("raw", DAY)) == 100_001
    with closing(sqlite3.connect(tmp_path / ".sqlpipes" / "state.db")) as db:
        rows = db.execute("select low, high from sqlpipes_slices order by low").fetchall()
    assert rows == [(0, 7), (7, 8), (8, 100_000), (100_000, 100_001)]


def test_the_quick_way_asks_without_the_whole_store(tmp_path: Path) -> None:
    with closing(open_store(None, str(tmp_path))) as store:
        store.append(run_started())
        look(store, Windows(DAY, {((), 1): "a"}))
    with closing(open_store(None, str(tmp_path))) as quick:
        assert quick.windows("raw", DAY) == {((), 1): "a"}
        assert quick._opened is None  # type: ignore[attr-defined]
