"""Assets that hold more than their query says now, and what each of them promises.

A merge keeps the newest row that it saw of each key, an append each row once, a snapshot every state,
slices `as_of_build` what they read when they were built. What was seen hangs on when it was built,
so the promises are told from step to step, beside the builds.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from places import Place

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.events import Event, StepFinished

FIRST, LAST = date(2024, 1, 1), date(2024, 1, 28)
CUT = "column: d, start: 2024-01-01, end: 2024-01-29"
Event_ = tuple[int, date, int, int]  # id, d, v, u
MODELS = {
    "merged": "materialized: incremental\nunique_key: id\nupdated_at: u\n---\n*/\n"
    "select id, d, v, u from raw.events",
    "appended": "materialized: incremental\nstrategy: append\n---\n*/\n"
    "select id, v from raw.events\n"
    "{% if is_incremental() %}where id > (select coalesce(max(id), -1) from {{ this }}){% endif %}",
    "history": "materialized: snapshot\nunique_key: id\ncheck_columns: [v]\n"
    "hard_deletes: invalidate\n---\n*/\nselect id, v from raw.events",
    "frozen": f"partition: {{by: day, {CUT}, batch: 5}}\ninputs: {{raw.events: as_of_build}}\n---\n*/\n"
    "select d, id, v from raw.events",
    "daily": f"partition: {{by: day, {CUT}}}\n---\n*/\n"
    "select d, sum(v) as v from raw.events group by 1",
    "of_newest": f"partition: {{by: week, {CUT}}}\n"
    "inputs: {daily: latest, raw.weeks: as_of_build}\n---\n*/\n"
    f"select d, (select sum(v) from daily where d = date '{LAST}') as v from raw.weeks",
}
SOURCES = """sources:
  - name: raw
    tables:
      - name: events
        partition: {by: day, column: d}
      - name: weeks
"""
Kept = dict[str, Any]


@dataclass
class Keepers:
    """The project, the rows of its source, and what its assets promise to hold."""

    root: Path
    place: Place = field(default_factory=Place)
    now: datetime = datetime(2024, 2, 1, tzinfo=UTC)
    rows: dict[int, Event_] = field(default_factory=dict)
    ids: int = 0
    newest_seen: int | None = None
    kept: Kept = field(default_factory=dict)

    def create(self) -> None:
        (self.root / "models").mkdir(parents=True)
        self.place.empty()
        self.place.prepare(self.root)
        (self.root / "sqlpipes.yml").write_text("name: shop\n")
        (self.root / "models" / "sources.yml").write_text(SOURCES)
        for name, text in MODELS.items():
            (self.root / "models" / f"{name}.sql").write_text(f"/*\n---\n{text}\n")
        self.sql("create table raw.events (id int, d date, v int, u int)")
        weeks = ", ".join(f"(date '{FIRST + timedelta(days=7 * n)}')" for n in range(4))
        self.sql(f"create table raw.weeks (d date); insert into raw.weeks values {weeks}")
        self.kept = {name: {} for name in ("merged", "appended", "history", "frozen")}

    # What happens.

    def insert(self, day: int, v: int) -> None:
        self.ids += 1
        self._put((self.ids, FIRST + timedelta(days=day), v, self.ids))

    def change(self, row: int, v: int, older: bool) -> None:
        """A correction; an older one has been overtaken by what is there."""
        if found := self.rows.get(row):
            self._put((row, found[1], v, found[3] + (-1 if older else 1)))

    def move(self, row: int, day: int) -> None:
        if found := self.rows.get(row):
            self._put((row, FIRST + timedelta(days=day), found[2], found[3] + 1))

    def delete(self, row: int) -> None:
        self.rows.pop(row, None)
        self.sql(f"delete from raw.events where id = {row}")

    def carry_state(self) -> None:
        path = str(self.root / "state.jsonl")
        sqlpipes.api.export_state(self.load(), path)
        sqlpipes.api.import_state(self.load(), path, replace=True)

    def build(self, ask: Ask | None = None, kill_at: int = 0) -> sqlpipes.Report | None:
        """None when it was killed or refused. What its steps promise is noted as they end."""
        self.now += timedelta(minutes=1)
        now, seen = self.now, 0
        before = deepcopy(self.kept)

        def on_event(event: Event) -> None:
            nonlocal seen
            seen += 1
            if isinstance(event, StepFinished):
                self._note(event)
            if seen == kill_at:
                raise Killed

        try:
            options: dict[str, Any] = {"on_event": on_event, "threads": 2}
            report = sqlpipes.build(self.load(), ask or Ask(), clock=lambda: now, **options)
            assert report.ok, [event.problems for event in report.failed]
            return report
        except Killed:
            self._adopt(before)
            return None
        except sqlpipes.ProjectError as error:
            if {problem.code for problem in error.problems} != {"PLN001"}:
                raise
            return None  # it reads what was never built

    # What is promised.

    def _note(self, event: StepFinished) -> None:
        if event.asset in self.kept:
            kept = {} if event.full and event.asset != "history" else self.kept[event.asset]
            if event.asset == "frozen":
                days = [day for one in event.slices.each() for day in [one.windows[0][0].date()]]
                self.kept["frozen"] = self._frozen(kept, days)
            else:
                self.kept[event.asset] = PROMISES[event.asset](kept, self.rows)

    def _frozen(self, kept: Kept, days: list[date]) -> Kept:
        found = {day: rows for day, rows in kept.items() if day not in days}
        for number, day, v, _ in sorted(self.rows.values()):
            if day in days:
                found.setdefault(day, []).append((day, number, v))
        return found

    def _adopt(self, before: Kept) -> None:
        """After a kill each may have been written or not; half of it is never there."""
        there = self.place.tables(self.root)
        for name, promise in PROMISES.items():
            old, fresh = before[name], promise({}, self.rows)
            may = [old, self.kept[name], promise(old, self.rows), *([fresh] if not old else [])]
            held = self.held(name) if name in there else {}
            may = [one for one in may if one == held]
            assert may, (name, held, old, self.kept[name])
            self.kept[name] = may[0]
        held = self.held("frozen") if "frozen" in there else {}
        new = self._frozen({}, [FIRST + timedelta(days=n) for n in range(28)])
        for day in held.keys() | before["frozen"].keys():
            assert held.get(day) in (before["frozen"].get(day), new.get(day)), day
        self.kept["frozen"] = held

    def held(self, name: str) -> Kept:
        """What is there, in the shape of what was promised."""
        if name == "frozen":
            found: Kept = {}
            for row in self.sql("select d, id, v from frozen order by id"):
                found.setdefault(row[0], []).append(row)
            return found
        if name == "history":
            return self._held_history()
        columns = {"merged": "id, d, v, u", "appended": "id, v"}[name]
        rows = self.sql(f"select {columns} from {name}")
        assert len({row[0] for row in rows}) == len(rows), (name, rows)
        return {row[0]: row for row in rows}

    def _held_history(self) -> Kept:
        found: Kept = {}
        query = (
            "select id, v, valid_from, valid_to, is_current from history order by id, valid_from"
        )
        ends: dict[int, Any] = {}
        for number, v, since, until, current in self.sql(query):
            assert (until is None) == current
            assert number not in ends or (ends[number] is not None and ends[number] <= since)
            ends[number] = until
            states, _ = found.get(number, ((), False))
            found[number] = ((*states, v), current)
        return found

    def is_right(self) -> None:
        for name in self.kept:
            assert self.held(name) == self.kept[name], name
        daily: dict[date, int] = {}
        for _, day, v, _ in self.rows.values():
            daily[day] = daily.get(day, 0) + v
        assert dict(self.sql("select * from daily")) == daily
        newest = daily.get(LAST)
        weeks = [(FIRST + timedelta(days=7 * n), newest) for n in range(4)]
        assert sorted(self.sql("select * from of_newest")) == weeks

    def plan(self) -> set[str]:
        return {step.asset for step in sqlpipes.plan(self.load(), now=self.now).steps}

    def load(self) -> sqlpipes.Project:
        return sqlpipes.load(str(self.root), environ={})

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.place.sql(self.root, text)

    def _put(self, row: Event_) -> None:
        self.delete(row[0])
        self.rows[row[0]] = row
        number, day, v, u = row
        self.sql(f"insert into raw.events values ({number}, date '{day}', {v}, {u})")


class Killed(BaseException):
    """Stands for a process that ends between two events."""


def merged(kept: Kept, rows: dict[int, Event_]) -> Kept:
    newer = {i: row for i, row in rows.items() if i not in kept or row[3] >= kept[i][3]}
    return {**kept, **newer}


def appended(kept: Kept, rows: dict[int, Event_]) -> Kept:
    last = max(kept, default=-1)
    return {**kept, **{i: (i, row[2]) for i, row in rows.items() if i > last}}


def history(kept: Kept, rows: dict[int, Event_]) -> Kept:
    """id -> its states in order, and whether it is still there."""
    found = {i: (states, i in rows) for i, (states, _) in kept.items()}
    for i, row in rows.items():
        states, current = kept.get(i, ((), False))
        if not current or states[-1] != row[2]:
            found[i] = ((*states, row[2]), True)
    return found


PROMISES: dict[str, Callable[[Kept, dict[int, Event_]], Kept]] = {
    "merged": merged,
    "appended": appended,
    "history": history,
}
