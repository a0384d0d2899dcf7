"""What every store must answer: SQLite, memory and Postgres, side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stores.events import (
    NOON,
    built,
    checked,
    days,
    failed,
    finished,
    run_finished,
    run_started,
    skipped,
    span,
    started,
)

from sqlpipes.core.errors import Location, Problem, ProjectError, Severity
from sqlpipes.core.events import Event
from sqlpipes.core.history import Built
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.core.status import Status
from sqlpipes.stores import Store, open_store
from sqlpipes.stores.memory import MemoryStore


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = {"sqlite": None, "memory": "memory://"}.get(request.param)
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    opened = open_store(url, str(tmp_path), target="dev")
    yield opened
    opened.close()


def tell(store: Store, *events: Event) -> None:
    for event in events:
        store.append(event)


def test_a_new_store_knows_nothing(store: Store) -> None:
    assert store.history().assets == {}
    assert store.history().tick == 0
    assert (store.runs(), store.slices("orders"), store.check_results()) == ((), (), ())
    assert store.last_result() == store.definitions(["orders"]) == store.built_at() == {}
    assert store.stamp("warehouse") is None
    assert store.close_stale_runs() == ()


def test_several_events_are_recorded_in_their_order(store: Store) -> None:
    tell(store, run_started(), started("orders"))
    store.append(checked("orders", "orders.unique.id"), finished("orders"), started("sales"))
    assert [result.check for result in store.check_results()] == ["orders.unique.id"]
    assert store.history().of("orders").built == (Built(WHOLE, "v1", read_at=1, written_at=2),)
    assert [step.asset for step in store.run().steps] == ["orders", "sales"]


def test_a_step_takes_a_tick_before_it_reads_and_one_after_its_commit(store: Store) -> None:
    tell(store, run_started(), started("orders"))
    past = store.history().of("orders")
    assert (past.built, past.suspect, store.history().tick) == ((), WHOLE, 1)
    tell(
        store,
        finished("orders", checks_version="c1", relation="main.orders", definition="select 1"),
    )
    past = store.history().of("orders")
    assert past.built == (Built(WHOLE, "v1", read_at=1, written_at=2),)
    assert (past.version, past.version_since, past.suspect) == ("v1", 2, None)
    assert (past.checks_version, past.checked_at, past.relation) == ("c1", 1, "main.orders")
    assert store.definitions(["orders", "nobody"]) == {"orders": "select 1"}
    assert store.built_at() == store.built_at(["orders"]) == {"orders": NOON}
    assert store.built_at(["nobody"]) == {}


def test_history_can_be_asked_for_a_few(store: Store) -> None:
    tell(store, run_started(), *built("a"), *built("b"), started("c"))
    assert set(store.history().assets) == {"a", "b", "c"}
    assert set(store.history(["a", "c", "nobody"]).assets) == {"a", "c"}
    assert store.history([]).assets == {}
    assert set(store.history([f"m{i}" for i in range(1000)] + ["b"]).assets) == {"b"}
    assert store.history(["a"]).tick == store.history().tick == 5


def test_later_slices_take_their_place_among_earlier_ones(store: Store) -> None:
    tell(store, run_started(), *built("facts", span(0, 10)), *built("facts", span(3, 5), "v2"))
    past = store.history().of("facts")
    assert past.built == (
        Built(Partitions.of(Grain.DAY, [(0, 3), (5, 10)]), "v1", 1, 2),
        Built(span(3, 5), "v2", 3, 4),
    )
    tell(store, *built("facts", span(3, 6), "v3", full=True))
    assert store.history().of("facts").built == (Built(span(3, 6), "v3", 5, 6),)


@pytest.mark.parametrize("status", [Status.FAIL, Status.ERROR, Status.CANCELLED])
def test_a_step_that_rolled_back_leaves_what_was_there(store: Store, status: Status) -> None:
    tell(store, run_started(), *built("orders", checks_version="c1"))
    tell(store, started("orders", version="v2"), failed("orders", status=status))
    past = store.history().of("orders")
    assert (past.version, past.suspect, past.checks_version) == ("v1", None, "c1")
    assert past.slices(Grain.WHOLE) == WHOLE
    assert past.failed is (status is Status.FAIL)
    tell(store, *built("orders", version="v2"))
    assert not store.history().of("orders").failed


def test_a_step_that_never_ended_leaves_its_slices_in_doubt(store: Store) -> None:
    tell(store, run_started(), *built("facts", span(0, 10)), started("facts", span(4, 6)))
    past = store.history().of("facts")
    assert past.suspect == span(4, 6)
    assert past.slices(Grain.DAY) == span(0, 10) - span(4, 6)
    tell(store, run_finished())
    assert store.run().steps[-1].status is Status.INTERRUPTED
    assert store.history().of("facts").suspect == span(4, 6)


def test_a_doubt_ends_only_with_a_good_write_of_the_same_slices(store: Store) -> None:
    tell(store, run_started(), started("facts", span(0, 4)))
    tell(store, run_started("r2"), started("facts", span(0, 2), run_id="r2"))
    tell(store, failed("facts", span(0, 2), run_id="r2"))
    assert store.history().of("facts").suspect == span(0, 4)
    tell(store, *built("facts", span(1, 3), run_id="r2"))
    past = store.history().of("facts")
    assert past.suspect == days(0, 3)
    assert past.slices(Grain.DAY) == span(1, 3)
    tell(store, *built("facts", span(0, 4), run_id="r2"))
    assert store.history().of("facts").suspect is None


def test_an_interrupted_rewrite_puts_all_of_it_in_doubt(store: Store) -> None:
    tell(
        store, run_started(), *built("facts", span(0, 10)), started("facts", span(8, 10), full=True)
    )
    assert store.history().of("facts").suspect == span(0, 10)
    assert not store.history().of("facts").slices(Grain.DAY)
    tell(store, *built("facts", span(8, 10), "v2", full=True))
    past = store.history().of("facts")
    assert (past.suspect, past.slices(Grain.DAY)) == (None, span(8, 10))


def test_a_rewrite_that_failed_leaves_nothing_in_doubt(store: Store) -> None:
    tell(store, run_started(), *built("facts", span(0, 10)))
    tell(store, started("facts", span(8, 10), full=True), failed("facts", span(8, 10)))
    past = store.history().of("facts")
    assert (past.suspect, past.slices(Grain.DAY)) == (None, span(0, 10))


def test_a_step_that_may_have_written_although_it_failed_stays_in_doubt(store: Store) -> None:
    tell(store, run_started(), *built("page"), started("page", version="v2"))
    tell(store, failed("page", in_doubt=True), run_finished())
    past = store.history().of("page")
    assert (past.suspect, past.slices(Grain.WHOLE)) == (WHOLE, Partitions(Grain.WHOLE))
    tell(store, *built("page", run_id="r2"))
    past = store.history().of("page")
    assert (past.suspect, past.slices(Grain.WHOLE)) == (None, WHOLE)


def test_a_step_may_end_part_by_part(store: Store) -> None:
    tell(store, run_started(), started("facts", span(0, 9)), finished("facts", span(0, 3)))
    past = store.history().of("facts")
    assert (past.slices(Grain.DAY), past.suspect) == (span(0, 3), span(3, 9))
    tell(store, finished("facts", span(3, 6)), failed("facts", span(6, 9)))
    past = store.history().of("facts")
    assert (past.slices(Grain.DAY), past.suspect) == (span(0, 6), None)
    assert {str(step.slices): step.status for step in store.run().steps} == {
        "1970-01-01..1970-01-04": Status.SUCCESS,
        "1970-01-04..1970-01-07": Status.SUCCESS,
        "1970-01-07..1970-01-10": Status.ERROR,
    }


def test_a_rewrite_in_parts_loses_the_old_slices_once(store: Store) -> None:
    tell(store, run_started(), *built("facts", span(0, 20), "v1"))
    tell(store, started("facts", span(0, 4), "v2", full=True))
    tell(store, finished("facts", span(0, 2), "v2"), finished("facts", span(2, 4), "v2"))
    assert store.history().of("facts").slices(Grain.DAY) == span(0, 4)


def test_checks_alone_move_no_data(store: Store) -> None:
    tell(store, run_started(), *built("orders", checks_version="c1"))
    before = store.history().of("orders")
    tell(store, started("orders", action="run checks"))
    assert store.history().of("orders") == before
    tell(store, finished("orders", action="run checks", checks_version="c2", version="other"))
    past = store.history().of("orders")
    assert past == replace(before, checks_version="c2", checked_at=3)
    tell(store, started("orders", action="run checks"))
    tell(store, failed("orders", action="run checks", status=Status.FAIL))
    assert store.history().of("orders") == replace(past, failed=True)


def test_a_source_is_written_only_when_its_token_moved(store: Store) -> None:
    look: dict[str, Any] = {"action": "observe source"}
    tell(store, run_started(), *built("raw", token="10 rows", **look))
    tell(store, *built("raw", token="10 rows", **look))
    past = store.history().of("raw")
    assert (past.written_at(), past.token, past.suspect) == (2, "10 rows", None)
    tell(store, *built("raw", token="11 rows", **look))
    assert store.history().of("raw").written_at() == 6
    tell(store, *built("raw", token=None, **look), *built("raw", token=None, **look))
    assert (store.history().of("raw").written_at(), store.history().of("raw").token) == (10, None)


def test_an_empty_build_is_another_version(store: Store) -> None:
    tell(store, run_started(), *built("orders", version="v1-empty"))
    assert store.history().of("orders").version == "v1-empty"


def test_two_at_once_claim_only_what_either_could_have_written(store: Store) -> None:
    tell(store, run_started(), run_started("r2"))
    tell(store, started("facts", span(0, 4)), started("facts", span(2, 6), run_id="r2"))
    tell(store, finished("facts", span(2, 6), run_id="r2"), finished("facts", span(0, 4)))
    built_by = {built.written_at: built for built in store.history().of("facts").built}
    assert built_by[3].read_at == 1  # r2 read at 2, but days 2 and 3 may be what r1 wrote
    assert built_by[4].read_at == 1
    tell(store, *built("facts", span(0, 6), run_id="r2"))
    assert store.history().of("facts").built == (Built(span(0, 6), "v1", 5, 6),)


def test_two_versions_at_once_are_not_the_version_that_is_wanted(store: Store) -> None:
    tell(store, run_started(), run_started("r2"))
    tell(store, started("facts", version="old"), started("facts", version="new", run_id="r2"))
    tell(store, finished("facts", version="new", run_id="r2"))
    assert store.history().of("facts").version == "old"
    tell(store, finished("facts", version="old"))
    assert store.history().of("facts").built[0].version in {"old", "new"}
    assert store.history().of("facts").built[0].read_at == 1


def test_steps_side_by_side_on_other_slices_do_not_meet(store: Store) -> None:
    tell(store, run_started(), run_started("r2"))
    tell(store, started("facts", span(0, 4)), started("facts", span(4, 6), run_id="r2"))
    tell(store, finished("facts", span(4, 6), run_id="r2"), finished("facts", span(0, 4)))
    assert {built.read_at for built in store.history().of("facts").built} == {1, 2}


def test_a_run_of_a_dead_process_is_told_from_a_live_one(store: Store) -> None:
    tell(store, run_started(), started("orders"))
    assert store.close_stale_runs(lambda pid, place: True) == ()
    assert store.run().status is Status.RUNNING
    asked: list[int] = []

    def alive(pid: int, place: str) -> bool:
        asked.append(pid)
        return False

    assert store.close_stale_runs(alive) == ("r1",)
    assert set(asked) == {os.getpid()}
    assert store.run().status is Status.INTERRUPTED
    assert store.last_result() == {"orders": Status.INTERRUPTED}
    assert store.history().of("orders").suspect == WHOLE


def test_with_the_lock_held_every_run_of_this_place_is_over(store: Store) -> None:
    tell(store, run_started(), started("orders"), run_started("r2"), run_finished("r2"))
    assert store.close_stale_runs() == ("r1",)
    assert store.close_stale_runs() == ()
    assert store.run("r2").status is Status.SUCCESS


def test_what_a_dead_process_read_is_no_rival(store: Store) -> None:
    tell(store, run_started(), started("orders"))
    store.close_stale_runs()
    tell(store, run_started("r2"), *built("orders", run_id="r2"))
    past = store.history().of("orders")
    assert past.suspect is None
    assert past.built[0].read_at == past.built[0].written_at - 1


def test_a_run_thought_dead_may_still_report(store: Store) -> None:
    tell(store, run_started(), started("orders"))
    store.close_stale_runs()
    tell(store, finished("orders"), run_finished())
    assert store.run().status is Status.SUCCESS
    assert store.history().of("orders").suspect is None
    assert [step.status for step in store.run().steps] == [Status.SUCCESS]


def test_an_end_without_a_start_is_taken_as_it_is(store: Store) -> None:
    tell(store, finished("orders", rows=3), failed("stock"))
    assert store.history().of("orders").slices(Grain.WHOLE) == WHOLE
    assert store.history().of("stock").built == ()
    tell(store, run_started())
    assert {step.asset for step in store.run().steps} == {"orders", "stock"}


def test_a_run_comes_back_as_it_was_told(store: Store) -> None:
    problem = Problem(
        "REF002",
        "table 'ordes' does not exist",
        at=Location("models/daily.sql", 7, 6, 5),
        hint="did you mean 'orders'?",
        severity=Severity.WARNING,
        others=(Location("models/b.sql"),),
    )
    tell(
        store, run_started(selected=("orders+",), steps=3, current=7, command="sqlpipes build -s x")
    )
    tell(store, started("a", reasons=("SQL changed", "forced"), checks_version="c"))
    tell(store, checked("a", "a.unique.id", status=Status.WARN, failures=2, columns=("id",)))
    tell(
        store,
        finished(
            "a", status=Status.WARN, rows=5, statements=("begin", "select 1"), metadata={"n": 1}
        ),
    )
    tell(store, started("b", span(0, 2), full=True))
    tell(store, failed("b", span(0, 2), problems=(problem,), statement="select x"))
    tell(store, skipped("c", because="b"), run_finished(status=Status.ERROR))
    run = store.run()
    assert (run.run_id, run.target, run.command) == ("r1", "dev", "sqlpipes build -s x")
    assert (run.status, run.seconds, run.started_at, run.finished_at) == ("error", 1.5, NOON, NOON)
    assert (run.planned, run.current, run.selected) == (3, 7, ("orders+",))
    assert run.counts == {Status.WARN: 1, Status.ERROR: 1, Status.SKIPPED: 1}
    a, b, c = run.steps
    assert (a.asset, a.status, a.rows, a.seconds) == ("a", Status.WARN, 5, 0.25)
    assert (a.reasons, a.statements) == (("SQL changed", "forced"), ("begin", "select 1"))
    assert (a.metadata, a.read_at, a.written_at) == ({"n": 1}, 1, 2)
    assert (b.problems, b.statement, b.slices) == ((problem,), "select x", span(0, 2))
    assert (b.full, b.written_at) == (True, None)
    assert (c.status, c.because, c.read_at) == (Status.SKIPPED, "b", None)
    assert [(check.check, check.status, check.failures) for check in run.checks] == [
        ("a.unique.id", Status.WARN, 2)
    ]
    assert store.runs()[0] == replace(run, steps=(), checks=())
    assert store.last_result() == {"a": "warn", "b": "error", "c": "skipped"}


def test_a_run_is_found_by_either_end_of_its_id(store: Store) -> None:
    tell(store, run_started("20240501-120000-abc"), run_started("20240501-130000-abd"))
    assert store.run().run_id == "20240501-130000-abd"
    assert store.run("20240501-12").run_id == "20240501-120000-abc"
    assert store.run("abd").run_id == "20240501-130000-abd"
    assert store.run("20240501-120000-abc").run_id == "20240501-120000-abc"
    for wanted, code in (("2024", "RUN001"), ("x", "RUN002"), ("", "RUN002"), ("%", "RUN002")):
        with pytest.raises(ProjectError) as caught:
            store.run(wanted)
        assert caught.value.problems[0].code == code
        assert caught.value.problems[0].hint


def test_an_exact_id_wins_over_longer_ones(store: Store) -> None:
    tell(store, run_started("r1"), run_started("r11"))
    assert store.run("r1").run_id == "r1"


def test_before_the_first_run_there_is_no_last(store: Store) -> None:
    with pytest.raises(ProjectError, match="nothing has been run yet"):
        store.run()


def test_runs_come_newest_first(store: Store) -> None:
    for number in range(5):
        tell(store, run_started(f"r{number}"), *built("a", run_id=f"r{number}"))
    assert [run.run_id for run in store.runs(3)] == ["r4", "r3", "r2"]
    assert [run.counts for run in store.runs(1)] == [{Status.SUCCESS: 1}]


def test_the_worst_step_of_an_asset_speaks_for_it(store: Store) -> None:
    tell(store, run_started(), *built("a"))
    tell(store, started("a", action="run checks"))
    tell(store, failed("a", action="run checks", status=Status.FAIL), *built("b"))
    assert store.last_result() == {"a": Status.FAIL, "b": Status.SUCCESS}


def test_slices_say_which_run_wrote_them(store: Store) -> None:
    tell(store, run_started(), *built("facts", span(0, 6)), run_started("r2"))
    tell(store, *built("facts", span(2, 4), "v2", run_id="r2"), started("facts", span(3, 5)))
    found = store.slices("facts")
    assert [(str(s.slices), s.version, s.run_id, s.suspect) for s in found] == [
        ("1970-01-01..1970-01-03, 1970-01-06", "v1", "r1", False),
        ("1970-01-05", "v1", "r1", True),
        ("1970-01-03", "v2", "r2", False),
        ("1970-01-04", "v2", "r2", True),
    ]
    assert {each.at for each in found} == {NOON}


def test_slices_of_very_many_runs(store: Store) -> None:
    tell(store, run_started())
    for day in range(250):
        tell(store, *built("facts", days(2 * day)))
    assert len(store.slices("facts")) == 250
    assert {each.run_id for each in store.slices("facts")} == {"r1"}


def test_check_results_are_the_newest_of_each(store: Store) -> None:
    tell(store, run_started(), checked("a", "a.x", status=Status.FAIL, failures=3))
    tell(store, checked("a", "a.y"), run_started("r2"), checked("a", "a.x", run_id="r2"))
    assert [(c.check, c.status) for c in store.check_results()] == [
        ("a.x", Status.SUCCESS),
        ("a.y", Status.SUCCESS),
    ]
    assert [(c.check, c.failures) for c in store.check_results("r1")] == [("a.x", 3), ("a.y", 0)]
    assert [c.run_id for c in store.check_results("last")] == ["r2"]


def test_stamps_are_replaced(store: Store) -> None:
    store.set_stamp("warehouse", "1")
    store.set_stamp("warehouse", "2")
    store.set_stamp("other", "x")
    assert (store.stamp("warehouse"), store.stamp("other")) == ("2", "x")


def test_pruning_forgets_what_happened_and_keeps_what_is(store: Store) -> None:
    for number in range(4):
        tell(store, run_started(f"r{number}"), *built(f"m{number}", run_id=f"r{number}"))
        tell(store, checked("m0", "m0.x", run_id=f"r{number}"))
        tell(store, *([run_finished(f"r{number}")] if number else []))
    before = store.history().assets
    assert store.prune(1) == 2  # r0 has not ended
    assert [run.run_id for run in store.runs()] == ["r3", "r0"]
    assert len(store.check_results("r3")) == 1
    assert store.history().assets == before
    gone = store.slices("m1")[0]
    assert (gone.slices, gone.run_id, gone.at) == (WHOLE, None, None)
    tell(store, run_started("r4"), *built("m1", run_id="r4"))
    assert store.slices("m1")[0].run_id == "r4"


def test_forgetting_drops_what_is_known_to_be_built(store: Store) -> None:
    tell(store, run_started(), *built("a"), *built("b"), started("a"))
    store.forget(["a", "nobody"])
    assert set(store.history().assets) == {"b"}
    assert store.definitions(["a"]) == {}
    assert set(store.built_at()) == {"b"}
    tell(store, *built("a", version="v2"))
    assert store.history().of("a").version == "v2"


def test_odd_text_survives(store: Store) -> None:
    odd = "naïve '; drop table x; -- \u2028 \U0001f600"
    tell(
        store,
        run_started(command=odd, selected=(odd,)),
        *built(odd, definition=odd, statements=(odd,)),
    )
    tell(store, checked(odd, odd, message=odd, sample=((odd, None, 1.5, True),), columns=(odd,)))
    run = store.run()
    assert (run.command, run.selected, run.steps[0].asset) == (odd, (odd,), odd)
    assert run.steps[0].statements == (odd,)
    assert (run.checks[0].message, run.checks[0].sample) == (odd, ((odd, None, 1.5, True),))
    assert store.definitions([odd]) == {odd: odd}
    assert set(store.history([odd]).assets) == {odd}


def test_an_aware_clock_is_kept_as_it_was(store: Store) -> None:
    at = datetime(2024, 5, 1, 12, 30, 15, 250, tzinfo=UTC)
    tell(store, replace(run_started(), at=at))
    assert store.run().started_at == at


def test_values_that_json_cannot_say_become_text_on_disk(tmp_path: Path) -> None:
    store = open_store(None, str(tmp_path))
    row = (date(2024, 1, 1), Decimal("1.50"), b"x", {1}, float("inf"))
    tell(store, run_started(), checked("a", "a.x", sample=(row,)))
    assert store.check_results()[0].sample == (("2024-01-01", "1.50", "b'x'", "{1}", float("inf")),)


def test_no_nul_and_no_half_character_stops_a_record(tmp_path: Path) -> None:
    store = open_store(None, str(tmp_path))
    bad = "a\x00b\ud800"
    tell(store, run_started(command=bad), *built("a", definition=bad, token=bad, statements=(bad,)))
    tell(store, checked("a", "a.x", message=bad, sample=((bad,),)), started("b"))
    tell(store, failed("b", statement=bad, problems=(Problem("ENG001", bad),)), run_finished())
    assert store.definitions(["a"]) == {"a": "a\ufffdb?"}
    assert store.run().steps[1].problems[0].message == bad


def test_memory_and_door_agree_on_what_is_open(tmp_path: Path) -> None:
    assert isinstance(open_store("memory://", str(tmp_path)), MemoryStore)
    assert not (tmp_path / ".sqlpipes").exists()


def test_a_doubt_outlives_the_record_of_its_step(store: Store) -> None:
    tell(store, run_started(), started("a"), run_finished())
    assert store.prune(0) == 1
    assert store.history().of("a").suspect == WHOLE
    tell(store, run_started("r2"), started("a", run_id="r2"), failed("a", run_id="r2"))
    assert store.history().of("a").suspect == WHOLE  # the new step's id is not that of the old one
    tell(store, *built("a", run_id="r2"))
    assert store.history().of("a").suspect is None
