"""The sample project, written for DuckDB, built on Postgres as it stands: equal rows in every table."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from portability.compared import comparable

import sqlpipes
from sqlpipes.api import lint, rows
from sqlpipes.core.asset import Materialized

pytest.importorskip("numpy")

HERE = Path(__file__).resolve().parent.parent
PARTS = ("models", "seeds", "raw", "macros", "tests/checks")
TIMES = ("valid_from", "valid_to")  # of a snapshot: when it was taken


def copied(folder: Path, url: str) -> Path:
    for part in PARTS:
        shutil.copytree(HERE / part, folder / part)
    text = (HERE / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(
        text.replace("[tool.sqlpipes] ", '[tool.sqlpipes]\ndialect = "duckdb"  ', 1)
    )
    postgres = f"{{type: postgres, url: '{url}', schema: shop}}"
    outputs = f"{{dev: {{type: duckdb, path: dev.duckdb}}, prod: {postgres}}}"
    (folder / "profiles.yml").write_text(f"shop: {{target: dev, outputs: {outputs}}}\n")
    return folder


def test_it_gives_equal_rows_on_both(tmp_path: Path, postgres_url: str) -> None:
    root = str(copied(tmp_path, postgres_url))
    here, there = (sqlpipes.load(root, target=name) for name in ("dev", "prod"))
    assert there.graph.porter is not None
    assert [p for p in lint(there) if p.code.startswith("TRN")] == []
    reports = [sqlpipes.build(project) for project in (here, there)]
    assert [report.failed for report in reports] == [(), ()]
    checks = [sorted((c.check, c.status, c.failures) for c in report.checks) for report in reports]
    assert checks[0] == checks[1]
    assert _different(here, there) == []
    assert sqlpipes.build(sqlpipes.load(root, target="prod")).plan.steps == ()


def _different(here: sqlpipes.Project, there: sqlpipes.Project) -> list[str]:
    found = []
    for name, asset in here.graph.assets.items():
        if asset.relation is None or asset.materialized is Materialized.EXTERNAL:
            continue
        mine, theirs = (rows(project, name, limit=100_000) for project in (here, there))
        times = {i for i, column in enumerate(mine.columns) if column in TIMES}
        both = [
            comparable([tuple(v for i, v in enumerate(r) if i not in times) for r in each.rows])
            for each in (mine, theirs)
        ]
        if mine.columns != theirs.columns or both[0] != both[1] or not both[0]:
            found.append(name)
    return found
