"""`partition:` of a source: what it becomes, where its faults stand, and what paths of files say."""

from __future__ import annotations

from pathlib import Path

import pytest
from read.folders import asset, places, read, write

from sqlpipes.core.errors import ProjectError
from sqlpipes.core.partitions import (
    Grain,
    IntegerAxis,
    Partitioning,
    PlainAxis,
    TimeAxis,
    ValueAxis,
)
from sqlpipes.core.windows import Windows, slots
from sqlpipes.read.file_windows import file_windows
from sqlpipes.read.files import files_token

BERLIN = TimeAxis(Grain.DAY, zone="Europe/Berlin")


def source(partition: str, more: str = "") -> dict[str, str]:
    table = f"{{name: orders, partition: {partition}{more}}}"
    return {"models/s.yml": f"sources:\n  - name: raw\n    tables:\n      - {table}\n"}


def cut(column: str, axis: PlainAxis) -> Partitioning:
    return Partitioning(column, axis, end=0 if isinstance(axis, IntegerAxis) else None)


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("{by: day, column: d}", cut("d", TimeAxis(Grain.DAY))),
        ("{by: day, column: d, start: 2024-01-01, end: 2024-02-01}", cut("d", TimeAxis(Grain.DAY))),
        ("{by: daily, column: d, timezone: Europe/Berlin}", cut("d", BERLIN)),
        ("{by: 15 minutes, column: d}", cut("d", TimeAxis(Grain.MINUTE, 15))),
        ("{by: integer, column: id, width: 10, start: 20}", cut("id", IntegerAxis(10))),
        ("{by: values, column: region}", cut("region", ValueAxis())),
        (
            "{by: [{by: day, column: d}, {by: values, column: r}]}",
            cut("d", TimeAxis(Grain.DAY)) * cut("r", ValueAxis()),
        ),
    ],
)
def test_what_a_partition_becomes(tmp_path: Path, front: str, expected: Partitioning) -> None:
    reading = read(tmp_path, source(front))
    assert reading.problems == ()
    assert asset(reading, "raw.orders").partition == expected


@pytest.mark.parametrize(
    ("front", "code", "place", "hint"),
    [
        ("{by: day}", "PAR002", "partition", ""),
        ("daily", "PAR002", "daily", "for example"),
        ("{column: d}", "PAR002", "partition", ""),
        ("{by: dya, column: d}", "PAR002", "dya", "did you mean 'day'?"),
        ("{by: day, column: d, lookback: 3}", "PAR002", "lookback", "leave it out"),
        ("{by: values, column: d, values: [a]}", "PAR002", "values: [", "leave it out"),
        ("{by: day, column: d, colum: e}", "PAR002", "colum: e", "did you mean 'column'?"),
        ("{by: day, column: d, timezone: Europe/Berln}", "PAR002", "Europe/", "'Europe/Berlin'"),
        ("{by: month, column: d, start: 2024-01-15}", "PAR001", "2024-01-15", "2024-01-01 or 2024"),
        ("{by: integer, column: d}", "PAR002", "partition", ""),
        ("{by: integer, column: d, width: 0}", "CFG002", "0}", ""),
        ("{by: [{by: day, column: d}]}", "PAR002", "[{by", "for example"),
        ("{by: [{by: day, column: d}, {by: hour, column: d}]}", "PAR002", "{by: hour", "another"),
        ("{by: day, column: d, path: raw/%Y.csv}", "PAR002", "path", "cut by its column"),
    ],
)
def test_faults_of_a_partition(
    tmp_path: Path, front: str, code: str, place: str, hint: str
) -> None:
    files = source(front)
    reading = read(tmp_path, files)
    (problem,) = reading.problems
    assert problem.code == code
    assert problem.at is not None
    line = files["models/s.yml"].splitlines()[problem.at.line - 1]
    assert line[problem.at.column - 1 :].startswith(place)
    assert hint in (problem.hint or "")


def files(root: Path, partition: str, *paths: str) -> Windows:
    write(root, dict.fromkeys(paths, "x"))
    pattern = "raw/**/*.csv"
    text = f"sources:\n  - name: raw\n    files: {pattern}\n    partition: {partition}\n"
    reading = read(root, {"models/s.yml": text})
    assert reading.problems == ()
    return file_windows(asset(reading, "raw"), str(root))


@pytest.mark.parametrize(
    ("partition", "path", "keys"),
    [
        ("{by: day, column: date}", "raw/date=2024-01-05/a.csv", "2024-01-05"),
        ("{by: day, column: Date}", "raw/date=2024-02/a.csv", "2024-02-01..2024-03-01"),
        ("{by: month, column: date}", "raw/date=2024-01-05/a.csv", "2024-01"),
        ("{by: day, column: ts}", "raw/year=2024/month=1/day=5/a.csv", "2024-01-05"),
        ("{by: hour, column: ts}", "raw/year=2024/month=01/day=05/hour=6/a.csv", "2024-01-05T06"),
        ("{by: hour, column: ts}", "raw/ts=2024-01-05%2006%3A00%3A00/a.csv", "2024-01-05T06"),
        ("{by: values, column: r}", "raw/r=it%27s/a.csv", "it's"),
        ("{by: integer, column: id, width: 10}", "raw/id=25/a.csv", "20..30"),
        ("{by: day, column: d, path: raw/%Y-%m-%d-*.csv}", "raw/2024-01-05-eu.csv", "2024-01-05"),
        (
            "{by: day, column: d, path: 'raw/%Y/%m.csv'}",
            "raw/2024/02.csv",
            "2024-02-01..2024-03-01",
        ),
        (
            "{by: [{by: day, column: d}, {by: values, column: r}]}",
            "raw/d=2024-01-05/r=eu/a.csv",
            "2024-01-05|eu",
        ),
    ],
)
def test_paths_say_which_windows(tmp_path: Path, partition: str, path: str, keys: str) -> None:
    found = files(tmp_path, partition, path)
    assert str(slots(found.axis, found.tokens)) == keys
    assert found.loose == ""
    assert found.total == files_token([str(tmp_path / "raw/**/*.csv")])


def test_a_window_moves_with_its_files(tmp_path: Path) -> None:
    one, two = "raw/d=2024-01-01/a.csv", "raw/d=2024-01-02/a.csv"
    nowhere = "raw/d=__HIVE_DEFAULT_PARTITION__/a.csv"
    before = files(tmp_path, "{by: day, column: d}", one, two, nowhere)
    (tmp_path / two).write_text("more")
    after = files(tmp_path, "{by: day, column: d}", "raw/d=2024-01-03/a.csv")
    first, second, third = sorted(after.tokens)
    assert before.tokens[first] == after.tokens[first]
    assert before.tokens[second] != after.tokens[second]
    assert third not in before.tokens
    assert before.loose == after.loose != ""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("raw/new.csv", "raw/new.csv does not say which d"),
        ("raw/d=2024-13-01/a.csv", "'2024-13-01' is no date"),
        ("raw/d=/a.csv", "does not say which d"),
    ],
)
def test_a_path_that_says_nothing(tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(ProjectError, match="SRC003") as fault:
        files(tmp_path, "{by: day, column: d}", path, "raw/d=2024-01-01/a.csv")
    (problem,) = fault.value.problems
    assert said in problem.message
    assert str(problem.at) == "models/s.yml:2:11"


@pytest.mark.parametrize(
    ("partition", "files", "place"),
    [
        ("{by: day, column: d, path: 'raw/%x.csv'}", "raw/*.csv", "4:43"),
        ("{by: day, column: d, path: 'raw/%m.csv'}", "raw/*.csv", "4:43"),
        ("{by: values, column: d, path: 'raw/%Y.csv'}", "raw/*.csv", "4:46"),
        ("{by: day, column: d}", "s3://lake/*.csv", "4:5"),
    ],
)
def test_faults_of_files(tmp_path: Path, partition: str, files: str, place: str) -> None:
    text = f"sources:\n  - name: raw\n    files: {files}\n    partition: {partition}\n"
    assert places(read(tmp_path, {"models/s.yml": text})) == [f"models/s.yml:{place} PAR002"]
