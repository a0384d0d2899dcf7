"""A build is killed while it publishes, on an engine that cannot roll back: the next one finishes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from servers.plain import installed

from sqlpipes.api import Ask, build, load

FILES = {
    "sqlpipes.yml": "name: shop\n",
    "profiles.yml": "shop: {outputs: {dev: {type: plain, path: shop.duckdb}}}\n",
    "models/total.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x\n",
}
TESTS = Path(__file__).resolve().parent.parent


def write(root: Path, text: str = "select 1 as x") -> None:
    for name, said in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said.replace("select 1 as x", text))


def run(root: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    plugin = installed(root / "plugin") if not (root / "plugin").exists() else root / "plugin"
    path = os.pathsep.join([str(plugin), str(TESTS), str(TESTS.parent)])
    line = [sys.executable, "-m", "sqlpipes", "build"]
    env = {**os.environ, "PYTHONPATH": path, **environ}
    return subprocess.run(line, cwd=root, env=env, capture_output=True, text=True, timeout=120)


def tables(root: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(root / "shop.duckdb")) as db:
        names = [
            name for (name,) in db.execute("select table_name from duckdb_tables()").fetchall()
        ]
        return {name: db.execute(f'from "{name}"').fetchall() for name in names}


@pytest.mark.long
def test_a_process_that_is_killed_between_two_renames(tmp_path: Path) -> None:
    write(tmp_path)
    assert run(tmp_path).returncode == 0
    write(tmp_path, "select 2 as x")
    killed = run(tmp_path, SQLPIPES_TEST_DIE_AT=" rename to ")
    assert killed.returncode == -signal.SIGKILL
    left = tables(tmp_path)
    assert "total" not in left  # the old rows are aside, the new ones are not there yet
    assert len(left) == 2
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert tables(tmp_path) == {"total": [(2,)]}


def test_an_empty_build_of_a_function_deletes_nothing_from_what_is_staged(
    tmp_path: Path, plain_engine: None
) -> None:
    write(tmp_path)
    keys = 'materialized="incremental", unique_key="id"'
    past = 'materialized="snapshot", unique_key="id", strategy="check", check_columns="all"'
    (tmp_path / "models" / "made.py").write_text(
        "from sqlpipes import asset\n\n"
        f"@asset({keys})\ndef merged():\n    return [{{'id': 1, 'v': 'a'}}]\n\n"
        f"@asset({past})\ndef kept():\n    return [{{'id': 1, 'v': 'a'}}]\n"
    )
    for empty, count in ((True, 0), (False, 1), (True, 1)):
        report = build(load(str(tmp_path), environ={}), Ask(empty=empty, force=empty))
        assert report.ok, [failed.problems for failed in report.failed]
        found = tables(tmp_path)
        assert (len(found["merged"]), len(found["kept"])) == (count, count)
