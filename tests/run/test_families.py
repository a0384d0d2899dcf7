"""Several assets of one function: called once for what a run wants, published one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from run.building import build, check, daily, days, graph_of, python, rows, run_sql, said, tables

from sqlpipes.core.asset import Asset
from sqlpipes.core.definitions import Execution, Retry
from sqlpipes.core.engine import Engine
from sqlpipes.core.events import StepFailed


@pytest.fixture
def engine(opened: Engine) -> Engine:
    return opened


def several(function: Any, *names: str, retry: Retry | None = None, **options: Any) -> list[Asset]:
    assets = [python(name, function, context=True, **options) for name in names]
    return [
        replace(a, body=replace(a.body, family="f", retry=retry or Retry()))  # type: ignore[arg-type]
        for a in assets
    ]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("how", ["mapping", "pairs"])
def test_one_call_makes_all_that_a_run_wants(engine: Engine, threads: int, how: str) -> None:
    calls: list[list[str]] = []

    def pairs(context: Execution) -> Iterator[tuple[str, Any]]:
        calls.append(sorted(context.selected))
        for n, name in enumerate("abc"):
            yield name, ({"n": i} for i in range(n + 1))

    def mapping(context: Execution) -> dict[str, Any]:
        return dict(pairs(context))

    graph = graph_of(*several(pairs if how == "pairs" else mapping, "a", "b", "c"))
    events = build(engine, graph, threads=threads)
    assert said(events)[-1] == "runfinished success"
    assert [rows(engine, f"select count(*) from {name}")[0][0] for name in "abc"] == [1, 2, 3]
    build(engine, graph, "b", threads=threads)
    assert calls == [["a", "b", "c"], ["b"]]


def test_a_failed_check_of_one_holds_no_other_back(engine: Engine) -> None:
    def both(context: Execution) -> dict[str, Any]:
        return {"a": [{"n": None, "m": 1}], "b": [{"n": 1}]}

    run_sql(engine, "create table a as select 7 as n, 7 as m")
    graph = graph_of(*several(both, "a", "b"), checks=[check("a", "not_null", column="n")])
    build(engine, graph)
    assert rows(engine, "select * from a") == [(7, 7)]
    assert rows(engine, "select * from b") == [(1,)]


def test_when_it_raises_midway_nothing_is_published(engine: Engine) -> None:
    calls: list[int] = []

    def dies(context: Execution) -> Iterator[tuple[str, Any]]:
        calls.append(1)
        yield "a", [{"n": 1}]
        raise ValueError("boom")

    events = build(engine, graph_of(*several(dies, "a", "b")))
    found = [e.problems[0].message for e in events if isinstance(e, StepFailed)]
    assert found == ["dies() raised ValueError: boom"] * 2
    assert calls == [1]
    assert tables(engine) == set()


def test_it_is_tried_again_for_all(engine: Engine) -> None:
    calls: list[int] = []

    def flaky(context: Execution) -> dict[str, Any]:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError
        return {name: [{"n": 1}] for name in context.selected}

    events = build(engine, graph_of(*several(flaky, "a", "b", retry=Retry(3, pause_s=0.01))))
    assert said(events)[-1] == "runfinished success"
    assert rows(engine, "select a.n, b.n from a, b") == [(1, 1)]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"a": [{"n": 1}]}, "was asked for it and made no rows"),
        ({"a": [{"n": 1}], "b": [{"n": 1}], "bb": []}, "makes 'bb', which is none of its outs"),
        ([{"n": 1}], "gave a value of type list"),
        (lambda: iter([{"n": 1}]), "gave a value of type dict"),
        (lambda: iter([("a", [{"n": 1}]), ("a", [{"n": 1}])]), "makes 'a', twice"),
    ],
)
def test_what_it_may_not_give(engine: Engine, answer: Any, message: str) -> None:
    def gives(context: Execution) -> Any:
        return answer() if callable(answer) else answer

    events = build(engine, graph_of(*several(gives, "a", "b")))
    problems = [e.problems[0] for e in events if isinstance(e, StepFailed)]
    assert {p.code for p in problems} == {"BLD006"}
    assert any(message in p.message for p in problems)


def test_slices_are_made_together_where_they_are_the_same(engine: Engine) -> None:
    calls: list[tuple[str | None, list[str]]] = []

    def each(context: Execution) -> dict[str, Any]:
        assert context.partition is not None
        calls.append((context.partition.start, sorted(context.selected)))
        day = __import__("datetime").date.fromisoformat(context.partition.start)
        return {name: [{"d": day}] for name in context.selected}

    graph = graph_of(*several(each, "a", "b", partition=daily(batch=1)))
    events = build(engine, graph, slices={"a": days(0, 2), "b": days(1, 3)})
    assert [event for event in events if isinstance(event, StepFailed)] == []
    assert sorted(calls) == [
        ("2024-01-01", ["a"]),
        ("2024-01-02", ["a", "b"]),
        ("2024-01-03", ["b"]),
    ]
    assert rows(engine, "select count(*) from a union all select count(*) from b") == [(2,), (2,)]
