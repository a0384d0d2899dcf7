"""Several processes build one project on a lake at once: no slice is lost, and none is doubled."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from lake import workers as w
from servers.lake import catalog_of, demand_lake

WRITES = ("replace slices", "write seed", "create table", "merge", "run python", "create view")


@pytest.fixture(autouse=True)
def _lake() -> None:
    demand_lake()


def written(url: str) -> Counter[tuple[str, int]]:
    """How often each slice of each asset was written, as the state tells."""
    sql = "select asset, slices from state.sqlpipes_steps where status = 'success'"
    with psycopg.connect(catalog_of(url)) as connection:
        found = connection.execute(sql).fetchall()
    return Counter((asset, str(slices)) for asset, slices in found)


def test_what_several_processes_build_at_once_is_what_one_builds(
    tmp_path: Path, postgres_url: str
) -> None:
    root = tmp_path / "shop"
    w.create(root, postgres_url)
    with w.commands(root, 4) as children:
        w.all_end_well(children)
    assert w.rows(root, postgres_url) == w.oracle(tmp_path / "one", 1)
    twice = {part: count for part, count in written(postgres_url).items() if count > 1}
    assert twice == {}
    assert w.left_over(root, postgres_url) == []
    w.change(root, 3)  # every slice is there, and all of them are written anew
    with w.commands(root, 4) as children:
        w.all_end_well(children)
    assert w.rows(root, postgres_url) == w.oracle(tmp_path / "two", 3)
    assert w.left_over(root, postgres_url) == []
    assert w.is_current(root)


def survive(folder: Path, url: str, rounds: int, seed: int) -> int:
    """Builds of everything by three processes, of which some are killed; how many were hit."""
    root, chance, hit = folder / "shop", random.Random(seed), 0
    w.create(root, url)
    for number in range(1, rounds + 1):
        w.change(root, number)
        with w.workers(root, 3, force=chance.random() < 0.5) as children:
            hit += w.kill_some(children, chance)
        w.build(root)
        assert w.rows(root, url) == w.oracle(folder / f"one{number}", number)
        assert w.is_current(root)
    assert w.left_over(root, url) == []
    return hit


def test_a_few_that_are_killed_leave_nothing_half_done(tmp_path: Path, postgres_url: str) -> None:
    assert survive(tmp_path, postgres_url, 3, seed=5) > 0


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(8))
def test_many_that_are_killed(tmp_path: Path, postgres_url: str, seed: int) -> None:
    assert survive(tmp_path, postgres_url, 8, seed) > 3
