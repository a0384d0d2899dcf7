"""Building slice by slice on a real DuckDB: what starts when, what fails along, which are asked for."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from cli.projects import ok, run, write

import sqlpipes
from sqlpipes.api import Ask, run_details, unfinished
from sqlpipes.api.project import open_store_of
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.events import StepFinished, StepStarted
from sqlpipes.core.status import Status

NOW = datetime(2024, 3, 1, tzinfo=UTC)
DAYS = [f"2024-01-{day:02}" for day in range(1, 31)]
HEAD = "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-31"
FILES = {
    "sqlpipes.yml": "name: shop\n",
    "models/orders.sql": (
        f"/*\n---\n{HEAD}}}\ninputs: {{raw: as_of_build}}\n---\n*/\n"
        "select cast(day as date) as day, cast(amount as int) as amount from raw\n"
    ),
    "models/daily.sql": (
        f"/*\n---\n{HEAD}}}\ninputs: {{orders: same}}\n---\n*/\n"
        "select day, sum(amount) as amount from orders group by all\n"
    ),
    "models/total.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect sum(amount) as s from daily\n",
}


def sales(root: Path, **amounts: str) -> None:
    """Ten a day, but for the days that are named, such as d13="bad"."""
    lines = [f"{day},{amounts.get('d' + day[-2:], '10')}" for day in DAYS]
    write(root, {"seeds/raw.csv": "\n".join(["day,amount", *lines]) + "\n"})


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = write(tmp_path / "shop", FILES)
    sales(root)
    return root


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / "models" / f"{name}.sql"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def load(root: Path) -> sqlpipes.Project:
    return sqlpipes.load(str(root), environ={})


def build(
    root: Path, *names: str, threads: int = 2, fail_fast: bool = False, **ask
) -> sqlpipes.Report:
    asked = Ask(select=names, **ask)
    return sqlpipes.build(
        load(root), asked, clock=lambda: NOW, threads=threads, fail_fast=fail_fast
    )


def plan(root: Path, *names: str, **ask) -> dict[str, str]:
    found = sqlpipes.plan(load(root), Ask(select=names, **ask), now=NOW)
    return {step.asset: str(step.slices) for step in found.steps}


def query(root: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(root / "shop.duckdb"), read_only=True) as db:
        return db.execute(sql).fetchall()


def days_in(root: Path, name: str) -> list[str]:
    return [str(day) for (day,) in query(root, f"select distinct day from {name} order by day")]


def slices_of(events, name: str) -> list[str]:
    return [str(event.slices) for event in events if event.asset == name]


def started(report: sqlpipes.Report, name: str) -> list[str]:
    found = [event for event in report.events if isinstance(event, StepStarted)]
    return slices_of(found, name)


# ---------------------------------------------------------------------------------- what starts when


def test_a_child_s_day_is_built_before_all_of_its_parent_s_are(shop: Path) -> None:
    for name in ("orders", "daily"):
        edit(shop, name, "end: 2024-01-31", "end: 2024-01-11, batch: 1")
    report = build(shop)
    assert report.ok
    places = {
        (type(event), event.asset, str(event.slices)): i
        for i, event in enumerate(report.events)
        if isinstance(event, (StepStarted, StepFinished))
    }
    for day in DAYS[:10]:
        assert places[StepFinished, "orders", day] < places[StepStarted, "daily", day]
    assert places[StepStarted, "daily", DAYS[0]] < places[StepFinished, "orders", DAYS[9]]
    assert query(shop, "from total") == [(100,)]
    assert plan(shop) == {}


SEEN = "select day, amount from orders where amount > 0\n"


@pytest.mark.parametrize("views", [{"seen": SEEN}, {"low": SEEN, "seen": "from low\n"}])
def test_through_a_view_only_those_days_are_lost_that_read_the_failed_one(
    shop: Path, views: dict[str, str]
) -> None:
    write(shop, {f"models/{name}.sql": sql for name, sql in views.items()})
    edit(shop, "daily", "inputs: {orders: same}\n", "")
    edit(shop, "daily", "from orders", "from seen")
    sales(shop, d13="bad")
    report = build(shop, "+daily")
    assert slices_of(report.failed, "orders") == slices_of(report.skipped, "daily") == [DAYS[12]]
    assert {event.asset for event in report.skipped} == {"daily"}
    assert days_in(shop, "daily") == DAYS[:12] + DAYS[13:]
    sales(shop)
    report = build(shop)
    assert (started(report, "orders"), started(report, "daily")) == ([DAYS[12]], [DAYS[12]])
    assert plan(shop) == {}
    assert query(shop, "from total") == [(300,)]


def test_what_reads_all_of_a_view_waits_for_all_that_is_behind_it(shop: Path) -> None:
    checked = "/*\n---\nchecks: [{row_count: {min: 30}}]\n---\n*/\n"
    write(
        shop,
        {
            "models/seen.sql": "select day, amount from orders\n",
            "models/checked.sql": f"{checked}select day from orders\n",
            "models/whole.sql": "/*\n---\nmaterialized: table\n---\n*/\nfrom seen\n",
            "models/share.sql": (
                f"/*\n---\n{HEAD}}}\n---\n*/\n"
                "select day, amount / (select sum(amount) from seen) as part from seen\n"
            ),
        },
    )
    edit(shop, "orders", "end: 2024-01-31", "end: 2024-01-31, batch: 5")
    report = build(shop, "+whole", "+share", "+checked")
    assert report.ok
    begun = [
        (type(e), e.asset) for e in report.events if isinstance(e, (StepStarted, StepFinished))
    ]
    end = len(begun) - 1 - begun[::-1].index((StepFinished, "orders"))
    for name in ("whole", "share", "checked"):
        assert begun.index((StepStarted, name)) > end
    assert query(shop, "select count(*) from whole") == [(30,)]
    assert query(shop, "select round(sum(part), 6) from share") == [(1,)]
    assert plan(shop, "+whole", "+share", "+checked") == {}


def test_a_view_of_which_nothing_was_built_is_skipped_with_its_readers(shop: Path) -> None:
    write(shop, {"models/seen.sql": SEEN})
    edit(shop, "daily", "from orders", "from seen")
    edit(shop, "daily", "inputs: {orders: same}\n", "")
    edit(shop, "orders", "cast(amount as int)", "no_such_column")
    report = build(shop, "+daily")
    assert {event.asset for event in report.skipped} == {"seen", "daily"}
    assert {event.asset for event in report.failed} == {"orders"}


def test_the_newest_slices_go_first_when_that_is_said(shop: Path) -> None:
    edit(shop, "orders", "end: 2024-01-31", "end: 2024-01-06, batch: 2, order: newest")
    edit(shop, "daily", "end: 2024-01-31", "end: 2024-01-06, batch: 2")
    newest = ["2024-01-05", "2024-01-03..2024-01-05", "2024-01-01..2024-01-03"]
    report = build(shop, "+daily")
    assert started(report, "orders") == newest
    report = build(shop, "daily", force=True, partitions="2024-01-01..2024-01-05")
    assert started(report, "daily") == ["2024-01-01..2024-01-03", "2024-01-03..2024-01-05"]
    narrow = {"force": True, "partitions": "2024-01-01..2024-01-05"}
    report = build(shop, "daily", newest_first=True, **narrow)
    assert started(report, "daily") == ["2024-01-03..2024-01-05", "2024-01-01..2024-01-03"]
    report = build(shop, "orders", newest_first=False, **narrow)
    assert started(report, "orders") == ["2024-01-01..2024-01-03", "2024-01-03..2024-01-05"]
    edit(shop, "orders", ", order: newest", "")
    assert plan(shop, "orders") == {}  # the order changes no row


BALANCE = (
    f"/*\n---\n{HEAD[:-10]}2024-01-07}}\ninputs: {{orders: same}}\n---\n*/\n"
    "select day, sum(amount) + coalesce({% if is_incremental() %}\n"
    "  (select max(amount) from balance where day < '{{ partition.start }}')\n"
    "{% else %}0{% endif %}, 0) as amount\n"
    "from orders where day >= '{{ partition.start }}' and day < '{{ partition.end }}' group by all\n"
)


def test_what_reads_itself_is_built_oldest_first_and_stops_at_its_first_failure(shop: Path) -> None:
    write(shop, {"models/balance.sql": BALANCE})
    sales(shop, d04="99999999999")
    report = build(shop, "+balance", newest_first=True)
    assert started(report, "balance") == DAYS[:3]
    assert days_in(shop, "balance") == DAYS[:3]
    assert slices_of(report.skipped, "balance") == ["2024-01-04..2024-01-07"]
    sales(shop)
    report = build(shop, "+balance")
    assert started(report, "balance") == DAYS[3:6]
    assert query(shop, "select amount from balance order by day") == [
        (10 * i,) for i in range(1, 7)
    ]
    edit(shop, "balance", "end: 2024-01-07", "end: 2024-01-07, order: newest")
    with pytest.raises(ProjectError) as raised:
        build(shop)
    assert [problem.code for problem in raised.value.problems] == ["PAR007"]
    at = raised.value.problems[0].at
    assert at is not None
    assert (at.file, at.line, at.column) == ("models/balance.sql", 8, 28)


# ------------------------------------------------------------------------------ what a failure takes


def test_one_bad_day_of_thirty_in_one_statement_is_the_only_one_that_is_not_published(
    shop: Path,
) -> None:
    sales(shop, d13="bad")
    report = build(shop)
    good = [day for day in DAYS if day != "2024-01-13"]
    assert report.status is Status.ERROR
    assert days_in(shop, "orders") == days_in(shop, "daily") == good
    (failed,) = report.failed
    assert (failed.asset, str(failed.slices)) == ("orders", "2024-01-13")
    assert failed.problems[0].message.endswith("(slice 2024-01-13)")
    assert str(failed.problems[0].at).startswith("models/orders.sql:7:")
    assert {e.asset: (str(e.slices), e.because) for e in report.skipped} == {
        "daily": ("2024-01-13", "orders"),
        "total": ("all", "orders"),
    }
    assert plan(shop) == {"orders": "2024-01-13", "daily": "2024-01-13", "total": "all"}
    sales(shop)
    report = build(shop)
    assert report.ok
    assert (
        slices_of(report.finished, "orders")
        == slices_of(report.finished, "daily")
        == ["2024-01-13"]
    )
    assert query(shop, "from total") == [(300,)]
    assert plan(shop) == {}


def test_bad_days_among_new_ones_leave_what_is_there(shop: Path) -> None:
    build(shop, partitions="2024-01-01..2024-01-06")
    sales(shop, d07="bad", d20="worse", d02="old and bad")
    report = build(shop)
    assert sorted(slices_of(report.failed, "orders")) == ["2024-01-07", "2024-01-20"]
    assert len(days_in(shop, "orders")) == 28
    assert plan(shop, "orders") == {"orders": "2024-01-07, 2024-01-20"}


def test_a_table_that_is_written_anew_is_all_or_nothing(shop: Path) -> None:
    build(shop)
    sales(shop, d13="bad")
    edit(shop, "orders", "as int) as amount", "as int) * 2 as amount")
    report = build(shop)
    assert slices_of(report.failed, "orders") == ["2024-01-01..2024-01-31"]
    assert (
        len([e for e in report.events if isinstance(e, StepStarted) and e.asset == "orders"]) == 1
    )
    assert query(shop, "select sum(amount) from orders") == [(300,)]


def test_a_column_that_is_not_there_is_told_once_and_nothing_is_tried_again(shop: Path) -> None:
    edit(shop, "orders", "cast(amount as int)", "amounts")
    edit(shop, "orders", "end: 2024-01-31", "end: 2024-01-31, batch: 1")
    report = build(shop)
    assert slices_of(report.failed, "orders") == ["2024-01-01..2024-01-31"]
    assert started(report, "orders") == ["2024-01-01"]
    assert slices_of(report.skipped, "daily") == ["2024-01-01..2024-01-31"]


def test_a_check_keeps_back_its_own_days_only_and_stays_failed(shop: Path) -> None:
    edit(shop, "orders", "inputs:", "checks: [{expression: amount < 50}]\ninputs:")
    sales(shop, d13="60", d30="70")
    report = build(shop)
    assert report.status is Status.FAIL
    assert sorted(slices_of(report.failed, "orders")) == ["2024-01-13", "2024-01-30"]
    assert len(days_in(shop, "orders")) == len(days_in(shop, "daily")) == 28
    with closing(open_store_of(load(shop))) as store:
        past = store.history().of("orders")
    assert past.failed
    assert str(past.broken) == "2024-01-13, 2024-01-30"
    assert len([check for check in report.checks if check.status is Status.FAIL]) == 2
    sales(shop, d13="60")
    build(shop)
    with closing(open_store_of(load(shop))) as store:
        past = store.history().of("orders")
    assert (past.failed, str(past.broken)) == (True, "2024-01-13")  # though another day has passed


def test_a_check_of_the_whole_table_sees_all_of_a_first_build(shop: Path) -> None:
    edit(shop, "orders", "inputs:", "checks: [{row_count: {min: 30, scope: table}}]\ninputs:")
    edit(shop, "orders", "end: 2024-01-31", "end: 2024-01-31, batch: 10")
    report = build(shop, "+orders")
    assert report.ok
    assert started(report, "orders") == ["2024-01-01..2024-01-31"]


def test_a_forced_day_that_fails_is_asked_for_with_failed(shop: Path) -> None:
    build(shop)
    sales(shop, d13="bad")
    build(shop, "raw")
    report = build(shop, "orders", force=True, partitions="2024-01-12..2024-01-16")
    assert slices_of(report.failed, "orders") == ["2024-01-13"]
    assert plan(shop, "orders") == {}  # what readers see was read before
    assert plan(shop, failed=True) == {"orders": "2024-01-13"}
    sales(shop)
    build(shop, "raw")
    report = build(shop, failed=True)
    assert slices_of(report.finished, "orders") == ["2024-01-13"]
    assert plan(shop, failed=True) == {}


def test_when_every_day_is_bad_halving_ends_and_all_are_told(shop: Path) -> None:
    sales(shop, **{f"d{day[-2:]}": "bad" for day in DAYS})
    report = build(shop)
    failed = sum(len(event.slices) for event in report.failed)
    assert failed == 30
    assert any(len(event.slices) > 1 for event in report.failed)  # not all were tried alone
    assert slices_of(report.finished, "orders") == []


def test_fail_fast_halves_nothing(shop: Path) -> None:
    sales(shop, d13="bad")
    report = build(shop, fail_fast=True)
    assert started(report, "orders") == ["2024-01-01..2024-01-31"]
    assert {event.because for event in report.skipped} <= {"orders", "fail-fast"}


def test_a_bad_value_of_a_product_stands_alone(shop: Path) -> None:
    day = "{by: day, column: day, start: 2024-01-01, end: 2024-01-05}"
    cuts = f"[{day}, {{by: values, column: r, values: [eu, us]}}]"
    write(
        shop,
        {
            "models/by_region.sql": f"/*\n---\npartition: {{by: {cuts}}}\n---\n*/\n"
            "select cast(day as date) as day, r, cast(case when r = 'us' and day = '2024-01-03' "
            "then 'bad' else amount end as int) as amount from raw, (values ('eu'), ('us')) v(r)\n"
        },
    )
    report = build(shop, "+by_region")
    assert slices_of(report.failed, "by_region") == ["2024-01-03|us"]
    assert query(shop, "select count(*) from by_region") == [(7,)]


PYTHON = (
    "from sqlpipes import Daily, asset\n\n\n"
    '@asset(partition=Daily("day", start="2024-01-01", end="2024-01-07", batch=1))\n'
    "def scored(orders, context):\n"
    '    if context.partition.key == "2024-01-03":\n        raise ValueError("no rates")\n'
    "    return orders.filter(f\"day = '{context.partition.key}'\")\n"
)


def test_a_function_that_raises_for_one_day_is_not_asked_for_it_twice(shop: Path) -> None:
    write(shop, {"models/scored.py": PYTHON})
    report = build(shop, "+scored")
    assert slices_of(report.failed, "scored") == ["2024-01-03"]
    assert started(report, "scored") == DAYS[:6]
    assert days_in(shop, "scored") == [*DAYS[:2], *DAYS[3:6]]


def test_a_function_whose_rows_fail_a_check_is_not_called_again_for_the_halves(shop: Path) -> None:
    text = (
        "from sqlpipes import Daily, asset\n\n\n"
        '@asset(partition=Daily("day", start="2024-01-01", end="2024-01-07"))\n'
        'def scored(orders):\n    with open("called", "a") as f:\n        f.write("once\\n")\n'
        "    return orders.filter(\"day < '2024-01-07'\")\n"
    )
    checked = "models:\n  - name: scored\n    checks: [{expression: amount < 50}]\n"
    write(shop, {"models/scored.py": text.replace('"called"', repr(str(shop / "called")))})
    write(shop, {"models/scored.yml": checked})
    sales(shop, d03="60")
    report = build(shop, "+scored")
    assert slices_of(report.failed, "scored") == ["2024-01-01..2024-01-07"]
    assert (shop / "called").read_text() == "once\n"


# ------------------------------------------------------------------------------------ which are asked for


def test_missing_stale_and_last_and_what_they_mean_together(shop: Path) -> None:
    build(shop, "+orders", partitions="2024-01-01..2024-01-21")
    edit(shop, "orders", "as int) as amount", "as int) + 0 as amount")
    built, rest = "2024-01-01..2024-01-21", "2024-01-21..2024-01-31"
    assert plan(shop, "orders", missing=True) == {"orders": rest}
    assert plan(shop, "orders", stale=True) == {"orders": built}
    assert plan(shop, "orders", stale=True, missing=True) == {"orders": "2024-01-01..2024-01-31"}
    assert plan(shop, "orders", last=3) == {"orders": "2024-01-28..2024-01-31"}
    assert plan(shop, "orders", last=12, stale=True) == {"orders": "2024-01-19..2024-01-21"}
    assert plan(shop, "orders", last=12, partitions="2024-01-20") == {"orders": "2024-01-20"}
    assert plan(shop, "orders", failed=True) == {}
    assert sqlpipes.plan(load(shop), Ask(select=("+orders",), failed=True), now=NOW).current == (
        "raw",  # orders has slices to build, though not such
    )
    build(shop, "orders", last=3)
    for ask in ({"last": 3}, {"last": 2, "missing": True}, {"partitions": "2024-01-30"}):
        found = sqlpipes.plan(load(shop), Ask(select=("+orders",), **ask), now=NOW)
        assert (found.steps, found.current) == ((), ("raw",))  # other slices are still to be built
    rest = "2024-01-21..2024-01-28"
    everything = plan(shop, missing=True)
    assert everything == {"orders": rest, "daily": "2024-01-01..2024-01-31", "total": "all"}


def test_unpartitioned_assets_have_one_slice_that_is_missing_failed_or_stale(shop: Path) -> None:
    assert plan(shop, missing=True).keys() == {"raw", "orders", "daily", "total"}
    assert plan(shop, stale=True) == plan(shop, failed=True) == {}
    build(shop)
    edit(shop, "total", "sum(amount)", "nonsense(amount)")
    assert plan(shop, stale=True) == {"total": "all"}
    assert plan(shop, missing=True) == {}
    build(shop)
    assert (
        plan(shop, failed=True) == plan(shop, stale=True) == plan(shop, last=1) == {"total": "all"}
    )


def test_a_table_that_is_gone_is_missing(shop: Path) -> None:
    build(shop)
    with duckdb.connect(str(shop / "shop.duckdb")) as db:
        db.execute("drop table daily")
    assert plan(shop, missing=True)["daily"] == "2024-01-01..2024-01-31"
    assert plan(shop, stale=True).keys() <= {"total"}


def test_retry_builds_the_slices_that_failed_or_were_skipped_and_no_others(shop: Path) -> None:
    sales(shop, d13="bad")
    build(shop)
    left = unfinished(load(shop))
    assert {name: str(slices) for name, slices in left.items()} == {
        "orders": "2024-01-13",
        "daily": "2024-01-13",
        "total": "all",
    }
    edit(shop, "daily", "sum(amount) as amount", "sum(amount) + 0 as amount")  # stale all over
    sales(shop)
    build(shop, "raw")
    run_again = run_details(load(shop)).run_id
    report = sqlpipes.build(load(shop), Ask(only=tuple(left), slices=left), clock=lambda: NOW)
    assert report.ok
    assert run_again != report.run_id
    assert (
        slices_of(report.finished, "orders")
        == slices_of(report.finished, "daily")
        == ["2024-01-13"]
    )


def test_the_flags_on_the_command_line(shop: Path) -> None:
    sales(shop, d13="bad")
    result = run(shop, "build")
    assert result.exit_code == 1
    assert "orders: 29 slices built, 1 failed (2024-01-13)" in result.output
    assert "daily: 29 slices built, 1 skipped (2024-01-13)" in result.output
    assert "30 slices are tried apart" in result.output
    assert "(30/30)" in result.output
    sales(shop)
    ok(shop, "build", "-s", "raw")
    assert "replace slices  orders  2024-01-13 (1 slice)" in ok(shop, "plan", "--failed")
    assert ok(shop, "build", "--stale") == "nothing to do: no slice is stale\n"
    assert ok(shop, "build", "--missing", "--last", "3", "-s", "orders").startswith("nothing to do")
    assert ok(shop, "retry") == "the newest run left nothing to retry\n"
    sales(shop, d13="bad")
    assert run(shop, "build").exit_code == 1
    edit(shop, "orders", "cast(", "try_cast(")
    assert "3 done" in ok(shop, "retry")
    assert query(shop, "from total") == [(290,)]
    assert ok(shop, "build", "--missing", "--failed").startswith(
        "nothing to do: no slice is missing or"
    )


def test_flags_that_make_no_sense_are_told(shop: Path) -> None:
    build(shop, "raw")
    result = run(shop, "build", "-s", "raw", "--last", "2")
    assert result.exit_code == 2
    assert (
        "PLN002 --last is given, but no selected asset is cut along time or integers"
        in result.output
    )
    assert run(shop, "build", "--last", "0").exit_code == 2
    assert run(shop, "build", "--last", "soon").exit_code == 2
    with pytest.raises(ProjectError) as raised:
        build(shop, last=0)
    assert "from 1 on" in raised.value.problems[0].message


# ----------------------------------------------------------------------------------------- kills

CHILD = """
import sys, sqlpipes
from datetime import UTC, datetime
project = sqlpipes.load(sys.argv[1], environ={})
def on_event(event):
    print(type(event).__name__, flush=True)
now = datetime(2024, 3, 1, tzinfo=UTC)
sqlpipes.build(project, clock=lambda: now, threads=2, on_event=on_event)
"""


@pytest.mark.long
@pytest.mark.parametrize("events", [6, 17, 40])
def test_a_kill_between_parts_loses_none_that_was_published(shop: Path, events: int) -> None:
    for name in ("orders", "daily"):
        edit(shop, name, "end: 2024-01-31", "end: 2024-01-31, batch: 1")
    command = [sys.executable, "-c", CHILD, str(shop)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(events):
            child.stdout.readline()
        time.sleep(0.002 * events)
        child.kill()
    published = days_in(shop, "orders")
    assert published
    assert query(shop, "select count(*) = count(distinct day) from orders") == [(True,)]
    again = build(shop)
    assert again.ok
    rebuilt = slices_of(again.finished, "orders")
    assert len(set(rebuilt) & set(published)) <= 1  # the one whose record was lost
    assert query(shop, "from total") == [(300,)]
    assert plan(shop) == {}
