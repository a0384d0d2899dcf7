"""Rows to and from databases of SQLAlchemy's dialects: SQLite everywhere, MariaDB in its own leg."""

from __future__ import annotations

from pathlib import Path

import pytest
from crossing.worlds import World, on_mariadb
from servers.mariadb import empty_mariadb

from sqlpipes.api import Report
from sqlpipes.core.events import StepFailed, StepFinished

FAR = ["sqlite", "mariadb"]
EXACT = {
    "yes": "true",
    "small": "cast(-32768 as smallint)",
    "whole": "cast(2147483647 as integer)",
    "big": "cast(-9223372036854775808 as bigint)",
    "ub": "cast(4294967295 as uinteger)",
    "m": "cast(-0.05 as decimal(5, 2))",
    "price": "cast(1234567890.12 as decimal(12, 2))",
    "dbl": "cast(0.1 as double) + 0.2",
    "tiny": "cast(2.2250738585072014e-308 as double)",
    "most": "cast(1.7976931348623157e308 as double)",
    "flt": "cast(16777216.0 as float)",
    "third": "cast(0.1 as float)",
    "d": "date '0999-12-31'",
    "ts": "timestamp '1969-12-31 23:59:59.999999'",
    "t": "time '23:59:59.999999'",
    "txt": r"""'a"b,' || chr(10) || 'c\d''%s:x ' || chr(128169)""",
    "empty": "''",
    "raw": r"'\x00\xFF'::blob",
    "void": "''::blob",
    "id": "cast('00000000-0000-0000-0000-00000000ff01' as uuid)",
    "j": """cast('{"b": [1, null], "a": 1.10}' as json)""",
    "l": "[1, null, 3]",
}
SHOWN = {
    "yes": "boolean",
    "d": "date",
    "ts": "timestamp",
    "t": "time",
    "j": "json",
    "l": "json",
    "flt": "double",
    "third": "double",
}
WIDE = {
    "huge": "cast(170141183460469231731687303715884105727 as hugeint)",
    "ub": "cast(18446744073709551615 as ubigint)",
    "dec": "cast(1234567890123456789012345678.0123456789 as decimal(38, 10))",
}


@pytest.fixture(params=FAR)
def far(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """`dw` is the database of SQLAlchemy's, and the own engine DuckDB."""
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    if url:
        empty_mariadb(url)
    return World(tmp_path, "duckdb", request.param, url).prepare()


@pytest.fixture(params=FAR)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """The other way round."""
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    if url:
        empty_mariadb(url)
    return World(tmp_path, request.param, "duckdb", url).prepare()


def sent_and_back(world: World, values: dict[str, str]) -> tuple[object, object]:
    listed = ", ".join(f"{sql} as {name}" for name, sql in values.items())
    nothing = ", ".join(f"null as {name}" for name in values)
    world.write(
        models__sent=f"select 1 as n, {listed} union all select 2, {nothing}",
        models__dw__there="select * from sent",
        models__back="select * from there",
    )
    report = world.build()
    assert report.ok, failures(report)
    shown = ", ".join(f"cast(cast({n} as {SHOWN.get(n, 'varchar')}) as varchar)" for n in values)
    sent, back = (
        world.ask("own", f"select {shown} from {table} order by n") for table in ("sent", "back")
    )
    return sent, back


def test_values_come_back_as_they_left(far: World) -> None:
    sent, back = sent_and_back(far, EXACT)
    assert back == sent


def test_numbers_of_any_size_come_back_or_are_refused(far: World) -> None:
    if far.dw == "mariadb":
        sent, back = sent_and_back(far, WIDE)
        assert back == sent
        return
    for name, sql in WIDE.items():
        far.write(models__sent=f"select {sql} as {name}", models__dw__there="select * from sent")
        (failed,) = [e for e in far.build().events if isinstance(e, StepFailed)]
        assert failed.problems[0].code == "XNG011", name


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("cast('nan' as double)", "XNG011"),
        ("cast('-inf' as float)", "XNG011"),
        ("date '10000-01-01'", "XNG011"),
        ("timestamp 'infinity'", "XNG011"),
        ("time '24:00:00'", "XNG011"),
        ("interval '1 day'", "XNG010"),
        ("timestamp_ns '2024-01-01 00:00:00.123456789'", "XNG010"),
        ("time with time zone '12:00:00+02'", "XNG010"),
    ],
)
def test_what_the_other_side_does_not_hold_is_refused(far: World, sql: str, code: str) -> None:
    far.write(models__sent=f"select {sql} as v", models__dw__there="select * from sent")
    (failed,) = [e for e in far.build().events if isinstance(e, StepFailed)]
    (problem,) = failed.problems
    assert problem.code == code
    assert "'sent' cannot cross: the column 'v'" in problem.message
    assert problem.hint


def test_an_instant_arrives_as_its_time_in_utc(far: World) -> None:
    far.write(
        models__sent="select timestamptz '2024-03-31 01:30:00.123456+02' as at",
        models__dw__there="select at from sent",
    )
    assert far.build().ok
    ((found,),) = far.ask("dw", "select at from there")
    assert str(found) == "2024-03-30 23:30:00.123456"


def test_rows_of_many_batches_cross_both_ways(far: World) -> None:
    far.write(
        models__sent="select range as n, 'row ' || range as note from range(12345)",
        models__dw__there="select n, note from sent",
        models__back="select n, note from there",
    )
    report = far.build()
    assert report.ok, failures(report)
    assert far.ask("own", "select count(*), sum(n), max(note) from back") == [
        (12345, 12344 * 12345 // 2, "row 9999")
    ]
    crossed = [
        (each["asset"], each["rows"])
        for event in report.events
        if isinstance(event, StepFinished)
        for each in event.metadata.get("crossed", ())
    ]
    assert crossed == [("sent", 12345), ("there", 12345)]
    assert far.plan().steps == ()


def test_a_slice_crosses_and_a_merge_and_a_check_read_what_came(far: World) -> None:
    cut = (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-04}\n---\n*/\n"
    )
    merge = "/*\n---\nmaterialized: incremental\nunique_key: n\n---\n*/\n"
    check = "/*\n---\nchecks: [{relationships: {column: n, to: days, field: n}}]\n---\n*/\n"
    far.write(
        models__days="select date '2024-01-01' + cast(range as int) as day, range as n from range(3)",
        models__sliced=cut + "select cast(day as date) as day, n from days",
        models__dw__daily=cut + "select day, n from sliced",
        models__dw__kept=merge + "select n, day from days",
        models__dw__checked=check + "select n from days",
    )
    report = far.build()
    assert report.ok, failures(report)
    assert far.plan().steps == ()
    again = far.build("daily", partitions="2024-01-02", force=True)
    (came,) = [e.metadata["crossed"][0] for e in again.events if isinstance(e, StepFinished)]
    assert came["rows"] == 1
    for table in ("daily", "kept", "checked"):
        assert sorted(far.ask("dw", f"select n from {table}")) == [(0,), (1,), (2,)]


def test_the_target_itself_may_be_such_a_database(home: World) -> None:
    home.write(
        models__orders="select 1 as id, 10.50 as amount union all select 2, 1.25",
        models__dw__totals="select count(*) as n, sum(amount) as total from orders",
        models__back="select n from totals",
    )
    report = home.build()
    assert report.ok, failures(report)
    ((n, total),) = home.ask("dw", "select n, total from totals")
    assert (n, float(total)) == (2, 11.75)
    assert home.ask("own", "select n from back") == [(2,)]


def failures(report: Report) -> list[tuple[str, str]]:
    failed = [event for event in report.events if isinstance(event, StepFailed)]
    return [(each.problems[0].code, each.problems[0].message) for each in failed]


def read(world: World, columns: str, values: str) -> list[tuple[str, str]]:
    """The code and the message of what failed, where DuckDB read a table that was made by hand."""
    create, insert = f"create table raw ({columns})", f"insert into raw values {values}"
    if world.own == "mariadb":
        on_mariadb(world.url, "own", create, insert)
    else:
        world.ask("own", create)
        world.ask("own", insert)
    schema = "own" if world.own == "mariadb" else "main"
    world.write(models__dw__there="select * from src.raw")
    (world.root / "models" / "sources.yml").write_text(
        f"sources: [{{name: src, schema: {schema}, engine: default, tables: [{{name: raw}}]}}]\n"
    )
    return failures(world.build())


def test_declared_types_of_sqlite_are_those_that_arrive(tmp_path: Path) -> None:
    world = World(tmp_path, "sqlite", "duckdb").prepare()
    columns = "a date, b timestamp, c boolean, d decimal(10, 2), e int, f, g blob, h"
    values = "('2024-01-02', '2024-01-02 03:04:05.678901', 1, 0.1, 7, 1.5, x'00ff', 'x')"
    assert read(world, columns, values) == []
    kinds = world.ask("dw", "select column_type from (describe there)")
    assert [kind for (kind,) in kinds] == [
        *("DATE", "TIMESTAMP", "BOOLEAN", "DECIMAL(10,2)", "BIGINT", "DOUBLE", "BLOB", "VARCHAR")
    ]
    (row,) = world.ask("dw", "select * from there")
    assert [str(value) for value in row[:6]] == [
        *("2024-01-02", "2024-01-02 03:04:05.678901", "True", "0.10", "7", "1.5")
    ]
    assert row[6:] == (b"\x00\xff", "x")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        *(("date", "('soon')"), ("int", "(1), ('many')"), ("boolean", "(2)")),
        *(("decimal(5, 2)", "(0.125)"), ("", "(1), ('a')"), ("real", "('x')"), ("text", "(x'00')")),
    ],
)
def test_a_value_of_sqlite_that_is_not_of_its_type_is_refused(
    tmp_path: Path, kind: str, values: str
) -> None:
    world = World(tmp_path, "sqlite", "duckdb").prepare()
    ((code, message),) = read(world, f"v {kind}", values)
    assert code == "XNG011"
    assert "the column 'v'" in str(message)


def test_types_of_mariadb_are_those_that_arrive(tmp_path: Path, mariadb_url: str) -> None:
    empty_mariadb(mariadb_url)
    world = World(tmp_path, "mariadb", "duckdb", mariadb_url).prepare()
    columns = (
        "a tinyint(1), b bigint unsigned, c decimal(65, 0), d float, e double, f datetime(6), "
        "g timestamp(6), h time(6), i year, j enum('x', 'y'), k bit(9), l uuid, m varbinary(9), "
        "n decimal(50, 20), o set('p', 'q'), p tinyint, q mediumint unsigned"
    )
    values = (
        "(1, 18446744073709551615, 170141183460469231731687303715884105727, 16777217, 0.1, "
        "'2024-01-02 03:04:05.678901', '2024-01-02 03:04:05.678901', '23:59:59.999999', 2024, 'y', "
        "b'100000001', '00000000-0000-0000-0000-00000000ff01', x'00ff27', "
        "123456789012345678.00000000000000000001, 'p,q', -5, 16777215)"
    )
    assert read(world, columns, values) == []
    told = world.ask("dw", "select column_type from (describe there)")
    assert [kind for (kind,) in told] == [
        *("BOOLEAN", "UBIGINT", "HUGEINT", "DOUBLE", "DOUBLE", "TIMESTAMP", "TIMESTAMP", "TIME"),
        *("SMALLINT", "VARCHAR", "UBIGINT", "UUID", "BLOB", "DECIMAL(38,20)", "VARCHAR"),
        *("SMALLINT", "INTEGER"),
    ]
    (row,) = world.ask("dw", "select * from there")
    assert [str(value) for value in row] == [
        *("True", "18446744073709551615", "170141183460469231731687303715884105727", "16777216.0"),
        *("0.1", "2024-01-02 03:04:05.678901", "2024-01-02 03:04:05.678901", "23:59:59.999999"),
        *("2024", "y", "257", "00000000-0000-0000-0000-00000000ff01", str(b"\x00\xff'")),
        *("123456789012345678.00000000000000000001", "p,q", "-5", "16777215"),
    ]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("v tinyint(1)", "(2)", "XNG011"),
        ("v time", "('100:00:00')", "XNG011"),
        ("v decimal(50, 20)", "(123456789012345678901234567890)", "XNG011"),
        ("v decimal(65, 0)", f"({'9' * 60})", "XNG011"),
        ("v point", "(point(1, 1))", "XNG010"),
    ],
)
def test_what_mariadb_alone_has_is_refused(
    tmp_path: Path, mariadb_url: str, column: str, value: str, code: str
) -> None:
    empty_mariadb(mariadb_url)
    world = World(tmp_path, "mariadb", "duckdb", mariadb_url).prepare()
    ((said, message),) = read(world, column, value)
    assert said == code, message
    assert "the column 'v'" in str(message)
