"""Proofs of slices are kept, and found anew when what they rest on has moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlpipes.api import build, lineage, load

SLICED = """/*
---
materialized: incremental
partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-03}
---
*/
"""
VISITS = "select date '2024-01-01' as d, 1 as n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/visits.sql").write_text(VISITS)
    return tmp_path


def write(folder: Path, name: str, query: str) -> None:
    (folder / f"models/{name}.sql").write_text(SLICED + query)


def proven(folder: Path) -> tuple[int, bytes]:
    assert build(load(str(folder))).ok
    path = folder / ".sqlpipes/cache/proofs.json"
    return path.stat().st_mtime_ns, path.read_bytes()


def test_the_first_build_has_proven_what_later_ones_need(folder: Path) -> None:
    write(folder, "daily", "select d::date as day, sum(n) as n from visits group by all")
    write(folder, "above", "select day, n + 1 as n from daily")
    assert proven(folder) == proven(folder)


def test_a_type_that_only_the_built_table_tells_is_believed_once_it_is_there(folder: Path) -> None:
    (folder / "models/seen.sql").write_text(
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select coalesce(d::timestamp, localtimestamp) as seen_at, n from visits\n"
    )
    write(folder, "daily", "select seen_at::date as day, sum(n) as n from seen group by all")
    first = proven(folder)
    second = proven(folder)
    assert first != second == proven(folder)


def test_what_slices_are_cut_by_decides_which_rows_there_are(folder: Path) -> None:
    """A row outside of all slices is not kept, so the rows of every reader hang on it."""
    write(folder, "daily", "select d as day, n from visits")
    (folder / "models/total.sql").write_text("select sum(n) as n from daily")
    hops = lineage(load(str(folder))).upstream("total", "n", rows=True)
    found = {(str(hop.column), str(hop.edge.kind)) for hop in hops if hop.reader == "daily"}
    assert found == {("visits.n", "copied"), ("visits.d", "partition")}
    [guard] = [hop.edge for hop in hops if hop.edge.kind == "partition"]
    assert (guard.at.line, guard.expression) == (7, "d")
