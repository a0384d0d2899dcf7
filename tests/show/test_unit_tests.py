from __future__ import annotations

from click import unstyle

from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.row_diff import diff_rows
from sqlpipes.core.status import Status
from sqlpipes.core.unit_test import UnitResult, UnitTest
from sqlpipes.show.unit_tests import difference_text, held_text, result_json, results_text


def shown(*arguments, **options) -> list[str]:
    return unstyle(difference_text(diff_rows(*arguments, **options))).splitlines()


def test_numbers_stand_under_each_other_and_texts_begin_together():
    lines = shown(["name", "n"], [("long name", 1), ("x", 100)], [])
    assert lines[:3] == ["   name         n", "-  long name    1", "-  x          100"]


def test_what_a_terminal_cannot_show_as_it_is_is_spelt_out():
    rows = [(None, 1), ("", 2), (" a", 3), ("a\nb", 4), ("表", 5), ("x" * 80, 6)]
    cells = [line[3:].rstrip()[:-1].rstrip() for line in shown(["t", "n"], rows, [])[1:7]]
    assert cells == ["NULL", "''", "' a'", "a\\nb", "表", "x" * 35 + "~"]


def test_many_rows_are_counted():
    lines = shown(["n"], [(i,) for i in range(50)], [])
    assert len(lines) == 23
    assert lines[-2] == "-  and 30 more rows"


def test_another_order_and_columns_without_rows():
    assert shown(["n"], [(1,), (2,)], [(2,), (1,)], ordered=True) == [
        "the rows are there, but in another order"
    ]


def test_the_totals_and_what_is_held():
    test = UnitTest("t", "m", at=Location("u.yml", 2, 3))
    good = UnitResult(test, Status.SUCCESS, 0.5)
    bad = UnitResult(
        test, Status.ERROR, 0.25, (Problem("UTS005", "no rows", Location("u.yml", 9)),)
    )
    text = unstyle(results_text([good, bad], "."))
    assert text.splitlines() == [
        "u.yml:9:1: UTS005 no rows",
        "  in unit test 't' at u.yml:2:3",
        "",
        "2 unit tests: 1 passed, 1 failed  in 0.75s",
    ]
    assert held_text([good, bad]).endswith("'m' and what reads it")
    assert result_json(bad)["problems"][0]["line"] == 9
