"""`plan --why`: what it says counts is what counts, on projects that are really built."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from tests.cli.projects import ok, write

DAILY = "partition: {by: day, column: d, start: 2024-01-01, end: 2024-01-21}"


def sql(query: str, *said: str) -> str:
    return "\n".join(["/*", "---", *said, "---", "*/", query, ""])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    series = "generate_series(date '2024-01-01', date '2024-01-20', interval 1 day)"
    days = f"select d::date as d, 1 as v from {series} as s(d)"
    files = {
        "sqlpipes.yml": "name: shop\n",
        "seeds/dim.csv": "k,n\n1,a\n",
        "models/o.sql": sql(days, DAILY),
        "models/copied.sql": "select d as dd, v from o\n",
        "models/moved.sql": "select d + 1 as dd, v from o\n",
    }
    return write(tmp_path, files)


def told(root: Path, name: str, query: str, *said: str) -> tuple[str, int]:
    """What it says, and how many slices one forced day of `o` re-opens."""
    write(root, {f"models/{name}.sql": sql(query, DAILY, *said)})
    ok(root, "build")
    ok(root, "build", "-s", "o", "--force", "--partition", "2024-01-03")
    said = ok(root, "plan", "--why", name)
    counted = re.search(r"\((\d+) slices?\)", said)
    return said, int(counted[1]) if counted else 0


def test_same_of_a_view_is_same_of_what_it_copies(root: Path) -> None:
    said, count = told(root, "m", "select dd as d, v from copied", "inputs: {copied: same}")
    assert "copied  what it reads in turn (declared `same` under `inputs:`):" in said
    assert "o       the slices of its own window (as declared under `inputs:`)" in said
    assert count == 1


def test_back_of_a_view_is_back_of_what_it_copies(root: Path) -> None:
    said, count = told(root, "m", "select dd as d, v from copied", "inputs: {copied: {back: 2}}")
    assert "(declared `{back: 2}` under `inputs:`)" in said
    assert count == 3


def test_same_of_a_view_that_copies_nothing_counts_as_everything(root: Path) -> None:
    said, count = told(root, "m", "select dd as d, v from moved", "inputs: {moved: same}")
    assert "everything: any change of it re-opens every slice (`same` is declared" in said
    assert "it stores nothing, and does not copy" in said
    assert count == 20


def test_same_of_what_has_no_slices_counts_as_everything(root: Path) -> None:
    query = "select d, v from o where v in (select k from dim)"
    said, _ = told(root, "m", query, "inputs: {dim: same}")
    assert "(`same` is declared under `inputs:`, but it has no slices)" in said
    [_, dim] = json.loads(ok(root, "plan", "--why", "m", "--json"))["inputs"]
    assert (dim["reads"], dim["counts_as"]) == ("same", "all")


def test_a_model_that_reads_itself_is_in_the_list(root: Path) -> None:
    query = "select o.d, count(m.v) as v from o left join m on m.d = o.d - 1 group by all"
    write(root, {"models/m.sql": sql(query, DAILY, "inputs: {o: same}")})
    said = ok(root, "plan", "--why", "m")
    assert "m  itself: every slice after one that is built again is, too" in said
    assert json.loads(ok(root, "plan", "--why", "m", "--json"))["reads_itself"] is True


def test_a_frame_is_the_place_that_says_how_far(root: Path) -> None:
    frame = "range between interval 6 days preceding and current row"
    query = f"select d,\n  sum(v) over (order by d {frame}) as v\nfrom o"
    said, count = told(root, "m", query)
    assert "o  o.d -> d: 6 days before (proven)" in said
    assert f"models/m.sql:7:3  sum(v) over (order by d {frame})" in said
    assert count == 7


def test_a_view_that_says_how_far_is_cited_beside_the_reader(root: Path) -> None:
    near = "b.d between a.d - interval 2 days and a.d"
    trailing = f"select a.d as day, b.v\nfrom o a\njoin o b on {near}\n"
    write(root, {"models/spread.sql": trailing, "models/handed.sql": "select * from spread\n"})
    said, count = told(root, "m", "select day as d, v from handed")
    assert "models/m.sql:6:8  day" in said
    assert f"models/spread.sql:3:13  {near}" in said
    assert "models/handed.sql" not in said
    assert count == 3


def test_a_source_is_cut_along_one_column_and_says_so(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(
            "create table ev as select date '2024-01-02' as d, date '2024-01-02' as e"
        )
    cut = "partition: {by: day, column: %s, start: 2024-01-01, end: 2024-01-21}"
    files = {
        "sqlpipes.yml": "name: shop\n",
        "models/one.sql": sql("select d from ev", cut % "d"),
        "models/two.sql": sql("select d, count(*) as n from ev group by d", cut % "d"),
        "models/other.sql": sql("select e from ev", cut % "e"),
    }
    profile = "shop:\n  target: dev\n  outputs: {dev: {type: duckdb, path: warehouse.duckdb}}\n"
    root = write(tmp_path, {**files, "profiles.yml": profile})
    said = ok(root, "plan", "--why", "other")
    assert "it is looked at in windows of d, and this query is proven along e; `partition:`" in said
