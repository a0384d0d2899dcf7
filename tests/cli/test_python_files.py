"""Assets that are files or folders: who reads them, how they are handed over and put in place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cli.projects import ok, run, write

MODEL = """
import json
from pathlib import Path
from sqlpipes import File, asset, check

@asset
def model(raw, context) -> File:
    file = context.file("output/model.json")
    Path(file).write_text(json.dumps([{"n": n} for (n,) in raw.fetchall()]))
    return file
"""
LAKE = """
from pathlib import Path
import polars as pl
from sqlpipes import File, asset, check

@asset(path="output/lake/")
def lake(raw: pl.DataFrame, context):
    folder = Path(context.file())
    for n in raw["n"]:
        raw.filter(pl.col("n") == n).write_parquet(folder / f"part-{n}.parquet")
    return context.file()
"""


def project(root: Path, text: str, rows: str = "1\n2\n", **files: str) -> Path:
    named = {f"models/{name}.sql": sql for name, sql in files.items()}
    write(root, {"sqlpipes.yml": "name: shop\n", "models/assets.py": text, **named})
    return write(root, {"seeds/raw.csv": "n\n" + rows})


def parents(root: Path, name: str) -> list[str]:
    (found,) = json.loads(ok(root, "ls", "-s", name, "--json"))
    return sorted(found["inputs"])


def value(root: Path, name: str) -> str:
    return ok(root, "show", name).splitlines()[2].strip()


@pytest.mark.long
@pytest.mark.parametrize(
    ("annotation", "read"),
    [
        ("", "Path(model).read_text()"),
        (": File", "Path(model).read_text()"),
        (": Path", "model.read_text()"),
        (": 'Path'", "model.read_text()"),
        (": str", "Path(model + '').read_text()"),
    ],
)
def test_a_file_is_handed_to_who_names_it(tmp_path: Path, annotation: str, read: str) -> None:
    reader = f"""
@asset
def count(model{annotation}):
    import os
    return [{{"n": len(json.loads({read})), "abs": os.path.isabs(os.fspath(model))}}]
"""
    project(tmp_path, MODEL + reader)
    ok(tmp_path, "build")
    assert value(tmp_path, "count").split() == ["2", "True"]
    project(tmp_path, MODEL + reader, "1\n2\n3\n")
    ok(tmp_path, "build")
    assert value(tmp_path, "count").split() == ["3", "True"]
    ok(tmp_path, "build", "--force", "-s", "count")  # its file was written by an earlier run


def test_a_file_that_is_not_there_any_more(tmp_path: Path) -> None:
    project(tmp_path, MODEL + "\n@asset\ndef count(model): return [{'n': 1}]\n")
    ok(tmp_path, "build")
    (tmp_path / "output/model.json").unlink()
    found = run(tmp_path, "build", "--force", "-s", "count")
    assert "models/assets.py:13:5: BLD019 the file of 'model' is not there: output/model.json" in (
        found.output
    )
    assert "sqlpipes build --force -s model writes it again" in found.output
    ok(tmp_path, "build")
    assert (tmp_path / "output/model.json").exists()


def test_a_file_for_each_slice_is_not_handed_over(tmp_path: Path) -> None:
    text = """
from pathlib import Path
from sqlpipes import Daily, File, asset

@asset(partition=Daily("d", start="2024-01-01", end="2024-01-03", batch=1))
def days(context) -> File:
    file = context.file(f"output/{context.partition.key}.csv")
    Path(file).write_text(f"key\\n{context.partition.key}\\n")
    return file

@asset
def reader(days): return [{"n": 1}]
"""
    project(tmp_path, text, keys="select * from read_csv('output/*.csv')")
    found = run(tmp_path, "build")
    assert "BLD019 'days' is a file for each of its slices" in found.output
    assert parents(tmp_path, "keys") == ["days"]
    assert len(ok(tmp_path, "show", "keys").splitlines()) == 4


@pytest.mark.parametrize(
    ("sql", "others"),
    [
        ("select * from read_json('output/model.json')", []),
        ("select * from read_json('./output/../output/model.json')", []),
        ("select * from 'output/model.json'", []),
        ("select * from read_json('output/*.json')", ["output/*.json"]),
        ("select * from read_json('output/mod?l.json')", ["output/mod?l.json"]),
        ("select * from read_json('**/model.json')", ["**/model.json"]),
    ],
)
def test_a_query_that_reads_the_file_depends_on_its_asset(
    tmp_path: Path, sql: str, others: list[str]
) -> None:
    table = "/*\n---\nmaterialized: table\n---\n*/\n"
    project(tmp_path, MODEL, reader=table + sql)
    assert parents(tmp_path, "reader") == sorted(["model", *others])
    ok(tmp_path, "build")
    assert "nothing to do" in ok(tmp_path, "plan")
    project(tmp_path, MODEL, "5\n6\n7\n")
    assert "reader" in ok(tmp_path, "plan")
    ok(tmp_path, "build")
    assert "nothing to do" in ok(tmp_path, "plan")
    assert len(ok(tmp_path, "show", "reader").splitlines()) == 5


def test_other_files_behind_a_pattern_are_still_looked_at(tmp_path: Path) -> None:
    table = "/*\n---\nmaterialized: table\n---\n*/\n"
    project(tmp_path, MODEL, reader=f"{table}select n from read_json('output/*.json')")
    ok(tmp_path, "build")
    (tmp_path / "output/theirs.json").write_text('[{"n": 9}]')
    assert "reader" in ok(tmp_path, "plan")
    ok(tmp_path, "build")
    assert len(ok(tmp_path, "show", "reader").splitlines()) == 5


def test_files_that_somebody_else_writes_stay_sources(tmp_path: Path) -> None:
    project(tmp_path, MODEL, reader="select * from read_json('output/other.json')")
    assert parents(tmp_path, "reader") == ["output/other.json"]


def test_a_function_that_asks_for_the_path_depends_on_it(tmp_path: Path) -> None:
    text = """
@asset
def opened(context): return [{"n": len(json.loads(Path(context.path("output/model.json")).read_text()))}]

@asset
def queried(context): return context.sql("select count(*) as n from read_json('output/model.json')")

@asset
def raw_file(context): return context.sql("select * from read_csv('seeds/raw.csv')")
"""
    project(tmp_path, MODEL + text)
    assert parents(tmp_path, "opened") == parents(tmp_path, "queried") == ["model"]
    assert parents(tmp_path, "raw_file") == ["seeds/raw.csv"]
    ok(tmp_path, "build")
    project(tmp_path, MODEL + text, "1\n2\n3\n")
    ok(tmp_path, "build")
    assert value(tmp_path, "opened") == value(tmp_path, "queried") == "3"


def test_a_folder_changes_places_with_the_old_one(tmp_path: Path) -> None:
    project(tmp_path, LAKE, lake_rows="from read_parquet('output/lake/*.parquet')")
    assert parents(tmp_path, "lake_rows") == ["lake"]
    ok(tmp_path, "build")
    lake = tmp_path / "output/lake"
    assert sorted(os.listdir(lake)) == ["part-1.parquet", "part-2.parquet"]
    project(tmp_path, LAKE, "2\n3\n")
    ok(tmp_path, "build")
    assert sorted(os.listdir(lake)) == ["part-2.parquet", "part-3.parquet"]
    assert os.listdir(tmp_path / "output") == ["lake"]
    assert "nothing to do" in ok(tmp_path, "plan")


def test_a_folder_that_is_half_written_or_checked_in_vain_stays_as_it_was(tmp_path: Path) -> None:
    project(tmp_path, LAKE)
    ok(tmp_path, "build")
    before = sorted(os.listdir(tmp_path / "output/lake"))
    broken = LAKE.replace("    return context", "    raise RuntimeError\n    return context")
    project(tmp_path, broken, "5\n")
    assert run(tmp_path, "build").exit_code == 1
    check = """
@check(asset="lake")
def one_part(lake: Path, context):
    inside = Path(context.path("output/lake/part-1.parquet"))
    assert inside.parent == lake == Path(context.path("output/lake/"))
    return inside.exists() and len(list(lake.iterdir())) == 2
"""
    project(tmp_path, LAKE + check, "5\n")
    assert "1 check failed" in run(tmp_path, "build").output
    assert sorted(os.listdir(tmp_path / "output/lake")) == before
    assert os.listdir(tmp_path / "output") == ["lake"]
    project(tmp_path, LAKE + check, "1\n9\n")
    ok(tmp_path, "build")


def test_a_folder_of_the_same_content_leaves_its_readers_current(tmp_path: Path) -> None:
    project(tmp_path, LAKE, n="/*\n---\nmaterialized: table\n---\n*/\nfrom 'output/lake/*.parquet'")
    ok(tmp_path, "build")
    ok(tmp_path, "build", "--force", "-s", "lake")
    assert "nothing to do" in ok(tmp_path, "plan")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return context.file('output/empty/')", "a folder without any file"),
        ("return context.file('output/other.txt')", "which was never written"),
        (
            "f = context.file('b.txt'); Path(f).write_text('x'); return f",
            "returned File('b.txt'), but is to be a.txt",
        ),
        ("return context.file(3)", "returned File('3'), which was never written"),
        ("return 'a.txt'", "returned str instead of File(...)"),
    ],
)
def test_what_is_no_file(tmp_path: Path, body: str, said: str) -> None:
    option = "(path='a.txt')" if "b.txt" in body else ""
    head = "from pathlib import Path\nfrom sqlpipes import File, asset\n"
    text = f"{head}@asset{option}\ndef f(context) -> File:\n    {body}\n"
    project(tmp_path, text)
    found = run(tmp_path, "build").output
    assert "BLD006" in found
    assert said in found
    assert not list(tmp_path.glob("**/.*sqlpipes-new*"))


def test_a_path_may_be_said_once_in_the_decorator(tmp_path: Path) -> None:
    text = """
from pathlib import Path
from sqlpipes import asset

@asset(path="output/note.txt")
def note(context):
    file = context.file(words=2)
    Path(file).write_text("two words")
    return file

@asset
def unnamed(context):
    return context.file()
"""
    project(tmp_path, text)
    found = run(tmp_path, "build").output
    assert "context.file needs a path, here or as path=... in the decorator" in found
    assert (tmp_path / "output/note.txt").read_text() == "two words"
