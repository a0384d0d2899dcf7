from __future__ import annotations

from textwrap import dedent, indent

import pytest
from read.folders import places, read

from sqlpipes.core.errors import Severity
from sqlpipes.core.unit_test import Form

GOOD = """
    version: 2
    unit_tests:
      - name: nets
        description: Refunds are taken off.
        model: daily
        config: {tags: [fast]}
        overrides:
          vars: {least: 5}
          macros: {is_incremental: true}
          env_vars: {REGION: eu}
          now: 2024-01-31 10:00:00
        given:
          - input: ref('orders')
            rows:
              - {id: 1, "amount": 2.50}
              - id: 2
                amount:
          - input: source('crm', "people")
            format: csv
            rows: |
              id,name
              1,ann
          - input: this
            format: sql
            rows: |
              select 1 as id
          - input: countries
          - input: ref('pack', 'prices')
            format: csv
            fixture: prices
        expect:
          rows: []
    """
MODEL = {"models/daily.sql": "select 1 as x\n"}


def test_dbts_shape_is_read_with_the_place_of_every_row_and_cell(tmp_path):
    files = {"models/unit.yml": GOOD, "tests/fixtures/prices.csv": "a\n1\n", **MODEL}
    reading = read(tmp_path, files)
    assert reading.problems == ()
    (test,) = reading.unit_tests
    assert (test.name, test.model, test.tags, test.description) == (
        "nets",
        "daily",
        ("fast",),
        "Refunds are taken off.",
    )
    assert (test.overrides.vars, test.overrides.now) == ({"least": 5}, "2024-01-31 10:00:00")
    assert test.incremental
    forms = [(given.input, given.sample.form) for given in test.given]
    assert forms == [
        ("orders", Form.DICT),
        ("crm.people", Form.CSV),
        ("this", Form.SQL),
        ("countries", Form.PROJECT),
        ("prices", Form.CSV),
    ]
    first, second = test.given[0].sample.rows
    assert first.values == {"id": 1, "amount": 2.5}
    assert (first.place, first.cells["amount"][:2], first.keys["amount"][:2]) == (
        (16, 13, 23),
        (16, 31),
        (16, 21),
    )
    assert second.values == {"id": 2, "amount": None}
    assert second.cells["id"] == (17, 17, 1)
    assert test.given[1].sample.line == 22
    assert test.given[4].sample.text == "a\n1\n"
    assert str(test.given[4].sample.at) == "tests/fixtures/prices.csv:1:1"
    assert test.expect is not None
    assert test.expect.rows == ()


def test_yaml_below_tests_is_read_when_it_has_unit_tests_and_else_left_alone(tmp_path):
    files = {
        "tests/unit/daily.yml": GOOD.replace("fixture: prices", "rows: 'a'"),
        "tests/data.yml": "anything: [goes, here]\n",
        "tests/misspelt.yml": "unit_test: []\n",
        **MODEL,
    }
    reading = read(tmp_path, files)
    assert [test.name for test in reading.unit_tests] == ["nets"]
    assert places(reading) == ["tests/misspelt.yml:1:1 CFG001"]


def unit(text: str) -> dict[str, str]:
    body = indent(dedent(text).strip(), "    ").lstrip()
    return {"models/u.yml": f"unit_tests:\n  - {body}\n", **MODEL}


@pytest.mark.parametrize(
    ("text", "found", "said"),
    [
        ("model: daily\nexpect: {rows: []}", "2:5 CFG002", "needs a name"),
        ("name: a\nexpect: {rows: []}", "2:11 CFG002", "needs 'model'"),
        ("name: a\nmodel: daily", "2:11 CFG002", "needs 'expect'"),
        ("name: a\nmodel: daily\nexpect: {}\ngivn: []", "5:5 CFG001", "did you mean 'given'?"),
        ("name: a\nmodel: daily\nexpect: {rows: 3}", "4:20 CFG002", "must be a list of rows"),
        ("name: a\nmodel: daily\nexpect: {rows: [3]}", "4:21 CFG002", "such as - {order_id"),
        ("name: a\nmodel: daily\nexpect: {format: xls, rows: []}", "4:22 CFG002", "dict, csv or"),
        ("name: a\nmodel: daily\nexpect: {format: csv, rows: []}", "4:33 CFG002", "block after"),
        ("name: a\nmodel: daily\nexpect: {fixture: f}", "4:23 UTS004", "no fixture 'f'"),
        ("name: a\nmodel: daily\nexpect: {rows: []}\ngiven: {a: 1}", "5:12 CFG002", "- input: name"),
        ("name: a\nmodel: daily\nexpect: {rows: []}\ngiven: [{rows: []}]", "5:13 CFG002", "an input"),
        (
            "name: a\nmodel: daily\nexpect: {rows: []}\ngiven: [{input: a}, {input: ref('a')}]",
            "5:33 UTS003",
            "given twice",
        ),
        ("name: a\nmodel: daily\nexpect: {rows: []}\nmissing: none", "5:14 CFG002", "error or empty"),
        (
            "name: a\nmodel: daily\nexpect: {rows: []}\noverrides: {now: soon}",
            "5:22 CFG002",
            "a date or time",
        ),
        (
            "name: a\nmodel: daily\nexpect: {rows: []}\noverrides: {vars: 3}",
            "5:23 CFG002",
            "a mapping of names",
        ),
        (
            "name: a\nmodel: daily\nexpect: {rows: []}\noverrides: {var: {}}",
            "5:17 CFG001",
            "did you mean 'vars'?",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(tmp_path, text, found, said):
    reading = read(tmp_path, unit(text))
    problem = reading.problems[0]
    assert f"{problem.at} {problem.code}" == f"models/u.yml:{found}"
    assert said in f"{problem.message} {problem.hint}"
    assert reading.unit_tests == ()


def test_a_test_that_is_not_enabled_is_none(tmp_path):
    reading = read(
        tmp_path, unit("name: a\nmodel: daily\nexpect: {rows: []}\nconfig: {enabled: false}")
    )
    assert (reading.unit_tests, reading.problems) == ((), ())


def test_what_has_no_meaning_here_is_a_warning(tmp_path):
    reading = read(
        tmp_path, unit("name: a\nmodel: daily\nexpect: {rows: []}\nversions: {include: [1]}")
    )
    assert [problem.severity for problem in reading.problems] == [Severity.WARNING]
    assert len(reading.unit_tests) == 1


def test_two_tests_of_one_name_are_told_with_both_places(tmp_path):
    files = {
        "models/a.yml": "unit_tests: [{name: t, model: daily, expect: {rows: []}}]\n",
        "models/b.yml": "unit_tests: [{name: t, model: daily, expect: {rows: []}}]\n",
        **MODEL,
    }
    (problem,) = read(tmp_path, files).problems
    assert (problem.code, problem.at.file, problem.others[0].file) == (
        "UTS003",
        "models/b.yml",
        "models/a.yml",
    )


def test_a_fixture_may_be_named_by_its_path_and_must_be_one(tmp_path):
    files = {
        **unit("name: a\nmodel: daily\nexpect: {fixture: tests/x/fixtures/f.csv}"),
        "tests/x/fixtures/f.csv": "x\n1\n",
        "tests/y/fixtures/f.csv": "x\n2\n",
    }
    reading = read(tmp_path, files)
    assert reading.unit_tests[0].expect.text == "x\n1\n"
    files = {**files, **unit("name: a\nmodel: daily\nexpect: {fixture: f}")}
    (problem,) = read(tmp_path, files).problems
    assert "tests/x/fixtures/f.csv or tests/y/fixtures/f.csv" in problem.hint
