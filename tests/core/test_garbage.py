"""Trees of queries that were read go while the reading goes on, though the collector rests."""

from __future__ import annotations

import gc

from sqlglot import exp, parse_one

from sqlpipes.core.errors import Location
from sqlpipes.core.garbage import resting, sweep
from sqlpipes.core.sql import analyse

QUERIES = 120


def query(number: int) -> str:
    columns = ", ".join(f"coalesce(t.c{i}, {number}) + {i} as c{i}" for i in range(60))
    return f"select {columns} from t where t.c1 > {number} group by all"


def living() -> int:
    """Whole queries in memory."""
    return sum(type(each) is exp.Select for each in gc.get_objects())


def test_trees_do_not_stay_until_the_end() -> None:
    gc.collect()
    before = living()
    with resting():
        for number in range(QUERIES):
            assert analyse(query(number), "duckdb", at=Location("x.sql")).references
        assert living() - before < QUERIES / 2


def test_without_a_sweep_they_would() -> None:
    """So the test above can fail: nothing but the sweep frees them."""
    gc.collect()
    before = living()
    with resting():
        sweep()
        for number in range(QUERIES):
            parse_one(query(number), dialect="duckdb")
        assert living() - before >= QUERIES
        sweep()
        assert living() - before < QUERIES


def test_what_was_there_before_is_not_swept() -> None:
    """A project that was recalled is a hundred thousand objects, and no tree among them."""
    gc.collect()
    with resting():
        there = [[number] for number in range(100_000)]
        analyse(query(1), "duckdb", at=Location("x.sql"))
        sweep()
        assert gc.get_count()[0] >= len(there)


def test_who_had_switched_it_off_finds_it_off() -> None:
    with resting():
        assert not gc.isenabled()
        with resting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
