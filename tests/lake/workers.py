"""Several processes that build one project at once, on a lake whose catalog and state are in Postgres."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

from cli.projects import write
from servers.lake import catalog_of, lake_cursor

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.api.sharing import Patience

NOW = datetime(2024, 3, 1, tzinfo=UTC)
DAYS, IDS = 28, 560
START_S = 60.0
CUT = "column: day, start: 2024-01-01, end: 2024-01-29"
MODELS = {
    "models/daily.sql": f"/*\n---\npartition: {{by: day, {CUT}, batch: 2}}\n---\n*/\n"
    "select day, region, sum(v) as v, count(*) as n from raw group by all\n",
    "models/shares.sql": f"/*\n---\npartition: {{by: day, {CUT}, batch: 3}}\n---\n*/\n"
    "select day, region, v / sum(v) over (partition by day) as share from daily\n",
    "models/weekly.sql": f"/*\n---\npartition: {{by: week, {CUT}}}\n---\n*/\n"
    "select date_trunc('week', day)::date as day, sum(v) as v from daily group by 1\n",
    "models/merged.sql": "/*\n---\nmaterialized: incremental\nunique_key: [day, region]\n---\n*/\n"
    "select day, region, v from daily\n",
    "models/total.sql": "/*\n---\nmaterialized: table\n---\n*/\n"
    "select sum(v) as v, count(*) as n from merged\n",
    "models/shown.sql": "select v, n from total\n",
    "models/py.py": "from sqlpipes import asset\n\n"
    "@asset\ndef copied(merged: list):\n    return sorted(merged, key=str)\n",
}
TABLES = ("raw", "daily", "shares", "weekly", "merged", "total", "shown", "copied")
CHILD = """
import sys, sqlpipes
from datetime import datetime
from math import inf
from sqlpipes.api.sharing import Patience
project = sqlpipes.load(sys.argv[1], environ={})
print("building", flush=True)
report = sqlpipes.build(
    project, sqlpipes.Ask(force="force" in sys.argv), clock=lambda: datetime.fromisoformat(sys.argv[2]),
    wait_s=inf, threads=2, patience=Patience(beat_s=0.1, dead_after_s=1.5),
)
for event in report.failed:
    print(event.asset, *event.problems, file=sys.stderr)
sys.exit(not report.ok)
"""


def seed(factor: int) -> str:
    rows = (f"{i},2024-01-{i % DAYS + 1:02},r{i % 7},{i * factor}\n" for i in range(IDS))
    return "id,day,region,v\n" + "".join(rows)


def create(root: Path, url: str) -> None:
    """The project on a lake; its state is in another schema of the same database."""
    state = f"{url}?options=-csearch_path%3Dstate"
    write(root, {**MODELS, "sqlpipes.yml": f"name: shop\nstate: '{state}'\n"})
    said = f"{{type: ducklake, catalog: '{catalog_of(url)}', data_path: lake}}"
    (root / "profiles.yml").write_text(f"shop: {{outputs: {{default: {said}}}}}\n")
    change(root, 1)
    import psycopg

    with psycopg.connect(catalog_of(url), autocommit=True) as connection:
        connection.execute("create schema state")


def change(root: Path, factor: int) -> None:
    (root / "seeds").mkdir(exist_ok=True)
    (root / "seeds" / "raw.csv").write_text(seed(factor))


def oracle(folder: Path, factor: int) -> dict[str, list[Any]]:
    """What one process builds from nothing on plain DuckDB."""
    import duckdb

    write(folder, {**MODELS, "sqlpipes.yml": "name: shop\n"})
    change(folder, factor)
    build(folder)
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        return _rows(connection)


def rows(root: Path, url: str) -> dict[str, list[Any]]:
    with lake_cursor(url, root / "lake") as connection:
        return _rows(connection)


def _rows(connection: Any) -> dict[str, list[Any]]:
    return {
        name: connection.execute(f"select * from {name} order by all").fetchall() for name in TABLES
    }


def left_over(root: Path, url: str) -> list[str]:
    """Tables of ours that should be gone when nobody builds."""
    with lake_cursor(url, root / "lake") as connection:
        found = connection.execute("select table_name from duckdb_tables()").fetchall()
    return sorted(name for (name,) in found if name not in TABLES)


def build(root: Path) -> sqlpipes.Report:
    quick = Patience(beat_s=0.1, dead_after_s=1.5)
    project = sqlpipes.load(str(root), environ={})
    report = sqlpipes.build(project, Ask(), clock=lambda: NOW, wait_s=inf, patience=quick)
    assert report.ok, [event.problems for event in report.failed]
    return report


def is_current(root: Path) -> bool:
    return not sqlpipes.plan(sqlpipes.load(str(root), environ={}), now=NOW).steps


@contextmanager
def commands(root: Path, number: int, *options: str) -> Iterator[list[subprocess.Popen[str]]]:
    """So many `sqlpipes build` at once."""
    line = [sys.executable, "-m", "sqlpipes", "build", "--threads", "2", *options]
    with _started(root, [line] * number) as found:
        yield found


@contextmanager
def workers(root: Path, number: int, *, force: bool) -> Iterator[list[subprocess.Popen[str]]]:
    """The same, but quick to take each other for dead."""
    line = [sys.executable, "-c", CHILD, str(root), NOW.isoformat()]
    with _started(root, [line + ["force"] * force] * number) as found:
        yield found


@contextmanager
def _started(root: Path, lines: Sequence[list[str]]) -> Iterator[list[subprocess.Popen[str]]]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    pipe = subprocess.PIPE
    found = [
        subprocess.Popen(line, cwd=root, env=environ, stdout=pipe, stderr=pipe, text=True)
        for line in lines
    ]
    try:
        yield found
    finally:
        for child in found:
            if child.poll() is None:
                child.kill()
            child.communicate()


def all_end_well(children: Sequence[subprocess.Popen[str]]) -> list[str]:
    """What each of them said."""
    said = [child.communicate(timeout=180) for child in children]
    for child, (out, err) in zip(children, said, strict=True):
        assert child.returncode == 0, out + err
    return [out for out, _ in said]


def kill_some(children: Sequence[subprocess.Popen[str]], chance: random.Random) -> int:
    """Some of them are killed after a while; how many were still at it. The others end well."""
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()  # it has begun
    doomed = list(children[: chance.randint(1, len(children) - 1)])
    for child in doomed:
        time.sleep(chance.random() * 1.2)
        child.kill()
    for child in doomed:
        child.wait()
    all_end_well([child for child in children if child not in doomed])
    return sum(child.returncode == -9 for child in doomed)
