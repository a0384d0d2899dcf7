"""A project that builds itself: what a tick does, without the command line."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

import sqlpipes
from sqlpipes.api import Ask, Project, Report
from sqlpipes.api.automation import Evaluated, automatic, remember
from sqlpipes.api.project import open_store_of
from sqlpipes.api.queue import How
from sqlpipes.api.ticking import tick
from sqlpipes.core.verdict import Decision, Seen

DAY_BY_DAY = "partition: {by: day, column: d, start: 2024-01-01}"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2024-01-04 12:00")


class Shop:
    """A folder with a warehouse, and its clock."""

    def __init__(self, root: Path, files: dict[str, str], now: datetime = NOW) -> None:
        self.root, self.now = root, now
        self.write({"sqlpipes.yml": "name: shop\n", **files})

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def project(self) -> Project:
        found = sqlpipes.load(str(self.root), environ={})
        assert not found.errors, found.errors
        return found

    def build(self, *names: str, **ask: Any) -> Report:
        said = Ask(select=names, **ask)
        return sqlpipes.build(self.project(), said, clock=lambda: self.now)

    def look(self) -> Evaluated:
        """An evaluation that is kept, and nothing built."""
        project = self.project()
        with closing(open_store_of(project)) as store:
            found = automatic(project, store, self.now)
            remember(store, found)
        return found

    def tick(self) -> list[str]:
        """What one tick built, asset and slices."""
        found = tick(How(str(self.root)), self.project(), clock=lambda: self.now)
        reports = [outcome.report for outcome in found.outcomes if outcome.report]
        steps = [step for report in reports for step in report.finished]
        return [
            f"{step.asset} {step.slices}".removesuffix(" all")
            for step in steps
            if step.action != "observe source"
        ]

    def said(self, name: str) -> list[str]:
        """What an evaluation says of an asset."""
        return [f"{v}" for v in self.look().verdicts if v.asset == name]

    def decisions(self, name: str) -> set[Decision]:
        return {v.decision for v in self.look().verdicts if v.asset == name}

    def seen(self, name: str) -> Seen:
        with closing(open_store_of(self.project())) as store:
            return store.asked().automation()[name]

    def sql(self, statement: str) -> list[Any]:
        with duckdb.connect(str(self.root / "shop.duckdb")) as db:
            return db.execute(statement).fetchall()


def daily(name: str, source: str, *more: str, auto: str = "eager") -> dict[str, str]:
    """A model of days that copies those of another one."""
    keys = "\n".join((f"auto: {auto}", DAY_BY_DAY, *more))
    return {f"models/{name}.sql": f"/*\n---\n{keys}\n---\n*/\nselect d, n from {source}\n"}


def table(name: str, query: str, *keys: str) -> dict[str, str]:
    said = "\n".join(("materialized: table", *keys))
    return {f"models/{name}.sql": f"/*\n---\n{said}\n---\n*/\n{query}\n"}
