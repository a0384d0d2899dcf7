"""Guards on a real DuckDB: every row lies in exactly one slice, whatever the column's type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run.building import memory_engine

from sqlpipes.core.asset import Rendered, Scope, SqlBody
from sqlpipes.core.engine import Connection
from sqlpipes.core.partitions import (
    Grain,
    IntegerAxis,
    Partitioning,
    Partitions,
    TimeAxis,
    ValueAxis,
    parse_partitions,
)
from sqlpipes.core.sql import literal
from sqlpipes.run.windows import (
    batches,
    column_keys,
    inside_sql,
    missing_sql,
    pruned_parts,
    scope_of,
    stretches,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
CHANGES = {  # a UTC day around each change of the clock
    "UTC": ["2024-03-31"],
    "Europe/Berlin": ["2024-03-31", "2024-10-27"],
    "America/New_York": ["2024-03-10", "2024-11-03"],
    "Asia/Kolkata": ["2024-03-31"],
    "Australia/Lord_Howe": ["2024-04-06", "2024-10-05"],
}
HOSTILE = ["it's", 'a"b', "x; drop table t", "", " ", "ä\n€", "-- c", "/*", "a,b", "{{ x }}"]


@pytest.fixture(scope="module")
def duck() -> Iterator[Connection]:
    engine = memory_engine()
    connection = engine.connect()
    yield connection
    connection.close()
    engine.close()


def fill(duck: Connection, day: str, type: str, zone: str) -> None:
    """A row every seven minutes for three days; wall times where the type has no zone."""
    value = {
        "timestamptz": "t",
        "timestamp": f"timezone('{zone}', t)",
        "date": f"timezone('{zone}', t)::date",
    }[type]
    duck.execute(
        f"create or replace table t as select {value} as seen from (select timestamptz "
        f"'{day} 00:00:00+00' - interval 1 day + interval (7 * i) minute as t from range(617) r(i))"
    )


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("type", ["timestamptz", "timestamp", "date"])
@pytest.mark.parametrize("unit", ["day", "hour", "15 minutes", "week"])
def test_every_row_lies_in_exactly_one_slice(
    duck: Connection, zone: str, type: str, unit: str
) -> None:
    axis = {
        "15 minutes": TimeAxis(Grain.MINUTE, 15, zone),
        "day": TimeAxis(Grain.DAY, zone=zone),
        "hour": TimeAxis(Grain.HOUR, zone=zone),
        "week": TimeAxis(Grain.WEEK, zone=zone),
    }[unit]
    cut = Partitioning("seen", axis)
    for day in CHANGES[zone]:
        fill(duck, day, type, zone)
        first = axis.ordinal(datetime.fromisoformat(day) - timedelta(days=2, hours=6))
        last = axis.ordinal(datetime.fromisoformat(day) + timedelta(days=3))
        everything = Partitions.of(axis, [(first, last + 1)])
        counts = ", ".join(
            f"count(*) filter (where {inside_sql(cut, one)})" for one in everything.each()
        )
        found = duck.fetch(f"select count(*), {counts} from t").rows[0]
        assert found[0] == sum(found[1:]) == 617
        together = duck.fetch(f"select count(*) from t where {inside_sql(cut, everything)}").rows
        assert together == ((617,),)


@pytest.mark.parametrize("zone", ZONES)
def test_instants_lie_where_the_axis_says(duck: Connection, zone: str) -> None:
    for axis in (TimeAxis(Grain.DAY, zone=zone), TimeAxis(Grain.HOUR, zone=zone)):
        for day in CHANGES[zone]:
            fill(duck, day, "timestamptz", zone)
            rows = duck.fetch("select epoch_us(seen) from t order by 1").rows
            instants = [
                datetime.fromtimestamp(us / 1e6, UTC).replace(tzinfo=None) for (us,) in rows
            ]
            for ordinal, group in groupby(instants, key=axis.ordinal):
                inside = inside_sql(
                    Partitioning("seen", axis), Partitions.of(axis, [(ordinal, ordinal + 1)])
                )
                found = duck.fetch(f"select count(*) from t where {inside}").rows
                assert found == ((len(list(group)),),), axis.key(ordinal)


@pytest.mark.parametrize("zone", ZONES[1:])
def test_wall_times_lie_in_the_day_that_they_show(duck: Connection, zone: str) -> None:
    axis = TimeAxis(Grain.DAY, zone=zone)
    for day in CHANGES[zone]:
        fill(duck, day, "timestamp", zone)
        shown = duck.fetch("select seen::date::varchar, count(*) from t group by 1").rows
        for key, number in shown:
            inside = inside_sql(Partitioning("seen", axis), parse_partitions(key, axis))
            assert duck.fetch(f"select count(*) from t where {inside}").rows == ((number,),)


def test_a_guard_in_a_zone_is_still_pushed_down(duck: Connection) -> None:
    axis = TimeAxis(Grain.DAY, zone="Europe/Berlin")
    for type in ("timestamptz", "timestamp"):
        fill(duck, "2024-03-31", type, "Europe/Berlin")
        inside = inside_sql(Partitioning("seen", axis), parse_partitions("2024-03-31", axis))
        plan = str(duck.fetch(f"explain select * from t where {inside}").rows)
        assert "CASE" not in plan.upper()
        assert "typeof" not in plan.lower()


@given(st.sets(st.sampled_from(HOSTILE), min_size=1))
@settings(deadline=None, max_examples=40)
def test_hostile_values_are_only_values(duck: Connection, values: set[str]) -> None:
    rows = ", ".join(f"({literal(value)})" for value in HOSTILE)
    duck.execute(f"create or replace table v as select * from (values {rows}) as t(region)")
    inside = inside_sql(Partitioning("region", ValueAxis()), Partitions.of_values(values))
    found = duck.fetch(f"select region from v where {inside}").rows
    assert {value for (value,) in found} == values


@pytest.mark.parametrize("type", ["integer", "bigint", "decimal(9, 2)", "varchar", "double"])
def test_values_are_of_the_columns_type(duck: Connection, type: str) -> None:
    duck.execute(f"create or replace table v as select i::{type} as n from range(5) r(i)")
    inside = inside_sql(Partitioning("n", ValueAxis()), Partitions.of_values(["1", "3"]))
    assert duck.fetch(f"select count(*) from v where {inside}").rows == ((2,),)


SETS = [
    "2024-01-01..2024-01-03|a|0..10",
    "2024-01-01|a,b|0..10; 2024-01-02|b|10..20",
    "2024-01-01, 2024-01-03|a|0..30; 2024-01-03|b|20..30",
]


@pytest.mark.parametrize("text", SETS)
def test_a_product_holds_exactly_its_boxes(duck: Connection, text: str) -> None:
    day = Partitioning("d", TimeAxis(Grain.DAY))
    cut = day * Partitioning("v", ValueAxis()) * Partitioning("n", IntegerAxis(10), 0, 3)
    duck.execute(
        "create or replace table p as select date '2024-01-01' + i::int as d, v, n "
        "from range(3) r(i), (values ('a'), ('b'), (null)) as x(v), range(30) s(n)"
    )
    slices = parse_partitions(text, cut.axis)
    found = duck.fetch(
        "select distinct strftime(d, '%Y-%m-%d') || '|' || v || '|' || (n // 10 * 10) || '..' || "
        f"(n // 10 * 10 + 10) from p where {inside_sql(cut, slices)}"
    ).rows
    assert {key for (key,) in found} == set(slices.keys)
    without = duck.fetch(f"select count(*) from p where {missing_sql(cut)}").rows
    assert without == ((90,),)


class Named:
    """A template that writes down whatever of the slice it is asked for."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def render(self, scope: Scope) -> Rendered:
        said = {"start": scope.start, "end": scope.end, "key": scope.key, **scope.keys}
        return Rendered(" ".join(str(said[name]) for name in self.names), ())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("region",), ["2024-01-01, 2024-01-03|eu", "2024-01-01..2024-01-03|us"]),
        (("start",), ["2024-01-01|eu", "2024-01-01..2024-01-03|us", "2024-01-03|eu"]),
        (("start", "region"), ["2024-01-01|eu", "2024-01-03|eu", "2024-01-01..2024-01-03|us"]),
        (("key",), ["2024-01-01|eu", "2024-01-03|eu", "2024-01-01|us", "2024-01-02|us"]),
        (("d",), ["2024-01-01|eu", "2024-01-03|eu", "2024-01-01|us", "2024-01-02|us"]),
        ((), None),
    ],
)
def test_a_template_is_rendered_as_often_as_what_it_asks_for(
    names: tuple[str, ...], expected: list[str] | None
) -> None:
    cut = Partitioning("d", TimeAxis(Grain.DAY)) * Partitioning("region", ValueAxis())
    slices = parse_partitions("2024-01-01, 2024-01-03|eu; 2024-01-01..2024-01-03|us", cut.axis)
    body = SqlBody("", template=Named(*names))
    parts = pruned_parts(body, slices, "t", cut)
    said = None if parts is None else [str(part).replace("; ", " and ") for part in parts]
    if expected is not None:
        expected = [
            text.replace("2024-01-01, 2024-01-03|eu", "2024-01-01|eu and 2024-01-03|eu")
            for text in expected
        ]
    assert said == expected
    if parts:
        assert sum(map(len, parts)) == len(slices)


def test_what_a_scope_knows_of_its_slices() -> None:
    cut = Partitioning("d", TimeAxis(Grain.DAY, zone="Europe/Berlin")) * Partitioning(
        "r", ValueAxis()
    )
    one = parse_partitions("2024-03-31|eu", cut.axis)
    scope = scope_of(one, "t", cut, incremental=True, full=False)
    assert (scope.start, scope.end, scope.key) == ("2024-03-31", "2024-04-01", "2024-03-31|eu")
    assert scope.keys == {"d": "2024-03-31", "r": "eu"}
    two = parse_partitions("2024-03-31|eu,us", cut.axis)
    assert column_keys(two, cut) == {"d": "2024-03-31", "r": None}
    integers = Partitioning("id", IntegerAxis(100), 0, 10)
    scope = scope_of(
        Partitions.of(integers.axis, [(1, 3)]), "t", integers, incremental=True, full=False
    )
    assert (scope.start, scope.end, scope.keys) == ("100", "300", {"id": None})


def test_batches_and_calls_of_a_product() -> None:
    cut = Partitioning("d", TimeAxis(Grain.DAY), batch=2) * Partitioning("r", ValueAxis())
    slices = parse_partitions("2024-01-01..2024-01-04|eu,us", cut.axis)
    assert [str(part) for part in batches(slices, 2)] == [
        "2024-01-01..2024-01-03|eu",
        "2024-01-03|eu",
        "2024-01-01..2024-01-03|us",
        "2024-01-03|us",
    ]
    assert len(stretches(slices, cut.batch)) == 4
    assert [str(part) for part in batches(Partitions.of_values("ab"), 1)] == ["a", "b"]
