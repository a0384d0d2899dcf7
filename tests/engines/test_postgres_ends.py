"""How builds end on a server: stopped, killed, cut off, out of time. Nothing of them goes on there."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from cli.projects import run, spawn, write
from places import Place
from sqlalchemy import make_url

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection, Engines
from sqlpipes.engines import open_engine
from sqlpipes.run.crew import Crew
from sqlpipes.run.lost import connected

SLOW = "select pg_sleep(60)::text as x\n"


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture
def place(postgres_url: str) -> Place:
    return Place("postgres", postgres_url)


def shop(root: Path, place: Place, files: dict[str, str], more: str = "") -> Path:
    said = f"{{type: postgres, url: '{place.url}', schema: main{more}}}"
    profile = f"shop: {{outputs: {{default: {said}}}}}\n"
    return write(root, {"sqlpipes.yml": "name: shop\n", "profiles.yml": profile, **files})


def table(select: str, front: str = "") -> str:
    return f"/*\n---\nmaterialized: table\n{front}---\n*/\n{select}"


def sessions(place: Place, where: str = "true") -> list[tuple[str, ...]]:
    sql = (
        "select query, application_name, pid::text from pg_stat_activity where datname = "
        f"current_database() and pid <> pg_backend_pid() and state <> 'idle' and {where}"
    )
    with psycopg.connect(plain(place.url), autocommit=True) as db:
        return db.execute(sql.encode()).fetchall()


def until(asked: Callable[[], object], seconds: float = 30) -> object:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := asked():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def sleeping(place: Place) -> list[tuple[str, ...]]:
    return sessions(place, "query like '%pg_sleep(60)%'")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_statement_at_the_server(tmp_path, place, number, code):
    root = shop(tmp_path, place, {"models/slow.sql": table(SLOW)})
    child = spawn(root, "build")
    ((query, name, _),) = until(lambda: sleeping(place))
    assert name == "sqlpipes shop"
    told = json.loads(query[query.index("sqlpipes: ") + 10 : query.rindex("*/")])
    assert (told["asset"], told["project"], told["target"]) == ("slow", "shop", "default")
    child.send_signal(number)
    said, errors = child.communicate(timeout=20)
    assert child.returncode == code, said + errors
    assert until(lambda: not sleeping(place), 5)
    assert told["run"] in run(root, "runs").output or "cancelled" in run(root, "runs").output


def test_a_second_one_does_not_wait_for_the_server(tmp_path, place):
    root = shop(tmp_path, place, {"models/slow.sql": table(SLOW)})
    child = spawn(root, "build")
    until(lambda: sleeping(place))
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=20)
    assert child.returncode == 130
    assert until(lambda: not sleeping(place), 15)


@pytest.mark.long
def test_the_server_ends_what_nobody_waits_for(tmp_path, place):
    """kill -9: it looks every few seconds whether its client is still there."""
    root = shop(tmp_path, place, {"models/slow.sql": table(SLOW)})
    child = spawn(root, "build")
    until(lambda: sleeping(place))
    child.kill()
    child.communicate()
    assert until(lambda: not sleeping(place), 15)


@pytest.mark.parametrize("kind", ["asset", "target", "both"])
def test_a_statement_has_an_end(tmp_path, place, kind):
    own = "statement_timeout_s: 0.3\n" if kind != "target" else ""
    of_all = {
        "asset": "",
        "target": ", statement_timeout_s: 0.3",
        "both": ", statement_timeout_s: 50",
    }
    files = {"models/slow.sql": table(SLOW, own), "models/quick.sql": table("select 1 as x")}
    root = shop(tmp_path, place, files, of_all[kind])
    result = run(root, "build")
    assert result.exit_code == 1
    assert "ENG068 a statement of 'slow' did not end within 0.3 s" in result.output
    assert ("also: profiles.yml:1:" in result.output) == (kind == "target")
    assert ("also: models/slow.sql:4:22" in result.output) == (kind != "target")
    assert "1 done, 1 failed" in result.output


@pytest.mark.parametrize("wrong", ["soon", "0", "-1", "true", ".inf"])
def test_an_end_that_makes_no_sense(tmp_path, place, wrong):
    files = {"models/a.sql": table("select 1 as x", f"statement_timeout_s: {wrong}\n")}
    found = run(shop(tmp_path, place, files), "build")
    assert found.exit_code == 2
    assert "models/a.sql:4:22: CFG002 'statement_timeout_s' must be" in found.output
    root = shop(tmp_path / "b", place, {}, f", statement_timeout_s: {wrong}")
    assert "PRF003 'statement_timeout_s' must be" in run(root, "ls").output


def test_a_connection_that_is_cut_is_made_again_and_it_is_said(tmp_path, place):
    once = "select pg_sleep(case when (select count(*) from main.tried) = 0 then 60 else 0 end)::text as x"
    with psycopg.connect(plain(place.url), autocommit=True) as db:
        db.execute("create schema main; create table main.tried (x int)")
    root = shop(tmp_path, place, {"models/slow.sql": table(once)})
    child = spawn(root, "build")
    ((_, _, pid),) = until(lambda: sessions(place, "query like '%pg_sleep(case%'"))
    with psycopg.connect(plain(place.url), autocommit=True) as db:
        db.execute("insert into main.tried values (1)")
        db.execute(f"select pg_terminate_backend({pid})".encode())
    said, errors = child.communicate(timeout=60)
    assert child.returncode == 0, said + errors
    assert "slow: connection lost, again in 1 s (1/5)" in said
    assert "2 done" in said


@pytest.fixture
def limited(place: Place) -> Iterator[tuple[Place, str]]:
    """A user of its own, whose connections can be counted."""
    name = f"u{uuid.uuid4().hex[:8]}"
    with psycopg.connect(plain(place.url), autocommit=True) as db:
        db.execute(f"create role {name} login; create schema main authorization {name}".encode())
        database = db.info.dbname
        db.execute(f"grant create on database {database} to {name}".encode())
        own = make_url(place.url).set(username=name)
        yield Place("postgres", own.render_as_string(hide_password=False)), name
        db.execute(f"reassign owned by {name} to current_user".encode())
        db.execute(f"drop owned by {name}; drop role {name}".encode())


def test_fewer_steps_run_at_once_where_the_server_is_full(tmp_path, place, limited):
    own, name = limited
    with psycopg.connect(plain(place.url), autocommit=True) as db:
        db.execute(f"alter role {name} connection limit 5".encode())
    files = {
        f"models/m{i}.sql": table(f"select pg_sleep(0.2)::text as x, {i} as i") for i in range(6)
    }
    root = shop(tmp_path, own, files, ", threads: 6")
    result = run(root, "build")
    assert result.exit_code == 0, result.output
    assert "6 done" in result.output
    assert "the server is full: going on with" in result.output


def crew_of(own: Place, size: int) -> Crew[int]:
    target = Target("dev", "postgres", "main", options={"url": own.url})
    return Crew(Engines(open_engine(target, ".")), size)


@pytest.mark.long
def test_those_without_room_wait_for_steps_longer_than_any_patience(place, limited):
    own, name = limited
    with psycopg.connect(plain(place.url), autocommit=True) as db:
        db.execute(f"alter role {name} connection limit 2".encode())
    crew, told = crew_of(own, 6), []

    def work(connect: Callable[..., Connection]) -> int:
        found = connected(connect, 1, lambda: None, told.append)  # one more try, after a second
        return len(found.fetch("select pg_sleep(2)::text").rows)

    for _ in range(6):
        crew.hand_in(work, told.append)
    assert [crew.take_back(60) for _ in range(6)] == [1] * 6
    assert told
    assert {said.split(":")[0] for said in told} == {"the server is full"}
    crew.close(60)


@pytest.mark.long
def test_who_has_no_room_gets_that_of_a_step_that_is_done(place, limited):
    """All of the server is taken by others when the steps ask first; then there is room for one
    beside the one that the engine has itself."""
    own, name = limited
    crew, told = crew_of(own, 3), []
    admin = psycopg.connect(plain(place.url), autocommit=True)
    admin.execute(f"alter role {name} connection limit 0".encode())

    def work(connect: Callable[..., Connection]) -> int:
        return len(connected(connect, 4, lambda: None, told.append).fetch("select 1").rows)

    for _ in range(3):
        crew.hand_in(work, told.append)
    until(lambda: len(told) == 3)
    admin.execute(f"alter role {name} connection limit 2".encode())
    assert [crew.take_back(60) for _ in range(3)] == [1] * 3
    crew.hand_in(work, told.append)  # and somebody is still there
    assert crew.take_back(60) == 1
    crew.close(60)
    admin.close()


def test_a_server_that_takes_nobody_for_a_while_is_waited_for(tmp_path, place, limited):
    own, name = limited
    root = shop(tmp_path, own, {"models/a.sql": table("select 1 as x")}, ", connect_retries: 4")
    with psycopg.connect(plain(place.url), autocommit=True) as db:
        db.execute(f"alter role {name} connection limit 0".encode())

        def open_again() -> None:
            time.sleep(1)
            db.execute(f"alter role {name} connection limit -1".encode())

        opener = threading.Thread(target=open_again)
        opener.start()
        result = run(root, "build")
        opener.join()
    assert result.exit_code == 0, result.output
    assert "too many connections" in result.stderr
    assert "again in" in result.stderr


def test_comments_are_left_out_or_as_the_profile_says(tmp_path, place):
    files = {"models/slow.sql": table("select pg_sleep(1)::text as x\n")}
    for number, (key, wanted) in enumerate(
        [
            ("query_comment: false", ""),
            ("query_comment: 'run {run} of */ {asset}'", "of * / slow */"),
        ]
    ):
        root = shop(tmp_path / str(number), place, files, f", {key}")
        child = spawn(root, "build", "--force")
        ((query, _, _),) = until(lambda: sessions(place, "query like '%pg_sleep(1)%'"))
        child.communicate(timeout=30)
        assert query.rstrip().endswith(wanted)
        assert ("/*" in query) == bool(wanted)


def test_errors_stand_where_they_stood_and_the_state_has_the_bare_statement(tmp_path, place):
    long = "\n".join(f"  {i} as c{i}," for i in range(200))
    files = {
        "models/short.sql": "select 1 as a,\n  nothing as b -- here\n",
        "models/long.sql": f"select\n{long}\n  nothing as b\n",
        "models/well.sql": "select 1 as a",
    }
    root = shop(tmp_path, place, files)
    said = run(root, "build").output
    assert "models/short.sql:2:3: ENG004" in said
    assert "models/long.sql:202:3: ENG004" in said

    with closing(sqlite3.connect(root / ".sqlpipes" / "state.db")) as db, db:
        dump = "\n".join(db.iterdump())
    assert "select 1 as a" in dump
    assert "/* sqlpipes" not in dump
