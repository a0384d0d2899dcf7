"""Where a model that is a file may not go, told before anything runs; and who still reads where it was."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sqlpipes.api.building import build
from sqlpipes.api.project import load
from sqlpipes.core.definitions import File
from sqlpipes.core.errors import Problem
from sqlpipes.core.status import Status


def front(keys: str, sql: str = "select 1 as a") -> str:
    return f"/*\n---\nmaterialized: file\n{keys}\n---\n*/\n{sql}\n"


def project(root: Path, **models: str) -> Path:
    (root / "models").mkdir(exist_ok=True)
    (root / "sqlpipes.yml").write_text("name: shop\n")
    for name, text in models.items():
        (root / f"models/{name}.sql").write_text(text)
    return root


def problems(root: Path) -> tuple[Problem, ...]:
    return load(str(root), environ={}).problems


REFUSED = {
    "path: models/x.csv": (7, "it is in the project's own models"),
    "path: models/x.sql\nformat: csv": (7, "it is in the project's own models"),
    "path: .sqlpipes/state.db\nformat: csv": (7, "it is the project's own .sqlpipes/state.db"),
    "path: ./.git/x.csv": (7, "it is in the project's own .git"),
    "path: shop.duckdb\nformat: csv": (7, "it is the project's own shop.duckdb"),
    "path: seeds\nformat: csv": (7, "it is the project's own seeds"),
    "path: sqlpipes.yml\nformat: csv": (7, "it is the project's own sqlpipes.yml"),
    "path: pyproject.toml\nformat: json": (7, "it is the project's own pyproject.toml"),
    "path: ./profiles.yml\nformat: csv": (7, "it is the project's own profiles.yml"),
}


@pytest.mark.parametrize("keys", REFUSED)
def test_the_projects_own_places_are_refused_before_anything_runs(
    tmp_path: Path, keys: str
) -> None:
    (problem,) = problems(project(tmp_path, out=front(keys)))
    column, said = REFUSED[keys]
    assert (problem.code, str(problem.at)) == ("BLD021", f"models/out.sql:4:{column}")
    assert problem.message.endswith(said)
    assert problem.is_error


OPTIONS = {
    "path: o.csv\noptions:\n  delimiter: ';'\n  header: maybe": (7, 11, "true or false"),
    "path: o.json\noptions: {array: 7}": (5, 18, "true or false"),
    "path: o.parquet\noptions: {row_group_size: many}": (5, 27, "a whole number"),
}


@pytest.mark.parametrize("keys", OPTIONS)
def test_a_wrong_value_of_an_option_is_told_at_it(tmp_path: Path, keys: str) -> None:
    (problem,) = problems(project(tmp_path, out=front(keys)))
    line, column, said = OPTIONS[keys]
    assert (problem.code, str(problem.at)) == ("CFG002", f"models/out.sql:{line}:{column}")
    assert said in problem.message


def test_options_as_duckdb_reads_them_are_left_alone(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        one=front("path: a.csv\noptions: {header: 'no', delimiter: ';'}"),
        two=front("path: b.parquet\noptions: {row_group_size: '2048', compression_level: null}"),
    )
    assert build(load(str(root), environ={})).ok
    assert (root / "a.csv").read_text() == "1\n"


def test_what_only_the_disk_knows_is_told_at_the_path(tmp_path: Path) -> None:
    """A file stands where the folder should be, so that nobody can make it."""
    (tmp_path / "there").write_text("")
    keys = f"path: {tmp_path}/there/x.csv\noptions: {{header: true}}"
    root = project(tmp_path, out=front(keys))
    (failed,) = build(load(str(root), environ={})).failed
    (problem,) = failed.problems
    assert (problem.code, str(problem.at)) == ("BLD008", "models/out.sql:4:7")
    assert "cannot be written" in problem.message
    assert problem.hint


def test_a_file_in_another_assets_folder_is_told_as_that(tmp_path: Path) -> None:
    cut = "partition: {by: values, column: a, values: [x]}"
    root = project(
        tmp_path, daily=front(f"path: out/daily\n{cut}"), zz=front("path: out/daily/z.csv")
    )
    (problem,) = problems(root)
    assert (problem.code, str(problem.at)) == ("DUP006", "models/zz.sql:4:7")
    assert (
        "'zz' writes out/daily/z.csv into the folder out/daily/, which is 'daily'"
        in problem.message
    )
    assert "both" not in problem.message
    assert "models/daily.sql:4:7" in problem.message


def test_readers_of_a_path_that_its_asset_has_left_are_warned(tmp_path: Path) -> None:
    cut = "partition: {by: values, column: k, values: [x]}"
    sql = "select 'x' as k, 1 as a"
    root = project(
        tmp_path,
        one=front("path: out/one.csv"),
        many=front(f"path: out/many\n{cut}", sql),
        of_one="select * from read_csv('out/one.csv')",
        of_many="select * from 'out/many/*/*.parquet'",
    )
    assert build(load(str(root), environ={})).ok
    assert problems(root) == ()
    project(root, one=front("path: new/one.csv"), many=front(f"path: new/many\n{cut}", sql))
    found = {problem.message: problem for problem in problems(root)}
    assert {(problem.code, problem.is_error) for problem in found.values()} == {("REF006", False)}
    assert set(found) == {
        "out/one.csv was written by 'one', which now writes new/one.csv",
        "out/many was written by 'many', which now writes new/many/",
    }
    places = {str(problem.at).rpartition(":")[0].rpartition(":")[0] for problem in found.values()}
    assert places == {"models/of_one.sql", "models/of_many.sql"}
    (root / "out/one.csv").unlink()
    (root / "models/of_many.sql").write_text("select * from many")
    assert not [problem for problem in problems(root) if problem.code == "REF006"]


def test_a_file_reads_as_its_path() -> None:
    assert f"{File('a b.csv')}" == "a b.csv"
    assert str(File("a.csv", place="/p/.a.csv.new")) == "/p/.a.csv.new"


def test_a_stopped_step_says_which_slices_are_as_they_were(tmp_path: Path) -> None:
    """Others of the same asset may have been built, and readers see those."""
    cut = "partition: {by: day, column: d, start: 2024-01-01, end: 2024-01-04, batch: 1}"
    sql = "select date '2024-01-01' as d, count(*) as n from range(100000000000) as t(i) where i % 7 = 1"
    root = project(tmp_path, daily=f"/*\n---\nmaterialized: table\n{cut}\n---\n*/\n{sql}\n")
    stop = threading.Event()
    timer = threading.Timer(0.7, stop.set)
    timer.start()
    report = build(load(str(root), environ={}), threads=1, cancel=stop)
    timer.cancel()
    assert {failed.status for failed in report.failed} == {Status.CANCELLED}
    (problem,) = report.failed[0].problems
    assert "what readers see of the slices that were not built is as it was" in problem.message
