"""What is built beside its relation: nothing is lost or half there, wherever a build is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from run.building import build, check, daily, days, graph_of, model, rows, sql_check
from servers.plain import Dead, Fuse, PlainDuck, open_engine

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Deed
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.events import StepFailed, StepFinished
from sqlpipes.core.graph import Graph
from sqlpipes.core.status import Status
from sqlpipes.core.strategy import Incremental, Strategy
from sqlpipes.run.claim import Claim, claim_sql, claims, hold
from sqlpipes.run.journal import Intent, mend, publish

RAW = "select * from (values {}) as t(d, id, v)"
FIRST = RAW.format(
    "(date '2024-01-01', 1, 'a'), (date '2024-01-02', 2, 'b'), (date '2024-01-04', 9, 'z')"
)
SECOND = RAW.format("(date '2024-01-01', 1, 'A'), (date '2024-01-03', 3, 'c')")
SLICES = {"a": days(0, 4)}
WRITTEN = {"a": days(0, 3)}

KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "slices": ({"partition": daily()}, "select d, id, v from raw"),
    "slices_of_times": (
        {"partition": replace(daily(), column="t")},
        "select cast(d as timestamp) as t, id, v from raw",
    ),
    "table": ({}, "select d, id, v from raw"),
    "merge": ({"materialized": "incremental", "unique_key": ("id",)}, "select id, d, v from raw"),
    "append": (
        {"materialized": "incremental", "incremental": Incremental(Strategy.APPEND)},
        "select id, d, v from raw where id not in (select 0)",
    ),
}


def last(events: list[Any]) -> Any:
    return events[-1]


@pytest.fixture
def engine() -> Iterator[PlainDuck]:
    opened = new_engine()
    yield opened
    opened.close()


def new_engine() -> PlainDuck:
    engine: PlainDuck = open_engine(Target("dev", "plain", options={"path": ":memory:"}), ".")
    engine.create_schemas(["main"])
    return engine


def source(engine: PlainDuck, sql: str) -> None:
    with engine._first.cursor() as cursor:
        cursor.execute(f"create or replace table raw as {sql}")


def graph(kind: str) -> Graph:
    settings, sql = KINDS[kind]
    made = model("a", sql, **settings)
    return graph_of(made, checks=[check("a", "not_null", column="id")])


def contents(engine: PlainDuck) -> list[tuple[Any, ...]] | None:
    """None: there is no table of that name."""
    with engine._first.cursor() as cursor:
        names = {
            name for (name,) in cursor.execute("select table_name from duckdb_tables()").fetchall()
        }
        found = cursor.execute("from a order by all").fetchall() if "a" in names else None
    return found


def prepared(kind: str) -> PlainDuck:
    """Built once, and then the source has moved."""
    engine = new_engine()
    source(engine, FIRST)
    events = build(engine, graph(kind), slices=SLICES if "slices" in kind else None)
    assert last(events).status is Status.SUCCESS
    source(engine, SECOND)
    return engine


def second(engine: PlainDuck, kind: str) -> list[Any]:
    return build(engine, graph(kind), slices=WRITTEN if "slices" in kind else None)


def beside(engine: PlainDuck) -> list[str]:
    return sorted(each.name for each in engine.relations() if each.name.startswith("sqlpipes__"))


def test_a_check_that_fails_leaves_the_old_rows_and_nothing_beside_them() -> None:
    for kind in KINDS:
        engine = prepared(kind)
        old = contents(engine)
        bad = graph_of(graph(kind).assets["a"], checks=[check("a", "row_count", min=100)])
        events = build(engine, bad, slices=WRITTEN if "slices" in kind else None)
        assert last(events).status is Status.FAIL, kind
        assert contents(engine) == old
        assert not beside(engine)
        engine.close()


def test_a_check_sees_the_rest_of_the_table_and_what_views_show_of_it(engine: PlainDuck) -> None:
    source(engine, FIRST)
    view = model("v", "select id from a where id < 100", "view")
    unique = check("a", "unique", columns=["id"])
    query = sql_check("none_twice", "select id from v group by id having count(*) > 1", "a")
    made = graph_of(
        model("a", "select d, id from raw", partition=daily()), view, checks=[unique, query]
    )
    assert last(build(engine, made, slices=SLICES)).status is Status.SUCCESS
    source(engine, RAW.format("(date '2024-01-01', 9, 'twice: it is there on the fourth')"))
    events = build(engine, made, "a", slices=WRITTEN)
    assert last(events).status is Status.FAIL
    assert rows(engine, "select count(*) from a where id = 9") == [(1,)]


def test_what_cannot_be_finished_stops_the_next_build_and_says_the_way_out(
    engine: PlainDuck,
) -> None:
    source(engine, FIRST)
    build(engine, graph("slices"), slices=SLICES)
    cut = Fuse()
    engine.fuse = cut
    build(engine, graph("slices"), slices=WRITTEN)
    note = next(i for i, sql in enumerate(cut.said) if "journal" in sql)
    engine.fuse = Fuse(note + 1)
    build(engine, graph("slices"), slices=WRITTEN)
    engine.fuse = Fuse()
    staged = next(name for name in beside(engine) if name.endswith("_rows"))
    with engine._first.cursor() as cursor:
        cursor.execute(f"drop table {staged}")
    with pytest.raises(Exception, match="cannot be finished") as caught:
        mend(engine)
    assert caught.value.problems[0].code == "JRN001"
    assert "drop the view" in caught.value.problems[0].hint


def test_a_part_whose_first_statement_is_refused_takes_its_note_back(engine: PlainDuck) -> None:
    source(engine, FIRST)
    build(engine, graph("table"))
    with engine._first.cursor() as cursor:
        cursor.execute("create index by_id on a (id)")  # DuckDB renames no table that has one
    events = build(engine, graph("table"))
    assert any(isinstance(event, StepFailed) for event in events)
    assert not [name for name in beside(engine) if "journal" in name]
    assert contents(engine)


def test_rows_are_counted_once(engine: PlainDuck) -> None:
    source(engine, FIRST)
    events = build(engine, graph("merge"))
    assert [event.rows for event in events if isinstance(event, StepFinished)] == [3]


def test_dead_is_no_exception_that_is_caught() -> None:
    with pytest.raises(Dead):
        Fuse(0).burn("select 1")


def test_a_conflict_after_publishing_began_is_said_again_and_not_begun_anew(
    engine: PlainDuck,
) -> None:
    """The journal stands by then: to begin anew would trip over it."""
    said: list[str] = []

    class Busy:
        """A connection of which some statement meets another one, once or for ever."""

        def __init__(self, times: int) -> None:
            self.real, self.times = engine.connect(), times

        def execute(self, sql: str) -> int | None:
            said.append(sql)
            if sql.startswith("insert") and self.times:
                self.times -= 1
                raise EngineError(Problem("ENG006", "another one"))
            return self.real.execute(sql)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    run_all(engine, "create table t as select 1 as x")
    deeds = (Deed("delete from t"), Deed("insert into t select 2"))
    list(publish(Intent("t", deeds), "main.sqlpipes__journal_x", Busy(2)))
    assert rows(engine, "select x from t") == [(2,)]
    assert len([sql for sql in said if sql.startswith("delete")]) == 1
    with pytest.raises(EngineError) as caught:
        list(publish(Intent("t", deeds), "main.sqlpipes__journal_x", Busy(99)))
    assert caught.value.problems[0].code == "JRN002"
    assert mend(engine) == ("t",)
    assert rows(engine, "select x from t") == [(2,)]


def run_all(engine: PlainDuck, *statements: str) -> None:
    with engine._first.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.long
def test_a_claim_is_taken_from_who_died_in_the_same_place_and_from_nobody_else(
    engine: PlainDuck,
) -> None:
    mine = Claim("1" * 8, "'build'", "here:/shop")
    dead = replace(mine, builder="0" * 8)
    connection = engine.connect()
    connection.execute(claim_sql("main.sqlpipes__builder", dead))
    connection.execute("create table sqlpipes__b00000000_t as select 1 as x")
    held = hold(engine, "main", mine)
    assert [claim.builder for claim in claims(engine, connection)] == [mine.builder]
    mend(engine)
    assert beside(engine) == ["sqlpipes__builder"]
    other = replace(mine, builder="2" * 8, place="there:/shop")
    with pytest.raises(EngineError) as caught:
        hold(engine, "main", other)
    assert caught.value.problems[0].code == "LCK005"
    connection.execute(claim_sql("main.sqlpipes__builder", other, anew=True))
    with pytest.raises(EngineError) as lost:
        held._beat()
    assert lost.value.problems[0].code == "LCK006"
    held.release()
    assert beside(engine) == ["sqlpipes__builder"]


class Stumbling(Fuse):
    """The first try meets another one once all is staged, and cannot clean up after itself."""

    def burn(self, sql: str) -> None:
        super().burn(sql)
        shown = any("_shadow" in each for each in self.said)
        if shown and len(self.said) < 5:
            raise EngineError(Problem("ENG006", "another one"))


def test_a_second_try_drops_what_the_first_has_left(engine: PlainDuck) -> None:
    source(engine, FIRST)
    assert last(build(engine, graph("slices"), slices=SLICES)).status is Status.SUCCESS
    source(engine, SECOND)
    engine.fuse = Stumbling()
    assert last(build(engine, graph("slices"), slices=WRITTEN)).status is Status.SUCCESS
    told = engine.fuse.said
    staged = [sql for sql in told if sql.startswith("create table")]
    assert len(staged) == 2
    first = told.index(staged[0])
    assert not any(sql.startswith("drop") for sql in told[:first])  # there is nothing yet
    assert contents(engine) == [
        (date(2024, 1, 1), 1, "A"),
        (date(2024, 1, 3), 3, "c"),
        (date(2024, 1, 4), 9, "z"),
    ]
    assert not beside(engine)
