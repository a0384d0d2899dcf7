"""Definitions in hand: a project of their own, without files; and where the same name stands twice."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from datetime import date

import pytest

import sqlpipes
from sqlpipes import Daily, Definitions, asset, check, resource
from sqlpipes.api import build, load, rows
from sqlpipes.core.errors import ProjectError


@resource
class Shop:
    url: str
    size: int = 2


@asset
def orders(shop: Shop, *, factor: int = 1):
    return [{"id": n, "url": shop.url} for n in range(shop.size * factor)]


@asset(checks=[{"unique": "n"}])
def counted(orders):
    return orders.aggregate("count(*) as n")


@check(asset="counted")
def some(counted):
    return counted.fetchall()[0][0] > 0


@asset
def broken(orders):
    raise ValueError("mine")


WHOLE = Definitions(assets=[orders, counted], checks=[some], resources=[Shop])
GIVEN = {"shop": {"url": "http://shop"}}


def test_definitions_are_built_without_a_folder_of_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = sqlpipes.load(definitions=WHOLE, resources=GIVEN)
    assert project.problems == ()
    report = sqlpipes.build(project)
    assert [done.asset for done in report.finished] == ["orders", "counted"]
    assert rows(project, "counted").rows == ((2,),)
    assert sqlpipes.build(project).plan.steps == ()
    assert sqlpipes.build(project, config={"orders": {"factor": 3}}).ok
    assert rows(project, "counted").rows == ((6,),)
    assert list(tmp_path.iterdir()) == []


def test_its_folder_goes_with_it():
    project = sqlpipes.load(definitions=WHOLE, resources=GIVEN)
    root = str(project.root)
    sqlpipes.build(project)
    assert os.path.exists(os.path.join(root, "memory.duckdb"))
    del project
    gc.collect()
    assert not os.path.exists(root)


def test_no_profile_of_somebody_s_home_is_written_to(tmp_path, monkeypatch):
    home = tmp_path / ".sqlpipes"
    home.mkdir()
    (home / "profiles.yml").write_text(
        f"real:\n  outputs: {{dev: {{type: duckdb, path: {tmp_path}/real.duckdb}}}}\n"
    )
    environ = {"HOME": str(tmp_path)}
    project = sqlpipes.load(definitions=WHOLE, resources=GIVEN, environ=environ)
    assert sqlpipes.build(project).ok
    assert not (tmp_path / "real.duckdb").exists()
    named = sqlpipes.load(definitions=WHOLE, resources=GIVEN, environ=environ, profile="real")
    assert sqlpipes.build(named).ok
    assert (tmp_path / "real.duckdb").exists()


def test_a_root_keeps_the_state_and_its_files_are_not_read(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "other.sql").write_text("select 1 as x")
    project = sqlpipes.load(str(tmp_path), definitions=WHOLE, resources=GIVEN)
    assert set(project.graph.assets) == {"orders", "counted"}
    assert sqlpipes.build(project).ok
    again = sqlpipes.load(str(tmp_path), definitions=WHOLE, resources=GIVEN)
    assert sqlpipes.plan(again).steps == ()


def test_a_fault_is_told_at_the_line_of_the_test_itself():
    project = sqlpipes.load(
        definitions=Definitions.merge(WHOLE, Definitions(assets=[broken])), resources=GIVEN
    )
    (failed,) = sqlpipes.build(project).failed
    (problem,) = failed.problems
    assert problem.at.file == os.path.abspath(__file__)
    with open(__file__, encoding="utf-8") as stream:
        assert "raise ValueError" in stream.readlines()[problem.at.line - 1]


def test_a_partitioned_asset_and_a_check_that_fails():
    @asset(partition=Daily("day", start="2024-01-01", end="2024-01-04"))
    def days(context):
        first = date.fromisoformat(context.partition.start)
        return [{"day": first, "n": 1}]

    @check(asset="days")
    def never(days):
        return False

    project = sqlpipes.load(definitions=Definitions(assets=[days], checks=[never]))
    report = sqlpipes.build(project)
    assert not report.ok
    assert report.failed[0].problems[0].code == "CHK010"


def test_two_of_one_name_are_found_with_both_places():
    @asset(name="orders")
    def other():
        return [{"id": 1}]

    whole = Definitions.merge(WHOLE, Definitions(assets=[other]))
    (problem,) = sqlpipes.load(definitions=whole, resources=GIVEN).errors
    assert problem.code == "DUP001"
    assert problem.at.file == problem.others[0].file == os.path.abspath(__file__)
    assert problem.at.line > problem.others[0].line


def test_what_it_holds_is_named_with_its_places(tmp_path):
    files = {
        "models/one.sql": "select 1 as x",
        "models/two.py": "from sqlpipes import asset, resource\n\n@resource\ndef api(): return 1\n\n"
        "@asset\ndef two(one, api):\n    return one\n",
        "seeds/three.csv": "a\n1\n",
        "models/x.yml": "models:\n  - name: one\n    checks: [{not_null: x}]\n"
        "sources:\n  - name: raw\n    tables: [{name: events}]\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    project = sqlpipes.load(str(tmp_path))
    found = {(each.kind, each.name): str(each.at) for each in project.definitions}
    assert found[("sql", "one")].startswith("models/one.sql:1")
    assert found[("python", "two")] == "models/two.py:7:5"
    assert found[("resource", "api")] == "models/two.py:4:5"
    assert found[("check", "one.not_null.x")] == "models/x.yml:3:15"
    assert ("seed", "three") in found
    assert any(kind == "source" for kind, _ in found)


@pytest.mark.parametrize(
    ("files", "first", "second"),
    [
        ({"models/a.sql": "select 1 as x", "seeds/a.csv": "x\n1\n"}, "models/a.sql", "seeds/a.csv"),
        (
            {
                "models/a.sql": "select 1 as x",
                "models/b.py": "from sqlpipes import asset\n@asset\ndef a(): ...\n",
            },
            "models/a.sql",
            "models/b.py",
        ),
        (
            {
                "models/b.py": "from sqlpipes import asset\n@asset\ndef a(): ...\n",
                "seeds/a.csv": "x\n1\n",
            },
            "models/b.py",
            "seeds/a.csv",
        ),
        (
            {
                "models/b.py": "from sqlpipes import asset\n@asset\ndef a(): ...\n",
                "models/c.py": "from sqlpipes import assets\n@assets(outs=['a'])\ndef more(): ...\n",
            },
            "models/b.py",
            "models/c.py",
        ),
    ],
)
def test_one_name_in_two_files_is_told_with_both(tmp_path, files, first, second):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [p for p in sqlpipes.load(str(tmp_path)).errors if p.code == "DUP001"]
    assert [{p.at.file, p.others[0].file} for p in found] == [{first, second}]


LISTED = """
from lib.stuff import outside
from sqlpipes import Definitions, asset

@asset
def inside(outside):
    return outside

@asset
def spare():
    return [{"x": 1}]

defs = Definitions(assets=[inside, outside])
"""


def test_what_a_list_takes_from_outside_of_the_model_folders_counts(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "models" / "defs.py").write_text(LISTED)
    (tmp_path / "lib" / "stuff.py").write_text(
        "from sqlpipes import asset\n\n@asset\ndef outside():\n    return [{'x': 1}]\n"
    )
    project = sqlpipes.load(str(tmp_path))
    assert project.problems == ()
    assert set(project.graph.assets) == {"inside", "outside"}
    assert project.graph.assets["outside"].at.file == "lib/stuff.py"
    assert sqlpipes.build(project).ok
    again = sqlpipes.load(str(tmp_path))
    assert sqlpipes.plan(again).steps == ()


def test_code_without_a_file_is_a_project_too(tmp_path):
    code = (
        "import sqlpipes\n"
        "@sqlpipes.asset\n"
        "def a(): return [{'x': 1}]\n"
        "p = sqlpipes.load(definitions=sqlpipes.Definitions(assets=[a]))\n"
        "print(sqlpipes.build(p).status, p.graph.assets['a'].at)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("success <string>:"), done.stderr


def test_a_thing_that_is_no_definition_is_refused():
    (problem,) = sqlpipes.load(definitions=Definitions(assets=[print, counted])).errors[:1]
    assert str(problem) == "DEF001 Definitions(assets=[...]) lists print, which is none"
    assert problem.hint == "put @asset above it"


def test_in_a_file_it_is_told_at_the_list(tmp_path):
    (tmp_path / "models").mkdir()
    text = "from sqlpipes import Definitions\n\nx = Definitions(checks=[3])\n"
    (tmp_path / "models" / "defs.py").write_text(text)
    (problem,) = sqlpipes.load(str(tmp_path)).errors
    assert (
        str(problem)
        == "models/defs.py:3:5: DEF001 Definitions(checks=[...]) lists 3, which is none"
    )


DECLARED = """
from sqlpipes import Definitions, asset, check

@asset
def one():
    return [{"a": 1}]

@check(asset="one")
def fair(one):
    return True

"""


@pytest.mark.parametrize(
    ("said", "code", "words", "hint"),
    [
        ("Definitions(checks=[one])", "DEF001", "lists one", "assets=[...]"),
        ("Definitions(assets=[one, fair])", "DEF001", "lists fair", "checks=[...]"),
        ("Definitions(asets=[one])", "PYT001", "asets", "did you mean 'assets'?"),
        (
            "Definitions(assets=one)",
            "PYT001",
            "assets must be a list: Definitions(assets=[one])",
            "",
        ),
        ("Definitions(checks=5)", "PYT001", "checks must be a list", ""),
        ("Definitions.merge(3)", "PYT001", "Definitions.merge takes Definitions, not 3", ""),
        ("Definitions(resources={'a b': 3})", "PYT001", "called like a parameter", ""),
    ],
)
def test_a_list_that_says_something_else_is_refused(tmp_path, said, code, words, hint):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/m.py").write_text(f"{DECLARED}d = {said}\n")
    problem = next(p for p in load(str(tmp_path)).problems if p.is_error)
    assert problem.code == code
    assert words in problem.message
    assert hint in (problem.hint or "")
    assert problem.at
    assert problem.at.line == 12


def test_config_that_is_no_mapping_is_refused(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/m.sql").write_text("select 1 as x\n")
    with pytest.raises(ProjectError, match="config of 'm' is a mapping"):
        build(load(str(tmp_path)), config={"m": 3})
