"""Checks -> bad rows, on a real DuckDB: every type, hostile values, slices, conditions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from notyet import only, unlike
from run.building import (
    build,
    check,
    daily,
    days,
    graph_of,
    model,
    numbers,
    rows,
    run_sql,
    said,
    source,
    sql_check,
    warehouse,
)

from sqlpipes.core.asset import Check, PythonBody
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import ProjectError, Severity
from sqlpipes.core.events import CheckFinished, StepFailed
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.sql import Relation
from sqlpipes.core.status import Status
from sqlpipes.run.checks import check_sql, verdict

HOSTILE = "x'; drop table t; --\n"
SQL = """
create table t as select * from (values
    (1, 'placed', 10.0, date '2024-01-01'),
    (2, 'lost', -5.0, date '2024-01-02'),
    (2, null, null, date '2024-01-03'),
    (null, 'placed', 7.0, date '2024-01-03')
) as v(id, status, amount, d)
"""
NOW = datetime(2024, 1, 5)


@pytest.fixture
def engine(opened: Engine) -> Engine:
    run_sql(opened, SQL, "create table parents as select 1 as key union all select null")
    return opened


def bad(
    engine: Engine, asked: Check, slices: Partitions | None = None, *, part: bool = False
) -> list[tuple[Any, ...]]:
    own = model("t", "select 1", partition=daily()) if part else source("t", Relation("t", "main"))
    parents = source("parents", Relation("parents", "main"))
    graph = graph_of(own, parents, checks=[asked])
    sql = check_sql(graph.checks[asked.name], graph, warehouse(engine), slices, now=NOW)
    return rows(engine, sql)


@pytest.mark.parametrize(
    ("type", "arguments", "count"),
    [
        ("not_null", {"column": "id"}, 1),
        ("not_null", {"column": "d"}, 0),
        ("unique", {"columns": ["id"]}, 1),
        ("unique", {"columns": ["id", "d"]}, 0),
        ("unique", {"columns": "id"}, 1),
        ("accepted_values", {"column": "status", "values": ["placed", HOSTILE]}, 1),
        ("accepted_values", {"column": "status", "values": ["placed", "lost", None]}, 0),
        ("accepted_values", {"column": "id", "values": [1, 2]}, 0),
        ("accepted_values", {"column": "id", "values": ["1"]}, 2),
        ("accepted_values", {"column": "amount", "values": [10.0, -5, 7]}, 0),
        ("accepted_values", {"column": "status", "values": [1, True]}, 3),
        ("accepted_values", {"column": "status", "values": []}, 3),
        ("relationships", {"column": "id", "to": "parents", "field": "key"}, 2),
        ("row_count", {"min": 4, "max": 4}, 0),
        ("row_count", {"min": 5}, 1),
        ("row_count", {"max": 3}, 1),
        ("expression", {"expression": "amount >= 0 -- never less"}, 1),
        ("expression", {"expression": "amount >= 0 or amount < 0"}, 0),
        ("range", {"column": "amount", "min": 0}, 1),
        ("range", {"column": "amount", "min": -5, "max": 9.5}, 1),
        ("range", {"column": "d", "min": "2024-01-02"}, 1),
        ("matches", {"column": "status", "pattern": "^p.*d$"}, 1),
        ("matches", {"column": "id", "pattern": "'"}, 3),
        ("freshness", {"column": "d", "max_age_s": 2 * 86400}, 0),
        ("freshness", {"column": "d", "max_age_s": 2 * 86400 - 1}, 1),
    ],
)
def test_every_type(engine: Engine, type: str, arguments: dict[str, Any], count: int) -> None:
    assert len(bad(engine, check("t", type, **arguments))) == count


def test_nothing_is_fresh_in_an_empty_table(engine: Engine) -> None:
    run_sql(engine, "delete from t")
    asked = check("t", "freshness", column="d", max_age_s=10**9)
    assert bad(engine, asked) == [(None,)]


def test_freshness_without_a_given_time_asks_the_warehouse(engine: Engine) -> None:
    graph = graph_of(source("t", Relation("t", "main")))
    asked = check("t", "freshness", column="d", max_age_s=1)
    assert len(rows(engine, check_sql(asked, graph, warehouse(engine)))) == 1


@pytest.mark.parametrize("type", ["not_null", "range", "matches", "accepted_values"])
def test_hostile_columns_are_quoted(engine: Engine, type: str) -> None:
    name = 'x"; drop table t; --'
    run_sql(engine, f'alter table t add column "{name.replace(chr(34), chr(34) * 2)}" varchar')
    told: dict[str, Any] = {"column": name, "min": "", "pattern": HOSTILE, "values": [HOSTILE]}
    assert len(bad(engine, check("t", type, **told))) == (4 if type == "not_null" else 0)
    assert len(rows(engine, "select * from t")) == 4


def test_where_narrows_and_may_end_in_a_comment(engine: Engine) -> None:
    assert bad(engine, check("t", "not_null", column="id", where="d < '2024-01-03' -- old")) == []
    asked = check("t", "unique", columns=["id"], where="status is not null")
    assert bad(engine, asked) == []


def test_only_the_slices_just_written_are_looked_at(engine: Engine) -> None:
    asked = check("t", "not_null", column="status")
    assert len(bad(engine, asked, days(2, 3), part=True)) == 1
    assert bad(engine, asked, days(0, 2), part=True) == []
    whole = check("t", "not_null", column="status", whole_table=True)
    assert len(bad(engine, whole, days(0, 2), part=True)) == 1
    assert len(bad(engine, asked, part=True)) == 1


def test_a_key_of_the_written_slices_that_stands_in_another_is_found(engine: Engine) -> None:
    asked = check("t", "unique", columns=["id"])
    assert bad(engine, asked, days(2, 3), part=True) == [(2, 2)]
    assert bad(engine, asked, days(0, 1), part=True) == []
    spread = check("t", "unique", columns=["id", "D" if engine.dialect == "duckdb" else "d"])
    assert bad(engine, spread, days(2, 3), part=True) == []
    assert '"id", "D") in' not in check_sql(
        spread,
        graph_of(model("t", "select 1", partition=daily())),
        warehouse(engine),
        days(2, 3),
    )


def test_ephemeral_assets_are_checked_where_they_would_be_inlined(engine: Engine) -> None:
    graph = graph_of(
        model("e", "select id from t -- all", "ephemeral"),
        checks=[check("e", "not_null", column="id"), check("e", "unique", columns=["id"])],
    )
    found = [len(rows(engine, check_sql(c, graph, warehouse(engine)))) for c in graph.gate("e")]
    assert sorted(found) == [1, 1]


@unlike("mariadb", "the text of a statement")
def test_a_query_of_bad_rows(engine: Engine) -> None:
    graph = graph_of(
        model("v", "select 1", schema="other", alias="t"),
        checks=[sql_check("bad_ones", "select * from other.v where id = 2; -- bad", "v")],
    )
    sql = check_sql(graph.checks["bad_ones"], graph, warehouse(engine))
    assert sql == 'select * from "other"."t" as v where id = 2'


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (check("t", "not_nul", column="id"), "there is no check type 'not_nul'"),
        (check("t", "not_null"), "needs 'column'"),
        (check("t", "row_count"), "needs 'min'"),
        (check("t", "range", column="id"), "needs 'min'"),
    ],
)
def test_what_cannot_be_asked(engine: Engine, asked: Check, message: str) -> None:
    with pytest.raises(ProjectError, match=f"CHK013 .*{message}"):
        bad(engine, asked)


@pytest.mark.parametrize(
    ("options", "failures", "status"),
    [
        ({}, 0, Status.SUCCESS),
        ({}, 1, Status.FAIL),
        ({"severity": Severity.WARNING}, 1, Status.WARN),
        ({"error_if": "> 10"}, 10, Status.WARN),
        ({"error_if": ">10"}, 11, Status.FAIL),
        ({"error_if": "> 10", "warn_if": ">= 5"}, 4, Status.SUCCESS),
        ({"error_if": "= 0", "warn_if": "= 0"}, 0, Status.FAIL),
        ({"error_if": "> 1%", "warn_if": "> 1%"}, 10, Status.SUCCESS),
        ({"error_if": "> 0.9 %"}, 10, Status.FAIL),
        ({"severity": Severity.WARNING, "error_if": "> 1"}, 5, Status.WARN),
    ],
)
def test_verdicts(options: dict[str, Any], failures: int, status: Status) -> None:
    assert verdict(check("t", "not_null", **options), failures, 1000) is status


def test_a_condition_that_is_none() -> None:
    with pytest.raises(ProjectError, match="CHK011"):
        verdict(check("t", "not_null", error_if="many"), 1)


def outcome(engine: Engine, *checks: Check, text: str = "select * from t") -> list[Any]:
    graph = graph_of(model("a", text), checks=checks)
    return build(engine, graph)


def test_a_share_of_the_rows(engine: Engine) -> None:
    for error_if, status in (("> 25%", "warn"), (">= 25%", "fail")):
        events = outcome(engine, check("a", "not_null", column="id", error_if=error_if))
        found = next(event for event in events if isinstance(event, CheckFinished))
        assert (found.status, found.failures) == (status, 1)


def test_a_blocking_check_keeps_the_old_rows_and_every_result_is_told(engine: Engine) -> None:
    run_sql(engine, "create table a as select 'old' as id")
    events = outcome(
        engine,
        check("a", "not_null", column="id"),
        check("a", "unique", columns=["id"]),
        check("a", "row_count", min=1),
        check("a", "range", column="amount", min=0, severity=Severity.WARNING),
    )
    assert sorted(said(events)[2:6]) == [
        "checkfinished a a.not_null fail",
        "checkfinished a a.range warn",
        "checkfinished a a.row_count success",
        "checkfinished a a.unique fail",
    ]
    failed = next(event for event in events if isinstance(event, StepFailed))
    assert failed.status is Status.FAIL
    assert [p.code for p in failed.problems] == ["CHK010", "CHK010"]
    assert {str(p.at) for p in failed.problems} == {"models/a.sql:2:5"}
    assert any(p.hint == "for example id=2, rows_of_this_key=2" for p in failed.problems)
    assert rows(engine, "select * from a") == [("old",)]


def test_samples_are_a_few_bad_rows_and_failures_all_of_them(engine: Engine) -> None:
    text = f"select id, null as x from {numbers(50, 'id')}"
    asked = check("a", "not_null", column="x", severity=Severity.WARNING)
    found = next(e for e in outcome(engine, asked, text=text) if isinstance(e, CheckFinished))
    assert (found.failures, len(found.sample), found.columns) == (50, 5, ("id", "x"))
    assert found.message == "50 bad rows"


def test_a_check_that_the_engine_refuses_is_placed_where_it_is_written(engine: Engine) -> None:
    run_sql(engine, "create table a as select 'old' as id")
    events = outcome(engine, check("a", "not_null", column="nonsense"))
    failed = next(event for event in events if isinstance(event, StepFailed))
    assert failed.status is Status.ERROR
    assert str(failed.problems[0]).startswith("models/a.sql:2:5: ENG004 check 'a.not_null': ")
    assert rows(engine, "select * from a") == [("old",)]


@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        (True, 0),
        (False, 1),
        (0, 0),
        (3, 3),
        ([], 0),
        ([{"id": 1}, {"id": 2}], 2),
        ([1, 2, 3], 3),
        ({"id": [1, 2]}, 2),
    ],
)
def test_checks_in_python(engine: Engine, answer: Any, failures: int) -> None:
    def ask(a: Any) -> Any:
        assert a.fetchall()
        return answer

    body = PythonBody("ask", ("a",), False, lambda: ask)
    events = outcome(engine, check("a", "python", function=body))
    found = next(event for event in events if isinstance(event, CheckFinished))
    assert found.failures == failures


def test_a_python_check_sees_rows_that_are_not_published_yet(engine: Engine) -> None:
    run_sql(engine, "create table a as select 'old' as id")
    body = PythonBody("ask", ("a",), False, lambda: lambda a: a.filter("status = 'lost'"))
    events = outcome(engine, check("a", "python", function=body))
    found = next(event for event in events if isinstance(event, CheckFinished))
    assert (found.failures, found.columns) == (1, ("id", "status", "amount", "d"))
    assert rows(engine, "select * from a") == [("old",)]


@pytest.mark.parametrize(
    ("function", "code"), [(lambda a: None, "CHK012"), (lambda a: 1 / 0, "BLD005")]
)
def test_python_checks_that_give_no_answer(engine: Engine, function: Any, code: str) -> None:
    body = PythonBody("ask", ("a",), False, lambda: function)
    events = outcome(engine, check("a", "python", function=body))
    failed = next(event for event in events if isinstance(event, StepFailed))
    assert failed.problems[0].code == code


def test_a_check_that_waits_for_another_asset_looks_at_all_slices(engine: Engine) -> None:
    late = sql_check("ids_match", "select * from a where id not in (select id from b)", "a")
    graph = graph_of(
        model("a", "select id, d from t where id is not null", partition=daily()),
        model("b", "select 1 as id, d from a", partition=daily()),
        checks=[late, check("a", "relationships", column="id", to="b", field="id")],
    )
    events = build(engine, graph, slices={"a": days(0, 5), "b": days(0, 1)})
    found = {e.check: e.failures for e in events if isinstance(e, CheckFinished)}
    assert found == {"ids_match": 2, "a.relationships": 2}


@only("duckdb", "lists are JSON elsewhere")
def test_of_huge_and_odd_values_a_readable_beginning_is_kept(engine: Engine) -> None:
    text = "select repeat('x', 100000) as long, 'nan'::double as odd, [repeat('y', 500)] as list"
    results = outcome(engine, sql_check("bad", text, "a"))
    (found,) = [event for event in results if isinstance(event, CheckFinished)]
    long, odd, listed = found.sample[0]
    assert (len(long), odd, len(listed)) == (200, "nan", 200)
