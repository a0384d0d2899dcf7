"""Attached databases whose output contradicts itself, and those that are found by their content."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from cli.projects import run

from sqlpipes.api.building import build
from sqlpipes.api.look import rows
from sqlpipes.api.project import load
from sqlpipes.core.errors import Problem
from sqlpipes.engines.duckdb.extensions import packaged

WRONG = {
    "made and only read": (
        "      attach: {path: x.duckdb, create: true, read_only: true}\n",
        "6:46",
        "both true",
        "leave one of the two out",
    ),
    "its own file": (
        "      attach: [{path: ./w.duckdb, alias: me}]\n",
        "6:23",
        "the target's own database",
        "leave it out",
    ),
    "a name of DuckDB's": (
        "      attach: {path: x.duckdb, create: true, alias: Main}\n",
        "6:46",
        "'Main' of an attached database is taken",
        "alias:",
    ),
    "a secret that is misspelt": (
        "      secrets: {mypg: {type: postgres, host: h}}\n"
        "      attach:\n        - path: ''\n          type: postgres\n          secret: mypgg\n",
        "10:19",
        "no secret 'mypgg'",
        "did you mean 'mypg'?",
    ),
}


def project(root: Path, output: str, sql: str = "select 1 as a") -> Path:
    (root / "profiles.yml").write_text(
        "shop:\n  outputs:\n    dev:\n      type: duckdb\n      path: w.duckdb\n" + output
    )
    (root / "models").mkdir()
    (root / "models" / "a.sql").write_text(sql)
    return root


def faults(root: Path, output: str) -> list[Problem]:
    return list(load(str(project(root, output))).errors)


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_told_at_its_place(tmp_path: Path, name: str) -> None:
    output, place, message, hint = WRONG[name]
    (problem,) = faults(tmp_path, output)
    assert (problem.code, str(problem.at)) == ("ENG020", f"profiles.yml:{place}")
    assert message in problem.message
    assert hint in (problem.hint or "")


def test_the_folder_of_a_database_that_is_to_be_made_is_made(tmp_path: Path) -> None:
    root = project(tmp_path, "      attach: {path: neu/deep/x.duckdb, create: true}\n")
    assert build(load(str(root))).ok
    assert (tmp_path / "neu" / "deep" / "x.duckdb").is_file()


@pytest.mark.skipif(
    packaged("sqlite_scanner", f"v{duckdb.__version__}") is None, reason="no sqlite_scanner"
)
def test_a_sqlite_file_is_known_by_its_content(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as db, db:
        db.execute("create table people (id integer)")
        db.execute("insert into people values (1)")
    root = project(tmp_path, "      attach: crm.db\n", "select * from crm.people")
    assert build(load(str(root))).ok
    assert rows(load(str(root)), "a").rows == ((1,),)


def test_the_name_of_a_secret_is_shown(tmp_path: Path) -> None:
    output, _, _, _ = WRONG["a secret that is misspelt"]
    done = run(project(tmp_path, output), "build")
    assert "there is no secret 'mypgg'" in done.output
    assert "          secret: mypgg\n" in done.output
