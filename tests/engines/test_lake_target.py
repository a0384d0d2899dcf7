"""What a target says of its lake -> where the catalog is, and how it is attached."""

from __future__ import annotations

import os
from typing import Any

import pytest

from sqlpipes.core.config import Target
from sqlpipes.core.errors import ProjectError
from sqlpipes.engines import is_shared
from sqlpipes.engines.duckdb.lake import Lake, lake_of


def target(engine: str = "ducklake", **options: Any) -> Target:
    return Target("dev", engine, options=options)


def lake(engine: str = "ducklake", **options: Any) -> Lake:
    found = lake_of(target(engine, **options), "/shop")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "said",
    [
        {"catalog": "postgresql://me:p%40w@db:5433/lake?sslmode=require"},
        {
            "catalog": "postgres:host=db port=5433 user=me password='p@w' dbname=lake sslmode=require"
        },
        {
            "catalog": {
                "type": "postgres",
                "host": "db",
                "port": 5433,
                "user": "me",
                "pass": "p@w",
                "database": "lake",
                "sslmode": "require",
            }
        },
    ],
)
def test_three_ways_to_say_one_server(said: dict[str, Any]) -> None:
    found = lake(**said)
    words = set(found.address.removeprefix("postgres:").split())
    assert words == {"host=db", "port=5433", "user=me", "dbname=lake", "sslmode=require"}
    assert found.password == "p@w"
    assert "p@w" not in found.attach_sql(read_only=False) + repr(found) + found.name
    assert is_shared(target(**said))


def test_the_shape_of_dbt() -> None:
    found = lake("duckdb", path="ducklake:postgres:dbname=lake", data_path="s3://bucket/x/")
    sql = found.attach_sql(read_only=True)
    assert sql == (
        "attach 'ducklake:postgres:dbname=lake' as \"lake\" (data_path 's3://bucket/x/', read_only)"
    )


def test_a_catalog_in_a_file_is_below_the_project_and_has_one_writer() -> None:
    for said, kind in (("lake.ducklake", "duckdb"), ("sqlite:lake.ducklake", "sqlite")):
        found = lake(catalog=said, data_path="files")
        assert (found.kind, found.file) == (kind, os.path.abspath("/shop/lake.ducklake"))
        assert found.options["data_path"] == os.path.abspath("/shop/files") + os.sep
        assert not is_shared(target(catalog=said))


def test_hostile_values_stay_values() -> None:
    found = lake(
        catalog={"host": "h", "dbname": "a' b\\", "password": "it's"},
        alias='l"ake',
        options={"meta": "x'; drop"},
    )
    assert found.address == r"postgres:host=h dbname='a\' b\\'"
    assert found.attach_sql(read_only=False).endswith(
        " as \"l\"\"ake\" (meta 'x''; drop', meta_secret 'sqlpipes_lake_catalog')"
    )
    assert str(found.secret_sql()).endswith("password 'it''s')")


def test_a_plain_duckdb_is_no_lake() -> None:
    assert lake_of(target("duckdb", path="shop.duckdb"), ".") is None
    assert not is_shared(target("duckdb", path="shop.duckdb"))


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ({}, "target 'dev' does not say where the lake's catalog is", "postgresql://"),
        ({"catalog": "mysql:host=x"}, "a lake's catalog cannot be 'mysql'", "sqlite:FILE"),
        ({"catalog": {"type": "sqlit"}}, "a lake's catalog cannot be 'sqlit'", "'sqlite'"),
        ({"catalog": {"type": "sqlite"}}, "of type 'sqlite' needs a `path`", "sqlite:FILE"),
        ({"catalog": {"hots": "db"}}, "a catalog in Postgres has no 'hots'", "'host'"),
        ({"catalog": {"host": ["db"]}}, "'host' of the catalog must be a text", None),
        ({"catalog": "postgresql://me:pw@db:port/x"}, "is no URL", "postgresql://user"),
        ({"catalog": "x", "datapath": "y"}, "a target of type ducklake has no", "'data_path'"),
        ({"catalog": "x", "data_path": 3}, "'data_path' must be a folder", None),
        ({"catalog": "x", "alias": ""}, "'alias' must be a name", None),
        ({"catalog": "x", "options": {"a b": 1}}, "'a b' is no option of ATTACH", None),
        ({"catalog": "x", "options": [1]}, "'options' must be names with their values", None),
    ],
)
def test_what_is_wrong_is_said(said: dict[str, Any], message: str, hint: str | None) -> None:
    with pytest.raises(ProjectError) as caught:
        lake(**said)
    (problem,) = caught.value.problems
    assert problem.code == "PRF003"
    assert message in problem.message
    assert "pw" not in str(problem)
    assert (hint or "") in (problem.hint or "")
