"""What is written to a file comes back as it was, whatever its type and its format."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import Place
from run.test_export import failure, front, good, query, run, write

from sqlpipes.core.carried import from_file, in_file, to_file
from sqlpipes.core.export import copy_sql

FORMS = ("parquet", "csv", "json")
NASTY = """
select 12345678901234567890123456789::hugeint as h, 5::uhugeint as uh, [7::hugeint, null] as hs,
    {'a': 123456789012345678901234567890::hugeint} as hd, 12345678901234.0123::decimal(18,4) as d,
    1234567890123456789012.0123456789::decimal(38,10) as w, [0.1::decimal(38,20)] as ds,
    '\\xAA\\x00"b\\x5C'::blob as b, {'c': '\\xAA'::blob} as bd, 'nan'::double as x, '-inf'::float as y,
    ['inf'::double, 1.5, null] as xs, {'DOUBLE': 'nan'::float, 'k': 'HUGEINT'} as xd, 0.1::double + 0.2 as z,
    interval '1 month 2 days 3.000004 seconds' as i, '12:00:00.1+03:30'::timetz as tz,
    'a'::enum('a', 'HUGEINT') as e, '0101'::bit as bits, 9223372036854775807 as big, 1 as "select"
union all by name select null::hugeint as h
"""


@pytest.mark.parametrize("form", FORMS)
def test_values_come_back_from_every_format(tmp_path: Path, form: str) -> None:
    root = write(
        tmp_path,
        kept=front("materialized: table", NASTY),
        out=front(f"materialized: file\npath: out.{form}", "select * from kept"),
        back=front("materialized: table", "select * from out"),
    )
    good(root)
    with duckdb.connect(str(root / "shop.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        wanted, found = connection.sql("from kept"), connection.sql("from back")
        kinds = [(name, str(kind)) for name, kind in zip(found.columns, found.types, strict=True)]
        assert kinds == list(zip(wanted.columns, map(str, wanted.types), strict=True))
        for name in wanted.columns:
            column = f'select "{name}"::varchar from'
            assert (
                connection.sql(f"{column} back").fetchall()
                == connection.sql(f"{column} kept").fetchall()
            ), name
    if form == "json":
        for line in (root / "out.json").read_text().splitlines():
            json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize("form", FORMS)
def test_slices_of_sums_come_back_whole(tmp_path: Path, form: str) -> None:
    keys = f"materialized: file\npath: daily\nformat: {form}\n"
    cut = "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-05}"
    total = "9007199254740993::hugeint * 1000"
    root = write(
        tmp_path,
        daily=front(keys + cut, f"select day::date as day, sum({total}) as s from raw group by 1"),
        back=front("materialized: table", "select sum(s) as s from daily"),
    )
    good(root)
    with duckdb.connect(str(root / "shop.duckdb")) as connection:
        assert connection.sql("from back").fetchall() == [(9007199254740993000 * 24,)]


def test_a_number_too_long_for_parquet_is_refused(tmp_path: Path) -> None:
    whole = "170141183460469231731687303715884105727::hugeint as h"
    root = write(tmp_path, out=front("materialized: file\npath: o.parquet", f"select {whole}"))
    assert "DECIMAL(38,0)" in failure(run(root)).message
    assert not (root / "o.parquet").exists()


VALUES = {
    "HUGEINT": st.integers(-(10**38) + 1, 10**38 - 1),
    "DECIMAL(38,12)": st.decimals(-(10**25), 10**25, places=12),
    "DECIMAL(9,2)": st.decimals(-(10**6), 10**6, places=2),
    "DOUBLE": st.floats(),
    "BLOB": st.binary(max_size=12),
    "VARCHAR": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DATE": st.dates(),
    "TIMESTAMP": st.datetimes(),
}


@settings(deadline=None, max_examples=40, derandomize=True)
@given(data=st.data(), form=st.sampled_from(FORMS), kind=st.sampled_from(sorted(VALUES)))
def test_rows_written_are_rows_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, form: str, kind: str
) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], min_size=1, max_size=5))
    path = str(tmp_path_factory.getbasetemp() / f"rows.{form}")
    with duckdb.connect() as connection:
        connection.execute(f"create table rows (n integer, v {kind}, vs {kind}[])")
        rows = [(number, value, [value, None]) for number, value in enumerate(values)]
        connection.executemany("insert into rows values (?, ?, ?)", rows)
        columns = [("n", "INTEGER"), ("v", kind), ("vs", f"{kind}[]")]
        connection.execute(copy_sql(to_file("select * from rows", columns, form), path, form, {}))
        types = str(in_file(columns, form))
        options = {
            "parquet": "",
            "csv": f", types = {types}, header = true, delim = ',', quote = '\"', escape = '\"', "
            "allow_quoted_nulls = false",
            "json": f", columns = {types}",
        }[form]
        read = from_file(f"select * from read_{form}('{path}'{options})", columns, form)
        same = (
            "select count(*) from ({}) a join rows b using (n) where a.v is not distinct from b.v"
        )
        both = f"{same.format(read)} and a.vs is not distinct from b.vs"
        assert connection.execute(both).fetchall() == [(len(values),)]


def test_numbers_of_postgres_keep_their_digits(tmp_path: Path, place: Place) -> None:
    if place.kind != "postgres":
        return
    place.prepare(tmp_path)
    sql = (
        "select 12345678901234567890.012300::numeric as n, 7::numeric(50,0) as m, null::numeric as o "
        "union all select -1.5, 8, null"
    )
    root = write(
        tmp_path,
        out=front("materialized: file\npath: out.parquet", sql),
        text=front("materialized: file\npath: out.json", sql),
    )
    good(root)
    found = query(f"select n::varchar, m::varchar, typeof(n) from '{root}/out.parquet' order by m")
    assert found == [
        ("12345678901234567890.0123", "7", "DECIMAL(38,4)"),
        ("-1.5000", "8", "DECIMAL(38,4)"),
    ]
    assert '"12345678901234567890.0123"' in (root / "out.json").read_text()
    for value in ("1e40", "'NaN'", "'Infinity'", "1e30 + 1e-20"):
        write(
            root,
            out=front("materialized: file\npath: out.parquet", f"select {value}::numeric as n"),
        )
        problem = failure(run(root, select=("out",)))
        assert (problem.code, "numeric(38, 6)" in (problem.hint or "")) == ("ENG043", True), value
