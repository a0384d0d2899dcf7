"""Small projects on disk, and the command line run on them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from sqlpipes.cli import sqlpipes

SHOP = {
    "sqlpipes.yml": "name: shop\n",
    "seeds/raw_orders.csv": "id,day,amount\n1,2024-01-01,10\n2,2024-01-02,20\n",
    "models/stg_orders.sql": "select id, cast(day as date) as day, amount from raw_orders\n",
    "models/daily.sql": (
        "/*\n---\ndescription: Per day.\ntags: [finance]\n"
        "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-04}\n"
        "checks:\n  - not_null: [revenue]\n---\n*/\n"
        "select day, sum(amount) as revenue from stg_orders group by all\n"
    ),
    "models/total.sql": (
        "/*\n---\nmaterialized: table\nchecks:\n  - expression: revenue > 0\n---\n*/\n"
        "select sum(revenue) as revenue from daily\n"
    ),
}
SLOW = "select sum(sin(a.i * b.i)) as s from range(200000) a(i), range(100000) b(i)"


def write(root: Path, files: Mapping[str, str] = SHOP) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def run(root: Path, *arguments: str) -> Result:
    """In this process; what the command line prints is in `stdout` and `stderr`."""
    return CliRunner().invoke(sqlpipes, [*arguments, "--project-dir", str(root)])


def ok(root: Path, *arguments: str) -> str:
    result = run(root, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def spawn(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own, for signals and locks."""
    return subprocess.Popen(
        [sys.executable, "-m", "sqlpipes", *arguments],
        cwd=root,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_running(root: Path, asset: str, process: subprocess.Popen[str]) -> None:
    """Until the step of `asset` is on record as started."""
    import sqlite3
    from contextlib import closing

    deadline = time.monotonic() + 60
    query = "select 1 from sqlpipes_steps where asset = ? and status = 'running'"
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        state = root / ".sqlpipes" / "state.db"
        if state.exists():
            try:
                with closing(sqlite3.connect(state)) as db, db:
                    if db.execute(query, [asset]).fetchone():
                        return
            except sqlite3.OperationalError:
                pass  # the tables are not made yet
        time.sleep(0.05)
    raise AssertionError(f"{asset} did not start")
