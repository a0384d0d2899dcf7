"""A random small project of every kind of slice over one table that somebody else writes to.

Every asset has the columns of `raw.events`, so any can read any. Beside each stands what plain SQL
says it must hold: its query over the whole of its input, cut to its slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.events import Event

FIRST = datetime(2024, 3, 18)  # a Monday; summer time begins in Berlin on the 31st
DAYS = 28
NOW = datetime(2024, 5, 2, 12, tzinfo=UTC)
COLUMNS = "id, ts, k, n, v, u"
TOO_MUCH = 2_147_483_647  # one more does not fit: the slice that holds it fails
HAVING = "where ts is not null and k is not null and n is not null"
Row = tuple[int, datetime | None, str | None, int | None, int, int]
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Cut:
    """`said` stands under `partition:`; `inside` holds for the rows of any slice; `key` names the slice."""

    said: str
    inside: str
    key: str
    unit: str | None = None  # of time

    def __str__(self) -> str:
        return self.said


def _time(by: str, start: str, end: str, unit: str, more: str = "") -> Cut:
    said = f"by: {by}, column: ts, start: {start}, end: {end}{more}"
    inside = f"ts >= timestamp '{start}' and ts < timestamp '{end}'"
    return Cut(said, inside, f"date_trunc('{unit}', ts)", unit)


SPAN = ("2024-03-18", "2024-04-15")
DAY = _time("day", *SPAN, "day")
STATIC = Cut("by: values, column: k, values: [a, b, d]", "k in ('a', 'b', 'd')", "k")
FOUND = Cut(
    "by: values, column: k, values_from: select distinct k from raw.events", "k is not null", "k"
)
NUMBERS = Cut(
    "by: integer, column: n, width: 10, start: 0, end: 40", "n >= 0 and n < 40", "n // 10"
)


def _product(one: Cut, other: Cut) -> Cut:
    said = f"by: [{{{one}}}, {{{other}}}]"
    inside = f"({one.inside}) and ({other.inside})"
    return Cut(said, inside, f"({one.key}, {other.key})", one.unit)


QUARTERS = "time_bucket(interval 15 minutes, ts)"
MINUTES = _time("15 minutes", "2024-03-31", "2024-04-01", "minute")
CUTS: dict[str, Cut] = {
    "day": DAY,
    "week": _time("week", *SPAN, "week"),
    "month": _time("month", "2024-03-01", "2024-05-01", "month"),
    "hour": _time("hour", "2024-03-30", "2024-04-02", "hour", ", timezone: Europe/Berlin"),
    "six_hours": Cut(
        _time("6 hours", *SPAN, "hour").said,
        DAY.inside,
        "time_bucket(interval 6 hours, ts)",
        "hour",
    ),
    "minutes": Cut(MINUTES.said, MINUTES.inside, QUARTERS, "minute"),
    "berlin": _time("day", *SPAN, "day", ", timezone: Europe/Berlin"),
    "static": STATIC,
    "found": FOUND,
    "numbers": NUMBERS,
    "day_by_value": _product(DAY, STATIC),
    "week_by_found": _product(_time("week", *SPAN, "week"), FOUND),
    "value_by_number": _product(STATIC, NUMBERS),
    "month_by_number": _product(_time("month", "2024-03-01", "2024-05-01", "month"), NUMBERS),
}
WINDOWS: dict[str, str | None] = {
    "none": None,
    "day": "by: day, column: ts",
    "hour": "by: hour, column: ts",
    "month": "by: month, column: ts",
    "value": "by: values, column: k",
    "number": "by: integer, column: n, width: 10",
    "day_by_value": "by: [{by: day, column: ts}, {by: values, column: k}]",
}
COPY = "select id, ts, k, n, v + {c} as v, u from {src} " + HAVING
# What a slice reads of its input is {same} for the first, and more than its own for others.
SHAPES: dict[str, str] = {
    "copied": COPY,
    "summed": "select min(id) as id, date_trunc('{unit}', ts) as ts, k, n, "
    "(sum(v) + {c})::integer as v, max(u) as u from {src} " + HAVING + " group by 2, 3, 4",
    "running": "select id, ts, k, n, (sum(v) over (partition by k order by ts, id) + {c})::integer "
    "as v, u from {src} " + HAVING,
    "of_its_value": "select id, ts, k, n, (sum(v) over (partition by k) + {c})::integer as v, u "
    "from {src} " + HAVING,
    "of_its_number": "select id, ts, k, n, (sum(v) over (partition by n) + {c})::integer as v, u "
    "from {src} " + HAVING,
    "trailing": "select a.id, a.ts, a.k, a.n, (sum(b.v) + {c})::integer as v, a.u from {src} as a "
    "join {src} as b on b.ts between a.ts - interval 2 days and a.ts "
    "where a.k is not null and a.n is not null group by all",
    "ranked": "select id, ts, k, n, v + {c} as v, u from {src} "
    + HAVING
    + " qualify row_number() over (partition by ts, k, n order by v, id) <= 2",
    "joined": "select a.id, a.ts, a.k, a.n, a.v + {c} as v, b.u from {src} as a join raw.events as b "
    "on a.id = b.id and a.ts = b.ts and a.k = b.k and a.n = b.n",
}
LOCAL = ("copied", "summed", "ranked")


@dataclass(frozen=True)
class Model:
    """One asset. `over`: None for raw.events, else the place of an earlier one. `how`: table, view,
    ephemeral, or sliced by `cut`. `reads` stands under `inputs:`; None leaves it to the proof."""

    shape: str = "copied"
    over: int | None = None
    how: str = "sliced"
    cut: str = "day"
    reads: str | None = None
    batch: int | None = None
    newest: bool = False
    lookback: int = 0

    @property
    def slices(self) -> Cut | None:
        return CUTS[self.cut] if self.how == "sliced" else None

    @property
    def is_local(self) -> bool:
        """Whether its column of time is cut along another clock than UTC's."""
        return self.cut in ("hour", "berlin")


@dataclass
class World:
    """The project on disk, its clock, and what can happen to it."""

    root: Path
    models: list[Model]
    windows: str = "day"
    now: datetime = NOW
    names: list[str] = field(default_factory=list)
    texts: list[int] = field(default_factory=list)  # {c} of each model: an edit counts it on
    log: list[str] = field(default_factory=list)
    rows: int = 0
    poisoned: bool = False

    def create(self, rows: list[tuple[int, str | None, int]]) -> None:
        (self.root / "models").mkdir(parents=True)
        (self.root / "sqlpipes.yml").write_text("name: shop\n")
        self.cut_source(self.windows)
        columns = "id integer, ts timestamp, k varchar, n integer, v integer, u integer"
        self.sql(f"create schema raw; create table raw.events ({columns})")
        for place, k, n in rows:
            self.insert(place, k, n)
        self.names = [f"m{i}" for i in range(len(self.models))]
        self.texts = [1] * len(self.models)
        for i in range(len(self.models)):
            self._write(i)

    # What happens to the project.

    def cut_source(self, windows: str) -> None:
        self.windows = windows
        cut = WINDOWS[windows]
        said = f", partition: {{{cut}}}" if cut else ""
        text = f"sources:\n  - name: raw\n    tables:\n      - {{name: events{said}}}\n"
        (self.root / "models" / "sources.yml").write_text(text)

    def edit(self, place: int) -> None:
        i = place % len(self.models)
        self.texts[i] += 1
        self._write(i)

    def rename(self, place: int) -> None:
        """One that nobody reads, as a user does it: the file first, then the command."""
        i = len(self.models) - 1
        old, new = self.names[i], f"n{i}_{self.now:%d%H%M}"
        if not self.stored(i) or (old,) not in self.tables():
            return
        (self.root / "models" / f"{old}.sql").rename(self.root / "models" / f"{new}.sql")
        self.names[i] = new
        root = str(self.root)
        sqlpipes.api.rename(
            self.load(), old, new, lambda placed: sqlpipes.load(root, environ={}, placed=placed)
        )

    def carry_state(self) -> None:
        """Out of the database and in again."""
        path = str(self.root / "state.jsonl.gz")
        sqlpipes.api.export_state(self.load(), path)
        sqlpipes.api.import_state(self.load(), path, replace=True)

    # What happens to the data, behind our back.

    def insert(self, place: int, k: str | None, n: int) -> None:
        self.rows += 1
        ts = "null" if place < 0 else f"timestamp '{moment(place)}'"
        key = "null" if k is None else f"'{k}'"
        values = f"{self.rows}, {ts}, {key}, {n}, {self.rows % 7}, {self.rows}"
        self.sql(f"insert into raw.events values ({values})")

    def delete(self, row: int) -> None:
        self.sql(f"delete from raw.events where id = {row % (self.rows + 1)}")

    def move(self, row: int, place: int) -> None:
        ts = "null" if place < 0 else f"timestamp '{moment(place)}'"
        self.sql(f"update raw.events set ts = {ts} where id = {row % (self.rows + 1)}")

    def rekey(self, row: int, k: str | None, n: int) -> None:
        key = "null" if k is None else f"'{k}'"
        self.sql(f"update raw.events set k = {key}, n = {n} where id = {row % (self.rows + 1)}")

    def poison(self, place: int, k: str) -> None:
        """A row that fails its slice; the next mend takes it away."""
        self.poisoned = True
        self.sql(f"insert into raw.events values (-1, '{moment(place)}', '{k}', 5, {TOO_MUCH}, 0)")

    def mend(self) -> None:
        """Nothing is touched for nothing: a write of ours would make the next build look again."""
        if not self.poisoned:
            return
        self.poisoned = False
        self.sql("delete from raw.events where id = -1")

    def drop(self, place: int) -> None:
        i = place % len(self.models)
        if self.stored(i):
            self.sql(f"drop table if exists main.{self.names[i]}")

    # Looking.

    def stored(self, i: int) -> bool:
        return self.models[i].how in ("sliced", "table")

    def load(self) -> sqlpipes.Project:
        return sqlpipes.load(str(self.root), environ={})

    def plan(self, ask: Ask | None = None) -> sqlpipes.api.Plan:
        return sqlpipes.plan(self.load(), ask or Ask(), now=self.now)

    def build(self, ask: Ask | None = None, kill_at: int = 0) -> sqlpipes.Report | None:
        """None: it was killed in the midst of it, or refused."""
        self.now += timedelta(minutes=1)
        now, seen = self.now, 0

        def on_event(event: Event) -> None:
            nonlocal seen
            seen += 1
            if seen == kill_at:
                raise Killed

        try:
            options: dict[str, Any] = {"on_event": on_event, "threads": 2}
            return sqlpipes.build(self.load(), ask or Ask(), clock=lambda: now, **options)
        except Killed:
            return None
        except sqlpipes.ProjectError as error:
            if {problem.code for problem in error.problems} <= {"PLN001", "PLN002", "PAR007"}:
                return None
            raise

    def sql(self, text: str) -> Rows:
        with duckdb.connect(str(self.root / "shop.duckdb")) as connection:
            return connection.execute(text).fetchall()

    def tables(self) -> list[tuple[str, ...]]:
        return self.sql("select table_name from duckdb_tables() where schema_name = 'main'")

    def held(self) -> dict[str, dict[Any, Rows]]:
        """name -> slice -> its rows, of every stored model that is there."""
        there = {name for (name,) in self.tables()}
        with duckdb.connect(str(self.root / "shop.duckdb")) as connection:
            return {
                name: self._sliced(connection, i, f"main.{name}")
                for i, name in enumerate(self.names)
                if self.stored(i) and name in there
            }

    def truth(self) -> dict[str, dict[Any, Rows]]:
        """The same, as plain SQL says over the whole input as it is now."""
        found = {}
        with duckdb.connect(str(self.root / "shop.duckdb"), read_only=True) as connection:
            for i, model in enumerate(self.models):
                query = self.query(i, "t")
                where = f" where {model.slices.inside}" if model.slices else ""
                text = f"create temp table t{i} as select {COLUMNS} from ({query}){where}"
                connection.execute(text)
                if self.stored(i):
                    found[self.names[i]] = self._sliced(connection, i, f"t{i}")
        return found

    def views_are_right(self) -> bool:
        """Views are not stored, but read: each must give what its query says."""
        for i, model in enumerate(self.models):
            if model.how == "view":
                with duckdb.connect(str(self.root / "shop.duckdb"), read_only=True) as connection:
                    mine = connection.execute(f"from main.{self.names[i]}").fetchall()
                    said = connection.execute(self._over_views(i)).fetchall()
                if sorted(mine, key=repr) != sorted(said, key=repr):
                    return False
        return True

    def _over_views(self, i: int) -> str:
        """The query of a view over the nearest tables below."""
        model = self.models[i]
        if model.over is None:
            return self.query(i, "m")
        below = self.models[model.over]
        if below.how in ("sliced", "table"):
            return self.query(i, "m")
        inner = f"({self._over_views(model.over)})"
        return SHAPES[model.shape].format(src=inner, c=self.texts[i], unit="day")

    def _sliced(self, connection: Any, i: int, table: str) -> dict[Any, Rows]:
        cut = self.models[i].slices
        found: dict[Any, Rows] = {}
        key = cut.key if cut else "1"
        rows = connection.execute(f"select {key}, {COLUMNS} from {table}").fetchall()
        for one, *row in sorted(rows, key=repr):
            found.setdefault(str(one), []).append(tuple(row))
        return found

    def query(self, i: int, prefix: str) -> str:
        model = self.models[i]
        if model.over is None:
            source = "raw.events"
        else:
            source = self.names[model.over] if prefix == "m" else f"{prefix}{model.over}"
        cut = model.slices
        unit = cut.unit if cut and cut.unit else "day"
        return SHAPES[model.shape].format(src=source, c=self.texts[i], unit=unit)

    def _write(self, i: int) -> None:
        text = f"/*\n---\n{''.join(self._settings(i))}---\n*/\n{self.query(i, 'm')}\n"
        (self.root / "models" / f"{self.names[i]}.sql").write_text(text)

    def _settings(self, i: int) -> Iterator[str]:
        model = self.models[i]
        if model.slices is None:
            yield f"materialized: {model.how}\n"
            return
        said = str(model.slices)
        said += f", batch: {model.batch}" if model.batch else ""
        if model.slices.unit:
            said += f", lookback: {model.lookback}" if model.lookback else ""
            said += ", order: newest" if model.newest else ""
        yield f"partition: {{{said}}}\n"
        if model.reads:
            source = "raw.events" if model.over is None else self.names[model.over]
            yield f"inputs: {{{source}: {model.reads}}}\n"


def apart(mine: dict[str, Any], true: dict[str, Any]) -> dict[str, Any]:
    """What is held and what should be, of each slice where they are not the same."""
    return {
        f"{name} {key}": (mine.get(name, {}).get(key), true.get(name, {}).get(key))
        for name in mine.keys() | true.keys()
        for key in mine.get(name, {}).keys() | true.get(name, {}).keys()
        if mine.get(name, {}).get(key) != true.get(name, {}).get(key)
    }


class Killed(BaseException):
    """Stands for a process that ends between two events."""


def moment(place: int) -> datetime:
    """Some instants of the weeks, thick around the hour that Berlin's clocks leave out."""
    day, part = divmod(place % (DAYS * 4), 4)
    ts = FIRST + timedelta(days=day)
    return ts + timedelta(minutes=(0, 150, 1439, 725)[part])
