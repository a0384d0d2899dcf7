"""A column of texts and of what is none is told, and never made text in silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pytest

from sqlpipes.core.errors import EngineError
from sqlpipes.engines.duckdb import loading


def loaded(data: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect() as cursor:
        loading.load(cursor, "t", data)
        return cursor.execute("select * from t").fetchall()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((1, "zwei"), "int"),
        (("a", 1.5), "float"),
        (("a", date(2024, 1, 1)), "date"),
        (("a", True), "bool"),
    ],
)
def test_texts_and_others_in_one_column(values: tuple[Any, ...], kind: str) -> None:
    for data in ([{"a": value} for value in values], {"a": list(values)}):
        with pytest.raises(EngineError) as raised:
            loaded(data)
        said = f"the column 'a' has values of type {kind} and of type str"
        assert (raised.value.problems[0].code, raised.value.problems[0].message) == ("ENG008", said)


@pytest.mark.parametrize(
    "values", [(1, 2.5), (None, "a"), (1, None, 2), (1, Decimal("1.5")), ("a", float("nan"))]
)
def test_what_fits_together(values: tuple[Any, ...]) -> None:
    assert len(loaded([{"a": value} for value in values])) == len(values)


def test_a_missing_value_of_pandas_is_no_other_type() -> None:
    values = ["x", float("nan"), None, pd.NA, pd.NaT]
    assert len(loaded(pd.DataFrame({"a": values}, dtype=object))) == 5


def test_a_later_piece_of_another_type() -> None:
    def rows(first: Any, second: Any) -> Iterator[Any]:
        yield [{"a": first, "b": 1}]
        yield [{"a": second, "b": 1}]

    for first, second in ((1, "zwei"), ("eins", 2)):
        with pytest.raises(EngineError, match="the column 'a' has values of type"):
            loaded(rows(first, second))
    assert loaded(rows(None, "zwei")) == [(None, 1), ("zwei", 1)]
    assert loaded(rows("eins", None)) == [("eins", 1), (None, 1)]
    assert loaded(rows(1, 2.5)) == [(1.0, 1), (2.5, 1)]
