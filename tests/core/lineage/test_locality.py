"""One query -> what is proven of it, and DuckDB says whether it is a query at all.

tests/fixtures/locality/*.sql hold statements with what is expected of each in `-- ` lines below it:

    select date_trunc('month', d) as m, count(*) as n from t group by 1
    -- m = t.d rolled up to the month

`nothing`: no column of it is proven for any table. A blank line ends a case. Tables: see TABLES; the
columns of `raw` are not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from notyet import skip_on_duckdb_1

from sqlpipes.core.asset import Column
from sqlpipes.core.lineage.local import Local
from sqlpipes.core.lineage.reader import Inputs, read_locals
from sqlpipes.core.lineage.types import Types
from sqlpipes.core.partitions import reach_text

FOLDER = Path(__file__).parents[2] / "fixtures" / "locality"
TABLES = {
    "t": "d DATE, ts TIMESTAMP, tz TIMESTAMPTZ, k INTEGER, x INTEGER, s VARCHAR, f DOUBLE, "
    "st STRUCT(a DATE)",
    "u": "d DATE, ts TIMESTAMP, k INTEGER, y INTEGER, month DATE, s VARCHAR, f DOUBLE",
    "v": "d DATE, k INTEGER, z INTEGER",
}
NOT_THERE = ("foo(", "my_macro(")


def inputs() -> Inputs:
    found: dict[tuple[str, ...], tuple[str | None, tuple[Column, ...] | None]]
    found = {
        (name,): (name, tuple(Column(*each.split(" ", 1)) for each in written.split(", ")))
        for name, written in TABLES.items()
    }
    return {**found, ("main", "t"): found["t",], ("raw",): ("raw", None)}


@dataclass(frozen=True)
class Case:
    id: str
    dialect: str
    sql: str
    expected: tuple[str, ...]


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.sql")):
        dialect = "postgres" if path.stem == "postgres" else "duckdb"
        for number, block in enumerate(path.read_text().strip().split("\n\n"), 1):
            lines = block.split("\n")
            expected = tuple(line[3:] for line in lines if line.startswith("-- "))
            sql = "\n".join(line for line in lines if not line.startswith("-- "))
            yield Case(f"{path.stem}-{number}", dialect, sql, expected)


def said(local: Local) -> str:
    reaches = " | ".join(reach_text(reach) for reach in local.reaches)
    return f"{local.column} = {local.table}.{local.source} {reaches}"


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.id)
def test_what_is_proven_of_a_query(case: Case) -> None:
    found = read_locals(case.sql, Types(case.dialect), inputs())

    told = tuple(said(local) for local in found)
    assert (told or ("nothing",)) == case.expected


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as found:
        for name, written in TABLES.items():
            found.execute(f"create table {name} ({written})")
        found.execute("create table raw (d date, n integer, m date)")
        yield found


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.id)
def test_it_is_a_query(connection: duckdb.DuckDBPyConnection, case: Case) -> None:
    if case.dialect == "duckdb" and not any(word in case.sql for word in NOT_THERE):
        if case.id == "nothing-49":
            skip_on_duckdb_1("no outer join on correlated columns")
        connection.execute(case.sql).fetchall()


def read(sql: str) -> tuple[Local, ...]:
    return read_locals(sql, Types("duckdb"), inputs())


def test_the_place_is_that_of_what_says_so() -> None:
    sql = """select
    t.d,
    count(*) as n
from t
left join u
    on u.k = t.k and u.d between t.d - interval 6 days and t.d
group by t.d"""
    own, other = read(sql)

    assert (own.text, own.line, own.column_at) == ("t.d", 2, 5)
    assert other.text == "u.k = t.k and u.d between t.d - interval 6 days and t.d"
    assert (other.line, other.column_at) == (6, 8)


def test_a_step_says_more_than_a_copy() -> None:
    sql = "with a as (select ts::date as day from t)\nselect day, count(*) as n from a group by day"
    [local] = read(sql)

    assert (local.text, local.line, local.column_at) == ("ts::date", 1, 19)


def test_what_is_no_query_proves_nothing() -> None:
    for sql in (
        "",
        "select",
        "create table a as select d from t",
        "select d from t; select 1",
        ")(",
    ):
        assert read(sql) == ()


def test_deep_and_wide_queries_end() -> None:
    wide = " union all ".join(["select d from t"] * 300)
    deep = "t"
    for i in range(25):
        deep = f"(select a.d from {deep} a join t b{i} on b{i}.d = a.d)"
    ctes = ["c0 as (select d from t)"]
    ctes += [
        f"c{i} as (select a.d from c{i - 1} a join c{i - 1} b using (d))" for i in range(1, 18)
    ]

    for sql in (wide, f"select q.d from {deep} q", f"with {', '.join(ctes)} select d from c17"):
        assert [said(local) for local in read(sql)] == ["d = t.d the same"]
