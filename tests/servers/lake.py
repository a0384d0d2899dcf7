"""A DuckLake of a test's own: its catalog in a Postgres database, its files in a folder.

DuckDB's extensions come from PyPI, for its versions 1.x only. Where they are missing the tests are
skipped, unless SQLPIPES_TEST_LAKE says that they have to run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sqlpipes.core.config import Target
from sqlpipes.engines.duckdb.extensions import packaged

DEMANDED = "SQLPIPES_TEST_LAKE"
WANTED = ("ducklake", "postgres", "sqlite")
ALIAS = "lake"
VERSION = f"v{duckdb.__version__}"


def missing() -> str:
    """Why there can be no lake here; nothing when there can."""
    lacking = [name for name in WANTED if packaged(name, VERSION) is None]
    if not lacking:
        return ""
    version = duckdb.__version__
    return f"no lake: DuckDB {version} has no extension {', '.join(lacking)} from PyPI"


ENGINES = ("duckdb", "postgres", *(() if missing() else ("ducklake",)))  # that a test can run on


def demand_lake() -> None:
    """Skips the test where there is none, or fails it."""
    if reason := missing():
        if os.environ.get(DEMANDED):
            pytest.fail(reason)
        pytest.skip(reason)


def catalog_of(url: str) -> str:
    """What a profile calls the catalog in that Postgres database."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def lake_target(url: str, folder: Path, schema: str = "main") -> Target:
    said = {"catalog": catalog_of(url), "data_path": str(folder)}
    return Target("dev", "ducklake", schema, options=said, catalog=ALIAS)


@contextmanager
def lake_cursor(url: str, folder: Path) -> Iterator[Any]:
    """A connection of somebody else's, where names are those of the lake."""
    with duckdb.connect() as connection:
        for name in WANTED[:2]:
            connection.execute(f"load '{packaged(name, VERSION)}'")
        where = f"ducklake:postgres:{catalog_of(url)}"
        said = f"data_path '{folder}/'"
        connection.execute(f"attach '{where}' as {ALIAS} ({said}); use {ALIAS}")
        yield connection
