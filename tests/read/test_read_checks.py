"""Checks as users write them: every shape, every type, and what is said about wrong ones."""

from __future__ import annotations

import pytest
from read.folders import asset, check, model, only, places, read

from sqlpipes.core.errors import Severity


def checks_of(tmp_path, lines: str, query: str = "select 1 as order_id"):
    front = "checks:\n" + "\n".join(f"  {line}" for line in lines.strip().splitlines())
    reading = read(tmp_path, {"models/orders.sql": model(front, query)})
    assert reading.problems == ()
    return {found.name: (found.type, dict(found.arguments)) for found in reading.checks}


def test_the_short_forms(tmp_path):
    found = checks_of(
        tmp_path,
        """
- not_null: [a, b]
- unique: [a, b]
- not_null: c
- unique: c
- expression: "amount >= 0"
- not_empty
- accepted_values: {column: status, values: [placed, 3, yes]}
- relationships: {column: customer_id, to: customers, field: id}
- relationships: {column: x_id, to: ref('xs')}
- row_count: {min: 1, max: 5}
- row_count: {equals: 4}
- freshness: {column: loaded, max_age: 2 days}
- range: {column: amount, min: 0, max: 9.5}
- range: {column: day, min: 2024-01-01}
- matches: {column: email, pattern: "^.+@.+$"}
""",
    )
    assert found == {
        "orders.not_null.a": ("not_null", {"column": "a"}),
        "orders.not_null.b": ("not_null", {"column": "b"}),
        "orders.unique.a_b": ("unique", {"columns": ["a", "b"]}),
        "orders.not_null.c": ("not_null", {"column": "c"}),
        "orders.unique.c": ("unique", {"columns": ["c"]}),
        "orders.expression.amount_0": ("expression", {"expression": "amount >= 0"}),
        "orders.not_empty": ("row_count", {"min": 1}),
        "orders.accepted_values.status": (
            "accepted_values",
            {"column": "status", "values": ["placed", 3, "yes"]},
        ),
        "orders.relationships.customer_id": (
            "relationships",
            {"column": "customer_id", "to": "customers", "field": "id"},
        ),
        "orders.relationships.x_id": (
            "relationships",
            {"column": "x_id", "to": "xs", "field": "x_id"},
        ),
        "orders.row_count": ("row_count", {"min": 1, "max": 5}),
        "orders.row_count_2": ("row_count", {"min": 4, "max": 4}),
        "orders.freshness.loaded": ("freshness", {"column": "loaded", "max_age_s": 172800}),
        "orders.range.amount": ("range", {"column": "amount", "min": 0, "max": 9.5}),
        "orders.range.day": ("range", {"column": "day", "min": "2024-01-01"}),
        "orders.matches.email": ("matches", {"column": "email", "pattern": "^.+@.+$"}),
    }


def test_common_keys_inside_and_beside(tmp_path):
    front = """
    checks:
      - not_null: {column: a, severity: warn, where: "b > 0", name: a_there, scope: table,
                   error_if: ">10", warn_if: "!= 0", tags: [x], description: why}
      - not_null: b
        severity: warn
        name: orders.b_there
      - expression: {expression: "a > 0", enabled: false}
    """
    reading = read(tmp_path, {"models/orders.sql": model(front)})
    assert reading.problems == ()
    one, two = reading.checks
    assert (one.name, one.severity, one.where) == ("orders.a_there", Severity.WARNING, "b > 0")
    assert (one.whole_table, one.error_if, one.warn_if) == (True, "> 10", "<> 0")
    assert (one.tags, one.description, one.columns) == (("x",), "why", ("a",))
    assert str(one.at) == "models/orders.sql:4:5"
    assert (two.name, two.severity, str(two.at)) == (
        "orders.b_there",
        Severity.WARNING,
        "models/orders.sql:6:5",
    )


def test_the_shapes_of_dbt(tmp_path):
    files = {
        "models/orders.sql": "select 1 as id",
        "models/p.yml": """
            version: 2
            models:
              - name: orders
                tests:
                  - dbt_utils.unique_combination_of_columns:
                      combination_of_columns: [a, b]
                  - dbt_utils.expression_is_true: {expression: "a > 0"}
                columns:
                  - name: id
                    data_tests: [not_null, unique]
                  - name: status
                    tests:
                      - accepted_values:
                          arguments: {values: [x, y]}
                          config: {severity: WARN, where: "id > 0", error_if: ">5"}
                      - relationships: {to: "source('raw', 'states')", field: code}
                      - not_null:
                          name: status_there
                      - name: long_form
                        test_name: accepted_values
                        values: [z]
            """,
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    found = {c.name: (c.type, dict(c.arguments)) for c in reading.checks}
    assert found == {
        "orders.unique.a_b": ("unique", {"columns": ["a", "b"]}),
        "orders.expression.a_0": ("expression", {"expression": "a > 0"}),
        "orders.not_null.id": ("not_null", {"column": "id"}),
        "orders.unique.id": ("unique", {"columns": ["id"]}),
        "orders.accepted_values.status": (
            "accepted_values",
            {"column": "status", "values": ["x", "y"]},
        ),
        "orders.relationships.status": (
            "relationships",
            {"column": "status", "to": "raw.states", "field": "code"},
        ),
        "orders.status_there": ("not_null", {"column": "status"}),
        "orders.long_form": ("accepted_values", {"column": "status", "values": ["z"]}),
    }
    accepted = check(reading, "orders.accepted_values.status")
    assert accepted.severity is Severity.WARNING
    assert (accepted.where, accepted.error_if) == ("id > 0", "> 5")
    assert asset(reading, "orders").checks == reading.checks


@pytest.mark.parametrize(
    ("line", "code", "column", "hint"),
    [
        ("- notnull: a", "CHK001", 5, "did you mean 'not_null'?"),
        ("- uniqe", "CHK001", 5, "did you mean 'unique'?"),
        ("- accepted_values: {column: a}", "CHK003", 5, None),
        ("- accepted_values: {column: a, values: x}", "CFG002", 42, None),
        ("- accepted_values: [x]", "CHK003", 22, None),
        ("- not_null: {colum: a}", "CHK003", 16, "did you mean 'column'?"),
        ("- not_null: {}", "CHK003", 5, None),
        ("- row_count: {}", "CHK003", 5, None),
        ("- row_count: {min: many}", "CFG002", 22, None),
        ("- range: {column: [a, b], min: 1}", "CFG002", 21, None),
        ("- freshness: {column: a, max_age: soon}", "CFG002", 37, None),
        ("- not_null: {column: a, severity: fatal}", "CFG002", 37, None),
        ("- not_null: {column: a, error_if: lots}", "CFG002", 37, None),
        ("- not_null: {column: a, scope: world}", "CFG002", 34, None),
        ("- [x]", "CFG002", 5, None),
    ],
)
def test_wrong_checks(tmp_path, line, code, column, hint):
    reading = read(tmp_path, {"models/orders.sql": model(f"checks:\n  {line}")})
    problem = only(reading)
    assert f"{problem.at} {problem.code}" == f"models/orders.sql:4:{column} {code}"
    if hint:
        assert problem.hint == hint
    assert reading.checks == ()


def test_faults_of_several_checks_come_together(tmp_path):
    front = "checks:\n  - uniqe: a\n  - not_null: a\n  - row_count: {min: x}"
    reading = read(tmp_path, {"models/orders.sql": model(front)})
    assert places(reading) == ["models/orders.sql:4:5 CHK001", "models/orders.sql:6:22 CFG002"]
    assert [found.name for found in reading.checks] == ["orders.not_null.a"]


def test_the_same_check_in_yaml_and_file_counts_once(tmp_path):
    files = {
        "models/orders.sql": model("checks: [{not_null: {column: a, severity: warn}}]"),
        "models/p.yml": "models: [{name: orders, columns: [{name: a, tests: [not_null]}],"
        " checks: [{unique: a}]}]",
    }
    reading = read(tmp_path, files)
    assert sorted(found.name for found in reading.checks) == [
        "orders.not_null.a",
        "orders.unique.a",
    ]


def test_names_are_unique_in_the_project(tmp_path):
    front = 'checks: [{expression: "a > 0"}, {expression: "a < 0"}, {expression: "a = 0"}]'
    reading = read(tmp_path, {"models/orders.sql": model(front)})
    names = [found.name for found in reading.checks]
    assert names == ["orders.expression.a_0", "orders.expression.a_0_2", "orders.expression.a_0_3"]
    assert [found.name for found in asset(reading, "orders").checks] == names


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("2 days", 172800), ("12h", 43200), ("90 minutes", 5400), ("1 week", 604800), ("30 s", 30)],
)
def test_ages(tmp_path, age, seconds):
    found = checks_of(tmp_path, f"- freshness: {{column: a, max_age: {age}}}")
    assert found["orders.freshness.a"][1]["max_age_s"] == seconds


def test_a_sql_file_under_tests_is_a_check(tmp_path):
    files = {
        "models/orders.sql": "select 1 as id",
        "tests/checks/no_negative.sql": model(
            "severity: warn\nasset: orders\ntags: x\ndescription: none below zero\nerror_if: '> 5'",
            "select * from orders where id < 0",
        ),
        "tests/checks/bare.sql": "select * from orders o join customers c using (id)",
        "tests/checks/off.sql": model("enabled: false"),
        "tests/checks/readme.md": "not a check",
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    one, bare = check(reading, "no_negative"), check(reading, "bare")
    assert (one.type, one.asset, one.severity) == ("sql", "orders", Severity.WARNING)
    assert (one.error_if, one.tags, one.description) == ("> 5", ("x",), "none below zero")
    assert str(one.at) == "tests/checks/no_negative.sql:10:1"
    assert (bare.asset, [str(r) for r in bare.body.references]) == ("", ["orders", "customers"])
    assert len(reading.checks) == 2


def test_a_wrong_key_of_a_check_file(tmp_path):
    reading = read(tmp_path, {"tests/a.sql": model("severty: warn")})
    problem = only(reading)
    assert (str(problem.at), problem.code) == ("tests/a.sql:3:1", "CFG001")
    assert problem.hint == "did you mean 'severity'?"
