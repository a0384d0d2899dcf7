"""Plans run on a real DuckDB: order, threads, failures, stops, and what readers see after each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from notyet import notyet, unlike
from run.building import (
    BECAUSE,
    build,
    check,
    daily,
    days,
    events_of,
    graph_of,
    memory_engine,
    model,
    plan_of,
    python,
    rows,
    run_sql,
    said,
    tables,
)

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import Connection, Engine
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.events import (
    Event,
    RunFinished,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
)
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.plan import Action, Plan, Step
from sqlpipes.core.status import Status

ENDLESS = "select count(*) as n from range(100000000) a, range(100000) b"


@pytest.fixture
def engine(opened: Engine) -> Engine:
    return opened


def last(events: list[Event]) -> RunFinished:
    assert isinstance(events[-1], RunFinished)
    return events[-1]


def of(events: list[Event], kind: type) -> dict[str, Any]:
    return {getattr(event, "asset", ""): event for event in events if isinstance(event, kind)}


# --------------------------------------------------------------------------------- order, threads


def test_fifty_steps_on_four_threads_give_the_right_rows(engine: Engine) -> None:
    assets = [model("a0", "select range as x from range(100)")]
    for i in range(1, 50):
        first, second = f"a{(i - 1) // 2}", f"a{max(0, i - 3)}"
        text = (
            f"select x + 1 as x from {first} union all select x from {second} where x % 7 = {i % 7}"
        )
        assets.append(model(f"a{i}", text, "view" if i % 3 == 0 else "table"))
    graph = graph_of(*assets)
    events = build(engine, graph, threads=4)
    assert last(events).status is Status.SUCCESS
    assert len(of(events, StepFinished)) == 50
    alone = memory_engine()
    build(alone, graph, threads=1)
    for i in range(50):
        sql = f"select count(*), sum(x) from a{i}"
        assert rows(engine, sql) == rows(alone, sql)
    alone.close()


def test_a_step_starts_only_when_what_it_reads_has_ended(engine: Engine) -> None:
    graph = graph_of(
        model("a", "select 1 as x"),
        model("b", "select x from a"),
        model("c", "select x from a"),
        model("d", "select b.x from b, c"),
    )
    lines = said(build(engine, graph))
    for before, after in ("ab", "ac", "bd", "cd"):
        assert lines.index(f"finished {before} success") < lines.index(f"started {after}")


def test_the_longest_road_is_taken_first(engine: Engine) -> None:
    graph = graph_of(
        model("a_short", "select 1 as x"),
        model("b_short", "select 1 as x"),
        model("c_long", "select 1 as x"),
        model("d", "select x from c_long"),
        model("e", "select x from d"),
    )
    events = build(engine, graph, threads=1)
    started = [event.asset for event in events if isinstance(event, StepStarted)]
    assert started == ["c_long", "d", "a_short", "b_short", "e"]


def test_a_start_is_recorded_before_anything_is_touched(engine: Engine) -> None:
    graph = graph_of(model("a", "select 1 as x"))
    for event in events_of(plan_of(graph), graph, engine):
        if isinstance(event, StepStarted):
            assert "a" not in tables(engine)
            assert event.full
            assert event.reasons == ("asked for",)
        if isinstance(event, StepFinished):
            assert rows(engine, "select * from a") == [(1,)]
            assert (event.rows, event.relation, event.full) == (1, "main.a", True)


def test_versions_definitions_and_tokens_travel_with_the_events(engine: Engine) -> None:
    from run.building import source

    from sqlpipes.core.sql import Relation

    run_sql(engine, "create table raw as select 1 as x")
    raw = source("raw", Relation("raw", "main"))
    graph = graph_of(
        raw, model("a", "select x from raw"), checks=[check("raw", "not_null", column="x")]
    )
    observe = Step("raw", Action.OBSERVE, WHOLE, BECAUSE, checks=("raw.not_null",))
    plan = Plan((observe, *plan_of(graph).steps), empty=False)
    events = list(
        events_of(
            plan,
            graph,
            engine,
            definition=lambda name, columns: f"text of {name}",
            tokens={"raw": "t1"},
        )
    )
    found = of(events, StepFinished)
    assert found["raw"].token == "t1"
    assert found["raw"].checks_version == graph.checks_version("raw") != ""
    assert found["a"].definition == "text of a"
    assert found["a"].version == graph.version("a")
    empty = of(build(engine, graph, empty=True), StepFinished)
    assert empty["a"].version == graph.version("a") + "-empty"


def test_a_warning_is_no_failure(engine: Engine) -> None:
    from sqlpipes.core.errors import Severity

    warn = check("a", "row_count", min=5, severity=Severity.WARNING)
    graph = graph_of(model("a", "select 1 as x"), model("b", "select x from a"), checks=[warn])
    events = build(engine, graph)
    assert of(events, StepFinished)["a"].status is Status.WARN
    assert last(events).status is Status.WARN
    assert rows(engine, "select * from b") == [(1,)]


# --------------------------------------------------------------------------------------- failures


def broken() -> Graph:
    return graph_of(
        model("a", "select 1 as x"),
        model("bad", "select nonsense from a"),
        model("below", "select * from bad"),
        model("deeper", "select * from below"),
        model("other", "select x from a"),
    )


def test_a_failed_step_skips_only_what_reads_it(engine: Engine) -> None:
    events = build(engine, broken())
    assert last(events).status is Status.ERROR
    assert set(of(events, StepFinished)) == {"a", "other"}
    skipped = of(events, StepSkipped)
    assert {name: event.because for name, event in skipped.items()} == {
        "below": "bad",
        "deeper": "bad",
    }
    assert of(events, StepFailed)["bad"].statement is not None


@notyet("sqlite", "one writer at a time: steps do not run side by side", run=False)
def test_fail_fast_stops_the_rest(engine: Engine) -> None:
    graph = graph_of(
        model("a_endless", ENDLESS),
        model("b_bad", "select nonsense"),
        model("c", "select 1 as x"),
        model("d", "select n from a_endless"),
    )
    events = build(engine, graph, fail_fast=True, threads=2)
    failed = of(events, StepFailed)
    assert failed["a_endless"].status is Status.CANCELLED
    assert failed["b_bad"].status is Status.ERROR
    skipped = of(events, StepSkipped)
    assert {name: event.because for name, event in skipped.items()} == {
        "c": "fail-fast",
        "d": "fail-fast",
    }
    assert last(events).status is Status.ERROR


def test_a_template_that_cannot_be_rendered_fails_its_step_alone(engine: Engine) -> None:
    from dataclasses import replace

    from sqlpipes.core.asset import Rendered, Scope, SqlBody
    from sqlpipes.core.errors import Location, ProjectError

    class Broken:
        def render(self, scope: Scope) -> Rendered:
            raise ProjectError(Problem("JIN001", "no such variable", Location("m.sql", 3)))

    good = model("good", "select 1 as x")
    bad = replace(model("bad", "select 1"), body=SqlBody("x", template=Broken()))
    events = build(engine, graph_of(good, bad))
    assert str(of(events, StepFailed)["bad"].problems[0]).startswith("m.sql:3:1: JIN001")
    assert set(of(events, StepFinished)) == {"good"}
    assert list(of(events, StepStarted)) == ["bad", "good"]


class Faulty:
    """A real engine whose connections fail at the n-th statement, or lose the answer of it."""

    def __init__(self, engine: Engine, at: int) -> None:
        self.engine = engine
        self.left = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def connect(self) -> Connection:
        return FaultyConnection(self.engine.connect(), self)


class FaultyConnection:
    def __init__(self, real: Connection, owner: Faulty) -> None:
        self.real = real
        self.owner = owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def transaction(self) -> AbstractContextManager[None]:
        return self.real.transaction()

    def execute(self, sql: str) -> int | None:
        self.count(sql)
        return self.real.execute(sql)

    def fetch(self, sql: str, limit: int | None = None) -> Any:
        self.count(sql)
        return self.real.fetch(sql, limit)

    def load(self, *arguments: Any) -> int:
        self.count("load")
        return self.real.load(*arguments)

    def count(self, sql: str) -> None:
        self.owner.left -= 1
        if self.owner.left == 0:
            raise EngineError(Problem("ENG005", "the plug was pulled"), statement=sql)


def shapes(generation: int) -> dict[str, Asset]:
    """One asset of each shape, whose rows tell the generation; the second changes types as well."""
    value = f"select {generation} as v, d, id from raw"
    kind = ("view", "table") if generation == 1 else ("table", "view")
    pruned = value + " where d >= '{start}' and d < '{end}'"
    hooks: dict[str, Any] = {
        "before": ("insert into log values (1)",),
        "after": ("insert into log values (2)",),
    }
    return {
        "turned": model("a", value, kind[0], **hooks),
        "turned back": model("a", value, kind[1]),
        "slices": model("a", value, partition=daily(), **hooks),
        "pruned": model("a", pruned, partition=daily(), template=True),
        "merged": model("a", value, "incremental", unique_key=["id"]),
        "python": python("a", lambda raw: raw.project(f"{generation} as v, d, id"), "raw"),
        "python slices": python(
            "a",
            lambda raw: raw.filter("d < '2024-01-03'").project(f"{generation} as v, d, id"),
            "raw",
            partition=daily(),
        ),
    }


@pytest.mark.parametrize("shape", list(shapes(1)))
def test_whatever_statement_fails_readers_see_the_old_rows(shape: str) -> None:
    from run.building import source

    from sqlpipes.core.sql import Relation

    raw = source("raw", Relation("raw", "main"))
    checks = [check("a", "not_null", column="v"), check("a", "row_count", min=1)]
    slices = {"a": days(0, 2)} if shape in ("slices", "pruned", "python slices") else {}
    old, new = (graph_of(raw, shapes(n)[shape], checks=checks) for n in (1, 2))
    failures = 0
    with closing(memory_engine()) as engine:
        run_sql(
            engine,
            "create table log (step int)",
            "create table raw as select range as id, date '2024-01-01' + (range % 2)::int as d "
            "from range(6)",
        )
        build(engine, old, "a", slices=slices)
        run_sql(engine, "delete from log")
        for at in range(1, 60):
            faulty = Faulty(engine, at)
            try:
                events = build(faulty, new, "a", slices=slices, fail_fast=True)
            except EngineError:  # while it looked at the warehouse, before the first step
                continue
            if last(events).status is Status.SUCCESS:
                break
            failures += 1
            assert "the plug was pulled" in of(events, StepFailed)["a"].problems[0].message
            assert rows(engine, "select count(*), min(v), max(v) from a") == [(6, 1, 1)]
            assert rows(engine, "select * from log") == []
        assert failures >= 4
        assert faulty.left > 0
        assert rows(engine, "select count(*), min(v), max(v) from a") == [(6, 2, 2)]
        assert tables(engine) - {"raw"} in ({"a", "log"}, {"a"}, {"log"})


@unlike("plain", "it needs a transaction in which two meet")
def test_a_conflict_with_another_writer_is_tried_again(engine: Engine) -> None:
    run_sql(engine, "create table shared as select 0 as n")
    hook = ("update shared set n = n + 1",)
    graph = graph_of(*(model(f"a{i}", "select 1 as x", after=hook) for i in range(8)))
    events = build(engine, graph, threads=4)
    assert last(events).status is Status.SUCCESS
    assert rows(engine, "select * from shared") == [(8,)]


# ------------------------------------------------------------------------------------------ stops


def stopped_in_the_middle() -> Graph:
    return graph_of(model("a", "select 1 as n"), model("b", ENDLESS), model("c", "select n from b"))


@notyet("sqlite", "one writer at a time: steps do not run side by side", run=False)
def test_cancel_interrupts_what_runs_and_rolls_it_back(engine: Engine) -> None:
    run_sql(engine, "create table b as select -1 as n")
    graph, cancel = stopped_in_the_middle(), threading.Event()
    events: list[Event] = []
    for event in events_of(plan_of(graph), graph, engine, cancel=cancel, threads=2):
        events.append(event)
        if isinstance(event, StepFinished):
            threading.Timer(0.2, cancel.set).start()
    assert said(events)[-3:] == [
        "skipped c cancelled",
        "failed b cancelled",
        "runfinished cancelled",
    ]
    assert of(events, StepFailed)["b"].problems[0].code == "BLD007"
    assert rows(engine, "select * from b") == [(-1,)]
    assert rows(engine, "select * from a") == [(1,)]


@notyet("sqlite", "one writer at a time: steps do not run side by side", run=False)
def test_ctrl_c_while_it_waits(engine: Engine) -> None:
    import os
    import signal

    run_sql(engine, "create table b as select -1 as n")
    graph = stopped_in_the_middle()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    running = events_of(plan_of(graph), graph, engine, threads=2)
    events: list[Event] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    try:
        for event in running:
            events.append(event)
            if isinstance(event, StepFinished):
                timer.start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert last(events).status is Status.CANCELLED
    assert rows(engine, "select * from b") == [(-1,)]


@notyet("sqlite", "one writer at a time: steps do not run side by side", run=False)
def test_closing_the_generator_stops_and_rolls_back(engine: Engine) -> None:
    run_sql(engine, "create table b as select -1 as n")
    graph = stopped_in_the_middle()
    running = iter(events_of(plan_of(graph), graph, engine, threads=2))
    for event in running:
        if isinstance(event, StepFinished):
            break
    running.close()  # type: ignore[attr-defined]
    assert rows(engine, "select * from b") == [(-1,)]
    assert [t for t in threading.enumerate() if t.name == "sqlpipes"] == []
    run_sql(engine, "drop table b", "create table b as select 5 as n")


def test_cancelled_before_it_begins(engine: Engine) -> None:
    cancel = threading.Event()
    cancel.set()
    events = build(engine, graph_of(model("a", "select 1 as x")), cancel=cancel)
    assert said(events) == ["runstarted", "skipped a cancelled", "runfinished cancelled"]


def test_a_function_that_does_not_listen_is_left_alone_and_cannot_publish(
    engine: Engine,
) -> None:
    run_sql(engine, "create table p as select 'old' as v")
    entered, released = threading.Event(), threading.Event()

    def deaf() -> list[dict[str, str]]:
        entered.set()
        released.wait(30)
        return [{"v": "late"}]

    cancel = threading.Event()
    graph = graph_of(python("p", deaf))

    def cancel_when_entered() -> None:
        entered.wait(30)
        cancel.set()

    threading.Thread(target=cancel_when_entered).start()
    events = build(engine, graph, cancel=cancel, grace_s=0.2)
    assert said(events)[-2:] == ["failed p cancelled", "runfinished cancelled"]
    released.set()
    for thread in threading.enumerate():
        if thread.name == "sqlpipes":
            thread.join(30)
    assert rows(engine, "select * from p") == [("old",)]


def test_a_failing_slice_does_not_stop_its_siblings(engine: Engine) -> None:
    text = "select d, case when d = '2024-01-03' then error('boom') end as x from raw"
    run_sql(engine, "create table raw as select date '2024-01-01' + range::int as d from range(4)")
    graph = graph_of(model("a", text, partition=daily(batch=1)))
    events = build(engine, graph, "a", slices={"a": days(0, 4)})
    finished = [event.slices for event in events if isinstance(event, StepFinished)]
    assert finished == [days(0, 1), days(1, 2), days(3, 4)]
    failed = of(events, StepFailed)["a"]
    assert failed.slices == days(2, 3)
    assert "(slice 2024-01-03)" in failed.problems[0].message
    assert len(rows(engine, "select * from a")) == 3
    assert last(events).status is Status.ERROR


class SlowToCommit:
    """A real engine whose commits take their time; `began` says that one is under way."""

    def __init__(self, engine: Engine, began: threading.Event) -> None:
        self.engine = engine
        self.began = began

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def connect(self) -> Any:
        return SlowConnection(self.engine.connect(), self.began)


class SlowConnection:
    def __init__(self, real: Connection, began: threading.Event) -> None:
        self.real = real
        self.began = began

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.real.transaction():
            yield
            self.began.set()
            time.sleep(0.5)


def test_a_commit_under_way_is_waited_for_and_never_called_cancelled(engine: Engine) -> None:
    began, cancel = threading.Event(), threading.Event()
    slow: Any = SlowToCommit(engine, began)
    graph = graph_of(model("a", "select 1 as n"))
    threading.Thread(target=lambda: began.wait(30) and cancel.set()).start()
    events = list(events_of(plan_of(graph), graph, slow, cancel=cancel, grace_s=0.0))
    assert said(events)[-2:] == ["finished a success", "runfinished cancelled"]
    assert rows(engine, "select * from a") == [(1,)]


def test_checks_that_looked_at_no_rows_are_still_due(engine: Engine) -> None:
    graph = graph_of(
        model("e", "select 1 as x", "ephemeral"),
        model("t", "select x from e"),
        checks=[check("e", "row_count", min=5), check("t", "row_count", min=5)],
    )
    finished = of(build(engine, graph, empty=True), StepFinished)
    assert {name: event.checks_version for name, event in finished.items()} == {"e": "", "t": ""}


# ------------------------------------------------------------------------------------------ parts


def two_days_behind() -> Graph:
    """`b` reads the day of `a` and two before it."""
    from sqlpipes.core.reads import Mapped, Reads

    return graph_of(
        model("a", "select d, 1 as x from raw", partition=daily(batch=1)),
        model(
            "b",
            "select d, x from a",
            partition=daily(batch=1),
            mappings={"a": Reads(Mapped.SAME, back=2)},
        ),
    )


@notyet("sqlite", "one writer at a time: steps do not run side by side")
def test_parts_start_when_the_slices_that_they_read_are_written(engine: Engine) -> None:
    run_sql(engine, "create table raw as select date '2024-01-01' + range::int as d from range(8)")
    graph = two_days_behind()
    events = build(engine, graph, "a", "b", slices={"a": days(0, 8), "b": days(0, 8)}, threads=2)
    assert last(events).status is Status.SUCCESS
    places = {
        (type(event), event.asset, str(event.slices)): i
        for i, event in enumerate(events)
        if isinstance(event, (StepStarted, StepFinished))
    }
    for day in range(8):
        here = str(days(day, day + 1))
        for other in range(max(0, day - 2), day + 1):
            read = places[StepFinished, "a", str(days(other, other + 1))]
            assert read < places[StepStarted, "b", here]
    assert places[StepStarted, "b", "2024-01-01"] < places[StepFinished, "a", "2024-01-08"]


def test_slices_of_a_table_that_is_written_anew_are_waited_for_all_together(engine: Engine) -> None:
    run_sql(engine, "create table raw as select date '2024-01-01' + range::int as d from range(8)")
    graph = two_days_behind()
    build(engine, graph, "a", "b", slices={"a": days(0, 8), "b": days(0, 8)})
    plan = plan_of(graph, "a", "b", slices={"a": days(4, 8), "b": days(0, 8)})
    anew = Plan((replace(plan.steps[0], full=True), plan.steps[1]))
    lines = said(events_of(anew, graph, engine, threads=2))
    assert lines[1:4] == ["started a", "finished a success", "started b"]
    assert rows(engine, "select count(*), cast(min(d) as varchar) from b") == [(4, "2024-01-05")]


@unlike("plain", "it needs a transaction in which two meet")
@unlike("mariadb", "the text of a statement")
def test_a_conflict_that_lasts_fails_its_part_and_no_sibling(engine: Engine) -> None:
    run_sql(engine, "create table raw as select date '2024-01-01' + range::int as d from range(3)")
    graph = two_days_behind()

    class Contended(Faulty):
        def connect(self) -> Connection:
            return Contender(self.engine.connect(), self)

    class Contender(FaultyConnection):
        def count(self, sql: str) -> None:
            if sql.startswith("insert") and "2024-01-02" in sql.split("where")[-1][:40]:
                raise EngineError(Problem("ENG006", "somebody was faster"), statement=sql)

    events = build(Contended(engine, 0), graph, "a", slices={"a": days(0, 3)})
    failed = [str(event.slices) for event in events if isinstance(event, StepFailed)]
    assert failed == ["2024-01-02"]
    assert len(rows(engine, "select * from a")) == 2
