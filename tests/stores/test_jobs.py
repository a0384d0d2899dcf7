"""The queue of what is asked of jobs: SQLite and memory give the same answers."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.job import Request
from sqlpipes.core.status import Status
from sqlpipes.stores import Jobs, Store, open_store
from sqlpipes.stores.memory import MemoryStore

NOON = datetime(2024, 1, 5, 12, tzinfo=UTC)


def later(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def request(job: str = "a", key: str = "k", **said: object) -> Request:
    return Request(job, key, "because", **said)  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = "memory://" if request.param == "memory" else None
    with closing(open_store(url, str(tmp_path), target="dev")) as opened:
        yield opened


@pytest.fixture
def jobs(store: Store) -> Jobs:
    return store.jobs()


def test_a_key_is_asked_for_once(jobs):
    full = request(
        select=("x",), exclude=("y",), vars={"v": [1]}, partition="due", due=NOON, tags=("t",)
    )
    assert jobs.ask([full, request("b")], NOON) == (full, request("b"))
    assert jobs.ask([full, request("a", "other")], later(1)) == (request("a", "other"),)
    found = {(run.request.job, run.request.key): run for run in jobs.open()}
    assert found["a", "k"].request == full
    assert found["a", "k"].asked_at == NOON


def test_one_claims_it_and_only_one_run_of_a_job_is_under_way(jobs):
    first, second = request(key="1"), request(key="2")
    jobs.ask([first, second], NOON)
    assert jobs.claim(first, "me", "r1", later(1))
    assert not jobs.claim(first, "you", "r2", later(1))
    assert not jobs.claim(second, "you", "r2", later(1))
    assert jobs.claim(second, "x", "r", NOON) is False
    assert jobs.end(first, "me", Status.SUCCESS, later(2), "r1", "done")
    assert jobs.claim(second, "you", "r2", later(3))
    (run,) = jobs.open()
    assert (run.status, run.claim, run.run_id, run.attempts) == (Status.RUNNING, "you", "r2", 1)
    assert not jobs.claim(request(key="nobody asked"), "me", "r", NOON)


def test_whoever_was_taken_for_dead_comes_too_late(jobs):
    jobs.ask([request()], NOON)
    assert jobs.claim(request(), "me", "r1", NOON)
    assert jobs.give_back(request(), "me", "its process died")
    assert jobs.claim(request(), "you", "r2", later(1))
    assert not jobs.end(request(), "me", Status.SUCCESS, later(2), "r1", "")
    assert not jobs.give_back(request(), "me", "")
    assert jobs.end(request(), "you", Status.ERROR, later(3), "r2", "boom")
    (run,) = jobs.runs()
    assert (run.status, run.attempts, run.message) == (Status.ERROR, 2, "boom")
    assert (run.started_at, run.finished_at, run.seconds) == (later(1), later(3), 120)


def test_what_was_not_tried_counts_as_no_attempt(jobs):
    jobs.ask([request()], NOON)
    jobs.claim(request(), "me", "r1", NOON)
    assert jobs.give_back(request(), "me", "it was stopped", tried=False)
    assert jobs.open()[0].attempts == 0


def test_what_is_skipped_is_on_record_and_what_runs_is_not_skipped(jobs):
    assert jobs.skip(request(key="new", due=NOON), "missed", NOON)
    jobs.ask([request(key="1"), request("b")], NOON)
    assert jobs.skip(request(key="1"), "missed", later(1))
    jobs.claim(request("b"), "me", "r", NOON)
    assert not jobs.skip(request("b"), "missed", NOON)
    assert [run.request.job for run in jobs.open()] == ["b"]
    assert jobs.ask([request(key="1"), request(key="new")], later(2)) == ()
    assert jobs.newest_due() == {"a": NOON}


def test_schedules_are_kept_from_when_they_were_first_seen(jobs):
    jobs.keep({"a": "1", "b": "1"}, NOON)
    jobs.keep({"a": "1", "b": "2"}, later(1))
    assert {job: (s.text, s.since) for job, s in jobs.schedules().items()} == {
        "a": ("1", NOON),
        "b": ("2", later(1)),
    }
    jobs.keep({"b": "2"}, later(2))
    jobs.keep({"a": "1", "b": "2"}, later(3))
    assert jobs.schedules()["a"].since == later(3)


def test_the_newest_of_each_and_of_all(jobs):
    for minute in range(4):
        each = request("ab"[minute % 2], str(minute))
        jobs.ask([each], later(minute))
        jobs.claim(each, "me", "", later(minute))
        jobs.end(each, "me", Status.SUCCESS, later(minute), "", "")
    jobs.ask([request("a", "open")], later(9))
    assert [run.request.key for run in jobs.runs(limit=3)] == ["open", "3", "2"]
    assert [run.request.key for run in jobs.runs("b")] == ["3", "1"]
    assert {job: run.request.key for job, run in jobs.last().items()} == {"a": "2", "b": "3"}


def test_targets_know_nothing_of_each_other(tmp_path):
    with (
        closing(open_store(None, str(tmp_path), target="dev")) as dev,
        closing(open_store(None, str(tmp_path), target="prod")) as prod,
    ):
        dev.jobs().ask([request()], NOON)
        dev.jobs().keep({"a": "1"}, NOON)
        assert prod.jobs().open() == ()
        assert prod.jobs().schedules() == {}
        assert prod.jobs().ask([request()], NOON)


def test_odd_text_is_taken(jobs):
    odd = request("a\x00b", "k\ud800", vars={"x": "\x00"})
    jobs.ask([odd], NOON)
    assert len(jobs.open()) == 1


def test_of_many_that_claim_at_once_one_gets_it(tmp_path):
    keys = [f"{n}" for n in range(20)]
    with closing(open_store(None, str(tmp_path), target="dev")) as store:
        store.jobs().ask([request(f"job{key}", key) for key in keys], NOON)
    got: list[tuple[str, str]] = []

    def work(name: str) -> None:
        with closing(open_store(None, str(tmp_path), target="dev")) as own:
            for key in random.sample(keys, len(keys)):
                if own.jobs().claim(request(f"job{key}", key), name, "", NOON):
                    got.append((key, name))

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key for key, _ in got) == sorted(keys)


names, claims = st.sampled_from(["a", "b"]), st.sampled_from(["me", "you"])
requests = st.builds(
    lambda job, key, due: request(job, key, due=later(int(key)) if due else None),
    names,
    st.sampled_from(["1", "2", "3"]),
    st.booleans(),
)
steps = st.one_of(
    st.tuples(st.just("ask"), st.lists(requests, max_size=3)),
    st.tuples(st.just("claim"), requests, claims),
    st.tuples(st.just("give_back"), requests, claims, st.booleans()),
    st.tuples(st.just("end"), requests, claims, st.sampled_from([Status.SUCCESS, Status.ERROR])),
    st.tuples(st.just("skip"), requests),
    st.tuples(st.just("keep"), st.dictionaries(names, st.sampled_from(["x", "y"]), max_size=2)),
)


@given(st.lists(steps, max_size=14))
@settings(deadline=None, max_examples=40)
def test_whatever_happens_disk_and_memory_tell_the_same(tmp_path_factory, taken):
    folder = tmp_path_factory.mktemp("state")
    with closing(open_store(None, str(folder), target="dev")) as disk:
        both = [disk.jobs(), MemoryStore("dev").jobs()]
        for minute, step in enumerate(taken):
            said = [answer(jobs, later(minute), *step) for jobs in both]
            assert said[0] == said[1], step
        for ask in ("open", "runs", "last", "schedules", "newest_due"):
            first, second = (getattr(jobs, ask)() for jobs in both)
            assert first == second, ask


def answer(jobs: Jobs, now: datetime, what: str, *said: object) -> object:
    first: object = said[0]
    match what:
        case "ask":
            return jobs.ask(first, now)  # type: ignore[arg-type]
        case "claim":
            return jobs.claim(first, said[1], "r", now)  # type: ignore[arg-type]
        case "give_back":
            return jobs.give_back(first, said[1], "m", tried=bool(said[2]))  # type: ignore[arg-type]
        case "end":
            return jobs.end(first, said[1], said[2], now, "r", "m")  # type: ignore[arg-type]
        case "skip":
            return jobs.skip(first, "m", now)  # type: ignore[arg-type]
    return jobs.keep(first, now)  # type: ignore[arg-type, func-returns-value]
