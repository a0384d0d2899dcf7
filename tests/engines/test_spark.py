"""A real Spark: every build strategy on Parquet, slices by partitions, faults, and what a kill leaves."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from run.building import build, check, daily, days, graph_of, model, python, said

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Deed, Engine, Form, RelationType
from sqlpipes.core.errors import EngineError
from sqlpipes.core.events import StepFailed, StepFinished
from sqlpipes.core.partitions import Grain, Partitioning, TimeAxis
from sqlpipes.core.sql import Relation
from sqlpipes.core.status import Status
from sqlpipes.core.strategy import Incremental, SchemaChange, Snapshot, Strategy
from sqlpipes.engines import open_engine
from sqlpipes.run.claim import Claim, hold
from sqlpipes.run.journal import Intent, mend, note_sql

SCHEMA = "sparkling"
RAW = "select d, id, v from values {} as t(d, id, v)"
ONE = "(date'2024-01-01', 1, 'a'), (date'2024-01-02', 2, 'b'), (date'2024-01-04', 9, 'z')"
TWO = "(date'2024-01-01', 1, 'A'), (date'2024-01-03', 3, 'c')"


@pytest.fixture(scope="module")
def engine(spark_url: str) -> Iterator[Engine]:
    opened = open_engine(Target("dev", "spark", SCHEMA, options={"url": spark_url}), ".")
    opened.create_schemas([SCHEMA])
    yield opened
    for relation, kind in opened.relations().items():
        if relation.schema == SCHEMA:
            opened.connect().execute(f"drop {kind} if exists {opened.quote(relation)}")
    opened.close()


def own(*args: Any, **options: Any) -> Any:
    return model(*args, schema=SCHEMA, **options)


def source(engine: Engine, rows: str) -> None:
    connection = engine.connect()
    connection.execute(f"drop table if exists {SCHEMA}.raw")
    connection.execute(f"create table {SCHEMA}.raw using parquet as {RAW.format(rows)}")


def rows(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    return sorted(engine.connect().fetch(sql).rows, key=str)


def done(engine: Engine, *assets: Any, checks: Any = (), **options: Any) -> StepFinished:
    events = build(engine, graph_of(*assets, checks=checks), **options)
    told = [(p.code, p.message) for e in events for p in getattr(e, "problems", ())]
    assert said(events)[-1] == "runfinished success", told
    return next(event for event in reversed(events) if isinstance(event, StepFinished))


def left(engine: Engine) -> list[str]:
    return sorted(each.name for each in engine.relations() if each.name.startswith("sqlpipes__"))


def test_slices_are_partitions_and_emptied_ones_are_gone(engine: Engine) -> None:
    source(engine, ONE)
    made = own("s", f"select v, d, id from {SCHEMA}.raw", partition=daily())
    gate = [check("s", "unique", columns=["id"])]
    assert done(engine, made, checks=gate, slices={"s": days(0, 4)}).rows == 3
    listed = engine.connect().fetch(f"show partitions {SCHEMA}.s").rows
    assert {row[0] for row in listed} == {"d=2024-01-01", "d=2024-01-02", "d=2024-01-04"}
    source(engine, TWO)
    assert done(engine, made, checks=gate, slices={"s": days(0, 3)}).rows == 2
    assert rows(engine, f"select id, v from {SCHEMA}.s") == [(1, "A"), (3, "c"), (9, "z")]
    listed = engine.connect().fetch(f"show partitions {SCHEMA}.s").rows
    assert {row[0] for row in listed} == {"d=2024-01-01", "d=2024-01-03", "d=2024-01-04"}
    assert not left(engine)


def test_slices_that_no_partition_can_be_are_written_with_all_the_rest(engine: Engine) -> None:
    source(engine, ONE)
    query = f"select cast(d as timestamp) as t, id from {SCHEMA}.raw"
    made = own("hours", query, partition=daily("t"))
    done(engine, made, slices={"hours": days(0, 4)})
    source(engine, TWO)
    done(engine, made, slices={"hours": days(0, 3)})
    assert rows(engine, f"select id from {SCHEMA}.hours") == [(1,), (3,), (9,)]


def test_keys_are_merged_by_writing_the_table_anew(engine: Engine) -> None:
    source(engine, ONE)
    made = own("m", f"select id, v from {SCHEMA}.raw", "incremental", unique_key=("id",))
    done(engine, made)
    source(engine, TWO)
    done(engine, made, checks=[check("m", "not_null", column="v")])
    assert rows(engine, f"select id, v from {SCHEMA}.m") == [(1, "A"), (2, "b"), (3, "c"), (9, "z")]


def test_rows_are_appended(engine: Engine) -> None:
    source(engine, ONE)
    adds = Incremental(Strategy.APPEND)
    made = own("l", f"select id from {SCHEMA}.raw", "incremental", incremental=adds)
    done(engine, made)
    done(engine, made)
    assert len(rows(engine, f"select * from {SCHEMA}.l")) == 6


def test_a_snapshot_keeps_every_state(engine: Engine) -> None:
    source(engine, ONE)
    how = Snapshot(check_columns=("v",))
    made = own("h", f"select id, v from {SCHEMA}.raw", "snapshot", unique_key=("id",), snapshot=how)
    done(engine, made)
    source(engine, TWO)
    done(engine, made)
    found = rows(engine, f"select id, v, is_current from {SCHEMA}.h")
    assert (1, "a", False) in found
    assert (1, "A", True) in found
    assert len(found) == 5


def test_a_view_and_a_table_take_each_others_place(engine: Engine) -> None:
    for kind, value in (("table", 1), ("view", 2), ("table", 3)):
        done(engine, own("turn", f"select {value} as x", kind))
        assert rows(engine, f"select x from {SCHEMA}.turn") == [(value,)]
    assert not left(engine)


def test_a_check_that_fails_keeps_the_old_rows(engine: Engine) -> None:
    done(engine, own("kept", "select 1 as x"))
    bad = own("kept", "select cast(null as int) as x")
    events = build(engine, graph_of(bad, checks=[check("kept", "not_null", column="x")]))
    assert events[-1].status is Status.FAIL
    assert rows(engine, f"select x from {SCHEMA}.kept") == [(1,)]
    assert not left(engine)


def test_columns_come_and_go_with_the_query(engine: Engine) -> None:
    source(engine, ONE)
    done(
        engine,
        own("c", f"select d, id from {SCHEMA}.raw", partition=daily()),
        slices={"c": days(0, 4)},
    )

    wide = f"select d, id, v as name from {SCHEMA}.raw"
    events = build(engine, graph_of(own("c", wide, partition=daily())), slices={"c": days(0, 1)})
    (failed,) = (event for event in events if isinstance(event, StepFailed))
    assert failed.problems[0].code == "BLD010"
    made = own("c", wide, partition=daily(), on_schema_change=SchemaChange.ADD)
    done(engine, made, slices={"c": days(0, 1)})
    assert rows(engine, f"select id, name from {SCHEMA}.c") == [(1, "a"), (2, None), (9, None)]


def test_rows_of_a_function_go_in_and_out_as_arrow(engine: Engine) -> None:
    source(engine, ONE)
    done(engine, own("base", f"select id, v from {SCHEMA}.raw"))

    def made(base: Any) -> Any:
        return base.project(
            "id * 10 as id, v, {'k': v} as s, [id] as l, 1.5::decimal(5,2) as n, now() as t"
        )

    base = own("base", f"select id, v from {SCHEMA}.raw")

    function = python("py", made, "base")
    function = replace(function, relation=Relation("py", SCHEMA))
    assert done(engine, base, function).rows == 3
    found = rows(engine, f"select id, v, s.k, l[0], n from {SCHEMA}.py")
    assert found[0][:4] == (10, "a", "a", 1)
    kinds = dict(engine.connect().columns(Relation("py", SCHEMA)) or ())
    assert kinds == {
        "id": kinds["id"],
        "v": "string",
        "s": "struct<k:string>",
        "l": "array<int>",
        "n": "decimal(5,2)",
        "t": "timestamp",
    }


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_every_form_of_rows(engine: Engine) -> None:
    connection = engine.connect()
    sql = "select 1 as a, timestamp'2024-01-01 12:00:00' as t, cast(null as string) as s"
    for form in Form:
        found = connection.query(sql, form)
        if form is Form.ROWS:
            assert found[0]["a"] == 1
    assert connection.fetch(sql).rows == ((1, dt.datetime(2024, 1, 1, 12), None),)
    connection.close()


def test_hostile_names_and_values(engine: Engine) -> None:
    connection = engine.connect()
    odd = Relation("odd", SCHEMA)
    values = [{"we`ird; --": "it's \\n 'x' ü", "select": 1}]
    assert connection.load(odd, values) == 1
    assert connection.fetch(f"select * from {engine.quote(odd)}").rows == (
        (values[0]["we`ird; --"], 1),
    )
    text = engine.can.value(values[0]["we`ird; --"])
    assert connection.fetch(f"select {text}").rows == ((values[0]["we`ird; --"],),)


def test_a_fault_is_at_its_place_in_the_users_file(engine: Engine) -> None:
    events = build(engine, graph_of(own("f", "select\n  idd\nfrom range(3)", line=4)))
    (failed,) = (event for event in events if isinstance(event, StepFailed))
    (problem,) = failed.problems
    assert problem.code == "ENG004"
    assert problem.hint is not None
    assert problem.hint.startswith("did you mean 'id'?")
    assert problem.at is not None
    assert (problem.at.file, problem.at.line, problem.at.column) == ("models/f.sql", 5, 3)


def test_tokens_move_with_the_rows(engine: Engine) -> None:
    source(engine, ONE)
    raw = Relation("raw", SCHEMA)
    with_one = rows(engine, engine.token_sql(raw, "hash"))
    windows = engine.windows(engine.connect(), raw, "hash", Partitioning("d", TimeAxis(Grain.DAY)))
    assert len(windows.tokens) == 3
    source(engine, TWO)
    assert rows(engine, engine.token_sql(raw, "hash")) != with_one


def test_a_statement_is_stopped_from_another_thread(engine: Engine) -> None:
    connection = engine.connect()
    over = threading.Event()

    def stop() -> None:
        while not over.wait(0.5):
            connection.interrupt()

    thread = threading.Thread(target=stop)
    thread.start()
    began = time.monotonic()
    try:
        with pytest.raises(EngineError) as caught:
            connection.fetch("select count(*) from range(4000000000000) where id % 7 = 3")
    finally:
        over.set()
        thread.join()
    assert caught.value.problems[0].code == "ENG007"
    assert time.monotonic() - began < 60


def test_what_was_begun_to_be_published_is_finished(engine: Engine) -> None:
    """As after a kill between the two renames: the table is away, its successor not yet in its place."""
    connection = engine.connect()
    for name, value in (("gone", 1), ("sqlpipes__0_gone_rows", 2)):
        connection.execute(f"drop table if exists {SCHEMA}.{name}")
        connection.execute(f"create table {SCHEMA}.{name} using parquet as select {value} as x")
    table, staged, old = (
        Relation(name, SCHEMA) for name in ("gone", "sqlpipes__0_gone_rows", "sqlpipes__0_gone_old")
    )

    publishing: Any = engine.publishing  # type: ignore[attr-defined]
    deeds: tuple[Deed, ...] = publishing.swap(staged, table, old, RelationType.TABLE)
    connection.execute(note_sql(f"{SCHEMA}.sqlpipes__journal_0", Intent("gone", deeds)))
    connection.execute(deeds[0].sql)
    assert connection.columns(table) is None
    assert mend(engine) == ("gone",)
    assert rows(engine, f"select x from {SCHEMA}.gone") == [(2,)]
    assert not left(engine)


def test_rows_cross_batch_by_batch_and_keep_their_types(engine: Engine, spark_url: str) -> None:
    duck = open_engine(Target("dev", "duckdb", options={"path": ":memory:"}), ".").connect()
    spark: Any = engine.connect()
    here: Any = duck
    made = "select range as id, 1.50 as n, range::hugeint as h, [1, 2] as l, null::date as d from range(1000)"
    table = Relation("crossed", SCHEMA)
    assert spark.take(table, here.give(made)) == 1000
    kinds = dict(spark.columns(table) or ())
    assert (kinds["n"], kinds["h"], kinds["l"]) == ("decimal(3,2)", "decimal(38,0)", "array<int>")
    back = spark.give(f"select id, n, l, d from {SCHEMA}.crossed order by id")
    assert here.take(Relation("back", "main"), back) == 1000
    assert duck.fetch("select sum(id), sum(n) from back").rows[0][0] == 499500
    with pytest.raises(EngineError) as caught:
        spark.give("select interval 1 day as i")
    assert caught.value.problems[0].code == "XNG010"
    duck.close()


def test_a_claim_beats_on_while_all_workers_are_busy(engine: Engine) -> None:
    held = hold(engine, SCHEMA, Claim("0" * 8, "'build'", "one:/shop"))
    busy, over = engine.connect(), threading.Event()

    def work() -> None:
        while not over.is_set():
            with suppress(EngineError):  # it is stopped, maybe before it has begun
                busy.fetch("select count(*) from range(4000000000000) where id % 7 = 3")

    worker = threading.Thread(target=work)
    beating = threading.Thread(target=held._beat, daemon=True)
    worker.start()
    try:
        time.sleep(5)  # until it has all of them
        beating.start()
        beating.join(60)
        assert not beating.is_alive()
    finally:
        over.set()
        while worker.is_alive():
            busy.interrupt()
            worker.join(0.5)
        held.release()


def test_a_statement_has_an_end_and_a_comment(engine: Engine) -> None:
    connection: Any = engine.connect()
    connection.sign('sqlpipes: {"asset": "a*/b"}')
    assert connection.fetch("select 1 as x -- one").rows == ((1,),)
    connection.limit(1.0)
    with pytest.raises(EngineError) as caught:
        connection.fetch("select count(*) from range(4000000000000) where id % 7 = 3")
    assert caught.value.problems[0].code == "ENG068"
    connection.limit(None)
    assert connection.fetch("select 1 as x").rows == ((1,),)


def test_another_build_of_the_same_schema_is_refused_while_it_lives(engine: Engine) -> None:
    held = hold(engine, SCHEMA, Claim("0" * 8, "'build'", "one:/shop"))
    staged = f"{SCHEMA}.sqlpipes__b{'0' * 8}_orders"
    engine.connect().execute(f"create table {staged} using parquet as select 1 as x")
    try:
        assert mend(engine) == ()
        assert left(engine) == ["sqlpipes__b00000000_orders", "sqlpipes__builder"]
        with pytest.raises(EngineError) as caught:
            hold(engine, SCHEMA, Claim("1" * 8, "'build'", "two:/shop"))
        assert caught.value.problems[0].code == "LCK005"
    finally:
        held.release()
    mend(engine)
    assert not left(engine)
