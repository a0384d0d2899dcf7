"""`state`, `state export`, `state import` as they are typed."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys

import pytest
from cli.projects import ok, run, write


@pytest.fixture
def built(tmp_path):
    root = write(tmp_path / "shop")
    ok(root, "build")
    return root


def test_state_says_where_it_is_and_how_big(built):
    said = ok(built, "state")
    assert str(built / ".sqlpipes" / "state.db") in said
    assert "target dev: 4 assets, 4 rows of slices, 0 marks, 1 run" in said
    assert json.loads(ok(built, "state", "--json"))["rows"]["assets"] == 4


@pytest.mark.parametrize("name", ["state.jsonl", "state.jsonl.gz"])
def test_after_an_import_there_is_nothing_to_build(built, tmp_path, name):
    file = tmp_path / name
    ok(built, "state", "export", str(file))
    assert (file.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    shutil.rmtree(built / ".sqlpipes")
    said = ok(built, "state", "import", str(file))
    assert said.startswith("imported dev: 4 assets")
    assert "nothing to do" in ok(built, "build")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.long
def test_a_dash_is_stdin_and_stdout(built):
    command = [sys.executable, "-m", "sqlpipes", "state"]
    out = subprocess.run([*command, "export", "-"], cwd=built, capture_output=True, check=True)
    assert out.stdout.count(b"\n") == len(out.stdout.splitlines())
    again = [*command, "import", "-", "--replace"]
    back = subprocess.run(again, cwd=built, input=out.stdout, capture_output=True, check=True)
    assert back.stdout.startswith(b"imported dev")
    broken = subprocess.run(again, cwd=built, input=out.stdout[:300], capture_output=True)
    assert broken.returncode == 2
    assert b"stdin:" in broken.stderr
    assert "nothing to do" in ok(built, "build")


def test_what_cannot_be_taken_in_is_said_and_leaves_the_state_as_it_was(built, tmp_path):
    file = tmp_path / "state.jsonl.gz"
    ok(built, "state", "export", str(file))
    result = run(built, "state", "import", str(file))
    assert result.exit_code == 2
    assert "STO011" in result.stderr
    file.write_bytes(file.read_bytes()[:-20])
    result = run(built, "state", "import", str(file), "--replace")
    assert result.exit_code == 2
    assert "STO009" in result.stderr
    (tmp_path / "packed").write_bytes(gzip.compress(b"x"))
    result = run(built, "state", "import", str(tmp_path / "packed"), "--replace")
    assert "STO008" in result.stderr
    assert "ends with .gz" in result.stderr
    (tmp_path / "no.gz").write_bytes(b"plain")
    assert run(built, "state", "import", str(tmp_path / "no.gz"), "--replace").exit_code == 2
    assert "nothing to do" in ok(built, "build")


def test_an_export_that_cannot_be_written_leaves_no_half_file(built, tmp_path):
    result = run(built, "state", "export", str(tmp_path / "no" / "folder.jsonl"))
    assert result.exit_code == 2
    assert "STO004" in result.stderr


def test_a_state_in_memory_has_nothing_to_carry(tmp_path):
    root = write(tmp_path / "shop")
    (root / "sqlpipes.yml").write_text("name: shop\nstate: memory://\n")
    result = run(root, "state")
    assert result.exit_code == 2
    assert "STO013" in result.stderr
