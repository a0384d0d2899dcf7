"""Who has the lock that a statement waits for is told while it waits, and where that ends it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from cli.projects import run, spawn, write

from sqlpipes.core.blocked import Blocked, Holder, SeesBlocked
from sqlpipes.core.config import Target
from sqlpipes.engines import open_engine
from sqlpipes.run.blocked import beginning, tell
from sqlpipes.run.job import Job

TABLE = "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x\n"


def shop(root, url: str, more: str = ""):
    said = f"{{type: postgres, url: '{url}', schema: main{more}}}"
    profile = f"shop: {{outputs: {{default: {said}}}}}\n"
    return write(
        root, {"sqlpipes.yml": "name: shop\n", "profiles.yml": profile, "models/a.sql": TABLE}
    )


@pytest.fixture
def holder(postgres_url: str) -> Iterator[psycopg.Connection]:
    """Somebody else, whose transaction stays open."""
    plain = postgres_url.replace("+psycopg", "")
    with psycopg.connect(plain, application_name="psql") as connection:
        yield connection


def test_a_statement_that_waits_says_for_whom_and_when_it_is_over(tmp_path, postgres_url, holder):
    root = shop(tmp_path, postgres_url)
    assert run(root, "build").exit_code == 0
    holder.execute("lock table main.a in share mode")
    holder.execute("select set_config('my.password', 'hunter2hunter2', true)")
    child = spawn(root, "build", "--force")
    told = child.stdout.readline()
    pid = holder.info.backend_pid
    assert re.fullmatch(
        rf"waiting  a: waits [2-9] s for a lock on main\.a held by pid {pid} "
        r"\(psql, idle in transaction since \d\d:\d\d:\d\d: select set_config\( \.\.\.\)\n",
        told,
    ), told
    holder.rollback()
    said, errors = child.communicate(timeout=20)
    assert child.returncode == 0, said + errors
    assert "hunter2" not in told + said + errors


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (", statement_timeout_s: 2", "ENG068", "a statement of 'a' did not end within 2 s"),
        (", settings: {statement_timeout: 2s}", "ENG005", "statement timeout"),
    ],
)
def test_a_statement_that_ends_waiting_says_for_whom(
    tmp_path, postgres_url, holder, more, code, said
):
    root = shop(tmp_path, postgres_url)
    assert run(root, "build").exit_code == 0
    shop(tmp_path, postgres_url, more)
    holder.execute("lock table main.a in share mode")
    done = run(root, "build", "--force")
    assert done.exit_code == 1
    told = next(line for line in done.output.splitlines() if code in line)
    assert said in told
    assert re.search(
        rf": it had waited \d s for a lock on main\.a held by pid {holder.info.backend_pid} "
        r"\(psql, idle in transaction since ",
        told,
    )


def test_rows_and_several_holders(postgres_url, holder):
    holder.execute("create table t (x int primary key); insert into t values (1); commit")
    holder.execute("update t set x = 2")
    plain = postgres_url.replace("+psycopg", "")
    engine = open_engine(Target("dev", "postgres", "main", options={"url": postgres_url}), ".")
    assert isinstance(engine, SeesBlocked)
    with closing(engine), psycopg.connect(plain, autocommit=True) as waiter:
        session = waiter.info.backend_pid
        assert engine.blocked([session]) == {}
        thread = threading.Thread(target=waiter.execute, args=("delete from t",), daemon=True)
        thread.start()
        found: dict = {}
        while not found:
            found = engine.blocked([session, holder.info.backend_pid])
        (seen,) = found.values()
        assert seen.what == "rows that another transaction has written"
        assert [(one.session, one.state) for one in seen.holders] == [
            (holder.info.backend_pid, "idle in transaction")
        ]
        holder.rollback()
        thread.join(20)
        assert engine.blocked([]) == {}


def test_of_another_query_only_what_is_no_text_is_shown():
    assert beginning("select  1\nfrom t", str) == "select 1 from t"
    assert beginning("alter role etl password $$abc$$", str) == "alter role etl password ..."
    assert beginning("x" * 61, str) == "x" * 60 + " ..."
    assert beginning("set token = s3cr3t", lambda text: text.replace("s3cr3t", "***")) == (
        "set token = ***"
    )


def test_it_is_said_after_a_while_and_when_it_is_over():
    job, seen = Job(), Blocked("a lock on main.a", (Holder(0), Holder(7, "psql")))
    told = "a lock on main.a held by a prepared transaction, pid 7 (psql)"
    for now, found in [(0, seen), (1, seen), (2, seen), (3, seen), (10.5, seen), (11, None)]:
        tell(job, found, str, now)
    assert [job.said.get() for _ in range(job.said.qsize())] == [
        f"waits 2 s for {told}",
        f"waits 10 s for {told}",
        "over after 11 s: a lock on main.a",
    ]
    tell(job, seen, str, 20)
    tell(job, None, str, 21)  # too short to be told
    assert job.said.empty()
