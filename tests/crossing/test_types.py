"""Values that cross are those that were sent: exactly, or refused."""

from __future__ import annotations

import pytest
from crossing.worlds import World

from sqlpipes.core.events import StepFailed

HUGE = "170141183460469231731687303715884105727"
VALUES = {  # column: (DuckDB's expression, the text that every engine shows of it)
    "d": ("cast(1234567890123456789012345678.0123456789 as decimal(38, 10))", None),
    "m": ("cast(-0.05 as decimal(5, 2))", "-0.05"),
    "huge": (f"cast({HUGE} as hugeint)", HUGE),
    "ub": ("cast(18446744073709551615 as ubigint)", "18446744073709551615"),
    "tz": ("timestamptz '2024-03-31 01:30:00.123456+02'", "2024-03-30 23:30:00.123456+00"),
    "ts": ("timestamp '1969-12-31 23:59:59.999999'", "1969-12-31 23:59:59.999999"),
    "tt": ("time with time zone '12:00:00+02'", "12:00:00+02"),
    "id": ("cast('00000000-0000-0000-0000-00000000ff01' as uuid)", None),
    "bits": ("cast('0101' as bit)", "0101"),
    "txt": ("'a\"b,' || chr(10) || 'c\\d'''", "a\"b,\nc\\d'"),
    "empty": ("''", ""),
    "none": ("cast(null as varchar)", None),
    "dbl": ("cast(0.1 as double)", "0.1"),
    "yes": ("true", "true"),
}


@pytest.mark.parametrize("far", ["duckdb", "postgres"])
def test_values_come_back_from_another_engine_as_they_left(far, tmp_path, request):
    url = request.getfixturevalue("postgres_url") if far == "postgres" else ""
    world = World(tmp_path, "duckdb", far, url).prepare()
    listed = ", ".join(f"{sql} as {name}" for name, (sql, _) in VALUES.items())
    nothing = ", ".join(f"cast(null as {_kind(sql)}) as {n}" for n, (sql, _) in VALUES.items())
    world.write(
        models__sent=f"select 1 as n, {listed} union all select 2, {nothing}",
        models__dw__there="select * from sent",
        models__back="select * from there",
    )
    report = world.build()
    assert report.ok, report.problems
    shown = ", ".join(f"cast({name} as varchar)" for name in VALUES)
    sent, back = (
        world.ask("own", f"select {shown} from {table} order by n") for table in ("sent", "back")
    )
    assert back == sent
    for name, (_, text), found in zip(VALUES, VALUES.values(), back[0], strict=True):
        assert text is None or found == text, name


def _kind(sql: str) -> str:
    import duckdb

    return str(duckdb.sql(f"select {sql} as v").types[0])


def test_nested_values_are_json_on_postgres_and_themselves_on_duckdb(world):
    if world.own != "duckdb":
        pytest.skip("only duckdb: lists are JSON elsewhere")
    nested = "[1, null] as l, {'a': 1} as s, map {'k': 2} as m, cast('{\"x\": 1.10}' as json) as j"
    world.write(models__sent=f"select {nested}", models__dw__there="select l, s, m, j from sent")
    assert world.build().ok
    (row,) = world.ask("dw", "select * from there")
    if world.dw == "duckdb":
        assert row == ([1, None], {"a": 1}, {"k": 2}, '{"x": 1.10}')
    else:
        assert row[:3] == ([1, None], {"a": 1}, {"k": 2})


@pytest.mark.parametrize("value", ["0.12345678901", "1e30", "'NaN'::numeric"])
def test_a_number_that_would_be_rounded_is_refused(value, tmp_path, postgres_url):
    world = World(tmp_path, "postgres", "duckdb", postgres_url).prepare()
    world.write(
        models__sent="select cast(0.5 as numeric) as ok, 2::numeric / 1 as v",
        models__dw__there="select * from sent",
    )
    assert world.build().ok
    assert [float(v) for row in world.ask("dw", "from there") for v in row] == [0.5, 2.0]
    world.write(models__sent=f"select cast(0.5 as numeric) as ok, cast({value} as numeric) as v")
    (failed,) = [e for e in world.build().events if isinstance(e, StepFailed)]
    assert failed.problems[0].code == "XNG011"
    assert "cast(v as numeric(38, 6))" in (failed.problems[0].hint or "")
    assert len(world.ask("dw", "from there")) == 1


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("timestamp_ns '2024-01-01 00:00:00.123456789'", "cast(v as timestamp)"),
        ("[1::bit]", "JSON"),
    ],
)
def test_a_type_without_an_equal_is_refused_with_a_way_out(sql, hint, tmp_path, postgres_url):
    world = World(tmp_path, "duckdb", "postgres", postgres_url).prepare()
    world.write(models__sent=f"select {sql} as v", models__dw__there="select * from sent")
    (failed,) = [e for e in world.build().events if isinstance(e, StepFailed)]
    assert failed.problems[0].code == "XNG010"
    assert hint in (failed.problems[0].hint or "")
    assert "'sent' cannot cross" in failed.problems[0].message


@pytest.mark.parametrize(
    ("pair", "sql", "column", "code"),
    [
        ("duckdb-postgres", "'a' || chr(0) as bad", "the column 'bad'", "XNG011"),
        ("duckdb-postgres", """'{"x": "\\u0000"}'::json as bad""", "column 'bad'", "ENG005"),
        ("duckdb-postgres", "date '5881580-07-10' as bad", "column 'bad'", "ENG005"),
        ("postgres-duckdb", "'NaN'::numeric(10, 2) as bad", 'column "bad"', "ENG005"),
    ],
)
def test_what_does_not_arrive_is_told_by_its_column_and_never_with_its_row(
    pair, sql, column, code, tmp_path, postgres_url
):
    world = World(tmp_path, *pair.split("-"), postgres_url).prepare()
    world.write(
        models__sent=f"select 'hunter2' as note, {sql}", models__dw__there="select * from sent"
    )
    (failed,) = [e for e in world.build().events if isinstance(e, StepFailed)]
    (problem,) = failed.problems
    assert problem.code == code
    assert column in problem.message
    assert "hunter2" not in f"{problem.message} {problem.hint}"
