"""Unit tests in YAML, as `test` and `build` run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.projects import SHOP, ok, run, write

import sqlpipes
from sqlpipes.api import run_unit_tests, unit_tests

TESTS = """\
unit_tests:
  - name: adds_up
    model: daily
    given:
      - input: ref('stg_orders')
        rows:
          - {day: 2024-01-01, amount: 10}
          - {day: 2024-01-01, amount: 5}
    expect:
      rows:
        - {day: 2024-01-01, revenue: 15}
  - name: casts
    model: stg_orders
    given: [{input: ref('raw_orders'), rows: [{id: 1, day: 2024-01-02}]}]
    expect: {rows: [{day: 2024-01-02}]}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path, {**SHOP, "models/unit.yml": TESTS})


def edited(root: Path, old: str, new: str, name: str = "models/unit.yml") -> None:
    path = root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def said(text: str) -> list[str]:
    """The lines about unit tests, without their seconds."""
    return [line.rsplit("  ", 1)[0] for line in text.splitlines() if line.startswith("unit ")]


BOTH = ["unit  ok    daily: adds_up", "unit  ok    stg_orders: casts"]


def test_unit_tests_need_no_warehouse_and_leave_none(shop):
    assert said(ok(shop, "test", "-s", "test_type:unit")) == BOTH
    assert not list(shop.glob("**/*.duckdb"))


@pytest.mark.parametrize(
    ("select", "names"),
    [
        (["daily"], ["adds_up"]),
        (["stg_orders"], ["casts"]),
        (["adds_up"], ["adds_up"]),
        (["unit_test:c*"], ["casts"]),
        (["resource_type:unit_test"], ["adds_up", "casts"]),
        (["path:models/unit.yml"], ["adds_up", "casts"]),
        (["+daily"], ["adds_up", "casts"]),
        (["test_type:unit", "--exclude", "daily"], ["casts"]),
        (["test_type:data"], []),
    ],
)
def test_they_are_selected_by_their_name_their_kind_and_with_their_model(shop, select, names):
    ok(shop, "build")
    lines = said(ok(shop, "test", "-s", *select))
    assert [line.rpartition(" ")[2] for line in lines] == names


def test_data_checks_run_beside_them(shop):
    ok(shop, "build")
    text = ok(shop, "test")
    assert said(text) == BOTH
    assert "2 checks passed" in text


def test_a_failing_row_is_shown_where_it_is_written(shop):
    edited(shop, "revenue: 15", "revenue: 16")
    result = run(shop, "test", "-s", "test_type:unit")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("unit  fail  daily: adds_up")
    assert "models/unit.yml:11:11: UTS009 unit test 'adds_up' of 'daily'" in result.stdout
    table = lines.index("   day         revenue")
    assert lines[table + 1] == "~  2024-01-01  16 -> 15"
    assert "2 unit tests: 1 passed, 1 failed" in result.stdout


def test_a_failing_check_fails_the_command_though_the_unit_tests_pass(shop):
    ok(shop, "build")
    edited(shop, "expression: revenue > 0", "expression: revenue > 100", "models/total.sql")
    assert run(shop, "test").exit_code == 1
    edited(shop, "expression: revenue > 100", "expression: revenue > 0", "models/total.sql")
    edited(shop, "revenue: 15", "revenue: 16")
    result = run(shop, "test")
    assert result.exit_code == 1
    assert "2 checks passed" in result.stdout


def test_fail_fast_stops_at_the_first(shop):
    edited(shop, "revenue: 15", "revenue: 16")
    result = run(shop, "test", "--fail-fast")
    assert result.exit_code == 1
    assert len(said(result.stdout)) == 1


def test_json_has_an_object_a_test(shop):
    edited(shop, "revenue: 15", "revenue: null")
    result = run(shop, "test", "-s", "test_type:unit", "--json")
    failed, passed = (json.loads(line) for line in result.stdout.splitlines())
    assert (passed["unit_test"], passed["status"], passed["difference"]) == (
        "casts",
        "success",
        None,
    )
    assert (failed["asset"], failed["status"], failed["line"]) == ("daily", "fail", 2)
    assert failed["problems"][0]["line"] == 11
    assert failed["difference"]["changed"][0]["expected"] == ["2024-01-01", None]


# ----------------------------------------------------------------------------------------- build


def test_a_build_runs_them_once_and_again_only_when_something_changed(shop):
    assert said(ok(shop, "build")) == BOTH
    assert said(ok(shop, "build")) == []
    assert said(ok(shop, "build", "--force")) == []
    edited(shop, "sum(amount)", "sum(amount * 1)", "models/daily.sql")
    assert said(ok(shop, "build")) == BOTH[:1]
    edited(shop, "select id, cast", "select id + 0 as id, cast", "models/stg_orders.sql")
    assert said(ok(shop, "build")) == BOTH
    edited(shop, "amount: 5}", "amount: 5.0}")
    assert said(ok(shop, "build")) == BOTH[:1]


def test_what_passed_in_test_need_not_run_in_build(shop):
    ok(shop, "test", "-s", "test_type:unit")
    assert said(ok(shop, "build")) == []


def test_a_model_whose_test_fails_is_not_built_nor_what_reads_it(shop):
    edited(shop, "revenue: 15", "revenue: 16")
    result = run(shop, "build")
    assert result.exit_code == 1
    assert "not built, as a unit test failed: 'daily' and what reads it" in result.stdout
    assert "retry" not in result.stdout
    assert run(shop, "show", "stg_orders").exit_code == 0
    assert run(shop, "show", "daily").exit_code != 0
    assert run(shop, "show", "total").exit_code != 0
    again = run(shop, "build")
    assert (again.exit_code, len(said(again.stdout))) == (1, 1)
    edited(shop, "revenue: 16", "revenue: 15")
    assert "2 done" in ok(shop, "build")


def test_a_failing_test_of_what_is_not_selected_holds_nothing(shop):
    edited(shop, "revenue: 15", "revenue: 16")
    assert said(ok(shop, "build", "-s", "raw_orders stg_orders")) == BOTH[1:]
    assert run(shop, "build", "-s", "daily").exit_code == 1
    ok(shop, "build", "-s", "daily", "--exclude", "test_type:unit")


def test_a_query_that_reads_the_clock_is_tested_every_time_unless_the_test_stops_it(shop):
    edited(
        shop, "sum(amount) as revenue", "sum(amount) as revenue, now() as at", "models/daily.sql"
    )
    assert said(ok(shop, "build")) == BOTH
    assert said(ok(shop, "build", "-s", "daily")) == BOTH[:1]
    edited(shop, "name: adds_up", "name: adds_up\n    overrides: {now: 2024-01-01}")
    assert said(ok(shop, "build", "-s", "daily")) == BOTH[:1]
    assert said(ok(shop, "build", "-s", "daily")) == []


def test_macros_count_as_part_of_a_test(shop):
    (shop / "macros").mkdir()
    (shop / "macros" / "m.sql").write_text("{% macro twice(x) %}2 * {{ x }}{% endmacro %}")
    edited(shop, "sum(amount)", "sum({{ twice('amount') }})", "models/daily.sql")
    edited(shop, "revenue: 15", "revenue: 30")
    assert said(ok(shop, "build")) == BOTH
    (shop / "macros" / "m.sql").write_text("{% macro twice(x) %}3 * {{ x }}{% endmacro %}")
    result = run(shop, "build")
    assert (result.exit_code, said(result.stdout)[0]) == (1, "unit  fail  daily: adds_up")


def test_names_that_are_none_are_told_by_every_command(shop):
    edited(shop, "model: stg_orders", "model: stg_order")
    for command in ("build", "test", "plan", "lint"):
        result = run(shop, command)
        assert result.exit_code == 2
        assert "models/unit.yml:13:12: UTS001" in result.output
        assert "did you mean 'stg_orders'?" in result.output


def test_rows_that_nothing_reads_are_a_warning(shop):
    edited(
        shop,
        "given: [{input: ref('raw_orders')",
        "given: [{input: total, rows: []}, {input: ref('raw_orders')",
    )
    result = run(shop, "test", "-s", "casts")
    assert result.exit_code == 0
    assert "UTS010 'stg_orders' does not read 'total'" in result.stderr


def test_the_note_of_what_passed_may_be_lost_or_damaged(shop):
    ok(shop, "build")
    note = shop / ".sqlpipes" / "cache" / "unit_tests.json"
    note.write_text("[]")
    assert said(ok(shop, "build")) == BOTH
    note.write_text("{nonsense")
    assert said(ok(shop, "build")) == BOTH
    assert said(ok(shop, "build")) == []


def test_python_sees_the_results(shop):
    edited(shop, "revenue: 15", "revenue: 16")
    project = sqlpipes.load(str(shop))
    results = run_unit_tests(project, unit_tests(project))
    assert [(result.test.name, result.ok) for result in results] == [
        ("adds_up", False),
        ("casts", True),
    ]
    report = sqlpipes.build(project)
    assert not report.ok
    assert [result.test.name for result in report.unit_tests] == ["adds_up"]


def test_a_schema_and_a_database_of_their_own_are_there(tmp_path):
    files = {
        "sqlpipes.yml": "name: shop\n",
        "profiles.yml": (
            "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: w.duckdb, schema: mart,"
            " attach: [{path: other.duckdb, create: true, alias: lake}]}\n"
        ),
        "models/a.sql": "/*\n---\ndatabase: lake\nschema: raw\n---\n*/\nselect id from lake.ext.t\n",
        "models/b.sql": "select a.id + 1 as id from lake.raw.a\n",
        "models/u.yml": (
            "unit_tests:\n"
            "  - name: one\n    model: b\n    given: [{input: lake.raw.a, rows: [{id: 1}]}]\n"
            "    expect: {rows: [{id: 2}]}\n"
            "  - name: two\n    model: b\n    given: [{input: lake.ext.t, rows: [{id: 1}]}]\n"
            "    expect: {rows: [{id: 2}]}\n"
        ),
    }
    text = ok(write(tmp_path, files), "test", "-s", "test_type:unit")
    assert "2 unit tests: 2 passed" in text
