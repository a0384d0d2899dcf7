"""`components` and `new`; a component of an installed package; the JSON schema of a YAML file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import pytest
import yaml
from cli.projects import ok, run, write
from click.testing import CliRunner

from sqlpipes.cli import sqlpipes

FEED = '''
from sqlpipes import component, sql_asset

@component(example="type: Feed\\nattributes: {name: a}\\n")
class Feed:
    """Numbers."""

    name: str  # of the table
    rows: int = 3

    def build(self, context):
        return sql_asset(self.name, f"select * from range({self.rows})")
'''


def test_components_are_listed_and_documented(tmp_path):
    write(
        tmp_path,
        {
            "models/f.py": FEED,
            "models/broken.py": "from sqlpipes import component\n@component\nclass Bad: pass\n",
        },
    )
    listed = ok(tmp_path, "components")
    assert [line.split()[0] for line in listed.splitlines()] == [
        "Bad",
        "Feed",
        "files",
        "script",
        "table_copy",
        "template",
    ]
    assert "Bad is a component without build" in listed
    told = ok(tmp_path, "components", "Feed")
    for said in ("Numbers.", "a text, needed", "of the table", "default 3", "type: Feed"):
        assert said in told
    found = json.loads(ok(tmp_path, "components", "Feed", "--json"))
    assert [field["name"] for field in found["fields"]] == ["name", "rows"]
    unknown = run(tmp_path, "components", "fils")
    assert (unknown.exit_code, "did you mean 'files'?" in unknown.stderr) == (2, True)


def test_every_field_of_a_built_in_component_is_documented_and_its_example_is_read(tmp_path):
    for each in json.loads(ok(tmp_path, "components", "--json")):
        assert each["description"]
        assert [field["name"] for field in each["fields"] if not field["description"]] in (
            [],
            ["materialized"],
            ["retries"],
        )
        assert yaml.safe_load(each["example"])["type"] == each["name"]


GOOD = [
    "type: files\nattributes: {path: raw/*.csv, filename: true}",
    "type: Feed\nattributes: {name: a, rows: \"{{ var('n') | as_number }}\"}\noverrides: {a: {owner: x}}",
    "components:\n- {type: script, attributes: {name: a, run: [sh, x]}, enabled: false}",
    "type: template\nattributes: {name: a, for_each: [{a: 1}], sql: select 1}",
]
BAD = [
    "type: fils\nattributes: {path: x}",
    "type: files\nattributes: {pth: x}",
    "type: files",
    "type: files\nattributes: {path: x, format: cvs}",
    "type: Feed\nattributes: {name: a, rows: many}",
    "type: Feed\nattributes: {name: a}\nwhatever: 1",
    "components:\n- {type: script, attributes: {name: a, run: [1]}}",
    "nothing: 1",
]


def test_the_schema_accepts_what_is_right_and_refuses_what_is_wrong(tmp_path):
    from jsonschema import Draft202012Validator

    write(tmp_path, {"models/f.py": FEED})
    schema = json.loads(ok(tmp_path, "components", "--schema"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert [list(validator.iter_errors(yaml.safe_load(text))) for text in GOOD] == [[]] * len(GOOD)
    assert [text for text in BAD if validator.is_valid(yaml.safe_load(text))] == []


def test_components_are_listed_where_there_is_no_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(sqlpipes, ["components"])
    assert (result.exit_code, "template" in result.stdout) == (0, True)


@pytest.mark.parametrize("kind", ["model", "asset", "source", "component", "check"])
def test_what_new_writes_builds_at_once(tmp_path, kind):
    write(tmp_path, {"models/first.sql": "select 1 as id\n"})
    told = ok(tmp_path, "new", kind, f"deep/my_{kind}")
    paths = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert paths
    assert all((tmp_path / path).is_file() for path in paths)
    assert "next: " in told
    ok(tmp_path, "build")
    assert ok(tmp_path, "lint", "--strict")
    again = run(tmp_path, "new", kind, f"deep/my_{kind}")
    assert (again.exit_code, "CMP020" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["model", "my model"], "my_model"),
        (["model", "1st"], "not beginning with a digit"),
        (["model", "../x"], "is no name for a file"),
        (["asset", "first"], "there is an asset 'first' already: models/first.sql"),
        (["check", "c", "--on", "frst"], "did you mean 'first'?"),
        (["model", "x", "--on", "first"], "--on is for a check"),
        (["modle", "x"], "modle"),
        (["model", "First"], "there is an asset 'first' already"),
        (["asset", "class"], "'class' is a word of Python's own"),
        (["component", "json"], "a file json.py would hide Python's own module 'json'"),
        (["model", "models/x"], "it counts from models/: sqlpipes new model x"),
        (["model", "/tmp/x"], "it counts from models/: sqlpipes new model x"),
    ],
)
def test_new_refuses_what_would_not_run(tmp_path, arguments, said):
    write(tmp_path, {"models/first.sql": "select 1 as id\n"})
    result = run(tmp_path, "new", *arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["first.sql"]


def test_a_check_says_of_which_asset_it_is(tmp_path):
    write(tmp_path, {"models/a.sql": "select 1 as id\n", "models/b.sql": "select 1 as id\n"})
    result = run(tmp_path, "new", "check", "x")
    assert (result.exit_code, "say --on a" in result.stderr) == (2, True)


def test_a_check_is_of_the_asset_that_it_is_named_after(tmp_path):
    write(tmp_path, {"models/a.sql": "select 1 as id\n", "models/orders.sql": "select 1 as id\n"})
    ok(tmp_path, "new", "check", "orders_are_paid")
    assert "from orders\n" in (tmp_path / "tests/orders_are_paid.sql").read_text()


PACKAGE = {
    "acme_feeds/__init__.py": "",
    "acme_feeds/feed.py": '''
from sqlpipes import asset, component

from acme_feeds.rows import rows


@component
class Feed:
    """A feed of Acme's."""

    name: str  # of the table
    upto: int = 2

    def build(self, context):
        upto = self.upto

        @asset(name=self.name)
        def table():
            return rows(upto)

        return [table]
''',
    "acme_feeds/rows.py": "def rows(upto):\n    return [{'n': n} for n in range(upto)]\n",
    "acme_feeds-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-feeds\nVersion: 1.0\n",
    "acme_feeds-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "acme_feeds-1.0.dist-info/entry_points.txt": (
        "[sqlpipes.components]\nacme_feed = acme_feeds.feed:Feed\n"
    ),
}


def wheel(folder):
    """A wheel of the package, without what building one would have to download."""
    path = folder / "acme_feeds-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for name, text in PACKAGE.items():
            file.writestr(name, text)
        record = "acme_feeds-1.0.dist-info/RECORD"
        file.writestr(record, "".join(f"{name},,\n" for name in (*PACKAGE, record)))
    return path


@pytest.mark.long
def test_a_component_of_an_installed_package_is_found_by_its_entry_point(tmp_path):
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    line = [*pip, "--target", str(target), str(wheel(tmp_path))]
    subprocess.run(line, check=True, capture_output=True)
    project = write(
        tmp_path / "p", {"models/f.yml": "type: acme_feed\nattributes: {name: numbers}\n"}
    )
    path = os.pathsep.join([str(target), *filter(None, sys.path)])
    environ = {**os.environ, "PYTHONPATH": path}

    def sqlpipes_says(*arguments):
        line = [sys.executable, "-m", "sqlpipes", *arguments]
        done = subprocess.run(line, cwd=project, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "acme_feed" in sqlpipes_says("components")
    assert "A feed of Acme's." in sqlpipes_says("components", "acme_feed")
    sqlpipes_says("build")
    assert sqlpipes_says("show", "numbers").split()[-2:] == ["0", "1"]
    assert "nothing to do" in sqlpipes_says("build")
    write(project, {"models/f.yml": "type: acme_feed\nattributes: {name: numbers, upto: 3}\n"})
    assert "code changed" in sqlpipes_says("plan")
    del environ["PYTHONPATH"]
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    line = [sys.executable, "-m", "sqlpipes", "ls"]
    gone = subprocess.run(line, cwd=project, env=environ, capture_output=True, text=True)
    assert "there is no component 'acme_feed'" in gone.stderr
