"""`openlineage:` of the project file: what it means, and what is wrong with it, at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sqlpipes.api import load
from sqlpipes.cli import sqlpipes


def read(root: Path, text: str, name: str = "sqlpipes.yml", **environ: str) -> Any:
    (root / "models").mkdir(exist_ok=True)
    (root / name).write_text(text)
    return load(str(root), environ=environ)


def faults(project: Any) -> list[str]:
    return [
        f"{p.at.line if p.at else 0}:{p.at.column if p.at else 0} {p.code} {p.message} ({p.hint})"
        for p in project.problems
    ]


def test_without_it_nobody_is_told(tmp_path):
    assert read(tmp_path, "name: shop\n").outlet is None
    assert read(tmp_path, "openlineage:\n").outlet is None
    assert read(tmp_path, "openlineage: {namespace: a}\n").outlet is None
    assert read(tmp_path, "openlineage: {url: ''}\n").outlet is None


def test_all_of_it(tmp_path):
    text = """\
[tool.sqlpipes.openlineage]
url = "https://lineage.acme.com/marquez"
api_key = "{{ env_var('LINEAGE_KEY') }}"
file = "out/lineage.jsonl"
namespace = "prod"
timeout_s = 2
retries = 0
wait_s = 1.5
dataset_namespaces = {default = "duckdb://shop", dw = "postgres://dw:5432"}
"""
    project = read(tmp_path, text, "pyproject.toml", LINEAGE_KEY="s3cret-key")
    assert faults(project) == []
    outlet = project.outlet
    assert outlet.hook.url == "https://lineage.acme.com/marquez/api/v1/lineage"
    assert (outlet.hook.timeout_s, outlet.hook.retries, outlet.wait_s) == (2.0, 0, 1.5)
    assert (outlet.api_key, outlet.namespace) == ("s3cret-key", "prod")
    assert outlet.file == str(tmp_path / "out/lineage.jsonl")
    assert outlet.places == {"": "duckdb://shop", "dw": "postgres://dw:5432"}
    assert "s3cret-key" not in repr(project)
    assert "s3cret-key" in project.secrets


def test_the_environment_alone_is_enough(tmp_path):
    where = {"OPENLINEAGE_URL": "http://marquez:5000", "OPENLINEAGE_API_KEY": "s3cret-key"}
    outlet = read(tmp_path, "name: shop\n", **where).outlet
    assert outlet.hook.url == "http://marquez:5000/api/v1/lineage"
    assert (outlet.api_key, outlet.namespace, outlet.file) == ("s3cret-key", "default", None)
    where["OPENLINEAGE_ENDPOINT"] = "/api/v2/in"
    assert read(tmp_path, "", **where).outlet.hook.url == "http://marquez:5000/api/v2/in"
    where["OPENLINEAGE_URL"] += "/api/v2/in/"  # the whole of it: nothing is added
    assert read(tmp_path, "", **where).outlet.hook.url == "http://marquez:5000/api/v2/in"
    for off in ("true", "1"):
        assert read(tmp_path, "", **where, OPENLINEAGE_DISABLED=off).outlet is None


def test_a_target_may_decide(tmp_path):
    text = "openlineage: {file: a.jsonl, enabled: \"{{ target.name == 'prod' }}\"}\n"
    assert read(tmp_path, text).outlet is None
    text = "openlineage: {file: a.jsonl, enabled: \"{{ target.name != 'prod' }}\"}\n"
    assert read(tmp_path, text).outlet is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("openlineage: yes please\n", "1:14 CFG002 'openlineage' must be a mapping of url,"),
        (
            "openlineage:\n  ulr: http://a\n",
            "2:3 CFG001 'openlineage' has no key 'ulr' (did you mean 'url'?)",
        ),
        (
            "openlineage:\n  url: marquez:5000\n",
            "2:8 CFG002 the url of 'openlineage' is no http or https URL (write it as https://host)",
        ),
        ("openlineage:\n  url: http://a:port\n", "2:8 CFG002 the url of 'openlineage' is no"),
        (
            "openlineage: {url: http://a, wait_s: soon}\n",
            "1:38 CFG002 'wait_s' must be a number of seconds above 0",
        ),
        ("openlineage: {url: http://a, retries: -1}\n", "1:39 CFG002 'retries' must be a whole"),
        ("openlineage: {file: models/}\n", "1:21 CFG002 'file' must be a file, not a folder"),
        ("openlineage: {file: [a]}\n", "1:21 CFG002 'file' must be a text"),
        ("openlineage: {url: http://a, enabled: perhaps}\n", "1:39 CFG002 'enabled' must be true"),
        (
            'openlineage: {url: http://a, api_key: "a\\nb"}\n',
            "1:39 CFG002 the api_key of 'openlineage' has characters that no header can have",
        ),
        ("openlineage: {url: \"{{ env_var('NO_URL') }}\"}\n", "1:20 TPL001 the environment"),
        ("openlineag: {file: a}\n", "1:1 CFG001 the project has no key 'openlineag'"),
        ("artifacts: often\n", "1:12 CFG002 'artifacts' must be true or false"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path, text, told):
    found = faults(read(tmp_path, text))
    assert len(found) == 1, found
    assert found[0].startswith(told), found


def test_a_parent_that_is_none_is_a_warning(tmp_path):
    project = read(tmp_path, "openlineage: {file: a.jsonl}\n", OPENLINEAGE_PARENT_ID="a/b/c")
    (problem,) = project.problems
    assert (problem.code, problem.is_error) == ("OLN003", False)
    assert project.outlet.parent is None


def test_a_password_in_the_url_is_a_secret(tmp_path):
    project = read(tmp_path, "openlineage: {url: 'https://me:pa55-word@lineage.acme.com'}\n")
    assert "pa55-word" in project.secrets
    assert project.outlet.hook.shown == "https://lineage.acme.com"


@pytest.mark.parametrize(
    "text",
    [
        "openlineage: {url: marquez, api_key: s3cret-key}\n",
        "openlineage: {file: a.jsonl, api_key: s3cret-key, ulr: x}\n",
        "openlineage: {enabled: false, url: 'http://a', api_key: \"{{ env_var('KEY') }}\"}\n",
        "openlineage: {url: 'http://me:s3cret-key@a', enabled: false}\n",
    ],
)
def test_what_is_secret_is_so_whether_it_is_used_or_not(tmp_path, text):
    assert "s3cret-key" in read(tmp_path, text, KEY="s3cret-key").secrets


def test_an_excerpt_shows_no_key(tmp_path):
    read(tmp_path, "openlineage: {url: marquez, api_key: s3cret-key}\n")
    said = CliRunner().invoke(sqlpipes, ["build", "--project-dir", str(tmp_path)])
    assert "CFG002" in said.output
    assert "s3cret-key" not in said.output
