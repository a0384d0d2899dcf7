"""Every statement of a build is made to fail once: readers see old or new, and the next build finishes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cli.projects import write

import sqlpipes
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.events import Event

TABLES = ("raw", "daily", "latest", "total", "out")
FILES = {
    "sqlpipes.yml": "name: shop\n",
    "profiles.yml": (
        "shop:\n  target: dev\n  outputs:\n    dev: {type: breaking, path: shop.duckdb}\n"
    ),
    "seeds/raw.csv": "id,day,key,amount\n1,2024-01-01,a,10\n2,2024-01-02,b,20\n",
    "models/stg.sql": "select id, cast(day as date) as day, key, amount from raw\n",
    "models/daily.sql": (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-05, batch: 2}\n"
        "checks: [{not_null: [total]}]\n---\n*/\n"
        "select day, sum(amount) as total from stg group by all\n"
    ),
    "models/latest.sql": (
        "/*\n---\nmaterialized: incremental\nunique_key: key\nchecks: [{unique: [key]}]\n---\n*/\n"
        "select key, max(id) as id from stg group by all\n"
    ),
    "models/total.sql": (
        "/*\n---\nmaterialized: table\nchecks: [{expression: total > 0}]\n---\n*/\n"
        "select sum(total) as total from daily\n"
    ),
    "models/out.sql": "select * from total cross join (select count(*) as n from latest)\n",
}
CHANGED = {
    "seeds/raw.csv": FILES["seeds/raw.csv"] + "3,2024-01-03,b,30\n4,2024-01-03,c,5\n",
    "models/total.sql": FILES["models/total.sql"].replace("sum(total)", "sum(total) * 10"),
}


class Breaking:
    """A real DuckDB whose n-th statement fails, or whose process seems to end there."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self.inner = inner
        self.fuse = fuse

    def connect(self) -> Breaking:
        return Breaking(self.inner.connect(), self.fuse)

    def execute(self, sql: str) -> Any:
        self.fuse.burn(sql)
        return self.inner.execute(sql)

    def fetch(self, sql: str, limit: int | None = None) -> Any:
        self.fuse.burn(sql)
        return self.inner.fetch(sql, limit)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Breaks right before the commit as well."""
        with self.inner.transaction():
            yield
            self.fuse.burn("commit")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Fuse:
    """Counts statements; the n-th one breaks."""

    def __init__(self, at: int) -> None:
        self.left = at

    def burn(self, sql: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise EngineError(Problem("ENG005", "the line is dead"), statement=sql)


@pytest.fixture
def breaking(monkeypatch, tmp_path_factory):
    """The engine as a package of a third party would bring it; set `fuse` on what comes back."""
    from types import SimpleNamespace

    from sqlpipes.engines import duckdb as real

    def open_engine(target, root, **options):
        return Breaking(real.open_engine(target, root, **options), module.fuse)

    module = SimpleNamespace(
        open_engine=open_engine,
        exists=real.exists,
        stamp=real.stamp,
        blank=real.blank,
        fuse=Fuse(-1),
    )
    package = tmp_path_factory.mktemp("package")
    entry = package / "breaking-1.dist-info" / "entry_points.txt"
    entry.parent.mkdir()
    entry.write_text("[sqlpipes.engines]\nbreaking = breaking_engine\n")
    (entry.parent / "METADATA").write_text("Metadata-Version: 2.1\nName: breaking\nVersion: 1\n")
    monkeypatch.syspath_prepend(package)
    monkeypatch.setitem(sys.modules, "breaking_engine", module)
    return module


def tables(root: Path) -> dict[str, Any]:
    with duckdb.connect(str(root / "shop.duckdb")) as db:
        names = (
            "select table_name from duckdb_tables() union all select view_name from duckdb_views()"
        )
        there = {row[0] for row in db.execute(names).fetchall()}
        return {
            name: sorted(db.execute(f"from {name}").fetchall(), key=repr) if name in there else None
            for name in TABLES
        }


def build(root: Path, **options: Any) -> sqlpipes.Report:
    return sqlpipes.build(sqlpipes.load(str(root), environ={}), threads=1, **options)


def statements_of_a_build(root: Path, breaking: Any) -> int:
    breaking.fuse = Fuse(0)
    assert build(root).ok
    return -breaking.fuse.left


often = pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.nightly)])


@pytest.mark.long
@often
def test_each_statement_of_a_rebuild_may_fail(tmp_path, breaking, every):
    count = None
    n = 1
    while count is None or n <= count:
        root = write(tmp_path / str(n), FILES)
        breaking.fuse = Fuse(-1)
        assert build(root).ok
        old = tables(root)
        write(root, CHANGED)
        if count is None:
            count = statements_of_a_build(root, breaking)
            new = tables(root)
            assert count > 15
            continue
        breaking.fuse = Fuse(n)
        _build_that_may_raise(root)
        seen = tables(root)
        for name in ("raw", "total", "latest"):
            assert seen[name] in (old[name], new[name]), f"statement {n}: {name}"
        for row in seen["daily"]:
            assert row in old["daily"] + new["daily"], f"statement {n}"
        days = [row[0] for row in seen["daily"]]
        assert len(days) == len(set(days)), f"statement {n}"
        breaking.fuse = Fuse(-1)
        assert build(root).ok
        assert tables(root) == new, f"statement {n}"
        assert sqlpipes.plan(sqlpipes.load(str(root), environ={})).steps == ()
        n += every


def _build_that_may_raise(root: Path) -> None:
    with suppress(EngineError):  # before the first step: the warehouse could not be looked at
        assert not build(root).ok


class Died(BaseException):
    """The process ends between two events."""


@pytest.mark.long
@often
def test_the_process_may_end_at_each_event(tmp_path, every):
    n, over = 1, False
    new = None
    while not over:
        root = write(tmp_path / str(n), {k: v for k, v in FILES.items() if k != "profiles.yml"})
        assert build(root).ok
        old = tables(root)
        write(root, CHANGED)
        left = n

        def on_event(event: Event) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died

        try:
            build(root, on_event=on_event)
            over = True
        except Died:
            pass
        seen = tables(root)
        assert build(root).ok
        new = new or tables(root)
        assert tables(root) == new, f"event {n}"
        for name in ("raw", "total", "latest"):
            assert seen[name] in (old[name], new[name]), f"event {n}: {name}"
        n += every
    assert n > 12
