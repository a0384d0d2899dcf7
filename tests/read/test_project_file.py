"""The project file and the profiles: where they are found, what they say, what is wrong with them."""

from __future__ import annotations

import pytest
from read.folders import asset, only, places, read, write

from sqlpipes.core.config import Target
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.sql import Relation
from sqlpipes.read import find_root, read_project


def refused(root, **options):
    with pytest.raises(ProjectError) as caught:
        read(root, **options)
    (problem,) = caught.value.problems
    return problem


def test_an_empty_folder_is_a_project(tmp_path):
    reading = read(tmp_path)
    assert reading.config.name == tmp_path.name
    options = {"path": f"{tmp_path.name}.duckdb"}
    assert reading.target == Target("dev", "duckdb", options=options, catalog=tmp_path.name)
    assert (reading.assets, reading.checks, reading.problems) == ((), (), ())


def test_no_folder_is_no_project(tmp_path):
    with pytest.raises(ProjectError) as caught:
        read_project(str(tmp_path / "none"), environ={})
    assert caught.value.problems[0].code == "PRJ001"


TOML = """
[project]
name = "other"

[tool.sqlpipes]
name = "shop"
check_paths = ["tests/checks"]
model_paths = "sql"
strict = true
vars = {days = 3}

[tool.sqlpipes.defaults."sql/staging"]
schema = "stg"
"""


def test_pyproject(tmp_path):
    reading = read(tmp_path, {"pyproject.toml": TOML, "sql/staging/a.sql": "select 1"})
    config = reading.config
    assert reading.problems == ()
    assert (config.name, config.strict, config.vars) == ("shop", True, {"days": 3})
    assert (config.check_paths, config.model_paths) == (("tests/checks",), ("sql",))
    assert asset(reading, "a").relation == Relation("a", "stg")


def test_given_vars_win(tmp_path):
    reading = read(tmp_path, {"sqlpipes.yml": "vars: {a: 1, b: 2}"}, vars={"a": 9})
    assert reading.config.vars == {"a": 9, "b": 2}


def test_wrong_keys_of_pyproject(tmp_path):
    text = TOML.replace("strict = true", 'strict = "yes"\nchekc_paths = []').replace("stg", "{{")
    text = text.replace("schema", "shcema")
    reading = read(tmp_path, {"pyproject.toml": text, "sql/a.sql": "select 1"})
    assert sorted(places(reading)) == [
        "pyproject.toml:10:1 CFG001",
        "pyproject.toml:14:1 CFG001",
        "pyproject.toml:14:10 TPL001",
        "pyproject.toml:9:10 CFG002",
    ]
    assert "did you mean 'check_paths'?" in [problem.hint for problem in reading.problems]


def test_wrong_keys_of_yaml(tmp_path):
    text = "nam: x\nmodel_paths: 3\nvars: [a]\ndefaults: {models: view}\nstrict: maybe\n"
    reading = read(tmp_path, {"sqlpipes.yml": text})
    assert places(reading) == [
        "sqlpipes.yml:1:1 CFG001",
        "sqlpipes.yml:2:14 CFG002",
        "sqlpipes.yml:3:7 CFG002",
        "sqlpipes.yml:4:11 CFG002",
        "sqlpipes.yml:5:9 CFG002",
    ]
    assert reading.problems[0].hint == "did you mean 'name'?"


def test_broken_project_files(tmp_path):
    problem = only(read(tmp_path, {"pyproject.toml": "[tool.sqlpipes]\nname = \n"}))
    assert (problem.code, str(problem.at)) == ("YML001", "pyproject.toml:2:8")


def test_two_project_files(tmp_path):
    files = {"pyproject.toml": TOML, "sqlpipes.yml": "name: x", "sql/a.sql": "select 1"}
    problem = only(read(tmp_path, files))
    assert (problem.code, problem.at.file) == ("CFG006", "pyproject.toml")


def test_defaults_of_a_folder_reach_seeds_but_not_with_keys_of_models(tmp_path):
    files = {
        "sqlpipes.yml": "defaults: {seeds: {schema: ref, materialized: table, tags: x}}",
        "seeds/a.csv": "x\n",
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    assert asset(reading, "a").relation == Relation("a", "ref")
    assert asset(reading, "a").tags == ("x",)


PROFILES = """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: dev.duckdb, threads: 2}
    prod:
      type: postgres
      host: "{{ env_var('PG_HOST') }}"
      port: "{{ env_var('PG_PORT', '5432') | int }}"
      url: "postgresql://{{ env_var('PG_HOST') }}/x"
      schema: marts
      schema_prefix: p_
"""


def test_the_usual_target(tmp_path):
    reading = read(tmp_path, {"profiles.yml": PROFILES})
    assert reading.target == Target(
        "dev", "duckdb", threads=2, options={"path": "dev.duckdb"}, catalog="dev"
    )


def test_another_target_with_environment(tmp_path):
    write(tmp_path, {"profiles.yml": PROFILES})
    reading = read(tmp_path, target="prod", environ={"PG_HOST": "db"})
    assert reading.target == Target(
        "prod",
        "postgres",
        "marts",
        "p_",
        4,
        {"host": "db", "port": 5432, "url": "postgresql://db/x"},
        catalog="x",
    )


def test_a_variable_of_the_environment_that_is_not_set(tmp_path):
    write(tmp_path, {"profiles.yml": PROFILES})
    with pytest.raises(ProjectError) as caught:
        read(tmp_path, target="prod", environ={"PG_HOTS": "db"})
    first = caught.value.problems[0]
    assert (first.code, str(first.at)) == ("TPL001", "profiles.yml:8:13")
    assert first.hint == "did you mean 'PG_HOTS'?"


def test_a_wrong_target_lists_the_names_nearest_first(tmp_path):
    write(tmp_path, {"profiles.yml": PROFILES})
    problem = refused(tmp_path, target="prd")
    assert (problem.code, problem.hint) == ("PRF002", "its targets: prod, dev")


def test_a_wrong_usual_target_has_a_place(tmp_path):
    write(tmp_path, {"profiles.yml": PROFILES.replace("target: dev", "target: dve")})
    assert str(refused(tmp_path).at) == "profiles.yml:3:11"


def test_a_wrong_profile(tmp_path):
    write(tmp_path, {"profiles.yml": PROFILES})
    assert refused(tmp_path, profile="shp").hint == "did you mean 'shop'?"
    write(tmp_path, {"sqlpipes.yml": "profile: elsewhere"})
    assert refused(tmp_path).code == "PRF001"


def test_the_project_chooses_among_profiles(tmp_path):
    two = "a: {outputs: {x: {type: duckdb}}}\nb: {outputs: {y: {type: duckdb}}}\n"
    write(tmp_path, {"profiles.yml": two})
    assert refused(tmp_path).code == "PRF001"
    assert read(tmp_path, {"sqlpipes.yml": "name: b"}).target.name == "y"
    assert read(tmp_path, {"sqlpipes.yml": "profile: a"}).target.name == "x"
    assert read(tmp_path, profile="b").target.name == "y"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("p: {outputs: {dev: {path: x}}}", "profiles.yml:1:15"),
        ("p: {outputs: {dev: {type: duckdb, threads: 0}}}", "profiles.yml:1:44"),
        ("p: {outputs: {dev: {type: duckdb, schema: [a]}}}", "profiles.yml:1:43"),
        ("p: {target: dev}", "profiles.yml:1:1"),
        ("p:\n\toutputs: 1", "profiles.yml:2:1"),
    ],
)
def test_wrong_profiles_have_a_place(tmp_path, text, place):
    write(tmp_path, {"profiles.yml": text})
    assert str(refused(tmp_path).at) == place


def test_where_profiles_are_looked_for(tmp_path):
    def named(name: str) -> str:
        return f"p: {{outputs: {{{name}: {{type: duckdb}}}}}}"

    home = write(tmp_path / "home", {".dbt/profiles.yml": named("of_dbt")})
    shop = write(tmp_path / "shop", {"models/a.sql": "select 1"})
    environ = {"HOME": str(home)}
    assert read(shop, environ=environ).target.name == "of_dbt"
    write(home, {".sqlpipes/profiles.yml": named("of_home")})
    assert read(shop, environ=environ).target.name == "of_home"
    write(shop, {"profiles.yml": named("of_root")})
    assert read(shop, environ=environ).target.name == "of_root"
    other = write(tmp_path / "other", {"profiles.yml": named("given")})
    assert read(shop, environ=environ, profiles_dir=str(other)).target.name == "given"
    assert refused(shop, profiles_dir=str(tmp_path / "none")).code == "PRF001"


def test_a_target_without_profiles(tmp_path):
    assert read(tmp_path, target="dev").target.engine == "duckdb"
    assert refused(tmp_path, target="prod").code == "PRF002"
    assert refused(tmp_path, profile="x").code == "PRF001"


def test_the_example_profiles_are_sound(tmp_path):
    from pathlib import Path

    text = (Path(__file__).parents[2] / "profiles.example.yml").read_text()
    write(tmp_path, {"profiles.yml": text})
    assert read(tmp_path).target.engine == "duckdb"
    assert read(tmp_path, target="prod").target.schema_prefix == ""


def test_passwords_stay_out_of_the_cache(tmp_path):
    text = "p: {outputs: {dev: {type: postgres, password: hunter2}}}"
    for _ in range(2):
        found = read(tmp_path, {"profiles.yml": text})
        assert found.target.options == {"password": "hunter2"}
    assert "hunter2" not in (tmp_path / ".sqlpipes/cache/facts.json").read_text()


@pytest.mark.parametrize(
    ("files", "start", "root"),
    [
        (["models/a/b.sql"], ".", "."),
        (["models/a/b.sql"], "models/a", "."),
        (["models/b.sql", "seeds/x/y.csv"], "seeds/x", "."),
        (["sqlpipes.yml", "sql/a/b.sql"], "sql/a", "."),
        (["sqlpipes.yml", "inner/models/b.sql"], "inner/models", "inner"),
        (["models/b.sql", "docs/x.md"], "docs", None),
        (["notes.txt"], ".", None),
    ],
)
def test_the_project_that_a_folder_lies_in(tmp_path, files, start, root):
    write(tmp_path, dict.fromkeys(files, ""))
    if root is not None:
        assert find_root(str(tmp_path / start)) == str((tmp_path / root).resolve())
        return
    with pytest.raises(ProjectError) as caught:
        find_root(str(tmp_path / start))
    assert caught.value.problems[0].code == "PRJ002"


def test_a_table_of_pyproject_makes_a_project(tmp_path):
    write(tmp_path, {"pyproject.toml": TOML, "sql/a.sql": "select 1", "other/x": ""})
    assert find_root(str(tmp_path / "other")) == str(tmp_path)
    write(tmp_path, {"pyproject.toml": "[tool.sqlpipe]\n"})
    with pytest.raises(ProjectError):
        find_root(str(tmp_path / "other"))


def test_a_folder_of_models_that_is_not_there(tmp_path):
    files = {"sqlpipes.yml": "model_paths: [modles]\nseed_paths: [seed, none]", "models/a.sql": ""}
    reading = read(tmp_path, {**files, "seeds/s.csv": "a\n"})
    assert places(reading) == ["sqlpipes.yml:1:15 CFG008", "sqlpipes.yml:2:14 CFG008"]
    assert [p.hint for p in reading.problems] == ["did you mean 'models'?", "did you mean 'seeds'?"]


def test_dbt_s_project_file_is_not_passed_over_in_silence(tmp_path):
    problem = only(read(tmp_path, {"dbt_project.yml": "name: x", "models/a.sql": "select 1"}))
    assert (str(problem.at), problem.code, problem.is_error) == (
        "dbt_project.yml:1:1",
        "CFG007",
        False,
    )
    assert read(tmp_path, {"sqlpipes.yml": "name: x"}).problems == ()


def test_a_var_that_is_almost_declared(tmp_path):
    reading = read(tmp_path, {"sqlpipes.yml": "vars: {days: 3}"}, vars={"dyas": 1, "other": 2})
    assert [(p.code, p.hint) for p in reading.problems] == [("CFG009", "did you mean 'days'?")]


def test_an_unknown_dialect(tmp_path):
    problem = only(read(tmp_path, {"sqlpipes.yml": "dialect: duckbd"}))
    assert (str(problem.at), problem.hint) == ("sqlpipes.yml:1:10", "did you mean 'duckdb'?")
    write(tmp_path, {"sqlpipes.yml": "dialect: PostgreSQL"})
    assert read(tmp_path).config.dialect == "postgres"


def test_the_dialect_is_the_target_s_unless_declared(tmp_path):
    profiles = "p: {outputs: {dev: {type: postgres, dbname: dw, host: h}}}"
    reading = read(tmp_path, {"profiles.yml": profiles})
    assert (reading.config.dialect, reading.target.catalog) == ("postgres", "dw")
    assert read(tmp_path, {"sqlpipes.yml": "dialect: duckdb"}).config.dialect == "duckdb"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("batch: 3", "it stands one level down: `partition: {batch: ...}`"),
        ("max_age: 1d", None),  # models have no freshness
    ],
)
def test_a_key_that_stands_one_level_down_is_named_there(tmp_path, key, hint):
    write(tmp_path, {"models/a.sql": f"/*\n---\n{key}\n---\n*/\nselect 1 as x"})
    found = [p for p in read(tmp_path).problems if p.code == "CFG001"]
    assert [(p.at.line, p.hint) for p in found] == [(3, hint)]


def test_the_section_of_dbt_for_folders_is_called_defaults_here(tmp_path):
    text = "models:\n  staging:\n    materialized: table\n"
    (found,) = read(tmp_path, {"sqlpipes.yml": text}).problems
    assert found.code == "CFG001"
    assert "`defaults: {models/staging: ...}`" in found.hint
