"""The documents of a page: what is in them is what the command line says."""

from __future__ import annotations

import json

import pytest
from cli.projects import SHOP, ok, run, write
from show.site.sites import built, document

from sqlpipes.show.site.overview import slug


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return built(tmp_path_factory.mktemp("shop"))


def node(site, name):
    return next(each for each in document(site, "graph")["nodes"] if each["name"] == name)


def test_the_graph_has_every_asset_in_order_and_every_edge(site):
    graph = document(site, "graph")
    names = [each["name"] for each in graph["nodes"]]
    assert names == json.loads(
        "[" + ",".join(f'"{n}"' for n in ok(site.parent, "ls").split()) + "]"
    )
    edges = {(names[edge[0]], names[edge[1]]) for edge in graph["edges"]}
    assert edges == {
        ("raw_orders", "stg_orders"),
        ("stg_orders", "daily"),
        ("daily", "total"),
        ("daily", "forecast"),
    }
    assert graph["project"] == "shop"
    assert graph["version"] == 1


def test_a_node_says_what_it_is_filtered_and_coloured_by(site):
    staged = node(site, "stg_orders")
    assert (staged["kind"], staged["materialized"], staged["state"]) == ("sql", "view", "current")
    assert (staged["folder"], staged["group"], staged["tags"]) == ("models", "sales", ["core"])
    assert staged["about"] == "Orders, **typed**."
    forecast = node(site, "forecast")
    assert (forecast["owners"], forecast["folder"]) == (["ml@acme.com"], "models/py")


def test_states_are_those_of_status(site):
    told = json.loads(ok(site.parent, "status", "--json"))
    assert {n["name"]: n["state"] for n in document(site, "graph")["nodes"]} == {
        each["asset"]: each["state"] for each in told
    }


def test_an_asset_has_columns_with_docs_types_and_where_they_come_from(site):
    daily = document(site, "asset/daily")
    assert [column["name"] for column in daily["columns"]] == ["day", "revenue"]
    assert daily["columns"][0]["type"] == "DATE"
    edges = {(e["column"], e["asset"], e["source"], e["kind"]) for e in daily["edges"]}
    assert ("revenue", "stg_orders", "amount", "aggregated") in edges
    assert (None, "stg_orders", "day", "group") in edges
    revenue = next(e for e in daily["edges"] if e["column"] == "revenue")
    assert revenue["expression"] == "sum(amount)"
    at = {"file": "models/daily.sql", "line": 10, "column": 13, "length": len("sum(amount)")}
    assert revenue["at"] == at
    amount = document(site, "asset/stg_orders")["columns"][2]
    assert amount["description"] == "euro, with tax"
    assert daily["inputs"] == ["stg_orders"]
    assert sorted(daily["readers"]) == ["forecast", "total"]


def test_slices_are_ranges_with_their_state_and_the_picture_of_the_terminal(site):
    slices = document(site, "asset/daily")["slices"]
    assert (slices["by"], slices["columns"], slices["count"]) == ("day", ["day"], 3)
    (built_ones,) = slices["states"]
    assert (built_ones["state"], built_ones["count"]) == ("built", 3)
    assert built_ones["ranges"] == ["2024-01-01..2024-01-04"]
    ((label, cells),) = slices["picture"]["rows"]
    assert (label, cells.strip()) == ("2024-01", "bbb")
    assert slices["picture"]["caption"] == "a cell is one slice"
    assert document(site, "asset/total")["slices"] is None


def test_checks_have_their_newest_result_and_the_ones_before(site):
    (check,) = document(site, "asset/daily")["checks"]
    assert (check["name"], check["type"], check["status"]) == (
        "daily.not_null.revenue",
        "not_null",
        "success",
    )
    assert check["columns"] == ["revenue"]
    assert [result[1:3] for result in check["results"]] == [["success", 0]]


def test_sql_stands_there_as_written_as_compiled_and_as_run(site):
    daily = document(site, "asset/daily")
    text, line, language = daily["sql"]["written"]
    assert (line, language) == (10, "sql")
    assert text.startswith("select day, sum(amount)")
    assert "sum(amount) as revenue" in daily["sql"]["compiled"]
    assert any("sum(amount) as revenue" in statement for statement in daily["sql"]["ran"])
    code, line, language = document(site, "asset/forecast")["sql"]["written"]
    assert (line, language) == (4, "python")
    assert code.startswith("@asset(")
    assert document(site, "asset/raw_orders")["sql"]["written"] is None


def test_what_a_function_logged_and_printed_is_told(site):
    assert document(site, "asset/forecast")["logged"]["quality"] == {"type": "number", "value": 0.5}
    run_ = document(site, "run/" + document(site, "runs")["runs"][0]["doc"])
    step = next(step for step in run_["steps"] if step["asset"] == "forecast")
    assert "hello" in step["log"]


def test_a_run_has_every_step_with_its_time_its_rows_and_why(site):
    (head,) = document(site, "runs")["runs"]
    assert head["status"] == "success"
    assert head["command"].startswith("build")
    run_ = document(site, "run/" + head["doc"])
    assert {step["asset"] for step in run_["steps"]} == {
        "raw_orders",
        "stg_orders",
        "daily",
        "total",
        "forecast",
    }
    daily = next(step for step in run_["steps"] if step["asset"] == "daily")
    assert daily["reasons"] == ["never built"]
    assert daily["begin"] <= daily["end"]
    assert daily["rows"] == 2
    assert document(site, "asset/daily")["history"][0]["rows"] == 2


def test_everything_can_be_searched(site):
    rows = {row[0]: row for row in document(site, "search")["assets"]}
    assert rows["stg_orders"][2][2] == ["amount", "euro, with tax"]
    assert rows["daily"][3] == ["daily.not_null.revenue"]
    assert "ml@acme.com" in rows["forecast"][4]


def test_before_the_first_build_everything_is_missing_and_nothing_is_said_to_have_run(tmp_path):
    write(tmp_path, SHOP)
    ok(tmp_path, "docs")
    site = tmp_path / "site"
    assert {each["state"] for each in document(site, "graph")["nodes"]} == {"missing"}
    assert document(site, "runs") == {"runs": []}
    daily = document(site, "asset/daily")
    assert daily["history"] == []
    assert daily["slices"]["states"][0]["state"] == "missing"
    assert daily["reasons"] == ["never built"]


def test_a_failed_check_is_told_in_the_graph_with_its_rows_and_message(tmp_path):
    bad = SHOP | {"seeds/raw_orders.csv": "id,day,amount\n1,2024-01-01,10\n2,2024-01-02,\n"}
    site = built(tmp_path, bad)
    daily = node(site, "daily")
    assert (daily["failing"], daily["checks"], daily["state"]) == (1, 1, "failed")
    (check,) = document(site, "asset/daily")["checks"]
    assert (check["status"], check["failures"]) == ("fail", 1)
    assert check["sample"]["columns"]
    assert document(site, "runs")["runs"][0]["status"] == "fail"


CUTS = {
    "month": "{by: month, column: day, start: 2024-01, end: 2024-04}",
    "hour": "{by: hour, column: day, start: 2024-01-01, end: 2024-01-03}",
    "integer": "{by: integer, column: id, start: 0, end: 50, width: 10}",
    "product": "{by: [{by: day, column: day, start: 2024-01-01, end: 2024-01-04},"
    " {by: values, column: r, values: [a, b]}]}",
    "values": "{column: day, values: ['2024-01-01', '2024-01-02']}",
}


@pytest.mark.parametrize("cut", CUTS)
def test_slices_of_every_kind_have_a_picture(tmp_path, cut):
    model = f"/*\n---\npartition: {CUTS[cut]}\n---\n*/\n" + {
        "values": "select cast(day as varchar) as day from stg_orders",
        "hour": "select cast(day as timestamp) as day from stg_orders",
        "integer": "select id from stg_orders",
        "product": "select day, 'a' as r from stg_orders",
    }.get(cut, "select day from stg_orders")
    site = built(tmp_path, SHOP | {"models/cut.sql": model})
    slices = document(site, "asset/cut")["slices"]
    assert slices["states"][0]["state"] == "built"
    if cut == "values":
        assert slices["values"] == [["2024-01-01", "b"], ["2024-01-02", "b"]]
    else:
        cells = "".join(cells for _, cells in slices["picture"]["rows"])
        assert cells.count("b") == slices["count"]


def test_a_project_with_errors_has_no_page_but_the_errors(tmp_path):
    write(tmp_path, SHOP | {"models/broken.sql": "select {{ nope() }} as x"})
    result = run(tmp_path, "docs")
    assert result.exit_code == 2
    assert "models/broken.sql:1" in result.stderr
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    "name", ["../etc", "a/b", "A", "a", "ä", "con", "nul.x", "a b", "x" * 300, "…", "a:b", "\ud800"]
)
def test_a_files_name_is_one_for_every_name_and_stays_where_it_is(name):
    told = slug(name)
    assert told == slug(name)
    assert set(told) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-")
    assert ".." not in told
    assert 0 < len(told) <= 80


def test_names_that_differ_only_in_case_or_odd_letters_have_files_of_their_own():
    names = ["orders", "Orders", "ORDERS", "a b", "a_b", "a-b", "a.b", "ä", "ö"]
    assert len({slug(name) for name in names}) == len(names)
