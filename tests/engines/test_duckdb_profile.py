"""A DuckDB output of profiles.yml: what is wrong with it, each at its place, and what it does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import duckdb
import pytest

from sqlpipes.api.building import build
from sqlpipes.api.look import rows
from sqlpipes.api.plans import plan
from sqlpipes.api.project import load
from sqlpipes.core.config import Plain, Target
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.engines import open_engine
from sqlpipes.engines.duckdb.profile import read_profile

OLDER = os.environ.get("SQLPIPES_TEST_DUCKDB_155", "")  # a Python that has DuckDB 1.5.5


def project(root: Path, output: str, **models: str) -> Path:
    (root / "profiles.yml").write_text(
        "shop:\n  outputs:\n    dev:\n      type: duckdb\n      path: w.duckdb\n" + output
    )
    (root / "models").mkdir()
    for name, sql in models.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    return root


def faults(root: Path, output: str) -> list[Problem]:
    return list(load(str(project(root, output))).errors)


def target(**options: Plain) -> Target:
    return Target("dev", "duckdb", options={"path": ":memory:", **options})


def other(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        for sql in statements:
            connection.execute(sql)


WRONG = {
    "an unknown key": ("      attatch: x.duckdb\n", "6:7", "did you mean 'attach'?"),
    "a key of an attached one": (
        "      attach: [{path: x.duckdb, allias: lake}]\n",
        "6:33",
        "did you mean 'alias'?",
    ),
    "a type of one": (
        "      attach:\n        - path: x.duckdb\n          type: postgress\n",
        "8:11",
        "did you mean 'postgres'?",
    ),
    "no path": ("      attach: [{alias: lake}]\n", "6:16", "for example"),
    "one name twice": (
        "      attach:\n        - a/x.duckdb\n        - b/x.duckdb\n",
        "8:11",
        "give it another one with `alias:`",
    ),
    "the name of its own": ("      attach: sub/w.duckdb\n", "6:15", "alias"),
    "read_only": ("      attach: {path: x.db, read_only: maybe}\n", "6:28", None),
    "a key of an extension": (
        "      extensions: [{name: h3, reppo: x}]\n",
        "6:31",
        "did you mean 'repo'?",
    ),
    "an extension's name": ('      extensions: ["a; drop"]\n', "6:20", "for example"),
    "a secret without type": ("      secrets: [{key_id: x}]\n", "6:17", "type: s3"),
    "a kept secret": (
        "      secrets:\n        s: {type: s3, persistent: true}\n",
        "7:23",
        "leave it out",
    ),
    "a parameter": ('      secrets: [{type: s3, "a b": x}]\n', "6:28", None),
    "settings": ("      settings: [a]\n", "6:17", "{memory_limit: 4GB}"),
    "a version": ("      storage_version: newest\n", "6:24", "v1.5.0"),
    "dbt's plugins": ("      plugins: []\n", "6:7", "Python asset"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, case: str) -> None:
    said, place, hint = WRONG[case]
    found = faults(tmp_path, said)
    assert [problem.code for problem in found] == ["ENG020"], found
    assert str(found[0].at) == f"profiles.yml:{place}"
    assert hint is None or hint in (found[0].hint or "")


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, "      attatch: x\n      extensions: ['']\n      settings: 3\n")
    assert len(found) == 3


def test_dbts_keys_that_mean_nothing_here_are_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, "      keep_open: true\n      config_options: {threads: 2}\n") == []


# ---------------------------------------------------------------------------------------- attach


def test_an_attached_table_is_a_source_with_lineage(tmp_path: Path) -> None:
    other(tmp_path / "o.duckdb", "create schema raw", "create table raw.t as select 1 as a, 2 as b")
    model = "select a, a + b as c from other.raw.t"
    output = "      attach: [{path: o.duckdb, alias: other, read_only: true}]\n"
    root = project(tmp_path, output, m="/*\n---\nmaterialized: table\n---\n*/\n" + model)
    found = load(str(root))
    assert found.graph.parents("m") == ("other.raw.t",)
    assert build(found).ok
    assert rows(load(str(root)), "m").rows == ((1, 3),)
    assert build(load(str(root))).plan.steps == ()
    other(tmp_path / "o.duckdb", "insert into raw.t values (5, 6)")
    assert build(load(str(root))).ok
    assert rows(load(str(root)), "m").rows == ((1, 3), (5, 11))


def test_an_attached_table_by_database_and_name_alone(tmp_path: Path) -> None:
    other(tmp_path / "o.duckdb", "create table t as select 1 as a")
    model = "/*\n---\nmaterialized: table\n---\n*/\nselect a from other.t"
    root = project(tmp_path, "      attach: [{path: o.duckdb, alias: other}]\n", m=model)
    assert build(load(str(root))).ok
    assert rows(load(str(root)), "m").rows == ((1,),)
    assert build(load(str(root))).plan.steps == ()
    other(tmp_path / "o.duckdb", "insert into t values (5)")
    assert build(load(str(root))).ok
    assert rows(load(str(root)), "m").rows == ((1,), (5,))


def test_assets_are_written_into_attached_databases(tmp_path: Path) -> None:
    """Each step is a transaction of its own, so one build may write to several databases."""
    into = "/*\n---\nmaterialized: table\ndatabase: {}\nschema: {}\n---\n*/\n"
    root = project(
        tmp_path,
        "      attach: [{path: lake.duckdb, create: true}, {path: more.duckdb, alias: more, create: true}]\n",
        one=into.format("lake", "main") + "select 1 as a",
        two=into.format("more", "deep") + "select a + 1 as a from one",
        three="select * from two",
    )
    assert build(load(str(root))).ok
    with duckdb.connect(str(tmp_path / "more.duckdb")) as found:
        assert found.sql("select * from deep.two").fetchall() == [(2,)]
    assert rows(load(str(root)), "three").rows == ((2,),)
    assert build(load(str(root))).plan.steps == ()


@pytest.mark.parametrize("more", ["", ", read_only: true", ", type: sqlite"])
def test_an_attached_file_that_is_missing_is_told_and_not_made(tmp_path: Path, more: str) -> None:
    other(tmp_path / "orders.duckdb", "create table t as select 1 as a")
    output = f"      attach:\n        - {{path: ordes.duckdb, alias: other{more}}}\n"
    root = project(tmp_path, output, m="select * from other.main.t")
    plan(load(str(root)))  # nothing is built yet, so nothing is opened
    with pytest.raises(EngineError) as caught:
        build(load(str(root)))
    (problem,) = caught.value.problems
    assert problem.code == "ENG020"
    assert "the attached file ordes.duckdb does not exist" in problem.message
    assert str(problem.at) == "profiles.yml:7:12"
    assert "'orders.duckdb'" in (problem.hint or "")
    assert "create: true" in (problem.hint or "")
    assert sorted(path.name for path in tmp_path.glob("*.duckdb")) == ["orders.duckdb"]


def test_a_read_only_database_is_not_written_to(tmp_path: Path) -> None:
    other(tmp_path / "o.duckdb", "create table t as select 1 as a")
    model = "/*\n---\nmaterialized: table\ndatabase: other\n---\n*/\nselect 1 as a"
    output = "      attach: [{path: o.duckdb, alias: other, read_only: true}]\n"
    with pytest.raises(EngineError) as caught:
        build(load(str(project(tmp_path, output, m=model))))
    problem = caught.value.problems[0]
    assert "read-only" in problem.message
    assert "`read_only`" in (problem.hint or "")
    assert str(problem.at).startswith("models/m.sql:")


def test_a_hook_cannot_write_to_a_second_database_in_one_transaction(tmp_path: Path) -> None:
    model = (
        "/*\n---\nmaterialized: table\nafter: create table other.main.x as select 1 as a\n---\n*/\n"
        "select 1 as a"
    )
    output = "      attach: [{path: o.duckdb, alias: other, create: true}]\n"
    report = build(load(str(project(tmp_path, output, m=model))))
    assert not report.ok
    problem = report.failed[0].problems[0]
    assert "single attached database" in problem.message
    assert "asset of its own" in (problem.hint or "")


def test_a_database_that_nobody_attached_is_told(tmp_path: Path) -> None:
    model = "/*\n---\nmaterialized: table\ndatabase: lak\n---\n*/\nselect 1 as a"
    root = project(tmp_path, "      attach: [{path: lake.duckdb, create: true}]\n", m=model)
    with pytest.raises(EngineError) as caught:
        build(load(str(root)))
    assert caught.value.problems[0].code == "ENG024"
    assert caught.value.problems[0].hint == "did you mean 'lake'?"
    assert str(caught.value.problems[0].at) == "models/m.sql:4:11"


def test_an_attached_database_that_does_not_open_is_told_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "o.duckdb").write_bytes(b"no database" * 1000)
    root = project(tmp_path, "      attach:\n        - o.duckdb\n", m="select 1 as a")
    with pytest.raises(EngineError) as caught:
        build(load(str(root)))
    assert caught.value.problems[0].code == "ENG002"
    assert str(caught.value.problems[0].at) == "profiles.yml:7:11"


@pytest.mark.long
def test_a_password_of_an_address_is_not_told(tmp_path: Path) -> None:
    output = (
        "      attach:\n        - {path: 'host=127.0.0.1 port=1 password=hush55', type: postgres,"
        " alias: pg}\n"
    )
    root = project(tmp_path, output, m="select 1 as a")
    found = load(str(root))
    assert "hush55" in found.secrets
    with pytest.raises(EngineError) as caught:
        build(found)
    assert "hush55" not in str(caught.value)


# ------------------------------------------------------------------------- secrets and extensions


def test_a_secret_is_there_for_every_cursor() -> None:
    secret: Plain = {"type": "http", "bearer_token": "hush", "scope": ["https://a", "https://b"]}
    engine = open_engine(target(secrets={"mine": secret}), ".")
    connection = engine.connect()
    sql = "select name, persistent, scope from duckdb_secrets()"
    assert connection.fetch(sql).rows == (("mine", False, ["https://a", "https://b"]),)
    connection.close()
    engine.close()


def test_a_refused_secret_tells_none_of_its_values() -> None:
    said: Plain = [{"type": "http", "bearer_token": "hush77", "no_such": "hush88"}]
    with pytest.raises(EngineError) as caught:
        open_engine(target(secrets=said), ".")
    problem = caught.value.problems[0]
    assert problem.code == "ENG022"
    assert "no_such" in problem.message
    assert "hush" not in f"{problem} {problem.hint} {caught.value!r}"
    assert caught.value.__cause__ is None


def test_values_of_secrets_are_masked_in_what_is_recorded(tmp_path: Path) -> None:
    output = "      secrets: [{type: http, bearer_token: hush7777}]\n"
    root = project(
        tmp_path,
        output,
        m="/*\n---\nmaterialized: table\n---\n*/\nselect ('hush' || '7777') :: int as a",
    )
    report = build(load(str(root)))
    assert "hush7777" not in repr(report)
    written = [path for path in (root / ".sqlpipes").rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if b"hush7777" in path.read_bytes()]


def test_what_is_no_secret_of_a_secret_masks_nothing(tmp_path: Path) -> None:
    output = (
        "      secrets: [{type: http, scope: 'https://main', bearer_token: orders,"
        " extra_http_headers: {Cookie: hush99}}]\n"
    )
    root = project(tmp_path, output, orders="select 1 as a")
    assert load(str(root)).secrets == ("hush99",)  # 'orders' is the name of an asset


def test_no_repr_shows_a_secret() -> None:
    said: Plain = [{"type": "http", "bearer_token": "hush77"}]
    assert "hush77" not in repr(read_profile(target(secrets=said), "."))


def test_an_extension_that_is_nowhere_says_what_to_do(tmp_path: Path) -> None:
    output = (
        "      settings: {extension_directory: none}\n"
        "      extensions:\n        - {name: no_such_thing, install: false}\n"
    )
    root = project(tmp_path, output, m="select 1 as a")
    with pytest.raises(EngineError) as caught:
        build(load(str(root)))
    problem = caught.value.problems[0]
    assert problem.code == "ENG021"
    assert str(problem.at) == "profiles.yml:8:11"
    assert "duckdb-extension-no-such-thing==" in (problem.hint or "")
    assert "`install: false`" in (problem.hint or "")


def test_a_file_that_is_no_extension(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb_extension").write_bytes(b"nothing")
    said: Plain = ["x.duckdb_extension"]
    with pytest.raises(EngineError, match=r"ENG021 .*'x' does not load"):
        open_engine(target(extensions=said), str(tmp_path))


def test_what_is_built_in_is_loaded_without_asking_anybody() -> None:
    open_engine(target(extensions=["json", {"name": "parquet", "install": False}]), ".").close()


# ------------------------------------------------------------------------ settings and versions


def test_settings_hold_for_every_cursor_and_before_it_opens() -> None:
    said: Plain = {"memory_limit": "1GB", "threads": 1, "allow_unsigned_extensions": True}
    engine = open_engine(target(settings=said), ".")
    connection = engine.connect()
    names = "current_setting('threads'), current_setting('allow_unsigned_extensions')"
    assert connection.fetch(f"select {names}").rows == ((1, True),)
    connection.close()
    engine.close()


def test_a_setting_that_is_none_is_told_at_its_place(tmp_path: Path) -> None:
    output = "      settings:\n        memory_limt: 1GB\n"
    root = project(tmp_path, output, m="select 1 as a")
    with pytest.raises(EngineError) as caught:
        build(load(str(root)))
    problem = caught.value.problems[0]
    assert problem.code == "ENG009"
    assert str(problem.at) == "profiles.yml:7:9"
    assert "memory_limit" in (problem.hint or "")


def tag(path: Path) -> str:
    with duckdb.connect(str(path), read_only=True) as found:
        sql = "select tags['storage_version'] from duckdb_databases() where not internal"
        row = found.execute(sql).fetchone()
        assert row is not None
        return str(row[0])


def test_the_file_is_made_with_its_storage_version_and_keeps_it(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        "      storage_version: 1.5\n      attach: {path: o.duckdb, alias: other, create: true, options:"
        " {storage_version: v1.5.0}}\n",
        m="/*\n---\nmaterialized: table\n---\n*/\nselect 1 as a",
        n="/*\n---\nmaterialized: table\ndatabase: other\n---\n*/\nselect 1 as a",
    )
    assert build(load(str(root))).ok
    assert build(load(str(root))).ok
    assert tag(tmp_path / "w.duckdb") == "v1.5.0+"
    assert tag(tmp_path / "o.duckdb") == "v1.5.0+"


@pytest.mark.skipif(not OLDER, reason="no other DuckDB: SQLPIPES_TEST_DUCKDB_155 names its Python")
def test_duckdb_1_5_reads_what_was_made_for_it(tmp_path: Path) -> None:
    model = "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as a"
    root = project(tmp_path, "      storage_version: v1.5.0\n", m=model)
    assert build(load(str(root))).ok
    code = "import duckdb; print(duckdb.connect('w.duckdb').sql('from m').fetchall())"
    done = subprocess.run([OLDER, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[(1,)]\n", "")


@pytest.mark.skipif(duckdb.__version__.startswith("1."), reason="its files are of no newer version")
def test_a_file_of_a_newer_version_is_not_passed_over(tmp_path: Path) -> None:
    other(tmp_path / "w.duckdb", "create table t as select 1 as a")
    root = project(tmp_path, "      storage_version: v1.5.0\n", m="select 1 as a")
    with pytest.raises(EngineError) as caught:
        build(load(str(root)))
    assert caught.value.problems[0].code == "ENG023"
    assert str(caught.value.problems[0].at) == "profiles.yml:6:24"


def test_an_unknown_version_names_the_nearest(tmp_path: Path) -> None:
    root = project(tmp_path, "      storage_version: v1.9.0\n", m="select 1 as a")
    with pytest.raises(EngineError) as caught:
        build(load(str(root)))
    assert caught.value.problems[0].code == "ENG023"
    assert not (tmp_path / "w.duckdb").exists()
