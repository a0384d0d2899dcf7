"""Two lists of rows -> nothing, or an AssertionError whose text shows what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlpipes.core.row_diff import TOLERANCE, diff_rows


def assert_rows(
    actual: Any,
    expected: Any,
    *,
    ordered: bool = False,
    tolerance: float = TOLERANCE,
    exact_columns: bool = False,
) -> None:
    """Compare rows as bags, or with `ordered` as lists; in the columns that `expected` names.

    Rows are lists of dicts, or a frame (DuckDB, polars, pandas, Arrow). Floats may differ by `tolerance`,
    relative to the larger one. 1 is 1.0 and Decimal(1), a date is its ISO text. `exact_columns` also
    refuses columns that `expected` does not name. AssertionError shows the rows that differ.

    >>> assert_rows([{"id": 1, "total": 0.1 + 0.2}], [{"total": 0.3}])
    """
    there, wanted = _rows(actual, "actual"), _rows(expected, "expected")
    columns = list(dict.fromkeys(str(name) for row in wanted for name in row))
    known = dict.fromkeys(str(name) for row in there for name in row)
    if absent := [name for name in columns if there and name not in known]:
        raise AssertionError(
            f"the actual rows have no column {_said(absent)}: they have {_said(known)}"
        )
    if exact_columns and (more := [name for name in known if wanted and name not in columns]):
        raise AssertionError(f"the actual rows also have the column {_said(more)}")
    columns = columns or list(known)
    found = diff_rows(
        columns,
        [tuple(row.get(name) for name in columns) for row in wanted],
        [tuple(row.get(name) for name in columns) for row in there],
        ordered=ordered,
        tolerance=tolerance,
    )
    if found:
        from click import unstyle

        from sqlpipes.show.unit_tests import difference_text

        text = unstyle(difference_text(found))
        raise AssertionError(f"the rows are not as expected\n\n{text}")


def _said(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _rows(given: Any, what: str) -> Sequence[Mapping[str, Any]]:
    """Rows as dicts. TypeError for what is no table."""
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        if wrong := [row for row in given if not isinstance(row, Mapping)]:
            raise TypeError(f"the {what} rows must be dicts, not {type(wrong[0]).__name__}")
        return given
    if hasattr(given, "to_arrow_table"):  # a DuckDB relation
        given = given.to_arrow_table()
    for method in ("to_pylist", "to_dicts"):
        if hasattr(given, method):
            rows: Sequence[Mapping[str, Any]] = getattr(given, method)()
            return rows
    if hasattr(given, "to_dict"):  # pandas, whose NaN and NaT are missing values
        cells = given.astype(object).where(given.notna(), None)
        rows = cells.to_dict("records")
        return rows
    raise TypeError(
        f"the {what} rows must be a list of dicts or a frame, not {type(given).__name__}"
    )
