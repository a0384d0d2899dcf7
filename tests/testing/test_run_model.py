"""`run_model` and `assert_rows`, as the tests of a user's project call them."""

from __future__ import annotations

import decimal
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sqlpipes
from sqlpipes.core.errors import EngineError, ProjectError
from sqlpipes.testing import Execution, assert_rows, run_model

FILES = {
    "sqlpipes.yml": "name: shop\nvars: {least: 0}\n",
    "seeds/countries.csv": "code,name\nde,Germany\nfr,France\n",
    "seeds/raw_orders.csv": "id,customer,day,amount\n1,a,2024-01-01,10.5\n2,b,2024-01-02,20\n",
    "macros/money.sql": "{% macro cents(c) %}cast({{ c }} * 100 as bigint){% endmacro %}\n",
    "models/stg_orders.sql": """
        select id, customer, cast(day as date) as day, amount
        from raw_orders
        where amount > {{ var('least') }}
        """,
    "models/daily.sql": """
        /*
        ---
        partition: {by: day, column: day, start: 2024-01-01, end: 2024-02-01}
        ---
        */
        select day, sum(amount) as revenue, current_date - day as age
        from stg_orders group by all
        """,
    "models/pruned.sql": """
        /*
        ---
        partition: {by: day, column: day, start: 2024-01-01, end: 2024-02-01, batch: 1}
        ---
        */
        select day, count(*) as orders, '{{ partition.key }}' as slice from daily
        where day >= '{{ partition.start }}' and day < '{{ partition.end }}' group by all
        """,
    "models/eph.sql": """
        /*
        ---
        materialized: ephemeral
        ---
        */
        select customer, {{ cents('amount') }} as cents from stg_orders
        """,
    "models/per_customer.sql": """
        /*
        ---
        materialized: table
        ---
        */
        select e.customer, sum(e.cents) as cents from eph as e group by all
        """,
    "models/growing.sql": """
        /*
        ---
        materialized: incremental
        unique_key: id
        ---
        */
        select id, day from stg_orders
        {% if is_incremental() %} where day > (select max(day) from {{ this }}) {% endif %}
        """,
    "models/people.sql": """
        select id, upper(name) as name, coalesce(nick, '?') as nick, born::date as born
        from crm.people
        """,
    "models/files.sql": "select k, v + 1 as v from read_csv('raw/*.csv')\n",
    "models/times.sql": """
        select now() as a, current_timestamp as b, today() as c, localtimestamp as d,
            current_time as e, localtime as f, id from stg_orders
        """,
    "models/code.py": """
        from sqlpipes import Daily, asset

        @asset
        def doubled(daily: list[dict]):
            return [{"day": row["day"], "twice": row["revenue"] * 2} for row in daily]

        @asset
        def loud(countries, context):
            context.log_metadata(rows=1)
            names = context.sql("select upper(name) as name from countries")
            return names.project(f"name || '{context.vars.get('mark', '')}' as name")

        @asset(partition=Daily("day", start="2024-01-01"))
        def windowed(stg_orders, context):
            window = context.partition
            return stg_orders.filter(
                f"day >= '{window.start}' and day < '{window.end}'"
            ).project("day, id")

        @asset
        def broken(daily: list[dict]):
            return daily[0]["nope"]
        """,
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> sqlpipes.Project:
    root = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))
    return sqlpipes.load(str(root), cache=False)


def problem(error: pytest.ExceptionInfo[Any]) -> Any:
    return error.value.problems[0]


DAY = date(2024, 1, 1)


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": 1, "day": DAY, "amount": 2}, {"id": 2, "day": "2024-01-01", "amount": 3.5}],
        "id,day,amount\n1,2024-01-01,2\n2,2024-01-01,3.5\n",
        "select 1 as id, date '2024-01-01' as day, 2 as amount union all select 2, '2024-01-01', 3.5",
        {"id": [1, 2], "day": [DAY, DAY], "amount": [2.0, 3.5]},
        pl.DataFrame({"id": [1, 2], "day": [DAY, DAY], "amount": [2.0, 3.5]}),
        pd.DataFrame({"id": [1, 2], "day": [DAY, DAY], "amount": [2.0, 3.5]}),
        pa.table({"id": [1, 2], "day": [DAY, DAY], "amount": [2.0, 3.5]}),
        lambda: duckdb.connect().sql(
            "select unnest([1, 2]) as id, date '2024-01-01' as day, unnest([2, 3.5]) as amount"
        ),
    ],
    ids=["dicts", "csv", "sql", "columns", "polars", "pandas", "arrow", "duckdb"],
)
def test_rows_come_in_any_form(shop, rows):
    rows = rows() if callable(rows) else rows
    found = run_model("daily", {"stg_orders": rows}, project=shop, now="2024-01-03")
    assert found == [{"day": DAY, "revenue": 5.5, "age": 2}]


def test_columns_that_no_row_names_are_null_of_the_right_type(shop):
    (row,) = run_model("stg_orders", {"raw_orders": [{"id": 1, "amount": 1}]}, project=shop)
    assert row == {"id": 1, "customer": None, "day": None, "amount": 1.0}


def test_columns_of_a_source_that_nobody_declared_are_what_is_read_and_given(shop):
    rows = run_model("people", {"crm.people": [{"id": 1, "name": None}]}, project=shop)
    assert rows == [{"id": 1, "name": None, "nick": "?", "born": None}]
    assert run_model("people", {"crm.people": []}, project=shop) == []
    assert len(run_model("people", {"crm.people": [{}, {}]}, project=shop)) == 2


def test_a_value_of_an_unknown_type_keeps_its_own(shop):
    given_rows = [{"id": 2.5, "name": "ann", "born": "2000-02-29"}]
    (row,) = run_model("people", {"crm.people": given_rows}, project=shop)
    assert row == {"id": 2.5, "name": "ANN", "nick": "?", "born": date(2000, 2, 29)}


def test_views_and_ephemeral_models_are_computed_or_given(shop):
    raw = [{"id": 1, "customer": "a", "amount": 2}, {"id": 2, "customer": "a", "amount": 0}]
    expected = [{"customer": "a", "cents": 200}]
    assert run_model("per_customer", {"raw_orders": raw}, project=shop) == expected
    given_rows = [{"customer": "a", "cents": 150}, {"customer": "a", "cents": 50}]
    assert run_model("per_customer", {"eph": given_rows}, project=shop) == expected


def test_none_means_as_the_project_has_it(shop):
    rows = run_model("daily", {"raw_orders": None}, project=shop, now="2024-01-05")
    assert_rows(rows, [{"revenue": 10.5}, {"revenue": 20}])
    rows = run_model(
        "pruned",
        {"daily": None, "raw_orders": None},
        project=shop,
        now="2024-01-05",
        partition="2024-01-02",
    )
    assert rows == [{"day": date(2024, 1, 2), "orders": 1, "slice": "2024-01-02"}]


def test_vars_and_macros_are_those_of_the_call(shop):
    raw = [{"id": 1, "customer": "a", "amount": 2}, {"id": 2, "customer": "b", "amount": 7}]
    rows = run_model("stg_orders", {"raw_orders": raw}, project=shop, vars={"least": 5})
    assert [row["id"] for row in rows] == [2]
    rows = run_model("per_customer", {"raw_orders": raw}, project=shop, macros={"cents": "1"})
    assert_rows(rows, [{"customer": "a", "cents": 1}, {"customer": "b", "cents": 1}])


def test_a_slice_is_cut_out_as_in_a_build(shop):
    orders = [{"day": f"2024-01-0{day}", "amount": day} for day in (1, 2, 3)]
    rows = run_model(
        "daily", {"stg_orders": orders}, project=shop, partition="2024-01-02..2024-01-04"
    )
    assert_rows(rows, [{"revenue": 2}, {"revenue": 3}])
    daily = [{"day": f"2024-01-0{day}"} for day in (1, 2, 3)]
    rows = run_model("pruned", {"daily": daily}, project=shop, partition="2024-01-02..2024-01-04")
    assert_rows(rows, [{"slice": "2024-01-02"}, {"slice": "2024-01-03"}])


def test_an_incremental_model_reads_its_own_table(shop):
    orders = [{"id": 1, "day": "2024-01-01"}, {"id": 2, "day": "2024-01-02"}]
    assert len(run_model("growing", {"stg_orders": orders}, project=shop)) == 2
    this = [{"id": 1, "day": "2024-01-01"}]
    rows = run_model(
        "growing", {"stg_orders": orders, "this": this}, project=shop, incremental=True
    )
    assert rows == [{"id": 2, "day": date(2024, 1, 2)}]
    with pytest.raises(ProjectError) as error:
        run_model("growing", {"stg_orders": orders}, project=shop, incremental=True)
    assert (problem(error).code, "its own table" in problem(error).message) == ("UTS005", True)


@pytest.mark.parametrize("now", ["2024-02-29 10:00:00", datetime(2024, 2, 29, 11, tzinfo=UTC)])
def test_the_clock_stands_still(shop, now):
    (row,) = run_model("times", {"stg_orders": [{"id": 1}]}, project=shop, now=now)
    hour = now.hour if isinstance(now, datetime) else 10
    at = datetime(2024, 2, 29, hour)
    instants = {row["a"].replace(tzinfo=None), row["b"].replace(tzinfo=None), row["d"]}
    assert instants == {at}
    assert row["c"] == at.date()
    assert {row["e"].replace(tzinfo=None), row["f"]} == {at.time()}


def test_files_that_a_model_reads_can_be_given(shop):
    rows = run_model(
        "files", {"raw/*.csv": [{"k": "a", "v": 1}, {"k": None, "v": 2}]}, project=shop
    )
    assert_rows(rows, [{"k": "a", "v": 2}, {"k": None, "v": 3}])


def test_python_assets_get_their_inputs_their_context_and_their_slices(shop):
    daily = [{"day": DAY, "revenue": 2.5}]
    assert run_model("doubled", {"daily": daily}, project=shop) == [{"day": DAY, "twice": 5.0}]
    rows = run_model("loud", {"countries": [{"name": "x"}]}, project=shop, vars={"mark": "!"})
    assert rows == [{"name": "X!"}]
    orders = [{"id": day, "day": f"2024-01-0{day}"} for day in (1, 2, 3)]
    rows = run_model("windowed", {"stg_orders": orders}, project=shop, partition="2024-01-02")
    assert rows == [{"day": date(2024, 1, 2), "id": 2}]


def test_a_function_that_fails_for_want_of_a_slice_is_told_so(shop):
    orders = [{"id": 1, "day": "2024-01-01", "amount": 10}]
    with pytest.raises(EngineError) as caught:
        run_model("windowed", {"stg_orders": orders}, project=shop)
    (problem,) = caught.value.problems
    assert (problem.code, "add `partition`" in (problem.hint or "")) == ("BLD005", True)


def test_a_function_can_be_called_as_it_is():
    @sqlpipes.asset
    def doubled(numbers: list[int], context: Execution) -> list[dict[str, int]]:
        context.log_metadata(seen=len(numbers))
        return [{"n": 2 * n} for n in numbers]

    context = Execution("doubled")
    assert doubled([1, 2], context) == [{"n": 2}, {"n": 4}]
    assert context.metadata == {"seen": 2}


@pytest.mark.parametrize(
    ("name", "inputs", "options", "code", "said"),
    [
        ("dayly", {}, {}, "UTS001", "daily"),
        ("raw_orders", {}, {}, "UTS008", "no model"),
        ("daily", {"stg_order": []}, {}, "UTS002", "stg_orders"),
        ("daily", {"stg_orders": [], "countries": []}, {}, "UTS010", "does not read 'countries'"),
        ("daily", {}, {}, "UTS005", "'raw_orders'"),
        ("daily", {"stg_orders": [{"amont": 1}]}, {}, "UTS006", "amount"),
        ("daily", {"stg_orders": [{"amount": "many"}]}, {}, "UTS007", "'many' is no DOUBLE"),
        ("stg_orders", {"raw_orders": [{"id": 1.5}]}, {}, "UTS007", "1.5 is no BIGINT"),
        ("daily", {"stg_orders": "day,amount\n1"}, {}, "UTS004", "1 cells"),
        ("daily", {"stg_orders": "day,day\n1,2"}, {}, "UTS004", "once"),
        ("daily", {"stg_orders": "select nope"}, {}, "UTS004", "nope"),
        ("daily", {"stg_orders": [{"day": DAY}, {"DAY": DAY}]}, {}, "UTS004", "two ways"),
        ("daily", {"stg_orders": 3}, {}, "UTS004", "int is no table"),
        ("daily", {"stg_orders": []}, {"partition": "2024-13"}, "UTS011", "2024-13"),
        ("stg_orders", {"raw_orders": []}, {"partition": "2024-01"}, "UTS011", "not partitioned"),
        ("per_customer", {"raw_orders": []}, {"macros": {"cent": 1}}, "UTS011", "cents"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(shop, name, inputs, options, code, said):
    with pytest.raises(ProjectError) as error:
        run_model(name, inputs, project=shop, **options)
    found = problem(error)
    assert found.code == code
    assert said in f"{found.message} {found.hint}"


def test_missing_inputs_may_be_empty(shop):
    assert run_model("daily", project=shop, missing="empty") == []
    assert run_model("people", project=shop, missing="empty") == []
    with pytest.raises(ValueError, match="did you mean 'empty'"):
        run_model("daily", project=shop, missing="emty")


def test_faults_have_their_place_in_the_users_file(shop):
    daily = [{"day": DAY, "revenue": 1}]
    with pytest.raises(EngineError) as error:
        run_model("broken", {"daily": daily}, project=shop)
    assert str(problem(error).at).startswith("models/code.py:22:")
    with pytest.raises(EngineError) as error:
        run_model("files", {"raw/*.csv": [{"k": 1, "v": "text"}]}, project=shop)
    assert problem(error).at.file == "models/files.sql"


def test_a_row_outside_of_the_window_is_told(tmp_path):
    front = "partition: {by: day, column: day, start: 2024-01-01}"
    path = tmp_path / "models" / "m.sql"
    path.parent.mkdir()
    query = "select day::date as day from raw.t where day >= '{{ partition.start }}'"
    path.write_text(f"/*\n---\n{front}\n---\n*/\n{query}\n")
    (tmp_path / "sqlpipes.yml").write_text("name: x\n")
    with pytest.raises(EngineError) as error:
        run_model("m", {"raw.t": [{"day": "2024-01-09"}]}, project=tmp_path, partition="2024-01-01")
    assert problem(error).code == "BLD002"


def test_the_warehouse_is_neither_opened_nor_made(shop):
    run_model("daily", {"stg_orders": []}, project=shop)
    assert not list(Path(shop.root).glob("**/*.duckdb"))
    assert not (Path(shop.root) / ".sqlpipes" / "state.db").exists()


def test_structs_lists_and_decimals_arrive_as_they_are(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "sqlpipes.yml").write_text("name: x\n")
    (tmp_path / "models" / "m.sql").write_text("select l, s.a as a, d, l[1] as first from raw.t\n")
    given_rows = [{"l": [1, 2], "s": {"a": "x"}, "d": decimal.Decimal("1.10")}]
    (row,) = run_model("m", {"raw.t": given_rows}, project=tmp_path)
    assert row == {"l": [1, 2], "a": "x", "d": decimal.Decimal("1.10"), "first": 1}


CELL = {
    "id": st.none() | st.integers(-(2**63), 2**63 - 1),
    "customer": st.none()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    "day": st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "amount": st.none() | st.floats(0.01, 1e9) | st.integers(1, 1000),
}


def test_what_is_given_is_what_the_model_reads(shop):
    """Whatever columns are left out or hold no value, and in whatever order the rows come."""

    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.fixed_dictionaries({}, optional=CELL), max_size=5))
    def check(rows):
        found = run_model("growing", {"stg_orders": rows}, project=shop)
        assert_rows(found, [{"id": row.get("id"), "day": row.get("day")} for row in rows])

    check()


# ------------------------------------------------------------------------------------- assert_rows


@pytest.mark.parametrize(
    "actual",
    [
        [{"a": 1, "b": None}, {"a": 2, "b": "x"}],
        pl.DataFrame({"a": [1, 2], "b": [None, "x"]}),
        pd.DataFrame({"a": [1, 2], "b": [None, "x"]}),
        pa.table({"a": [1, 2], "b": [None, "x"]}),
        lambda: duckdb.connect().sql("select * from (values (1, null), (2, 'x')) t(a, b)"),
    ],
    ids=["dicts", "polars", "pandas", "arrow", "duckdb"],
)
def test_rows_of_any_form_are_compared(actual):
    actual = actual() if callable(actual) else actual
    assert_rows(actual, [{"a": 2, "b": "x"}, {"a": 1, "b": None}])
    assert_rows(actual, [{"a": 2}, {"a": 1}])
    with pytest.raises(AssertionError):
        assert_rows(actual, [{"a": 2}])


def test_the_difference_is_shown_row_by_row():
    actual = [
        {"id": 1, "n": 5, "t": "x"},
        {"id": 2, "n": 7, "t": "y"},
        {"id": 9, "n": None, "t": ""},
    ]
    expected = [
        {"id": 1, "n": 2, "t": "x"},
        {"id": 2, "n": 7, "t": "y"},
        {"id": 3, "n": 3, "t": "z"},
    ]
    with pytest.raises(AssertionError) as error:
        assert_rows(actual, expected)
    assert str(error.value).splitlines()[2:] == [
        "   id  n       t",
        "~   1  2 -> 5  x",
        "-   3  3       z",
        "+   9  NULL    ''",
        "~ differs: expected -> actual   - expected, but not there   + there, but not expected   "
        "1 row as expected",
    ]


@pytest.mark.parametrize(
    ("actual", "expected", "options", "said"),
    [
        ([{"a": 1}], [{"b": 1}], {}, "no column 'b': they have 'a'"),
        ([{"a": 1, "b": 2}], [{"a": 1}], {"exact_columns": True}, "also have the column 'b'"),
        ([{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}], {"ordered": True}, "in another order"),
        ([{"a": 1}], [], {}, "there, but not expected"),
        ([], [{"a": 1}], {}, "expected, but not there"),
        ([{"a": "1"}], [{"a": 1}], {}, "not as expected"),
        ([{"a": 1.0}], [{"a": 1.1}], {"tolerance": 1e-3}, "not as expected"),
    ],
)
def test_what_is_told_of_a_difference(actual, expected, options, said):
    with pytest.raises(AssertionError, match=said):
        assert_rows(actual, expected, **options)


def test_cells_that_look_alike_are_told_apart_by_their_types():
    with pytest.raises(AssertionError) as error:
        assert_rows([{"k": 1, "n": "10"}], [{"k": 1, "n": 10}])
    assert "10 (int) -> 10 (str)" in str(error.value)


@pytest.mark.parametrize("given_rows", [3, "a,b", [1], [("a", 1)]])
def test_what_is_no_table_is_refused(given_rows):
    with pytest.raises(TypeError):
        assert_rows(given_rows, [{"a": 1}])
