"""Where a test's project is built: what its profile says, and how somebody else writes there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from servers.lake import catalog_of, lake_cursor
from servers.postgres import empty_postgres

REPLACES = re.compile(r"create or replace table (\S+) as", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A warehouse of one kind. `url` is a Postgres database, or that of a lake's catalog; without one it is
    a file in the project."""

    kind: str = "duckdb"
    url: str = ""

    def prepare(self, root: Path) -> None:
        """Write the profile, where one is needed."""
        if self.kind == "postgres":
            said = f"{{type: postgres, url: '{self.url}', schema: main}}"
            (root / "profiles.yml").write_text(f"shop: {{outputs: {{default: {said}}}}}\n")
        if self.kind == "ducklake":
            said = f"{{type: ducklake, catalog: '{catalog_of(self.url)}', data_path: lake}}"
            (root / "profiles.yml").write_text(f"shop: {{outputs: {{default: {said}}}}}\n")

    def empty(self) -> None:
        """Take away what an earlier example of the same test has left."""
        if self.url:
            empty_postgres(self.url)

    def tables(self, root: Path) -> set[str]:
        """Names of tables in the schema `main`."""
        sql = (
            "select table_name from information_schema.tables "
            "where table_schema = 'main' and table_type = 'BASE TABLE'"
        )
        return {str(name) for (name,) in self.sql(root, sql)}

    def sql(self, root: Path, *statements: str) -> list[tuple[Any, ...]]:
        """Rows of the last one. Schemas `main` and `raw` are there."""
        if self.kind == "duckdb":
            return _on_duckdb(root, statements)
        if self.kind == "ducklake":
            return _on_ducklake(self.url, root, statements)
        return _on_postgres(self.url, statements)


def _on_duckdb(root: Path, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(root / "shop.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'; create schema if not exists raw")
        for statement in statements:
            found = connection.execute(statement).fetchall()
    return found


def _on_ducklake(url: str, root: Path, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    with lake_cursor(url, root / "lake") as connection:
        connection.execute("set TimeZone = 'UTC'; create schema if not exists raw")
        for statement in statements:
            found = connection.execute(statement).fetchall()
    return found


def _on_postgres(url: str, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    import psycopg

    plain = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(
            "set timezone = 'UTC'; set search_path = main, public; "
            "create schema if not exists main; create schema if not exists raw"
        )
        for statement in statements:
            text = REPLACES.sub(r"drop table if exists \1; create table \1 as", statement)
            text = f"select * {text}" if text.startswith("from ") else text
            cursor = connection.execute(text.encode())
            while cursor.nextset():
                continue
        return cursor.fetchall() if cursor.description else []
