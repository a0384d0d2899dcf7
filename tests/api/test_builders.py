"""Who built slices that a run finds done: the runs that wrote these, and no newer one."""

from __future__ import annotations

from sqlpipes.api.sharing import builders_of
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.stores.records import SliceRecord


def days(start: int, end: int) -> Partitions:
    return Partitions.of(Grain.DAY, [(start, end)])


WRITTEN = [
    SliceRecord(days(0, 2), "v", 1, 2, run_id="first"),
    SliceRecord(days(2, 4), "v", 1, 3, run_id="second"),
    SliceRecord(days(4, 9), "v", 1, 9, run_id="own"),
    SliceRecord(WHOLE, "v", 1, 10, run_id="whole"),
]


def test_it_is_told_by_the_slices_and_not_by_the_newest_write() -> None:
    assert builders_of(WRITTEN, days(0, 1), "own") == "first"
    assert builders_of(WRITTEN, days(3, 4), "own") == "second"
    assert builders_of(WRITTEN, days(1, 5), "own") == "first and second"
    assert builders_of(WRITTEN, WHOLE, "own") == "whole"
