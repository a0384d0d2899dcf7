"""Addresses of a profile: what is no address is refused at its place, and no part of it is shown or kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.projects import run, write

from sqlpipes.core.hiding import is_torn

TAIL = "TA1Lpart"
TORN = f"me:p@{TAIL}/x@127.0.0.1:1/db"


def shop(root: Path, output: str, more: str = "") -> Path:
    profile = f"shop:\n  target: dev\n  outputs:\n    dev: {output}\n{more}"
    files = {"sqlpipes.yml": "name: shop\n", "profiles.yml": profile}
    return write(root, {**files, "models/a.sql": "select 1 as x\n"})


def kept(root: Path) -> bytes:
    files = [path for path in root.rglob("*") if path.is_file() and path.name != "profiles.yml"]
    return b"".join(path.read_bytes() for path in files)


@pytest.mark.parametrize(
    "output",
    [
        f"{{type: postgres, url: 'postgresql://{TORN}'}}",
        f"{{type: postgres, url: 'postgresql://me:pw@{TAIL}@127.0.0.1:1/db'}}",
        f"{{type: postgres, url: 'postgresql://127.0.0.1:1/db?user=me&password=p@{TAIL}'}}",
        "{type: postgres, url: \"{{ env_var('DW_URL') }}\"}",
        f"{{type: sqlalchemy, url: 'mysql+pymysql://{TORN}'}}",
        f"{{type: sqlalchemy, url: 'mysql+pymysql://me:pw@{TAIL}@127.0.0.1:1/db'}}",
        f"{{type: spark, url: 'sc://me:pw@{TAIL}@127.0.0.1:1/'}}",
        f"{{type: duckdb, path: x.duckdb, attach: 'postgres:postgresql://{TORN}'}}",
        f"{{type: duckdb, path: x.duckdb, attach: [{{path: 'postgresql://{TORN}', type: postgres}}]}}",
        f"{{type: ducklake, catalog: 'postgresql://{TORN}', data_path: x}}",
        f"{{type: nosuch, dsn: 'thing://{TORN}'}}",
    ],
)
@pytest.mark.parametrize("command", ["plan", "debug", "build"])
def test_a_password_that_is_torn_apart(
    tmp_path: Path, output: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DW_URL", f"postgresql://{TORN}")
    found = run(shop(tmp_path, output), command)
    assert found.exit_code == 2, found.output
    assert "profiles.yml:4:" in found.output
    assert "PRF003" in found.output
    assert "write @ in a password as %40" in " ".join(found.output.split())
    assert TAIL not in found.output
    assert TAIL.encode() not in kept(tmp_path)


@pytest.mark.parametrize(
    "output",
    [
        f"{{type: mysql, host: 'me:pw@{TAIL}', user: me, database: x}}",
        f"{{type: spark, host: 'me:pw@{TAIL}'}}",
        f"{{type: ducklake, catalog: {{host: 'me:pw@{TAIL}', dbname: x}}, data_path: x}}",
    ],
)
def test_a_host_with_a_password(tmp_path: Path, output: str) -> None:
    found = run(shop(tmp_path, output), "plan")
    assert found.exit_code == 2
    assert "PRF003 'host' has an @" in found.output
    assert TAIL not in found.output


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("{type: postgres, host: h, port: 99999}", "4:42: PRF003 'port' must be a number from 1"),
        ("{type: mysql, host: h, port: '0'}", "4:39: PRF003 'port' must be a number from 1"),
        ("{type: spark, url: 'sc://h:99999/;token=x'}", "4:29: PRF003 the port in 'url'"),
        ("{type: postgres, url: 'postgresql://h:99999/x'}", "4:32: PRF003 the port in 'url'"),
        ("{type: postgres, host: h, sslmode: verify-fll}", "did you mean 'verify-full'?"),
        ("{type: postgres, host: h, sslmode: verify-fll}", "4:45: PRF003 there is no sslmode"),
        ("{type: postgres, url: 'postgresql://h/x?sslmode=requir'}", "did you mean 'require'?"),
        ("{type: postgres, host: h, sslmode: xyz}", "it is one of disable, allow, prefer"),
        ("{type: postgres, host: \"{{ env_var('NO1') }}\"}", "4:33: PRF003 'host' comes from"),
        ("{type: postgres, host: h, port: \"{{ env_var('NO1') }}\"}", "PRF003 'port' comes"),
        (
            "{type: duckdb, path: \"{{ env_var('NO1') }}\"}",
            "the environment variable NO1, which is",
        ),
        ("{type: postgres, url: \"pg://{{ env_var('NO1') }}/x\"}", "4:32: PRF003 'url' comes from"),
        ("{type: duckdb, path: x.duckdb, setings: {}}", "did you mean 'settings'?"),
        ("{type: duckdb, path: 'ducklake:x.db', dta_path: y}", "did you mean 'data_path'?"),
        ("{type: ducklake, catalog: x.db, dta_path: x}", "did you mean 'data_path'?"),
        ("{type: postgres, hosst: x}", "did you mean 'host'?"),
        ("{type: sqlalchemy, url: 'sqlite:///x.db', setings: 1}", "did you mean 'settings'?"),
        ("{type: spark, host: h, setings: {}}", "did you mean 'settings'?"),
    ],
)
def test_what_is_no_address_is_told_at_its_own_key(
    tmp_path: Path, output: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO1", "")
    found = run(shop(tmp_path, output), "plan")
    assert found.exit_code == 2, found.output
    assert said in " ".join(found.output.split())


def test_an_empty_password_and_a_default_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "")
    said = "password: \"{{ env_var('DB_PASSWORD') }}\", dbname: \"{{ env_var('NO2', '') }}\""
    found = run(shop(tmp_path, f"{{type: postgres, host: 127.0.0.1, port: 1, {said}}}"), "plan")
    assert "ENG061" in found.output


@pytest.mark.parametrize(
    "text", ["pg://me:p%40ss@h/d?user=a@b.c", "s3://bucket/a@b@c", "a@b@c", "host=h password=a@b@c"]
)
def test_what_only_looks_torn(text: str) -> None:
    assert not is_torn(text)


def test_a_spark_that_is_not_there_is_told_at_its_place(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    found = run(shop(tmp_path, "{type: spark, host: 127.0.0.1, port: 1}"), "plan")
    assert (
        "profiles.yml:4:25: ENG061" in found.output or "profiles.yml:4:30: ENG061" in found.output
    )


ENGINES = (
    "{type: duckdb, path: x.duckdb, engines: {dw: {type: postgres, host: \"{{ env_var('NO3') }}\"},"
    " other: \"{{ env_var('NO4') }}\", third: far}}"
)
FAR = "    far: {type: postgres, host: h, password: \"{{ env_var('NO5') }}\"}\n"


def test_a_variable_of_an_engine_that_nothing_lives_on_need_not_be_set(tmp_path: Path) -> None:
    root = shop(tmp_path, ENGINES, FAR)
    for command in ("build", "plan", "compile", "ls"):
        found = run(root, command)
        assert found.exit_code == 0, found.output
    said = run(root, "debug")
    assert said.exit_code == 0, said.output
    for name in ("NO3", "NO4", "NO5"):
        assert f"{name} is not set" in said.output


@pytest.mark.parametrize(("engine", "name"), [("dw", "NO3"), ("other", "NO4"), ("third", "NO5")])
def test_a_variable_of_an_engine_that_is_used_must_be_set(
    tmp_path: Path, engine: str, name: str
) -> None:
    root = shop(tmp_path, ENGINES, FAR)
    write(root, {"models/b.sql": f"/*\n---\nengine: {engine}\n---\n*/\nselect 1 as x\n"})
    found = run(root, "plan")
    assert found.exit_code == 2
    assert f"TPL001 the environment variable {name} is not set" in found.output
    said = run(root, "debug")
    assert said.exit_code == 1
    assert f"{name} is not set" in said.output
    assert "cannot connect" not in said.output
