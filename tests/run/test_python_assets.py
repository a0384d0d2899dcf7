"""Python assets on a real DuckDB: inputs in every form, what comes back, files, errors, windows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa
import pytest
from notyet import notyet, only
from run.building import (
    build,
    daily,
    days,
    graph_of,
    model,
    python,
    rows,
    run_sql,
    said,
    step_of,
    tables,
    warehouse,
)

from sqlpipes.core.asset import Asset, Column
from sqlpipes.core.definitions import Execution, File
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import Problem
from sqlpipes.core.events import Event, StepFailed, StepFinished
from sqlpipes.core.status import Status
from sqlpipes.run.materialize import step_sql


@pytest.fixture
def engine(opened: Engine) -> Engine:
    run_sql(
        opened,
        "create table numbers as select cast(n as bigint) as n, date '2024-01-01' + n as d "
        "from (values (0), (1), (2), (3)) as t(n)",
    )
    return opened


NUMBERS = model("numbers", "select range as n, date '2024-01-01' + range::int as d from range(4)")


def run(engine: Engine, asset: Asset, **options: Any) -> list[Event]:
    return build(engine, graph_of(NUMBERS, asset), asset.name, **options)


def problem(events: list[Event]) -> Problem:
    return next(e for e in events if isinstance(e, StepFailed)).problems[0]


def native(numbers):  # type: ignore[no-untyped-def]
    return numbers.filter("n > 1")


def arrow(numbers: pa.Table) -> Any:
    assert isinstance(numbers, pa.Table)
    return numbers.slice(2)


def polars(numbers: pl.DataFrame) -> pl.DataFrame:
    return numbers.filter(pl.col("n") > 1)


def lazy(numbers: pl.LazyFrame) -> pl.LazyFrame:
    return numbers.filter(pl.col("n") > 1)


def pandas(numbers: pd.DataFrame) -> pd.DataFrame:
    return numbers[numbers["n"] > 1]


def listed(numbers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in numbers if row["n"] > 1]


def generated(numbers: list) -> Iterator[dict[str, Any]]:  # type: ignore[type-arg]
    yield from (row for row in numbers if row["n"] > 1)


@pytest.mark.parametrize(
    "function", [native, arrow, polars, lazy, pandas, listed, generated], ids=lambda f: f.__name__
)
def test_inputs_come_as_annotated_and_frames_land(engine: Engine, function: Any) -> None:
    events = run(engine, python("p", function, "numbers"))
    assert said(events)[-1] == "runfinished success", problem(events)
    assert rows(engine, "select n from p order by n") == [(2,), (3,)]
    finished = next(event for event in events if isinstance(event, StepFinished))
    assert finished.rows == 2


def test_the_context_says_where_it_runs_and_runs_sql(engine: Engine, tmp_path: Path) -> None:
    seen: list[Execution] = []

    def ask(context: Execution) -> Any:
        seen.append(context)
        context.log_metadata(rows=2)
        return context.sql("select n, one.x from numbers, one where n < 2 -- few")

    graph = graph_of(
        NUMBERS,
        model("one", "select 7 as x", schema="elsewhere", alias="uno"),
        python("p", ask, context=True),
    )
    build(engine, graph, "one")
    events = build(engine, graph, "p", root=str(tmp_path), vars={"size": 3})
    assert rows(engine, "select * from p order by n") == [(0, 7), (1, 7)]
    finished = next(event for event in events if isinstance(event, StepFinished))
    assert finished.metadata == {"rows": 2}
    assert (seen[0].target, seen[0].root, seen[0].vars) == ("dev", str(tmp_path), {"size": 3})
    assert seen[0].partition is None


def test_an_ephemeral_input_is_its_query(engine: Engine) -> None:
    graph = graph_of(
        NUMBERS,
        model("few", "select n from numbers where n < 2 -- few", "ephemeral"),
        python("p", lambda few: few, "few"),
    )
    build(engine, graph, "p")
    assert len(rows(engine, "select * from p")) == 2


def windowed(context: Execution) -> list[dict[str, Any]]:
    assert context.partition is not None
    start, key = date.fromisoformat(context.partition.start), context.partition.key
    return [{"d": start, "key": key or "many"}]


@notyet("sqlite", "a day is a text, also in messages")
def test_slices_are_asked_for_stretch_by_stretch(engine: Engine) -> None:
    asset = python("p", windowed, context=True, partition=daily())
    run(engine, asset, slices={"p": days(0, 3) | days(5, 6)})
    assert rows(engine, "select d, key from p order by d") == [
        (date(2024, 1, 1), "many"),
        (date(2024, 1, 6), "2024-01-06"),
    ]
    run(engine, asset, slices={"p": days(0, 1)})
    assert rows(engine, "select d, key from p order by d")[0] == (
        date(2024, 1, 1),
        "2024-01-01",
    )


def test_rows_outside_of_the_window_are_an_error(engine: Engine) -> None:
    asset = python("p", lambda: [{"d": date(2024, 1, 9)}], partition=daily())
    found = problem(run(engine, asset, slices={"p": days(0, 2)}))
    assert found.code == "BLD002"
    assert "context.partition.start and context.partition.end (exclusive)" in (found.hint or "")
    assert tables(engine) == {"numbers"}


def test_a_row_without_a_value_in_the_partition_column(engine: Engine) -> None:
    day = date(2024, 1, 1)
    for given in ([{"d": None, "n": 1}], [{"d": day, "n": 1}, {"d": None, "n": 2}]):
        asset = python("p", lambda given=given: given, partition=daily())
        found = problem(run(engine, asset, slices={"p": days(0, 1)}))
        assert found.code == "BLD001"
        assert found.message.startswith("rows of 'p' have no value in the partition column 'd'")
        assert (found.hint or "").endswith("() must leave it out, or give it a date")


def test_a_day_with_a_row_without_a_value_fails_alone(engine: Engine) -> None:
    def p(context: Execution) -> list[dict[str, Any]]:
        assert context.partition is not None
        day = date.fromisoformat(context.partition.start)
        return [{"d": day, "n": 1}, {"d": None if day.day == 2 else day, "n": 2}]

    asset = python("p", p, context=True, partition=daily(batch=1))
    events = run(engine, asset, slices={"p": days(0, 3)})
    assert [str(e.slices) for e in events if isinstance(e, StepFailed)] == ["2024-01-02"]
    assert rows(engine, "select count(*) from p") == [(4,)]


def test_a_partition_column_that_is_not_there(engine: Engine) -> None:
    calls: list[int] = []

    def p() -> list[dict[str, Any]]:
        calls.append(1)
        return [{"dya": date(2024, 1, 1), "n": 1}]

    asset = python("p", p, partition=daily("day", batch=1))
    found = problem(run(engine, asset, slices={"p": days(0, 3)}))
    assert (found.code, found.message, found.hint) == (
        "BLD018",
        "p() returns no column 'day', which 'p' is partitioned by",
        "did you mean 'dya'?",
    )
    assert len(calls) == 1  # every slice would lack it


@notyet("sqlite", "its columns have no fixed types: a value of another kind is taken")
@notyet("mariadb", "a text that is a date compares with one, and is taken")
def test_a_partition_column_that_is_no_date_says_so(engine: Engine) -> None:
    asset = python("p", lambda: [{"d": "2024-01-01"}], partition=daily())
    found = problem(run(engine, asset, slices={"p": days(0, 2)}))
    assert found.hint == "return values of the partition's own kind in 'd': a date and not its text"


def test_a_slice_without_rows(engine: Engine) -> None:
    answers: list[list[dict[str, Any]]] = [[{"d": date(2024, 1, 1), "n": 1}], []]
    asset = python("p", lambda: answers.pop(0), partition=daily())
    run(engine, asset, slices={"p": days(0, 1)})
    run(engine, asset, slices={"p": days(0, 1)})
    assert rows(engine, "select * from p") == []
    assert problem(run(engine, python("q", list))).code == "ENG010"
    run(engine, python("q", list, columns=(Column("n", "INTEGER"),)))
    assert rows(engine, "select * from q") == []


def by_day(rows_of: dict[int, int], calls: list[str]) -> Asset:
    """A call a day; of a day that is not named there are no rows."""

    def p(context: Execution) -> list[dict[str, Any]]:
        assert context.partition is not None
        calls.append(context.partition.start[-2:])
        day = date.fromisoformat(context.partition.start)
        return [{"d": day, "n": i} for i in range(rows_of.get(day.day, 0))]

    return python("p", p, context=True, partition=daily(batch=1))


def test_a_first_slice_without_rows_waits_until_another_one_has_made_the_table(
    engine: Engine,
) -> None:
    calls: list[str] = []
    events = run(engine, by_day({3: 2, 4: 1}, calls), slices={"p": days(0, 5)})
    assert said(events)[-1] == "runfinished success"
    assert rows(
        engine, "select cast(extract(day from d) as integer), count(*) from p group by 1 order by 1"
    ) == [
        (3, 2),
        (4, 1),
    ]
    assert sorted(calls) == ["01", "01", "02", "02", "03", "04", "05"]
    finished = [e for e in events if isinstance(e, StepFinished)]
    assert sorted((str(e.slices), e.rows) for e in finished)[:3] == [
        ("2024-01-01", 0),
        ("2024-01-02", 0),
        ("2024-01-03", 2),
    ]


def test_slices_of_which_none_has_rows_fail_together_and_others_go_on(engine: Engine) -> None:
    graph = graph_of(
        NUMBERS,
        by_day({}, []),
        model("after", "select d, n from p", partition=daily()),
        model("apart", "select 1 as n"),
    )
    cut = {"p": days(0, 3), "after": days(0, 3)}
    events = build(engine, graph, "p", "after", "apart", slices=cut, threads=1)
    failed = [e for e in events if isinstance(e, StepFailed) and e.status is Status.ERROR]
    assert [(str(e.slices), e.problems[0].code) for e in failed] == [
        ("2024-01-01..2024-01-04", "ENG010")
    ]
    assert "skipped after p" in said(events)
    assert "finished apart success" in said(events)
    assert said(events)[-1] == "runfinished error"


def test_a_slice_without_rows_fails_with_the_only_one_that_could_have_made_the_table(
    engine: Engine,
) -> None:
    def p(context: Execution) -> list[dict[str, Any]]:
        assert context.partition is not None
        if context.partition.start == "2024-01-02":
            raise ValueError("no such day")
        return []

    asset = python("p", p, context=True, partition=daily(batch=1))
    events = run(engine, asset, slices={"p": days(0, 2)})
    failed = [e for e in events if isinstance(e, StepFailed) and e.status is Status.ERROR]
    assert sorted((str(e.slices), e.problems[0].code) for e in failed) == [
        ("2024-01-01", "ENG010"),
        ("2024-01-02", "BLD005"),
    ]


def test_a_table_that_returns_nothing_or_no_table(engine: Engine) -> None:
    run_sql(engine, "create table p as select 'old' as n")
    found = problem(run(engine, python("p", lambda: None)))
    assert (found.code, str(found.at)) == ("BLD006", "models/assets.py:3:1")
    assert problem(run(engine, python("p", lambda: 3))).code == "ENG008"
    assert rows(engine, "select * from p") == [("old",)]


def test_an_exception_is_placed_in_the_user_s_own_file(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "assets.py").write_text(
        "import json\n\ndef helper():\n    json.loads('{')\n\ndef p():\n    return helper()\n"
    )
    space: dict[str, Any] = {}
    path = str(tmp_path / "assets.py")
    exec(compile(Path(path).read_text(), path, "exec"), space)
    found = problem(run(engine, python("p", space["p"]), root=str(tmp_path)))
    assert (found.code, str(found.at)) == ("BLD005", "assets.py:4:5")
    assert "p() raised JSONDecodeError: Expecting property name" in found.message


def test_a_generator_that_breaks_is_the_user_s_error(engine: Engine) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield {"n": 1}
        raise ValueError("half way")

    found = problem(run(engine, python("p", broken)))
    assert found.code == "BLD005"
    assert "ValueError: half way" in found.message


def test_a_file_is_recorded_by_its_content(engine: Engine, tmp_path: Path) -> None:
    def report(context: Execution) -> File:
        Path(context.path("report.txt")).write_text("hello")
        return File("report.txt", {"lines": 1})

    asset = python("report", report, context=True, materialized="file")
    events = run(engine, asset, root=str(tmp_path))
    metadata = next(event for event in events if isinstance(event, StepFinished)).metadata
    assert {"path": "report.txt", "bytes": 5, "lines": 1}.items() <= metadata.items()
    assert len(metadata["digest"]) == 32


@pytest.mark.parametrize(
    ("answer", "message"),
    [("text", "returned str instead of File"), (File("gone.txt"), "does not exist")],
)
def test_a_file_that_is_none(engine: Engine, tmp_path: Path, answer: Any, message: str) -> None:
    asset = python("report", lambda: answer, materialized="file")
    found = problem(run(engine, asset, root=str(tmp_path)))
    assert found.code == "BLD006"
    assert message in found.message


def test_an_asset_that_is_nothing_just_runs(engine: Engine) -> None:
    calls: list[int] = []
    run(engine, python("ping", lambda: calls.append(1), materialized="none"))
    assert calls == [1]


@only("duckdb", "the text of a statement")
def test_the_statements_of_a_python_asset_are_known_before_it_runs(engine: Engine) -> None:
    graph = graph_of(python("p", list, partition=daily()))
    (part,) = step_sql(step_of(graph, "p", days(0, 1)), graph, warehouse(engine))
    (call,) = part.calls
    assert [s.sql.split("\n")[0][:35] for s in (*call.then, *part.statements)] == [
        'select * from "temp"."main"."sqlpip',
        'select * from "temp"."main"."sqlpip',
        'create or replace table "main"."p" ',
        'drop table "temp"."main"."sqlpipes_',
    ]


def test_a_file_that_was_not_finished_is_in_doubt(engine: Engine, tmp_path: Path) -> None:
    def half() -> File:
        (tmp_path / "f.txt").write_text("half")
        raise ValueError("boom")

    events = run(engine, python("f", half, materialized="file"), root=str(tmp_path))
    assert next(e for e in events if isinstance(e, StepFailed)).in_doubt


def test_a_function_that_ends_the_interpreter_leaves_its_file_in_doubt(engine: Engine) -> None:
    def leave() -> File:
        raise SystemExit(3)

    events = run(engine, python("f", leave, materialized="file"))
    failed = next(e for e in events if isinstance(e, StepFailed))
    assert (failed.in_doubt, failed.problems[0].code) == (True, "BLD005")


def test_a_table_that_fails_is_not_in_doubt(engine: Engine) -> None:
    def broken() -> list[dict[str, int]]:
        raise ValueError("boom")

    assert not next(
        e for e in run(engine, python("t", broken)) if isinstance(e, StepFailed)
    ).in_doubt


@pytest.mark.long
@pytest.mark.parametrize("form", ["generator", "reader"])
def test_rows_that_are_read_from_an_input_while_they_land_all_arrive(
    engine: Engine, form: str
) -> None:
    run_sql(engine, "create table many as select range as x from range(200000)")

    def lazy(context: Execution) -> Any:
        relation = context.sql("select x from many")
        reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch
        if form == "reader":
            return reader(1000)
        return (row for batch in reader(1000) for row in batch.to_pylist())

    run(engine, python("p", lazy, context=True))
    assert rows(engine, "select count(*), count(distinct x) from p") == [(200000, 200000)]


def test_slices_written_anew_by_several_calls_are_published_together(engine: Engine) -> None:
    calls: list[str] = []
    broken_at = [9]

    def daily_rows(context: Execution) -> Iterator[dict[str, Any]]:
        assert context.partition is not None
        calls.append(context.partition.start)
        if len(calls) == broken_at[0]:
            raise ValueError("boom")
        yield {"d": date.fromisoformat(context.partition.start), "call": len(calls)}

    asset = python("p", daily_rows, context=True, partition=daily(batch=1))
    build(engine, graph_of(asset), slices={"p": days(0, 3)})
    assert rows(engine, "select call from p order by d") == [(1,), (2,), (3,)]
    broken_at[0] = 5
    events = build(engine, graph_of(asset), slices={"p": days(0, 3)}, full=True)
    assert said(events)[-1] == "runfinished error"
    assert rows(engine, "select call from p order by d") == [(1,), (2,), (3,)]
    events = build(engine, graph_of(asset), slices={"p": days(0, 3)}, full=True)
    finished = [event for event in events if isinstance(event, StepFinished)]
    assert [(event.slices, event.rows, event.full) for event in finished] == [(days(0, 3), 3, True)]
    assert rows(engine, "select call from p order by d") == [(6,), (7,), (8,)]
    assert tables(engine) == {"numbers", "p"}


def test_a_call_that_yields_rows_of_another_s_window_is_a_fault(engine: Engine) -> None:
    def both() -> list[dict[str, Any]]:
        return [{"d": date(2024, 1, 1)}, {"d": date(2024, 1, 2)}]

    run_sql(engine, "create table p as select date '2024-01-01' as d")
    asset = python("p", both, partition=daily(batch=1))
    events = build(engine, graph_of(asset), slices={"p": days(0, 2)}, full=True)
    assert problem(events).code == "BLD002"
    assert len(rows(engine, "select * from p")) == 1


def test_a_partitioned_file_is_written_stretch_by_stretch(engine: Engine, tmp_path: Path) -> None:
    seen: list[str] = []

    def write(context: Execution) -> File:
        assert context.partition is not None
        seen.append(f"{context.partition.start}..{context.partition.end}")
        (tmp_path / "f.txt").write_text("x")
        return File("f.txt")

    asset = python("f", write, context=True, materialized="file", partition=daily(batch=2))
    slices = {"f": days(0, 3) | days(5, 6)}
    events = build(engine, graph_of(asset), slices=slices, root=str(tmp_path))
    assert said(events)[-1] == "runfinished success"
    assert seen == [
        "2024-01-01..2024-01-03",
        "2024-01-03..2024-01-04",
        "2024-01-06..2024-01-07",
    ]
