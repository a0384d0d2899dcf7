"""The functions behind the commands: values in, values out, nothing printed, nothing kept."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from cli.projects import SLOW, write

import sqlpipes
from sqlpipes.api import (
    Ask,
    compiled,
    debug,
    lint,
    plan_statements,
    rows,
    run_details,
    runs,
    select,
    status,
    unfinished,
)
from sqlpipes.core.asset import Kind
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.events import StepFinished
from sqlpipes.core.plan import Action
from sqlpipes.core.status import Status


@pytest.fixture
def shop(tmp_path):
    return write(tmp_path / "shop")


def load(root: Path) -> sqlpipes.Project:
    return sqlpipes.load(str(root), environ={})


def build(root: Path, *names: str, **options) -> sqlpipes.Report:
    return sqlpipes.build(load(root), Ask(select=names), **options)


def table(root: Path, name: str) -> list[tuple]:
    with duckdb.connect(str(root / "shop.duckdb"), read_only=True) as db:
        return sorted(db.execute(f"from {name}").fetchall())


# ------------------------------------------------------------------------------- plan and build agree


@pytest.mark.parametrize(
    "ask",
    [
        Ask(),
        Ask(force=True),
        Ask(full_refresh=True),
        Ask(empty=True),
        Ask(select=("+daily",), partitions="2024-01-02"),
        Ask(kinds=frozenset({Kind.SEED})),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_build_runs_exactly_the_plan(shop, ask, first):
    if first:
        build(shop)
        (shop / "models" / "total.sql").write_text("select count(*) as revenue from daily")
    planned = sqlpipes.plan(load(shop), ask)
    seen = []
    report = sqlpipes.build(load(shop), ask, on_plan=seen.append)
    assert report.ok
    assert seen == [planned]
    assert report.plan == planned
    assert [(e.asset, e.slices) for e in report.finished] == [
        (s.asset, s.slices)
        for s in sorted(
            planned.steps, key=lambda s: [e.asset for e in report.finished].index(s.asset)
        )
    ]
    if not ask.empty and not ask.partitions and not ask.kinds:
        assert sqlpipes.plan(load(shop)).steps == ()


def test_the_plan_takes_the_clock_that_it_is_given(shop):
    path = shop / "models" / "daily.sql"
    path.write_text(path.read_text().replace(", end: 2024-01-04", ""))
    build(shop, clock=lambda: datetime(2024, 1, 3, 5, tzinfo=UTC))
    found = sqlpipes.plan(load(shop), now=datetime(2024, 1, 5, 23, tzinfo=UTC))
    daily = next(step for step in found.steps if step.asset == "daily")
    assert str(daily.slices) == "2024-01-03..2024-01-05"


def test_every_event_is_on_record_before_it_is_told(shop):
    def on_event(event):
        if isinstance(event, StepFinished):
            recorded = {step.asset: step.status for step in run_details(project).steps}
            assert recorded[event.asset] is Status.SUCCESS

    project = load(shop)
    assert sqlpipes.build(project, on_event=on_event).ok


def test_a_failing_reporter_leaves_a_run_that_the_next_one_takes_up(shop):
    def on_event(event):
        if isinstance(event, StepFinished) and event.asset == "stg_orders":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as held:  # and what failed is still at hand
        build(shop, on_event=on_event)
    assert [each.name for each in threading.enumerate() if each.name == "sqlpipes"] == []
    del held
    assert build(shop).ok
    assert table(shop, "total") == [(30,)]
    assert sqlpipes.plan(load(shop)).steps == ()


# -------------------------------------------------------------------------------------- it is a library


def test_nothing_is_printed(shop, capfd):
    project = load(shop)
    sqlpipes.plan(project)
    sqlpipes.build(project)
    sqlpipes.build(project)
    status(project)
    lint(project)
    rows(project, "daily")
    compiled(project, Ask())
    debug(project)
    sqlpipes.lineage(project)
    (shop / "models" / "total.sql").write_text("select nothing from daily")
    assert not build(shop).ok
    assert capfd.readouterr() == ("", "")


def test_two_projects_can_be_worked_on_by_turns(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    (two / "seeds" / "raw_orders.csv").write_text("id,day,amount\n1,2024-01-01,7\n")
    first, second = load(one), load(two)
    plans = sqlpipes.plan(first), sqlpipes.plan(second)
    inner = []
    report = sqlpipes.build(first, on_event=lambda e: inner or inner.append(sqlpipes.build(second)))
    assert (report.plan, inner[0].plan) == plans
    assert report.ok
    assert inner[0].ok
    assert (table(one, "total"), table(two, "total")) == ([(30,)], [(7,)])


def test_two_projects_can_be_built_in_two_threads(tmp_path):
    roots = [write(tmp_path / str(i)) for i in range(4)]
    reports: dict[Path, sqlpipes.Report] = {}
    threads = [
        threading.Thread(target=lambda root=root: reports.update({root: build(root)}))
        for root in roots
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(reports[root].ok for root in roots)
    assert [table(root, "total") for root in roots] == [[(30,)]] * 4


def test_one_project_in_two_threads_is_built_once_at_a_time(shop):
    reports = []
    project = load(shop)
    threads = [
        threading.Thread(target=lambda: reports.append(sqlpipes.build(project, wait_s=60)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(report.plan.steps) for report in reports) == [0, 0, 4]


def test_a_build_can_be_cancelled_from_another_thread(shop):
    (shop / "models" / "slow.sql").write_text(f"/*\n---\nmaterialized: table\n---\n*/\n{SLOW}")
    cancel = threading.Event()

    def on_event(event):
        if getattr(event, "asset", "") == "slow":
            threading.Timer(0.2, cancel.set).start()

    report = build(shop, "slow", cancel=cancel, on_event=on_event)
    assert report.status is Status.CANCELLED
    assert not report.ok
    assert list(unfinished(load(shop))) == ["slow"]


# ------------------------------------------------------------------------------------- what it looks at


def test_status_says_what_a_build_would_do(shop):
    assert [item.step is None for item in status(load(shop))] == [False] * 4
    build(shop)
    found = {item.asset: item for item in status(load(shop))}
    assert all(item.step is None and item.built for item in found.values())
    assert str(found["daily"].built) == "2024-01-01..2024-01-04"
    assert found["daily"].last is Status.SUCCESS
    assert [item.asset for item in status(load(shop), Ask(select=("daily",)))] == ["daily"]


def test_runs_are_remembered_with_their_command(shop):
    build(shop, command="build -s 'a b'")
    [run] = runs(load(shop))
    assert (run.command, run.status) == ("build -s 'a b'", Status.SUCCESS)
    told = run_details(load(shop), run.run_id[:10])
    assert {step.asset for step in told.steps} == {"raw_orders", "stg_orders", "daily", "total"}


def test_statements_of_a_plan_are_those_that_run(shop):
    project = load(shop)
    said = plan_statements(project, sqlpipes.plan(project))
    report = sqlpipes.build(project)
    for event in report.finished:
        written = [text for text in said[event.asset] if not text.startswith("-- check")]
        assert list(event.statements) == written
    checks = [text for text in said["daily"] if text.startswith("-- check")]
    assert checks[0].startswith("-- check daily.not_null.revenue\nselect")


def test_rows_of_what_is_no_table(shop):
    build(shop)
    (shop / "models" / "e.sql").write_text(
        "/*\n---\nmaterialized: ephemeral\n---\n*/\nselect revenue * 2 as twice from total"
    )
    assert rows(load(shop), "e").rows == ((60,),)
    assert rows(load(shop), inline="select count(*) from e").rows == ((1,),)


def test_rows_of_a_source_that_is_a_file(shop):
    (shop / "raw").mkdir()
    (shop / "raw" / "x.csv").write_text("a,b\n1,2\n")
    (shop / "models" / "from_file.sql").write_text("select * from read_csv('raw/*.csv')")
    project = load(shop)
    [name] = [a.name for a in project.graph.assets.values() if a.kind is Kind.SOURCE]
    build(shop)
    assert rows(project, name).rows == ((1, 2),)


def test_selection_by_state(shop):
    def chosen(*expressions: str) -> tuple[str, ...]:
        return select(load(shop), Ask(select=expressions)).assets

    build(shop)
    (shop / "models" / "total.sql").write_text("select count(*) as revenue from daily")
    assert chosen("stale:") == ("total",)
    assert chosen("state:modified") == ("total",)
    assert chosen("result:success") == ("raw_orders", "stg_orders", "daily", "total")


def test_faults_are_values_until_something_must_run(shop):
    (shop / "models" / "bad.sql").write_text("select (1 from x")
    project = load(shop)
    assert [problem.code for problem in project.errors] == ["SQL001"]
    for call in (sqlpipes.plan, sqlpipes.build, status):
        with pytest.raises(ProjectError):
            call(project)


# -------------------------------------------------------------------------- sources and checks in time


def test_a_source_that_is_changed_only_by_count(shop):
    (shop / "models" / "sources.yml").write_text(
        "sources:\n  - name: ext\n    schema: ext\n    tables:\n      - {name: t, changes: count}\n"
    )
    (shop / "models" / "m.sql").write_text(
        "/*\n---\nmaterialized: table\n---\n*/\nselect sum(x) as x from ext.t"
    )
    with duckdb.connect(str(shop / "shop.duckdb")) as db:
        db.execute("create schema ext; create table ext.t as select 1 as x")
    build(shop)
    with duckdb.connect(str(shop / "shop.duckdb")) as db:
        db.execute("update ext.t set x = 5")
    assert sqlpipes.plan(load(shop)).steps == ()  # by its own declaration
    with duckdb.connect(str(shop / "shop.duckdb")) as db:
        db.execute("insert into ext.t values (5)")
    found = sqlpipes.plan(load(shop))
    assert [(s.asset, str(s.reasons[0])) for s in found.steps] == [
        ("ext.t", "source changed"),
        ("m", "input newer: ext.t"),
    ]
    build(shop)
    assert table(shop, "m") == [(10,)]


def test_an_added_check_runs_without_a_rebuild_and_a_failing_one_is_asked_again(shop):
    build(shop)
    path = shop / "models" / "total.sql"
    text = path.read_text()
    path.write_text(text.replace("revenue > 0", "revenue > 1000"))
    report = build(shop)
    assert [(s.asset, s.action) for s in report.plan.steps] == [("total", Action.CHECK)]
    assert report.status is Status.FAIL
    assert table(shop, "total") == [(30,)]
    [step] = sqlpipes.plan(load(shop)).steps
    assert [str(reason) for reason in step.reasons] == ["check failed last time"]
    path.write_text(text)
    assert build(shop).ok
    assert sqlpipes.plan(load(shop)).steps == ()


def test_definitions_are_kept_for_the_next_plan(shop):
    build(shop)
    path = shop / "models" / "daily.sql"
    path.write_text(path.read_text().replace("sum(amount)", "max(amount)"))
    step = next(s for s in sqlpipes.plan(load(shop)).steps if s.asset == "daily")
    assert step.reasons[0].diff == ("- sum(amount) as revenue", "+ max(amount) as revenue")
