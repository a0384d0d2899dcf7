"""Verdicts, cursors and keys: the store on disk and the one in memory keep the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.core.sensor import Outcome, Reply, Wanted
from sqlpipes.core.verdict import Decision, Seen, Try, Verdict
from sqlpipes.stores import Move, Store, open_store
from sqlpipes.stores.memory import MemoryStore

AT = datetime(2024, 1, 4, 12, tzinfo=UTC)
DAYS = Partitions.of(Grain.DAY, [(0, 3), (5, 6)])


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    found = MemoryStore() if request.param == "memory" else open_store(None, str(tmp_path))
    with closing(found):
        yield found


def seen(number: int) -> Seen:
    verdict = Verdict("a", Decision.WAITS, DAYS, f"for b {number}")
    tried = Try(DAYS, "v|c", 7, "key", ended=True)
    return Seen((verdict, Verdict("a", Decision.RUN, WHOLE, "x")), AT, (tried,), AT)


def test_what_was_decided_comes_back(store: Store) -> None:
    store.asked().save_automation({"a": seen(1), "b": Seen()})
    assert store.asked().automation() == {"a": seen(1), "b": Seen()}
    assert store.asked().verdicts("a") == ((AT, seen(1).verdicts),)
    assert store.asked().verdicts("b") == ()


def test_only_changes_are_kept_and_only_so_many(store: Store) -> None:
    for number in range(60):
        for _ in range(2):
            store.asked().save_automation({"a": seen(number)})
    past = store.asked().verdicts("a", 100)
    assert len(past) == 50
    assert past[0][1] == seen(59).verdicts


def test_they_go_with_the_asset(store: Store) -> None:
    store.asked().save_automation({"a": seen(1), "b": seen(2)})
    store.forget(["b"])
    assert set(store.asked().automation()) == {"a"}


def reply(*keys: str, cursor: str = "c") -> Reply:
    wanted = tuple(Wanted(key, ("x",), {"n": 1}, "last 3") for key in keys)
    problems = (Problem("SEN006", "no", Location("a.py", 3)),)
    return Reply(Outcome.REQUESTED, cursor, wanted, (), "m", 0.5, "log\n", problems)


def test_a_cursor_and_its_wishes_are_one(store: Store) -> None:
    asked = store.asked()
    new = asked.save_reply("s", reply("a", "b", "a"), AT, None)
    assert [each.key for each in new] == ["a", "b"]
    state = asked.sensors()["s"]
    assert (state.cursor, state.tried_at, state.asked_at) == ("c", AT, AT)
    assert (state.log, state.problems) == ("log\n", reply().problems)
    assert asked.open_wanted() == tuple(
        ("s", Wanted(key, ("x",), {"n": 1}, "last 3", AT)) for key in ("a", "b")
    )
    asked.mark_done("s", ["a"], AT)
    assert [each.key for _, each in asked.open_wanted()] == ["b"]
    assert asked.known_keys("s", ["a", "b", "c"]) == {"a", "b"}


def test_a_call_that_another_one_overtook_is_not_kept(store: Store) -> None:
    asked = store.asked()
    asked.save_reply("s", reply("a"), AT, None)
    assert asked.save_reply("s", reply("b", cursor="late"), AT.replace(hour=13), None) == ()
    assert asked.sensors()["s"].cursor == "c"
    later = AT.replace(hour=14)
    assert [w.key for w in asked.save_reply("s", reply("a", "b"), later, AT)] == ["b"]
    asked.save_reply("s", replace(reply(), outcome=Outcome.SKIPPED), AT.replace(hour=15), later)
    assert asked.sensors()["s"].asked_at == later


def test_a_reset_begins_anew(store: Store) -> None:
    asked = store.asked()
    asked.save_reply("s", reply("a"), AT, None)
    asked.reset_sensor("s", ["x"])
    assert (asked.sensors()["s"].cursor, asked.sensors()["s"].tried_at) == (["x"], None)
    assert asked.known_keys("s", ["a"]) == {"a"}
    asked.reset_sensor("s", keys=True)
    assert asked.known_keys("s", ["a"]) == frozenset()
    asked.reset_sensor("never called")


def test_a_renamed_asset_keeps_its_verdicts(store: Store) -> None:
    from stores.events import finished, run_started, started

    for event in (
        run_started("r"),
        started("a", WHOLE, run_id="r"),
        finished("a", WHOLE, run_id="r"),
    ):
        store.append(event)
    store.asked().save_automation({"a": seen(1)})
    store.move(Move("a", "z", None))
    found = store.asked().automation()
    assert set(found) == {"z"}
    assert found["z"].tries == seen(1).tries
