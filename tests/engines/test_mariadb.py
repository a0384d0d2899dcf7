"""A real MariaDB: the kit, faults at their place, stops, and what a kill between two statements leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run.building import build, check, daily, days, graph_of, model, said
from servers.mariadb import empty_mariadb
from sqlalchemy import make_url

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Deed, Engine, RelationType
from sqlpipes.core.errors import EngineError
from sqlpipes.core.events import StepFailed, StepFinished
from sqlpipes.core.partitions import Grain, Partitioning, Partitions, TimeAxis, ValueAxis
from sqlpipes.core.sql import Relation
from sqlpipes.core.strategy import Snapshot
from sqlpipes.engines import is_shared, open_engine
from sqlpipes.engines.generic.mysql import MysqlConnection
from sqlpipes.run.journal import Intent, mend, note_sql, publish
from sqlpipes.testing.engine_kit import CASES, run_case

DAY = "select date '2024-01-0{}' as d, {} as id, '{}' as v"


@pytest.fixture
def target(mariadb_url: str) -> Target:
    empty_mariadb(mariadb_url)
    return Target("dev", "mariadb", "main", options={"url": mariadb_url})


@pytest.fixture
def engine(target: Target) -> Iterator[Engine]:
    opened = open_engine(target, ".")
    opened.create_schemas(["main"])
    yield opened
    opened.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`target` is one kind here."""


def run(engine: Engine, *statements: str) -> None:
    with closing(engine.connect()) as connection:
        for statement in statements:
            connection.execute(statement)


def rows(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    with closing(engine.connect()) as connection:
        return sorted(connection.fetch(sql).rows, key=str)


def raw(engine: Engine, *listed: tuple[int, int, str]) -> None:
    union = " union all ".join(DAY.format(*each) for each in listed)
    run(engine, "drop table if exists main.raw", f"create table main.raw as {union}")


def left(engine: Engine) -> list[str]:
    return [each.name for each in engine.relations() if each.name.startswith("sqlpipes_")]


@pytest.mark.parametrize("case", CASES)
def test_it_is_an_engine(case: str, target: Target, tmp_path: Path) -> None:
    run_case(case, {"type": "mariadb", "url": target.options["url"], "schema": "kit"}, tmp_path)


def test_one_build_at_a_time(target: Target) -> None:
    assert not is_shared(target)
    assert not is_shared(Target("dev", "sqlalchemy", options={"url": "mysql+pymysql://h/"}))


def test_slices_give_way_in_one_transaction_and_take_nulls(engine: Engine) -> None:
    asset = model("s", "select d, id, v from main.raw", partition=daily())
    raw(engine, (1, 1, "a"), (2, 2, "b"))
    assert said(build(engine, graph_of(asset), slices={"s": days(0, 3)}))[-1].endswith("success")
    raw(engine, (1, 3, "A"), (3, 4, "c"))
    run(engine, "alter table main.raw modify v varchar(9) null", "update main.raw set v = null")
    gate = [check("s", "unique", columns=["id"])]
    build(engine, graph_of(asset, checks=gate), slices={"s": days(0, 1)})
    assert rows(engine, "select id, v from main.s") == [(2, "b"), (3, None)]
    assert not left(engine)


def test_rows_of_several_batches_are_counted_once(engine: Engine) -> None:
    asset = model("s", "select d, id, v from main.raw", partition=daily(batch=2))
    raw(engine, *((day, day, "a") for day in range(1, 8)))
    for full in (False, True):
        events = build(engine, graph_of(asset), slices={"s": days(0, 7)}, full=full)
        done = [each for each in events if isinstance(each, StepFinished)]
        assert sum(each.rows or 0 for each in done) == 7
    assert len(rows(engine, "select 1 from main.s")) == 7


def test_a_check_that_fails_leaves_the_rows_and_nothing_beside(engine: Engine) -> None:
    asset = model("s", "select d, id, v from main.raw", partition=daily())
    raw(engine, (1, 1, "a"))
    build(engine, graph_of(asset), slices={"s": days(0, 1)})
    raw(engine, (1, 1, "x"), (1, 1, "y"))
    gate = [check("s", "unique", columns=["id"])]
    events = build(engine, graph_of(asset, checks=gate), slices={"s": days(0, 1)})
    assert said(events)[-1] == "runfinished fail"
    assert rows(engine, "select v from main.s") == [("a",)]
    assert not left(engine)


def test_values_that_a_collation_takes_for_one_are_slices_of_their_own(engine: Engine) -> None:
    run(
        engine,
        "create table main.raw as select 'eu' as v, 1 as id union all select 'EU', 2 "
        "union all select 'eu ', 3",
    )
    cut = Partitioning("v", ValueAxis())
    asset = model("s", "select v, id from main.raw", partition=cut)
    for value in ("eu", "EU", "eu"):
        build(engine, graph_of(asset), slices={"s": Partitions.of_values([value])})
    assert rows(engine, "select id from main.s") == [(1,), (2,)]
    relation = Relation("raw", "main")
    with closing(engine.connect()) as connection:
        found = engine.windows(connection, relation, "count", cut)
    assert {labels[0] for labels, _ in found.tokens} == {"eu", "EU", "eu "}


def test_windows_and_hashes_move_with_the_rows(engine: Engine) -> None:
    raw(engine, (1, 1, "a"), (2, 2, "b"))
    relation, cut = Relation("raw", "main"), Partitioning("d", TimeAxis(Grain.DAY))

    def seen() -> tuple[Any, Any]:
        with closing(engine.connect()) as connection:
            token = connection.fetch(engine.token_sql(relation, "hash")).rows[0][0]
            return token, engine.windows(connection, relation, "hash", cut)

    token, before = seen()
    assert seen() == (token, before)
    run(engine, "update main.raw set v = 'B' where id = 2")
    moved, after = seen()
    assert moved != token
    changed = {slot for slot, said in before.tokens.items() if said != after.tokens[slot]}
    assert len(before.tokens) == 2
    assert len(changed) == 1


# ------------------------------------------------------------------------------ many rows of a key

ROWS = 2000
NUMBERED = """create or replace table main.raw as
select cast(seq as int) as n, concat('k', seq) as k, cast({} as int) as amount from seq_1_to_{}"""


def reads(engine: Engine) -> int:
    """Rows that the server has looked at since it started."""
    said = "show global status where variable_name like 'Handler_read%'"
    return sum(int(count) for _, count in rows(engine, said))


@pytest.mark.parametrize("key", [["n"], ["k"], ["k", "n"]])
@pytest.mark.parametrize("kind", ["incremental", "snapshot"])
def test_rows_of_a_key_are_found_without_looking_at_all_of_them(
    engine: Engine, kind: str, key: list[str]
) -> None:
    how = Snapshot(check_columns=("amount",)) if kind == "snapshot" else None
    sql = "select n, cast(k as char(300000)) as k, amount from main.raw"
    asset = model("m", sql, kind, unique_key=key, snapshot=how)
    graph = graph_of(asset, checks=[check("m", "not_null", column="amount")])
    for times, extra in ((1, 0), (2, 5), (3, 9)):
        before = reads(engine)
        run(engine, NUMBERED.format(f"seq * {times}", ROWS + extra))
        assert said(build(engine, graph))[-1].endswith("success")
        assert reads(engine) - before < 200 * ROWS
    current = " where is_current" if how else ""
    ((count, total),) = rows(engine, f"select count(*), sum(amount) from main.m{current}")
    assert (count, total) == (ROWS + 9, 3 * sum(range(ROWS + 10)))
    assert len(rows(engine, "select 1 from main.m")) == (3 * ROWS + 14 if how else count)
    indexed = sorted({row[4] for row in rows(engine, "show index from main.m")})
    assert indexed == sorted(key)
    assert not left(engine)


def test_a_table_with_an_index_on_its_key_is_given_no_other(engine: Engine) -> None:
    run(engine, NUMBERED.format("1", 5))
    graph = graph_of(
        model("m", "select n, k, amount from main.raw", "incremental", unique_key=["n"])
    )
    run(
        engine,
        "create table main.m as select * from main.raw",
        "alter table main.m add primary key (n)",
    )
    for _ in range(2):
        assert said(build(engine, graph))[-1].endswith("success")
    assert [row[2] for row in rows(engine, "show index from main.m")] == ["PRIMARY"]


# ------------------------------------------------------------------------------ a kill in between


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_kill_between_two_statements_is_finished_by_the_next_build(
    engine: Engine, done: int
) -> None:
    run(engine, "create table main.a as select 1 as x")
    run(engine, "create table main.sqlpipes__new as select 2 as x")
    names = [Relation(name, "main") for name in ("sqlpipes__new", "a", "sqlpipes__old")]
    deeds = engine.publishing.swap(*names, RelationType.TABLE)  # type: ignore[attr-defined]
    run(engine, note_sql("main.sqlpipes__journal_1", Intent("a", deeds)))
    run(engine, *(deed.sql for deed in deeds[:done]))
    assert mend(engine) == ("a",)
    assert rows(engine, "select x from main.a") == [(2,)]
    assert not left(engine)


def test_rows_of_a_deed_that_is_cut_off_are_all_there_or_none(engine: Engine) -> None:
    run(engine, "create table main.a (x int) engine=InnoDB", "insert into main.a values (1)")
    deed = Deed("delete from main.a", then=("insert into main.a values (2), ('no')",))
    with closing(engine.connect()) as connection, pytest.raises(EngineError):
        list(publish(Intent("a", (deed,)), "main.j", connection))
    assert rows(engine, "select x from main.a") == [(1,)]


# ------------------------------------------------------------------------------ faults and ends


@pytest.mark.parametrize(
    ("sql", "code", "place"),
    [
        ("select 1 +\n  nosuch", "ENG004", (2, 3)),
        ("select 1\nfrm main.raw x y", "ENG004", (2, 5)),
        ("select 1\nfrom dual\nwhere 1 ==== 2\n  and 3", "ENG004", (3, 9)),
        ("select * from main.nosuch", "ENG004", (1, 15)),
        ("select 1 from (select 1 as a, 2 as a) as t", "ENG004", None),
        ("select cast('x' as date) + sleep(0), json_query(", "ENG004", None),
    ],
)
def test_a_fault_is_told_at_its_place(engine: Engine, sql: str, code: str, place: Any) -> None:
    with closing(engine.connect()) as connection, pytest.raises(EngineError) as fault:
        connection.fetch(sql)
    problem = fault.value.problems[0]
    assert problem.code == code
    if place:
        assert problem.at is not None
        assert (problem.at.line, problem.at.column) == place


@pytest.mark.parametrize("said", ["shop", "shop" * 30])
@pytest.mark.parametrize("length", [0, 2000])
def test_a_fault_is_told_without_our_comment(engine: Engine, length: int, said: str) -> None:
    sql = f"select 1, '{'x' * length}'\nfrom dual\ngroup by all"
    with closing(engine.connect()) as connection:
        assert isinstance(connection, MysqlConnection)
        connection.sign(f'sqlpipes: {{"project": "{said}", "asset": "a"}}')
        with pytest.raises(EngineError) as fault:
            connection.fetch(sql)
    (problem,) = fault.value.problems
    assert problem.message.endswith("near 'all'")
    assert problem.at is not None
    assert (problem.at.line, problem.at.column) == (3, 10)


def test_a_deadlock_is_a_conflict_and_a_killed_connection_is_lost(engine: Engine) -> None:
    run(engine, "create table main.a (x int) engine=InnoDB", "insert into main.a values (1)")
    with closing(engine.connect()) as one, closing(engine.connect()) as other:
        other.execute("set session innodb_lock_wait_timeout = 1")
        with one.transaction():
            one.execute("update main.a set x = 2")
            with pytest.raises(EngineError) as fault:
                other.execute("update main.a set x = 3")
        assert fault.value.problems[0].code == "ENG006"
        ((thread,),) = other.fetch("select connection_id()").rows
        run(engine, f"kill connection {thread}")
        with pytest.raises(EngineError) as fault:
            other.fetch("select 1")
        assert fault.value.problems[0].code == "ENG011"
        assert not other.is_open


def test_a_statement_is_stopped_and_the_connection_lives_on(engine: Engine) -> None:
    with closing(engine.connect()) as connection:
        threading.Timer(0.5, connection.interrupt).start()
        with pytest.raises(EngineError) as fault:
            connection.fetch(
                "select count(*) from seq_1_to_1000000 a, seq_1_to_1000000 b where a.seq < b.seq"
            )
        assert fault.value.problems[0].code == "ENG007"
        assert connection.fetch("select 1").rows == ((1,),)


def test_a_statement_has_an_end_and_a_signature(engine: Engine) -> None:
    with closing(engine.connect()) as connection:
        assert isinstance(connection, MysqlConnection)
        connection.sign("asset a")
        sql = "select info from information_schema.processlist where id = connection_id()"
        assert "/* asset a */" in connection.fetch(sql).rows[0][0]
        connection.limit(0.3)
        with pytest.raises(EngineError) as fault:
            connection.fetch("select sleep(20)")
        assert fault.value.problems[0].code == "ENG068"
        connection.limit(None)
        began = time.monotonic()
        connection.fetch("select sleep(0.5)")
        assert time.monotonic() - began >= 0.5


def test_rows_that_take_too_long_to_publish_are_as_they_were(target: Target) -> None:
    """Each row that is updated takes a while."""
    target = replace(target, statement_timeout_s=1.0)
    slow = "create trigger main.slow before update on main.m for each row set @n = sleep(0.02)"
    graph = graph_of(model("m", "select n, amount from main.raw", "incremental", unique_key=["n"]))
    with closing(open_engine(target, ".")) as engine:
        engine.create_schemas(["main"])
        run(engine, NUMBERED.format("1", 200))
        assert said(build(engine, graph, target=target))[-1].endswith("success")
        run(engine, NUMBERED.format("2", 200), slow)
        events = build(engine, graph, target=target)
        (failed,) = (each for each in events if isinstance(each, StepFailed))
        assert [problem.code for problem in failed.problems] == ["ENG068"]
        assert not failed.in_doubt
        assert rows(engine, "select distinct amount from main.m") == [(1,)]
        assert not left(engine)


def test_why_there_is_no_way_in(target: Target) -> None:
    url = make_url(str(target.options["url"]))

    def told(**other: Any) -> str:
        said = url.set(**other).render_as_string(hide_password=False)
        with pytest.raises(EngineError) as fault:
            open_engine(Target("dev", "mariadb", options={"url": said}, connect_retries=0), ".")
        assert "pw9876" not in str(fault.value)
        return fault.value.problems[0].code

    assert told(username="nobody9", password="pw9876") == "ENG064"
    assert told(port=1) == "ENG061"
    assert told(host="no.such.host.invalid") == "ENG060"
    assert told(database="nosuch") == "ENG065"
