"""Builds that share a state: what they may write, who is dead, and whose word is refused."""

from __future__ import annotations

import itertools
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from stores.crowd import Crowd, demand_all_once, play, recorded, times
from stores.events import days, failed, finished, run_started, span, started

from sqlpipes.core.errors import StoreError
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.core.status import Status
from sqlpipes.stores import Store, open_store
from sqlpipes.stores.leases import Leases
from sqlpipes.stores.memory import MemoryStore
from sqlpipes.stores.pulse import Pulse

NO_SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with closing(open_store(url, str(tmp_path), target="dev")) as store:
        yield store


def leases_of(store: Store, *runs: str) -> Leases:
    """The leases, with these builds under way."""
    leases = store.leases()
    assert leases is not None
    for run in runs:
        leases.enlist(run, f"build {run}", pid=1)
        store.append(run_started(run))
    return leases


def granted(leases: Leases, run: str, slices: Partitions, *, full: bool = False) -> list[int]:
    claim = leases.claim(run, "facts", slices, full=full)
    return list(claim.lease.slices) if claim.lease else []


def suspect(store: Store) -> Partitions | None:
    return store.history().of("facts").suspect


def test_a_state_in_memory_is_nobody_elses() -> None:
    assert MemoryStore().leases() is None


def test_what_another_has_is_left_out_and_told(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    first = leases.claim("r1", "facts", span(0, 5))
    assert first.lease is not None
    second = leases.claim("r2", "facts", span(3, 8))
    assert second.held == (first.lease,)
    assert second.lease is not None
    assert second.lease.slices == span(5, 8)
    assert second.lease.fence > first.lease.fence
    assert granted(leases, "r2", span(0, 5)) == []
    assert leases.claim("r2", "other", span(0, 5)).held == ()


def test_a_full_rewrite_is_alone(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    assert granted(leases, "r1", days(1), full=True) == [1]
    assert granted(leases, "r2", days(9)) == []
    leases.leave("r1")
    assert granted(leases, "r2", days(9)) == [9]
    leases.enlist("r3", "build", pid=3)
    assert granted(leases, "r3", days(20), full=True) == []


def test_a_lease_of_all_can_become_one_of_its_slices(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    claim = leases.claim("r1", "facts", days(1), full=True)
    assert claim.lease is not None
    leases.share(claim.lease.fence)
    assert granted(leases, "r2", span(0, 3)) == [0, 2]


def test_slices_that_are_cut_otherwise_meet(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    assert granted(leases, "r1", days(3)) == [3]
    assert granted(leases, "r2", Partitions.of(Grain.MONTH, [(0, 2)])) == [1]
    assert granted(leases, "r2", WHOLE) == []
    regions = Partitions.of_values(["eu"])
    assert leases.claim("r2", "facts", regions).lease is None


def test_values_are_leased_value_by_value(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    leases.claim("r1", "facts", Partitions.of_values(["eu"]))
    claim = leases.claim("r2", "facts", Partitions.of_values(["eu", "us"]))
    assert claim.lease is not None
    assert claim.lease.slices == Partitions.of_values(["us"])


def test_the_end_of_a_step_gives_its_lease_back(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    claim = leases.claim("r1", "facts", span(0, 5))
    assert claim.lease is not None
    store.append(started("facts", span(0, 5)))
    leases.record(finished("facts", span(0, 5)), claim.lease.fence)
    assert leases.held("facts") == ()
    assert store.history().of("facts").slices(Grain.DAY) == span(0, 5)
    again = leases.claim("r2", "facts", span(0, 5))
    assert again.lease is not None
    store.append(started("facts", span(0, 5), run_id="r2"))
    leases.record(failed("facts", span(0, 5), run_id="r2"), again.lease.fence)
    assert leases.held("facts") == ()


def test_a_buried_build_loses_all_and_is_refused(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    claim = leases.claim("r1", "facts", span(0, 2))
    assert claim.lease is not None
    store.append(started("facts", span(0, 2)))
    assert leases.bury("r1", 0)
    assert store.run("r1").status is Status.INTERRUPTED
    assert not leases.beat("r1")
    assert not leases.holds(claim.lease.fence)
    assert granted(leases, "r2", span(0, 2)) == [0, 1]
    with pytest.raises(StoreError, match="STO014 run r1 was taken for dead"):
        leases.claim("r1", "facts", days(7))
    with pytest.raises(StoreError, match="STO014"):
        leases.record(finished("facts", span(0, 2)), claim.lease.fence)
    assert store.history().of("facts").built == ()


def test_a_beat_that_moved_refuses_the_burial(store: Store) -> None:
    leases = leases_of(store, "r1")
    seen = leases.builders()[0].beat
    assert leases.beat("r1")
    assert not leases.bury("r1", seen)
    assert leases.bury("r1", leases.builders()[0].beat)
    assert not leases.bury("r1", leases.builders()[0].beat if leases.builders() else 1)


def test_data_that_came_too_late_puts_what_others_wrote_in_doubt(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    late = leases.claim("r1", "facts", span(0, 4)).lease
    assert late is not None
    store.append(started("facts", span(0, 4)))
    leases.bury("r1", 0)
    own = leases.claim("r2", "facts", span(0, 4)).lease
    assert own is not None
    store.append(started("facts", span(0, 4), run_id="r2"))
    leases.record(finished("facts", span(0, 4), run_id="r2"), own.fence)
    assert suspect(store) is None
    with pytest.raises(StoreError, match="STO014"):
        leases.record(finished("facts", span(0, 4)), late.fence)
    assert suspect(store) == span(0, 4)
    store.append(failed("facts", span(0, 4), in_doubt=True))
    assert suspect(store) == span(0, 4)
    assert store.history().of("facts").slices(Grain.DAY) == days()


def test_a_full_rewrite_that_came_too_late_puts_all_in_doubt(store: Store) -> None:
    leases = leases_of(store, "r1", "r2")
    late = leases.claim("r1", "facts", span(0, 2), full=True).lease
    assert late is not None
    store.append(started("facts", span(0, 2), full=True))
    leases.bury("r1", 0)
    store.append(started("facts", span(5, 9), run_id="r2"))
    store.append(finished("facts", span(5, 9), run_id="r2"))
    with pytest.raises(StoreError, match="STO014"):
        leases.record(finished("facts", span(0, 2), full=True), late.fence)
    assert suspect(store) == span(0, 2) | span(5, 9)


def test_builds_that_share_are_not_closed_as_stale(store: Store) -> None:
    leases = leases_of(store, "r1")
    assert store.close_stale_runs() == ()
    assert store.run("r1").status is Status.RUNNING
    leases.leave("r1")
    assert store.close_stale_runs() == ("r1",)


def test_targets_do_not_see_each_other(tmp_path: Path) -> None:
    with (
        closing(open_store(None, str(tmp_path), target="dev")) as dev,
        closing(open_store(None, str(tmp_path), target="prod")) as prod,
    ):
        ours, theirs = leases_of(dev, "r1"), leases_of(prod, "r2")
        assert granted(ours, "r1", days(1)) == [1]
        assert granted(theirs, "r2", days(1)) == [1]
        assert [each.run_id for each in theirs.builders()] == ["r2"]
        assert not theirs.bury("r1", 0)


def test_a_builder_says_who_it_is(store: Store) -> None:
    leases = leases_of(store, "r1")
    place = leases.builders()[0].place.partition(":")[0]
    assert str(leases.builders()[0]) == f"'build r1' (run r1, process 1 on {place})"


def test_a_pulse_buries_who_stands_still_and_nobody_else(store: Store) -> None:
    leases = leases_of(store, "me", "alive", "dead")
    pulse = Pulse(leases, "me", beat_s=3, patience_s=10)
    pulse.once(97)
    leases.beat("dead")  # for the last time
    for now in range(100, 112, 3):
        leases.beat("alive")
        pulse.once(now)
    assert {each.run_id for each in leases.builders()} == {"me", "alive", "dead"}
    leases.beat("alive")
    pulse.once(112)
    assert {each.run_id for each in leases.builders()} == {"me", "alive"}
    assert not pulse.lost.is_set()


def test_who_slept_himself_buries_nobody_for_it(store: Store) -> None:
    leases = leases_of(store, "me", "other")
    pulse = Pulse(leases, "me", beat_s=3, patience_s=10)
    pulse.once(100)
    pulse.once(100_000)
    assert len(leases.builders()) == 2


def test_a_pulse_notices_its_own_burial(store: Store) -> None:
    leases = leases_of(store, "me")
    pulse = Pulse(leases, "me", beat_s=0.01, patience_s=10)
    pulse.start()
    deadline = time.monotonic() + 20
    while not leases.bury("me", leases.builders()[0].beat):
        assert time.monotonic() < deadline
    assert pulse.lost.wait(20)
    pulse.stop()


def test_a_burial_is_put_off_when_its_warehouse_says_no(store: Store) -> None:
    def refuse(run_id: str) -> None:
        asked.append(run_id)
        raise StoreError()

    leases, asked = leases_of(store, "me", "dead"), list[str]()
    pulse = Pulse(leases, "me", beat_s=3, patience_s=5, before_burial=refuse)
    pulse.once(100)
    pulse.once(103)
    with pytest.raises(StoreError):
        pulse.once(106)
    assert asked == ["dead"]
    assert len(leases.builders()) == 2


numbers = itertools.count()
runs = st.sampled_from(["r1", "r2", "r3"])
assets = st.sampled_from(["facts", "sums"])
spans = st.builds(
    lambda low, n: frozenset(range(low, low + n)), st.integers(0, 8), st.integers(1, 5)
)


class Sharing(RuleBasedStateMachine):
    """Two processes' stores on one file against sets of integers."""

    folder = tempfile.TemporaryDirectory()

    @initialize()
    def open(self) -> None:
        target = f"target{next(numbers)}"
        self.stores = [open_store(None, self.folder.name, target=target) for _ in range(2)]
        self.leases = [store.leases() for store in self.stores]
        self.beats: dict[str, int] = {}
        self.given: dict[int, tuple[str, str, frozenset[int], bool]] = {}
        self.gone: list[tuple[int, str, str, frozenset[int]]] = []
        self.sure: dict[str, set[int]] = {"facts": set(), "sums": set()}
        self.turn = 0

    def teardown(self) -> None:
        for store in getattr(self, "stores", ()):
            store.close()

    @property
    def any(self) -> Leases:
        self.turn += 1
        found = self.leases[self.turn % 2]
        assert found is not None
        return found

    @rule(run=runs)
    def enlist(self, run: str) -> None:
        if run not in self.beats:
            self.any.enlist(run, "build", pid=1)
            self.beats[run] = 0

    @rule(run=runs)
    def beat(self, run: str) -> None:
        assert self.any.beat(run) == (run in self.beats)
        if run in self.beats:
            self.beats[run] += 1

    @rule(run=runs, behind=st.integers(0, 1))
    def bury(self, run: str, behind: int) -> None:
        beat = self.beats.get(run, 0) - behind
        dies = run in self.beats and behind == 0
        assert self.any.bury(run, beat) == dies
        if dies:
            self._end(run)

    @rule(run=runs)
    def leave(self, run: str) -> None:
        self.any.leave(run)
        self._end(run)

    def _end(self, run: str) -> None:
        self.beats.pop(run, None)
        for fence, (owner, asset, slices, _) in list(self.given.items()):
            if owner == run:
                del self.given[fence]
                self.gone.append((fence, owner, asset, slices))

    @rule(run=runs, asset=assets, slices=spans, full=st.booleans())
    def claim(self, run: str, asset: str, slices: frozenset[int], full: bool) -> None:
        asked = Partitions.of(Grain.DAY, [(min(slices), max(slices) + 1)])
        if run not in self.beats:
            with pytest.raises(StoreError, match="STO014"):
                self.any.claim(run, asset, asked, full=full)
            return
        free = set(slices)
        for owner, name, taken, alone in self.given.values():
            if owner != run and name == asset:
                free -= set(slices) if full or alone else taken
        free = free if free == slices or not full else set()
        claim = self.any.claim(run, asset, asked, full=full)
        assert (set(claim.lease.slices) if claim.lease else set()) == free
        if claim.lease:
            assert claim.lease.fence > max(self.given, default=0)
            self.given[claim.lease.fence] = (run, asset, frozenset(free), full)
            began = started(asset, claim.lease.slices, run_id=run)
            self.stores[self.turn % 2].append(began)
            self.sure[asset] -= free

    @precondition(lambda self: self.given)
    @rule(data=st.data(), well=st.booleans())
    def end(self, data: st.DataObject, well: bool) -> None:
        fence = data.draw(st.sampled_from(sorted(self.given)))
        run, asset, slices, _ = self.given.pop(fence)
        if well:
            self.any.record(finished(asset, days(*slices), run_id=run), fence)
        else:
            self.any.record(failed(asset, days(*slices), run_id=run), fence)
        assert not self.any.holds(fence)

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def come_late(self, data: st.DataObject) -> None:
        fence, run, asset, slices = data.draw(st.sampled_from(self.gone))
        with pytest.raises(StoreError, match="STO014"):
            self.any.record(finished(asset, days(*slices), run_id=run), fence)
        doubtful = self.stores[0].history().of(asset).suspect
        assert doubtful is not None
        assert slices <= set(doubtful)

    @invariant()
    def nothing_is_held_twice(self) -> None:
        if not hasattr(self, "given"):
            return
        for asset in ("facts", "sums"):
            held = {each.fence: each for each in self.any.held(asset)}
            mine = {fence: each for fence, each in self.given.items() if each[1] == asset}
            assert {f: (e.run_id, frozenset(e.slices), e.full) for f, e in held.items()} == {
                fence: (run, slices, full) for fence, (run, _, slices, full) in mine.items()
            }
            for one, other in itertools.combinations(mine.values(), 2):
                assert one[0] == other[0] or not one[2] & other[2]
        assert {each.run_id: each.beat for each in self.any.builders()} == self.beats


Sharing.TestCase.settings = settings(deadline=None, max_examples=20, stateful_step_count=25)
TestSharing = Sharing.TestCase


DAYS = 48


@NO_SIGNALS
def test_processes_share_the_slices_and_the_dead_are_inherited(tmp_path: Path) -> None:
    demand_all_once(play(tmp_path, DAYS, kills=3, workers=3, patience_s=1.0))


def put_to_sleep(process: subprocess.Popen[str], state: Path) -> None:
    """But not in the middle of a transaction of SQLite, in which it would hold everybody up."""
    while True:
        process.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(state, timeout=0.2, isolation_level=None)) as db:
            try:
                db.execute("begin immediate")
                db.execute("rollback")
                return
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)


@NO_SIGNALS
def test_a_process_that_slept_through_its_burial_is_refused(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, 0.6, DAYS)
    crowd.add(str(tmp_path / "gate"))
    crowd.wait_for(1, "began")
    sleeper = crowd.alive["w0"]
    put_to_sleep(sleeper, tmp_path / ".sqlpipes" / "state.db")
    crowd.add()
    assert crowd.alive["w1"].wait(timeout=60) == 0, crowd.log("w1").read_text()
    assert max(recorded(crowd).values()) == 1
    (tmp_path / "gate").touch()
    sleeper.send_signal(signal.SIGCONT)
    crowd.finish()
    lines = crowd.lines()
    began, ended = times(lines, "began"), times(lines, "ended")
    assert [line for line in lines if line[0] == "refused"] == [["refused", "w0.0"]]
    assert set(recorded(crowd)) == set(range(DAYS))
    twice = {day for day, number in ended.items() if number > 1}
    assert twice <= {day for day, number in began.items() if number > 2}  # in doubt: built again
    with closing(open_store(None, str(tmp_path), target="dev")) as store:
        assert store.history().of("facts").slices(Grain.DAY) == span(0, DAYS)


@NO_SIGNALS
@pytest.mark.nightly
@pytest.mark.parametrize("round", range(5))
def test_processes_share_the_slices_through_many_kills(tmp_path: Path, round: int) -> None:
    demand_all_once(play(tmp_path, 300, kills=25, workers=4, patience_s=1.5))
