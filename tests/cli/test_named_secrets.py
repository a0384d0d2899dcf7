"""Secrets that the user names, and those that stand in names, keys and rows: none is shown or kept."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cli.projects import ok, run, write

ODD, PATTERN, KEY, TOKEN = "0dd-thing-77", "patt3rn-of-88", "pr0file-key-99", "t0ken-in-rows-66"
SENSOR = """
import os
from sqlpipes import sensor, Run

@sensor(select="odd", every="5m")
def asks():
    return Run(key="batch " + os.environ["MY_TOKEN"])
"""


def shop(root: Path, secrets: str, files: dict[str, str] | None = None) -> Path:
    profile = "shop: {outputs: {dev: {type: duckdb, path: x.duckdb}}}\n"
    model = "select '{{ env_var(\"SHOP_FEED\") }}' as a, '{{ var(\"hook_a\") }}' as b\n"
    project = f"name: shop\nvars: {{hook_a: {PATTERN}}}\nsecrets: {secrets}\n"
    more = {"sqlpipes.yml": project, "profiles.yml": profile, "models/odd.sql": model}
    return write(root, {**more, **(files or {})})


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_FEED", ODD)
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    monkeypatch.setenv("RAW_URL", f"http://me:{TOKEN}@127.0.0.1:1/raw.csv?part=1&sig={ODD}")


def kept(root: Path) -> str:
    with closing(sqlite3.connect(root / ".sqlpipes" / "state.db")) as db, db:
        found = "\n".join(db.iterdump())
    files = [path for path in (root / ".sqlpipes").rglob("*") if path.is_file()]
    return found + "".join(path.read_bytes().decode("latin-1") for path in files)


def test_what_the_user_names_is_hidden(tmp_path: Path) -> None:
    bad = "select cast('{{ env_var(\"SHOP_FEED\") }}' as int) as n, '{{ var(\"hook_a\") }}' as h\n"
    root = shop(tmp_path, "[shop_feed, 'hook_*']", {"models/bad.sql": bad})
    said = run(root, "build").output + run(root, "plan", "--sql").output + ok(root, "compile")
    said += ok(root, "runs", "show", "last") + ok(root, "lineage", "odd.a", "--json")
    assert "***" in said
    for secret in (ODD, PATTERN):
        assert secret not in said
        assert secret not in kept(root)


def test_what_is_named_later_leaves_the_cache(tmp_path: Path) -> None:
    root = shop(tmp_path, "[]")
    ok(root, "ls")
    assert PATTERN in (root / ".sqlpipes/cache/facts.json").read_text()
    shop(tmp_path, "['hook_*']")
    ok(root, "ls")
    assert PATTERN not in (root / ".sqlpipes/cache/facts.json").read_text()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("3", "2:"),
        ("[{a: b}]", "'secrets' must be names"),
        ("['*']", "'secrets' must be names with more than a *"),
    ],
)
def test_what_is_no_name(tmp_path: Path, said: str, message: str) -> None:
    found = run(shop(tmp_path, said), "plan")
    assert found.exit_code == 2
    assert "sqlpipes.yml:3:10: CFG002" in found.output
    assert message in found.output or message == "2:"


def test_a_name_that_nothing_has_is_a_warning(tmp_path: Path) -> None:
    found = run(shop(tmp_path, "[SHOP_FED]"), "plan")
    assert "CFG010" in found.output
    assert "did you mean 'SHOP_FEED'?" in found.output
    assert "CFG010" not in run(shop(tmp_path, "[SHOP_FEED, elsewhere_entirely]"), "plan").output


def test_a_check_is_not_named_after_a_secret(tmp_path: Path) -> None:
    model = (
        "/*\n---\nmaterialized: table\nchecks:\n"
        "  - expression: \"a <> '{{ env_var('MY_TOKEN') }}'\"\n---\n*/\nselect 'x' as a\n"
    )
    root = shop(tmp_path, "[]", {"models/m.sql": model})
    ok(root, "build")
    said = json.loads(ok(root, "ls", "--json"))
    names = [check["name"] for each in said for check in each["checks"]]
    assert names == ["m.expression.a_secret"]
    assert TOKEN.replace("-", "_") not in kept(root)
    assert "1 check" in ok(root, "test", "-s", "m")


def test_a_url_with_a_password_is_no_name(tmp_path: Path) -> None:
    files = {"models/r.sql": "select * from read_csv('{{ env_var(\"RAW_URL\") }}')\n"}
    root = shop(tmp_path, "[]", files)
    assert "http://me@127.0.0.1:1/raw.csv?part=1" in ok(root, "ls").splitlines()
    said = run(root, "build").output + ok(root, "status") + run(root, "plan", "--json").output
    said += ok(root, "compile", "r")
    for secret in (TOKEN, ODD):
        assert secret not in said
        assert secret not in kept(root)


def test_rows_in_errors_and_of_checks_hide_secrets_and_keep_the_rest(tmp_path: Path) -> None:
    model = (
        "/*\n---\nmaterialized: table\nchecks:\n  - unique: [a]\n---\n*/\n"
        "select 'row ' || i || ' {{ env_var(\"MY_TOKEN\") }}' as a\nfrom (values (1), (1)) t(i)\n"
    )
    cast = "/*\n---\nmaterialized: table\n---\n*/\nselect cast(a as integer) as n from src\n"
    src = "select 'open {{ env_var(\"MY_TOKEN\") }}' as a\n"
    root = shop(
        tmp_path, "[]", {"models/m.sql": model, "models/c.sql": cast, "models/src.sql": src}
    )
    said = run(root, "build").output
    assert "'open ***'" in said
    assert TOKEN not in said
    held = kept(root)
    assert TOKEN not in held
    assert "open ***" in held
    assert "row 1 ***" in held


def test_the_key_of_a_request_holds_no_secret_and_is_asked_for_once(tmp_path: Path) -> None:
    root = shop(tmp_path, "[]", {"models/s.py": SENSOR})
    ok(root, "sensors", "run", "asks")
    again = ok(root, "sensors", "run", "asks")
    assert "batch ***-" in again
    with closing(sqlite3.connect(root / ".sqlpipes" / "state.db")) as db, db:
        assert db.execute("select count(*) from sqlpipes_job_runs").fetchall() == [(1,)]
    assert TOKEN not in kept(root)
