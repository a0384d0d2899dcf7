"""Python assets whose rows are kept from build to build: merged, appended, snapshots, slices."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.projects import ok, run, write

HEAD = "from sqlpipes import Daily, asset\n\n"


def seed(root: Path, *rows: str, head: str = "id,status,seen") -> None:
    write(root, {"seeds/raw.csv": "\n".join([head, *rows]) + "\n"})


def project(root: Path, text: str, *rows: str) -> Path:
    write(root, {"sqlpipes.yml": "name: shop\n", "models/assets.py": HEAD + text})
    seed(root, *(rows or ("1,a,2024-01-01", "2,b,2024-01-02")))
    return root


def table(root: Path, name: str) -> list[str]:
    return sorted(" ".join(line.split()) for line in ok(root, "show", name).splitlines()[2:])


MERGED = """
@asset(materialized="incremental", unique_key="id", updated_at="seen")
def orders(raw, context):
    since = context.newest("seen")
    print("since", since, context.incremental)
    return raw if since is None else raw.filter(f"seen > date '{since}'")
"""


def test_only_what_is_new_is_fetched_and_merged(tmp_path: Path) -> None:
    project(tmp_path, MERGED)
    ok(tmp_path, "build")
    assert "| since None False" in ok(tmp_path, "runs", "show", "--log")
    seed(tmp_path, "1,a2,2024-01-03", "2,older,2024-01-01", "3,c,2024-01-04")
    ok(tmp_path, "build")
    assert "| since 2024-01-02 True" in ok(tmp_path, "runs", "show", "--log")
    assert table(tmp_path, "orders") == ["1 a2 2024-01-03", "2 b 2024-01-02", "3 c 2024-01-04"]
    assert "nothing to do" in ok(tmp_path, "plan")
    ok(tmp_path, "build", "-s", "orders", "--full-refresh")
    assert table(tmp_path, "orders") == ["1 a2 2024-01-03", "2 older 2024-01-01", "3 c 2024-01-04"]


def test_a_changed_function_is_asked_for_everything(tmp_path: Path) -> None:
    project(tmp_path, MERGED)
    ok(tmp_path, "build")
    project(tmp_path, MERGED.replace('"since"', '"from"'), "3,c,2023-01-01")
    ok(tmp_path, "build")
    assert table(tmp_path, "orders") == ["3 c 2023-01-01"]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (("1,a,2024-01-05", "1,b,2024-01-06"), "BLD003"),
        ((",a,2024-01-05", "7,b,2024-01-05"), "BLD004"),
    ],
)
def test_keys_that_are_double_or_missing_publish_nothing(
    tmp_path: Path, rows: tuple[str, ...], code: str
) -> None:
    project(tmp_path, MERGED)
    ok(tmp_path, "build")
    seed(tmp_path, *rows)
    assert code in run(tmp_path, "build").output
    assert table(tmp_path, "orders") == ["1 a 2024-01-01", "2 b 2024-01-02"]
    anew = run(tmp_path, "build", "--full-refresh", "-s", "orders")
    assert code in anew.output
    assert table(tmp_path, "orders") == ["1 a 2024-01-01", "2 b 2024-01-02"]


def test_columns_that_are_not_to_be_updated_keep_their_value(tmp_path: Path) -> None:
    text = """
@asset(materialized="incremental", unique_key=["id"], merge_exclude_columns=["status"])
def orders(raw): return raw
"""
    project(tmp_path, text)
    ok(tmp_path, "build")
    seed(tmp_path, "1,changed,2024-02-01", "3,new,2024-02-02")
    ok(tmp_path, "build")
    assert table(tmp_path, "orders") == ["1 a 2024-02-01", "2 b 2024-01-02", "3 new 2024-02-02"]


def test_appended_rows_are_those_after_the_newest(tmp_path: Path) -> None:
    text = """
@asset(materialized="incremental", strategy="append")
def log(raw, context):
    if context.this is None:
        return raw
    return context.sql("select * from raw where seen > (select max(seen) from log)")
"""
    project(tmp_path, text)
    ok(tmp_path, "build")
    seed(tmp_path, "1,late,2023-01-01", "3,c,2024-01-03")
    ok(tmp_path, "build")
    assert table(tmp_path, "log") == ["1 a 2024-01-01", "2 b 2024-01-02", "3 c 2024-01-03"]
    assert "no rows" not in ok(tmp_path, "build", "--force", "-s", "log")
    assert len(table(tmp_path, "log")) == 3


def test_an_appending_function_that_looks_at_nothing_is_warned_of(tmp_path: Path) -> None:
    text = """
@asset(materialized="incremental", strategy="append")
def log(raw): return raw

@asset(materialized="incremental", strategy="append")
def queue(): return [{"n": 1}]
"""
    said = run(project(tmp_path, text), "build").output
    assert said.count("MAT003") == 1  # who reads nothing of ours knows what is new
    assert "models/assets.py:4:36: MAT003" in said


def test_a_snapshot_of_what_a_function_yields(tmp_path: Path) -> None:
    text = """
@asset(materialized="snapshot", unique_key="id", updated_at="seen", hard_deletes="invalidate")
def history(raw):
    for row in raw.fetchall():
        yield dict(zip(raw.columns, row))
"""
    project(tmp_path, text)
    ok(tmp_path, "build")
    seed(tmp_path, "1,a2,2024-03-01")
    ok(tmp_path, "build")
    rows = table(tmp_path, "history")
    assert [row.split()[:2] + row.split()[-1:] for row in rows] == [
        ["1", "a", "False"],
        ["1", "a2", "True"],
        ["2", "b", "False"],
    ]
    project(tmp_path, text.replace("yield dict", "x = 1; yield dict"))
    refused = run(tmp_path, "build")
    assert refused.exit_code == 2
    assert "PLN004 the query of snapshot 'history' changed" in refused.output


GROWN = ("1,a,2024-01-03,5", "2,b,2024-01-04,6")


@pytest.mark.parametrize("strategy", ["unique_key='id'", "strategy='append'"])
@pytest.mark.parametrize(
    ("policy", "columns"),
    [(None, None), ("add", 4), ("sync", 4), ("ignore", 3)],
)
def test_what_happens_to_a_new_column(
    tmp_path: Path, strategy: str, policy: str | None, columns: int | None
) -> None:
    said = f", on_schema_change='{policy}'" if policy else ""
    text = f"""
@asset(materialized="incremental", {strategy}{said})
def orders(raw, context): return raw if context.this is None else raw
"""
    project(tmp_path, text)
    ok(tmp_path, "build")
    seed(tmp_path, *GROWN, head="id,status,seen,price")
    found = run(tmp_path, "build")
    if columns is None:
        assert "BLD010" in found.output
        assert "the table has no column 'price'" in found.output
        assert "rebuild" not in found.output
        columns = 3
    else:
        assert found.exit_code == 0, found.output
    assert len(ok(tmp_path, "show", "orders").splitlines()[0].split()) == columns


@pytest.mark.parametrize(("policy", "columns"), [(None, None), ("add", 3), ("ignore", 2)])
def test_a_new_column_of_one_slice(tmp_path: Path, policy: str | None, columns: int | None) -> None:
    said = f", on_schema_change='{policy}'" if policy else ""
    text = f"""
@asset(partition=Daily("day", start="2024-01-01", end="2024-01-03"){said}, version="1")
def units(raw, context):
    found = raw.fetchall()
    more = {{"extra": 1}} if "price" in raw.columns else {{}}
    import datetime
    return [
        {{"day": datetime.date.fromisoformat(key), "n": len(found), **more}}
        for key in context.partition_keys
    ]
"""
    project(tmp_path, text)
    ok(tmp_path, "build")
    seed(tmp_path, *GROWN, head="id,status,seen,price")
    found = run(tmp_path, "build", "--partition", "2024-01-02", "--force", "-s", "units raw")
    if columns is None:
        assert "BLD010" in found.output
        columns = 2
    else:
        assert found.exit_code == 0, found.output
    assert len(ok(tmp_path, "show", "units").splitlines()[0].split()) == columns
    assert len(table(tmp_path, "units")) == 2


def test_a_partition_makes_it_slices(tmp_path: Path) -> None:
    text = """
@asset(materialized="incremental", partition=Daily("seen", start="2024-01-01", end="2024-01-03"))
def orders(raw, context):
    window = context.partition
    return raw.filter(f"seen >= '{window.start}' and seen < '{window.end}'")
"""
    project(tmp_path, text)
    ok(tmp_path, "build")
    ok(tmp_path, "build", "--partition", "2024-01-02", "--force", "-s", "orders")
    assert table(tmp_path, "orders") == ["1 a 2024-01-01", "2 b 2024-01-02"]


def test_the_earlier_slices_are_there_to_be_asked_for(tmp_path: Path) -> None:
    text = """
import datetime

@asset(partition=Daily("day", start="2024-01-01", end="2024-01-04", batch=1))
def total(context):
    before = context.newest("n", otherwise=0)
    return [{"day": datetime.date.fromisoformat(context.partition.key), "n": before + 1}]
"""
    project(tmp_path, text)
    ok(tmp_path, "build", "--threads", "1")
    assert table(tmp_path, "total") == ["2024-01-01 1", "2024-01-02 2", "2024-01-03 3"]


@pytest.mark.parametrize(
    ("options", "place", "code", "said"),
    [
        ('materialized="incremental"', "4:21", "MAT001", "needs a unique_key"),
        ('unique_key="id"', "4:8", "MAT002", "unique_key does nothing for materialized: table"),
        ('materialized="snapshot", unique_key="id"', "4:21", "MAT003", "how a change is seen"),
        (
            'materialized="incremental", unique_key="id", on_schema_change="rebuild"',
            "4:70",
            "MAT004",
            "rebuild is not for functions",
        ),
        (
            'materialized="incremental", strategy="mege", unique_key="id"',
            "4:45",
            "CFG002",
            "did you mean 'merge'",
        ),
        (
            'materialized="incremental", unique_key="id",\n    '
            'partition=Daily("day", start="2024-01-01"), strategy="merge"',
            "5:49",
            "PAR003",
            "a partition do not go together",
        ),
        ('path="x.json", unique_key="id"', "4:23", "MAT002", "does nothing for a file"),
    ],
)
def test_settings_that_make_no_sense(
    tmp_path: Path, options: str, place: str, code: str, said: str
) -> None:
    project(tmp_path, f"\n@asset({options})\ndef orders(raw, context): return raw\n")
    found = run(tmp_path, "lint").output
    assert code in found
    assert said in found
    line = next(line for line in found.splitlines() if code in line)
    if code != "PAR003":
        assert line.startswith(f"models/assets.py:{place}: "), line


def test_a_key_that_is_no_column_is_told_with_the_nearest(tmp_path: Path) -> None:
    text = '\n@asset(materialized="incremental", unique_key="idd")\ndef orders(raw): return raw\n'
    project(tmp_path, text)
    said = run(tmp_path, "build").output
    assert 'Referenced column "idd" not found' in said
    assert 'Candidate bindings: "id"' in said


def test_a_function_that_dies_while_it_merges_leaves_the_table(tmp_path: Path) -> None:
    text = """
@asset(materialized="incremental", unique_key="id")
def orders(raw, context):
    for row in raw.fetchall():
        yield dict(zip(raw.columns, row))
        if context.incremental:
            raise RuntimeError("died")
"""
    project(tmp_path, text)
    ok(tmp_path, "build")
    seed(tmp_path, "1,new,2025-01-01", "9,new,2025-01-01")
    assert "RuntimeError: died" in run(tmp_path, "build").output
    assert table(tmp_path, "orders") == ["1 a 2024-01-01", "2 b 2024-01-02"]


def test_a_check_that_fails_keeps_merged_rows_back(tmp_path: Path) -> None:
    text = """
@asset(materialized="incremental", unique_key="id", checks=[{"expression": "status <> 'bad'"}])
def orders(raw): return raw
"""
    project(tmp_path, text)
    ok(tmp_path, "build")
    seed(tmp_path, "1,bad,2025-01-01")
    assert run(tmp_path, "build").exit_code == 1
    assert table(tmp_path, "orders") == ["1 a 2024-01-01", "2 b 2024-01-02"]


def test_without_rows_nothing_is_merged(tmp_path: Path) -> None:
    project(tmp_path, MERGED)
    ok(tmp_path, "build")
    ok(tmp_path, "build", "--empty", "-s", "orders")
    assert len(table(tmp_path, "orders")) in (0, 2)


def test_sql_and_python_read_each_other_slice_by_slice(tmp_path: Path) -> None:
    cut = "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-04, batch: 1}"
    sql = f"/*\n---\nmaterialized: table\n{cut}\ninputs: {{%s: same}}\n---\n*/\n%s"
    text = """
@asset(
    partition=Daily("day", start="2024-01-01", end="2024-01-04", batch=1),
    inputs={"daily": "same"},
)
def doubled(daily: list[dict], context):
    assert {str(row["day"]) for row in daily} <= set(context.partition_keys)
    return [{"day": row["day"], "n": 2 * row["n"]} for row in daily]
"""
    project(tmp_path, text, "1,2024-01-01", "2,2024-01-02", "3,2024-01-03")
    seed(tmp_path, "1,2024-01-01", "2,2024-01-02", "3,2024-01-03", head="n,day")
    write(
        tmp_path,
        {
            "models/daily.sql": sql % ("raw", "select day, n from raw"),
            "models/last.sql": sql % ("doubled", "select day, n + 1 as n from doubled"),
        },
    )
    ok(tmp_path, "build")
    assert table(tmp_path, "last") == ["2024-01-01 3", "2024-01-02 5", "2024-01-03 7"]
    ok(tmp_path, "build", "-s", "daily", "--partition", "2024-01-02", "--force")
    said = ok(tmp_path, "plan")
    for name in ("doubled", "last"):
        (line,) = [line for line in said.splitlines() if f"  {name}  " in line]
        assert "2024-01-02 (1 slice)" in line, said
    ok(tmp_path, "build")
    assert "nothing to do" in ok(tmp_path, "plan")
