"""Rows that move along with their asset, and why they cannot, on each engine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from notyet import notyet, only
from run.building import (
    build,
    events_of,
    graph_of,
    model,
    plan_of,
    rows,
    run_sql,
    said,
    tables,
    warehouse,
)

from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.events import StepFinished
from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Plan
from sqlpipes.core.sql import Relation
from sqlpipes.run.rename import rename_sql
from sqlpipes.run.warehouse import with_relations


@pytest.fixture
def engine(opened: Engine) -> Engine:
    run_sql(opened, "create table src (id integer, v integer)", "insert into src values (1, 10)")
    return opened


def kept(alias: str, **options: object) -> Graph:
    sql = "select id, v from src"
    return graph_of(model("a", sql, "incremental", alias=alias, unique_key=["id"], **options))


def moving(graph: Graph, place: str) -> Plan:
    plan = plan_of(graph)
    return replace(plan, steps=tuple(replace(step, moves=place) for step in plan.steps))


def moved(engine: Engine, graph: Graph, place: str) -> list[str]:
    events = list(events_of(moving(graph, place), graph, engine))
    done = [event for event in events if isinstance(event, StepFinished)]
    assert done, said(events)
    return [str(event.metadata["moved from"]) for event in done]


def cannot(engine: Engine, graph: Graph, place: str) -> str:
    with pytest.raises(ProjectError) as caught:
        list(events_of(moving(graph, place), graph, engine))
    (problem,) = caught.value.problems
    return f"{problem.code} {problem.message}"


@notyet("spark", "rows do not move along where DDL is not rolled back")
@notyet("mariadb", "rows do not move along where DDL is not rolled back")
@notyet("plain", "rows do not move along where DDL is not rolled back")
def test_merged_rows_move_along(engine):
    build(engine, kept("old"))
    run_sql(engine, "delete from src", "insert into src values (2, 20)")
    assert moved(engine, kept("new"), "main.old") == ["main.old"]
    assert sorted(rows(engine, "select id, v from main.new")) == [(1, 10), (2, 20)]
    assert tables(engine) == {"src", "new"}


@only("plain", "what cannot roll DDL back")
def test_where_a_move_could_not_be_rolled_back_nothing_moves(engine):
    build(engine, kept("old"))
    assert cannot(engine, kept("new"), "main.old") == (
        "MOV002 'a' cannot move from main.old to main.new: duckdb cannot roll back what moves a table"
    )
    assert tables(engine) == {"src", "old"}


def test_a_view_is_not_moved_in_the_place_of_rows(engine):
    run_sql(engine, "create view old as select 1 as id")
    assert "main.old is a view" in cannot(engine, kept("new"), "main.old")


def test_what_stands_in_the_new_place_is_not_written_over(engine):
    build(engine, kept("old"))
    run_sql(engine, "create table new (x integer)")
    assert cannot(engine, kept("new"), "main.old").startswith(
        "MOV001 'a' cannot move from main.old"
    )
    assert tables(engine) == {"src", "old", "new"}


def test_where_nothing_stands_any_more_there_is_nothing_to_move(engine):
    events = list(events_of(moving(kept("new"), "main.old"), kept("new"), engine))
    assert said(events)[-1] == "runfinished success"
    assert rows(engine, "select id, v from main.new") == [(1, 10)]


@only("duckdb", "of another database")
def test_nothing_moves_to_another_database(engine):
    run_sql(engine, "attach ':memory:' as other")
    build(engine, kept("old"))
    there = kept("new", catalog="other")
    assert cannot(engine, there, "main.old").endswith("they are in two databases")


@pytest.mark.parametrize(
    ("taken", "statements"),
    [
        ((), ['alter table "s"."a" set schema "t"', 'alter table "t"."a" rename to "b"']),
        (("t", "a"), ['alter table "s"."a" rename to "b"', 'alter table "s"."b" set schema "t"']),
    ],
)
@only("postgres", "a table changes its schema")
def test_the_name_in_between_is_one_that_is_free(taken, statements, opened):
    from sqlpipes.core.engine import RelationType

    there = [Relation("a", "s"), *([Relation(taken[1], taken[0])] if taken else [])]
    found = with_relations(warehouse(opened), ((each, RelationType.TABLE) for each in there))
    assert list(rename_sql(Relation("a", "s"), Relation("b", "t"), found)) == statements
