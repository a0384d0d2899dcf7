"""Opening, locking, stamping, naming and failing of the DuckDB engine, on real files."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.engine import Engine, RelationType
from sqlpipes.core.errors import EngineError, Location, LockedError
from sqlpipes.core.sql import Relation
from sqlpipes.engines import exists, open_engine, stamp


def target(path: str = ":memory:", *, schema: str = "main", **options: Plain) -> Target:
    return Target("dev", "duckdb", schema, options={"path": path, **options})


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(EngineError) as caught:
        open_engine(Target("dev", "duckbd"), ".")
    assert caught.value.problems[0].code == "ENG001"
    assert caught.value.problems[0].hint == "did you mean 'duckdb'?"


def test_a_target_without_a_path_is_no_silent_memory() -> None:
    with pytest.raises(EngineError, match="ENG002 target 'dev' does not say"):
        open_engine(Target("dev", "duckdb"), ".")


def test_a_file_is_made_with_its_folder_and_stamped_without_connecting(tmp_path: Path) -> None:
    where = target("data/w.duckdb")
    assert not exists(where, str(tmp_path))
    assert stamp(where, str(tmp_path)) is None
    engine = open_engine(where, str(tmp_path))
    engine.create_schemas(["main"])
    engine.close()
    first = stamp(where, str(tmp_path))
    assert exists(where, str(tmp_path))
    assert first is not None
    assert stamp(where, str(tmp_path)) == first
    engine = open_engine(where, str(tmp_path))
    connection = engine.connect()
    connection.execute("create table t as select 1 as a")
    connection.close()
    engine.close()
    assert stamp(where, str(tmp_path)) != first


def test_stamping_imports_no_duckdb() -> None:
    code = (
        "import sys; from sqlpipes.core.config import Target; from sqlpipes.engines import stamp;"
        "stamp(Target('dev', 'duckdb', options={'path': 'no.duckdb'}), '.');"
        "assert 'duckdb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_closing_leaves_nothing_to_complain_about(tmp_path: Path) -> None:
    code = (
        "from sqlpipes.core.config import Target; from sqlpipes.engines import open_engine;"
        "e = open_engine(Target('dev', 'duckdb', options={'path': 'w.duckdb'}), '.');"
        "c = e.connect(); c.query('select 1').fetchall(); c.close(); e.close(); e.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stderr == ""


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create table if not exists t as select 1 as a")
print("held", flush=True)
sys.stdin.readline()
connection.close()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def release(holder: subprocess.Popen[str]) -> None:
    holder.communicate("go\n", timeout=30)


def test_a_locked_file_says_who_holds_it(tmp_path: Path) -> None:
    holder = hold(tmp_path / "w.duckdb")
    try:
        with pytest.raises(LockedError) as caught:
            open_engine(target("w.duckdb"), str(tmp_path))
    finally:
        release(holder)
    message = caught.value.problems[0].message
    assert caught.value.problems[0].code == "ENG003"
    assert f"(pid {holder.pid})" in message
    if os.path.exists("/proc"):
        assert "import sys, duckdb" in message


def test_waiting_for_a_locked_file(tmp_path: Path) -> None:
    holder = hold(tmp_path / "w.duckdb")
    timer = threading.Timer(0.3, release, [holder])
    timer.start()
    engine = open_engine(target("w.duckdb"), str(tmp_path), wait_s=30)
    assert Relation("t", "main") in engine.relations()
    engine.close()
    timer.join()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_bytes(b"not a database " * 1000)
    with pytest.raises(EngineError, match=r"ENG002 .*does not open"):
        open_engine(target("w.duckdb"), str(tmp_path))


def test_read_only_refuses_writes(tmp_path: Path) -> None:
    open_engine(target("w.duckdb"), str(tmp_path)).close()
    engine = open_engine(target("w.duckdb"), str(tmp_path), read_only=True)
    connection = engine.connect()
    with pytest.raises(EngineError):
        connection.execute("create table t as select 1 as a")
    connection.close()
    engine.close()


def test_settings_apply_to_every_connection_and_days_start_in_utc() -> None:
    engine = open_engine(target(settings={"threads": 1, "preserve_insertion_order": False}), ".")
    for _ in range(2):
        connection = engine.connect()
        sql = "select current_setting('threads'), current_setting('TimeZone')"
        assert connection.fetch(sql).rows == ((1, "UTC"),)
        connection.close()
    engine.close()


def test_a_setting_that_does_not_exist() -> None:
    engine = open_engine(target(settings={"thraeds": 1}), ".")
    with pytest.raises(EngineError, match="thraeds"):
        engine.connect()
    engine.close()


def test_attached_databases_are_listed_with_their_catalog(tmp_path: Path) -> None:
    open_engine(target("other.duckdb"), str(tmp_path)).close()
    engine = open_engine(
        target("w.duckdb", attach=[{"path": "other.duckdb", "alias": "lake"}]), str(tmp_path)
    )
    connection = engine.connect()
    connection.execute("create table lake.main.t as select 1 as a")
    connection.execute("create view v as select 2 as b")
    assert engine.relations() == {
        Relation("t", "main", "lake"): RelationType.TABLE,
        Relation("v", "main"): RelationType.VIEW,
    }
    assert engine.all_columns()[Relation("t", "main", "lake")] == (("a", "INTEGER"),)
    assert connection.columns(Relation("T", "MAIN", "LAKE")) == (("a", "INTEGER"),)
    assert connection.columns(Relation("t", "main")) is None
    connection.close()
    engine.close()


def test_a_schema_called_like_the_database(tmp_path: Path) -> None:
    engine = open_engine(target("shop.duckdb", schema="shop"), str(tmp_path))
    engine.create_schemas(["shop"])
    relation = Relation("orders", "shop")
    connection = engine.connect()
    connection.execute(f"create table {engine.quote(relation)} as select 1 as a")
    assert engine.quote(relation) == '"shop"."shop"."orders"'
    assert connection.fetch("from orders").rows == ((1,),)
    connection.close()
    engine.close()


def test_a_broken_view_does_not_break_the_listing() -> None:
    engine = open_engine(target(), ".")
    connection = engine.connect()
    for sql in ("create table t as select 1 as a", "create view v as from t", "drop table t"):
        connection.execute(sql)
    assert Relation("v", "main") in engine.relations()
    assert Relation("v", "main") in engine.all_columns()
    connection.close()
    engine.close()


@pytest.mark.parametrize(
    ("sql", "code", "message", "at"),
    [
        ("selec 1", "ENG004", "syntax error", (1, 1)),
        ("select 1,\n  bad from range(3)", "ENG004", 'column "bad" not found', (2, 3)),
        ("select * from nope", "ENG004", "nope does not exist", (1, 15)),
        ("select cast('x' as int)", "ENG005", "Could not convert string 'x'", (1, 8)),
        ("select " + "'é', " * 50 + "bad from range(1)", "ENG004", "bad", (1, 258)),
        ("select error('boom')", "ENG005", "boom", None),
        ("commit", "ENG005", "no transaction is active", None),
    ],
)
def test_errors_have_a_code_and_a_place(
    sql: str, code: str, message: str, at: tuple[int, int] | None
) -> None:
    engine = open_engine(target(), ".")
    connection = engine.connect()
    with pytest.raises(EngineError) as caught:
        connection.execute(sql)
    problem = caught.value.problems[0]
    assert (problem.code, caught.value.statement) == (code, sql)
    assert message in problem.message
    assert "\n" not in problem.message
    place = problem.at
    assert (place and (place.line, place.column)) == at
    assert place is None or place == Location("", place.line, place.column, place.length)
    connection.close()
    engine.close()


def test_a_fault_in_the_last_row_is_seen() -> None:
    engine = open_engine(target(), ".")
    connection = engine.connect()
    sql = "select case when range = 199999 then error('last') else 'fine' end from range(200000)"
    with pytest.raises(EngineError):
        connection.execute(sql)
    connection.close()
    engine.close()


def test_a_missing_table_is_missing_also_when_a_variable_has_its_name() -> None:
    engine = open_engine(target(), ".")
    connection = engine.connect()
    with pytest.raises(EngineError, match="Table with name sql does not exist"):
        connection.execute("select * from sql")
    connection.close()
    engine.close()


def test_a_transaction_is_all_or_nothing_and_the_connection_lives_on() -> None:
    engine = open_engine(target(), ".")
    connection = engine.connect()
    connection.execute("create table t as select 1 as a")

    def refused() -> None:
        with connection.transaction():
            connection.execute("create or replace table t as select 2 as a")
            connection.execute("select nonsense")

    def stopped() -> None:
        with connection.transaction():
            connection.execute("drop table t")
            raise KeyboardInterrupt

    with pytest.raises(EngineError):
        refused()
    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert connection.fetch("from t").rows == ((1,),)
    connection.close()
    engine.close()


def test_two_writers_of_one_table_conflict_with_a_code_of_its_own() -> None:
    engine = open_engine(target(), ".")
    one, two = engine.connect(), engine.connect()
    one.execute("create table t as select 1 as a")
    with one.transaction():
        one.execute("create or replace table t as select 2 as a")
        with pytest.raises(EngineError) as caught, two.transaction():
            two.execute("create or replace table t as select 3 as a")
    assert caught.value.problems[0].code == "ENG006"
    assert two.fetch("from t").rows == ((2,),)
    one.close()
    two.close()
    engine.close()


def test_an_interrupt_from_another_thread() -> None:
    engine = open_engine(target(), ".")
    connection = engine.connect()
    done = threading.Event()

    def interrupt() -> None:
        while not done.wait(0.05):
            connection.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(EngineError) as caught:
        connection.execute("select count(*) from range(100000000) a, range(100000) b")
    done.set()
    thread.join()
    assert caught.value.problems[0].code == "ENG007"
    assert connection.fetch("select 1").rows == ((1,),)
    connection.close()
    engine.close()


@pytest.mark.parametrize("changes", ["count", "hash", "max(a)", "max(a) -- newest"])
def test_tokens_move_with_the_content(changes: str) -> None:
    engine = open_engine(target(), ".")
    connection = engine.connect()
    relation = Relation("t", "main")

    def token() -> str:
        return str(connection.fetch(engine.token_sql(relation, changes)).rows[0][0])

    connection.execute("create table t as select 1 as a, 'x' as b")
    first = token()
    assert token() == first
    connection.execute("insert into t values (2, 'y')")
    second = token()
    assert second != first
    connection.execute("update t set b = 'z' where a = 2")
    assert (token() != second) == (changes == "hash")
    connection.close()
    engine.close()


def test_no_message_repeats_the_value_of_a_setting_or_the_address_of_a_database() -> None:
    for settings in ({"s3_secret_access_keyy": "canary"}, {"threads": "canary"}):
        engine = open_engine(target(settings=settings), ".")
        with pytest.raises(EngineError) as caught:
            engine.connect()
        engine.close()
        assert "canary" not in f"{caught.value} {caught.value.statement}"
        assert caught.value.problems[0].code == "ENG009"
    address = {"path": "nosuch://me:canary@host/db", "type": "duckdb", "alias": "lake"}
    with pytest.raises(EngineError, match="the attached database 'lake' does not open") as caught:
        open_engine(target(attach=address), ".")
    assert "canary" not in str(caught.value)


def test_a_write_to_an_attached_database_moves_the_stamp(tmp_path: Path) -> None:
    wanted = target("w.duckdb", attach={"path": "lake.duckdb", "create": True})
    engine = open_engine(wanted, str(tmp_path))
    engine.close()
    before = stamp(wanted, str(tmp_path))
    assert before == stamp(wanted, str(tmp_path)) is not None
    run(open_engine(target("lake.duckdb"), str(tmp_path)), "create table t as select 1 as a")
    assert stamp(wanted, str(tmp_path)) != before
    elsewhere = target("w.duckdb", attach={"path": "postgres://host/db", "type": "postgres"})
    assert stamp(elsewhere, str(tmp_path)) is None


def run(engine: Engine, *statements: str) -> None:
    connection = engine.connect()
    for statement in statements:
        connection.execute(statement)
    connection.close()
    engine.close()


def test_who_only_looks_writes_to_no_attached_database(tmp_path: Path) -> None:
    wanted = target("w.duckdb", attach={"path": "lake.duckdb", "alias": "lake", "create": True})
    open_engine(target("w.duckdb"), str(tmp_path)).close()
    engine = open_engine(wanted, str(tmp_path), read_only=True)
    assert engine.relations() == {}
    engine.close()
    assert not (tmp_path / "lake.duckdb").exists()
    run(open_engine(target("lake.duckdb"), str(tmp_path)), "create table t as select 1 as a")
    engine = open_engine(wanted, str(tmp_path), read_only=True)
    with pytest.raises(EngineError, match="read-only"):
        engine.connect().execute("insert into lake.main.t values (2)")
    engine.close()


def test_an_attached_database_that_is_held_is_named(tmp_path: Path) -> None:
    held = hold(tmp_path / "lake.duckdb")
    try:
        with pytest.raises(LockedError, match=rf"lake.duckdb is in use by .* \(pid {held.pid}\)"):
            open_engine(target("w.duckdb", attach="lake.duckdb"), str(tmp_path))
    finally:
        release(held)
    open_engine(target("w.duckdb", attach="lake.duckdb"), str(tmp_path), wait_s=30).close()


def test_schemas_are_made_in_attached_databases_too(tmp_path: Path) -> None:
    engine = open_engine(
        target("w.duckdb", attach={"path": "x.duckdb", "alias": "lake", "create": True}),
        str(tmp_path),
    )
    engine.create_schemas(["staging"], "lake")
    run(engine, "create table lake.staging.t as select 1 as a")


def test_a_fault_in_a_csv_file_is_placed_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,amount\n1,2.5\n2,lots\n")
    engine = open_engine(target(), ".")
    with pytest.raises(EngineError) as caught:
        engine.connect().execute(
            f"create table t as from read_csv('{path}', types={{'amount': 'double'}})"
        )
    problem = caught.value.problems[0]
    assert problem.at == Location(str(path), 3, 3, 4)
    assert '"amount"' in problem.message
    assert '"lots"' in problem.message
    engine.close()
