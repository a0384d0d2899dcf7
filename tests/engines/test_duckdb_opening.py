"""What keeps a DuckDB file from opening, at its key in the profile; and an end to statements."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cli.projects import SLOW, run, spawn, wait_until_running, write
from servers.postgres import is_root

from sqlpipes.api import load
from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError
from sqlpipes.engines import open_engine

MODELS = {"sqlpipes.yml": "name: shop\n", "models/a.sql": "select 1 as x\n"}


def project(root: Path, path: object, more: str = "") -> Path:
    said = f"shop:\n  outputs:\n    dev:\n      type: duckdb\n      path: {path}\n{more}"
    return write(root, {**MODELS, "profiles.yml": said})


def test_a_file_that_is_no_database(tmp_path):
    root = project(tmp_path, "text.duckdb")
    (root / "text.duckdb").write_text("no database" * 100)
    for command in ("debug", "build"):
        found = run(root, command)
        assert found.exit_code == 1
        assert "ENG002" in found.output
        assert "profiles.yml:5:13" in found.output
        assert "move it away" in found.output


def test_a_file_that_is_a_folder_and_a_folder_that_is_a_file(tmp_path):
    root = project(tmp_path, "models")
    assert "name a file in it" in run(root, "build").output
    root = project(tmp_path, "sqlpipes.yml/x.duckdb")
    found = run(root, "build")
    assert "ENG002 cannot make the folder" in found.output
    assert "profiles.yml:5:13" in found.output


@pytest.mark.skipif(is_root(), reason="root may write everywhere")
def test_a_folder_that_is_not_ours(tmp_path):
    root = project(tmp_path, "locked/x.duckdb")
    (root / "locked").mkdir(mode=0o500)
    found = run(root, "build")
    assert "writable by you" in found.output
    assert "profiles.yml:5:13" in found.output


def test_who_holds_the_file_is_named(tmp_path):
    import subprocess

    root = project(tmp_path, "x.duckdb")
    code = "import duckdb, sys; c = duckdb.connect('x.duckdb'); print('held', flush=True); sys.stdin.read()"
    line = [sys.executable, "-c", code]
    with subprocess.Popen(
        line, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        other.stdout.readline()
        found = run(root, "debug")
        other.stdin.close()
    assert found.exit_code == 1
    assert "ENG003" in found.output
    assert f"(pid {other.pid})" in found.output
    assert "profiles.yml:5:13" in found.output


@pytest.mark.parametrize("kind", ["asset", "target"])
def test_a_statement_has_an_end(tmp_path, kind):
    of_target = "      statement_timeout_s: 0.3\n" if kind == "target" else ""
    own = "statement_timeout_s: 0.3\n" if kind == "asset" else ""
    root = project(tmp_path, "x.duckdb", of_target)
    front = f"/*\n---\nmaterialized: table\n{own}---\n*/\n"
    write(root, {"models/slow.sql": front + SLOW, "models/after.sql": "select 1 as y\n"})
    found = run(root, "build", "--threads", "1")
    assert found.exit_code == 1
    assert "ENG068 a statement of 'slow' did not end within 0.3 s and was stopped" in found.output
    where = "profiles.yml:6:28" if kind == "target" else "models/slow.sql:4:22"
    assert f"also: {where}" in found.output
    assert "2 done, 1 failed" in found.output


def test_what_ends_in_time_is_left_alone(tmp_path):
    root = project(tmp_path, "x.duckdb", "      statement_timeout_s: 20\n")
    began = time.monotonic()
    assert run(root, "build").exit_code == 0
    assert time.monotonic() - began < 15


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_interrupts_the_statement(tmp_path, number, code):
    root = project(tmp_path, "x.duckdb", "      statement_timeout_s: 500\n")
    write(root, {"models/slow.sql": "/*\n---\nmaterialized: table\n---\n*/\n" + SLOW})
    child = spawn(root, "build")
    wait_until_running(root, "slow", child)
    child.send_signal(number)
    child.communicate(timeout=30)
    assert child.returncode == code
    assert os.path.exists(root / "x.duckdb")
    assert "cancelled" in run(root, "runs").output


@pytest.mark.parametrize(
    ("options", "code", "extension"),
    [
        ({"secrets": [{"type": "mysql", "host": "a"}]}, "ENG022", "mysql_scanner"),
        (
            {"attach": [{"path": "host=db", "type": "mysql", "alias": "m"}]},
            "ENG002",
            "mysql_scanner",
        ),
    ],
)
def test_an_extension_that_cannot_be_fetched_is_named_with_the_ways_to_it(
    tmp_path: Path, options: dict[str, Any], code: str, extension: str
) -> None:
    nowhere = {
        "extension_directory": str(tmp_path / "none"),
        "custom_extension_repository": "http://127.0.0.1:1",
        "autoinstall_extension_repository": "http://127.0.0.1:1",
    }
    target = Target("dev", "duckdb", options={"path": "x.duckdb", "settings": nowhere, **options})
    with pytest.raises(EngineError) as error:
        open_engine(target, str(tmp_path))
    (problem,) = error.value.problems
    assert problem.code == code
    assert f"it needs the DuckDB extension '{extension}'" in problem.message
    assert f"duckdb-extension-{extension.replace('_', '-')}==" in (problem.hint or "")


def test_tables_of_an_attached_database_need_no_declaration(tmp_path: Path) -> None:
    profile = "s: {outputs: {dev: {type: duckdb, path: x.duckdb, attach: [crm.duckdb]}}}\n"
    files = {"profiles.yml": profile, "sqlpipes.yml": "name: s\n"}
    models = {"models/a.sql": "select * from crm.users\n", "models/b.sql": "from crn.users\n"}
    write(tmp_path, {**files, **models})
    found = [p for p in load(str(tmp_path), environ={}).problems if p.code == "REF001"]
    assert [p.at and p.at.file for p in found] == ["models/b.sql"]
    strict = {**files, "sqlpipes.yml": "name: s\nstrict: true\n"}
    write(tmp_path, strict)
    found = [p for p in load(str(tmp_path), environ={}).problems if p.code == "REF002"]
    assert len(found) == 2
