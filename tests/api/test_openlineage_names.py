"""What datasets are called, by OpenLineage's naming rules and ours where it has none."""

from __future__ import annotations

import pytest

from sqlpipes.api.openlineage.naming import file_dataset, table_dataset
from sqlpipes.core.config import Plain, Target
from sqlpipes.core.sql import Relation

ORDERS = Relation("orders", "mart")
PG = {"host": "db", "dbname": "dw", "user": "etl", "password": "s3cret"}


@pytest.mark.parametrize(
    ("engine", "options", "name"),
    [
        ("duckdb", {"path": "shop.duckdb"}, "duckdb:///p/shop.duckdb shop.mart.orders"),
        ("duckdb", {"path": "/a b/ü.duckdb"}, "duckdb:///a%20b/%C3%BC.duckdb ü.mart.orders"),
        ("duckdb", {"path": ":memory:"}, "duckdb://:memory: memory.mart.orders"),
        ("duckdb", {"path": "md:shop"}, "duckdb://md:shop shop.mart.orders"),
        ("postgres", PG, "postgres://db:5432 dw.mart.orders"),
        ("postgres", {**PG, "host": "::1", "port": 6432}, "postgres://[::1]:6432 dw.mart.orders"),
        (
            "postgres",
            {"url": "postgresql+psycopg://etl:s3cret@db/dw?sslmode=require"},
            "postgres://db:5432 dw.mart.orders",
        ),
        ("mysql", {"host": "db", "database": "x"}, "mysql://db:3306 mart.orders"),
        (
            "sqlalchemy",
            {"url": "mariadb+pymysql://me:s3cret@db:3307/x"},
            "mysql://db:3307 mart.orders",
        ),
        ("sqlite", {"path": "a.db"}, "sqlite:///p/a.db mart.orders"),
        ("sqlalchemy", {"url": "sqlite:////x/a.db"}, "sqlite:///x/a.db mart.orders"),
        ("sqlalchemy", {"url": "sqlite:///a.db"}, "sqlite:///p/a.db mart.orders"),
        ("spark", {"host": "spark"}, "spark://spark:15002 mart.orders"),
        (
            "snowflake",
            {"account": "org-acc", "database": "dw", "user": "u"},
            "snowflake://org-acc DW.MART.ORDERS",
        ),
        (
            "sqlalchemy",
            {"url": "snowflake://me:s3cret@org-acc/dw"},
            "snowflake://org-acc DW.MART.ORDERS",
        ),
        ("sqlalchemy", {"url": "bigquery://acme/raw"}, "bigquery acme.mart.orders"),
        ("sqlalchemy", {"url": "trino://me@t:8443/lake"}, "trino://t:8443 lake.mart.orders"),
        ("sqlalchemy", {"url": "mssql+pyodbc://me:s3cret@h/dw"}, "mssql://h:1433 dw.mart.orders"),
        ("sqlalchemy", {"url": "oracle://me:s3cret@h/XE"}, "oracle://h:1521 XE.MART.ORDERS"),
        ("ducklake", {"catalog": "lake.ducklake"}, "ducklake:///p/lake.ducklake mart.orders"),
        (
            "ducklake",
            {"catalog": "postgres:host=db port=5433 dbname=lake password=s3cret"},
            "ducklake://db:5433/lake mart.orders",
        ),
        (
            "redshift",
            {"host": "wh.c0ffee.eu-west-1.redshift.amazonaws.com", "database": "dw"},
            "redshift://wh.eu-west-1:5439 dw.mart.orders",
        ),
        ("acme", {"host": "h", "port": 1}, "acme://h:1 mart.orders"),
    ],
)
def test_tables(engine: str, options: dict[str, Plain], name: str):
    found = table_dataset(ORDERS, Target("dev", engine, options=options), "/p")
    assert f"{found.namespace} {found.name}" == name


def test_an_attached_database_stands_in_the_name():
    target = Target("dev", "duckdb", options={"path": "shop.duckdb"})
    assert table_dataset(Relation("t", "s", "crm"), target, "/p").name == "crm.s.t"


def test_the_project_may_say_the_namespace():
    target = Target("dev", "duckdb", options={"path": "shop.duckdb"})
    assert table_dataset(ORDERS, target, "/p", "duckdb://shop").namespace == "duckdb://shop"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("raw/a.csv", "file /p/raw/a.csv"),
        ("/x/a b.csv", "file /x/a b.csv"),
        ("raw/2024-*/*.parquet", "file /p/raw"),
        ("*.csv", "file /p"),
        ("s3://lake/raw/a.parquet", "s3://lake raw/a.parquet"),
        ("s3a://lake/raw/year=*/*.parquet", "s3://lake raw"),
        ("s3://lake/*.parquet", "s3://lake /"),
        ("gs://lake/a", "gs://lake a"),
        ("abfss://box@acc.dfs.core.windows.net/a/b", "abfss://box@acc.dfs.core.windows.net a/b"),
        ("https://me:s3cret@h:8080/a.csv?sig=s3cret", "https://h:8080 a.csv"),
        ("file:///x/a.csv", "file /x/a.csv"),
    ],
)
def test_files(path: str, name: str):
    found = file_dataset(path, "/p")
    assert f"{found.namespace} {found.name}" == name
