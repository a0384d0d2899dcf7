"""Secrets are planted wherever one may stand; all commands are run; nothing that is written holds one."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from cli.projects import run, write
from servers.postgres import NoServer, postgres_server
from sqlalchemy import create_engine, inspect, make_url, text

C = "c4nary/{}@ x9"  # of letters that URLs and JSON spell in ways of their own
ENVIRON = {
    "SHOP_PASSWORD": C.format("profile"),
    "MODEL_TOKEN": C.format("model"),
    "HOOK_SECRET": C.format("hook"),
    "CHECK_KEY": C.format("check"),
    "MACRO_PASS": C.format("macro"),
    "DBT_ENV_SECRET_ANYTHING": C.format("dbt"),
    "META_TOKEN": C.format("meta"),
    "PATH_TOKEN": C.format("path"),
    "PYTHON_API_KEY": C.format("python"),  # nothing in the project's files names it
    "HOOK_URL": f"https://me:{quote(C.format('url'), safe='')}@127.0.0.1:1/x",
    "FIELD_TOKEN": C.format("field"),
    "STATE_PASSWORD": quote(C.format("state"), safe=""),
}
LITERAL = {"other": C.format("other"), "vars": C.format("vars"), "said": C.format("said")}
FILES = {
    "macros/m.sql": "{% macro secret() %}'{{ env_var('MACRO_PASS') }}'{% endmacro %}\n",
    "models/good.sql": (
        "/*\n---\nmaterialized: table\nmeta: {token: \"{{ env_var('META_TOKEN') }}\"}\n"
        "before: [\"select '{{ env_var('HOOK_SECRET') }}'\"]\n"
        "checks:\n  - expression: \"x <> '{{ env_var('CHECK_KEY') }}'\"\n"
        "  - accepted_values: {column: x, values: [\"{{ env_var('CHECK_KEY') }}\"], severity: warn}\n"
        "---\n*/\nselect 'x' as y, '{{ env_var('MODEL_TOKEN') }}' as x, {{ secret() }} as m,\n"
        "  '{{ env_var('DBT_ENV_SECRET_ANYTHING') }}' as d, '{{ var('api_token') }}' as v\n"
    ),
    "models/below.sql": "select y from good\n",
    "models/bad.sql": "select y, cast('{{ env_var('MODEL_TOKEN') }}' as int) as z from good\n",
    "models/worse.sql": "select '{{ env_var('MODEL_TOKEN') }}' as x, nothing_such from good\n",
    "models/py.py": (
        "import os\nfrom sqlpipes import asset, resource, Secret\n\n"
        "@resource\nclass Api:\n    token: Secret\n    place: str = 'x'\n\n"
        "@asset\ndef told(api: Api):\n"
        "    print('token', os.environ['PYTHON_API_KEY'], api.token.reveal())\n"
        "    return [{'x': 1}]\n\n"
        "@asset\ndef raised(good: list):\n"
        "    raise ValueError('refused ' + os.environ['PYTHON_API_KEY'] + repr(good))\n"
    ),
    "jobs.yml": (
        "jobs:\n  - name: nightly\n    select: below\n    cron: '0 3 * * *'\n"
        "    on_success:\n      - webhook: \"{{ env_var('HOOK_URL') }}\"\n        retries: 0\n"
        '      - command: ["sh", "-c", "echo {{ env_var(\'HOOK_SECRET\') }}; exit 3"]\n'
        "        retries: 0\n"
    ),
}
COMMANDS = [
    ["plan", "--sql"],
    ["plan", "--json"],
    ["build"],
    ["build", "--force", "--json"],
    ["build", "--force", "-s", "good", "--vars", f"{{given_token: '{LITERAL['said']}'}}"],
    ["retry"],
    ["compile"],
    ["compile", "good"],
    ["ls", "--json"],
    ["status"],
    ["status", "good"],
    ["status", "--json"],
    ["debug"],
    ["debug", "--json"],
    ["lineage", "good", "--json"],
    ["lineage", "good.x"],
    ["runs"],
    ["runs", "show", "last"],
    ["runs", "--json"],
    ["show", "good"],
    ["show", "good", "--json"],
    ["show", "worse"],
    ["show", "--inline", "select x, nothing from good"],
    ["lint"],
    ["lint", "--json"],
    ["test"],
    ["test", "--json"],
    ["jobs"],
    ["jobs", "run", "nightly"],
    ["tick", "--at", "2024-01-02T03:04"],
    ["sensors"],
    ["state"],
    ["state", "export", "-"],
    ["components"],
    ["build", "--target", "other"],
    ["build", "--target", "nowhere"],
]  # fmt: skip


def canaries() -> dict[str, str]:
    found = {**ENVIRON, **LITERAL}
    found["HOOK_URL"] = C.format("url")
    found["STATE_PASSWORD"] = C.format("state")
    return found


def spellings(secret: str) -> list[bytes]:
    forms = (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1])
    return [form.encode() for form in forms] + [b64encode(secret.encode())]


def leaks(where: str, content: bytes) -> list[str]:
    return [
        f"{name} in {where}"
        for name, secret in canaries().items()
        if any(form in content for form in spellings(secret))
    ]


def leaks_below(root: Path) -> list[str]:
    """In all that is below the project and was not planted; names of files included."""
    found = leaks("names", "\n".join(map(str, root.rglob("*"))).encode())
    planted = {root / name for name in (*FILES, "sqlpipes.yml", "profiles.yml")}
    for path in root.rglob("*"):
        if not path.is_file() or path in planted or path.suffix in (".pyc", ".duckdb", ".wal"):
            continue
        content = path.read_bytes()
        found += leaks(str(path.relative_to(root)), content)
        if path.suffix == ".gz":
            found += leaks(f"{path.name} unpacked", gzip.decompress(content))
    return found


def leaks_in_state(root: Path, url: str) -> list[str]:
    """In every table of the state."""
    if not url:
        with closing(sqlite3.connect(root / ".sqlpipes" / "state.db")) as db, db:
            dump = "\n".join(db.iterdump())
        assert "below" in dump
        return leaks("the state", dump.encode())
    engine, found = create_engine(url), []
    with engine.connect() as db:
        for table in inspect(engine).get_table_names():
            if table.startswith("sqlpipes_"):
                rows = [str(tuple(row)) for row in db.execute(text(f"select * from {table}"))]
                found += leaks(f"state {table}", "\n".join(rows).encode())
    engine.dispose()
    return found


def plant(root: Path, output: str, state: str = "") -> Path:
    write(root, FILES)
    said = f'state: "{state}"\n' if state else ""
    resources = "resources:\n  api: {token: \"{{ env_var('FIELD_TOKEN') }}\"}\n"
    vars = f"vars: {{api_token: {json.dumps(LITERAL['vars'])}}}\n"
    (root / "sqlpipes.yml").write_text(f"name: shop\ndialect: duckdb\n{said}{vars}{resources}")
    other = f"host: 127.0.0.1, port: 1, user: me, password: {json.dumps(LITERAL['other'])}"
    (root / "profiles.yml").write_text(
        f"shop:\n  target: dev\n  outputs:\n    dev: {output}\n"
        f"    other: {{type: postgres, {other}, dbname: x}}\n"
    )
    return root


def all_said(root: Path) -> list[str]:
    found = []
    for command in COMMANDS:
        result = run(root, *command)
        assert not isinstance(result.exception, (AttributeError, TypeError)), result.exception
        found += leaks(" ".join(command[:2]), (result.stdout + result.stderr).encode())
    return found


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def test_no_canary_gets_out_on_duckdb(tmp_path: Path, planted: None) -> None:
    root = plant(tmp_path, "{type: duckdb, path: shop.duckdb}")
    assert all_said(root) == []
    assert "1 failed" in run(root, "build", "-s", "raised").output
    assert run(root, "state", "export", str(root / "out.jsonl.gz")).exit_code == 0
    assert leaks_below(root) == []
    assert leaks_in_state(root, "") == []
    with closing(sqlite3.connect(root / ".sqlpipes" / "state.db")) as db, db:
        assert "***" in "\n".join(db.iterdump())


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A server that wants the passwords of the profile and of the state."""
    import psycopg

    try:
        with postgres_server(ENVIRON["SHOP_PASSWORD"]) as url:
            place = make_url(url)
            where = {"host": place.host, "port": place.port, "password": place.password}
            with psycopg.connect(user="postgres", autocommit=True, **where) as admin:
                admin.execute(f"create role keeper login password '{C.format('state')}'".encode())
                admin.execute("create database kept owner keeper")
            yield url
    except NoServer as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_no_canary_gets_out_on_postgres(
    tmp_path: Path, planted: None, guarded: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_url(guarded)
    said = "{{ env_var('SHOP_PASSWORD') }}"
    output = (
        f"{{type: postgres, host: {place.host}, port: {place.port}, user: postgres, "
        f'password: "{said}", dbname: postgres, schema: s_{password}, connect_retries: 0}}'
    )
    keeper = f"keeper:{{{{ env_var('STATE_PASSWORD') }}}}@{place.host}:{place.port}/kept"
    root = plant(tmp_path, output, f"postgresql+psycopg://{keeper}")
    if password == "wrong":
        monkeypatch.setitem(ENVIRON, "SHOP_PASSWORD", C.format("wr0ng"))
        monkeypatch.setenv("SHOP_PASSWORD", C.format("wr0ng"))
    assert all_said(root) == []
    assert leaks_below(root) == []
    kept = place.set(username="keeper", password=C.format("state"), database="kept")
    assert leaks_in_state(root, kept.render_as_string(hide_password=False)) == []


def test_no_canary_gets_out_of_a_server_of_ours(tmp_path: Path, planted: None) -> None:
    """`serve` in a process of its own, and a traceback of something that nobody foresaw."""
    root = plant(tmp_path, "{type: duckdb, path: shop.duckdb}")
    line = [sys.executable, "-m", "sqlpipes", "serve", "--every", "1s", "--project-dir", str(root)]
    child = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(4)
    child.terminate()
    said, _ = child.communicate(timeout=30)
    assert leaks("serve", said) == []
    code = (
        "import sys, os; from sqlpipes.cli import Commands, main\n"
        "import sqlpipes.cli.check as c\n"
        "def broken(**options): raise RuntimeError('at ' + os.environ['MODEL_TOKEN'])\n"
        "c.debug_command.callback = broken\n"
        "sys.argv = ['sqlpipes', 'debug']; main()\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True)
    assert b"RuntimeError: at ***" in found.stderr
    assert leaks("a traceback", found.stderr) == []
