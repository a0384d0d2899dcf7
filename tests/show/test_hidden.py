"""Excerpts of configuration: what stands beside a fault is not shown, whatever the spelling."""

from __future__ import annotations

import pytest
from click import unstyle

from sqlpipes.core.errors import Location, Problem
from sqlpipes.show.problems import problems_text

SECRET = "hunter2 & co"
LINES = {
    "a flow mapping": '    creds: {usr: u, pw: "%s"}',
    "quoted keys": '    creds: {"usr": u, "pw":"%s"}',
    "a list": '    toks: ["%s", "{{ env_var(\'PWXX\') }}"]',
    "plain": "    tok: %s",
    "with a template": "    tok: 'x{{ env_var(\"A\") }}%s'",
    "an item": "      - '%s'",
}


def shown(tmp_path, name, text, line):
    (tmp_path / name).write_text(text)
    problem = Problem("RES003", "wrong", Location(name, line, 5, 3))
    return unstyle(problems_text([problem], str(tmp_path)))


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("name", ["sqlpipes.yml", "profiles.yml"])
def test_values_that_configure_resources_are_not_shown(tmp_path, kind, name):
    text = f"resources:\n  # all of them\n  api:\n{LINES[kind] % SECRET}\n"
    said = shown(tmp_path, name, text, 4)
    assert "hunter2" not in said
    assert "co" not in said.replace("creds", "")
    assert LINES[kind].split(":")[0].strip(" -'%s") in said
    assert ("env_var" in said) == ("env_var" in LINES[kind])
    written, marked = said.splitlines()[1:]
    assert len(written) == len("   4 | ") + len(LINES[kind] % SECRET)
    assert marked.index("^") == len("   4 | ") + 4


def test_toml_hides_its_sections_of_resources(tmp_path):
    text = f"[tool.sqlpipes.resources.api]\ntoken = '{SECRET}'\n[tool.x]\nname = 'x'\n"
    assert "hunter2" not in shown(tmp_path, "pyproject.toml", text, 2)
    assert "'x'" in shown(tmp_path, "pyproject.toml", text, 4)


def test_all_else_is_shown_as_it_is(tmp_path):
    text = "name: shop\nvars: {a: b}\nresources:\n  api: {x: y}\n"
    assert "vars: {a: b}" in shown(tmp_path, "sqlpipes.yml", text, 2)
    dev = f"    dev: {{type: duckdb, password: {SECRET}}}\n"
    outputs = f"shop:\n  outputs:\n{dev}    two:\n      type: dukdb\n"
    assert "type: dukdb" in shown(tmp_path, "profiles.yml", outputs, 5)
    assert "hunter2" not in shown(tmp_path, "profiles.yml", outputs, 3)


PROFILES = {
    "dev: {type: duckdb, settings: {memory_limt: 4GB}}": None,
    "attach: [{path: gone.duckdb, alias: other, read_only: true}]": None,
    "attach: gone.duckdb": None,
    "settings: {s3_secret_access_key: %s}": "s3_secret_access_key",
    "dev: {type: postgres, password: %s, user: me}": "user: me",
    "dev: {type: postgres, url: 'pg://me:%s@db/dw', schema: main}": "schema: main",
    "attach: {path: 'host=db password=%s', type: postgres}": "type: postgres",
    "attach: {path: host=db password=%s, type: postgres}": "type: postgres",
    "attach: {path: 'postgres://me:%s@db/dw', type: postgres}": "type: postgres",
    "- %s": "-",
}


@pytest.mark.parametrize("line", PROFILES)
def test_of_a_profile_only_what_may_be_secret_is_hidden(tmp_path, line):
    said = shown(tmp_path, "profiles.yml", f"shop:\n  {line.replace('%s', SECRET)}\n", 2)
    assert "hunter2" not in said
    assert (PROFILES[line] or line) in said


ATTACHED = """shop:
  outputs:
    dev:
      secrets:
        mypg: {type: postgres, secret: hunter2}
        other:
          secret: hunter2
      attach:
        - gone.duckdb
        - host=db password=hunter2
        - postgres://me:hunter2@db/x
        - path: ''
          secret: mypgg
        - {type: postgres, secret: mypgg}
      secrets2:
        - hunter2
      one: {secrets: {s: {secret: hunter2}}, attach: {secret: mypgg}}
"""


def test_paths_and_names_of_secrets_that_are_attached_are_shown_and_secrets_are_not(tmp_path):
    told = {line: shown(tmp_path, "profiles.yml", ATTACHED, line) for line in range(1, 18)}
    assert "hunter2" not in "".join(told.values())
    assert "- gone.duckdb" in told[9]
    assert "secret: mypgg" in told[13]
    assert "secret: mypgg}" in told[14]
