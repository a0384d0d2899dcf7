"""Projects whose assets live on two engines: the target's own and one called `dw`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import psycopg

from sqlpipes.api import Ask, Project, Report, build, load, plan
from sqlpipes.core.plan import Plan


@dataclass(frozen=True)
class World:
    """`own` and `dw` are kinds: duckdb, or postgres at `url`."""

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
        return f"{{type: postgres, url: '{self.url}', schema: {file}}}"

    def prepare(self) -> World:
        own = self.said(self.own, "own" if self.own == "postgres" else "own.duckdb")[:-1]
        dw = self.said(self.dw, "dw" if self.dw == "postgres" else "dw.duckdb")
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
        plain = self.url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"set timezone = 'UTC'; create schema if not exists {name}")
            connection.execute(f"set search_path = {name}")
            cursor = connection.execute(sql.encode())
            while cursor.nextset():
                continue
            return cursor.fetchall() if cursor.description else []
