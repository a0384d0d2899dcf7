"""The facts cache: warm readings parse nothing and say the same; stale, broken and locked caches."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from read.folders import OLD, aged, asset, model, read, write

FILES = {
    "sqlpipes.yml": "defaults: {models: {owner: me}}",
    "profiles.yml": "p: {outputs: {dev: {type: duckdb}}}",
    "models/orders.sql": model("checks: [{not_null: id}]", "select id, -- the key\n 2 from raw.o"),
    "models/bad.sql": model("materialised: x", "select from where"),
    "models/files.sql": "from 'raw/x.csv'",
    "models/p.yml": "models: [{name: orders, columns: [{name: id, tests: [unique]}]}]\nexposures: []",
    "models/broken.yml": "models: [",
    "seeds/c.csv": "a,b\n1,2\n",
    "tests/t.sql": "select * from orders",
}


def cache_file(root: Path) -> Path:
    return root / ".sqlpipes" / "cache" / "facts.json"


def test_a_warm_reading_is_the_same_and_parses_nothing(tmp_path):
    aged(write(tmp_path, FILES))
    cold, warm = read(tmp_path), read(tmp_path)
    assert cold.parsed > 0
    assert cold.problems
    assert warm == replace(cold, parsed=0)


def test_a_warm_reading_imports_no_parser(tmp_path):
    aged(write(tmp_path, FILES))
    read(tmp_path)
    code = (
        "import sys; from sqlpipes.read import read_project;"
        "found = read_project(sys.argv[1], environ={});"
        "print(found.parsed, len(found.assets),"
        " sorted({'sqlglot', 'yaml', 'jinja2', 'duckdb', 'tomllib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=1)[0] == "0"
    assert done.stdout.strip().endswith("[]")


def test_only_what_changed_is_parsed(tmp_path):
    aged(write(tmp_path, FILES))
    read(tmp_path)
    write(tmp_path, {"models/orders.sql": "select 1 as other"})
    reading = read(tmp_path)
    assert reading.parsed == 1
    assert asset(reading, "orders").body.text == "select 1 as other"


def test_a_touched_file_is_not_parsed_again(tmp_path):
    aged(write(tmp_path, FILES))
    read(tmp_path)
    os.utime(tmp_path / "models/orders.sql", (OLD + 9, OLD + 9))
    assert read(tmp_path).parsed == 0


def test_a_change_of_equal_size_and_time_just_before_the_cache_is_seen(tmp_path):
    path = write(tmp_path, {"models/a.sql": "select 1"}) / "models/a.sql"
    read(tmp_path)
    times = path.stat().st_mtime_ns
    path.write_text("select 2")
    os.utime(path, ns=(times, times))
    assert asset(read(tmp_path), "a").body.text == "select 2"


def test_young_files_are_trusted_once_they_are_old_enough(tmp_path):
    path = write(tmp_path, {"models/a.sql": "select 1"}) / "models/a.sql"
    read(tmp_path)
    three_seconds_ago = time.time_ns() - 3_000_000_000
    os.utime(path, ns=(three_seconds_ago, three_seconds_ago))
    read(tmp_path)
    before = cache_file(tmp_path).stat().st_mtime_ns
    read(tmp_path)
    assert cache_file(tmp_path).stat().st_mtime_ns == before


def test_deleted_files_leave_the_cache(tmp_path):
    aged(write(tmp_path, FILES))
    read(tmp_path)
    (tmp_path / "models/orders.sql").unlink()
    assert "orders" not in [found.name for found in read(tmp_path).assets]
    assert "models/orders.sql" not in cache_file(tmp_path).read_text()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"stamp": 1}',
        "\x00\xff",
        '{"stamp": "x", "entries": []}',
        "[" * 5000,
    ],
)
def test_a_broken_cache_is_made_again(tmp_path, content):
    aged(write(tmp_path, FILES))
    cold = read(tmp_path)
    cache_file(tmp_path).write_text(content)
    assert read(tmp_path) == cold
    assert read(tmp_path).parsed == 0


def test_an_edited_cache_is_made_again(tmp_path):
    aged(write(tmp_path, FILES))
    cold = read(tmp_path)
    content = cache_file(tmp_path).read_text()
    assert content.count("select id") == 1
    cache_file(tmp_path).write_text(content.replace("select id", "select no"))
    assert read(tmp_path) == cold


def test_another_dialect_is_another_parse(tmp_path):
    aged(write(tmp_path, FILES))
    read(tmp_path)
    write(tmp_path, {"sqlpipes.yml": "dialect: postgres"})
    assert read(tmp_path).parsed >= 4
    os.utime(tmp_path / "sqlpipes.yml", (OLD, OLD))
    assert read(tmp_path).parsed == 0


def test_without_cache_nothing_is_read_or_written(tmp_path):
    write(tmp_path, FILES)
    first = read(tmp_path, cache=False)
    assert not (tmp_path / ".sqlpipes").exists()
    assert read(tmp_path, cache=False) == first


def test_a_folder_that_cannot_be_written(tmp_path):
    write(tmp_path, {**FILES, ".sqlpipes": "a file where the folder should be"})
    assert read(tmp_path).parsed == read(tmp_path).parsed > 0


def test_no_temporary_file_is_left(tmp_path):
    read(tmp_path, FILES)
    assert [path.name for path in cache_file(tmp_path).parent.iterdir()] == ["facts.json"]


def test_the_collector_is_as_it_was(tmp_path):
    import gc

    assert gc.isenabled()
    read(tmp_path, FILES)
    assert gc.isenabled()
