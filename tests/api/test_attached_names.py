"""Tables of attached databases by names of two parts, from the profile to what is rebuilt."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import make_url

from sqlpipes.api.ages import freshness
from sqlpipes.api.building import build
from sqlpipes.api.columns import lineage
from sqlpipes.api.look import rows
from sqlpipes.api.plans import plan
from sqlpipes.api.project import Project, load
from sqlpipes.engines.duckdb.extensions import packaged

TABLE = "/*\n---\nmaterialized: table\n{}\n---\n*/\n{}\n"
SOURCES = """sources:
  - name: other
    tables:
      - name: t
        checks: [{not_null: [x]}]
        freshness: {column: at, warn_after: {count: 1, period: day}}
"""


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if packaged(name, f"v{duckdb.__version__}") is None]
    return pytest.mark.skipif(bool(missing), reason=f"no package of {', '.join(missing)}")


def project(root: Path, output: str, **models: str) -> Path:
    (root / "profiles.yml").write_text(
        "shop:\n  outputs:\n    dev:\n      type: duckdb\n      path: w.duckdb\n" + output
    )
    (root / "models").mkdir()
    for name, sql in models.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    return root


def said(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        for sql in statements:
            connection.execute(sql)


def steps(root: Path) -> list[str]:
    found = plan(load(str(root)))
    return [step.asset for step in found.steps]


def built(root: Path) -> Project:
    found = load(str(root))
    assert build(found).ok
    return load(str(root))


def test_who_reads_an_attached_asset_by_two_names_follows_it(tmp_path: Path) -> None:
    writer = TABLE.format("database: other", "select {} as zz")
    root = project(
        tmp_path,
        "      attach: {path: other.duckdb, create: true}\n",
        w=writer.format(5),
        r=TABLE.format("", "select * from other.w"),
    )
    assert load(str(root)).graph.parents("r") == ("w",)
    assert rows(built(root), "r").rows == ((5,),)
    (root / "models" / "w.sql").write_text(writer.format(6))
    assert rows(built(root), "r").rows == ((6,),)
    assert steps(root) == []


def test_tables_of_attached_files_are_proven_current_each_by_itself(tmp_path: Path) -> None:
    said(tmp_path / "other.duckdb", "create table t as select 1 as x", "create table u (y int)")
    root = project(
        tmp_path,
        "      attach: other.duckdb\n",
        a=TABLE.format("", "select other.t.x from other.t"),
        b=TABLE.format("", "select * from other.main.u, other.u as again"),
    )
    found = built(root)
    assert sorted(found.graph.assets) == ["a", "b", "other.main.u", "other.t"]
    assert [column.name for column in lineage(found).columns("other.t")] == ["x"]
    assert rows(found, "other.t").rows == ((1,),)
    said(tmp_path / "other.duckdb", "insert into u values (2)")
    assert steps(root) == ["other.main.u", "b"]
    built(root)
    said(tmp_path / "other.duckdb", "insert into t values (2)")
    assert steps(root) == ["other.t", "a"]


def test_columns_are_those_of_the_table_in_its_own_database(tmp_path: Path) -> None:
    said(tmp_path / "other.duckdb", "create table t as select 1 as far")
    said(tmp_path / "w.duckdb", "create table t as select 1 as near")
    sql = "select * from other.t cross join t as ours"
    root = project(tmp_path, "      attach: other.duckdb\n", a=TABLE.format("", sql))
    traced = lineage(load(str(root)))
    assert [column.name for column in traced.columns("a")] == ["far", "near"]
    assert rows(built(root), "a").rows == ((1, 1),)


def test_a_declared_source_called_like_the_database_has_checks_and_freshness(
    tmp_path: Path,
) -> None:
    said(tmp_path / "other.duckdb", "create table t as select 1 as x, now()::timestamp as at")
    sql = "select x from other.main.t"
    root = project(tmp_path, "      attach: other.duckdb\n", a=TABLE.format("", sql))
    (root / "models" / "sources.yml").write_text(SOURCES)
    (root / "tests").mkdir()
    (root / "tests" / "few.sql").write_text("select * from Other.t where x > 9")
    found = built(root)
    assert found.graph.parents("a") == ("other.t",)
    assert all(each.ok for each in freshness(found))
    assert rows(found, "other.t").rows[0][0] == 1
    assert steps(root) == []
    said(tmp_path / "other.duckdb", "insert into t values (null, now()::timestamp)")
    assert not build(load(str(root))).ok


def test_a_schema_of_ours_that_nobody_builds_is_told_as_ambiguous(tmp_path: Path) -> None:
    said(tmp_path / "other.duckdb", "create table t as select 1 as x")
    said(tmp_path / "w.duckdb", "create schema other", "create table other.t as select 9 as x")
    sql = TABLE.format("", "select x from other.t")
    root = project(tmp_path, "      attach: other.duckdb\n", a=sql)
    for sources in ("sources: []\n", "sources: [{name: other, tables: [t]}]\n"):
        (root / "models" / "sources.yml").write_text(sources)
        report = build(load(str(root)))
        assert "Ambiguous reference" in str(report.failed[0].problems[0])


@needs("sqlite_scanner")
def test_a_table_of_sqlite_by_two_names(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as db, db:
        db.execute("create table people (id integer)")
    root = project(
        tmp_path,
        "      attach: {path: crm.db, type: sqlite}\n",
        a=TABLE.format("", "select * from crm.people"),
    )
    assert [column.name for column in lineage(built(root)).columns("a")] == ["id"]
    assert steps(root) == []
    with closing(sqlite3.connect(tmp_path / "crm.db")) as db, db:
        db.execute("insert into people values (1)")
    assert steps(root) == ["crm.people", "a"]


@needs("postgres_scanner")
def test_a_table_of_postgres_by_two_names(tmp_path: Path, postgres_url: str) -> None:
    import psycopg

    url = make_url(postgres_url)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("create table people as select 1 as id")
        where = f"host={url.host} port={url.port} dbname={url.database} user={url.username}"
        where += f" password={url.password}" if url.password else ""
        root = project(
            tmp_path,
            f"      attach: {{path: '{where}', type: postgres, alias: crm}}\n",
            a=TABLE.format("", "select * from crm.people"),
            b=TABLE.format("", "select * from crm.public.people"),
        )
        found = built(root)
        assert found.graph.parents("a") == found.graph.parents("b") == ("crm.people",)
        assert [column.name for column in lineage(found).columns("a")] == ["id"]
        assert steps(root) == []
        connection.execute("insert into people values (2)")
        assert steps(root) == ["crm.people", "a", "b"]


@needs("postgres_scanner")
def test_a_model_in_an_attached_postgres_is_in_its_public_schema(
    tmp_path: Path, postgres_url: str
) -> None:
    import psycopg

    url = make_url(postgres_url)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    where = f"host={url.host} port={url.port} dbname={url.database} user={url.username}"
    where += f" password={url.password}" if url.password else ""
    root = project(
        tmp_path,
        f"      attach: {{path: '{where}', type: postgres, alias: crm}}\n",
        a=TABLE.format("database: crm\n", "select 1 as id"),
        b=TABLE.format("database: crm\nschema: own\n", "select id from a"),
        c=TABLE.format("", "select id from crm.a"),
    )
    found = built(root)
    assert found.graph.parents("c") == ("a",)
    with psycopg.connect(plain, autocommit=True) as connection:
        listed = connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_name in ('a', 'b') order by 2"
        ).fetchall()
    assert listed == [("public", "a"), ("own", "b")]
    assert steps(root) == []


def test_database_without_a_schema_means_the_one_of_its_kind(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        "      attach:\n        - {path: 'host=db', type: postgres, alias: crm}\n"
        "        - {path: o.duckdb, alias: o, create: true}\n",
        a=TABLE.format("database: crm\n", "select 1 as id"),
        b=TABLE.format("database: crm\nschema: main\n", "select 1 as id"),
        c=TABLE.format("database: o\n", "select id from crm.a"),
    )
    graph = load(str(root)).graph
    found = {name: asset.relation for name, asset in graph.assets.items()}
    assert [(r.catalog, r.schema) for r in found.values() if r] == [
        ("crm", "public"),
        ("crm", "main"),
        ("o", "main"),
    ]
    assert graph.parents("c") == ("a",)
