"""Servers that the tests share. One that is missing skips its tests, and fails them in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from servers.postgres import NoServer, postgres_server


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """The URL of a real Postgres server, for SQLAlchemy with psycopg."""
    try:
        with postgres_server() as url:
            yield url
    except NoServer as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    import uuid

    import psycopg
    from sqlalchemy import make_url

    name = f"test_{uuid.uuid4().hex[:12]}"
    server = make_url(postgres_server_url)
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield server.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"drop database {name} with (force)")
