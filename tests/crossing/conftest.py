from __future__ import annotations

from pathlib import Path

import pytest
from crossing.worlds import World
from servers.postgres import empty_postgres

PAIRS = ["duckdb-duckdb", "duckdb-postgres", "postgres-duckdb"]


@pytest.fixture(params=PAIRS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Own engine and `dw`, in both directions."""
    own, dw = request.param.split("-")
    url = ""
    if "postgres" in request.param:
        url = request.getfixturevalue("postgres_database")
        empty_postgres(url)
    return World(tmp_path, own, dw, url).prepare()


@pytest.fixture
def ducks(tmp_path: Path) -> World:
    return World(tmp_path, "duckdb", "duckdb").prepare()
