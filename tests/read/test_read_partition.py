"""`partition:` of every kind: what it becomes, and where its faults stand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from read.folders import asset, model, read

from sqlpipes.core.partitions import (
    Grain,
    IntegerAxis,
    Partitioning,
    ProductAxis,
    TimeAxis,
    ValueAxis,
)

D0 = Grain.DAY.ordinal(datetime(2024, 1, 1))


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        (
            "{by: day, column: d, start: 2024-01-01, timezone: Europe/Berlin}",
            Partitioning("d", TimeAxis(Grain.DAY, zone="Europe/Berlin"), D0),
        ),
        (
            "{by: 15 minutes, column: ts, start: 2024-01-01}",
            Partitioning("ts", TimeAxis(Grain.MINUTE, 15), D0 * 24 * 4),
        ),
        (
            "{by: 2 hours, column: ts, start: 2024-01-01, end: 2024-01-01 02:00}",
            Partitioning("ts", TimeAxis(Grain.MINUTE, 120), D0 * 12, D0 * 12 + 1),
        ),
        (
            "{by: values, column: r, values: [eu, 3, true], batch: 2}",
            Partitioning("r", ValueAxis(), batch=2, values=("eu", "3", "true")),
        ),
        (
            "{column: r, values: [yes, no]}",
            Partitioning("r", ValueAxis(), values=("yes", "no")),
        ),
        (
            "{by: integer, column: id, width: 1000, start: 0, end: 100000}",
            Partitioning("id", IntegerAxis(1000), 0, 100),
        ),
    ],
)
def test_what_a_partition_becomes(tmp_path: Path, front: str, expected: Partitioning) -> None:
    reading = read(tmp_path, {"models/a.sql": model(f"partition: {front}")})
    assert reading.problems == ()
    assert asset(reading, "a").partition == expected


def test_a_product(tmp_path: Path) -> None:
    front = """
        partition:
          lookback: 2
          by:
            - {by: day, column: d, start: 2024-01-01}
            - {column: region, values_from: select region from {{ var('names') }}}
    """.replace("{{ var('names') }}", "names")
    reading = read(
        tmp_path, {"models/a.sql": model(front), "models/names.sql": "select 1 as region"}
    )
    assert reading.problems == ()
    found = asset(reading, "a")
    assert found.partition is not None
    assert found.partition.axis == ProductAxis((TimeAxis(Grain.DAY), ValueAxis()), ("d", "region"))
    assert (found.partition.lookback, found.partition.columns) == (2, ("d", "region"))
    assert [dependency.name for dependency in found.depends_on] == ["names"]
    assert found.values_from["region"].text == "select region from names"


def test_only_what_is_written_changes_the_version(tmp_path: Path) -> None:
    def version(partition: str) -> str:
        reading = read(tmp_path, {"models/a.sql": model(f"partition: {partition}")})
        return asset(reading, "a").version

    values = version("{by: values, column: r, values: [eu]}")
    assert values == version("{by: values, column: r, values: [eu, us]}")
    assert values != version("{by: values, column: q, values: [eu]}")
    days = version("{by: day, column: d, start: 2024-01-01}")
    zoned = version("{by: day, column: d, start: 2024-01-01, timezone: Europe/Berlin}")
    assert days != zoned
    assert days == version("{by: day, column: d, start: 2024-01-01, end: 2024-02-01}")


def test_the_order_is_said_of_the_whole_and_changes_no_version(tmp_path: Path) -> None:
    def found(partition: str) -> tuple[bool, str]:
        reading = read(tmp_path, {"models/a.sql": model(f"partition: {partition}")})
        assert reading.problems == ()
        read_asset = asset(reading, "a")
        assert read_asset.partition is not None
        return read_asset.partition.newest_first, read_asset.version

    newest, version = found("{by: day, column: d, start: 2024-01-01, order: newest}")
    oldest, same = found("{by: day, column: d, start: 2024-01-01, order: oldest}")
    assert (newest, oldest) == (True, False)
    assert version == same == found("{by: day, column: d, start: 2024-01-01}")[1]
    numbers = "{by: integer, column: n, width: 10, start: 0, end: 20"
    assert found(numbers + ", order: newest}")[0]
    day = "{by: day, column: d, start: 2024-01-01}"
    assert found(f"{{order: newest, by: [{day}, {numbers}}}]}}")[0]


FAULTS = [  # ^ stands before the place
    ("{by: day, column: d, start: 2024-01-01, timezone: ^Europe/Berln}", "PAR002", "Europe/Berlin"),
    ("{by: ^7 minutes, column: d, start: 2024-01-01}", "PAR002", "15 minutes"),
    ("{by: ^2 days, column: d, start: 2024-01-01}", "PAR002", "only minutes and hours"),
    ("{by: ^dya, column: d, start: 2024-01-01}", "PAR002", "did you mean 'day'"),
    ("{by: ^valeus, column: d, values: [a]}", "PAR002", "did you mean 'values'"),
    ("{by: 15 minutes, column: d, start: ^2024-01-01 00:05}", "PAR001", "00:15"),
    ("{by: hour, column: d, start: ^2024-01-01, timezone: Australia/Lord_Howe}", "PAR001", "00:30"),
    ("{by: values, column: r, values: [a], ^values_from: select 1}", "PAR002", "either"),
    ("{by: values, column: r, values: ^[]}", "PAR002", "list of values"),
    ("{by: values, column: r, values: ^a}", "PAR002", "list of values"),
    ("{by: values, column: r, values: [a, ^null]}", "PAR002", "leave null out"),
    ("{by: values, column: r, values: [a, b, ^a]}", "PAR002", "stands twice"),
    ("{by: values, column: r, values: [a, ^[b]]}", "CFG002", "a text or a number"),
    ("{by: values, column: r, values: [a], ^start: 3}", "PAR002", "no key 'start'"),
    ("{by: values, column: r, values_from: ^selec 1}", "PAR005", "query for 'r'"),
    ("{by: integer, column: id, width: 10, start: ^5, end: 20}", "PAR001", "write 0 or 10"),
    ("{by: day, column: d, start: 2024-01-01, order: ^newst}", "CFG002", "did you mean 'newest'"),
    ("{by: day, column: d, start: 2024-01-01, order: ^3}", "CFG002", "oldest or newest"),
    ("{by: values, column: r, values: [a], ^order: newest}", "PAR002", "no key 'order'"),
    ("{by: integer, column: id, width: 10, start: 0, end: ^0}", "PAR001", "before their start"),
    ("{by: integer, column: id, width: ^0, start: 0, end: 10}", "CFG002", "from 1"),
    ("{by: integer, column: i, width: 10, start: ^2024-01-01, end: 10}", "CFG002", "whole number"),
    ("{by: ^[{column: r, values: [a]}]}", "PAR002", "two parts or more"),
    ("{by: [{column: r, values: [a]}, ^b]}", "PAR002", "must be a mapping"),
    ("{by: [{column: r, values: [a]}, ^{column: r, values: [b]}]}", "PAR002", "column 'r'"),
    ("{by: [{column: r, values: [a]}, {column: q, values: [b], ^batch: 3}]}", "PAR002", "whole"),
]


@pytest.mark.parametrize(("marked", "code", "said"), FAULTS)
def test_faults_stand_where_they_are(tmp_path: Path, marked: str, code: str, said: str) -> None:
    front = f"partition: {marked}"
    reading = read(tmp_path, {"models/a.sql": model(front.replace("^", ""))})
    (problem,) = reading.problems
    place = problem.at
    assert place is not None
    assert (place.file, place.line, place.column) == ("models/a.sql", 3, front.index("^") + 1)
    assert problem.code == code
    assert said in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize(
    "front", ["{by: values, column: r}", "{by: integer, column: id, width: 10, start: 0}"]
)
def test_what_is_missing_is_told_at_the_partition(tmp_path: Path, front: str) -> None:
    reading = read(tmp_path, {"models/a.sql": model(f"partition: {front}")})
    (problem,) = reading.problems
    assert (problem.code, str(problem.at)) == ("PAR002", "models/a.sql:3:1")
