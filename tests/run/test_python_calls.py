"""Retries, time limits, ops, what is captured, and faults of functions: nothing half published."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from notyet import notyet, unlike
from run.building import build, check, daily, days, graph_of, model, python, rows, run_sql, tables

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.definitions import CheckResult, Execution, File, Retry, op
from sqlpipes.core.engine import Engine
from sqlpipes.core.events import CheckFinished, Event, StepFailed, StepFinished
from sqlpipes.core.reads import Mapped, Reads
from sqlpipes.core.status import Status

QUICK = Retry(2, pause_s=0.0)


@pytest.fixture
def engine(opened: Engine) -> Engine:
    return opened


def told(asset: Asset, **body: Any) -> Asset:
    return replace(asset, body=replace(asset.body, **body))  # type: ignore[arg-type]


def finished(events: list[Event]) -> StepFinished:
    return next(event for event in events if isinstance(event, StepFinished))


def failed(events: list[Event]) -> StepFailed:
    return next(event for event in events if isinstance(event, StepFailed))


def test_a_function_that_fails_is_called_again(engine: Engine) -> None:
    calls: list[int] = []

    def flaky(context: Execution) -> list[dict[str, int]]:
        calls.append(1)
        context.log_metadata(call=len(calls))
        if len(calls) < 3:
            raise ConnectionError("no route")
        return [{"n": len(calls)}]

    event = finished(build(engine, graph_of(told(python("p", flaky, context=True), retry=QUICK))))
    assert rows(engine, "select * from p") == [(3,)]
    assert event.metadata == {"call": 3}
    assert [line.split(":")[0] for line in event.log.splitlines()] == [
        "attempt 1 of 3 failed",
        "attempt 2 of 3 failed",
    ]


def test_the_last_attempt_s_fault_is_told_and_counted(engine: Engine) -> None:
    calls: list[int] = []

    def broken() -> Iterator[dict[str, int]]:
        calls.append(1)
        yield {"n": 1}
        raise ValueError(f"call {len(calls)}")

    run_sql(engine, "create table p as select 7 as n")
    problem = failed(build(engine, graph_of(told(python("p", broken), retry=QUICK)))).problems[0]
    assert problem.message == "broken() of 'p' raised ValueError: call 3 (attempt 3 of 3)"
    assert rows(engine, "select * from p") == [(7,)]


def test_what_is_no_fault_of_the_function_is_not_tried_again(engine: Engine) -> None:
    calls: list[int] = []
    asset = told(python("p", lambda: calls.append(1)), retry=QUICK)
    assert failed(build(engine, graph_of(asset))).problems[0].code == "BLD006"
    assert calls == [1]


@pytest.mark.long
@unlike("ducklake", "its connection takes longer to open than the function is waited for")
def test_a_function_that_does_not_listen_is_left_alone_and_cannot_publish(engine: Engine) -> None:
    go_on, ended = threading.Event(), threading.Event()

    def deaf(seed: Any, context: Execution) -> list[dict[str, int]]:
        go_on.wait(20)
        try:
            return [{"n": len(context.sql("select * from seed").fetchall())}]
        finally:
            ended.set()

    graph = graph_of(
        model("seed", "select 1 as n"),
        told(python("p", deaf, "seed", context=True), timeout_s=0.1),
        model("other", "select count(*) as n from seed, range(3)"),
    )
    events = build(engine, graph, threads=1)
    problem = failed(events).problems[0]
    assert problem.code == "BLD017"
    assert "was left alone" in problem.message
    assert rows(engine, "select * from other") == [
        (3,)
    ]  # the same thread went on with another connection
    go_on.set()
    assert ended.wait(10)
    time.sleep(0.2)
    assert "p" not in tables(engine)


def test_a_query_that_takes_too_long_is_interrupted_and_tried_again(engine: Engine) -> None:
    calls: list[int] = []

    def slow(context: Execution) -> Any:
        calls.append(1)
        size = 10 if len(calls) == 2 else 100_000_000
        return context.sql(f"select count(*) as n from range({size}) a, range({size}) b")

    asset = told(python("p", slow, context=True), timeout_s=0.5, retry=QUICK)
    finished(build(engine, graph_of(asset)))
    assert rows(engine, "select * from p") == [(100,)]


def test_an_endless_generator_ends_in_time(engine: Engine) -> None:
    stop = threading.Event()

    def endless() -> Iterator[dict[str, int]]:
        while not stop.is_set():
            time.sleep(0.01)
            yield {"n": 1}

    try:
        event = failed(build(engine, graph_of(told(python("p", endless), timeout_s=0.2))))
    finally:
        stop.set()
    assert event.problems[0].code == "BLD017"


def test_ops_are_written_down_with_their_attempts_and_logs(engine: Engine) -> None:
    calls: list[int] = []

    @op(retries=QUICK)
    def fetch(day: int) -> int:
        print("day", day)
        calls.append(day)
        if len(calls) == 1:
            raise ConnectionError("no route")
        return day

    @op
    def both() -> list[int]:
        return [fetch(1), fetch(2)]

    @op
    def bad() -> None:
        raise KeyError("x")

    def asset() -> list[dict[str, int]]:
        with pytest.raises(KeyError):
            bad()
        return [{"n": n} for n in both()]

    event = finished(build(engine, graph_of(python("p", asset))))
    assert [(o.name, o.status, o.attempts, o.depth, o.message) for o in event.ops] == [
        ("bad", Status.ERROR, 1, 0, "KeyError: 'x'"),
        ("fetch", Status.SUCCESS, 2, 1, ""),
        ("fetch", Status.SUCCESS, 1, 1, ""),
        ("both", Status.SUCCESS, 1, 0, ""),
    ]
    assert event.ops[2].log == "day 2\n"
    assert event.ops[3].log == event.log
    assert event.log.startswith("day 1\nattempt 1 of 3 of op fetch failed: ConnectionError")


def test_outside_of_a_build_an_op_is_a_plain_function() -> None:
    calls: list[int] = []

    @op(retries=5, timeout_s=1)
    def broken() -> None:
        calls.append(1)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        broken()
    assert calls == [1]


def test_an_op_has_a_time_limit_of_its_own(engine: Engine) -> None:
    done = threading.Event()

    @op(timeout_s=0.1)
    def deaf() -> None:
        done.wait(20)

    def asset() -> list[dict[str, int]]:
        deaf()
        return [{"n": 1}]

    event = failed(build(engine, graph_of(python("p", asset))))
    done.set()
    assert "TimeoutError: op deaf did not return within 0.1s" in event.problems[0].message
    assert event.ops[0].status is Status.ERROR


def test_of_many_calls_the_first_and_the_last_are_kept(engine: Engine) -> None:
    @op
    def count(n: int) -> int:
        print(n)
        return n

    def asset() -> list[dict[str, int]]:
        return [{"n": count(n)} for n in range(1000)]

    event = finished(build(engine, graph_of(python("p", asset))))
    assert [o.log.strip() for o in event.ops] == [str(n) for n in (*range(100), *range(900, 1000))]


@notyet("sqlite", "one writer at a time: steps do not run side by side", run=False)
def test_each_step_has_what_its_own_functions_said(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(3, timeout=20)

    def named(name: str) -> Any:
        @op
        def part(number: int) -> int:
            print(name, "part", number)
            return number

        def function() -> list[dict[str, str]]:
            together.wait()
            logging.getLogger("shop").info("I am %s", name)
            thread = threading.Thread(target=print, args=(name, "in a thread"))
            thread.start()
            thread.join()
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(part, range(2)))
            print(name, "to stderr", file=sys.stderr)
            return [{"name": name}]

        return python(name, function)

    events = build(engine, graph_of(*map(named, "abc")), threads=3)
    for event in events:
        if isinstance(event, StepFinished):
            assert sorted(event.log.splitlines()) == [
                f"INFO shop: I am {event.asset}",
                f"{event.asset} in a thread",
                f"{event.asset} part 0",
                f"{event.asset} part 1",
                f"{event.asset} to stderr",
            ]
            assert [call.name for call in event.ops] == ["part", "part"]
    assert capsys.readouterr() == ("", "")


def test_nothing_of_the_process_stays_changed(engine: Engine) -> None:
    before = sys.stdout, sys.stderr, threading.Thread.start, logging.getLogger().handlers[:]
    level = logging.getLogger().level
    build(engine, graph_of(python("p", lambda: [{"n": 1}])))
    assert before == (sys.stdout, sys.stderr, threading.Thread.start, logging.getLogger().handlers)
    assert logging.getLogger().level == level


def test_others_who_listen_hear_no_more_than_before(engine: Engine) -> None:
    heard: list[str] = []

    class Listens(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    def talks() -> list[dict[str, int]]:
        logging.getLogger("quiet").info("for information")
        logging.getLogger("quiet").warning("a warning")
        own = logging.getLogger("loud")
        own.setLevel(logging.DEBUG)
        own.debug("in detail")
        return [{"n": 1}]

    handler, root = Listens(), logging.getLogger()
    root.addHandler(handler)
    try:
        event = finished(build(engine, graph_of(python("p", talks))))
    finally:
        root.removeHandler(handler)
        logging.getLogger("loud").setLevel(logging.NOTSET)
    assert heard == ["a warning", "in detail"]
    assert [line.split()[0] for line in event.log.splitlines()] == ["INFO", "WARNING", "DEBUG"]
    assert handler.filters == []


def test_what_is_said_is_bounded(engine: Engine) -> None:
    def loud() -> list[dict[str, int]]:
        for n in range(100_000):
            print(n)
        return [{"n": 1}]

    log = finished(build(engine, graph_of(python("p", loud)))).log
    assert len(log) < 65_000
    assert (log[:4], log[-7:]) == ("0\n1\n", "\n99999\n")
    assert "characters are left out" in log


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
@pytest.mark.parametrize("lazily", [False, True])
def test_a_function_that_wants_to_end_the_process_fails_alone(
    engine: Engine, error: BaseException, lazily: bool
) -> None:
    def at_once() -> list[dict[str, int]]:
        raise error

    def later() -> Iterator[dict[str, int]]:
        yield {"n": 1}
        raise error

    graph = graph_of(
        python("p", later if lazily else at_once), model("other", "select 1 as n"), checks=()
    )
    events = build(engine, graph)
    assert failed(events).problems[0].code == "BLD005"
    assert type(error).__name__ in failed(events).problems[0].message
    assert rows(engine, "select * from other") == [(1,)]
    assert "p" not in tables(engine)


def test_the_user_s_lines_are_told_and_ours_are_not(engine: Engine) -> None:
    inner, outer = Path(__file__), "inner"

    def deeper() -> None:
        try:
            int("x")
        except ValueError as error:
            raise LookupError(outer) from error

    def asset() -> list[dict[str, int]]:
        deeper()
        return []

    event = failed(build(engine, graph_of(python("p", asset)), root=str(inner.parent)))
    problem = event.problems[0]
    assert problem.at is not None
    lines = inner.read_text().splitlines()
    assert lines[problem.at.line - 1].strip() == "raise LookupError(outer) from error"
    assert problem.at.file == inner.name
    assert [lines[other.line - 1].strip() for other in problem.others] == ["deeper()"]
    assert problem.hint is not None
    assert problem.hint.startswith("because of ValueError: invalid literal")


def test_a_reader_whose_batches_die_midway_names_the_user_s_line(engine: Engine) -> None:
    def asset() -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            yield pa.record_batch({"n": [1]})
            raise ValueError("mid reader")

        return pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), batches())

    run_sql(engine, "create table p as select 7 as n")
    home = Path(__file__)
    event = failed(build(engine, graph_of(python("p", asset)), root=str(home.parent)))
    (problem,) = event.problems
    assert (problem.code, problem.message) == ("BLD005", "asset() raised ValueError: mid reader")
    assert problem.at is not None
    assert 'raise ValueError("mid reader")' in home.read_text().splitlines()[problem.at.line - 1]
    assert rows(engine, "select * from p") == [(7,)]


def test_the_slice_that_failed_is_told(engine: Engine) -> None:
    def asset(context: Execution) -> list[dict[str, int]]:
        raise ValueError("boom")

    cut = python("p", asset, context=True, partition=daily(batch=1))
    events = build(engine, graph_of(cut), slices={"p": days(1, 2)})
    message = failed(events).problems[0].message
    assert message == "asset() of 'p' raised ValueError: boom (slice 2024-01-02)"


def test_an_error_of_the_warehouse_is_placed_at_the_user_s_line(engine: Engine) -> None:
    def asset(context: Execution) -> Any:
        return context.sql("select nothing from nowhere")

    home = Path(__file__)
    event = failed(build(engine, graph_of(python("p", asset, context=True)), root=str(home.parent)))
    at = event.problems[0].at
    assert at is not None
    assert "select nothing" in home.read_text().splitlines()[at.line - 1]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (5, "ENG008"),
        ("text", "ENG008"),
        ([1, 2], "ENG008"),
        ({"a": [1], "b": [1, 2]}, "ENG008"),
        ([{"a": 1, "A": 2}], "ENG008"),
        (lambda: iter([{"a": 1}, 7]), "ENG008"),
        (threading.Lock(), "ENG008"),
        (None, "BLD006"),
    ],
)
def test_what_is_no_table(engine: Engine, answer: Any, code: str) -> None:
    run_sql(engine, "create table p as select 7 as n")

    def gives() -> Any:
        return answer() if callable(answer) else answer

    event = failed(build(engine, graph_of(python("p", gives))))
    assert [p.code for p in event.problems] == [code]
    assert rows(engine, "select * from p") == [(7,)]


@notyet("sqlite", "lists are JSON there")
@notyet("mariadb", "lists are JSON there")
def test_an_input_that_is_read_same_comes_narrowed_to_the_slices(engine: Engine) -> None:
    sql = "select date '2024-01-01' + n::int as d, n from range(5) t(n)"

    def units(a: pa.RecordBatchReader, context: Execution) -> list[dict[str, Any]]:
        assert context.partition is not None
        seen = [row["n"] for batch in a for row in batch.to_pylist()]
        return [
            {"d": __import__("datetime").date.fromisoformat(context.partition.start), "s": seen}
        ]

    reads = {"a": Reads(Mapped.SAME, back=1, declared=True)}
    asset = python("p", units, "a", context=True, partition=daily(batch=1), mappings=reads)
    graph = graph_of(model("a", sql, partition=daily()), asset)
    build(engine, graph, slices={"a": days(0, 5), "p": days(1, 3)})
    assert rows(engine, "select s from p order by d") == [([0, 1],), ([1, 2],)]


@pytest.mark.long
def test_several_readers_are_read_in_turn_while_rows_go_out(engine: Engine) -> None:
    def zipped(a: pa.RecordBatchReader, b: pa.RecordBatchReader) -> Iterator[Any]:
        for left, right in zip(a, b, strict=True):
            yield pa.record_batch({"n": left["n"], "m": right["n"]})
            yield [{"n": -1}, {"n": -2, "extra": "x"}]

    graph = graph_of(
        model("a", "select range as n from range(120000)"),
        model("b", "select range * 2 as n from range(120000)"),
        python("p", zipped, "a", "b"),
    )
    finished(build(engine, graph))
    assert rows(
        engine, "select count(*), sum(m - 2 * n), count(distinct n), count(extra) from p"
    ) == [(120006, 0, 120002, 3)]


def test_a_file_takes_its_place_when_its_checks_have_passed(engine: Engine, tmp_path: Path) -> None:
    target = tmp_path / "out" / "report.txt"
    text = ["first"]

    def report(context: Execution) -> File:
        file = context.file("out/report.txt", lines=1)
        Path(file).write_text(text[0])
        assert not target.exists() or target.read_text() != text[0]
        return file

    def long_enough(context: Execution) -> CheckResult:
        found = Path(context.path("out/report.txt")).read_text()
        return CheckResult(passed=len(found) > 3, message=f"too short: {found}")

    asset = python("report", report, context=True, materialized="file")
    body = PythonBody("long_enough", (), True, lambda: long_enough)
    graph = graph_of(asset, checks=[check("report", "python", function=body)])
    event = finished(build(engine, graph, root=str(tmp_path)))
    assert (target.read_text(), event.metadata["bytes"], event.metadata["lines"]) == ("first", 5, 1)
    text[0] = "no"
    bad = failed(build(engine, graph, root=str(tmp_path)))
    assert (bad.status, bad.in_doubt) == (Status.FAIL, False)
    assert bad.problems[0].message == "check 'report.python': too short: no"
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["report.txt"]


def test_a_file_that_is_half_written_is_dropped(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("old")

    def half(context: Execution) -> File:
        Path(context.file("f.txt")).write_text("half")
        raise ValueError("boom")

    event = failed(
        build(
            engine,
            graph_of(python("f", half, context=True, materialized="file")),
            root=str(tmp_path),
            outputs={"f": "f.txt"},
        )
    )
    assert not event.in_doubt
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("f.txt", "old")]


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (CheckResult(passed=True), Status.SUCCESS, ""),
        (CheckResult(passed=False, message="late"), Status.FAIL, "late"),
        (CheckResult(passed=False, severity="warn", metadata={"n": 3}), Status.WARN, "n=3"),
        (CheckResult(failures=2, message="m", metadata={"n": 3}), Status.FAIL, "m (n=3)"),
        (CheckResult(failures=[]), Status.SUCCESS, ""),
        (CheckResult(failures=[{"id": 4}]), Status.FAIL, "1 bad row"),
    ],
)
def test_a_check_may_say_more(
    engine: Engine, answer: CheckResult, status: Status, message: str
) -> None:
    body = PythonBody("c", (), False, lambda: lambda: answer)
    graph = graph_of(model("a", "select 1 as n"), checks=[check("a", "python", function=body)])
    found = next(e for e in build(engine, graph) if isinstance(e, CheckFinished))
    assert (found.status, found.message) == (status, message)


def test_a_check_is_given_the_slices_just_written(engine: Engine) -> None:
    seen: list[list[int]] = []

    def looks(a: list[dict[str, Any]]) -> bool:
        seen.append(sorted(row["n"] for row in a))
        return True

    sql = "select date '2024-01-01' + n::int as d, n from range(5) t(n)"
    body = PythonBody("looks", ("a",), False, lambda: looks)
    checks = [
        check("a", "python", name="a.slices", function=body),
        check("a", "python", name="a.table", function=body, whole_table=True),
    ]
    graph = graph_of(model("a", sql, partition=daily()), checks=checks)
    build(engine, graph, slices={"a": days(0, 3)})
    build(engine, graph, slices={"a": days(3, 4)})
    assert seen == [[0, 1, 2], [0, 1, 2], [3], [0, 1, 2, 3]]


def test_a_check_that_raises_is_an_error_at_the_user_s_line(engine: Engine) -> None:
    def broken() -> bool:
        raise ZeroDivisionError("oh")

    body = PythonBody("broken", (), False, lambda: broken)
    graph = graph_of(model("a", "select 1 as n"), checks=[check("a", "python", function=body)])
    home = Path(__file__)
    event = failed(build(engine, graph, root=str(home.parent)))
    (problem,) = event.problems
    assert (event.status, problem.code) == (Status.ERROR, "BLD005")
    assert problem.at is not None
    assert 'raise ZeroDivisionError("oh")' in home.read_text().splitlines()[problem.at.line - 1]
