"""The sample project in the root of the repository: it is built as it stands, in a copy."""

from __future__ import annotations

import csv
import json
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

import sqlpipes
from sqlpipes.api import rows as rows_of
from sqlpipes.core.asset import Kind, Materialized
from sqlpipes.core.plan import Why
from sqlpipes.core.status import Status

pytest.importorskip("numpy")

HERE = Path(__file__).resolve().parent.parent
PARTS = ("models", "seeds", "raw", "macros", "tests/checks")
TABLES = (
    "orders",
    "sales",
    "daily_sales",
    "monthly_sales",
    "daily_traffic",
    "customer_segments",
    "lead_features",
    "lead_scores",
    "demand_forecast",
)


def copy_sample(folder: Path) -> Path:
    """The sample's files alone, so a build here leaves nothing in the repository."""
    for part in PARTS:
        shutil.copytree(HERE / part, folder / part)
    shutil.copy(HERE / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[sqlpipes.Project, sqlpipes.Report]:
    project = sqlpipes.load(str(copy_sample(tmp_path_factory.mktemp("shop"))))
    return project, sqlpipes.build(project)


def figures(project: sqlpipes.Project, query: str) -> tuple[object, ...]:
    """The one row that a query returns."""
    return rows_of(project, inline=query).rows[0]


def newest_orders(folder: Path) -> dict[str, dict[str, str]]:
    """order id -> the row of its newest status change, read from the raw file by nothing of ours."""
    newest: dict[str, dict[str, str]] = {}
    with (folder / "seeds/raw_sales.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            known = newest.get(row["order_id"])
            if known is None or known["updated_at"] < row["updated_at"]:
                newest[row["order_id"]] = row
    return newest


def counted_orders(folder: Path) -> dict[str, Decimal]:
    """order id -> what was paid, for the orders that count as sales."""
    return {
        order_id: int(row["quantity"]) * Decimal(row["unit_price"].replace(",", "."))
        for order_id, row in newest_orders(folder).items()
        if row["status"].strip().lower() != "cancelled" and row["quantity"] and row["unit_price"]
    }


def paid_back(folder: Path) -> Decimal:
    counted = counted_orders(folder)
    with (folder / "seeds/raw_refunds.csv").open(encoding="utf-8") as file:
        refunds = {row["refund_id"]: row for row in csv.DictReader(file)}
    return sum(
        (Decimal(row["amount"]) for row in refunds.values() if row["order_id"] in counted),
        Decimal(0),
    )


def test_it_loads_without_a_problem(shop: tuple[sqlpipes.Project, sqlpipes.Report]) -> None:
    project, _ = shop
    assert project.problems == ()
    assert project.config.name == "shop"
    assert len(project.graph.assets) >= 25
    assert len(project.graph.checks) >= 60
    assert {asset.kind for asset in project.graph.assets.values()} == set(Kind)
    wanted = set(Materialized) - {Materialized.NONE}
    assert {asset.materialized for asset in project.graph.assets.values()} == wanted


def test_every_asset_says_what_it_is_and_whose(
    shop: tuple[sqlpipes.Project, sqlpipes.Report],
) -> None:
    assets = shop[0].graph.assets.values()
    assert [a.name for a in assets if not a.description] == []
    assert [a.name for a in assets if not a.owners] == []


def test_the_first_build_is_green_and_two_checks_warn(
    shop: tuple[sqlpipes.Project, sqlpipes.Report],
) -> None:
    _, report = shop
    assert report.ok
    assert report.failed == ()
    found = {check.check: check.failures for check in report.checks if check.status != "success"}
    unknown = sum(row["product_id"] == "P-999" for row in distinct_rows(HERE, "raw_sales"))
    assert found == {
        "stg_sales.relationships.product_id": unknown,
        "stg_refunds.relationships.order_id": 1,
    }
    assert report.status is Status.WARN


def distinct_rows(folder: Path, seed: str) -> list[dict[str, str]]:
    """The rows of a raw file without the doubled ones, statuses tidied."""
    with (folder / f"seeds/{seed}.csv").open(encoding="utf-8") as file:
        return [dict(row) for row in {tuple(row.items()) for row in csv.DictReader(file)}]


def test_a_second_plan_is_empty(shop: tuple[sqlpipes.Project, sqlpipes.Report]) -> None:
    assert sqlpipes.plan(sqlpipes.load(shop[0].root)).steps == ()


def test_sales_are_what_the_raw_files_add_up_to(
    shop: tuple[sqlpipes.Project, sqlpipes.Report],
) -> None:
    counted = counted_orders(HERE)
    gross, back = sum(counted.values()), paid_back(HERE)
    query = "select count(*), sum(gross_amount), sum(refund_amount), sum(net_amount) from sales"
    assert figures(shop[0], query) == (len(counted), gross, back, gross - back)
    days = "select sum(order_count), sum(gross_sales), sum(refunds), sum(net_sales)"
    assert figures(shop[0], f"{days} from daily_sales") == figures(shop[0], query)
    months = "select sum(order_count), sum(net_sales) from monthly_sales"
    assert figures(shop[0], months) == (len(counted), gross - back)


def test_orders_are_the_newest_version_of_each(
    shop: tuple[sqlpipes.Project, sqlpipes.Report],
) -> None:
    expected = {
        (int(id_), row["status"].strip().lower()) for id_, row in newest_orders(HERE).items()
    }
    found = rows_of(shop[0], inline="select order_id, status from orders", limit=10_000)
    assert set(found.rows) == expected
    assert len(found.rows) == len(expected)


def test_people_who_registered_twice_are_one(
    shop: tuple[sqlpipes.Project, sqlpipes.Report],
) -> None:
    emails = {row["email"].strip().lower() for row in distinct_rows(HERE, "raw_customers")}
    assert figures(shop[0], "select count(*), count(distinct email) from customers") == (
        len(emails),
        len(emails),
    )
    second = "select count(*) from sales where customer_id like 'C-9%'"
    assert figures(shop[0], second) == (0,)


def test_the_model_is_a_file_that_beats_guessing(
    shop: tuple[sqlpipes.Project, sqlpipes.Report],
) -> None:
    model = json.loads((Path(shop[0].root) / "output/lead_model.json").read_text("utf-8"))
    assert 0.7 < model["metrics"]["auc"] < 0.95
    assert len(model["weights"]) == len(model["features"])
    leads = "select count(*), min(probability) > 0, max(probability) < 1 from lead_scores"
    wanted = figures(shop[0], "select count(*), true, true from lead_features where is_lead")
    assert figures(shop[0], leads) == wanted


def test_the_dashboard_shows_the_figures_and_needs_no_network(
    shop: tuple[sqlpipes.Project, sqlpipes.Report],
) -> None:
    page = (Path(shop[0].root) / "output/sales_dashboard.html").read_text("utf-8")
    net = sum(counted_orders(HERE).values()) - paid_back(HERE)
    assert f"€ {net:,.0f}" in page
    assert page.count("<rect class=day") == 181
    assert page.count("<svg") == 2
    assert re.search(r"https?:|<script|<img|<link|@import|\$[a-z]", page) is None


def test_late_order_rows_end_in_the_same_tables_as_one_build_of_everything(
    shop: tuple[sqlpipes.Project, sqlpipes.Report], tmp_path: Path
) -> None:
    late = copy_sample(tmp_path)
    export = late / "seeds/raw_sales.csv"
    head, *lines = export.read_text("utf-8").splitlines(keepends=True)
    in_may = [line for line in lines if line.rstrip().rpartition(",")[2] < "2025-05-20"]
    export.write_text(head + "".join(in_may), encoding="utf-8")
    assert sqlpipes.build(sqlpipes.load(str(late))).ok

    export.write_text(head + "".join(lines), encoding="utf-8")
    project = sqlpipes.load(str(late))
    report = sqlpipes.build(project)
    assert report.ok
    merged = {event.asset: event.rows for event in report.finished}["orders"]
    assert merged is not None
    assert 0 < merged < len(newest_orders(HERE)) / 2  # only orders with news were read
    for table in TABLES:
        query = f"select * from {table} order by all"
        expected = rows_of(shop[0], inline=query, limit=20_000).rows
        assert rows_of(project, inline=query, limit=20_000).rows == expected, table
    assert sqlpipes.plan(sqlpipes.load(str(late))).steps == ()


def test_a_status_that_nobody_knows_stops_at_the_gate(tmp_path: Path) -> None:
    folder = copy_sample(tmp_path)
    ask = sqlpipes.Ask(select=("+daily_sales", "+customers"))
    assert sqlpipes.build(sqlpipes.load(str(folder)), ask).ok
    before = figures(sqlpipes.load(str(folder)), "select sum(net_sales) from daily_sales")
    export = folder / "seeds/raw_sales.csv"
    with export.open("a", encoding="utf-8") as file:
        row = "99998,C-0001,P-101,2025-06-30 10:00:00,1,9.90,lost,2025-06-30 10:00:00"
        file.write(f"{row},2025-06-30 11:00:00\n")
    report = sqlpipes.build(sqlpipes.load(str(folder)), ask)
    assert [failed.asset for failed in report.failed] == ["stg_sales"]
    after = figures(sqlpipes.load(str(folder)), "select sum(net_sales) from daily_sales")
    assert after == before


def test_a_part_of_the_shop_can_be_built_alone(tmp_path: Path) -> None:
    ask = sqlpipes.Ask(select=("+daily_sales",))
    assert sqlpipes.build(sqlpipes.load(str(copy_sample(tmp_path))), ask).ok


def test_a_new_month_of_visits_reopens_what_reads_them(tmp_path: Path) -> None:
    folder = copy_sample(tmp_path)
    june = folder / "raw/sessions/2025-06.parquet"
    content = june.read_bytes()
    june.unlink()
    ask = sqlpipes.Ask(select=("+daily_traffic",))
    assert sqlpipes.build(sqlpipes.load(str(folder)), ask).ok
    in_june = "select count(*) from daily_traffic where session_date >= '2025-06-02'"
    assert figures(sqlpipes.load(str(folder)), in_june) == (0,)
    june.write_bytes(content)
    steps = {step.asset: step for step in sqlpipes.plan(sqlpipes.load(str(folder)), ask).steps}
    assert {reason.why for reason in steps["web.sessions"].reasons} == {Why.SOURCE_CHANGED}
    assert "daily_traffic" in steps
    assert sqlpipes.build(sqlpipes.load(str(folder)), ask).ok
    assert figures(sqlpipes.load(str(folder)), in_june) == (29,)


def test_a_removed_file_is_written_again(tmp_path: Path) -> None:
    folder = copy_sample(tmp_path)
    ask = sqlpipes.Ask(select=("+lead_model",))
    assert sqlpipes.build(sqlpipes.load(str(folder)), ask).ok
    model = folder / "output/lead_model.json"
    content = model.read_bytes()
    model.unlink()
    sqlpipes.build(sqlpipes.load(str(folder)), ask)
    assert model.read_bytes() == content
