"""A state on a server whose connections are cut: nothing is noted twice, nothing is lost, nobody gives up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from servers.proxy import Proxy, cut_at_random
from stores.crowd import demand_all, play
from stores.events import finished, run_started, span, started

from sqlpipes.core.errors import StoreError
from sqlpipes.stores import Store, open_store


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    with Proxy(postgres_url) as found:
        yield found


@pytest.fixture
def store(proxy: Proxy, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(proxy.url, str(tmp_path), target="dev")) as found:
        yield found


def once_at_commit(how: str) -> Callable[[bytes], str]:
    left = [how]
    return lambda said: left.pop() if left and b"COMMIT" in said.upper() else ""


def test_a_store_goes_on_after_its_connections_were_cut(store: Store, proxy: Proxy) -> None:
    store.append(run_started("r1"))
    assert proxy.cut() == 1
    store.append(run_started("r2"))
    proxy.cut()
    assert [run.run_id for run in store.runs()] == ["r2", "r1"]


@pytest.mark.parametrize("how", ["before", "after"])
def test_what_was_cut_off_at_its_commit_is_noted_once(store: Store, proxy: Proxy, how: str) -> None:
    store.append(run_started("r1"))
    store.append(started("orders"))
    proxy.watch = once_at_commit(how)
    store.append(finished("orders"))
    proxy.watch = once_at_commit(how)
    store.append(run_started("r2"))
    run = store.run("r1")
    assert [step.status for step in run.steps] == ["success"]
    assert [run.run_id for run in store.runs()] == ["r2", "r1"]


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_lease_is_given_once_whenever_the_answer_is_cut_off(
    store: Store, proxy: Proxy, how: str
) -> None:
    leases = store.leases()
    assert leases is not None
    leases.enlist("r1", "build", pid=1)
    proxy.watch = once_at_commit(how)
    claim = leases.claim("r1", "facts", span(0, 4))
    assert claim.lease is not None
    assert [lease.fence for lease in leases.held("facts")] == [claim.lease.fence]


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://who:canary@127.0.0.1:1/nothing"
    with pytest.raises(StoreError) as caught:
        open_store(url, str(tmp_path), target="dev")
    said = str(caught.value)
    assert "127.0.0.1:1" in said
    assert "canary" not in said


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_processes_share_the_slices_although_their_connections_are_cut(
    tmp_path: Path, proxy: Proxy, seed: int
) -> None:
    with cut_at_random(proxy, seed, every_s=0.2) as cuts:
        crowd = play(tmp_path, 48, kills=2, workers=3, patience_s=2.0, url=proxy.url)
    assert sum(cuts) > 2
    demand_all(crowd)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10))
def test_processes_share_the_slices_through_many_cuts(
    tmp_path: Path, proxy: Proxy, seed: int
) -> None:
    with cut_at_random(proxy, seed, every_s=0.1):
        crowd = play(tmp_path, 200, kills=15, workers=4, patience_s=2.0, url=proxy.url)
    demand_all(crowd)
