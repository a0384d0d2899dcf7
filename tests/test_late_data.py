"""Sources that say what changed, on a real DuckDB: late, corrected, moved and deleted rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli.projects import ok, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import Place

import sqlpipes
from sqlpipes.api import Ask

NOW = datetime(2024, 11, 15, 12, tzinfo=UTC)
ROWS = (
    "create or replace table raw.orders as select i as id, 10 as amount, "
    "timestamp '2024-01-01' + interval '6 hours' * i as ordered_at from range(40) hours(i)"
)
DAILY = (
    "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-11}\n"
    "inputs: {raw.orders: same}\n---\n*/\n"
    "select ordered_at::date as day, sum(amount) as total, count(*) as n from raw.orders\n"
    "where ordered_at is not null group by 1\n"
)
TOTAL = "/*\n---\nmaterialized: table\n---\n*/\nselect sum(amount) as total from raw.orders\n"


class Shop:
    """A project whose source is a table that we write to as somebody else would."""

    def __init__(
        self, root: Path, place: Place, partition: str = "{by: day, column: ordered_at}"
    ) -> None:
        self.root, self.place = root, place
        place.prepare(root)
        (root / "models").mkdir()
        (root / "sqlpipes.yml").write_text("name: shop\n")
        self.source(partition)
        self.model("daily", DAILY)

    def source(self, partition: str, more: str = "") -> None:
        cut = f", partition: {partition}" if partition else ""
        text = f"sources:\n  - name: raw\n    tables:\n      - {{name: orders{cut}{more}}}\n"
        (self.root / "models" / "sources.yml").write_text(text)

    def model(self, name: str, text: str) -> None:
        (self.root / "models" / f"{name}.sql").write_text(text)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        return self.place.sql(self.root, *statements)

    def load(self) -> sqlpipes.Project:
        return sqlpipes.load(str(self.root), environ={})

    def plan(self, **ask: Any) -> dict[str, str]:
        """asset -> the slices of its step."""
        found = sqlpipes.plan(self.load(), Ask(**ask), now=NOW)
        return {step.asset: str(step.slices) for step in found.steps}

    def reasons(self) -> list[str]:
        found = sqlpipes.plan(self.load(), now=NOW)
        return [str(reason) for step in found.steps for reason in step.reasons]

    def build(self, **ask: Any) -> sqlpipes.Report:
        report = sqlpipes.build(self.load(), Ask(**ask), clock=lambda: NOW)
        assert report.ok, [event.problems for event in report.failed]
        return report

    def settled(self) -> None:
        self.build()
        assert self.plan() == {}

    def is_right(self) -> bool:
        """Whether the daily totals are those of the rows as they are now."""
        truth = (
            "select ordered_at::date, sum(amount), count(*) from raw.orders "
            "where ordered_at >= '2024-01-01' and ordered_at < '2024-01-11' group by 1 order by 1"
        )
        return self.sql(truth) == self.sql("select * from daily order by 1")


@pytest.fixture
def shop(tmp_path: Path, place: Place) -> Shop:
    found = Shop(tmp_path, place)
    found.sql(ROWS)
    found.settled()
    return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "days"),
    [
        ("insert into raw.orders values (99, 5, '2024-01-03 07:00')", "2024-01-03"),
        ("update raw.orders set amount = 11 where id = 9", "2024-01-03"),
        ("update raw.orders set ordered_at = '2024-01-07' where id = 9", "2024-01-03, 2024-01-07"),
        ("delete from raw.orders where id = 9", "2024-01-03"),
        ("delete from raw.orders where ordered_at::date = '2024-01-05'", "2024-01-05"),
        (
            "insert into raw.orders select * from raw.orders where id in (0, 39)",
            "2024-01-01, 2024-01-10",
        ),
    ],
)
def test_exactly_the_days_that_changed(shop: Shop, change: str, days: str) -> None:
    shop.sql(change)
    assert shop.plan() == {"raw.orders": days, "daily": days}
    assert shop.reasons()[0] == f"source changed: {days.count(',') + 1} of 10 windows"
    shop.settled()
    assert shop.is_right()


def test_what_is_proven_needs_no_declaration(shop: Shop) -> None:
    shop.model("daily", DAILY.replace("inputs: {raw.orders: same}\n", ""))
    shop.settled()
    shop.sql("update raw.orders set amount = 11 where id = 9")
    assert shop.plan() == {"raw.orders": "2024-01-03", "daily": "2024-01-03"}
    shop.settled()
    shop.sql("insert into raw.orders values (99, 5, null)")
    assert shop.plan() == {"raw.orders": ""}


def test_rows_outside_of_what_is_read_build_nothing(shop: Shop) -> None:
    shop.sql("insert into raw.orders values (99, 5, '2023-12-31'), (99, 5, '2024-02-01')")
    assert shop.plan() == {"raw.orders": "2023-12-31, 2024-02-01"}
    shop.settled()


def test_a_touch_that_changes_nothing(shop: Shop) -> None:
    shop.sql("create table raw.other as select 1 as x")
    assert shop.plan() == {}
    shop.sql(
        "update raw.orders set amount = amount + 1", "update raw.orders set amount = amount - 1"
    )
    assert shop.plan() == {}


def test_rows_in_no_window_are_read_by_those_who_read_everything(shop: Shop) -> None:
    shop.model("total", TOTAL)
    shop.model("any_day", DAILY.replace("same", "all"))
    shop.settled()
    shop.sql("insert into raw.orders values (99, 5, null)")
    assert set(shop.plan()) == {"raw.orders", "any_day", "total"}
    assert shop.plan()["any_day"] == "2024-01-01..2024-01-11"
    assert shop.reasons()[0] == "source changed: rows in no window"
    shop.settled()
    shop.sql("update raw.orders set amount = 6 where ordered_at is null")
    assert set(shop.plan()) == {"raw.orders", "any_day", "total"}


def test_count_misses_what_hash_sees(shop: Shop) -> None:
    shop.source("{by: day, column: ordered_at}", ", changes: count")
    shop.sql("create table raw.touch as select 1 as x")
    shop.settled()
    shop.sql("update raw.orders set amount = 11 where id = 9")
    assert shop.plan() == {}
    shop.sql("update raw.orders set ordered_at = '2024-01-07' where id = 10")  # the total is equal
    assert shop.plan()["daily"] == "2024-01-03, 2024-01-07"


def test_an_aggregate_per_window(shop: Shop) -> None:
    shop.source("{by: day, column: ordered_at}", ", changes: sum(amount)")
    shop.sql("create table raw.touch as select 1 as x")
    shop.settled()
    shop.sql("update raw.orders set amount = 11 where id = 9")
    assert shop.plan() == {"raw.orders": "2024-01-03", "daily": "2024-01-03"}


def test_a_source_that_gets_windows_builds_nothing(tmp_path: Path, place: Place) -> None:
    shop = Shop(tmp_path, place, "")
    shop.sql(ROWS)
    shop.settled()
    shop.source("{by: day, column: ordered_at}")
    assert shop.plan() == {"raw.orders": "2024-01-01..2024-01-11"}
    assert shop.reasons() == ["config changed: the same rows in 10 windows of one day"]
    shop.settled()
    shop.source("{by: month, column: ordered_at}")
    assert shop.plan() == {"raw.orders": "2024-01"}
    shop.settled()
    shop.source("{by: day, column: ordered_at}")
    shop.settled()
    shop.sql("update raw.orders set amount = 11 where id = 9")
    assert shop.plan()["daily"] == "2024-01-03"
    shop.source("")  # and without windows everything is one
    assert shop.plan() == {"raw.orders": "all", "daily": "2024-01-01..2024-01-11"}
    shop.settled()


def test_rows_that_changed_while_the_cut_did(shop: Shop) -> None:
    shop.source("{by: hour, column: ordered_at}")
    shop.sql("delete from raw.orders where ordered_at::date = '2024-01-05'")
    assert shop.plan()["daily"] == "2024-01-01..2024-01-11"
    shop.settled()
    assert shop.is_right()


def test_months_of_a_source_and_days_of_a_model(shop: Shop) -> None:
    shop.source("{by: week, column: ordered_at}")
    shop.settled()
    shop.sql("update raw.orders set amount = 11 where id = 9")
    assert shop.plan() == {"raw.orders": "2024-01-01", "daily": "2024-01-01..2024-01-08"}


def test_a_zone_of_its_own(tmp_path: Path, place: Place) -> None:
    cut = "timezone: Europe/Berlin"
    shop = Shop(tmp_path, place, f"{{by: day, column: ordered_at, {cut}}}")
    shop.sql(
        "create table raw.orders as select i as id, 1 as amount, "
        "timestamptz '2024-03-29 23:00:00+00' + interval '1 hour' * i as ordered_at from range(72) h(i)"
    )
    text = DAILY.replace("2024-01-01, end: 2024-01-11", f"2024-03-30, end: 2024-04-02, {cut}")
    shop.model(
        "daily", text.replace("ordered_at::date", "timezone('Europe/Berlin', ordered_at)::date")
    )
    shop.settled()
    assert [n for *_, n in shop.sql("from daily order by day")] == [24, 23, 24]
    shop.sql(
        "insert into raw.orders values (99, 1, '2024-03-30 23:30:00+00')"
    )  # the 31st in Berlin
    assert shop.plan() == {"raw.orders": "2024-03-31", "daily": "2024-03-31"}
    shop.settled()
    shop.sql(
        "insert into raw.orders values (99, 1, '2024-03-31 22:30:00+00')"
    )  # the first of April
    assert shop.plan()["daily"] == "2024-04-01"


def test_integers_and_values(tmp_path: Path, place: Place) -> None:
    shop = Shop(tmp_path, place, "{by: integer, column: id, width: 10}")
    by_id = "{by: integer, column: id, width: 10, start: 0, end: 40}"
    query = "select id, amount from raw.orders"
    shop.model(
        "daily", f"/*\n---\npartition: {by_id}\ninputs: {{raw.orders: same}}\n---\n*/\n{query}"
    )
    shop.sql(ROWS)
    shop.settled()
    shop.sql("update raw.orders set amount = 11 where id in (9, 10)")
    assert shop.plan() == {"raw.orders": "0..20", "daily": "0..20"}
    shop.settled()
    shop.source("{by: values, column: region}")
    shop.sql(
        "create or replace table raw.orders as select 'eu' as region, 1 as x union all select 'us', 2"
    )
    query = "select region, sum(x) as x from raw.orders where region is not null group by 1"
    by_value = "{by: values, column: region, values: [eu, us, asia]}"
    shop.model(
        "daily", f"/*\n---\npartition: {by_value}\ninputs: {{raw.orders: same}}\n---\n*/\n{query}"
    )
    shop.settled()
    shop.sql(
        "insert into raw.orders values ('asia', 3), (null, 4)",
        "delete from raw.orders where region = 'us'",
    )
    assert shop.plan() == {"raw.orders": "asia, us", "daily": "asia, us"}
    shop.settled()
    assert shop.sql("select region from daily order by 1") == [("asia",), ("eu",)]


def test_lookback_and_late_rows(shop: Shop) -> None:
    shop.model("daily", DAILY.replace("end: 2024-01-11", "end: 2024-01-12, lookback: 2"))
    shop.sql("insert into raw.orders values (99, 5, '2024-01-03'), (99, 5, '2024-01-11')")
    assert shop.plan()["daily"] == "2024-01-03, 2024-01-09..2024-01-12"
    shop.settled()
    assert shop.sql("select count(*) from daily") == [(11,)]


def test_the_newest_window_only(shop: Shop) -> None:
    latest = TOTAL.replace(
        "materialized: table", "materialized: table\ninputs: {raw.orders: latest}"
    )
    shop.model("newest", latest)
    shop.settled()
    shop.sql("update raw.orders set amount = 11 where id = 9")
    assert set(shop.plan()) == {"raw.orders", "daily"}
    shop.sql("delete from raw.orders where ordered_at::date = '2024-01-10'")
    assert set(shop.plan()) == {"raw.orders", "daily", "newest"}
    shop.settled()
    shop.sql("update raw.orders set amount = 12 where ordered_at::date = '2024-01-09'")
    assert set(shop.plan()) == {"raw.orders", "daily", "newest"}  # the tenth is gone


def test_a_part_of_a_build_leaves_the_rest_to_the_next_one(shop: Shop) -> None:
    shop.sql("update raw.orders set amount = 11 where id in (9, 17)")
    assert shop.plan(partitions="2024-01-03")["daily"] == "2024-01-03"
    shop.build(partitions="2024-01-03")
    assert shop.plan() == {"daily": "2024-01-05"}
    shop.model("total", TOTAL)
    shop.build(select=("total",))
    assert shop.plan() == {"daily": "2024-01-05"}
    shop.settled()
    assert shop.is_right()


class Killed(BaseException):
    """Stands for a process that ends between two events."""


def test_a_build_that_dies_between_looking_and_recording_loses_nothing(shop: Shop) -> None:
    shop.sql("update raw.orders set amount = 11 where id = 9")

    def die(plan: sqlpipes.Plan) -> None:
        raise Killed

    with pytest.raises(Killed):
        sqlpipes.build(shop.load(), on_plan=die, clock=lambda: NOW)
    assert shop.plan() == {"raw.orders": "2024-01-03", "daily": "2024-01-03"}

    def die_later(event: object) -> None:
        if type(event).__name__ == "StepFinished":
            raise Killed

    with pytest.raises(Killed):
        sqlpipes.build(shop.load(), on_event=die_later, clock=lambda: NOW)
    assert shop.plan() == {"daily": "2024-01-03"}
    shop.settled()
    assert shop.is_right()


def test_a_failed_check_of_the_source_leaves_its_windows_moved(shop: Shop) -> None:
    shop.source(
        "{by: day, column: ordered_at}", ", checks: [{unique: id}, {not_null: [ordered_at]}]"
    )
    shop.settled()
    shop.sql("insert into raw.orders values (9, 5, '2024-01-03')")
    report = sqlpipes.build(shop.load(), clock=lambda: NOW)
    assert not report.ok
    assert shop.plan() == {"raw.orders": "2024-01-03", "daily": "2024-01-03"}
    shop.sql("update raw.orders set id = 77 where amount = 5")
    shop.settled()
    shop.sql("insert into raw.orders values (78, 5, null)")  # a check sees all rows of a source
    assert not sqlpipes.build(shop.load(), clock=lambda: NOW).ok


def test_an_empty_source_and_one_without_windows(tmp_path: Path, place: Place) -> None:
    shop = Shop(tmp_path, place)
    shop.sql("create table raw.orders (id int, amount int, ordered_at timestamp)")
    shop.settled()
    shop.sql("insert into raw.orders values (1, 1, null)")
    assert shop.plan()["raw.orders"] == "all"
    shop.settled()
    shop.sql("insert into raw.orders values (1, 1, '2024-01-03')")
    shop.build()
    assert shop.plan() == {}
    assert shop.is_right()
    shop.sql("delete from raw.orders")
    assert shop.plan() == {"raw.orders": "2024-01-03", "daily": "2024-01-03"}
    shop.settled()
    assert shop.is_right()


@pytest.mark.parametrize(
    ("partition", "more", "said", "hint"),
    [
        ("{by: day, column: orderd_at}", "", "it has no column 'orderd_at'", "'ordered_at'"),
        ("{by: day, column: id}", "", "'id' is BIGINT, which is cut by no day", "a date"),
        ("{by: day, column: ordered_at}", ", changes: max(nope)", "nope", ""),
    ],
)
def test_faults_stand_at_the_source(
    shop: Shop, partition: str, more: str, said: str, hint: str
) -> None:
    shop.source(partition, more)
    shop.sql("create table raw.touch as select 1 as x")
    result = run(shop.root, "plan")
    assert result.exit_code == 2
    assert "models/sources.yml:4:16: SRC00" in result.output
    assert said.lower() in result.output.lower()
    assert hint in result.output


def test_the_command_line_says_which_windows(shop: Shop) -> None:
    shop.sql("insert into raw.orders values (99, 5, '2024-01-03'), (99, 5, '2024-01-07')")
    lines = ok(shop.root, "plan").splitlines()
    assert lines[1].split("  ")[1:] == [
        "observe source",
        "raw.orders",
        "2024-01-03, 2024-01-07 (2 slices)",
        "source changed: 2 of 10 windows",
    ]
    assert "2 done" in ok(shop.root, "build")
    assert "nothing to do" in ok(shop.root, "build")
    assert "10 built\n" in ok(shop.root, "status").splitlines(keepends=True)[0]


edits = st.one_of(
    st.builds(
        "insert into raw.orders values ({}, {}, timestamp '2023-12-30' + interval ({}) hour)".format,
        st.integers(0, 99),
        st.integers(0, 3),
        st.integers(0, 330),
    ),
    st.builds("delete from raw.orders where id % 9 = {}".format, st.integers(0, 8)),
    st.builds(
        "update raw.orders set amount = {} where id = {}".format,
        st.integers(0, 3),
        st.integers(0, 39),
    ),
    st.builds(
        "update raw.orders set ordered_at = ordered_at + interval ({}) hour where id = {}".format,
        st.integers(-30, 30),
        st.integers(0, 39),
    ),
    st.builds("update raw.orders set ordered_at = null where id = {}".format, st.integers(0, 39)),
)


@given(st.lists(st.tuples(st.lists(edits, min_size=1, max_size=3), st.booleans()), max_size=3))
@settings(
    deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_any_edits_the_days_are_right(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[list[str], bool]]
) -> None:
    shop = Shop(tmp_path_factory.mktemp("late"), Place())
    shop.sql(ROWS)
    shop.build()
    for changes, whole in story:
        before = dict(
            shop.sql("select ordered_at::date::text, sum(hash(o)) from raw.orders o group by 1")
        )
        shop.sql(*changes)
        after = dict(
            shop.sql("select ordered_at::date::text, sum(hash(o)) from raw.orders o group by 1")
        )
        moved = {day for day in {*before, *after} - {None} if before.get(day) != after.get(day)}
        found = sqlpipes.plan(shop.load(), now=NOW)
        steps = {step.asset: set(step.slices.keys) for step in found.steps}
        assert steps.get("raw.orders", set()) == moved
        assert steps.get("daily", set()) == {d for d in moved if "2024-01-01" <= d < "2024-01-11"}
        if whole:
            shop.settled()
            assert shop.is_right()
        else:
            shop.build()
    assert shop.is_right()
