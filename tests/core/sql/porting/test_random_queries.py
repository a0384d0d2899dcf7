"""Queries made at random give equal rows on both engines wherever they are translated."""

from __future__ import annotations

import random
from collections import Counter

import duckdb
import pytest
from portability.compared import comparable, on_duckdb, on_postgres
from portability.random_queries import random_query
from portability.tables import COLUMNS

from sqlpipes.core.sql.porting import port


def outcomes(url: str, seed: int, count: int) -> tuple[Counter[str], list[str]]:
    """How many were the same, refused, or faulty on DuckDB itself; and those that were different."""
    chance = random.Random(seed)
    found: Counter[str] = Counter()
    different = []
    with on_duckdb(seed) as here, on_postgres(url, seed) as there:
        for _ in range(count):
            query = random_query(chance)
            ported = port(query, "duckdb", "postgres", lambda name: COLUMNS.get(name.lower()))
            if not ported.text:
                found["refused"] += 1
                continue
            try:
                mine = comparable(here.execute(query).fetchall())
            except duckdb.Error:
                found["faulty"] += 1
                continue
            theirs = comparable(there.execute(ported.text.encode()).fetchall())
            found["same"] += mine == theirs
            if mine != theirs:
                different.append(f"{query}\n{ported.text}")
    return found, different


@pytest.mark.parametrize("seed", [3, 4])
def test_random_queries_give_equal_rows(postgres_url: str, seed: int) -> None:
    found, different = outcomes(postgres_url, seed, 150)
    assert different == []
    assert found["same"] > 120


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1000, 1030))
def test_thousands_of_random_queries_give_equal_rows(postgres_url: str, seed: int) -> None:
    found, different = outcomes(postgres_url, seed, 1000)
    assert different == []
    assert found["same"] > 800
