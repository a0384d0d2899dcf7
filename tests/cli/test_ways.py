"""`ls --search`, `lineage --to` and `--between`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sqlpipes.cli import sqlpipes


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    files = {
        "seeds/raw.csv": "id,amount,status\n1,2,paid\n",
        "models/orders.sql": "select id, amount * 2 as net, status from raw where status = 'paid'",
        "models/total.sql": "select sum(net) as total from orders",
        "models/by_hand.sql": "select id, net from orders",
        "models/page.sql": "select total, id from total, by_hand",
        "models/alone.sql": "select 1 as x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(root: Path, *typed: str) -> Result:
    return CliRunner().invoke(sqlpipes, [*typed, "--project-dir", str(root)])


def test_to_is_all_that_leads_there(shop):
    said = run(shop, "lineage", "--to", "page").output
    assert said == run(shop, "lineage", "page", "--up").output
    assert all(name in said for name in ("total", "by_hand", "orders", "raw"))


def test_between_assets_are_all_ways_and_nothing_else(shop):
    said = run(shop, "lineage", "--between", "orders", "page", "--json")
    body = json.loads(said.output)
    edges = {(edge["from"], edge["to"]) for edge in body["edges"]}
    assert edges == {
        ("orders", "total"), ("orders", "by_hand"), ("total", "page"), ("by_hand", "page"),
    }  # fmt: skip
    assert said.exit_code == 0


def test_from_one_to_another_is_the_same(shop):
    one = run(shop, "lineage", "orders", "--to", "page").output
    assert one == run(shop, "lineage", "--between", "orders", "page").output


def test_between_columns_each_hop_has_its_expression(shop):
    said = run(shop, "lineage", "--between", "raw.amount", "page.total").output
    assert [line.split() for line in said.splitlines()] == [
        ["raw.amount"],
        ["goes", "into"],
        ["└──", "orders.net", "computed:", "amount", "*", "2"],
        ["└──", "total.total", "aggregated:", "sum(net)"],
        ["└──", "page.total", "copied"],
    ]


def test_what_only_decides_rows_is_told_so(shop):
    said = run(shop, "lineage", "--between", "raw.status", "page.total")
    assert "no value of it goes there" in said.output
    assert "orders" in said.output
    assert "status = 'paid'" in said.output
    assert said.exit_code == 0


def test_an_asset_and_a_column_are_ends_too(shop):
    body = json.loads(run(shop, "lineage", "--between", "raw", "page.id", "--json").output)
    ends = {(edge["from"]["asset"], edge["from"]["column"]) for edge in body["edges"]}
    assert ("raw", "id") in ends
    assert ("orders", "net") not in ends


@pytest.mark.parametrize(
    ("start", "end", "hint"),
    [
        ("page", "raw", True), ("alone", "page", False), ("page.total", "raw.amount", True),
        ("page", "page", False),
    ],
)  # fmt: skip
def test_no_way_is_said_and_exits_with_1(shop, start, end, hint):
    said = run(shop, "lineage", "--between", start, end)
    assert f"no way leads from {start} to {end}" in said.output
    assert ("other way round" in said.output) is hint
    assert said.exit_code == 1


def test_no_way_in_json_is_no_edges(shop):
    said = run(shop, "lineage", "--between", "alone", "page", "--json")
    assert json.loads(said.output)["edges"] == []
    assert said.exit_code == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ((), "name one asset or column"),
        (("orders", "--between", "raw", "page"), "name one asset or column"),
        (("--between", "raw", "page", "--up"), "not of two"),
        (("--to", "page", "--down"), "say one"),
    ],
)
def test_what_does_not_go_together_is_told(shop, typed, said):
    answer = run(shop, "lineage", *typed)
    assert answer.exit_code == 2
    assert said in answer.output


def test_a_misspelt_end_has_the_nearest_name(shop):
    said = run(shop, "lineage", "--between", "raw", "pagee")
    assert "did you mean 'page'?" in said.output
    said = run(shop, "lineage", "--between", "raw.amuont", "page")
    assert "did you mean 'amount'?" in said.output


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_ways_are_drawn(shop, form):
    said = run(shop, "lineage", "--between", "raw.amount", "page", "-o", form)
    assert said.exit_code == 0
    assert "sum(net)" in said.output


def test_search_says_where(shop):
    said = run(shop, "ls", "--search", "net")
    assert "models/orders.sql:1:" in said.output
    assert "sum(net)" in said.output


def test_search_in_json_has_the_lines(shop):
    body = json.loads(run(shop, "ls", "--search", "net", "--json").output)
    first = body[0]
    assert first["name"] in ("by_hand", "orders")
    assert first["found"][0]["line"] == 1


def test_search_goes_with_a_selection(shop):
    said = run(shop, "ls", "-s", "total+", "--search", "net", "-o", "path")
    assert said.output == "models/total.sql\n"


def test_nothing_found_is_like_grep(shop):
    said = run(shop, "ls", "--search", "ordes")
    assert said.exit_code == 1
    assert "did you mean 'orders'?" in said.output
    assert run(shop, "ls", "--search", " ").exit_code == 2


def test_columns_are_completed(shop):
    from click.shell_completion import ShellComplete

    complete = ShellComplete(sqlpipes, {}, "sqlpipes", "_SQLPIPES_COMPLETE")
    at = ["--project-dir", str(shop)]
    found = complete.get_completions(["lineage", *at, "--to"], "orders.n")
    assert [each.value for each in found] == ["orders.net"]
    found = complete.get_completions(["lineage", *at, "--between", "raw"], "pa")
    assert [each.value for each in found] == ["page"]
