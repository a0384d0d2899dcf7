"""The sample project, written for DuckDB, built elsewhere as it stands: equal rows in every table."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from portability.compared import comparable
from servers.spark import empty_spark

import sqlpipes
from sqlpipes.api import lint, rows
from sqlpipes.core.asset import Materialized
from sqlpipes.core.engine import Rows

pytest.importorskip("numpy")

HERE = Path(__file__).resolve().parent.parent
PARTS = ("models", "seeds", "raw", "macros", "tests/checks")
TIMES = ("valid_from", "valid_to")  # of a snapshot: when it was taken


def copied(folder: Path, prod: str) -> Path:
    for part in PARTS:
        shutil.copytree(HERE / part, folder / part)
    text = (HERE / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(
        text.replace("[tool.sqlpipes] ", '[tool.sqlpipes]\ndialect = "duckdb"  ', 1)
    )
    outputs = f"{{dev: {{type: duckdb, path: dev.duckdb}}, prod: {prod}}}"
    (folder / "profiles.yml").write_text(f"shop: {{target: dev, outputs: {outputs}}}\n")
    return folder


def test_it_gives_equal_rows_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    gives_equal_rows(
        tmp_path, f"{{type: postgres, url: '{postgres_url}', schema: shop}}", "postgres"
    )


def test_it_gives_equal_rows_on_spark(tmp_path: Path, spark_url: str) -> None:
    empty_spark(spark_url)
    gives_equal_rows(tmp_path, f"{{type: spark, url: '{spark_url}', schema: shop}}", "spark")


def gives_equal_rows(folder: Path, prod: str, dialect: str) -> None:
    root = str(copied(folder, prod))
    here, there = (sqlpipes.load(root, target=name) for name in ("dev", "prod"))
    assert there.graph.porters[""].write == dialect
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
        if sorted(mine.columns) != sorted(theirs.columns) or not mine.rows:
            found.append(f"{name}: {mine.columns} {theirs.columns}")
        elif _told(mine) != _told(theirs):
            found.append(name)
    return found


def _told(found: Rows) -> list[tuple[object, ...]]:
    """Columns by their names: those that a table of Spark's lies along come last there."""
    asked = sorted(name for name in found.columns if name not in TIMES)
    places = [found.columns.index(name) for name in asked]
    return comparable([tuple(row[place] for place in places) for row in found.rows])
