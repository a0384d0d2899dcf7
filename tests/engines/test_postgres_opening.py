"""What keeps us out of a server, tried for real: a code, the place of its key, and no secret in it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from cli.projects import run, write
from servers.postgres import NoServer, postgres_server
from sqlalchemy import make_url

PASSWORD = "c4n4ry/p@ss w0rd"
USERS = f"""
create role reader login password '{PASSWORD}';
create role nologin password '{PASSWORD}';
create role full login password '{PASSWORD}' connection limit 0;
create role shut login password '{PASSWORD}';
create schema theirs;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """Host and port of a server that wants passwords, has one database besides its own, and no TLS."""
    try:
        with postgres_server(PASSWORD) as url:
            plain = make_url(url)
            where = {"host": plain.host, "port": plain.port, "user": "postgres"}
            with psycopg.connect(**where, password=PASSWORD, autocommit=True) as admin:
                admin.execute(USERS.encode())
                admin.execute("create database warehouse")
                admin.execute("create database closed")
                admin.execute("revoke connect on database closed from public")
            yield {"host": str(plain.host), "port": str(plain.port), "user": "postgres",
                   "password": PASSWORD, "dbname": "warehouse"}  # fmt: skip
    except NoServer as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@contextmanager
def deaf() -> Iterator[int]:
    """A port that takes calls and says nothing."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        yield door.getsockname()[1]


def project(root: Path, **said: str) -> Path:
    keys = "".join(f"      {key}: {json.dumps(value)}\n" for key, value in said.items())
    return write(
        root,
        {
            "sqlpipes.yml": "name: shop\n",
            "profiles.yml": f"shop:\n  outputs:\n    prod:\n      type: postgres\n{keys}",
            "models/a.sql": "select 1 as x\n",
        },
    )


def line_of(root: Path, key: str) -> int:
    lines = (root / "profiles.yml").read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(f"{key}:"))


WRONG = {
    "a host that nobody knows": ({"host": "nowhere.invalid"}, "ENG060", "host"),
    "a port where nobody listens": ({"port": "1"}, "ENG061", "port"),
    "no TLS there": ({"sslmode": "require"}, "ENG063", "sslmode"),
    "no certificate here": ({"sslmode": "verify-full", "sslrootcert": "/no/file"}, "ENG063", "sslmode"),
    "a wrong password": ({"password": "wr0ng-" + PASSWORD}, "ENG064", "password"),
    "no password": ({"password": ""}, "ENG064", "password"),
    "a user that is not there": ({"user": "nobody"}, "ENG064", "password"),
    "a user that may not log in": ({"user": "nologin"}, "ENG064", "user"),
    "a database that is not there": ({"dbname": "warehuose"}, "ENG065", "dbname"),
    "a database that is not for us": ({"user": "shut", "dbname": "closed"}, "ENG066", "user"),
    "a role that is not there": ({"role": "bosss"}, "ENG066", "role"),
    "a role that is not for us": ({"user": "reader", "role": "postgres"}, "ENG066", "role"),
    "all of its connections taken": ({"user": "full", "threads": "2"}, "ENG067", "threads"),
    "a setting that it does not have": ({"connect_timeout": "soon"}, "PRF003", "connect_timeout"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_debug_and_build_say_what_keeps_us_out(tmp_path, server, case, monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    change, code, key = WRONG[case]
    root = project(tmp_path, **{**server, **change, "connect_retries": "0"})
    found = run(root, "debug")
    assert found.exit_code == 1
    built = run(root, "build")
    assert built.exit_code == (2 if code == "PRF003" else 1)
    place = f"profiles.yml:{line_of(root, key)}:"
    for said in (found.output, built.output):
        assert code in said
        assert place in said
        assert PASSWORD not in said
        assert "wr0ng" not in said
    if code != "PRF003":
        (fact,) = [f for f in json.loads(run(root, "debug", "--json").stdout) if not f["ok"]]
        (problem,) = fact["problems"]
        assert (problem["code"], problem["line"]) == (code, line_of(root, key))
        assert problem["hint"]


def test_the_nearest_database_is_named(tmp_path, server):
    said = run(project(tmp_path, **{**server, "dbname": "warehuose"}), "debug").output
    assert "did you mean 'warehouse'?" in said
    listed = run(project(tmp_path, **{**server, "dbname": "qqqqqq"}), "debug").output
    assert "there are: closed, postgres, warehouse" in listed


def test_a_server_that_says_nothing(tmp_path, server):
    with deaf() as port:
        said = {**server, "port": str(port), "connect_timeout": "2"}
        found = run(project(tmp_path, **said), "debug").output
    assert "ENG062" in found
    assert "profiles.yml:5:" in found


def test_rights_are_asked_for_and_nothing_is_written(tmp_path, server):
    reader = {**server, "user": "reader"}
    found = run(project(tmp_path / "a", **reader, schema="new"), "debug")
    assert found.exit_code == 1
    assert "ENG066 there is no schema 'new', and 'reader' may not make one" in found.output
    assert 'grant create on database "warehouse" to "reader"' in found.output
    on_theirs = {**reader, "dbname": "postgres", "schema": "theirs"}
    found = run(project(tmp_path / "b", **on_theirs), "debug")
    assert "ENG066 'reader' may not create in the schema 'theirs'" in found.output
    assert "profiles.yml:10:" in found.output
    assert run(project(tmp_path / "c", **server, schema="new"), "debug").exit_code == 0


def test_a_build_that_may_not_make_its_schema_is_told_in_the_profile(tmp_path, server):
    root = project(tmp_path, **{**server, "user": "reader"}, schema="new")
    found = run(root, "build")
    assert found.exit_code == 1
    assert "ENG066 there is no schema 'new', and 'reader' may not make one" in found.output
    assert f"profiles.yml:{line_of(root, 'schema')}:" in found.output
    assert 'grant create on database "warehouse" to "reader"' in found.output


def test_more_threads_than_connections_are_told(tmp_path, server):
    found = run(project(tmp_path, **server, threads="500"), "debug")
    assert found.exit_code == 0
    assert "warn room" in found.output
    assert "500 threads want 503 connections" in found.output


def test_a_server_that_is_full_is_asked_again_and_it_is_said(tmp_path, server):
    root = project(tmp_path, **{**server, "user": "full", "connect_retries": "1"})
    said = run(root, "build").output
    assert "too many connections" in said
    assert "again in 0.5 s (1/1)" in said or "again in 0.6 s (1/1)" in said


def test_the_state_s_server_is_told_of_in_the_same_way(tmp_path, server, monkeypatch):
    root = project(tmp_path, **server)
    at = f"postgresql+psycopg://postgres:{{{{ env_var('STATE_PW') }}}}@{server['host']}"
    wrong = f'name: shop\nstate: "{at}:{server["port"]}/warehouse"\n'
    (root / "sqlpipes.yml").write_text(wrong)
    monkeypatch.setenv("STATE_PW", "wr0ng-password")
    found = run(root, "debug")
    assert found.exit_code == 1
    assert "STO015" in found.output
    assert "sqlpipes.yml:2:8" in found.output
    assert "password authentication failed" in found.output
    assert "wr0ng" not in found.output
    assert "connection failed" not in found.output
    assert "FATAL" not in found.output


@pytest.mark.parametrize("command", ["build", "plan", "debug", "runs", "state"])
@pytest.mark.parametrize("password", ["p/@q:TA1L", "p@q/TA1L", "q@TA1L"])
def test_a_password_of_the_state_that_is_not_quoted(tmp_path, command, password, monkeypatch):
    root = write(tmp_path, {"models/a.sql": "select 1 as x\n"})
    at = "postgresql+psycopg://postgres:{{ env_var('STATE_PW') }}@127.0.0.1:1/warehouse"
    (root / "sqlpipes.yml").write_text(f'name: shop\nstate: "{at}"\n')
    monkeypatch.setenv("STATE_PW", password)
    found = run(root, command)
    assert found.exit_code != 0
    assert "STO007" in found.output
    assert "sqlpipes.yml:2:8" in found.output
    assert "@ in a password as %40" in " ".join(found.output.split())
    assert "TA1L" not in found.output
    assert "Traceback" not in found.output


def test_a_port_of_the_state_that_is_no_number(tmp_path):
    root = write(tmp_path, {"models/a.sql": "select 1 as x\n"})
    (root / "sqlpipes.yml").write_text('name: shop\nstate: "postgresql://me@db:abc/x"\n')
    found = run(root, "build")
    assert (found.exit_code, "STO007" in found.output) == (2, True)
    assert "sqlpipes.yml:2:8" in found.output


@pytest.mark.parametrize("command", ["build", "plan"])
def test_a_state_without_a_server_is_told_where_it_is_named(tmp_path, command):
    root = write(tmp_path, {"models/a.sql": "select 1 as x\n"})
    (root / "sqlpipes.yml").write_text(
        'name: shop\nstate: "postgresql+psycopg://me@127.0.0.1:1/x"\n'
    )
    found = run(root, command)
    assert "STO015" in found.output
    assert "sqlpipes.yml:2:8" in found.output


def test_debug_makes_no_table_of_the_state(tmp_path, server):
    root = write(tmp_path, {"models/a.sql": "select 1 as x\n"})
    at = {name: server[name] for name in ("host", "port", "user", "password")}
    with psycopg.connect(**at, dbname="postgres", autocommit=True) as admin:
        admin.execute("drop database if exists untouched")
        admin.execute("create database untouched")
    url = f"{server['host']}:{server['port']}/untouched"
    state = f"postgresql+psycopg://postgres:{quote(PASSWORD, safe='')}@{url}"
    (root / "sqlpipes.yml").write_text(f'name: shop\nstate: "{state}"\n')
    found = run(root, "debug")
    assert found.exit_code == 0, found.output
    assert "its tables are not there yet" in found.output
    with psycopg.connect(**at, dbname="untouched", autocommit=True) as looking:
        tables = "select count(*) from pg_tables where tablename like 'sqlpipes%'"
        assert looking.execute(tables).fetchone() == (0,)
    assert run(root, "build").exit_code == 0
    assert "state" in run(root, "debug").output
    reader = state.replace("//postgres:", "//reader:")
    (root / "sqlpipes.yml").write_text(f'name: shop\nstate: "{reader}"\n')
    refused = run(root, "build")
    assert "STO016" in refused.output
    assert "sqlpipes.yml:2:8" in refused.output
    assert "grant select, insert, update, delete" in " ".join(refused.output.split())
