"""Projects whose assets live on two engines: the target's own and one called `dw`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import psycopg

from sqlpipes.api import Ask, Project, Report, build, load, plan
from sqlpipes.core.plan import Plan

SERVERS = ("postgres", "mariadb")


@dataclass(frozen=True)
class World:
    """`own` and `dw` are kinds: duckdb, sqlite, or postgres or mariadb at `url`."""

    root: Path
    own: str
    dw: str
    url: str = ""

    def write(self, **files: str) -> World:
        """`models__dw__totals` is models/dw/totals.sql; the first lines are keys of its front matter."""
        for name, text in files.items():
            path = self.root / (name.replace("__", "/") + ".sql")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return self

    def said(self, kind: str, file: str) -> str:
        if kind == "duckdb":
            return f"{{type: duckdb, path: {file}, schema: main}}"
        if kind == "sqlite":
            return f"{{type: sqlite, path: {file.removesuffix('.duckdb')}.db}}"
        return f"{{type: {kind}, url: '{self.url}', schema: {file}}}"

    def prepare(self) -> World:
        own = self.said(self.own, "own" if self.own in SERVERS else "own.duckdb")[:-1]
        dw = self.said(self.dw, "dw" if self.dw in SERVERS else "dw.duckdb")
        (self.root / "profiles.yml").write_text(
            f"shop: {{outputs: {{default: {own}, engines: {{dw: {dw}}}}}}}}}\n"
        )
        (self.root / "sqlpipes.yml").write_text(
            "name: shop\ndefaults: {models/dw: {engine: dw}, models: {materialized: table}}\n"
        )
        return self

    def load(self, **how: Any) -> Project:
        return load(str(self.root), environ={}, **how)

    def plan(self, **ask: Any) -> Plan:
        return plan(self.load(), Ask(**ask))

    def build(self, *select: str, **ask: Any) -> Report:
        return build(self.load(), Ask(select=select, **ask))

    def ask(self, engine: str, sql: str) -> list[tuple[Any, ...]]:
        """Rows of what one engine holds; tables are found without their schema."""
        kind, name = (self.own, "own") if engine == "own" else (self.dw, "dw")
        if kind == "duckdb":
            with duckdb.connect(str(self.root / f"{name}.duckdb")) as connection:
                connection.execute("set TimeZone = 'UTC'")
                return connection.execute(sql).fetchall()
        if kind == "sqlite":
            with closing(sqlite3.connect(self.root / f"{name}.db")) as db, db:
                return db.execute(sql).fetchall()
        if kind == "mariadb":
            return on_mariadb(self.url, name, sql)
        plain = self.url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"set timezone = 'UTC'; create schema if not exists {name}")
            connection.execute(f"set search_path = {name}")
            cursor = connection.execute(sql.encode())
            while cursor.nextset():
                continue
            return cursor.fetchall() if cursor.description else []


def on_mariadb(url: str, schema: str, *statements: str) -> list[tuple[Any, ...]]:
    """Rows of the last one."""
    import sqlalchemy as sa

    engine = sa.create_engine(url)
    with engine.begin() as link:
        link.exec_driver_sql("set time_zone = '+00:00'")
        link.exec_driver_sql(f"create schema if not exists {schema} character set utf8mb4")
        link.exec_driver_sql(f"use {schema}")
        for sql in statements:
            result = link.exec_driver_sql(sql, execution_options={"no_parameters": True})
        found = [tuple(row) for row in result.fetchall()] if result.returns_rows else []
    engine.dispose()
    return found
