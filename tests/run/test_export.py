"""SQL models that are files: written, checked, published, read by their names, and cut into slices."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import Place

from sqlpipes.api.build_report import Report
from sqlpipes.api.building import build
from sqlpipes.api.columns import lineage
from sqlpipes.api.look import lint, rows
from sqlpipes.api.plans import plan, plan_statements
from sqlpipes.api.project import load
from sqlpipes.api.selection import Ask
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.run.folders import Merge, merge

NOW = datetime(2024, 2, 1, tzinfo=UTC)
DAYS = "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-05}\n"
SEED = "id,day,region,v\n" + "".join(
    f"{i},2024-01-0{i % 4 + 1},{'eu' if i % 3 else 'us'},{i * 10}\n" for i in range(24)
)


def front(keys: str, sql: str) -> str:
    return f"/*\n---\n{keys.rstrip()}\n---\n*/\n{sql}\n"


def write(root: Path, **models: str) -> Path:
    (root / "models").mkdir(exist_ok=True)
    (root / "seeds").mkdir(exist_ok=True)
    (root / "sqlpipes.yml").write_text("name: shop\n")
    if not (root / "seeds/raw.csv").exists():
        (root / "seeds/raw.csv").write_text(SEED)
    for name, text in models.items():
        (root / f"models/{name}.sql").write_text(text)
    return root


def run(root: Path, **asked: Any) -> Report:
    return build(load(str(root), environ={}), Ask(**asked), clock=lambda: NOW)


def good(root: Path, **asked: Any) -> Report:
    report = run(root, **asked)
    assert report.ok, [failed.problems for failed in report.failed]
    return report


def errors(root: Path) -> list[Problem]:
    return list(load(str(root), environ={}).errors)


def failure(report: Report) -> Problem:
    assert not report.ok
    return report.failed[0].problems[0]


def query(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def below(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(found)


def built(root: Path) -> list[str]:
    return [step.asset for step in plan(load(str(root), environ={}), now=NOW).steps]


# ----------------------------------------------------------------------------------- one file


FORMS = {
    "orders.parquet": ("", "select * from '{}'"),
    "orders.csv": ("", "select id, v from read_csv('{}')"),
    "orders.csv.gz": ("", "select * from read_csv('{}', compression='gzip')"),
    "orders.tsv": ("", "select * from read_csv('{}', delim='\t')"),
    "orders.json": ("", "select * from read_json('{}')"),
    "orders.out": ("format: json\noptions: {array: true}\n", "select * from read_json('{}')"),
    "deep/er/orders.parquet": (
        "options: {compression: zstd, row_group_size: 2048}\n",
        "select * from '{}'",
    ),
    "a[1] b'c.parquet": ("", "select * from read_parquet('{}')"),
    "semi.csv": (
        "options: {delimiter: ';', header: false, nullstr: none}\n",
        "select * from read_csv('{}', delim=';', header=false)",
    ),
}


@pytest.mark.parametrize("path", FORMS)
def test_every_format_is_written_and_read_by_its_name(tmp_path: Path, path: str) -> None:
    keys, own = FORMS[path]
    said = path.replace("'", "''")
    root = write(
        tmp_path,
        out=front(f"materialized: file\npath: 'exports/{said}'\n{keys}", "select id, v from raw"),
        total="select sum(out.v) as v, count(id) as n from out",
    )
    good(root)
    with duckdb.connect() as connection:
        found = str(root / "exports" / path).replace("'", "''").replace("[", "[[]")
        assert len(connection.execute(own.format(found)).fetchall()) == 24
    assert rows(load(str(root)), "total").rows == ((2760, 24),)
    assert built(root) == []
    assert below(root / "exports") == [path]


def test_types_come_back_as_they_were_written(tmp_path: Path) -> None:
    """Also from files that know none."""
    query_ = (
        "select 1::decimal(9,2) as d, date '2024-01-01' as t, '007' as s, '' as e, "
        "null::integer as n, [1, 2] as l, timestamptz '2024-01-01 00:00:00+00' as z, true as b"
    )
    for form in ("parquet", "csv", "json"):
        root = tmp_path / form
        root.mkdir()
        write(
            root,
            out=front(f"materialized: file\npath: out.{form}", query_),
            back=front("materialized: table", "select * from out"),
        )
        good(root)
        with duckdb.connect(str(root / "shop.duckdb")) as connection:
            connection.execute("set TimeZone = 'UTC'")
            found = connection.sql("from back")
            with_zone = "TIMESTAMP WITH TIME ZONE"
            kinds = ["DECIMAL(9,2)", "DATE", "VARCHAR", "VARCHAR", "INTEGER", "INTEGER[]"]
            assert [str(kind) for kind in found.types] == [*kinds, with_zone, "BOOLEAN"], form
            assert connection.sql("select s, e, n, l from back").fetchall() == [
                ("007", "", None, [1, 2])
            ], form


def test_no_rows_are_a_file_with_columns(tmp_path: Path) -> None:
    for form in ("parquet", "csv", "json"):
        root = tmp_path / form
        root.mkdir()
        write(
            root,
            out=front(f"materialized: file\npath: out.{form}", "select id, v from raw where false"),
            back=front("materialized: table", "select sum(v) as v from out"),
        )
        good(root)
        assert rows(load(str(root)), "back").rows == ((None,),)


def test_a_check_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    keys = "materialized: file\npath: out.parquet\nchecks: [{row_count: {max: 30}}, {unique: id}]"
    root = write(tmp_path, out=front(keys, "select id from raw"))
    good(root)
    before = (root / "out.parquet").read_bytes()
    write(root, out=front(keys, "select id from raw union all select 1"))
    assert failure(run(root)).code == "CHK010"
    assert (root / "out.parquet").read_bytes() == before
    assert below(root).count("out.parquet") == 1
    assert not [name for name in below(root) if "sqlpipes-new" in name]
    assert built(root) == ["out"]


def test_a_python_check_gets_the_new_file(tmp_path: Path) -> None:
    root = write(tmp_path, out=front("materialized: file\npath: out.csv", "select 7 as a"))
    (root / "models/checks.py").write_text(
        "from pathlib import Path\nfrom sqlpipes import check\n\n"
        "@check(asset='out')\ndef is_seven(out: Path):\n"
        "    return out.read_text() == 'a\\n7\\n' and '.sqlpipes-new' in str(out)\n"
    )
    good(root)


def test_a_python_asset_gets_its_path(tmp_path: Path) -> None:
    root = write(tmp_path, out=front("materialized: file\npath: x/out.csv", "select 7 as a"))
    (root / "models/py.py").write_text(
        "from pathlib import Path\nfrom sqlpipes import asset\n\n"
        "@asset\ndef copied(out: Path):\n"
        "    return [{'said': out.read_text(), 'path': str(out)}]\n"
    )
    good(root)
    assert rows(load(str(root)), "copied").rows == (("a\n7\n", str(root / "x/out.csv")),)


def test_a_view_sees_the_file_as_it_becomes(tmp_path: Path) -> None:
    keys = "materialized: file\npath: out.csv"
    root = write(tmp_path, out=front(keys, "select 1 as a"), seen="select * from out")
    good(root)
    write(root, out=front(keys, "select 2 as a, 'x' as b"))
    good(root, select=("out",))
    assert rows(load(str(root)), inline="select a from seen").rows == ((2,),)


def test_a_file_that_is_removed_is_written_again(tmp_path: Path) -> None:
    root = write(tmp_path, out=front("materialized: file\npath: out.csv", "select 1 as a"))
    good(root)
    os.remove(root / "out.csv")
    assert built(root) == ["out"]
    good(root)
    assert (root / "out.csv").exists()


def test_the_same_content_moves_no_reader_but_another_does(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        out=front("materialized: file\npath: out.parquet", "select count(*) as n from raw"),
        top=front("materialized: table", "select * from out"),
    )
    good(root)
    (root / "seeds/raw.csv").write_text(SEED + "99,2024-01-01,eu,1\n")
    good(root)
    assert rows(load(str(root)), "top").rows == ((25,),)


def test_plan_shows_what_build_says(tmp_path: Path) -> None:
    keys = "materialized: file\npath: out.parquet\nchecks: [{not_null: a}]"
    root = write(tmp_path, out=front(keys, "select 1 as a"))
    project = load(str(root), environ={})
    shown = plan_statements(project, plan(project, now=NOW))["out"]
    report = good(root)
    said = next(list(step.statements) for step in report.finished if step.asset == "out")
    assert [s for s in shown if not s.startswith("-- check")] == said
    assert "to 'out.parquet' (format parquet)" in shown[1]
    assert "sqlpipes_out_file" in shown[2]  # the check looks at the rows that wait


def test_empty_writes_a_file_without_rows_that_is_written_again(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        out=front("materialized: file\npath: out.csv", "select id from raw"),
        daily=front(f"materialized: file\npath: daily\n{DAYS}", "select * from raw"),
        top=front("materialized: table", "select o.id, d.v from out o join daily d using (id)"),
    )
    good(root, empty=True)
    assert query(f"select count(*) from read_csv('{root}/out.csv', header=true)") == [(0,)]
    assert rows(load(str(root)), "top").rows == ()
    good(root)
    assert rows(load(str(root)), inline="select count(*) from top").rows == ((24,),)


def test_a_query_that_reads_the_clock_is_written_each_time(tmp_path: Path) -> None:
    root = write(tmp_path, out=front("materialized: file\npath: o.csv", "select now() as t"))
    good(root)
    assert built(root) == ["out"]


def test_other_options_write_it_again(tmp_path: Path) -> None:
    keys = "materialized: file\npath: out.csv\n"
    root = write(tmp_path, out=front(keys, "select 1 as a, 2 as b"))
    good(root)
    write(root, out=front(f"{keys}options: {{delimiter: '|'}}", "select 1 as a, 2 as b"))
    reasons = plan(load(str(root), environ={}), now=NOW).steps[0].reasons
    assert [str(reason) for reason in reasons] == ["config changed: options.delimiter: none -> |"]
    good(root)
    assert (root / "out.csv").read_text() == "a|b\n1|2\n"


def test_a_unit_test_of_it_and_of_its_reader(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        out=front("materialized: file\npath: out.csv", "select id + 1 as id from raw"),
        top=front("materialized: table", "select id * 2 as id from out"),
    )
    (root / "models/tests.yml").write_text(
        "unit_tests:\n"
        "  - {name: one, model: out, given: [{input: raw, rows: [{id: 1}]}], expect: {rows: [{id: 2}]}}\n"
        "  - {name: two, model: top, given: [{input: out, rows: [{id: 1}]}], expect: {rows: [{id: 2}]}}\n"
    )
    report = good(root)
    assert [result.ok for result in report.unit_tests] == [True, True]


# ------------------------------------------------------------------------------ what is wrong


WRONG = {
    "no path": ("materialized: ^file", "MAT005", "path: exports/out.parquet"),
    "outside": ("materialized: file\npath: ^../x.csv", "MAT005", "absolute"),
    "hidden outside": ("materialized: file\npath: ^a/../../x.csv", "MAT005", "absolute"),
    "a URL": ("materialized: file\npath: ^s3://b/x.csv", "MAT005", "hook"),
    "a folder": ("materialized: file\npath: ^exports/", "MAT005", ".parquet"),
    "no format": ("materialized: file\npath: ^exports/out", "MAT005", "format:"),
    "the project": ("materialized: file\nformat: csv\npath: ^.", "MAT005", None),
    "wildcards": ("materialized: file\npath: ^out/*.csv", "MAT005", None),
    "slices in a file": (
        f"materialized: file\n{DAYS}path: ^exports/o.csv",
        "MAT005",
        "write `path: exports/o` and `format: csv`",
    ),
    "a format": (
        "materialized: file\npath: o\nformat: ^parket",
        "CFG002",
        "did you mean 'parquet'?",
    ),
    "an option": (
        "materialized: file\npath: o.csv\noptions: {^delimeter: x}",
        "CFG001",
        "did you mean 'delimiter'?",
    ),
    "a compression": (
        "materialized: file\npath: o.parquet\noptions: {compression: ^gzipp}",
        "CFG002",
        "did you mean 'gzip'?",
    ),
    "options": ("materialized: file\npath: o.csv\noptions: ^none", "CFG002", None),
    "a way": ("materialized: ^fil", "CFG002", "did you mean 'file'?"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, case: str) -> None:
    text, code, hint = WRONG[case]
    whole = front(text, "select 1 as a, date '2024-01-01' as day")
    at = whole.index("^")
    line, column = whole.count("\n", 0, at) + 1, at - whole.rfind("\n", 0, at)
    found = errors(write(tmp_path, out=whole.replace("^", "")))
    assert [(p.code, str(p.at)) for p in found] == [(code, f"models/out.sql:{line}:{column}")]
    assert hint is None or hint in (found[0].hint or "")


def test_keys_of_a_file_are_told_where_they_do_nothing(tmp_path: Path) -> None:
    root = write(tmp_path, t=front("materialized: table\npath: x.csv", "select 1 as a"))
    found = [p for p in load(str(root), environ={}).warnings if p.code == "MAT002"]
    assert [p.message for p in found] == ["path does nothing for materialized: table"]


def test_two_assets_of_one_path(tmp_path: Path) -> None:
    keys = "materialized: file\npath: {}"
    root = write(
        tmp_path,
        a=front(keys.format("out/x.csv"), "select 1 as a"),
        b=front(keys.format("./out//x.csv"), "select 1 as a"),
        c=front(f"materialized: file\npath: deep\n{DAYS}", "select * from raw"),
        d=front(keys.format("deep/down/x.csv"), "select 1 as a"),
    )
    found = errors(root)
    assert [p.code for p in found] == ["DUP006", "DUP006"]


def test_an_option_that_duckdb_refuses_is_told_at_the_model(tmp_path: Path) -> None:
    keys = "materialized: file\npath: o.parquet\noptions: {parquet_version: V9}"
    report = run(write(tmp_path, out=front(keys, "select 1 as a")))
    problem = failure(report)
    assert str(problem.at) == "models/out.sql:4:7"
    assert below(tmp_path / "exports") == []


def test_an_absolute_path_outside_is_meant(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    write(root, out=front(f"materialized: file\npath: {tmp_path}/o/x.csv", "select 1 as a"))
    good(root)
    assert (tmp_path / "o/x.csv").read_text() == "a\n1\n"


def test_the_projects_own_files_are_not_replaced(tmp_path: Path) -> None:
    root = write(tmp_path, out=front("materialized: file\npath: seeds/raw.csv", "select 1 as a"))
    with pytest.raises(ProjectError, match="BLD021"):
        run(root)
    assert (root / "seeds/raw.csv").read_text() == SEED


def test_a_file_that_no_build_of_it_wrote_is_not_replaced(tmp_path: Path) -> None:
    keys = "materialized: file\npath: README.csv"
    root = write(tmp_path, out=front(keys, "select 1 as a"))
    (root / "README.csv").write_text("precious")
    problem = failure(run(root))
    assert (problem.code, str(problem.at)) == ("BLD021", "models/out.sql:4:7")
    assert "remove it" in (problem.hint or "")
    assert (root / "README.csv").read_text() == "precious"
    os.remove(root / "README.csv")
    good(root)
    write(root, out=front(keys, "select 2 as a"))
    good(root)
    good(root, force=True, select=("out",))
    assert (root / "README.csv").read_text() == "a\n2\n"


def test_the_file_of_a_model_that_moved_away_is_its_own_still(tmp_path: Path) -> None:
    root = write(tmp_path, out=front("materialized: file\npath: a.csv", "select 1 as a"))
    good(root)
    write(root, out=front("materialized: file\npath: b.csv", "select 1 as a"))
    good(root)
    write(root, out=front("materialized: file\npath: a.csv", "select 2 as a"))
    good(root)
    assert (root / "a.csv").read_text() == "a\n2\n"


def test_a_folder_with_strange_files_is_not_touched(tmp_path: Path) -> None:
    keys = f"materialized: file\npath: exports/daily\n{DAYS}"
    root = write(tmp_path, daily=front(keys, "select * from raw"))
    (root / "exports/daily").mkdir(parents=True)
    (root / "exports/daily/mine.txt").write_text("precious")
    problem = failure(run(root))
    assert problem.code == "BLD021"
    assert "mine.txt" in problem.message
    assert below(root / "exports") == ["daily/mine.txt"]


def test_a_file_does_not_read_itself(tmp_path: Path) -> None:
    keys = f"materialized: file\npath: daily\n{DAYS}"
    root = write(tmp_path, daily=front(keys, "select * from raw union all select * from daily"))
    with pytest.raises(ProjectError, match="ENG027"):
        run(root)


def test_a_row_without_a_key_is_published_nowhere(tmp_path: Path) -> None:
    keys = f"materialized: file\npath: daily\n{DAYS}"
    root = write(tmp_path, daily=front(keys, "select * from raw"))
    (root / "seeds/raw.csv").write_text(SEED + "99,,eu,1\n")
    assert failure(run(root)).code == "BLD001"
    assert not (root / "daily").exists()


# ------------------------------------------------------------------------------------- slices


def daily(root: Path, extra: str = "", sql: str = "select * from raw", days: str = DAYS) -> Path:
    return write(root, daily=front(f"materialized: file\npath: exports/daily\n{days}{extra}", sql))


def names(*days: int) -> list[str]:
    return [f"day=2024-01-0{day}/data.parquet" for day in days]


def test_a_slice_replaces_its_own_file_alone(tmp_path: Path) -> None:
    root = daily(tmp_path)
    good(root)
    folder = root / "exports/daily"
    assert below(folder) == names(1, 2, 3, 4)
    before = {name: (folder / name).stat().st_ino for name in below(folder)}
    good(root, partitions="2024-01-02..2024-01-03", force=True, select=("daily",))
    after = {name: (folder / name).stat().st_ino for name in below(folder)}
    assert [name for name in before if before[name] != after[name]] == names(2)
    assert query(f"select count(*) from '{folder}/*/*.parquet'") == [(24,)]
    assert built(root) == []


def test_a_slice_without_rows_has_no_file(tmp_path: Path) -> None:
    root = daily(tmp_path)
    good(root)
    (root / "seeds/raw.csv").write_text(
        "".join(line for line in SEED.splitlines(True) if "2024-01-03" not in line)
    )
    good(root)
    assert below(root / "exports/daily") == names(1, 2, 4)
    assert not (root / "exports/daily/day=2024-01-03").exists()
    assert built(root) == []


def test_without_any_rows_its_readers_still_find_the_columns(tmp_path: Path) -> None:
    root = daily(tmp_path)
    write(root, top="select sum(v) as v from daily")
    (root / "seeds/raw.csv").write_text("id,day,region,v\n1,2023-01-01,eu,3\n")
    good(root)
    assert below(root / "exports/daily") == ["day=__HIVE_DEFAULT_PARTITION__/data.parquet"]
    assert rows(load(str(root)), "top").rows == ((None,),)
    (root / "seeds/raw.csv").write_text(SEED)
    good(root)
    assert below(root / "exports/daily") == names(1, 2, 3, 4)
    assert rows(load(str(root)), "top").rows == ((2760,),)
    (root / "seeds/raw.csv").write_text("id,day,region,v\n1,2023-01-01,eu,3\n")
    good(root)
    assert below(root / "exports/daily") == ["day=__HIVE_DEFAULT_PARTITION__/data.parquet"]


def test_slices_that_should_not_be_any_more_go(tmp_path: Path) -> None:
    root = daily(tmp_path)
    good(root)
    daily(root, days=DAYS.replace("2024-01-05", "2024-01-03"))
    good(root)
    assert below(root / "exports/daily") == names(1, 2)


def test_products_nest_and_hostile_values_are_escaped(tmp_path: Path) -> None:
    values = ["eu", "n/w", "a=b", "ü ä", "..", "x" * 300, "%2F", "it's", "", "con*"]
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    cut = (
        "partition:\n  by:\n  - {by: day, column: day, start: 2024-01-01, end: 2024-01-03}\n"
        f"  - {{column: region, values: [{listed}]}}\n"
    )
    sql = (
        f"select day::date as day, region from (values (date '2024-01-01'), (date '2024-01-02')) t(day), "
        f"unnest([{listed}]) as u(region)"
    )
    root = daily(tmp_path, sql=sql, days=cut)
    good(root)
    found = below(root / "exports/daily")
    assert len(found) == 20
    assert "day=2024-01-01/region=n%2Fw/data.parquet" in found
    assert all(name.count("/") == 2 for name in found)
    assert rows(load(str(root)), inline="select count(distinct region) from daily").rows == ((10,),)
    assert built(root) == []
    good(root, force=True)
    assert below(root / "exports/daily") == found


COLUMNS = ["x/../../../../evil", "we/ird", "..", ".", ".hid", "a=b", "con*", "x" * 200, "ü [a]?"]


@pytest.mark.long
@pytest.mark.parametrize("column", COLUMNS)
def test_a_columns_name_leads_nowhere_else(tmp_path: Path, column: str) -> None:
    """Nothing is written outside of the asset's folder, with rows and without, and all is read back."""
    root = tmp_path / "a/b/c/project"
    root.mkdir(parents=True)
    cut = (
        f"partition: {{by: values, column: '{column}', values: [a, __HIVE_DEFAULT_PARTITION__]}}\n"
    )
    sql = (
        f"select k as \"{column}\", 1 as n from (values ('a'), ('__HIVE_DEFAULT_PARTITION__')) t(k)"
    )
    daily(root, sql=f"{sql} where false", days=cut)
    good(root)
    assert rows(load(str(root)), "daily").rows == ()
    daily(root, sql=sql, days=cut)
    good(root, empty=True)
    assert rows(load(str(root)), "daily").rows == ()
    good(root)
    assert sorted(rows(load(str(root)), "daily").rows) == [
        ("__HIVE_DEFAULT_PARTITION__", 1),
        ("a", 1),
    ]
    assert len(below(root / "exports/daily")) == 2
    assert not [name for name in below(tmp_path) if not name.startswith("a/b/c/project/")]
    assert {each.name for each in root.iterdir() if each.is_dir()} == {
        ".sqlpipes",
        "exports",
        "models",
        "seeds",
    }


def test_a_name_that_leads_out_of_its_folder_is_never_followed(tmp_path: Path) -> None:
    stage, folder = tmp_path / "stage", tmp_path / "root/out"
    stage.mkdir()
    (tmp_path / "evil").write_text("rows")
    what = Merge(("../evil",), (), None, "blank")
    with pytest.raises(ValueError, match="leads out of its folder"):
        merge(str(stage), str(folder), str(tmp_path / "root"), "daily", what)
    assert (tmp_path / "evil").exists()
    assert below(tmp_path / "root/out") == []


def test_a_time_of_day_is_not_lost_to_readers_of_the_folders_names(tmp_path: Path) -> None:
    cut = "partition: {by: day, column: at, start: 2024-01-01, end: 2024-01-03}\n"
    root = daily(tmp_path, sql="select timestamp '2024-01-01 07:30' as at, 1 as a", days=cut)
    good(root)
    assert below(root / "exports/daily") == ["at_day=2024-01-01/data.parquet"]
    at = datetime(2024, 1, 1, 7, 30)
    assert query(f"select \"at\" from '{root}/exports/daily/*/*.parquet'") == [(at,)]
    assert rows(load(str(root)), inline='select "at" from daily').rows == ((at,),)
    daily(root, sql="select date '2024-01-01' as at, 1 as a", days=cut)
    good(root)
    assert below(root / "exports/daily") == ["at=2024-01-01/data.parquet"]


def test_months_hours_and_numbers(tmp_path: Path) -> None:
    cases = {
        "m": ("{by: month, column: d, start: 2024-01, end: 2024-03}", "date '2024-01-05' as d"),
        "h": (
            "{by: hour, column: d, start: 2024-01-01T00, end: 2024-01-01T03}",
            "timestamp '2024-01-01 01:30' as d",
        ),
        "n": ("{by: integer, column: d, width: 10, start: 0, end: 30}", "17 as d"),
    }
    root = write(
        tmp_path,
        **{
            name: front(f"materialized: file\npath: out/{name}\npartition: {cut}", f"select {sql}")
            for name, (cut, sql) in cases.items()
        },
    )
    good(root)
    assert below(root / "out") == [
        "h/d_hour=2024-01-01T01/data.parquet",
        "m/d_month=2024-01/data.parquet",
        "n/d_range=10..20/data.parquet",
    ]


def test_another_format_takes_the_old_files_away(tmp_path: Path) -> None:
    root = daily(tmp_path)
    write(root, top="select sum(v) as v from daily")
    good(root)
    daily(root, "format: csv\noptions: {compression: gzip}\n")
    good(root)
    assert below(root / "exports/daily") == [
        f"day=2024-01-0{day}/data.csv.gz" for day in (1, 2, 3, 4)
    ]
    assert rows(load(str(root)), "top").rows == ((2760,),)


def test_batches_are_published_one_by_one_and_a_slice_that_fails_stays_as_it_was(
    tmp_path: Path,
) -> None:
    days = DAYS.replace("}", ", batch: 1}")
    root = daily(tmp_path, "checks: [{not_null: v}]\n", days=days)
    write(
        root,
        top=front(f"materialized: table\n{DAYS}", "select day, sum(v) v from daily group by 1"),
    )
    good(root)
    old = query(f"select sum(v) from '{root}/exports/daily/day=2024-01-02/*.parquet'")
    (root / "seeds/raw.csv").write_text(SEED.replace("1,2024-01-02,eu,10\n", "1,2024-01-02,eu,\n"))
    report = run(root)
    assert not report.ok
    assert below(root / "exports/daily") == names(1, 2, 3, 4)
    assert query(f"select sum(v) from '{root}/exports/daily/day=2024-01-02/*.parquet'") == old
    assert built(root)[0] == "daily"


def test_a_check_of_a_slice_sees_the_other_slices_as_they_are(tmp_path: Path) -> None:
    root = daily(tmp_path, "checks: [{unique: id}]\n")
    good(root)
    (root / "seeds/raw.csv").write_text(SEED.replace("\n2,2024-01-03", "\n1,2024-01-03"))
    assert failure(run(root, partitions="2024-01-03")).code == "CHK010"
    assert query(f"select count(distinct id) from '{root}/exports/daily/*/*.parquet'") == [(24,)]


def test_full_refresh_and_a_lost_state_double_nothing(tmp_path: Path) -> None:
    root = daily(tmp_path)
    good(root)
    good(root, full_refresh=True)
    for path in (root / ".sqlpipes").glob("state.db*"):
        path.unlink()
    good(root)
    assert below(root / "exports/daily") == names(1, 2, 3, 4)
    assert rows(load(str(root)), inline="select count(*) from daily").rows == ((24,),)


def test_lineage_goes_through_it(tmp_path: Path) -> None:
    root = daily(tmp_path)
    write(root, top="select day, v * 2 as w from daily")
    project = load(str(root), environ={})
    assert project.graph.parents("top") == ("daily",)
    edges = lineage(project).facts["top"].value_edges
    assert [(e.table, e.source) for e in edges if e.column == "w"] == [("daily", "v")]


# -------------------------------------------------------------------------- another oracle


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("rows"), st.dictionaries(st.integers(1, 4), st.integers(0, 3), max_size=4)
        ),
        st.tuples(
            st.just("build"), st.sampled_from([None, "2024-01-02", "2024-01-01..2024-01-03"])
        ),
        st.tuples(st.just("end"), st.integers(3, 5)),
        st.tuples(st.just("sql"), st.integers(1, 3)),
    ),
    min_size=2,
    max_size=6,
)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(OPERATIONS)
def test_after_anything_the_folder_equals_a_full_build(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, Any]]
) -> None:
    follow(tmp_path_factory.mktemp("a"), operations)


@pytest.mark.nightly
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(OPERATIONS)
def test_after_anything_the_folder_equals_a_full_build_at_length(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, Any]]
) -> None:
    follow(tmp_path_factory.mktemp("a"), operations)


def follow(root: Path, operations: list[tuple[str, Any]]) -> None:
    counts, factor, end = {1: 1, 2: 2}, 1, 5
    for what, value in [*operations, ("build", None)]:
        if what == "rows":
            counts = value
        elif what == "end":
            end = value
        elif what == "sql":
            factor = value
        days = DAYS.replace("2024-01-05", f"2024-01-0{end}")
        daily(root, sql=f"select day::date as day, v * {factor} as v from raw", days=days)
        lines = [f"{day},{n}" for day, count in counts.items() for n in range(count)]
        text = "".join(f"2024-01-0{line}\n" for line in lines)
        (root / "seeds/raw.csv").write_text("day,v\n" + (text or "2023-01-01,1\n"))
        if what == "build":
            good(root, partitions=value) if value is None or end > 3 else good(root)
    expected = sorted(
        (day, n * factor) for day, count in counts.items() for n in range(count) if day < end
    )
    sql = f"select day(day::date), v from read_parquet('{root}/exports/daily/*/*.parquet') order by all"
    assert query(sql) == expected
    filled = {day for day, count in counts.items() if count and day < end}
    assert below(root / "exports/daily") == (
        names(*sorted(filled)) or ["day=__HIVE_DEFAULT_PARTITION__/data.parquet"]
    )
    assert built(root) == []


# --------------------------------------------------------------------------------------- kills


CHILD = """
import os, signal, sys, threading
from datetime import UTC, datetime
import duckdb, sqlpipes, sqlpipes.api.building, sqlpipes.run.runner, sqlpipes.stores.sql
import sqlalchemy.dialects.sqlite, sqlglot.optimizer

NAMES = ("replace", "unlink", "rename", "rmdir", "mkdir", "execute", "renameat2")

class Watch:
    def __init__(self, nth):
        self.left = nth
    def __call__(self, frame, event, arg):
        if event != "c_call" or getattr(arg, "__name__", "") not in NAMES:
            return
        if arg.__name__ == "replace" and getattr(arg, "__module__", "") != "posix":
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def build(root, nth):
    watch = Watch(nth)
    project = sqlpipes.load(root, environ={})
    threading.setprofile(watch)
    sys.setprofile(watch)
    now = datetime(2024, 2, 1, tzinfo=UTC)
    return 0 if sqlpipes.build(project, sqlpipes.Ask(), clock=lambda: now, threads=2).ok else 1

for line in sys.stdin:
    root, nth = line.rstrip().split("\\t")
    child = os.fork()
    if child == 0:
        code = 9
        try:
            code = build(root, int(nth))
        finally:
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def killer() -> Iterator[subprocess.Popen[str]]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    )
    yield process
    process.communicate(timeout=60)


def kill_at(killer: subprocess.Popen[str], root: Path, nth: int) -> int:
    assert killer.stdin is not None
    assert killer.stdout is not None
    killer.stdin.write(f"{root}\t{nth}\n")
    killer.stdin.flush()
    return int(killer.stdout.readline())


def survive(killer: subprocess.Popen[str], root: Path, nth: int) -> bool:
    """Whether the build was killed. Each slice is the old one or the new one then."""
    before = {2: 660, 3: 720, 4: 780}
    daily(root, sql="select * from raw where day > '2024-01-01'")
    (root / "seeds/raw.csv").write_text(SEED)
    write(
        root, one=front("materialized: file\npath: exports/one.csv", "select sum(v) as v from raw")
    )
    good(root)
    assert by_day(root) == before
    changed = [line for line in SEED.splitlines(True) if "2024-01-02" not in line]
    (root / "seeds/raw.csv").write_text(
        "".join(changed) + "77,2024-01-03,eu,1\n88,2024-01-04,eu,2\n"
    )
    code = kill_at(killer, root, nth)
    found, after = by_day(root), {2: None, 3: 721, 4: 782}
    assert all(found.get(day) in (before[day], after[day]) for day in (2, 3, 4)), (nth, found)
    assert (root / "exports/one.csv").read_text() in ("v\n2760\n", "v\n2103\n")
    good(root)
    assert by_day(root) == {3: 721, 4: 782}
    assert below(root / "exports") == [*(f"daily/{name}" for name in names(3, 4)), "one.csv"]
    assert built(root) == []
    return code == -9


def by_day(root: Path) -> dict[int, int]:
    sql = f"select day(day), sum(v)::int from '{root}/exports/daily/*/data.parquet' group by 1"
    return dict(query(sql))


@pytest.mark.long
@pytest.mark.parametrize("nth", [48, 80])
def test_a_kill_leaves_each_slice_old_or_new(
    tmp_path: Path, killer: subprocess.Popen[str], nth: int
) -> None:
    survive(killer, tmp_path, nth)


@pytest.mark.nightly
def test_a_kill_at_any_moment(
    tmp_path_factory: pytest.TempPathFactory, killer: subprocess.Popen[str]
) -> None:
    root = tmp_path_factory.mktemp("kills")
    for nth in range(1, 400):
        if not survive(killer, root, nth):
            assert nth > 60
            return


# ------------------------------------------------------------------------------------ engines


def test_a_server_that_writes_no_files_writes_them_all_the_same(
    tmp_path: Path, place: Place
) -> None:
    place.prepare(tmp_path)
    cut = DAYS.replace("day, start", "order_day, start").replace("column: day", "column: order_day")
    sql = "select id, cast(day as date) as order_day, region, v from raw"
    root = write(
        tmp_path,
        one=front("materialized: file\npath: out.parquet\nchecks: [{unique: id}]", sql),
        daily=front(f"materialized: file\npath: daily\n{cut}checks: [{{not_null: v}}]", sql),
    )
    good(root)
    assert query(f"select count(*), sum(v)::int from '{root}/out.parquet'") == [(24, 2760)]
    found = query(f"select count(*), sum(v)::int from '{root}/daily/*/*.parquet'")
    assert found == [(24, 2760)]
    assert below(root / "daily")[0] == "order_day=2024-01-01/data.parquet"
    (root / "seeds/raw.csv").write_text(SEED + "99,2024-01-02,eu,1\n")
    good(root)
    assert query(f"select sum(v)::int from '{root}/daily/*/*.parquet'") == [(2761,)]
    assert built(root) == []


def test_who_reads_a_source_whose_files_an_asset_writes_waits_for_it(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        written=front("materialized: file\npath: out/one.parquet", "select id, 1 as x from raw"),
        a_reader="select x, count(*) as n from partner.one group by x",
    )
    (root / "models/sources.yml").write_text(
        "sources: [{name: partner, tables: [{name: one, files: out/*.parquet}]}]\n"
    )
    (root / "profiles.yml").write_text(
        "p: {outputs: {dev: {type: duckdb, path: shop.duckdb, attach: "
        "[{path: other.duckdb, alias: other, create: true}]}}}\n"
    )
    good(root)
    assert built(root) == []
    write(root, written=(root / "models/written.sql").read_text().replace("1 as x", "2 as x"))
    good(root)
    assert rows(load(str(root), environ={}), "a_reader").rows == ((2, 24),)
    assert built(root) == []


@pytest.mark.parametrize("column", ["x/../../../../evil", "we/ird", ".."])
def test_no_columns_name_leads_elsewhere_from_postgres(
    tmp_path: Path, place: Place, column: str
) -> None:
    if place.kind == "duckdb":
        return
    root = tmp_path / "a/b/c/project"
    root.mkdir(parents=True)
    place.prepare(root)
    cut = f"partition: {{by: values, column: '{column}', values: [a, b]}}\n"
    sql = f"select k as \"{column}\", 1 as n from (values ('a'), ('b')) t(k)"
    daily(root, sql=f"{sql} where false", days=cut)
    good(root)
    assert len(below(root / "exports/daily")) == 1
    daily(root, sql=sql, days=cut)
    good(root)
    assert query(f"select count(*) from '{root}/exports/daily/*/*.parquet'") == [(2,)]
    assert not [name for name in below(tmp_path) if not name.startswith("a/b/c/project/")]


def test_postgres_reads_no_files(tmp_path: Path, place: Place) -> None:
    if place.kind != "postgres":
        return
    place.prepare(tmp_path)
    root = write(
        tmp_path,
        one=front("materialized: file\npath: out.parquet", "select id from raw"),
        top="select * from one",
    )
    for command in (plan, build):
        with pytest.raises(ProjectError) as error:
            command(load(str(root), environ={}))
        (problem,) = error.value.problems
        assert (problem.code, str(problem.at)) == ("ENG025", "models/top.sql:1:15")
    assert [p.code for p in lint(load(str(root), environ={}))] == ["ENG025"]
    assert not (root / "out.parquet").exists()
    good(root, select=("+one",))
    assert (root / "out.parquet").exists()


def test_a_file_on_an_engine_that_writes_none_is_refused_before_anything_runs(
    tmp_path: Path,
) -> None:
    root = write(tmp_path, one=front("path: out.csv\nmaterialized: file", "select 1 as id"))
    (root / "profiles.yml").write_text("p: {outputs: {dev: {type: sqlite, path: shop.db}}}\n")
    with pytest.raises(ProjectError) as error:
        plan(load(str(root), environ={}))
    assert [(p.code, p.at and p.at.line) for p in error.value.problems] == [("ENG026", 4)]
    assert not (root / "shop.db").exists()
