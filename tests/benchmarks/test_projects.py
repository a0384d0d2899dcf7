"""The benchmark's projects: the same every time, and really built by what they are for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sqlpipes.api import build, load

ROOT = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / script), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    run("generate.py", str(folder), "--models", "40", "--rows", "60")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run("generate.py", str(tmp_path / name), "--models", "20", "--rows", "20")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") != {}


def test_the_plain_project_builds_without_a_tool(projects: Path) -> None:
    run("floors.py", "load", str(projects / "plain"), "floor.duckdb")
    assert int(run("floors.py", "build", str(projects / "plain"), "floor.duckdb", "2")) > 40


def test_sqlpipes_builds_its_project_and_has_nothing_to_do_again(projects: Path) -> None:
    folder = projects / "sqlpipes"
    run("floors.py", "load", str(folder), "warehouse.duckdb")
    project = load(str(folder))
    assert project.problems == ()
    assert build(project).ok
    assert build(project).plan.steps == ()


def test_every_model_is_in_every_flavour(projects: Path) -> None:
    names = {
        flavour: {path.stem for path in (projects / flavour).glob("models/*/*.sql")}
        for flavour in ("plain", "sqlpipes", "dbt", "sqlmesh", "dagster")
    }
    names["sqlmesh"] -= {"ref_region", "ref_calendar"}  # a seed is a model there
    assert all(found == names["plain"] for found in names.values())
    assert len(names["plain"]) == 40
