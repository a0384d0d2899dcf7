"""Servers that the tests share. One that is missing skips its tests, and fails them in CI."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from notyet import apply_marks
from places import Place
from scratch import write_into_memory
from servers import lake
from servers.mariadb import NoMariadb, empty_mariadb, mariadb_server, open_mariadb
from servers.postgres import NoServer, empty_postgres, postgres_server
from servers.spark import NoSpark, empty_spark, sail_server, spark_server
from servers.sqlite import open_worded

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine

write_into_memory()


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


@pytest.fixture(scope="session")
def postgres_database(postgres_server_url: str) -> Iterator[str]:
    """The URL of a database that the tests of one process share, one after the other."""
    import uuid

    import psycopg
    from sqlalchemy import make_url

    name = f"suite_{uuid.uuid4().hex[:12]}"
    server = make_url(postgres_server_url)
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield server.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def plain_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An engine `plain`, which cannot roll back anything, as if it were installed."""
    from servers.plain import installed

    folder = str(installed(tmp_path_factory.mktemp("plain")))
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)


@pytest.fixture(scope="session")
def spark_url() -> Iterator[str]:
    """A Spark Connect server. Its tests are a leg of their own: elsewhere it is mostly not there."""
    pytest.importorskip("grpc", reason="no client of Spark: pip install 'sqlpipes[spark]'")
    try:
        with spark_server() as url:
            yield url
    except NoSpark as missing:
        if os.environ.get("SQLPIPES_TEST_LEG") == "spark":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """The URL of a real MariaDB server of the tests' own, in the leg that is about it."""
    if os.environ.get("SQLPIPES_TEST_LEG") != "mariadb":
        pytest.skip("MariaDB has a leg of its own: SQLPIPES_TEST_LEG=mariadb, see .ci/legs/mariadb")
    pytest.importorskip("pymysql", reason="no driver of MariaDB: pip install 'sqlpipes[mysql]'")
    try:
        with mariadb_server() as url:
            yield url
    except NoMariadb as missing:
        if os.environ.get("SQLPIPES_TEST_LEG") == "mariadb":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def sail_url() -> Iterator[str]:
    """A Sail, which speaks Spark's protocol and is no Spark."""
    pytest.importorskip("grpc", reason="no client of Spark: pip install 'sqlpipes[spark]'")
    try:
        with sail_server() as url:
            yield url
    except NoSpark as missing:
        pytest.skip(str(missing))


def pytest_collection_finish() -> None:
    """Thousands of tests stay in memory to the end: the collector need not walk through them each time."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a `target` is a test of every engine; of Spark and MariaDB only in legs of
    their own, as their statements take a while and not everybody has the server."""
    leg = os.environ.get("SQLPIPES_TEST_LEG")
    if "target" in metafunc.fixturenames:
        own = leg in ("spark", "mariadb")
        engines = [str(leg)] if own else [*lake.ENGINES, "sqlite", "plain"]
        metafunc.parametrize("target", engines, indirect=True)


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """An empty warehouse of each kind: what a test that asks for it holds for holds on all of them."""
    apply_marks(request, request.param)
    if request.param == "spark":
        url = request.getfixturevalue("spark_url")
        empty_spark(url)
        return Target("dev", "spark", "main", options={"url": url})
    if request.param == "mariadb":
        url = request.getfixturevalue("mariadb_url")
        empty_mariadb(url)
        return Target("dev", "mariadb", "main", options={"url": url})
    if request.param == "plain":
        request.getfixturevalue("plain_engine")
        return Target("dev", "plain", options={"path": ":memory:"})
    if request.param == "duckdb":
        return Target("dev", "duckdb", options={"path": ":memory:"})
    if request.param == "sqlite":
        folder = request.getfixturevalue("tmp_path_factory").mktemp("sqlite")
        return Target("dev", "sqlite", options={"path": str(folder / "warehouse.db")})
    url = request.getfixturevalue("postgres_database")
    empty_postgres(url)
    if request.param == "ducklake":
        return lake.lake_target(url, tmp_path / "lake")
    return Target("dev", "postgres", "main", options={"url": url})


@pytest.fixture(params=lake.ENGINES)
def place(request: pytest.FixtureRequest) -> Place:
    """Where a project of the test's own is built, on each kind of engine."""
    apply_marks(request, request.param)
    if request.param == "duckdb":
        return Place()
    url = request.getfixturevalue("postgres_database")
    empty_postgres(url)
    return Place(request.param, url)


@pytest.fixture
def opened(target: Target) -> Iterator[Engine]:
    """The target's engine, with a schema `main`."""
    from sqlpipes.engines import open_engine

    worded = {"sqlite": open_worded, "mariadb": open_mariadb}
    engine: Engine = worded.get(target.engine, open_engine)(target, ".")
    engine.create_schemas(["main"])
    yield engine
    engine.close()
