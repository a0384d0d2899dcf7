"""A real child process is killed at any moment; the next build finishes, and all is as if built anew."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from oracle.shop import Shop

import sqlpipes

CHILD = """
import sys, sqlpipes
from datetime import datetime
now = datetime.fromisoformat(sys.argv[2])
project = sqlpipes.load(sys.argv[1], environ={})
print("building", flush=True)
sqlpipes.build(project, sqlpipes.Ask(force=sys.argv[3] == "force"), clock=lambda: now, threads=2)
"""


def killed_child(shop: Shop, after_s: float, how: str) -> bool:
    """Start a build, kill it after so many seconds of building; whether it was still at it."""
    command = [sys.executable, "-c", CHILD, str(shop.root), shop.now.isoformat(), how]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(after_s)
    child.kill()
    _, said = child.communicate()
    assert child.returncode in (-9, 0), said
    return child.returncode == -9


def readers_see_whole_tables(shop: Shop) -> None:
    """Whatever is there holds no key twice and no half of a day."""
    with duckdb.connect(str(shop.root / "shop.duckdb")) as db:
        there = {row[0] for row in db.execute("select table_name from duckdb_tables()").fetchall()}
        for name, key in {
            "raw_sales": "id",
            "daily": "day",
            "weekly": "week",
            "latest": "key",
        }.items():
            if name in there:
                double = f"select {key} from main.{name} group by 1 having count(*) > 1"
                assert db.execute(double).fetchall() == [], f"{name}\n{shop.log}"


def survive(folder: Path, kills: int, seed: int) -> int:
    """How many of the kills hit a build that was still running."""
    chance = random.Random(seed)
    shop = Shop(folder / "shop")
    shop.create()
    hit = 0
    for _ in range(kills):
        shop.add_sale(chance.randrange(9), chance.choice("abc"), chance.randrange(50))
        if chance.random() < 0.3:
            name = chance.choice(["by_key", "daily", "stg_sales"])
            shop.edit(name, chance.randrange(4))
        shop.log.append("kill")
        hit += killed_child(shop, chance.random() * 0.35, chance.choice(["force", "all"]))
        readers_see_whole_tables(shop)
    report = shop.build()
    assert report is not None
    assert report.ok, shop.log
    (folder / "fresh").mkdir()
    assert shop.tables() == shop.rebuilt(folder / "fresh"), "\n".join(shop.log)
    assert sqlpipes.plan(shop.load(), now=shop.now).steps == ()
    return hit


@pytest.mark.long
def test_a_dozen_kills_leave_nothing_half_done(tmp_path):
    assert survive(tmp_path, 12, seed=7) > 2


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(20))
def test_hundreds_of_kills(tmp_path, seed):
    assert survive(tmp_path, 40, seed) > 10
