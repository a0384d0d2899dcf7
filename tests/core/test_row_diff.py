from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.row_diff import diff_rows, same

CELLS = st.one_of(st.none(), st.integers(0, 2), st.sampled_from(["a", "b"]))
ROWS = st.lists(st.tuples(CELLS, CELLS), max_size=6)


@settings(deadline=None, max_examples=300)
@given(ROWS, ROWS)
def test_bags_are_equal_if_and_only_if_nothing_differs(expected, actual):
    found = diff_rows(["a", "b"], expected, actual)
    assert bool(found) == (Counter(expected) != Counter(actual))
    assert found.same + len(found.changed) + len(found.missing) == len(expected)
    assert found.same + len(found.changed) + len(found.extra) == len(actual)
    for changed in found.changed:
        assert changed.cells == tuple(
            i for i in range(2) if changed.expected[i] != changed.actual[i]
        )
        assert 0 < len(changed.cells) < 2


@settings(deadline=None, max_examples=200)
@given(ROWS, st.randoms())
def test_the_order_of_rows_matters_only_when_it_is_asked_for(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert not diff_rows(["a", "b"], rows, shuffled)
    assert bool(diff_rows(["a", "b"], rows, shuffled, ordered=True)) == (rows != shuffled)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, Decimal("1.00"), True),
        (True, 1, False),
        (0.1 + 0.2, 0.3, True),
        (1.0, 1.001, False),
        (Decimal("0.3"), 0.1 + 0.2, True),
        (Decimal("0.3"), Decimal("0.30000001"), False),
        (float("nan"), float("nan"), True),
        (float("nan"), None, False),
        (float("inf"), float("inf"), True),
        (None, None, True),
        (None, "", False),
        (date(2024, 1, 1), "2024-01-01", True),
        (date(2024, 1, 1), datetime(2024, 1, 1), False),
        ([1, 0.1 + 0.2], (1, 0.3), True),
        ([1], [1, 2], False),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, True),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
        (10**20, 10**20 + 1, False),
    ],
)
def test_when_two_cells_are_equal(one, other, equal):
    assert same(one, other) is equal
    assert same(other, one) is equal


def test_the_most_alike_rows_are_told_as_changed():
    expected = [(1, "a", 10), (2, "b", 20), (9, "z", 90)]
    actual = [(2, "b", 21), (1, "a", 11), (5, "q", 50)]
    found = diff_rows(["id", "name", "n"], expected, actual)
    assert [(c.expected, c.actual, c.cells) for c in found.changed] == [
        ((1, "a", 10), (1, "a", 11), (2,)),
        ((2, "b", 20), (2, "b", 21), (2,)),
    ]
    assert found.missing == ((2, (9, "z", 90)),)
    assert found.extra == ((5, "q", 50),)
    assert found.first == 0


@pytest.mark.long
def test_a_thousand_rows_that_differ_are_compared_at_once():
    expected = [(i, i * 2) for i in range(1000)]
    actual = [(i, i * 2 + 1) for i in range(1000)]
    found = diff_rows(["a", "b"], expected, actual)
    assert len(found.changed) == 200
    assert len(found.missing) == 800


def test_rows_within_the_tolerance_are_matched_each_once():
    found = diff_rows(["n"], [(0.3,), (0.3,)], [(0.1 + 0.2,), (0.3,)])
    assert not found
    assert diff_rows(["n"], [(0.3,)], [(0.30001,)], tolerance=1e-3).same == 1
