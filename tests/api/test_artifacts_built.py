"""dbt's artifacts after a build, whatever came of it; and of warehouses that quote otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sqlpipes.api import Ask, artifacts, build, compiled, load, rows
from sqlpipes.cli import sqlpipes

FILES = {
    "sqlpipes.yml": "name: shop\nartifacts: true\n",
    "models/a.sql": "/*\n---\nmaterialized: table\nchecks: [not_null: x]\n---\n*/\nselect 1 as x",
    "models/b.sql": "select x from a",
}
BROKEN = (
    "/*\n---\nmaterialized: table\nchecks: [not_null: x]\n---\n*/\nselect cast(null as int) as x"
)
ALL = ["catalog.json", "manifest.json", "run_results.json"]


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def said(root: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "target" / f"{name}.json").read_text())
    return found


def statuses(root: Path) -> dict[str, str]:
    results = said(root, "run_results")["results"]
    return {each["unique_id"].split(".")[2]: each["status"] for each in results}


def written(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("target/*"))


def test_a_build_writes_them_when_it_has_ended(tmp_path):
    report = build(load(str(write(tmp_path, FILES))))
    assert report.warnings == ()
    assert written(tmp_path) == ALL
    assert statuses(tmp_path) == {"a": "success", "b": "success", "not_null_a_x": "pass"}
    assert said(tmp_path, "run_results")["args"]["run_id"] == report.run_id
    node = said(tmp_path, "manifest")["nodes"]["model.shop.b"]
    assert node["compiled_code"] == compiled(load(str(tmp_path)), Ask(select=("b",)))["b"]
    results = {e["unique_id"]: e for e in said(tmp_path, "run_results")["results"]}
    assert results["model.shop.b"]["compiled_code"] == node["compiled_code"]


def test_one_that_failed_writes_them_too(tmp_path):
    report = build(load(str(write(tmp_path, FILES | {"models/a.sql": BROKEN}))))
    assert not report.ok
    assert written(tmp_path) == ALL
    assert statuses(tmp_path) == {"a": "error", "b": "skipped", "not_null_a_x": "fail"}


def test_one_that_had_nothing_to_do_tells_of_the_newest_run(tmp_path):
    write(tmp_path, FILES)
    first = build(load(str(tmp_path)))
    for path in tmp_path.glob("target/*"):
        path.unlink()
    again = build(load(str(tmp_path)))
    assert (again.events, written(tmp_path)) == ((), ALL)
    assert said(tmp_path, "run_results")["args"]["run_id"] == first.run_id


def test_without_being_asked_it_writes_none(tmp_path):
    build(load(str(write(tmp_path, FILES | {"sqlpipes.yml": "name: shop\n"}))))
    assert written(tmp_path) == []
    build(load(str(tmp_path)), Ask(force=True), artifacts=True)
    assert written(tmp_path) == ALL


@pytest.mark.parametrize(
    ("config", "option", "found"),
    [("true", "--no-artifacts", []), ("false", "--artifacts", ALL), ("false", "", [])],
)
def test_the_command_says_it_for_one_build(tmp_path, config, option, found):
    write(tmp_path, FILES | {"sqlpipes.yml": f"name: shop\nartifacts: {config}\n"})
    options = [option] if option else []
    ran = CliRunner().invoke(sqlpipes, ["build", *options, "--project-dir", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert written(tmp_path) == found


def test_what_cannot_be_written_is_a_warning(tmp_path):
    write(tmp_path, FILES | {"target": "in the way"})
    report = build(load(str(tmp_path)))
    assert report.ok
    (problem,) = report.warnings
    assert (problem.code, problem.is_error) == ("ART002", False)
    for again in ([], ["--json"]):  # with nothing to do, too
        asked = ["build", *again, "--project-dir", str(tmp_path)]
        ran = CliRunner().invoke(sqlpipes, asked)
        assert ran.exit_code == 0
        assert "ART002 the artifacts were not written" in ran.stderr
    assert (tmp_path / "target").read_text() == "in the way"


def test_files_that_need_mending_write_none(tmp_path):
    text = "/*\n---\nmaterialised: table\n---\n*/\nselect 1 as x"
    write(tmp_path, FILES | {"models/c.sql": text})
    ran = CliRunner().invoke(sqlpipes, ["build", "--project-dir", str(tmp_path)])
    assert (ran.exit_code, written(tmp_path)) == (2, [])


def of_target(root: Path, said: str) -> Path:
    text = f"shop: {{outputs: {{default: {said}}}}}\n"
    return write(root, FILES | {"profiles.yml": text, "sqlpipes.yml": "name: shop\n"})


def check_names(root: Path) -> dict[str, Any]:
    """Each relation is found by the name that the files give it."""
    project = load(str(root))
    report = build(project)
    assert report.ok, report.failed
    artifacts(project)
    nodes = said(root, "manifest")["nodes"]
    for name in ("a", "b"):
        relation = nodes[f"model.shop.{name}"]["relation_name"]
        found = rows(project, inline=f"select x from {relation}")
        assert [tuple(row) for row in found.rows] == [(1,)], relation
        found = rows(project, inline=nodes[f"model.shop.{name}"]["compiled_code"])
        assert [tuple(row) for row in found.rows] == [(1,)]
    catalog = said(root, "catalog")["nodes"]
    assert list(catalog["model.shop.a"]["columns"]) == ["x"]
    return {name: node["relation_name"] for name, node in nodes.items() if "model" in name}


def test_on_postgres(tmp_path, postgres_url):
    of_target(tmp_path, f"{{type: postgres, url: '{postgres_url}', schema: mart}}")
    names = check_names(tmp_path)
    assert names["model.shop.a"].endswith('."mart"."a"')
    assert said(tmp_path, "manifest")["metadata"]["adapter_type"] == "postgres"


def test_on_sqlite(tmp_path):
    of_target(tmp_path, "{type: sqlite, path: shop.db}")
    assert check_names(tmp_path)["model.shop.a"] == '"main"."a"'


def test_on_mariadb(tmp_path, mariadb_url):
    of_target(tmp_path, f"{{type: mariadb, url: '{mariadb_url}', schema: mart}}")
    assert check_names(tmp_path)["model.shop.a"] == "`mart`.`a`"
