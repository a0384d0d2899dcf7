"""What `sqlpipes init` copies: it must be green from the first build, and do what its README says."""

from __future__ import annotations

from pathlib import Path

import pytest

import sqlpipes
from sqlpipes.api import lint, rows, write_starter


@pytest.fixture
def folder(tmp_path: Path) -> str:
    write_starter(str(tmp_path))
    return str(tmp_path)


def test_it_is_small_and_complete(folder: str) -> None:
    project = sqlpipes.load(folder)
    assert lint(project) == ()
    assert list(project.graph.order) == [
        "raw_orders",
        "stg_orders",
        "best_customers",
        "daily_revenue",
    ]
    assert len(project.graph.checks) >= 6
    assert ".sqlpipes/" in (Path(folder) / ".gitignore").read_text("utf-8")


def test_it_builds_green_and_then_there_is_nothing_to_do(folder: str) -> None:
    report = sqlpipes.build(sqlpipes.load(folder))
    assert report.status == "success"
    assert {check.check for check in report.checks} >= {"revenue_is_complete"}
    assert sqlpipes.plan(sqlpipes.load(folder)).steps == ()
    best = rows(sqlpipes.load(folder), "best_customers")
    first = next(row for row in best.rows if row[best.columns.index("place")] == 1)
    assert (first[0], float(first[best.columns.index("revenue")])) == ("Cleo", 89.2)


def test_a_misspelt_status_is_stopped_as_the_readme_says(folder: str) -> None:
    sqlpipes.build(sqlpipes.load(folder))
    before = rows(sqlpipes.load(folder), "daily_revenue").rows
    seed = Path(folder) / "seeds/raw_orders.csv"
    seed.write_text(seed.read_text("utf-8").replace("24.50,paid", "24.50,payed"), "utf-8")
    report = sqlpipes.build(sqlpipes.load(folder))
    assert [failed.asset for failed in report.failed] == ["stg_orders"]
    assert rows(sqlpipes.load(folder), "daily_revenue").rows == before


def test_nothing_is_overwritten(folder: str) -> None:
    with pytest.raises(sqlpipes.ProjectError, match="INI001"):
        write_starter(folder)
