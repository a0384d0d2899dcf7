"""Every shape of step on an engine without transactions, cut off before each of its statements in turn.

The next build must leave what a build that nothing disturbed leaves: the rows that are written down here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import pytest
from run.building import build, check, daily, days, graph_of, model, python
from servers.plain import Fuse, PlainDuck, PlainPublishing, open_engine

from sqlpipes.core.asset import Asset, Materialized
from sqlpipes.core.config import Target
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.status import Status
from sqlpipes.core.strategy import Incremental, SchemaChange, Snapshot, Strategy
from sqlpipes.run.journal import mend

Rows = list[tuple[Any, ...]]

ONE = "(1, 1, 'a'), (2, 2, 'b'), (4, 9, 'z')"  # day of January, id, value
TWO = "(1, 1, 'A'), (3, 3, 'c')"
EVERY, FIRST_DAYS = days(0, 4), days(0, 3)
PART = "select d, id, v from raw"
PLAIN = "select id, v from raw"
APPENDS = "select id, v from raw --if-- where id not in (select id from {this})"
ADDS = Incremental(Strategy.APPEND)


@dataclass(frozen=True)
class Shape:
    """`first` is built on ONE, if there is one, then `second` on TWO. `half`: what else readers may see."""

    second: Asset
    new: Rows
    first: Asset | None = None
    old: Rows | None = None  # None: there is nothing
    shows: str = "id, v"
    slices: Partitions | None = None
    half: Sequence[Rows] = field(default=())
    full: bool = False


def kept(second: Asset, new: Rows, old: Rows, **options: Any) -> Shape:
    return Shape(second, new, options.pop("first", second), old, **options)


def function(raw: Any) -> Any:
    return raw.project("d, id, v")


ROWS_1: Rows = [(1, "a"), (2, "b"), (9, "z")]
ROWS_2: Rows = [(1, "A"), (3, "c")]
MERGED: Rows = [(1, "A"), (2, "b"), (3, "c"), (9, "z")]
SLICED: Rows = [(1, "A"), (3, "c"), (9, "z")]
WIDE = "select d, id, v, id * 10 as n from raw"
CUT = daily()
SHAPES: dict[str, Shape] = {
    "table, first": Shape(model("a", PLAIN), ROWS_2),
    "table": kept(model("a", PLAIN), ROWS_2, ROWS_1),
    "table that was a view": kept(
        model("a", PLAIN), ROWS_2, ROWS_2, first=model("a", PLAIN, "view")
    ),
    "view, first": Shape(model("a", PLAIN, "view"), ROWS_2),
    "view": kept(
        model("a", "select id + 1 as id, v from raw", "view"),
        [(2, "A"), (4, "c")],
        ROWS_2,
        first=model("a", PLAIN, "view"),
    ),
    "view that was a table": kept(
        model("a", PLAIN, "view"), ROWS_2, ROWS_1, first=model("a", PLAIN)
    ),
    "slices, first": Shape(model("a", PART, partition=CUT), ROWS_2, slices=EVERY),
    # two statements: in between the slices are away
    "slices": kept(
        model("a", PART, partition=CUT), SLICED, ROWS_1, slices=FIRST_DAYS, half=[[(9, "z")]]
    ),
    "slices, all anew": kept(
        model("a", PART, partition=CUT), ROWS_2, ROWS_1, slices=EVERY, full=True
    ),
    "several parts": kept(
        model("a", PART, partition=daily(batch=1)),
        SLICED,
        ROWS_1,
        slices=FIRST_DAYS,
        # each part is old or new by itself, and away in between
        half=[
            [(2, "b"), (9, "z")],
            [(1, "A"), (2, "b"), (9, "z")],
            [(1, "A"), (9, "z")],
            MERGED,
        ],
    ),
    "slices of times": kept(
        model("a", "select d::timestamp as t, id, v from raw", partition=replace(CUT, column="t")),
        SLICED,
        ROWS_1,
        slices=FIRST_DAYS,
    ),
    "slices with a column more": kept(
        model("a", WIDE, partition=CUT, on_schema_change=SchemaChange.ADD),
        [(1, "A", 10), (3, "c", 30), (9, "z", None)],
        [(1, "a", None), (2, "b", None), (9, "z", None)],
        first=model("a", PART, partition=CUT),
        shows="id, v, n",
        slices=FIRST_DAYS,
    ),
    "slices with other columns, all anew": kept(
        model("a", WIDE, partition=CUT, on_schema_change=SchemaChange.REBUILD),
        [(1, "A", 10), (3, "c", 30)],
        [(1, "a", None), (2, "b", None), (9, "z", None)],
        first=model("a", PART, partition=CUT),
        shows="id, v, n",
        slices=EVERY,
    ),
    "merge, first": Shape(model("a", PLAIN, "incremental", unique_key=("id",)), ROWS_2),
    "merge": kept(model("a", PLAIN, "incremental", unique_key=("id",)), MERGED, ROWS_1),
    "merge of numbers into texts": kept(
        model("a", "select id, 7 as v from raw", "incremental", unique_key=("id",)),
        [(1, "7"), (2, "b"), (3, "7"), (9, "z")],
        ROWS_1,
        first=model("a", PLAIN, "incremental", unique_key=("id",)),
    ),
    "merge with other columns, all anew": kept(
        model(
            "a",
            "select id, v, id * 10 as n from raw",
            "incremental",
            unique_key=("id",),
            on_schema_change=SchemaChange.REBUILD,
        ),
        [(1, "A", 10), (3, "c", 30)],
        [(1, "a", None), (2, "b", None), (9, "z", None)],
        first=model("a", PLAIN, "incremental", unique_key=("id",)),
        shows="id, v, n",
    ),
    "append": kept(
        model("a", APPENDS, "incremental", incremental=ADDS, template=True),
        [(1, "a"), (2, "b"), (3, "c"), (9, "z")],
        ROWS_1,
    ),
    "snapshot, first": Shape(
        model("a", PLAIN, "snapshot", unique_key=("id",), snapshot=Snapshot()),
        [(1, "A", True), (3, "c", True)],
        shows="id, v, is_current",
    ),
    "snapshot": kept(
        model("a", PLAIN, "snapshot", unique_key=("id",), snapshot=Snapshot()),
        [
            (1, "A", True),
            (1, "a", False),
            (2, "b", True),
            (3, "c", True),
            (9, "z", True),
        ],
        [(1, "a", True), (2, "b", True), (9, "z", True)],
        shows="id, v, is_current",
    ),
    "function": kept(python("a", function, "raw"), ROWS_2, ROWS_1),
    "function, slices": kept(
        python("a", function, "raw", partition=CUT),
        SLICED,
        ROWS_1,
        slices=FIRST_DAYS,
        half=[[(9, "z")]],
    ),
}


def source_of(rows: str) -> str:
    days_of = f"select date '2023-12-31' + day as d, id, v from (values {rows}) as t(day, id, v)"
    return f"create or replace table raw as {days_of}"


class Stage:
    """A warehouse in memory in which `shape` is about to be built."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        opened: PlainDuck = open_engine(Target("dev", "plain", options={"path": ":memory:"}), ".")
        self.engine = opened
        opened.create_schemas(["main"])
        self.reader = opened._first.cursor()
        self.reader.execute(source_of(ONE))
        if shape.first is not None:
            assert self.status(shape.first, EVERY if shape.slices else None) is Status.SUCCESS
        self.again: list[str] = []
        if shape.first is not None and shape.first.materialized is Materialized.VIEW:
            found = self.reader.execute("select sql from duckdb_views() where view_name = 'a'")
            self.again = [str(sql) for (sql,) in found.fetchall()]
        elif shape.first is not None:
            self.reader.execute("create schema kept")
            self.reader.execute("create table kept.a as from main.a")
            self.again = ["create table main.a as from kept.a"]
        self.reader.execute(source_of(TWO))

    def reset(self) -> None:
        """As it was before `second`, for a build of another name."""
        for each, kind in self.engine.relations().items():
            if each.schema == "main" and each.name != "raw":
                self.reader.execute(f'drop {kind} main."{each.name}"')
        for sql in self.again:
            self.reader.execute(sql)
        self.engine.publishing = PlainPublishing(self.engine.quote)

    def status(self, asset: Asset, slices: Partitions | None, *, full: bool = False) -> Status:
        gate = [check("a", "not_null", column="id")]
        graph = graph_of(model("raw", "select 1 as id"), asset, checks=gate)
        given = {"a": slices} if slices else None
        return build(self.engine, graph, "a", slices=given, full=full)[-1].status

    def build(self, fuse: Fuse) -> Status:
        self.engine.fuse = fuse
        return self.status(self.shape.second, self.shape.slices, full=self.shape.full)

    def seen(self) -> Rows | None:
        """What a reader finds; None: nothing of that name."""
        names = {name for (name,) in self.reader.execute("show tables").fetchall()}
        if "a" not in names:
            return None
        there = {row[0] for row in self.reader.execute("describe a").fetchall()}
        shown = self.shape.shows.split(", ")
        listed = ", ".join(name if name in there else f"null as {name}" for name in shown)
        return self.reader.execute(f"select {listed} from a order by all").fetchall()

    def beside(self) -> list[str]:
        return [each.name for each in self.engine.relations() if each.name.startswith("sqlpipes_")]


class Watched(Fuse):
    """Asks a reader before each statement."""

    def __init__(self, look: Callable[[], Rows | None]) -> None:
        super().__init__()
        self.look = look
        self.states: list[Rows | None] = []

    def burn(self, sql: str) -> None:
        self.states.append(self.look())
        super().burn(sql)


def each_once(states: list[Rows | None]) -> list[Rows | None]:
    return [state for state, _ in groupby(states)]


@pytest.mark.long
@pytest.mark.parametrize("name", SHAPES)
def test_cut_off_before_each_statement(name: str) -> None:
    shape = SHAPES[name]
    whole = Stage(shape)
    watched = Watched(whole.seen)
    assert whole.build(watched) is Status.SUCCESS
    assert whole.seen() == shape.new
    assert not whole.beside()
    states = each_once([*watched.states, whole.seen()])
    assert states[0] == shape.old
    assert states[-1] == shape.new
    assert [s for s in states[1:-1] if s is not None and s not in shape.half] == []
    for cut in range(len(watched.said)):
        whole.reset()
        _cut_off(whole, shape, cut)
    whole.engine.close()


def _cut_off(stage: Stage, shape: Shape, cut: int) -> None:
    assert stage.seen() == shape.old, cut
    assert stage.build(Fuse(cut)) is not Status.SUCCESS
    stage.engine.fuse = Fuse()
    is_noted = any("journal" in name for name in stage.beside())
    left = stage.seen()
    assert left in (shape.old, shape.new, *shape.half) or (left is None and is_noted), cut
    mend(stage.engine)
    assert stage.beside() == [], cut
    assert stage.seen() in (shape.old, shape.new, *shape.half), cut
    assert stage.build(Fuse()) is Status.SUCCESS, cut
    assert stage.seen() == shape.new, cut
    assert stage.beside() == [], cut
