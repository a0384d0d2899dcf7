from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from read.folders import write

import sqlpipes
from sqlpipes.core.graph import Graph
from sqlpipes.core.unit_test import Form, Given, Overrides, Sample, UnitTest
from sqlpipes.decide.unit_tests import digest, unit_test_problems, with_unit_tests

FILES = {
    "sqlpipes.yml": "name: x\n",
    "seeds/raw.csv": "id\n1\n",
    "models/stg.sql": "select id, now() as at from raw\n",
    "models/top.sql": "select id from stg\n",
    "models/clock.sql": "select id, now() as at from raw\n",
    "models/dice.sql": "select id, random() as r, now() as at from raw\n",
    "models/other.sql": "select 1 as x\n",
}
ROWS = Sample(Form.DICT)


def graph(root: Path, **changed: str) -> Graph:
    files = {f"models/{name}.sql": text for name, text in changed.items()}
    project = sqlpipes.load(str(write(root, {**FILES, **files})), cache=False)
    assert project.errors == ()
    return project.graph


def unit(model: str, *inputs: str, **fields: object) -> UnitTest:
    return UnitTest("t", model, tuple(Given(name, ROWS) for name in inputs), ROWS, **fields)


@pytest.mark.parametrize(
    ("changed", "moves"),
    [
        ({}, False),
        ({"top": "select id -- why\nfrom stg\n"}, True),  # a place in it may be told
        ({"top": "select id + 1 as id from stg\n"}, True),
        ({"stg": "select id + 1 as id, now() as at from raw\n"}, True),
        ({"other": "select 2 as x\n"}, False),
    ],
)
def test_a_test_hangs_on_its_model_and_what_stands_above(tmp_path, changed, moves):
    test = unit("top", "stg")
    before = digest(test, graph(tmp_path), {})
    assert (digest(test, graph(tmp_path, **changed), {}) != before) is moves


def test_a_test_hangs_on_its_own_words_and_on_what_is_said_beside(tmp_path):
    found = graph(tmp_path)
    test = unit("top", "stg")
    others = [replace(test, partition="x"), replace(test, overrides=Overrides(vars={"a": 1}))]
    digests = {digest(one, found, {}) for one in [test, *others]} | {
        digest(test, found, {"a": "b"})
    }
    assert len(digests) == 4
    assert None not in digests


@pytest.mark.parametrize(
    ("model", "inputs", "now", "told"),
    [
        ("clock", ["raw"], None, False),
        ("clock", ["raw"], "2024-01-01", True),
        ("dice", ["raw"], "2024-01-01", False),
        ("top", ["raw"], None, False),  # stg is computed, and reads the clock
        ("top", ["stg"], None, True),
        ("top", ["raw"], "2024-01-01", True),
    ],
)
def test_a_test_that_may_end_otherwise_each_time_has_no_digest(tmp_path, model, inputs, now, told):
    test = unit(model, *inputs, overrides=Overrides(now=now))
    assert (digest(test, graph(tmp_path), {}) is not None) is told


def test_an_input_may_be_any_name_of_its_table_and_this(tmp_path):
    found = graph(tmp_path)
    assert unit_test_problems([unit("top", "main.stg", "RAW")], found) == ()
    (problem,) = unit_test_problems([unit("top", "stg", "this")], found)
    assert (problem.code, problem.is_error) == ("UTS010", False)


def test_a_selection_sees_unit_tests_beside_the_checks(tmp_path):
    found = graph(tmp_path)
    seen = with_unit_tests(found, [unit("top", "stg"), unit("nowhere")])
    assert [(check.name, check.asset, check.type) for check in seen.checks.values()] == [
        ("t", "top", "unit")
    ]
    assert with_unit_tests(found, []) is found
