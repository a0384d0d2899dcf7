"""What a profile says of a Postgres: read, refused at its place, and never shown where it is secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.projects import run, write
from sqlalchemy import make_url

from sqlpipes.core.config import Target
from sqlpipes.core.errors import ProjectError
from sqlpipes.engines.postgres.place import place_of, session_sql

CANARY = "c4n4ry-s3cret"


def target(**options: Any) -> Target:
    return Target("prod", "postgres", "shop", options=options)


def shop(folder: Path, output: str) -> Path:
    profile = f"shop:\n  outputs:\n    prod:\n      type: postgres\n{output}"
    files = {
        "sqlpipes.yml": "name: shop\n",
        "profiles.yml": profile,
        "models/a.sql": "select 1 as x\n",
    }
    return write(folder, files)


def test_parts_and_a_url_say_the_same() -> None:
    url = f"postgresql+psycopg://me:{CANARY}@db:5433/dw?sslmode=require"
    parts = {"host": "db", "port": "5433", "user": "me", "pass": CANARY, "database": "dw"}
    by_url, by_parts = place_of(target(url=url)), place_of(target(**parts, sslmode="require"))
    same = {key: str(value) for key, value in by_url.arguments.items()}
    assert same == {key: str(value) for key, value in by_parts.arguments.items()}
    assert by_url.name == "dw on db:5433"
    assert CANARY not in repr(by_url)


def test_the_target_s_schema_is_looked_at_first() -> None:
    said = session_sql(place_of(target(search_path="ext, public", role='r"x')), read_only=True)
    assert 'set search_path = "shop", "ext", "public"' in said
    assert 'set role "r""x"' in said
    assert "default_transaction_read_only" in said


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"hosst": "db"}, "a target of type postgres has no 'hosst'", "did you mean 'host'?"),
        ({"port": "many"}, "'port' must be a whole number", None),
        ({"password": ["a"]}, "'password' must be a text", None),
        ({"url": "nonsense"}, "'url' is no URL of a database", "write postgresql://"),
        ({"url": "postgresql://me:p@q/x@db/y"}, "'url' has an @", "write @ in a password as %40"),
        ({"url": "mysql://db/x"}, "'url' is of 'mysql'", "write postgresql://"),
        (
            {"url": "postgresql://db/x", "host": "db"},
            "'url' already says what 'host' is",
            "say either",
        ),
        ({"pass": "a", "password": "b"}, "says again what 'password' is", None),
        ({"settings": "x"}, "'settings' must be names with their values", None),
    ],
)
def test_what_is_said_wrongly(options: dict[str, Any], message: str, hint: str | None) -> None:
    with pytest.raises(ProjectError) as caught:
        place_of(target(**options))
    (problem,) = caught.value.problems
    assert (problem.code, message in problem.message) == ("PRF003", True)
    assert (hint or "") in (problem.hint or "")


def test_a_wrong_key_is_placed_in_the_profile(tmp_path: Path) -> None:
    result = run(shop(tmp_path, "      hosst: db\n"), "build")
    assert result.exit_code == 2
    assert "profiles.yml:5:7: PRF003" in result.output


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    root = shop(tmp_path, "      url: postgresql://me:pw@127.0.0.1:1/dw\n      retries: 0\n")
    result = run(root, "build")
    assert result.exit_code == 1
    assert "ENG061 cannot connect to dw on 127.0.0.1:1" in result.output
    assert "is the server up" in result.output
    assert "ENG061" in run(root, "debug").output


def test_a_setting_that_is_refused_is_named_without_its_value(
    tmp_path: Path, postgres_database: str
) -> None:
    root = shop(
        tmp_path, f"      url: {postgres_database}\n      settings: {{work_mem: {CANARY}}}\n"
    )
    said = run(root, "build").output
    assert "ENG009 the target's setting 'work_mem' is refused" in said
    assert CANARY not in said.split("ENG009")[1].splitlines()[0]


def test_a_password_is_written_nowhere(tmp_path: Path, postgres_database: str) -> None:
    """The server trusts us, so a build succeeds with it; then one fails to find its database."""
    url = make_url(postgres_database).set(password=CANARY)
    for database in (url.database, "nowhere"):
        text = url.set(database=database).render_as_string(hide_password=False)
        root = shop(tmp_path / str(database), f"      url: '{text}'\n      schema: secrets\n")
        said = run(root, "build").output + run(root, "debug").output + run(root, "status").output
        assert ("1 done" in said) == (database == url.database)
        assert CANARY not in said
        kept = [path for path in root.rglob("*") if path.is_file() and path.name != "profiles.yml"]
        assert [path for path in kept if CANARY.encode() in path.read_bytes()] == []
    assert "does not exist" in said
    assert "there are: " in said


def test_no_driver_is_loaded_for_a_duckdb_project(tmp_path: Path) -> None:
    write(tmp_path, {"sqlpipes.yml": "name: shop\n", "models/a.sql": "select 1 as x\n"})
    code = (
        "import sys, sqlpipes; sqlpipes.build(sqlpipes.load('.', environ={})); "
        "sys.exit('psycopg' in sys.modules)"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ).returncode == 0


def test_offline_commands_need_no_server(tmp_path: Path) -> None:
    root = shop(tmp_path, "      url: postgresql://me:pw@127.0.0.1:1/dw\n      retries: 0\n")
    assert run(root, "ls").exit_code == 0
    for _ in range(2):
        assert run(root, "lint").exit_code == 0
