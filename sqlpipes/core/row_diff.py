"""Rows that were expected + rows that are there -> what differs, row by row and cell by cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

from sqlpipes.core.dataclass import dataclass

Cells = tuple[Any, ...]

TOLERANCE = 1e-9  # of floats, relative to the larger of the two, or absolute near zero
PAIRED = 200  # rows on each side among which the most alike are looked for; beyond, in their order


@dataclass(frozen=True, slots=True)
class Changed:
    """An expected row and the actual one that it is most like. `cells`: indices of what differs."""

    row: int  # which of the expected rows, from 0
    expected: Cells
    actual: Cells
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RowDiff:
    """`missing` were expected and are not there (with their index); `extra` are there unexpectedly."""

    columns: tuple[str, ...]
    same: int = 0
    changed: tuple[Changed, ...] = ()
    missing: tuple[tuple[int, Cells], ...] = ()
    extra: tuple[Cells, ...] = ()
    order: bool = False  # the rows are all there, but not in the order that was asked for

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing or self.extra or self.order)

    @property
    def first(self) -> int | None:
        """The first expected row that is not as it should be."""
        rows = [found.row for found in self.changed] + [row for row, _ in self.missing]
        return min(rows, default=None)


def diff_rows(
    columns: Sequence[str],
    expected: Sequence[Cells],
    actual: Sequence[Cells],
    *,
    ordered: bool = False,
    tolerance: float = TOLERANCE,
) -> RowDiff:
    """Compare two lists of rows with the same columns; without `ordered` as bags.

    >>> found = diff_rows(["a", "b"], [(1, "x"), (2, "y")], [(2, "z"), (1, "x")])
    >>> found.same, found.changed[0].expected, found.changed[0].actual
    (1, (2, 'y'), (2, 'z'))
    """
    wanted, there = list(enumerate(expected)), list(actual)
    wanted, there = _without_equal(wanted, there)
    wanted, there = _without_alike(wanted, there, tolerance)
    same = len(expected) - len(wanted)
    changed, wanted, there = _paired(wanted, there, tolerance)
    moved = (
        ordered
        and not (changed or wanted or there)
        and any(not _same_row(e, a, tolerance) for e, a in zip(expected, actual, strict=True))
    )
    return RowDiff(tuple(columns), same, changed, tuple(wanted), tuple(there), moved)


Numbered = list[tuple[int, Cells]]


def _without_equal(wanted: Numbered, there: list[Cells]) -> tuple[Numbered, list[Cells]]:
    """Less the rows that are equal to the last digit, found by hashing."""
    by_key: dict[Any, list[int]] = {}
    for i, row in enumerate(there):
        by_key.setdefault(_row_key(row), []).append(i)
    left: Numbered = []
    taken: set[int] = set()
    for number, row in wanted:
        found = by_key.get(_row_key(row))
        if found:
            taken.add(found.pop(0))
        else:
            left.append((number, row))
    return left, [row for i, row in enumerate(there) if i not in taken]


def _without_alike(
    wanted: Numbered, there: list[Cells], tolerance: float
) -> tuple[Numbered, list[Cells]]:
    """Less those that differ by no more than the tolerance of floats."""
    left: Numbered = []
    rest = list(there)
    for number, row in wanted:
        near = next((i for i, other in enumerate(rest) if _same_row(row, other, tolerance)), None)
        if near is None:
            left.append((number, row))
        else:
            del rest[near]
    return left, rest


def _paired(
    wanted: Numbered, there: list[Cells], tolerance: float
) -> tuple[tuple[Changed, ...], Numbered, list[Cells]]:
    """Rows that have at least a cell in common, the most alike first; the others stay alone."""
    scores = []
    for i, (_, row) in enumerate(wanted[:PAIRED]):
        for j, other in enumerate(there[:PAIRED]):
            apart = _apart(row, other, tolerance)
            if len(apart) < len(row):
                scores.append((len(apart), apart, i, j))
    mine: dict[int, Changed] = {}
    theirs: set[int] = set()
    for _, apart, i, j in sorted(scores):
        if i not in mine and j not in theirs:
            number, row = wanted[i]
            mine[i] = Changed(number, row, there[j], apart)
            theirs.add(j)
    changed = tuple(mine[i] for i in sorted(mine))
    lost = [found for i, found in enumerate(wanted) if i not in mine]
    return changed, lost, [row for j, row in enumerate(there) if j not in theirs]


def _same_row(row: Cells, other: Cells, tolerance: float) -> bool:
    return all(same(a, b, tolerance) for a, b in zip(row, other, strict=True))


def _apart(row: Cells, other: Cells, tolerance: float) -> tuple[int, ...]:
    pairs = enumerate(zip(row, other, strict=True))
    return tuple(i for i, (a, b) in pairs if not same(a, b, tolerance))


def same(one: Any, other: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two cells count as equal: 1 is 1.0 but not True, NaN is NaN, dates are their ISO text.

    >>> same(0.1 + 0.2, 0.3), same(1, True), same(None, None), same("2024-01-01", date(2024, 1, 1))
    (True, False, True, True)
    """
    if _key(one) == _key(other):
        return True
    if (
        _is_number(one)
        and _is_number(other)
        and (isinstance(one, float) or isinstance(other, float))
    ):
        return math.isclose(float(one), float(other), rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and _same_row(tuple(one), tuple(other), tolerance)
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        return all(same(one[key], other[key], tolerance) for key in one)
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _row_key(row: Cells) -> Any:
    return tuple(_key(value) for value in row)


def _key(value: Any) -> Any:
    """Something hashable that is equal for values that are."""
    if isinstance(value, bool) or value is None:
        return ("is", value)
    if isinstance(value, float) and math.isnan(value):
        return ("is", "nan")
    if isinstance(value, (date, time)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return ("list", tuple(_key(item) for item in value))
    if isinstance(value, Mapping):
        return ("map", frozenset((str(key), _key(item)) for key, item in value.items()))
    try:
        hash(value)
    except TypeError:
        return ("text", repr(value))
    return value
