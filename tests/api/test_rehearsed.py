"""`debug` before the first build: what that would open is opened in memory, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest
from cli.projects import run, write
from servers.postgres import is_root


def shop(root: Path, output: str) -> Path:
    profile = f"shop:\n  target: dev\n  outputs:\n    dev: {output}\n"
    files = {"sqlpipes.yml": "name: shop\n", "profiles.yml": profile}
    return write(root, {**files, "models/a.sql": "select 1 as x\n"})


def test_what_is_tried_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    said = (
        "{type: duckdb, path: data/x.duckdb, settings: {memory_limit: 1GB}, storage_version: v1.2.0,"
        " attach: [{path: other.duckdb, alias: o, create: true}]}"
    )
    found = run(shop(tmp_path, said), "debug")
    assert found.exit_code == 0, found.output
    tried = "1 setting, 1 attached database, storage_version v1.2.0"
    assert f"not there yet: the first build makes it. Tried without it: {tmp_path}" in found.output
    assert f"can be written to, {tried}" in found.output
    assert not list(tmp_path.rglob("*.duckdb*"))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("settings: {memory_limt: 1GB}", "the target's setting 'memory_limt' is refused"),
        ("storage_version: v9.9.9", "knows no storage version 'v9.9.9'"),
        ("extensions: [{name: nosuch, install: false}]", "ENG021"),
        ("secrets: [{type: s3x, secret: h1dden}]", "ENG022"),
        ("attach: [{path: gone.duckdb, alias: o}]", "the attached file gone.duckdb does not exist"),
        ("attach: [{path: models/a.sql, alias: o}]", "ENG002"),
    ],
)
def test_what_would_not_open_is_told_at_its_place(tmp_path: Path, more: str, message: str) -> None:
    found = run(shop(tmp_path, f"{{type: duckdb, path: x.duckdb, {more}}}"), "debug")
    assert found.exit_code == 1, found.output
    assert message in found.output
    assert "at profiles.yml:4:" in found.output
    assert "h1dden" not in found.output
    assert not (tmp_path / "x.duckdb").exists()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{type: duckdb, path: sqlpipes.yml/x.duckdb}", "sqlpipes.yml is no folder"),
        ("{type: duckdb, path: models}", "Is a directory"),
        ("{type: sqlite, path: sqlpipes.yml/x.db}", "sqlpipes.yml is no folder"),
    ],
)
def test_a_path_that_cannot_be_made(tmp_path: Path, said: str, message: str) -> None:
    found = run(shop(tmp_path, said), "debug")
    assert found.exit_code == 1, found.output
    assert "FAIL warehouse" in found.output
    assert message in found.output
    assert "at profiles.yml:4:" in found.output


@pytest.mark.skipif(is_root(), reason="root may write everywhere")
def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    root = shop(tmp_path, "{type: duckdb, path: locked/x.duckdb}")
    (root / "locked").mkdir(mode=0o500)
    found = run(root, "debug")
    assert "Permission denied" in found.output
    assert "writable by you" in found.output


def test_a_sqlite_that_can_be_made(tmp_path: Path) -> None:
    root = shop(tmp_path, "{type: sqlite, path: data/x.db}")
    assert "there is no folder" in run(root, "debug").output  # nor does a build make it
    (root / "data").mkdir()
    found = run(root, "debug")
    assert found.exit_code == 0, found.output
    assert "can be written to" in found.output
    assert not os.listdir(root / "data")


@pytest.mark.parametrize("engine", ["postgres, dbname: d", "mariadb, database: d"])
def test_a_password_under_a_misspelt_key_is_told_and_not_shown(tmp_path: Path, engine: str) -> None:
    said = f"{{type: {engine}, host: h, user: u, pasword: h1dden, schema: main}}"
    root = shop(tmp_path, said)
    for command in (["debug"], ["debug", "--target", "nosuch"], ["ls"], ["build"]):
        assert "h1dden" not in run(root, *command).output
    assert "did you mean 'password'?" in run(root, "debug").output
    kept = (path for path in root.rglob("*") if path.is_file() and path.name != "profiles.yml")
    assert not [path for path in kept if b"h1dden" in path.read_bytes()]


def test_what_cannot_be_read_is_told_beside_the_versions(tmp_path: Path) -> None:
    found = run(shop(tmp_path, "{type: duckdb, path: \"{{ env_var('NOT_SET_X') }}\"}"), "debug")
    assert found.exit_code == 2
    assert f"ok   duckdb      {duckdb.__version__}" in found.output
    assert "FAIL project     TPL001 the environment variable NOT_SET_X is not set" in found.output
    assert "at profiles.yml:4:" in found.output
