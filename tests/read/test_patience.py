"""What a profile says of patience with its server, and where a state with braces in its URL is."""

from __future__ import annotations

import pytest
from cli.projects import run, write

import sqlpipes


def load(root, said, project="", environ=None):
    write(
        root,
        {
            "sqlpipes.yml": f"name: shop\n{project}",
            "profiles.yml": f"shop: {{outputs: {{dev: {{type: duckdb, path: x.duckdb{said}}}}}}}\n",
            "models/a.sql": "select 1 as x\n",
        },
    )
    return sqlpipes.load(str(root), environ=environ or {})


def test_what_is_not_said_is_usual(tmp_path):
    target = load(tmp_path, "").target
    assert (target.retries, target.connect_retries) == (5, None)
    assert (target.statement_timeout_s, target.query_comment) == (None, True)
    assert target.project == "shop"


def test_retries_alone_are_those_of_connecting_too(tmp_path):
    target = load(tmp_path, ", retries: 2").target
    assert (target.retries, target.connect_retries) == (2, 2)
    both = load(tmp_path, ", retries: '2', connect_retries: 0").target
    assert (both.retries, both.connect_retries) == (2, 0)


@pytest.mark.parametrize(
    "said",
    ["retries: -1", "retries: 101", "retries: many", "connect_retries: 1.5", "query_comment: [a]"],
)
def test_what_makes_no_sense_is_told_at_its_place(tmp_path, said):
    with pytest.raises(sqlpipes.SqlpipesError) as caught:
        load(tmp_path, f", {said}")
    (problem,) = caught.value.problems
    assert problem.code == "PRF003"
    assert str(problem.at).startswith("profiles.yml:1:")
    assert said.split(":")[0] in problem.message


def test_none_of_it_is_handed_to_the_engine(tmp_path):
    said = ", retries: 1, connect_retries: 1, statement_timeout_s: '1.5', query_comment: false"
    target = load(tmp_path, said).target
    assert dict(target.options) == {"path": "x.duckdb"}
    assert target.statement_timeout_s == 1.5


def test_the_state_takes_a_variable_and_says_which_is_not_set(tmp_path):
    state = "state: \"sqlite:///{{ env_var('PLACE') }}.db\"\n"
    found = load(tmp_path, "", state, {"PLACE": "kept"})
    assert found.config.state == "sqlite:///kept.db"
    assert "kept" not in repr(found.config)
    missing = load(tmp_path, "", state)
    (problem,) = missing.errors
    assert (problem.code, str(problem.at)) == ("TPL001", "sqlpipes.yml:2:8")
    assert "PLACE is not set" in problem.message


def test_secrets_of_a_project_are_in_no_repr(tmp_path):
    found = load(tmp_path, ", settings: {custom_password: hunter2hunter2}")
    assert "hunter2hunter2" in found.secrets
    assert "hunter2hunter2" not in repr(found)


@pytest.mark.long
def test_a_password_that_is_said_openly_hides_nothing(tmp_path):
    found = load(tmp_path, ", attach: [{path: 'host=h password=shop', type: postgres, alias: p}]")
    assert "shop" not in found.secrets
    assert "shop" in run(tmp_path, "debug").output


def test_a_folder_of_profiles_that_is_misspelt(tmp_path):
    load(tmp_path, "")
    found = run(tmp_path, "ls", "--profiles-dir", str(tmp_path / "modles"))
    assert found.exit_code == 2
    assert "did you mean 'models'?" in found.output


def test_a_word_that_a_comment_does_not_know(tmp_path):
    with pytest.raises(sqlpipes.SqlpipesError) as caught:
        load(tmp_path, ", query_comment: '{run} {asst} {x}'")
    first, second = caught.value.problems
    assert (first.code, first.message) == ("PRF003", "'query_comment' knows no {asst}")
    assert first.hint == "did you mean 'asset'?"
    assert str(first.at).startswith("profiles.yml:1:")
    assert "it may hold {project}, {target}" in second.hint
    sound = load(tmp_path, """, query_comment: '{run}/{asset} {"a": 1}'""")
    assert sound.target.query_comment == '{run}/{asset} {"a": 1}'
