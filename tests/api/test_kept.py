"""Whole projects with rows that are kept: what a plan says, and that no history is lost by the way."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import sqlpipes
from sqlpipes.api import Ask

SNAPSHOT = (
    "/*\n---\nmaterialized: snapshot\nunique_key: id\nupdated_at: ts\n{more}---\n*/\n{query}\n"
)
ROW = "select 1 as id, '{status}' as status, timestamp '2024-01-0{day}' as ts"


class Killed(BaseException):
    """Stands for a process that ends between two events."""


class Folder:
    """A project on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = datetime(2024, 1, 4, 12, tzinfo=UTC)
        (root / "models").mkdir()

    def write(self, name: str, text: str) -> None:
        (self.root / "models" / f"{name}.sql").write_text(text)

    def customers(self, status: str, day: int) -> None:
        self.write("customers", ROW.format(status=status, day=day))

    def history(self, query: str = "select * from customers", more: str = "") -> None:
        self.write("history", SNAPSHOT.format(query=query, more=more))

    def load(self) -> sqlpipes.Project:
        return sqlpipes.load(str(self.root), environ={})

    def build(self, *select: str, **ask: Any) -> sqlpipes.Report:
        wish = Ask(select=select, **ask)
        report = sqlpipes.build(self.load(), wish, clock=lambda: self.now)
        assert report.ok, [event.problems for event in report.failed]
        return report

    def refused(self, **ask: Any) -> list[str]:
        with pytest.raises(sqlpipes.ProjectError) as fault:
            sqlpipes.build(self.load(), Ask(**ask), clock=lambda: self.now)
        return [problem.code for problem in fault.value.problems]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        (file,) = self.root.glob("*.duckdb")
        with duckdb.connect(str(file)) as connection:
            return connection.execute(sql).fetchall()

    def states(self) -> list[tuple[Any, ...]]:
        return self.query("select status, is_current from history order by valid_from")


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.customers("new", 1)
    folder.history()
    folder.build()
    folder.customers("gold", 2)
    folder.build()
    return folder


BOTH = [("new", False), ("gold", True)]


def test_a_plan_after_a_snapshot_is_empty(shop: Folder) -> None:
    assert shop.states() == BOTH
    assert sqlpipes.plan(shop.load()).steps == ()


def test_a_changed_query_is_refused_and_the_history_stays(shop: Folder) -> None:
    shop.history("select *, 1 as more from customers")
    assert shop.refused() == ["PLN004"]
    assert shop.refused(force=True) == ["PLN004"]
    assert shop.refused(select=("history",)) == ["PLN004"]
    shop.build("customers")
    assert shop.states() == BOTH
    report = shop.build("history", full_refresh=True)
    assert [note.code for note in report.plan.notes] == ["PLN005"]
    assert shop.states() == [("gold", True)]
    assert sqlpipes.plan(shop.load()).steps == ()


def test_a_reformatted_query_is_no_other(shop: Folder) -> None:
    shop.history("SELECT   *\nFROM customers -- all of them")
    shop.build()
    assert shop.states() == BOTH


@pytest.mark.parametrize("change", ["add", "sync", "ignore"])
def test_a_changed_query_carries_the_history_on_where_that_is_said(
    shop: Folder, change: str
) -> None:
    shop.history("select *, 1 as more from customers", f"on_schema_change: {change}\n")
    shop.build()
    shop.customers("lost", 3)
    shop.build()
    assert shop.states() == [("new", False), ("gold", False), ("lost", True)]


def test_another_key_or_other_columns_are_refused(shop: Folder) -> None:
    shop.history(more="snapshot_columns: {valid_to: until}\n")
    assert shop.refused() == ["PLN004"]
    text = SNAPSHOT.format(query="select * from customers", more="")
    shop.write("history", text.replace("unique_key: id", "unique_key: [id, status]"))
    assert shop.refused() == ["PLN004"]


def test_how_a_change_is_seen_may_change(shop: Folder) -> None:
    text = SNAPSHOT.format(query="select * from customers", more="hard_deletes: new_record\n")
    shop.write("history", text.replace("updated_at: ts", "check_columns: [status]"))
    assert sqlpipes.plan(shop.load()).steps == ()
    shop.customers("lost", 3)
    shop.build()
    assert shop.states() == [("new", False), ("gold", False), ("lost", True)]


def test_a_snapshot_does_not_become_a_table_by_the_way(shop: Folder) -> None:
    shop.write("history", "/*\n---\nmaterialized: table\n---\n*/\nselect * from customers")
    assert shop.refused() == ["PLN004"]
    shop.build("history", full_refresh=True)
    assert shop.query("select status from history") == [("gold",)]


def test_what_was_a_table_becomes_a_snapshot(shop: Folder) -> None:
    shop.write("other", "/*\n---\nmaterialized: table\n---\n*/\nselect * from customers")
    shop.build()
    shop.write("other", SNAPSHOT.format(query="select * from customers", more=""))
    shop.build()
    assert shop.query("select status, is_current from other") == [("gold", True)]


def test_full_refresh_false_spares_it(shop: Folder) -> None:
    shop.history(more="full_refresh: false\n")
    report = shop.build(full_refresh=True)
    assert report.plan.notes == ()
    assert shop.states() == BOTH
    shop.history("select *, 1 as more from customers", more="full_refresh: false\n")
    assert shop.refused(full_refresh=True) == ["PLN004"]


def test_a_lost_state_loses_no_history(shop: Folder) -> None:
    shutil.rmtree(shop.root / ".sqlpipes")
    shop.customers("lost", 3)
    shop.build()
    assert shop.states() == [("new", False), ("gold", False), ("lost", True)]


def test_a_snapshot_that_moves_takes_its_history_along(shop: Folder) -> None:
    shop.history(more="alias: history_2\n")
    shop.build()
    found = shop.query("select status, is_current from history_2 order by valid_from")
    assert found == BOTH


def test_an_empty_trial_touches_no_history(shop: Folder) -> None:
    shop.history(more="hard_deletes: invalidate\n")
    shop.build(empty=True)
    assert shop.states() == BOTH
    shop.build()
    assert shop.states() == BOTH


def test_killed_anywhere_a_later_build_makes_it_good(shop: Folder) -> None:
    for at in range(1, 9):
        status, day = f"s{at}", f"2024-02-{at:02}"
        shop.write("customers", f"select 1 as id, '{status}' as status, timestamp '{day}' as ts")
        seen = 0

        def on_event(event: Any, last: int = at) -> None:
            nonlocal seen
            seen += 1
            if seen == last:
                raise Killed

        try:
            sqlpipes.build(shop.load(), on_event=on_event, clock=lambda: shop.now)
        except Killed:
            shop.build()
    found = [status for status, _ in shop.states()]
    assert found == ["new", "gold", *(f"s{at}" for at in range(1, 9))]
    assert shop.query("select count(*) from history where is_current") == [(1,)]


def test_the_command_takes_snapshots_only(shop: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    from click.testing import CliRunner

    from sqlpipes.cli import sqlpipes as command

    shop.customers("lost", 3)
    shop.build("customers")
    shop.write("more", "select 1 as x")
    result = CliRunner().invoke(command, ["snapshot", "--project-dir", str(shop.root)])
    assert result.exit_code == 0, result.output
    assert "take snapshot  history" in result.output
    assert "more" not in result.output
    assert len(shop.states()) == 3


# ---------------------------------------------------------------------------------------- slices


def sliced(shop: Folder, change: str, columns: str) -> None:
    cut = "partition: {by: day, column: d, start: 2024-01-01}"
    front = (
        f"/*\n---\n{cut}\ninputs: {{orders: as_of_build}}\non_schema_change: {change}\n---\n*/\n"
    )
    shop.write("daily", f"{front}select * from orders")
    rows = f"select date '2024-01-01' + range::int as d{columns} from range(9)"
    shop.write("orders", f"/*\n---\nmaterialized: table\n---\n*/\n{rows}")


def test_rebuild_fills_old_slices_when_an_input_gets_a_column(shop: Folder) -> None:
    sliced(shop, "rebuild", "")
    shop.build()
    assert shop.query("select count(*) from daily") == [(3,)]
    sliced(shop, "rebuild", ", 7 as extra")
    shop.now = datetime(2024, 1, 6, 12, tzinfo=UTC)
    (step,) = [s for s in sqlpipes.plan(shop.load(), now=shop.now).steps if s.asset == "daily"]
    assert (str(step.slices), str(step.held)) == (
        "2024-01-04..2024-01-06",
        "2024-01-01..2024-01-04",
    )
    shop.build()
    assert shop.query("select count(*), count(extra) from daily") == [(5, 5)]
    assert sqlpipes.plan(shop.load(), now=shop.now).steps == ()


def test_a_changed_query_of_slices_is_a_full_rebuild_whatever_is_said(shop: Folder) -> None:
    for change in ("fail", "add", "ignore"):
        sliced(shop, change, "")
        shop.build()
        path = shop.root / "models" / "daily.sql"
        path.write_text(path.read_text().replace("select *", "select *, 7 as extra"))
        shop.build()
        assert shop.query("select count(*), count(extra) from daily") == [(3, 3)]


def test_a_partition_that_begins_later_drops_what_lies_before(shop: Folder) -> None:
    sliced(shop, "fail", ", 1 as one")
    shop.build()
    path = shop.root / "models" / "daily.sql"
    text = path.read_text().replace("select *", "select d").replace("2024-01-01", "2024-01-02")
    path.write_text(text)
    shop.build()
    assert shop.query("select count(*), min(d)::varchar from daily") == [(2, "2024-01-02")]
