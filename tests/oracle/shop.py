"""A small project that random operations are done to, and the truth to compare it with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from places import Place

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.asset import Kind
from sqlpipes.core.events import Event

START = datetime(2024, 1, 1)
FIRST_NOW = datetime(2024, 1, 9, 12, tzinfo=UTC)
DAYS = [f"2024-01-{day:02}" for day in range(1, 29)]

# Every model has a few spellings; an edit picks another one. The first is what it starts with.
MODELS: dict[str, tuple[str, ...]] = {
    "stg_sales": (
        "select id, day, key, amount from raw_sales",
        "select id, day, key, amount from raw_sales where amount is not null",
        "select id, day, key, amount * 2 as amount from raw_sales",
        "select * from raw_sales",
    ),
    "big": (
        "/*\n---\nmaterialized: ephemeral\n---\n*/\nselect * from stg_sales where amount >= 10",
        "/*\n---\nmaterialized: ephemeral\n---\n*/\nselect * from stg_sales where amount >= 20",
    ),
    "by_key": (
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select key, sum(amount) as total, count(*) as n from big group by key",
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select key, sum(amount) as total, count(*) as n, max(day) as last from big group by key",
        "/*\n---\nmaterialized: view\n---\n*/\n"
        "select key, sum(amount) as total, count(*) as n from big group by key",
        "/*\n---\nmaterialized: table\nchecks: [{not_null: [key]}, {unique: [key]}]\n---\n*/\n"
        "select key, sum(amount) as total, count(*) as n from big group by key",
    ),
    "daily": (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01}\n---\n*/\n"
        "select cast(day as date) as day, sum(amount) as total from stg_sales group by 1",
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01}\n---\n*/\n"
        "select cast(day as date) as day, sum(amount) as total, count(*) as n\n"
        "from stg_sales group by 1",
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-03}\n---\n*/\n"
        "select cast(day as date) as day, sum(amount) as total from stg_sales group by 1",
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select cast(day as date) as day, sum(amount) as total from stg_sales group by 1",
        "select cast(day as date) as day, sum(amount) as total from stg_sales group by 1",
        "/*\n---\nmaterialized: incremental\nunique_key: day\n---\n*/\n"
        "select cast(day as date) as day, count(*) as total from raw_sales group by 1",
    ),
    "weekly": (
        "/*\n---\npartition: {by: week, column: week, start: 2024-01-01, include_current: true}\n"
        "inputs: {daily: same}\n---\n*/\n"
        "select date_trunc('week', day)::date as week, sum(total) as total from daily group by 1",
    ),
    "latest": (
        "/*\n---\nmaterialized: incremental\nunique_key: key\n---\n*/\n"
        "select key, max(id) as id, count(*) as n from raw_sales group by key",
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select key, max(id) as id, count(*) as n from raw_sales group by key",
        "select key, max(id) as id, count(*) as n from raw_sales group by key",
    ),
    "events_per_key": (
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select key, count(*) as n from ext.events group by key",
        "select key, count(*) as n from ext.events group by key",
    ),
    "mart": (
        "/*\n---\nmaterialized: table\nchecks:\n  - expression: total < 100000\n---\n*/\n"
        "select by_key.*, e.n as events from by_key left join events_per_key as e using (key)",
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select by_key.*, e.n as events from by_key left join events_per_key as e using (key)",
    ),
    "from_files": (
        "/*\n---\nmaterialized: table\n---\n*/\nselect * from read_csv('raw/*.csv', header = true)",
        "select k, v from read_csv('raw/*.csv', header = true)",
    ),
    "scored": (
        "from sqlpipes import asset\n\n\n@asset\ndef scored(by_key):\n"
        "    return by_key.project('key, total * 2 as score')\n",
        "from sqlpipes import asset\n\n\n@asset\ndef scored(by_key):\n"
        "    return by_key.project('key, total * 3 as score')\n",
    ),
}
PYTHON = frozenset({"scored"})
NO_FILES = ("select 'base' as k, 0 as v", "select 'base' as k, 1 as v")  # where no engine reads any
STATE_TABLES = """select format('%I.%I', schemaname, tablename) from pg_tables
    where schemaname = 'public' and tablename like 'sqlpipes%'"""
CUT = """select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()"""
SOURCES = "sources:\n  - name: ext\n    schema: ext\n    tables: [{name: events}]\n"
BUILT = [name for name in MODELS if name != "big"]


class Killed(BaseException):
    """Stands for a process that ends between two events."""


@dataclass
class Shop:
    """The project on disk, its clock, and the operations. Each is a step of a random history."""

    root: Path
    place: Place = field(default_factory=Place)
    now: datetime = FIRST_NOW
    rows: list[tuple[int, str, str, int | None]] = field(default_factory=list)
    spelling: dict[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def create(self) -> None:
        (self.root / "models").mkdir(parents=True)
        (self.root / "seeds").mkdir()
        self.place.empty()
        self.place.prepare(self.root)
        state = f"state: '{self.place.url}'\n" if self.place.url else ""
        (self.root / "sqlpipes.yml").write_text(f"name: shop\n{state}")
        (self.root / "models" / "sources.yml").write_text(SOURCES)
        for name in MODELS:
            self.edit(name, 0)
        (self.root / "raw").mkdir()
        (self.root / "raw" / "base.csv").write_text("k,v\nbase,0\n")
        (self.root / "seeds" / "extra_a.csv").write_text("x\n1\n2\n")
        self._write_reader("extra_a")
        self.rows = [(i, DAYS[i % 9], "abc"[i % 3], 10 * i) for i in range(6)]
        self._write_seed()
        self._sql("create schema ext; create table ext.events (key varchar)")
        self._sql("insert into ext.events values ('a'), ('b')")

    def edit(self, name: str, spelling: int) -> None:
        texts = NO_FILES if self.place.url and name == "from_files" else MODELS[name]
        self.spelling[name] = spelling % len(texts)
        self.log.append(f"edit {name} -> {self.spelling[name]}")
        ending, comment = ("py", "#") if name in PYTHON else ("sql", "--")
        path = self.root / "models" / f"{name}.{ending}"
        path.write_text(texts[self.spelling[name]] + f"\n{comment} edit {len(self.log)}\n")

    def add_sale(self, day: int, key: str, amount: int | None) -> None:
        self.log.append(f"sale {DAYS[day]} {key} {amount}")
        self.rows.append((len(self.rows), DAYS[day], key, amount))
        self._write_seed()

    def change_sale(self, which: int, amount: int | None) -> None:
        row = self.rows[which % len(self.rows)]
        self.log.append(f"change {row} to {amount}")
        self.rows[which % len(self.rows)] = (*row[:3], amount)
        self._write_seed()

    def add_event(self, key: str) -> None:
        self.log.append(f"event {key}")
        self._sql(f"insert into ext.events values ('{key}')")

    def write_file(self, number: int, value: int) -> None:
        """A file of the source `raw/*.csv` appears or changes."""
        self.log.append(f"file {number} = {value}")
        (self.root / "raw" / f"f{number}.csv").write_text(f"k,v\nf{number},{value}\n")

    def remove_file(self, number: int) -> None:
        self.log.append(f"no file {number}")
        (self.root / "raw" / f"f{number}.csv").unlink(missing_ok=True)

    def rename_seed(self) -> None:
        """The same data under the other of two names, and its reader with it."""
        self.log.append("rename seed")
        folder = self.root / "seeds"
        old = next(folder.glob("extra_*.csv"))
        new = old.with_name("extra_b.csv" if old.stem == "extra_a" else "extra_a.csv")
        old.rename(new)
        self._write_reader(new.stem)

    def _write_reader(self, seed: str) -> None:
        text = f"/*\n---\nmaterialized: table\n---\n*/\nselect x + 1 as y from {seed}\n"
        (self.root / "models" / "extras.sql").write_text(text)

    def put_aside(self, name: str, where: int) -> None:
        """A model that nobody reads appears, changes its folder, its name or its text, or goes."""
        self.log.append(f"aside {name} {where}")
        for path in (self.root / "models").rglob("aside*.sql"):
            path.unlink()
        if where:
            folder = self.root / "models" / ("sub" if where == 2 else "")
            folder.mkdir(exist_ok=True)
            kind = "view" if where == 3 else "table"
            text = f"/*\n---\nmaterialized: {kind}\n---\n*/\nselect count(*) as n from stg_sales\n"
            (folder / f"{name}.sql").write_text(text)

    def drop(self, name: str) -> None:
        """Somebody drops a relation behind our back."""
        self.log.append(f"drop {name}")
        for kind in ("table", "view"):
            with suppress(duckdb.CatalogException, psycopg.errors.WrongObjectType):
                self._sql(f"drop {kind} if exists main.{name} cascade")

    def lose_state(self) -> None:
        self.log.append("lose state")
        shutil.rmtree(self.root / ".sqlpipes", ignore_errors=True)
        if self.place.url:
            for (name,) in self._sql(STATE_TABLES):
                self._sql(f"drop table {name}")

    def cut(self, at: int) -> None:
        """The server ends every connection in the midst of a build."""
        self.build(cut_at=at)

    def pass_time(self, day: int) -> None:
        self.now = max(self.now, datetime(2024, 1, 1 + day, 12, tzinfo=UTC))
        self.log.append(f"now {self.now}")

    def build(
        self, ask: Ask | None = None, *, kill_at: int | None = None, cut_at: int | None = None
    ) -> sqlpipes.Report | None:
        """None when the ask is refused (an input was never built) or the build was killed."""
        seen = 0

        def on_event(event: Event) -> None:
            nonlocal seen
            seen += 1
            if seen == kill_at:
                raise Killed
            if seen == cut_at and self.place.url:
                self._sql(CUT)

        self.log.append(f"build {ask} kill_at={kill_at} cut_at={cut_at}")
        try:
            return sqlpipes.build(self.load(), ask, on_event=on_event, clock=self.clock, threads=2)
        except sqlpipes.ProjectError as error:
            if not {problem.code for problem in error.problems} <= {"PLN001", "PLN002"}:
                raise
            return None
        except Killed:
            return None

    def load(self) -> sqlpipes.Project:
        return sqlpipes.load(str(self.root), environ={})

    @property
    def clock(self) -> Callable[[], datetime]:
        return lambda: self.now

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """The rows of every asset that the project has now, sorted."""
        assets = self.load().graph.assets.values()
        built = [a.name for a in assets if a.relation and a.kind is not Kind.SOURCE]
        return {
            name: sorted(
                (tuple(map(plain, row)) for row in self._sql(f"select * from main.{name}")),
                key=repr,
            )
            for name in built
        }

    def rebuilt(self, where: Path) -> dict[str, list[tuple[object, ...]]]:
        """The same files and the same source, built from nothing, by DuckDB on any engine's behalf."""
        fresh = Shop(where, now=self.now)
        shutil.copytree(self.root / "models", where / "models")
        shutil.copytree(self.root / "seeds", where / "seeds")
        shutil.copytree(self.root / "raw", where / "raw")
        (where / "sqlpipes.yml").write_text("name: shop\n")
        events = self._sql("select * from ext.events")
        fresh._sql("create schema ext; create table ext.events (key varchar)")
        for (key,) in events:
            fresh._sql(f"insert into ext.events values ('{key}')")
        report = fresh.build()
        assert report is not None
        assert report.ok
        return fresh.tables()

    def _write_seed(self) -> None:
        lines = ["id,day,key,amount"]
        lines += [f"{i},{day},{key},{'' if a is None else a}" for i, day, key, a in self.rows]
        (self.root / "seeds" / "raw_sales.csv").write_text("\n".join(lines) + "\n")

    def _sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.place.sql(self.root, text)


def plain(value: Any) -> Any:
    """Whole numbers are the same numbers, whatever type a sum has on an engine."""
    return int(value) if isinstance(value, Decimal) and value == int(value) else value
