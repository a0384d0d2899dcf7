"""A build that sleeps inside of a transaction: who buries it does not wait until it wakes up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from math import inf
from pathlib import Path

import psycopg
import pytest
from cli.projects import write
from places import Place
from servers.postgres import empty_postgres

import sqlpipes
from sqlpipes.api.sharing import Patience

QUICK = Patience(beat_s=0.1, dead_after_s=0.4)
CHILD = """
import sys
import sqlpipes
report = sqlpipes.build(sqlpipes.load(sys.argv[1], environ={}))
sys.exit(0 if report.ok else 1)
"""
TABLE = "/*\n---\nmaterialized: table\n---\n*/\n"


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP")
@pytest.mark.parametrize("more", ["", "      application_name: etl\n      role: owner\n"])
def test_its_sessions_are_ended(tmp_path: Path, postgres_database: str, more: str) -> None:
    empty_postgres(postgres_database)
    place = Place("postgres", postgres_database)
    place.sql(tmp_path, "drop role if exists owner", "create role owner superuser")
    root = write(
        tmp_path,
        {
            "sqlpipes.yml": "name: shop\n",
            "profiles.yml": "shop:\n  outputs:\n    default:\n      type: postgres\n"
            f"      url: '{postgres_database}'\n      schema: main\n{more}",
            "models/a.sql": f"{TABLE}select 1 as x\n",
        },
    )
    assert sqlpipes.build(sqlpipes.load(str(root), environ={})).ok
    slow = f"{TABLE}select 2 as x, cast(pg_sleep(1) as text) as slept\n"
    (root / "models/a.sql").write_text(slow)
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(root)], env=dict(os.environ))
    try:
        _until_it_writes(postgres_database, child)
        child.send_signal(signal.SIGSTOP)
        project = sqlpipes.load(str(root), environ={})
        report = sqlpipes.build(project, wait_s=inf, patience=QUICK)
        assert report.ok
        child.send_signal(signal.SIGCONT)
        assert child.wait(60) == 1  # what it says comes too late
        assert place.sql(root, "select x from main.a") == [(2,)]
    finally:
        child.kill()
        child.wait()


def _until_it_writes(url: str, child: subprocess.Popen[bytes]) -> None:
    """The child's transaction has begun at the server."""
    asked = "select 1 from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'"
    until = time.monotonic() + 60
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as looking:
        while not looking.execute(asked).fetchall():
            assert time.monotonic() < until
            assert child.poll() is None
            time.sleep(0.02)
