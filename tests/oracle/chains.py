"""Chains of partitioned models over late data: what each of them reads, written down a second time.

The queries name no mapping; what they read is what sqlpipes must find out. Beside each query stands
a function that says it in days: which days of its input a row of one day hangs on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.plan import Why

START, END = date(2024, 1, 1), date(2024, 4, 1)  # a Monday, and a Monday that begins a month
NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)
Days = frozenset[date]


def month_of(day: date) -> date:
    return day.replace(day=1)


def week_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def days_of(by: str, key: date) -> Days:
    """The days of one slice."""
    if by == "day":
        return frozenset([key])
    if by == "week":
        return frozenset(key + timedelta(days=n) for n in range(7))
    last = month_of(key + timedelta(days=40))
    return frozenset(key + timedelta(days=n) for n in range((last - key).days))


def around(back: int, ahead: int) -> Callable[[date], Days]:
    return lambda day: frozenset(day + timedelta(days=n) for n in range(-back, ahead + 1))


@dataclass(frozen=True)
class Shape:
    """A query over {src}, which has `d`, `k` and `v`; it yields the same columns, cut along `d`.

    `reads`: a row whose `d` is this day hangs on rows of {src} whose `d` is one of these. None: all.
    `over`: what {src} must be cut by.
    """

    by: str
    query: str
    reads: Callable[[date], Days] | None
    over: tuple[str, ...] = ("day", "week", "month")


SAME = around(0, 0)
SHAPES = {
    "copied": Shape("day", "select d, k, v + 1 as v from {src}", SAME, ("day",)),
    "summed": Shape("day", "select d, k, sum(v) as v from {src} group by d, k", SAME, ("day",)),
    "weekly": Shape(
        "week",
        "select date_trunc('week', d)::date as d, k, sum(v) as v from {src} group by all",
        lambda day: days_of("week", day),
        ("day",),
    ),
    "monthly": Shape(
        "month",
        "select date_trunc('month', d)::date as d, k, sum(v) as v from {src} group by 1, 2",
        lambda day: days_of("month", day),
        ("day",),
    ),
    "trailing": Shape(
        "day",
        "select a.d, a.k, sum(b.v) as v from (select distinct d, k from {src}) as a "
        "join {src} as b on b.k = a.k and b.d between a.d - interval 6 days and a.d group by a.d, a.k",
        around(6, 0),
        ("day",),
    ),
    "framed": Shape(
        "day",
        "select d, k, sum(v) over (partition by k order by d "
        "range between interval 2 days preceding and interval 1 day following) as v from {src}",
        around(2, 1),
        ("day",),
    ),
    "of_its_month": Shape(
        "day",
        "select a.d, a.k, sum(b.v) as v from {src} as a join {src} as b "
        "on date_trunc('month', b.d) = date_trunc('month', a.d) group by all",
        lambda day: days_of("month", month_of(day)),
        ("day",),
    ),
    "kept_monthly": Shape("month", "select d, k, v * 2 as v from {src}", SAME, ("month",)),
    "kept_weekly": Shape("week", "select d, k, v * 2 as v from {src}", SAME, ("week",)),
    "running": Shape(
        "day",
        "select d, k, sum(v) over (partition by k order by d, v) as v from {src}",
        None,
        ("day",),
    ),
    "ranked": Shape(
        "month",
        "select d, k, v from {src} qualify row_number() over (partition by d order by v, k) <= 2",
        SAME,
        ("month",),
    ),
}


@dataclass(frozen=True)
class Link:
    """One model of a chain. `view`: it reads its input through a view."""

    shape: str
    view: bool = False


class Chain:
    """raw.events -> m0 -> m1 -> ..., each on the one before it."""

    def __init__(self, root: Path, links: list[Link], rows: list[tuple[date, str, int]]) -> None:
        self.root = root
        self.links = links
        (root / "models").mkdir()
        (root / "sqlpipes.yml").write_text("name: shop\n")
        (root / "models" / "sources.yml").write_text(
            "sources:\n  - name: raw\n    tables:\n      - name: events\n"
            "        description: events by day\n"
        )
        self.sql("create schema raw; create table raw.events (d date, k varchar, v integer)")
        self.insert(rows)
        source = "raw.events"
        for i, link in enumerate(links):
            source = self._write(i, link, source)

    def _write(self, i: int, link: Link, source: str) -> str:
        if link.view:
            (self.root / "models" / f"v{i}.sql").write_text(f"select * from {source} where v >= 0")
            source = f"v{i}"
        shape = SHAPES[link.shape]
        cut = f"{{by: {shape.by}, column: d, start: {START}, end: {END}}}"
        text = f"/*\n---\npartition: {cut}\n---\n*/\n{shape.query.format(src=source)}\n"
        (self.root / "models" / f"m{i}.sql").write_text(text)
        return f"m{i}"

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.root / "shop.duckdb")) as connection:
            return connection.execute(text).fetchall()

    def insert(self, rows: list[tuple[date, str, int]]) -> None:
        for day, key, value in rows:
            self.sql(f"insert into raw.events values (date '{day}', '{key}', {value})")

    def delete(self, day: date) -> None:
        self.sql(f"delete from raw.events where d = date '{day}'")

    def days(self) -> dict[date, list[tuple[Any, ...]]]:
        """The rows of the source by day."""
        found: dict[date, list[tuple[Any, ...]]] = {}
        for row in sorted(self.sql("select * from raw.events")):
            found.setdefault(row[0], []).append(row)
        return found

    def plan(self) -> dict[str, Days]:
        """model -> the first days of the slices that are to be built, because an input moved."""
        found = sqlpipes.plan(sqlpipes.load(str(self.root), environ={}), now=NOW)
        planned: dict[str, Days] = {}
        for step in found.steps:
            if step.asset.startswith("m"):
                assert {reason.why for reason in step.reasons} == {Why.INPUT_NEWER}
                starts = [one.windows[0][0].date() for one in step.slices.each()]
                planned[step.asset] = frozenset(starts)
        return planned

    def build(self) -> None:
        report = sqlpipes.build(sqlpipes.load(str(self.root), environ={}), Ask(), clock=lambda: NOW)
        assert report.ok, [problem for event in report.failed for problem in event.problems]

    def expected(self, moved: Days) -> dict[str, Days]:
        """What a plan must hold after these days of the source moved, and nothing more."""
        found: dict[str, Days] = {}
        for i, link in enumerate(self.links):
            shape = SHAPES[link.shape]
            starts = _starts(shape.by)
            if shape.reads is not None:
                starts = [s for s in starts if _reads(shape, s) & moved]
            elif not moved:
                starts = []
            moved = frozenset(day for start in starts for day in days_of(shape.by, start))
            if starts:
                found[f"m{i}"] = frozenset(starts)
        return found

    def truth(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every model's rows as its query gives them over the whole of the true input, cut to size."""
        with duckdb.connect(str(self.root / "shop.duckdb"), read_only=True) as connection:
            connection.execute("create temp table t as select * from raw.events")
            found = {}
            for i, link in enumerate(self.links):
                where = " where v >= 0" if link.view else ""
                query = SHAPES[link.shape].query.format(src=f"(select * from t{where})")
                inside = f"d >= date '{START}' and d < date '{END}'"
                connection.execute(f"create temp table n as select * from ({query}) where {inside}")
                connection.execute("drop table t; alter table n rename to t")
                found[f"m{i}"] = sorted(connection.execute("select * from t").fetchall())
            return found

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        return {f"m{i}": sorted(self.sql(f"select * from m{i}")) for i in range(len(self.links))}


def _starts(by: str) -> list[date]:
    days = [START + timedelta(days=n) for n in range((END - START).days)]
    first = {"day": lambda day: day, "week": week_of, "month": month_of}[by]
    return sorted({first(day) for day in days})


def _reads(shape: Shape, start: date) -> Days:
    """The days of the input that the slice hangs on: `d` of a roll-up is its slice's first day."""
    assert shape.reads is not None
    if shape.by == "day" or shape.reads is not SAME:
        return shape.reads(start)
    return days_of(shape.by, start)
