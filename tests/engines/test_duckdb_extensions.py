"""Extensions of DuckDB from packages of PyPI, for real: skipped where none is for the DuckDB at hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import make_url

from sqlpipes.api.building import build
from sqlpipes.api.look import rows
from sqlpipes.api.project import load
from sqlpipes.core.config import Plain, Target
from sqlpipes.engines import open_engine
from sqlpipes.engines.duckdb.extensions import packaged

TABLE = "/*\n---\nmaterialized: table\n{}\n---\n*/\n{}\n"


def needs(*names: str) -> pytest.MarkDecorator:
    version = f"v{duckdb.__version__}"
    missing = [name for name in names if packaged(name, version) is None]
    return pytest.mark.skipif(
        bool(missing), reason=f"no package of {', '.join(missing)} for DuckDB {version}"
    )


def project(root: Path, output: str, **models: str) -> Path:
    (root / "profiles.yml").write_text(
        "shop:\n  outputs:\n    dev:\n      type: duckdb\n      path: w.duckdb\n" + output
    )
    (root / "models").mkdir()
    for name, sql in models.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    return root


def loaded(name: str, said: Plain) -> bool:
    target = Target("dev", "duckdb", options={"path": ":memory:", "extensions": said})
    engine = open_engine(target, ".")
    connection = engine.connect()
    sql = f"select loaded from duckdb_extensions() where extension_name = '{name}'"
    found = connection.fetch(sql).rows
    connection.close()
    engine.close()
    return found == ((True,),)


@needs("tpch")
def test_a_package_is_found_by_the_extensions_name_and_by_its_path() -> None:
    assert loaded("tpch", ["tpch"])
    assert loaded("tpch", {"name": "tpch", "install": False})
    assert loaded("tpch", {"path": packaged("tpch", f"v{duckdb.__version__}")})


@needs("sqlite_scanner")
def test_a_sqlite_file_is_a_source_and_is_written_to(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as db, db:
        db.execute("create table people (id integer, name text)")
        db.execute("insert into people values (1, 'ann')")
    output = "      attach: [{path: crm.db, type: sqlite, alias: crm}]\n"
    root = project(
        tmp_path,
        output,
        top=TABLE.format("", "select upper(name) as name from crm.people"),
        back=TABLE.format("database: crm", "select name || '!' as name from top"),
    )
    assert build(load(str(root))).ok
    assert rows(load(str(root)), "top").rows == (("ANN",),)
    with closing(sqlite3.connect(tmp_path / "crm.db")) as db, db:
        assert db.execute("select * from back").fetchall() == [("ANN!",)]
        db.execute("insert into people values (2, 'bob')")
    assert build(load(str(root))).ok
    assert rows(load(str(root)), "top").rows == (("ANN",), ("BOB",))


@needs("postgres_scanner")
def test_a_server_is_a_source(tmp_path: Path, postgres_url: str) -> None:
    import psycopg

    url = make_url(postgres_url)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("create table people as select 1 as id, 'ann' as name")
    where = f"host={url.host} port={url.port} dbname={url.database} user={url.username}"
    if url.password:
        where += f" password={url.password}"
    output = f"      attach: [{{path: '{where}', type: postgres, alias: crm, read_only: true}}]\n"
    root = project(
        tmp_path, output, top=TABLE.format("", "select upper(name) as name from crm.public.people")
    )
    assert build(load(str(root))).ok
    assert rows(load(str(root)), "top").rows == (("ANN",),)


@needs("ducklake")
def test_assets_live_in_a_ducklake(tmp_path: Path) -> None:
    output = (
        "      attach: [{path: lake.ducklake, type: ducklake, alias: lake,"
        " options: {data_path: files/}}]\n"
    )
    days = "partition: {by: day, column: d, start: 2024-01-01, end: 2024-01-03}"
    root = project(
        tmp_path,
        output,
        top=TABLE.format("database: lake", "select 1 as a"),
        daily=TABLE.format(f"database: lake\n{days}", "select date '2024-01-02' as d, a from top"),
    )
    assert build(load(str(root))).ok
    assert rows(load(str(root)), "daily").rows[0][1] == 1
    assert build(load(str(root))).plan.steps == ()


@needs("httpfs")
def test_a_secret_of_s3_needs_nothing_else_said(tmp_path: Path) -> None:
    said: Plain = [{"type": "s3", "key_id": "k", "secret": "hush", "scope": "s3://lake"}]
    target = Target("dev", "duckdb", options={"path": ":memory:", "secrets": said})
    engine = open_engine(target, str(tmp_path))
    connection = engine.connect()
    assert connection.fetch("select type, scope from duckdb_secrets()").rows == (
        ("s3", ["s3://lake"]),
    )
    connection.close()
    engine.close()
