"""Early cut-off: what is written again and holds what it held moves nothing that reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from places import Place

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.events import StepFinished, StepSkipped

NOW = datetime(2024, 1, 6, 12, tzinfo=UTC)
DAILY = "partition: {by: day, column: d, start: 2024-01-01, end: 2024-01-06}\n"


class Shop:
    """raw.sales -> cleaned -> report, where `cleaned` drops most of what changes."""

    def __init__(self, root: Path, place: Place, cleaned: str, report: str = DAILY) -> None:
        self.root, self.place = root, place
        place.prepare(root)
        (root / "models").mkdir()
        (root / "sqlpipes.yml").write_text("name: shop\n")
        self.write("cleaned", "select d, v from raw.sales where v > 0", cleaned)
        self.write("report", "select d, sum(v) as v from cleaned group by d", report)
        self.sql("create table raw.sales (d date, v integer)")
        for day in range(1, 6):
            self.sql(
                f"insert into raw.sales values ('2024-01-0{day}', {day}), ('2024-01-0{day}', -1)"
            )

    def write(self, name: str, query: str, settings: str) -> None:
        text = f"/*\n---\nmaterialized: table\n{settings}---\n*/\n{query}\n"
        (self.root / "models" / f"{name}.sql").write_text(text)

    def sql(self, text: str) -> list[tuple[object, ...]]:
        return self.place.sql(self.root, text)

    def build(self, **ask: object) -> dict[str, str]:
        """asset -> the slices that were written, or why it was skipped."""
        project = sqlpipes.load(str(self.root), environ={})
        report = sqlpipes.build(project, Ask(**ask), clock=lambda: NOW)  # type: ignore[arg-type]
        assert report.ok, [problem for event in report.failed for problem in event.problems]
        said = {}
        for event in report.events:
            if isinstance(event, StepFinished) and event.action != "observe source":
                said[event.asset] = str(event.slices)
            elif isinstance(event, StepSkipped):
                said[event.asset] = event.because
        assert not sqlpipes.plan(project, now=NOW).steps
        return said


def test_a_table_that_holds_what_it_held_rebuilds_nothing_below(
    tmp_path: Path, place: Place
) -> None:
    shop = Shop(tmp_path, place, "skip_unchanged: true\n", report="")
    shop.build()
    shop.sql("insert into raw.sales values ('2024-01-02', -5)")
    assert shop.build() == {"cleaned": "all", "report": "inputs hold what they held"}
    shop.sql("insert into raw.sales values ('2024-01-02', 5)")
    assert shop.build().keys() == {"cleaned", "report"}
    assert shop.sql("select v from report where d = '2024-01-02'") == [(7,)]


@pytest.mark.parametrize("moved", ["2024-01-03", None])
def test_only_slices_with_other_rows_reach_what_reads_them(
    tmp_path: Path, place: Place, moved: str | None
) -> None:
    shop = Shop(tmp_path, place, DAILY + "skip_unchanged: true\n")
    shop.build()
    shop.sql("insert into raw.sales values ('2024-01-02', -5), ('2024-01-04', -5)")
    if moved:
        shop.sql(f"insert into raw.sales values ('{moved}', 10)")
    found = shop.build()
    assert found["cleaned"] == ("2024-01-02..2024-01-05" if moved else "2024-01-02, 2024-01-04")
    assert found["report"] == (moved or "inputs hold what they held")


def test_without_the_key_every_write_counts(tmp_path: Path, place: Place) -> None:
    shop = Shop(tmp_path, place, "", report="")
    shop.build()
    shop.sql("insert into raw.sales values ('2024-01-02', -5)")
    assert "inputs hold" not in shop.build()["report"]


def test_other_columns_are_other_content(tmp_path: Path, place: Place) -> None:
    shop = Shop(tmp_path, place, "skip_unchanged: true\n", report="")
    shop.build()
    shop.write(
        "cleaned", "select d, v::bigint as v from raw.sales where v > 0", "skip_unchanged: true\n"
    )
    assert "inputs hold" not in shop.build()["report"]


def test_what_is_forced_is_written(tmp_path: Path, place: Place) -> None:
    shop = Shop(tmp_path, place, "skip_unchanged: true\n", report="")
    shop.build()
    assert "inputs hold" not in shop.build(force=True)["report"]


def test_a_view_between_passes_on_that_nothing_moved(tmp_path: Path, place: Place) -> None:
    shop = Shop(tmp_path, place, "skip_unchanged: true\n", report="")
    shop.write("report", "select d, sum(v) as v from positive group by d", "")
    (shop.root / "models" / "positive.sql").write_text("select * from cleaned where v > 0\n")
    shop.build()
    shop.sql("insert into raw.sales values ('2024-01-02', -5)")
    found = shop.build()
    assert found["positive"] == found["report"] == "inputs hold what they held"
