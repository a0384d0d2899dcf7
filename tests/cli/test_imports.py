"""What a command loads is part of what it costs: these lists are short on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.projects import write

HEAVY = {"duckdb", "sqlglot", "sqlalchemy", "jinja2", "yaml", "rich", "msgspec", "starlette"}
CODE = """
import sys
sys.argv = ['sqlpipes', *sys.argv[1:]]
from sqlpipes.cli import main
try:
    main()
except SystemExit:
    pass
print(*sorted(sys.modules), sep=' ')
"""
API = {"hiding", "own_files", "project", "selection", "words"}
NOT_FOR_LS = {
    *("events", "plan", "history", "engine", "job", "sensor", "resource", "unit_test", "outlet"),
    *("lineage", "definitions", "metadata", "impact", "row_diff", "verdict", "crossing"),
}


def loaded(root: Path, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], cwd=root, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split(" "))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """With a warm cache, whose files are older than it."""
    files = {
        "sqlpipes.yml": "name: shop\ndefaults:\n  models: {tags: daily}\n",
        "models/orders.sql": (
            "/*\n---\nmaterialized: table\nchecks: [{unique: id}]\n---\n*/\nselect 1 as id\n"
        ),
        "models/days.sql": (
            "/*\n---\npartition: {by: day, column: d, start: 2024-01-01}\n---\n*/\n"
            "select date '2024-01-01' as d, id from orders\n"
        ),
        "seeds/names.csv": "id,name\n1,a\n",
    }
    root = write(tmp_path, files)
    for path in root.rglob("*.*"):
        os.utime(path, (time.time() - 60,) * 2)
    loaded(root, "ls")
    return root


def test_version_loads_click_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, "--version"], capture_output=True, text=True, check=True
    )
    assert not (HEAVY | {"sqlpipes.api", "sqlpipes.core.asset"}) & set(done.stdout.split())


@pytest.mark.parametrize("words", [("ls",), ("ls", "-s", "+days")])
def test_a_warm_ls_loads_what_it_reads_and_no_more(shop: Path, words: tuple[str, ...]) -> None:
    found = loaded(shop, *words)
    assert not HEAVY & found
    ours = {tuple(name.split(".")[1:3]) for name in found if name.startswith("sqlpipes.")}
    rooms = {room[0] for room in ours}
    assert rooms <= {"api", "cli", "core", "decide", "engines", "read", "show", "version"}
    assert {room[1] for room in ours if room[0] == "api" and len(room) > 1} <= API
    assert not {room[1] for room in ours if room[0] == "core" and len(room) > 1} & NOT_FOR_LS


def test_a_changed_file_loads_the_parser_and_no_clocks(shop: Path) -> None:
    """Zones ask how Python was built: as much as reading five models."""
    (shop / "models/orders.sql").write_text("select 2 as id\n")
    assert (HEAVY | {"zoneinfo"}) & loaded(shop, "ls") <= {"sqlglot"}


def test_a_build_and_the_first_one_too_load_no_sqlalchemy(shop: Path) -> None:
    """The local state is written through the standard library."""
    assert "sqlalchemy" not in loaded(shop, "build")
    assert "sqlalchemy" not in loaded(shop, "build", "--force")


def test_a_plan_without_news_loads_neither_a_warehouse_nor_a_parser(shop: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "sqlpipes", "build"], cwd=shop, check=True, capture_output=True
    )
    assert not (HEAVY - {"yaml"}) & loaded(shop, "plan")


def test_compiling_loads_neither(shop: Path) -> None:
    """What DuckDB calls things is known without it, while nothing is attached."""
    subprocess.run(
        [sys.executable, "-m", "sqlpipes", "build"], cwd=shop, check=True, capture_output=True
    )
    assert not (HEAVY - {"yaml"}) & loaded(shop, "compile", "days")
