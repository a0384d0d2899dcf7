"""How a relation that stands is replaced on Postgres: what is on it and who reads it live on."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run.building import (
    MEMORY,
    build,
    check,
    daily,
    days,
    events_of,
    graph_of,
    model,
    plan_of,
    python,
    rows,
    run_sql,
    said,
    seed,
    tables,
)
from servers.postgres import empty_postgres

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import EngineError, Problem, ProjectError
from sqlpipes.core.events import Event, StepFailed, StepFinished, StepRetrying
from sqlpipes.core.strategy import SchemaChange, Snapshot
from sqlpipes.engines import open_engine


@pytest.fixture
def engine(postgres_database: str) -> Iterator[Engine]:
    empty_postgres(postgres_database)
    target = Target("pg", "postgres", "main", options={"url": postgres_database})
    with closing(open_engine(target, ".")) as opened:
        opened.create_schemas(["main"])
        yield opened


def ok(events: Iterable[Event]) -> list[Event]:
    found = list(events)
    problems = [e.problems for e in found if isinstance(e, StepFailed)]
    assert said(found)[-1] == "runfinished success", problems
    return found


def problem(events: Iterable[Event]) -> Problem:
    return next(e.problems[0] for e in events if isinstance(e, StepFailed))


def oid(engine: Engine, name: str = "a") -> int:
    return int(rows(engine, f"select 'main.{name}'::regclass::oid")[0][0])


def put_things_on(engine: Engine) -> None:
    """Rights, a comment, an index and a stranger's view."""
    run_sql(
        engine,
        "do $$ begin create role reader; exception when duplicate_object then null; end $$",
        "grant select on a to reader",
        "comment on table a is 'mine'",
        "create index on a (x)",
        "create view stranger as select x from a",
    )


def things_on(engine: Engine) -> tuple[Any, ...]:
    sql = (
        "select has_table_privilege('reader', 'main.a', 'select'), "
        "obj_description('main.a'::regclass, 'pg_class'), "
        "(select count(*) from pg_index where indrelid = 'main.a'::regclass)"
    )
    return rows(engine, sql)[0]


def test_new_rows_take_the_place_of_old_ones_in_the_same_table(engine: Engine) -> None:
    ok(build(engine, graph_of(model("a", "select 1 as x, 'a' as t"))))
    put_things_on(engine)
    before = oid(engine)
    events = ok(build(engine, graph_of(model("a", "select 2 as x, 'b' as t"))))
    assert oid(engine) == before
    assert things_on(engine) == (True, "mine", 1)
    assert rows(engine, "select * from stranger") == [(2,)]
    assert [e.rows for e in events if isinstance(e, StepFinished)] == [1]


def test_other_columns_are_refused_where_a_stranger_would_be_lost(engine: Engine) -> None:
    ok(build(engine, graph_of(model("a", "select 1 as x"))))
    put_things_on(engine)
    found = problem(build(engine, graph_of(model("a", "select 2 as x, 3 as y"))))
    assert found.code == "ENG013"
    assert "view main.stranger" in found.message
    assert rows(engine, "select * from stranger") == [(1,)]
    run_sql(engine, "drop view stranger")
    ok(build(engine, graph_of(model("a", "select 2 as x, 3 as y"))))
    assert rows(engine, "select * from a") == [(2, 3)]
    assert things_on(engine) == (True, "mine", 1)
    ok(build(engine, graph_of(model("a", "select 3 as y"))))
    assert things_on(engine) == (True, "mine", 0)


def test_views_of_ours_rise_again_with_what_was_on_them(engine: Engine) -> None:
    def shop(table: str) -> Any:
        return graph_of(
            model("a", table),
            model("v", "select * from a", "view"),
            model("w", "select x + 1 as y from v", "view"),
            model("b", "select y from w"),
        )

    ok(build(engine, shop("select 1 as x")))
    put = "comment on view w is 'seen'"
    run_sql(
        engine,
        "do $$ begin create role reader; exception when duplicate_object then null; end $$",
        put,
        "grant select on v, w to reader",
    )
    ok(build(engine, shop("select 5 as x, 'new' as t"), "a"))
    assert rows(engine, "select * from v") == [(5, "new")]
    assert rows(engine, "select * from w") == [(6,)]
    rights = "select has_table_privilege('reader', 'main.w', 'select'), obj_description('main.w'::regclass)"
    assert rows(engine, rights) == [(True, "seen")]
    found = problem(build(engine, shop("select 5 as z"), "a"))
    assert (found.code, str(found.at)) == ("ENG004", "models/w.sql:1:8")
    assert rows(engine, "select * from w") == [(6,)]


def test_a_foreign_key_on_the_table_is_told(engine: Engine) -> None:
    run_sql(
        engine,
        "create table a (x int primary key)",
        "create table child (x int constraint to_a references a)",
    )
    found = problem(build(engine, graph_of(model("a", "select 1 as x, 2 as y"))))
    assert "foreign key to_a main.child" in found.message


def test_a_view_takes_on_columns_and_is_made_anew_where_it_must_be(engine: Engine) -> None:
    ok(build(engine, graph_of(model("a", "select 1 as x", "view"))))
    run_sql(engine, "create view stranger as select x from a")
    before = oid(engine)
    ok(build(engine, graph_of(model("a", "select 1 as x, 2 as y", "view"))))
    assert oid(engine) == before
    found = problem(build(engine, graph_of(model("a", "select 'text' as x", "view"))))
    assert found.code == "ENG013"
    run_sql(engine, "drop view stranger")
    ok(build(engine, graph_of(model("a", "select 'text' as x", "view"))))
    assert rows(engine, "select * from a") == [("text",)]


def test_a_table_becomes_a_view_under_views_of_ours_and_back(engine: Engine) -> None:
    for kind, value in (("table", 1), ("view", 2), ("table", 3)):
        graph = graph_of(
            model("a", f"select {value} as x", kind), model("v", "select * from a", "view")
        )
        ok(build(engine, graph))
        assert rows(engine, "select * from v") == [(value,)]


def test_a_materialized_view_in_the_way_is_replaced(engine: Engine) -> None:
    run_sql(engine, "create materialized view a as select 1 as x")
    ok(build(engine, graph_of(model("a", "select 2 as x"))))
    assert rows(engine, "select * from a") == [(2,)]


def test_columns_of_slices_change_under_views_of_ours(engine: Engine) -> None:
    def shop(text: str) -> Any:
        how = {"partition": daily(), "on_schema_change": SchemaChange.SYNC}
        return graph_of(model("a", text, **how), model("v", "select d, x from a", "view"))

    slices = {"a": days(0, 2)}
    ok(build(engine, shop("select date '2024-01-01' as d, 1 as x, 2 as gone"), slices=slices))
    ok(
        build(
            engine,
            shop("select date '2024-01-02' as d, 'text' as x"),
            "a",
            slices={"a": days(1, 2)},
        )
    )
    assert rows(engine, "select * from v order by d::text") == [
        (days_(1), "1"),
        (days_(2), "text"),
    ]


def days_(day: int) -> Any:
    from datetime import date

    return date(2024, 1, day)


def test_who_reads_itself_is_staged_first(engine: Engine) -> None:
    run_sql(engine, "create table a as select 1 as x")
    how: dict[str, Any] = {"materialized": "incremental", "unique_key": ["x"]}
    ok(build(engine, graph_of(model("a", "select x + 1 as x from a", **how)), full=True))
    assert rows(engine, "select * from a") == [(2,)]
    ok(
        build(
            engine, graph_of(model("a", "select x + 1 as x, 'new' as t from a", **how)), full=True
        )
    )
    assert rows(engine, "select * from a") == [(3, "new")]
    assert tables(engine) == {"a"}


def test_readers_never_wait_and_see_old_rows_until_the_commit(engine: Engine) -> None:
    ok(build(engine, graph_of(model("a", "select 1 as x"))))
    seen: list[Any] = []

    def look() -> bool:
        with closing(engine.connect()) as other:
            other.execute("set lock_timeout = '2s'")
            seen.extend(other.fetch("select x from main.a").rows)
        return True

    from sqlpipes.core.asset import PythonBody

    body = PythonBody("look", (), False, lambda: look)
    graph = graph_of(model("a", "select 2 as x"), checks=[check("a", "python", function=body)])
    ok(build(engine, graph))
    assert seen == [(1,)]
    assert rows(engine, "select * from a") == [(2,)]


def test_a_check_that_fails_leaves_everything_as_it_was(engine: Engine) -> None:
    ok(build(engine, graph_of(model("a", "select 1 as x"))))
    before = oid(engine)
    bad = [check("a", "accepted_values", column="x", values=[1])]
    for text in ("select 2 as x", "select 2 as x, 3 as y"):
        assert problem(build(engine, graph_of(model("a", text), checks=bad))).code == "CHK010"
        assert rows(engine, "select * from a") == [(1,)]
        assert oid(engine) == before


# -------------------------------------------------------------------------------- lost connections

CUT = "select pg_terminate_backend(pg_backend_pid())"


def cut_once(engine: Engine, *, when: str) -> tuple[str, ...]:
    """A hook that ends its own connection the first time that it runs."""
    run_sql(engine, "create table if not exists cuts (n int)", "create sequence once")
    last = f"select case when nextval('once') = 1 then ({CUT}) end"
    return (f"insert into cuts values (1); {last}",) if when == "once" else (CUT,)


@pytest.mark.parametrize("shape", ["table", "slices", "seed"])
def test_a_cut_connection_is_replaced_and_all_of_the_part_is_said_again(
    engine: Engine, shape: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("x\n7\n")
    after = cut_once(engine, when="once")
    asset = {
        "table": lambda: model("a", "select 7 as x", after=after),
        "slices": lambda: model(
            "a", "select 7 as x, date '2024-01-01' as d", partition=daily(), after=after
        ),
        "seed": lambda: _with(seed("a", str(tmp_path / "a.csv")), after),
    }[shape]()
    slices = {"a": days(0, 1)} if shape == "slices" else {}
    ok(build(engine, graph_of(asset), slices=slices))
    assert rows(engine, "select x from a") == [(7,)]
    assert rows(engine, "select count(*) from cuts") == [(1,)]


def _with(asset: Any, after: tuple[str, ...]) -> Any:
    from dataclasses import replace

    return replace(asset, after=after)


def test_a_function_is_not_called_again_for_a_cut_connection(engine: Engine) -> None:
    calls: list[int] = []

    def p() -> list[dict[str, int]]:
        calls.append(1)
        return [{"x": 1}]

    run_sql(engine, "create table p as select 0 as x")
    hook = cut_once(engine, when="once")
    graph = graph_of(python("p", p, after=hook), model("other", "select 1 as x"))
    events = build(engine, graph, threads=1)
    assert problem(events).code == "ENG011"
    assert calls == [1]
    assert rows(engine, "select * from p") == [(0,)]
    assert rows(engine, "select * from other") == [(1,)]


def test_a_connection_that_is_always_cut_is_given_up(engine: Engine) -> None:
    run_sql(engine, "create table a as select 0 as x")
    graph = graph_of(model("a", "select 1 as x", after=cut_once(engine, when="always")))
    events = build(engine, graph, target=replace(MEMORY, retries=2))
    tries = [event.said for event in events if isinstance(event, StepRetrying)]
    assert [line.rpartition("(")[2] for line in tries] == ["1/2)", "2/2)"]
    assert problem(events).code == "ENG011"
    assert rows(engine, "select * from a") == [(0,)]


def test_a_commit_without_an_answer_leaves_the_slices_in_doubt(engine: Engine) -> None:
    run_sql(
        engine,
        "create table log (x int)",
        f"create function cut() returns trigger language plpgsql as $$ begin perform ({CUT}); "
        "return null; end $$",
        "create constraint trigger at_commit after insert on log deferrable initially deferred "
        "for each row execute function cut()",
    )
    graph = graph_of(model("a", "select 1 as x", after=("insert into log values (1)",)))
    (failed,) = [e for e in build(engine, graph) if isinstance(e, StepFailed)]
    assert failed.problems[0].code == "ENG011"
    assert failed.in_doubt
    assert "a" not in tables(engine)


def test_a_stop_cancels_the_statement_on_the_server(engine: Engine) -> None:
    graph = graph_of(model("a", "select 1 as x from pg_sleep(60)"))
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    events = list(events_of(plan_of(graph), graph, engine, cancel=cancel))
    assert said(events)[-1] == "runfinished cancelled"
    active = (
        "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep%' "
    )
    assert rows(engine, f"{active} and pid <> pg_backend_pid()") == [(0,)]
    assert tables(engine) == set()


# ------------------------------------------------------------------------------------------- names


def test_two_assets_that_begin_alike_are_refused_and_not_mixed_up(engine: Engine) -> None:
    one, other = ("a" * 63 + end for end in "xy")
    graph = graph_of(model(one, "select 1 as x"), model(other, "select 2 as x"))
    with pytest.raises(ProjectError) as caught:
        build(engine, graph)
    assert [problem.code for problem in caught.value.problems] == ["ENG012"] * 2
    assert tables(engine) == set()


def test_long_names_that_fit_are_built_by_every_road(engine: Engine) -> None:
    name = "a" * 63
    merged = model(name, "select 1 as id", "incremental", unique_key=["id"])
    for _ in range(2):
        ok(build(engine, graph_of(merged)))
    assert rows(engine, f"select * from {name}") == [(1,)]


# ------------------------------------------------------------------------------------------- seeds


def test_seeds_land_as_postgres_types(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(
        'Id,price,tags,t,d\n1,1.50,"{""a"": 1}",,2024-01-01\n2,2,"[1]","","2024-01-02"\n'
    )
    types = {"price": "numeric(10,3)", "tags": "jsonb", "t": "varchar(5)"}
    for _ in range(2):
        ok(build(engine, graph_of(seed("s", str(path), types=types))))
    with closing(engine.connect()) as connection:
        from sqlpipes.core.sql import Relation

        assert connection.columns(Relation("s", "main")) == (
            ("id", "bigint"),
            ("price", "numeric(10,3)"),
            ("tags", "jsonb"),
            ("t", "character varying(5)"),
            ("d", "date"),
        )
    assert rows(engine, "select id, tags from s order by id") == [(1, {"a": 1}), (2, [1])]


def test_a_seed_s_value_that_is_of_another_type_is_placed_in_the_file(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "s.csv").write_text("a,b\n1,2\n2,lots\n")
    graph = graph_of(seed("s", str(tmp_path / "s.csv"), types={"b": "integer"}))
    found = problem(build(engine, graph, root=str(tmp_path)))
    assert (found.code, str(found.at)) == ("ENG005", "s.csv:3:3")


ON_TABLE = (
    "alter table a add constraint a_key primary key (x)",
    "alter table a add constraint a_unique unique (x, t)",
    "alter table a add constraint a_small check (x < 100)",
    "alter table a alter column t set not null",
    "alter table a alter column t set default 'none'",
    "comment on column a.x is 'its number'",
    "grant select (x) on a to reader",
    "create function note() returns trigger language plpgsql as 'begin return new; end'",
    "create trigger noted before insert on a for each row execute function note()",
    "alter table a enable row level security",
    "create policy few on a as restrictive for select to reader using (x > 0 and t <> '')",
)


def kept_on(engine: Engine) -> dict[str, Any]:
    sql = (
        "select array(select conname::text from pg_constraint where conrelid = t and contype <> 'n' "
        "order by 1), (select relrowsecurity from pg_class where oid = t), "
        "array(select polname::text from pg_policy where polrelid = t), "
        "array(select tgname::text from pg_trigger where tgrelid = t), "
        "array(select attname::text from pg_attribute where attrelid = t and attnum > 0 "
        "and (attnotnull or atthasdef) order by 1), col_description(t, 1), "
        "has_column_privilege('reader', t, 'x', 'select') from (select 'main.a'::regclass as t) as s"
    )
    names = ("constraints", "secure", "policies", "triggers", "columns", "comment", "right")
    return dict(zip(names, rows(engine, sql)[0], strict=True))


def test_what_stands_on_columns_outlives_a_table_that_is_made_anew(engine: Engine) -> None:
    run_sql(
        engine,
        "do $$ begin create role reader; exception when duplicate_object then null; end $$",
    )
    ok(build(engine, graph_of(model("a", "select 1 as x, 'a' as t"))))
    run_sql(engine, *ON_TABLE)
    before = kept_on(engine)
    ok(build(engine, graph_of(model("a", "select 2 as x, 'a' as t, 3 as more"))))
    assert kept_on(engine) == before
    assert before["constraints"] == ["a_key", "a_small", "a_unique"]
    ok(build(engine, graph_of(model("a", "select 2 as x, 3 as more"))))
    after = kept_on(engine)
    assert after == {
        **before,
        "constraints": ["a_key", "a_small"],
        "policies": [],
        "columns": ["x"],
    }


def test_rows_that_break_a_constraint_of_others_publish_nothing(engine: Engine) -> None:
    ok(build(engine, graph_of(model("a", "select 1 as x"))))
    run_sql(engine, "alter table a add constraint small check (x < 100)")
    found = problem(build(engine, graph_of(model("a", "select 100 as x, 2 as y"))))
    assert found.code == "ENG005"
    assert "small" in found.message
    assert rows(engine, "select * from a") == [(1,)]


def test_a_snapshot_compares_types_that_know_no_equality(engine: Engine) -> None:
    run_sql(
        engine,
        "create type mood as enum ('sad', 'ok'); create domain positive as int check (value > 0)",
        "create table src as select 1 as k, '{\"a\": 1}'::json as j, point(1, 2) as p, "
        "box(point(0, 0), point(1, 4)) as b, 'ok'::mood as m, 7::positive as n, "
        "int4range(1, 5) as r, array[1, null] as l, 5::money as cash",
    )
    kept = Snapshot()
    graph = graph_of(
        model("s", "select * from src", "snapshot", unique_key=["k"], snapshot=kept),
    )
    ok(build(engine, graph))
    ok(build(engine, graph))
    assert rows(engine, "select count(*) from s") == [(1,)]
    run_sql(engine, "update src set b = box(point(0, 0), point(2, 2))")  # of the same area
    ok(build(engine, graph))
    run_sql(engine, "update src set j = '{\"a\": 2}'")
    ok(build(engine, graph))
    assert rows(engine, "select count(*), count(*) filter (where is_current) from s") == [(3, 1)]


def test_a_server_that_takes_no_writes_says_so(engine: Engine) -> None:
    run_sql(engine, "create table t (x int)")
    connection = engine.connect()
    connection.execute("set default_transaction_read_only = on")
    with pytest.raises(EngineError) as caught:
        connection.execute("insert into t values (1)")
    connection.close()
    assert "standby" in (caught.value.problems[0].hint or "")
