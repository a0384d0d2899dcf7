"""Builds on a server are killed at any moment: readers see whole tables, the next build mends the rest."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pytest
from cli.projects import write
from places import Place
from servers.postgres import empty_postgres

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.api.sharing import Patience

NOW = datetime(2024, 2, 1, tzinfo=UTC)
DAYS = "{by: day, column: day, start: 2024-01-01, end: 2024-01-21, batch: 4}"
FILES = {
    "sqlpipes.yml": "name: shop\n",
    "seeds/raw.csv": "id,day,v\n"
    + "".join(f"{i},2024-01-{i % 20 + 1:02},{i}\n" for i in range(200)),
    "models/daily.sql": f"/*\n---\npartition: {DAYS}\n---\n*/\n"
    "select day, sum(v) as v, count(*) as n, pg_sleep(0.02)::text as s from raw group by day\n",
    "models/merged.sql": "/*\n---\nmaterialized: incremental\nunique_key: day\n---\n*/\n"
    "select day, v from daily\n",
    "models/total.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect sum(v) as v from merged\n",
    "models/shown.sql": "select v from total\n",
    "models/py.py": "from sqlpipes import asset\n\n@asset\ndef copied(merged: list):\n    return merged\n",
}
CHILD = """
import sys, sqlpipes
from datetime import datetime
from math import inf
from sqlpipes.api.sharing import Patience
project = sqlpipes.load(sys.argv[1], environ={})
print("building", flush=True)
sqlpipes.build(
    project, sqlpipes.Ask(force=True), clock=lambda: datetime.fromisoformat(sys.argv[2]), wait_s=inf,
    threads=2, patience=Patience(beat_s=0.1, dead_after_s=1.0),
)
"""
WHOLE = [
    "select day from daily group by day having count(*) > 1",
    "select day from merged group by day having count(*) > 1",
    "select 1 from (select count(*) as n from raw) as t where n not in (0, 200)",
    "select 1 from daily where n <> 10",
    "select 1 from total where v <> 19900",
]


def killed(root: Path, after_s: float) -> bool:
    """Whether the build was still at it."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    line = [sys.executable, "-c", CHILD, str(root), NOW.isoformat()]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(after_s)
        child.kill()
    return child.returncode == -9


def survive(root: Path, url: str, kills: int, seed: int) -> int:
    empty_postgres(url)
    place, chance = Place("postgres", url), random.Random(seed)
    write(root, FILES)
    place.prepare(root)
    build(root)
    hit = 0
    for _ in range(kills):
        hit += killed(root, chance.random() * 1.5)
        for sql in WHOLE:
            assert place.sql(root, sql) == [], sql
    build(root)
    assert place.sql(root, "select v from shown") == [(19900,)]
    assert place.sql(root, "select count(*), sum(v) from copied") == [(20, 19900)]
    assert place.sql(root, "select * from sqlpipes_fences") == []
    assert not sqlpipes.plan(sqlpipes.load(str(root), environ={}), now=NOW).steps
    return hit


def build(root: Path) -> None:
    project = sqlpipes.load(str(root), environ={})
    quick = Patience(beat_s=0.1, dead_after_s=1.0)
    report = sqlpipes.build(project, Ask(), clock=lambda: NOW, wait_s=inf, patience=quick)
    assert report.ok, [event.problems for event in report.failed]


@pytest.mark.long
def test_a_few_kills_leave_nothing_half_done(tmp_path: Path, postgres_database: str) -> None:
    assert survive(tmp_path, postgres_database, 3, seed=3) > 0


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10))
def test_many_kills(tmp_path: Path, postgres_database: str, seed: int) -> None:
    assert survive(tmp_path, postgres_database, 20, seed) > 5
