"""Windows of a relation: cut in SQL exactly as slices are, and their tokens move with their rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.postgres import empty_postgres

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError
from sqlpipes.core.partitions import (
    Grain,
    IntegerAxis,
    Partitioning,
    Partitions,
    PlainAxis,
    TimeAxis,
    ValueAxis,
    stretches_of,
)
from sqlpipes.core.sql import Relation
from sqlpipes.core.windows import Windows
from sqlpipes.engines import open_engine
from sqlpipes.run.windows import inside_sql

EPOCH = datetime(1970, 1, 1)
T = Relation("t", "main")


class Table:
    """A table `t` in an open warehouse."""

    def __init__(self, engine: Any, connection: Any) -> None:
        self.engine, self.connection = engine, connection

    def holds(self, columns: str, rows: list[str]) -> None:
        self.connection.execute("drop table if exists t")
        self.connection.execute(f"create table t ({columns})")
        if rows:
            self.connection.execute(f"insert into t values {', '.join(rows)}")

    def windows(self, cut: Partitioning, changes: str = "count") -> Windows:
        return self.engine.windows(self.connection, T, changes, cut)

    def count(self, where: str) -> int:
        return int(self.connection.fetch(f"select count(*) from t where {where}").rows[0][0])


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    target = Target("dev", "duckdb", options={"path": ":memory:"})
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_database")
        empty_postgres(url)
        target = Target("dev", "postgres", "main", options={"url": url})
    with closing(open_engine(target, ".")) as engine:
        engine.create_schemas(["main"])
        with closing(engine.connect()) as connection:
            yield Table(engine, connection)


def by(column: str, axis: PlainAxis) -> Partitioning:
    return Partitioning(column, axis, end=0)


def around_changes(zone: str, year: int) -> list[datetime]:
    """Instants and wall times about the changes of a zone's clock, and some ordinary ones."""
    first, last = datetime(year, 1, 1), datetime(year + 1, 1, 1)
    found = [first + timedelta(days=41 * i, minutes=77 * i) for i in range(9)]
    for one in stretches_of(zone, first, last):
        if one.start is None:
            continue
        for ahead in (0, one.ahead, one.ahead_before):
            at = EPOCH + timedelta(microseconds=one.start + ahead)
            seconds = (-5400, -3600, -61, -1e-6, 0, 1, 1800, 3599.5, 3600, 7200)
            found += [at + timedelta(seconds=second) for second in seconds]
    return found


ZONES = [
    ("UTC", 2024),
    ("Europe/Berlin", 2024),
    ("America/St_Johns", 1988),  # set back over midnight, twice as far as elsewhere
    ("America/Havana", 2024),
    ("Pacific/Apia", 2011),  # the thirtieth of December is skipped
    ("Africa/Monrovia", 1972),  # 44 minutes and 30 seconds behind, until that year
    ("Australia/Lord_Howe", 2024),  # half an hour of summer time
]


@pytest.mark.parametrize(("zone", "year"), ZONES)
@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date"])
def test_windows_are_cut_as_slices_are(table: Table, zone: str, year: int, kind: str) -> None:
    moments = around_changes(zone, year)
    offset = "+00" if kind == "timestamptz" else ""
    table.holds(f"ts {kind}", [f"('{at.isoformat(sep=' ')}{offset}')" for at in moments])
    units = (Grain.YEAR, Grain.QUARTER, Grain.MONTH, Grain.WEEK, Grain.DAY, Grain.HOUR)
    axes = [TimeAxis(unit, zone=zone) for unit in units]
    for axis in [*axes, TimeAxis(Grain.MINUTE, 15, zone), TimeAxis(Grain.MINUTE, 360, zone)]:
        cut = by("ts", axis)
        found = table.windows(cut)
        assert found.loose == ""
        assert sum(map(int, found.tokens.values())) == len(moments)
        for (_, ordinal), token in found.tokens.items():
            slices = Partitions.of(axis, [(ordinal, ordinal + 1)])
            assert table.count(inside_sql(cut, slices, table.engine.can)) == int(token), axis.key(
                ordinal
            )


def test_rows_that_lie_in_no_window(table: Table) -> None:
    long_ago = "'0044-03-15 (BC)'" if table.engine.dialect == "duckdb" else "'0044-03-15 BC'"
    odd = ["null", "'infinity'", "'-infinity'", "'9999-12-31'", long_ago]
    for kind, far in (("timestamp", "'290000-01-01'"), ("date", "'5000000-01-01'")):
        table.holds(f"ts {kind}", [f"({value})" for value in [*odd, far, "'1969-12-31'"]])
        for zone in ("UTC", "Europe/Berlin"):
            found = table.windows(by("ts", TimeAxis(Grain.DAY, zone=zone)))
            assert found.tokens == {((), -1): "1"}
            assert (found.loose, found.total) == ("(None,) 6", "7")


def test_integers_round_down(table: Table) -> None:
    table.holds("id bigint", ["(-11)", "(-10)", "(-1)", "(0)", "(9)", "(10)", "(null)"])
    assert table.windows(by("id", IntegerAxis(10))).tokens == {
        ((), -2): "1",
        ((), -1): "2",
        ((), 0): "2",
        ((), 1): "1",
    }
    table.holds("id double precision", ["(-0.5)", "(9.99)", "('nan')", "('infinity')", "(1e300)"])
    found = table.windows(by("id", IntegerAxis(10)))
    assert found.tokens == {((), -1): "1", ((), 0): "1"}
    assert found.loose == "(None,) 3"


def test_values_and_products(table: Table) -> None:
    table.holds("region text, d date", ["('eu', '2024-01-01')", "('eu', null)", "('it''s', null)"])
    assert table.windows(by("region", ValueAxis())).tokens == {
        (("eu",), 0): "2",
        (("it's",), 0): "1",
    }
    cut = Partitioning("d", TimeAxis(Grain.DAY)) * Partitioning("region", ValueAxis())
    found = table.windows(cut)
    assert found.tokens == {(("eu",), 19723): "1"}
    assert found.loose == "(None, \"it's\") 1\n(None, 'eu') 1"


def test_the_total_is_the_token_of_all_rows(table: Table) -> None:
    for rows in ([], ["(1, 2)", "(1, 3)", "(20, 4)", "(null, 4)"]):
        table.holds("found int, b int", rows)
        for changes in ("count", "hash"):
            whole = table.connection.fetch(table.engine.token_sql(T, changes)).rows[0][0]
            assert table.windows(by("found", IntegerAxis(10)), changes).total == whole
    assert table.windows(by("found", IntegerAxis(10)), "sum(b)").total == ""
    assert table.windows(by("found", IntegerAxis(10)), "sum(b)").tokens[(), 0] == "5"


def test_a_column_of_any_name_is_hashed_with_the_others(table: Table) -> None:
    table.holds("found int, b int", ["(1, 2)"])
    before = table.connection.fetch(table.engine.token_sql(T, "hash")).rows
    table.connection.execute("update t set b = 3")
    assert table.connection.fetch(table.engine.token_sql(T, "hash")).rows != before


@pytest.mark.parametrize(
    ("columns", "cut", "said", "hint"),
    [
        (
            "ordered_at date",
            by("orderd_at", TimeAxis(Grain.DAY)),
            "no column 'orderd_at'",
            "'ordered_at'",
        ),
        (
            "a text",
            by("a", TimeAxis(Grain.DAY)),
            "'a' is VARCHAR, which is cut by no day",
            "a date",
        ),
        ("a time", by("a", TimeAxis(Grain.HOUR)), "'a' is TIME, which is cut by no hour", "a date"),
        (
            "a text",
            by("a", IntegerAxis(5)),
            "'a' is VARCHAR, which is cut by no 5 integers",
            "a number",
        ),
        ("a int[]", by("a", ValueAxis()), "'a' is INTEGER[], which is cut by no value", "a text"),
    ],
)
def test_columns_that_are_not_cut_so(
    table: Table, columns: str, cut: Partitioning, said: str, hint: str
) -> None:
    table.holds(columns, [])
    with pytest.raises(EngineError) as fault:
        table.windows(cut)
    problem = fault.value.problems[0]
    assert problem.code == "SRC002"
    message = problem.message.replace("is text,", "is VARCHAR,")
    assert said.lower() in message.replace("is time without time zone", "is TIME").lower()
    assert hint in (problem.hint or "")


def test_values_that_are_no_names(table: Table) -> None:
    table.holds("r text", [f"('{'x' * 501}')"])
    with pytest.raises(EngineError, match="cannot be named after the value"):
        table.windows(by("r", ValueAxis()))
    table.connection.execute("drop table t")
    table.connection.execute("create table t as select i::text as r from range(10001) t(i)")
    with pytest.raises(EngineError, match="more than 10,000 values"):
        table.windows(by("r", ValueAxis()))
    with pytest.raises(EngineError, match="nope"):
        table.windows(by("r", ValueAxis()), "max(nope)")
    table.holds("r text, x text", ["('eu', 'a')", "('eu', 'b')"])
    with pytest.raises(EngineError, match="GROUP BY"):
        table.windows(by("r", ValueAxis()), "lower(x)")


days = st.one_of(st.none(), st.integers(0, 3))
rows_of_t = st.lists(st.tuples(days, st.integers(0, 2)), max_size=8)


@given(rows_of_t, rows_of_t)
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_tokens_move_with_the_rows_of_their_window(
    table: Table, before: list[tuple[int | None, int]], after: list[tuple[int | None, int]]
) -> None:
    def look(rows: list[tuple[int | None, int]]) -> Windows:
        table.holds(
            "d date, x int",
            [
                f"({'null' if day is None else f'''date '1970-01-01' + {day}'''}, {x})"
                for day, x in rows
            ],
        )
        return table.windows(by("d", TimeAxis(Grain.DAY)), "hash")

    def content(rows: list[tuple[int | None, int]], day: int | None) -> list[int]:
        return sorted(x for each, x in rows if each == day)

    one, two = look(before), look(after)
    for day in range(4):
        same = content(before, day) == content(after, day)
        assert (one.tokens.get(((), day)) == two.tokens.get(((), day))) == same
    assert (one.loose == two.loose) == (content(before, None) == content(after, None))
    assert (one.token == two.token) == (sorted(map(str, before)) == sorted(map(str, after)))
