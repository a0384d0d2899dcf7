"""Random worlds that build themselves: tick until it is quiet, and compare with a full build.

After any sequence of builds by hand, late rows, new days, failures and edits, ticking comes to rest;
every automated asset then holds what its query says of what its inputs hold, and none of its steps ran
while something that it reads was missing, failed, or stale and about to be built.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sqlpipes
from sqlpipes.api import Ask, Project, status
from sqlpipes.api.queue import How
from sqlpipes.api.ticking import tick
from sqlpipes.core.events import StepFinished

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
PARTITION = "partition: {by: day, column: d, start: 2024-01-01, batch: 1}"
BAD = 2_147_483_647  # one more does not fit
HOW = ("days", "days", "table", "view")
AUTO = ("eager", "eager", "eager", "missing", "by hand")
SHAPES = {
    "days": (
        "select d, n + {c} as n from {src}",
        "select d, sum(n)::integer + {c} as n from {src} group by d",
    ),
    "table": ("select max(d) as d, sum(n)::integer + {c} as n from {src}",),
    "view": ("select d, n + {c} as n from {src}",),
}


@dataclass
class Model:
    """`over`: the place of an earlier one; -1: the raw days that are built by hand."""

    over: int
    how: str
    auto: str
    shape: int = 0
    constant: int = 0

    def query(self, names: list[str]) -> str:
        source = "raw" if self.over < 0 else names[self.over]
        shapes = SHAPES[self.how]
        return shapes[self.shape % len(shapes)].format(src=source, c=self.constant)


@dataclass
class World:
    root: Path
    models: list[Model]
    today: int = 3
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = [f"m{i}" for i in range(len(self.models))]
        (self.root / "models").mkdir()
        (self.root / "sqlpipes.yml").write_text("name: w\n")
        raw = "select d, n from outside.t"
        (self.root / "models/raw.sql").write_text(f"/*\n---\n{PARTITION}\n---\n*/\n{raw}\n")
        source = "sources: [{name: outside, tables: [{name: t}]}]\n"
        (self.root / "models/s.yml").write_text(source)
        self.sql("create schema outside; create table outside.t (d date, n integer)")
        self.late(0, 1)
        for name, model in zip(self.names, self.models, strict=True):
            self.write(name, model)

    def write(self, name: str, model: Model) -> None:
        keys = [f"materialized: {model.how}"] if model.how != "days" else [PARTITION]
        keys += [f"auto: {model.auto}"] if model.auto != "by hand" else []
        text = "\n".join(keys)
        query = model.query(self.names)
        (self.root / f"models/{name}.sql").write_text(f"/*\n---\n{text}\n---\n*/\n{query}\n")

    @property
    def now(self) -> datetime:
        return FIRST + timedelta(days=self.today, hours=1)

    def sql(self, statement: str) -> list[Any]:
        with duckdb.connect(str(self.root / "w.duckdb")) as db:
            return db.execute(statement).fetchall()

    def late(self, day: int, n: int) -> None:
        self.sql(f"insert into outside.t values (date '2024-01-01' + {day}, {n})")

    def project(self) -> Project:
        return sqlpipes.load(str(self.root), environ={})

    def by_hand(self) -> list[str]:
        return [n for n, m in zip(self.names, self.models, strict=True) if m.auto == "by hand"]

    def build(self, name: str, day: int | None) -> None:
        said = None if day is None else f"{FIRST + timedelta(days=day):%Y-%m-%d}"
        is_cut = name == "raw" or self.models[self.names.index(name)].how == "days"
        ask = Ask(select=(name,), partitions=said if is_cut else None)
        found: set[str] = set()
        try:
            sqlpipes.build(self.project(), ask, clock=lambda: self.now)
        except sqlpipes.ProjectError as error:
            found = {problem.code for problem in error.problems}
        assert found <= {"PLN001", "PLN002"}  # its input is not there yet

    def tick(self) -> list[StepFinished]:
        found = tick(How(str(self.root)), self.project(), clock=lambda: self.now)
        reports = [outcome.report for outcome in found.outcomes if outcome.report]
        assert all(outcome.report for outcome in found.outcomes), found.outcomes
        steps = [step for report in reports for step in report.finished]
        return [step for step in steps if step.action != "observe source"]

    def settle(self) -> None:
        """Tick until it rests; two ticks are always enough, and the next one does nothing."""
        for _ in range(3):
            before = self.tables()
            steps = self.tick()
            self.was_complete(steps, before)
            if not steps:
                break
        assert self.tick() == []

    def tables(self) -> dict[str, set[Any]]:
        """The days that each cut asset has a record of, before a tick."""
        found = status(self.project())
        return {item.asset: set(item.built.keys) for item in found}

    def was_complete(self, steps: list[StepFinished], before: dict[str, set[Any]]) -> None:
        """Whatever day was built had its inputs' days built, earlier or in the same run."""
        built = {name: set(days) for name, days in before.items()}
        for step in steps:
            place = self.names.index(step.asset)
            model = self.models[place]
            for name in self.stored(model.over):
                days = built.get(name, set())
                wanted = {f"{FIRST + timedelta(days=i):%Y-%m-%d}" for i in range(self.today)}
                if name == "raw" or self.models[self.names.index(name)].how == "days":
                    needed = set(step.slices.keys) if model.how == "days" else wanted
                    assert needed <= days, (step.asset, name, needed - days)
                else:
                    assert days, (step.asset, name)
            built.setdefault(step.asset, set()).update(step.slices.keys)

    def stored(self, over: int) -> list[str]:
        while over >= 0 and self.models[over].how == "view":
            over = self.models[over].over
        return ["raw" if over < 0 else self.names[over]]

    def holds_what_it_should(self) -> None:
        """Each eager asset that is fully built equals its query over what its input holds now."""
        found = {item.asset: item for item in status(self.project())}
        for name, model in zip(self.names, self.models, strict=True):
            item = found[name]
            if model.auto != "eager" or any(str(s) != "built" for s in item.states):
                continue
            inside = f"where d < date '{self.now:%Y-%m-%d}'" if model.how == "days" else ""
            query = f"select * from ({model.query(self.names)}) {inside} order by all"
            assert self.sql(f"select * from {name} order by all") == self.sql(query), name

    def equals_a_full_build(self) -> None:
        """Everything by hand is built, ticks follow: nothing is left to do but what is never due."""
        self.sql(f"delete from outside.t where n >= {BAD} - 100")
        sqlpipes.build(self.project(), Ask(select=("raw",)), clock=lambda: self.now)
        for _ in range(len(self.models)):
            for name in self.by_hand():
                self.build(name, None)
            self.settle()
        plan = sqlpipes.plan(self.project(), now=self.now)
        followers = {n for n, m in zip(self.names, self.models, strict=True) if m.auto == "missing"}
        behind = followers | set(self.project().graph.descendants(followers))
        assert plan.names - {"outside.t"} <= behind, [str(s) for s in plan.steps]
        self.holds_what_it_should()


@st.composite
def worlds(draw: st.DrawFn) -> list[Model]:
    models: list[Model] = []
    for i in range(draw(st.integers(1, 4))):
        cut = [p for p in range(-1, i) if p < 0 or models[p].how != "table"]
        over = draw(st.sampled_from(cut))
        how = draw(st.sampled_from(HOW))
        models.append(Model(over, how, draw(st.sampled_from(AUTO)), draw(st.integers(0, 1))))
    return models


days = st.integers(0, 4)
happenings = st.one_of(
    st.tuples(st.just("late"), days, st.sampled_from([1, 2, 3, BAD])),
    st.tuples(st.just("raw"), st.one_of(st.none(), days)),
    st.tuples(st.just("hand"), days, st.one_of(st.none(), days)),
    st.tuples(st.just("day")),
    st.tuples(st.just("edit"), days),
    st.tuples(st.just("forget"), days),
)


def happen(world: World, what: tuple[Any, ...]) -> None:
    match what:
        case ("late", day, n):
            world.late(day, n)
        case ("raw", day):
            world.build("raw", day)
        case ("hand", place, day):
            names = world.by_hand()
            if names:
                world.build(names[place % len(names)], day)
        case ("day",):
            world.today = min(world.today + 1, 5)
        case ("edit", place):
            name = world.names[place % len(world.names)]
            model = world.models[place % len(world.names)]
            model.constant += 1
            world.write(name, model)
        case ("forget", place):
            name = world.names[place % len(world.names)]
            model = world.models[place % len(world.names)]
            kind = "view" if model.how == "view" else "table"
            world.sql(f"drop {kind} if exists {name}")


def follow(models: list[Model], history: list[list[tuple[Any, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), models)
        for happened in history:
            for what in happened:
                happen(world, what)
            world.settle()
            world.holds_what_it_should()
        world.equals_a_full_build()


histories = st.lists(st.lists(happenings, min_size=1, max_size=4), min_size=1, max_size=4)
ANY = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=3, **ANY)
@given(models=worlds(), history=histories)
def test_any_world_builds_itself(models: list[Model], history: list[Any]) -> None:
    follow(models, history)


@pytest.mark.nightly
@settings(max_examples=80, **ANY)
@given(models=worlds(), history=histories)
def test_any_world_builds_itself_many_times(models: list[Model], history: list[Any]) -> None:
    follow(models, history)
