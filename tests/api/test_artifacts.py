"""dbt's artifacts: read as their readers do, and held against the project that they tell of."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sqlpipes.api import artifacts, build, load, runs
from sqlpipes.cli import sqlpipes
from sqlpipes.core.errors import ProjectError

ORDERS = """/*
---
description: One row per order.
owner: sales@acme.com
materialized: table
tags: [finance]
group: sales
meta: {tier: 1}
checks:
  - not_null: order_id
  - accepted_values: {column: status, values: [paid], severity: warn}
---
*/
select
    order_id,  -- who it is
    amount,
    status
from raw_orders
"""
SHOP = {
    "sqlpipes.yml": "name: shop\n",
    "seeds/raw_orders.csv": "order_id,amount,status\n1,10.50,paid\n2,3.00,open\n",
    "models/orders.sql": ORDERS,
    "models/total.sql": "select sum(amount) as total from orders",
    "models/seen.sql": "select * from web.sessions",
    "models/sources.yml": "sources:\n  - name: web\n    tables:\n      - name: sessions\n"
    "        columns:\n          - {name: id, type: integer}\n",
    "models/scores.py": "from sqlpipes import asset\n\n\n@asset\ndef scores(orders):\n"
    "    '''Scored.'''\n    return [{'order_id': 1}]\n",
    "models/tests.yml": "unit_tests:\n  - name: adds\n    model: total\n    given:\n"
    "      - input: orders\n        rows: [{amount: 1.0}, {amount: 2.0}]\n"
    "    expect: {rows: [{total: 3.0}]}\n",
    "tests/no_refunds.sql": "select * from orders where amount < 0",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def said(root: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "target" / f"{name}.json").read_text())
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    import duckdb

    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("create schema web; create table web.sessions as select 1 as id")
    project = load(str(write(tmp_path, SHOP)))
    build(project)
    artifacts(project)
    return tmp_path


def test_readers_of_dbt_read_all_three(shop):
    parser = pytest.importorskip("dbt_artifacts_parser.parser")
    manifest = parser.parse_manifest_v12(said(shop, "manifest"))
    catalog = parser.parse_catalog_v1(said(shop, "catalog"))
    results = parser.parse_run_results_v6(said(shop, "run_results"))

    assert {each.unique_id for each in results.results} <= set(manifest.nodes)
    assert set(catalog.nodes) <= set(manifest.nodes)
    orders = manifest.nodes["model.shop.orders"]
    assert (orders.resource_type, orders.config.materialized) == ("model", "table")
    assert orders.relation_name == '"shop"."main"."orders"'
    test = next(each for name, each in manifest.nodes.items() if "not_null" in name)
    assert (test.attached_node, test.column_name) == ("model.shop.orders", "order_id")
    assert test.test_metadata.name == "not_null"


def test_the_manifest_has_every_node_with_what_is_above_and_below(shop):
    manifest = said(shop, "manifest")
    kinds = sorted((each["resource_type"], each["name"]) for each in manifest["nodes"].values())
    assert kinds == [
        ("model", "orders"),
        ("model", "scores"),
        ("model", "seen"),
        ("model", "total"),
        ("seed", "raw_orders"),
        ("test", "accepted_values_orders_status"),
        ("test", "no_refunds"),
        ("test", "not_null_orders_order_id"),
    ]
    assert list(manifest["sources"]) == ["source.shop.web.sessions"]
    assert manifest["parent_map"]["model.shop.orders"] == ["seed.shop.raw_orders"]
    assert manifest["parent_map"]["model.shop.seen"] == ["source.shop.web.sessions"]
    assert manifest["parent_map"]["test.shop.no_refunds"] == ["model.shop.orders"]
    below = manifest["child_map"]["model.shop.orders"]
    assert {"model.shop.total", "model.shop.scores", "test.shop.no_refunds"} <= set(below)
    assert manifest["child_map"]["model.shop.total"] == ["unit_test.shop.total.adds"]


def test_the_manifest_tells_what_is_written_of_an_asset(shop):
    manifest = said(shop, "manifest")
    orders = manifest["nodes"]["model.shop.orders"]
    assert orders["description"] == "One row per order."
    assert orders["columns"]["order_id"]["description"] == "who it is"
    assert orders["columns"]["amount"]["data_type"]
    assert orders["tags"] == ["finance"]
    assert (orders["meta"]["tier"], orders["meta"]["owner"]) == (1, "sales@acme.com")
    assert orders["checksum"] == {"name": "sha256", "checksum": sha256(ORDERS.encode()).hexdigest()}
    assert orders["raw_code"].strip().startswith("select")
    assert "raw_orders" in orders["compiled_code"]
    assert manifest["groups"]["group.shop.sales"]["owner"]["email"] == "sales@acme.com"
    scores = manifest["nodes"]["model.shop.scores"]
    assert (scores["language"], scores["compiled"]) == ("python", False)
    assert "def scores" in scores["raw_code"]
    unit_test = manifest["unit_tests"]["unit_test.shop.total.adds"]
    assert unit_test["given"][0]["rows"] == [{"amount": 1.0}, {"amount": 2.0}]
    assert unit_test["expect"]["rows"] == [{"total": 3.0}]


def test_the_catalog_has_the_columns_that_stand_in_the_warehouse(shop):
    catalog = said(shop, "catalog")
    columns = catalog["nodes"]["model.shop.orders"]["columns"]
    assert [(each["name"], each["index"]) for each in columns.values()] == [
        ("amount", 2),
        ("order_id", 1),
        ("status", 3),
    ]
    assert columns["order_id"]["comment"] == "who it is"
    assert catalog["nodes"]["model.shop.total"]["metadata"]["type"] == "VIEW"
    assert catalog["sources"]["source.shop.web.sessions"]["columns"]["id"]["type"] == "INTEGER"


def statuses(root: Path) -> dict[str, str]:
    results = said(root, "run_results")["results"]
    return {each["unique_id"].split(".")[2]: each["status"] for each in results}


def test_results_are_those_of_the_run_that_is_named(shop):
    first = statuses(shop)
    assert (first["orders"], first["raw_orders"]) == ("success", "success")
    assert first["not_null_orders_order_id"] == "pass"
    assert first["accepted_values_orders_status"] == "warn"
    rows = {each["unique_id"]: each for each in said(shop, "run_results")["results"]}
    assert rows["model.shop.orders"]["adapter_response"]["rows_affected"] == 2

    write(shop, {"seeds/raw_orders.csv": "order_id,amount,status\n,1.0,paid\n"})
    project = load(str(shop))
    build(project)
    artifacts(project)
    failed = statuses(shop)
    assert failed["not_null_orders_order_id"] == "fail"
    assert (failed["orders"], failed["scores"]) == ("error", "skipped")

    artifacts(project, run=runs(project)[1].run_id)
    assert statuses(shop) == first


def test_without_a_run_there_are_no_results_and_the_same_files_say_the_same(tmp_path):
    from datetime import UTC, datetime

    project = load(str(write(tmp_path, {"models/one.sql": "select 1 as x"})))
    now = datetime(2024, 1, 1, tzinfo=UTC)
    paths = artifacts(project, now=now)
    assert [Path(path).name for path in paths] == ["manifest.json", "catalog.json"]
    before = [Path(path).read_bytes() for path in paths]
    artifacts(load(str(tmp_path)), now=now)
    assert [Path(path).read_bytes() for path in paths] == before
    assert said(tmp_path, "catalog")["nodes"] == {}


def test_a_secret_is_in_none_of_them(tmp_path):
    text = "select '{{ env_var(\"DBT_ENV_SECRET_KEY\") }}' as k"
    write(tmp_path, {"models/one.sql": text})
    project = load(str(tmp_path), environ={"DBT_ENV_SECRET_KEY": "hunter-two-2"})
    build(project)
    for path in artifacts(project):
        assert "hunter-two-2" not in Path(path).read_text()
    assert (
        "***"
        in said(tmp_path, "manifest")["nodes"][f"model.{project.config.name}.one"]["compiled_code"]
    )


def test_a_secret_of_digits_is_hidden_in_texts_and_leaves_numbers_whole(tmp_path):
    text = """/*
---
materialized: table
---
*/
select '{{ env_var("DBT_ENV_SECRET_KEY") }}' as k from range(12345)"""
    write(tmp_path, {"models/one.sql": text})
    project = load(str(tmp_path), environ={"DBT_ENV_SECRET_KEY": "1234"})
    build(project)
    artifacts(project)
    (result,) = said(tmp_path, "run_results")["results"]
    assert result["adapter_response"]["rows_affected"] == 12345
    assert "'***' as k" in result["compiled_code"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    project = load(str(write(tmp_path, {"models/one.sql": "select 1 as x", "file": ""})))
    with pytest.raises(ProjectError, match="ART001"):
        artifacts(project, "file/below")
    found = CliRunner().invoke(
        sqlpipes, ["artifacts", "--project-dir", str(tmp_path), "--target-path", "file"]
    )
    assert found.exit_code == 2
    assert "ART001" in found.output
    assert not list(tmp_path.rglob("*.part"))
