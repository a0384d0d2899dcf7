"""Slices of every kind as the rows and texts of the state, and back; old rows still read."""

from __future__ import annotations

import random

import pytest

from sqlpipes.core.partitions import (
    WHOLE,
    Grain,
    IntegerAxis,
    Partitions,
    ProductAxis,
    TimeAxis,
    ValueAxis,
    parse_partitions,
)
from sqlpipes.stores.text import (
    LABELS_LENGTH,
    slice_rows,
    slices_from,
    slices_of_rows,
    slices_text,
)

BOTH = ProductAxis((TimeAxis(Grain.DAY), ValueAxis()), ("d", "region"))
SETS = [
    WHOLE,
    Partitions.of(Grain.DAY, [(0, 3), (5, 6)]),
    Partitions.of(TimeAxis(Grain.DAY, zone="Europe/Berlin"), [(0, 3)]),
    Partitions.of(TimeAxis(Grain.MINUTE, 15), [(0, 300_000)]),
    Partitions.of(IntegerAxis(10, 3), [(-4, 9)]),
    Partitions.of_values(["eu", 'a"b', "it's", "\u00e4\n", ""]),
    parse_partitions("2024-01-01|eu,us; 2024-01-03..2024-02-01|eu", BOTH),
    Partitions(BOTH),
]


@pytest.mark.parametrize("slices", SETS, ids=str)
def test_slices_come_back(slices: Partitions) -> None:
    assert slices_from(slices_text(slices)) == slices
    rows = list(slice_rows(slices))
    random.Random(1).shuffle(rows)
    assert slices_of_rows(rows) == ([slices] if slices else [])
    assert len({(text, low) for text, low, _ in rows}) == len(rows)  # the key of the table


@pytest.mark.parametrize(
    "grain", ["year", "quarter", "month", "week", "day", "hour", "minute", "whole"]
)
def test_what_was_kept_before_there_were_other_kinds_still_reads(grain: str) -> None:
    old = Partitions.of(Grain(grain), [(0, 1)])
    assert slices_of_rows([(grain, 0, 1)]) == [old]
    assert slices_from(f'{{"grain":"{grain}","ranges":[[0,1]]}}') == old
    assert list(slice_rows(old)) == [(grain, 0, 1)]


def test_many_values_share_rows_of_a_bounded_length() -> None:
    slices = Partitions.of_values([f"value {i} \u20ac" for i in range(2000)])
    rows = list(slice_rows(slices))
    assert slices_of_rows(rows) == [slices]
    assert len(rows) < 60
    assert max(len(text) for text, _, _ in rows) < LABELS_LENGTH + 200


def test_boxes_share_rows() -> None:
    days = Partitions.of_rows(BOTH, (((f"v{i}",), [(0, 9000)]) for i in range(50)))
    assert len(list(slice_rows(days))) == 1
