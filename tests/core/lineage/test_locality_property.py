"""Ground truth from DuckDB: rows that a proof says do not matter are changed, and nothing may change.

Random queries over small tables. For each proof and a random window: rows of the table outside of what
the window reaches are deleted, inserted and replaced; the output rows in the window must stay, each as
often as before.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.asset import Column
from sqlpipes.core.lineage.local import Local
from sqlpipes.core.lineage.reader import read_locals
from sqlpipes.core.lineage.types import Types
from sqlpipes.core.partitions import Reach

TYPES = {
    "i": "INTEGER",
    "d": "DATE",
    "ts": "TIMESTAMP",
    "m": "DATE",
    "k": "INTEGER",
    "x": "INTEGER",
}
TABLES = {"t": TYPES, "u": {**TYPES, "z": "TIMESTAMPTZ"}, "v": {**TYPES, "e": "DATE"}}
KIND = {"INTEGER": "int", "DATE": "date", "TIMESTAMP": "stamp", "TIMESTAMPTZ": "stamp"}
TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
FIRST = datetime(2024, 1, 25)
UNITS = ["month", "month", "week", "day", "year", "quarter", "hour"]
SPANS = ["1 day", "2 days", "6 days", "1 month", "36 hours", "1 month 3 days", "-2 days", "1 week"]
TICK = timedelta(microseconds=1)


class Writer:
    """Writes a random query. Columns have few names, so that they often hide each other."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.count = 0
        self.ctes: list[tuple[str, str, dict[str, str]]] = []

    def one(self, *options: Any) -> Any:
        return self.dice.choice(options)

    def chance(self, part: float) -> bool:
        return self.dice.random() < part

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def query(self) -> str:
        for _ in range(self.one(0, 0, 0, 1, 1, 2)):
            sql, columns = self.body(1)
            self.ctes.append((self.fresh("c"), sql, columns))
        sql, _ = self.body(2)
        if not self.ctes:
            return sql
        return "with " + ", ".join(f"{name} as ({body})" for name, body, _ in self.ctes) + " " + sql

    def body(self, depth: int) -> tuple[str, dict[str, str]]:
        if depth and self.chance(0.15):
            return self.union(depth)
        return self.select(depth)

    def union(self, depth: int) -> tuple[str, dict[str, str]]:
        word = self.one("union all", "union all", "union", "except", "intersect", "except all",
                        "union all by name", "union by name")  # fmt: skip
        parts = []
        for _ in range(2):
            sql, columns = self.select(depth - 1)
            times = [name for name, kind in columns.items() if kind != "int"] or list(columns)
            numbers = [name for name, kind in columns.items() if kind == "int"] or list(columns)
            if self.chance(0.05):
                times, numbers = numbers, times
            a, b = self.one(*times), self.one(*numbers)
            parts.append((f"select {a} as d, {b} as k from ({sql}) q", columns[a], columns[b]))
        kinds = {
            "d": parts[0][1] if parts[0][1] == parts[1][1] else "stamp",
            "k": "int" if parts[0][2] == parts[1][2] == "int" else "?",
        }
        return f"{parts[0][0]} {word} {parts[1][0]}", kinds

    def source(self, depth: int) -> tuple[str, dict[str, str]]:
        if self.ctes and self.chance(0.4):
            name, _, columns = self.one(*self.ctes)
            return name, columns
        if depth and self.chance(0.3):
            sql, columns = self.body(depth - 1)
            return f"({sql})", columns
        name = self.one("t", "t", "u", "v")
        return name, {column: KIND[type_] for column, type_ in TABLES[name].items()}

    def select(self, depth: int) -> tuple[str, dict[str, str]]:
        scope: list[tuple[str, str]] = []  # (expression, kind)
        text = self.from_(depth, scope)
        where = [self.condition(depth, scope) for _ in range(self.one(0, 0, 1, 1, 2))]
        text += " where " + " and ".join(where) if where else ""
        shape = self.one("plain", "plain", "plain", "group", "group", "group", "distinct",
                         "window", "window", "on", "limit", "all")  # fmt: skip
        if shape in ("group", "all"):
            return self.grouped(text, scope, shape)
        items = self.items(scope, depth)
        if shape == "window":
            for _ in range(self.one(1, 1, 2)):
                items.append((self.window(scope), self.fresh("w"), "int"))
        head, tail = "select ", ""
        if shape == "distinct":
            head = "select distinct "
        elif shape == "on":
            keys = ", ".join(self.time(scope)[0] for _ in range(self.one(1, 1, 2)))
            head, tail = f"select distinct on ({keys}) ", f" order by {keys}, {self.all(scope)}"
        elif shape == "limit" and self.chance(0.4):
            tail = f" order by {self.all(scope)} limit {self.one(1, 3)}"
        elif self.chance(0.12):
            tail = f" qualify {self.window(scope)} {self.one('>', '<', '=')} {self.one(1, 2, 3)}"
        return head + _listed(items) + text + tail, {name: kind for _, name, kind in items}

    def all(self, scope: list[tuple[str, str]]) -> str:
        return ", ".join(dict.fromkeys(expression for expression, _ in scope))

    def items(self, scope: list[tuple[str, str]], depth: int) -> list[tuple[str, str, str]]:
        items = []
        for _ in range(self.one(1, 2, 2, 3)):
            expression, kind = self.time(scope)
            items.append((expression, self.name(expression), kind))
        for _ in range(self.one(1, 2)):
            items.append((self.number(scope), self.one("k", "x", self.fresh("n")), "int"))
        if depth and self.chance(0.12):
            items.append((self.scalar(scope), self.fresh("q"), "int"))
        taken: set[str] = set()
        return [item for item in items if not (item[1] in taken or taken.add(item[1]))]

    def name(self, expression: str) -> str:
        return self.one("d", "d", "ts", "m", expression.split(".")[-1], self.fresh("o")) if (
            expression.split(".")[-1].isalnum()
        ) else self.one("d", "m", "ts", self.fresh("o"))  # fmt: skip

    def grouped(
        self, text: str, scope: list[tuple[str, str]], shape: str
    ) -> tuple[str, dict[str, str]]:
        keys = []
        for _ in range(self.one(1, 1, 2)):
            expression, kind = self.time(scope)
            keys.append((expression, self.fresh("g"), kind))
        if self.chance(0.3):
            keys.append((self.number(scope), self.fresh("g"), "int"))
        items = list(keys)
        if self.chance(0.3):  # made of a key
            expression, _, kind = self.one(*keys)
            made, kind = self.stepped(expression, kind) if kind != "int" else (expression, kind)
            items.append((made, self.fresh("o"), kind))
        time, kind = self.time(scope)
        items.append((f"{self.one('min', 'max')}({time})", self.fresh("a"), kind))
        items.append(
            (f"{self.one('sum', 'count', 'max')}({self.number(scope)})", self.fresh("a"), "int")
        )
        if self.chance(0.25):
            key = self.one(*keys)[0]
            inner = self.one(key, self.stepped(key, "date")[0], "1")
            order = self.one("", f" order by {key}")
            items.append(
                (f"sum(count(*)) over (partition by {inner}{order})", self.fresh("w"), "int")
            )
        if shape == "all":
            tail = " group by all"
        elif self.chance(0.25):
            tail = " group by " + ", ".join(str(i + 1) for i in range(len(keys)))
        elif self.chance(0.2):
            tail = " group by " + ", ".join(name for _, name, _ in keys)
        elif self.chance(0.05):
            tail = " group by rollup (" + ", ".join(e for e, _, _ in keys) + ")"
        else:
            tail = " group by " + ", ".join(expression for expression, _, _ in keys)
        if self.chance(0.2):
            tail += f" having count(*) {self.one('>', '<')} {self.one(1, 2)}"
        return "select " + _listed(items) + text + tail, {name: kind for _, name, kind in items}

    def from_(self, depth: int, scope: list[tuple[str, str]]) -> str:
        sql, columns = self.source(depth)
        alias = self.fresh("s")
        text = f" from {sql} {alias}"
        scope += [(f"{alias}.{name}", kind) for name, kind in columns.items()]
        if len(columns) > 2 and self.chance(0.1):
            scope += [(name, kind) for name, kind in columns.items()]
        for _ in range(self.one(0, 0, 0, 1, 1, 1, 2)):
            text += self.join(depth, scope)
        return text

    def join(self, depth: int, scope: list[tuple[str, str]]) -> str:
        sql, columns = self.source(depth)
        alias = self.fresh("s")
        mine = [(f"{alias}.{name}", kind) for name, kind in columns.items()]
        word = self.one("join", "join", "left join", "left join", "right join", "full join", "semi join",
                        "anti join", "cross join", ",", "lateral", "using", "asof")  # fmt: skip
        if word == "lateral":
            where = self.link(scope, mine)
            limit = self.one("", f" order by {self.all(mine)} limit 1")
            number = self.one(*[e for e, k in mine if k == "int"] or [mine[0][0]])
            text = (
                f", lateral (select {number} as n from {sql} {alias} where {where}{limit}) l{alias}"
            )
            scope.append((f"l{alias}.n", "int"))
            return text
        if word == "using":
            shared = [n for n in columns if any(e.endswith(f".{n}") for e, _ in scope)]
            if shared:
                name = self.one(*shared)
                side = self.one(
                    "join", "left join", "right join", "full join", "semi join", "anti join"
                )
                if side not in ("semi join", "anti join"):
                    scope += mine
                    scope.append((name, columns[name]))
                return f" {side} {sql} {alias} using ({name})"
            word = "join"
        if word == "asof":
            extra = f" and {self.equal(scope, mine)}" if self.chance(0.7) else ""
            unique = [e for e, _ in scope if e.endswith(".i")]
            a, b = self.one(*unique or [self.number(scope)]), f"{alias}.i"
            if "i" not in columns:  # which of several is the nearest would be anybody's guess
                return f" semi join {sql} {alias} on {self.equal(scope, mine)}"
            scope += mine
            return f" asof {self.one('', 'left ')}join {sql} {alias} on {a} >= {b}{extra}"
        if word in ("cross join", ","):
            scope += mine
            return f"{word if word == ',' else ' ' + word} {sql} {alias}"
        links = [self.link(scope, mine) for _ in range(self.one(1, 1, 1, 2))]
        if word not in ("semi join", "anti join"):
            scope += mine
        return f" {word} {sql} {alias} on {' and '.join(links)}"

    def link(self, left: list[tuple[str, str]], right: list[tuple[str, str]]) -> str:
        a, b = (left, right) if self.chance(0.5) else (right, left)
        form = self.one("equal", "equal", "equal", "range", "range", "between", "open", "or", "month",
                        "number", "strict", "same")  # fmt: skip
        if form == "equal":
            return self.equal(a, b)
        if form == "number":
            return f"{self.number(a)} = {self.number(b)}"
        if form == "same":
            return f"{self.time(a)[0]} is not distinct from {self.time(b)[0]}"
        (x, _), (y, _) = self.column(a), self.column(b)
        low, high = self.one(*SPANS), self.one(*SPANS)
        if form == "between":
            return (
                f"{x} between {y} - interval '{low}' and {self.one(y, f'{y} + interval {high!r}')}"
            )
        if form == "range":
            return f"{x} >= {y} - interval '{low}' and {x} {self.one('<', '<=')} {y}"
        if form == "strict":
            return f"{x} + interval '{low}' > {y} and {x} <= {y} + interval '{high}'"
        if form == "month":
            return f"{x} between date_trunc('{self.one('month', 'week')}', {y}) and {y}"
        if form == "open":
            return f"{x} {self.one('<=', '>', '>=')} {y}"
        return f"({self.equal(a, b)} or {x} = {y})"

    def equal(self, a: list[tuple[str, str]], b: list[tuple[str, str]]) -> str:
        return f"{self.time(a)[0]} = {self.time(b)[0]}"

    def column(self, scope: list[tuple[str, str]]) -> tuple[str, str]:
        times = [item for item in scope if item[1] != "int"]
        return self.one(*times or scope)

    def time(self, scope: list[tuple[str, str]]) -> tuple[str, str]:
        expression, kind = self.column(scope)
        for _ in range(self.one(0, 0, 0, 0, 1, 1, 1, 2)):
            expression, kind = self.stepped(expression, kind)
        if self.chance(0.1):
            other, theirs = self.column(scope)
            form = self.one("coalesce({}, {})", "greatest({}, {})", "least({}, {})", "nullif({}, {})",
                            "case when {} > {} then null else {} end",
                            "case when {} is null then {} else {} end")  # fmt: skip
            if kind == theirs:
                expression = form.format(expression, other, other)
        return expression, kind

    def stepped(self, e: str, kind: str) -> tuple[str, str]:
        unit = self.one(*UNITS)
        form = self.one("trunc", "trunc", "trunc", "date", "date", "stamp", "plus", "minus", "days", "text",
                        "parts", "last", "bucket")  # fmt: skip
        if form == "trunc":
            return f"date_trunc('{unit}', {e})", "stamp"
        if form == "date":
            return self.one(
                f"{e}::date", f"cast({e} as date)", f"date_trunc('{unit}', {e})::date"
            ), "date"
        if form == "stamp":
            return f"{e}::timestamp", "stamp"
        if form in ("plus", "minus"):
            return f"({e} {'+' if form == 'plus' else '-'} interval '{self.one(*SPANS)}')", "stamp"
        if form == "days":
            return f"({e}::date {self.one('+', '-')} {self.one(1, 3)})", "date"
        if form == "text":
            return f"strftime({e}, '{self.one('%Y-%m-01', '%Y-%m-%d', '%Y-01-01')}')::date", "date"
        if form == "parts":
            return f"make_date(year({e}), {self.one(f'month({e})', '1')}, 1)", "date"
        if form == "last":
            return f"last_day({e})", "date"
        width = self.one("1 month", "1 day", "7 days", "1 hour", "2 days", "3 months", "12 hours")
        return f"time_bucket(interval '{width}', {e})", kind

    def number(self, scope: list[tuple[str, str]]) -> str:
        numbers = [e for e, kind in scope if kind == "int"]
        if not numbers:
            return self.one("1", f"month({self.column(scope)[0]})")
        return self.one(*numbers, f"{self.one(*numbers)} + 1")

    def window(self, scope: list[tuple[str, str]]) -> str:
        function = self.one(f"sum({self.number(scope)})", "count(*)", f"max({self.number(scope)})")
        parts = ", ".join(self.time(scope)[0] for _ in range(self.one(1, 1, 2)))
        form = self.one("part", "part", "running", "range", "range", "rows", "lag", "row")
        if form == "part":
            return f"{function} over (partition by {parts})"
        if form == "running":
            return f"{function} over (partition by {parts} order by {self.column(scope)[0]})"
        if form == "range":
            low, high = self.one(*SPANS[:5]), self.one(*SPANS[:5])
            end = self.one("current row", f"interval '{high}' following")
            start = self.one(f"interval '{low}' preceding", "current row", "unbounded preceding")
            by = self.one("", "", f"partition by {self.number(scope)} ")
            order = f"{self.time(scope)[0]}{self.one('', ' desc')}"
            return f"{function} over ({by}order by {order} range between {start} and {end})"
        if form == "rows":
            return f"{function} over (order by {self.all(scope)} rows 2 preceding)"
        if form == "lag":
            return (
                f"lag({self.number(scope)}) over (partition by {parts} order by {self.all(scope)})"
            )
        return f"row_number() over (partition by {parts} order by {self.all(scope)})"

    def scalar(self, scope: list[tuple[str, str]]) -> str:
        sql, columns = self.source(0)
        alias = self.fresh("s")
        mine = [(f"{alias}.{name}", kind) for name, kind in columns.items()]
        where = f" where {self.link(scope, mine)}" if self.chance(0.8) else ""
        return f"(select {self.one('max', 'count')}({self.number(mine)}) from {sql} {alias}{where})"

    def condition(self, depth: int, scope: list[tuple[str, str]]) -> str:
        form = self.one("constant", "constant", "number", "link", "link", "exists", "in", "scalar")
        if form == "constant":
            return f"{self.column(scope)[0]} {self.one('>=', '<')} date '2024-02-{self.one(3, 9, 20):02}'"
        if form == "number" or (form != "link" and not depth):
            return f"{self.number(scope)} {self.one('>', '<', '<>')} {self.one(0, 1, 2)}"
        if form == "link":
            return self.link(scope, scope)
        if form == "scalar":
            return f"{self.number(scope)} {self.one('<=', '=', '>')} {self.scalar(scope)}"
        sql, columns = self.source(0)
        alias = self.fresh("s")
        mine = [(f"{alias}.{name}", kind) for name, kind in columns.items()]
        word = self.one("", "not ")
        if form == "exists":
            return f"{word}exists (select 1 from {sql} {alias} where {self.link(scope, mine)})"
        where = f" where {self.link(scope, mine)}" if self.chance(0.3) else ""
        return f"{self.time(scope)[0]} {word}in (select {self.time(mine)[0]} from {sql} {alias}{where})"


def _listed(items: list[tuple[str, str, str]]) -> str:
    return ", ".join(f"{expression} as {name}" for expression, name, _ in items)


@dataclass
class Warehouse:
    """Tables in schema `main`, and the ones that are changed in schema `other`."""

    connection: duckdb.DuckDBPyConnection
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    filled: dict[tuple[str, str], list[tuple[Any, ...]]] = field(default_factory=dict)

    def fill(self, schema: str, table: str, rows: list[tuple[Any, ...]]) -> None:
        if self.filled.get((schema, table)) == rows:
            return
        self.filled[schema, table] = rows
        self.connection.execute(f"delete from {schema}.{table}")
        if rows:
            marks = ", ".join("(" + ", ".join(map(_literal, row)) + ")" for row in rows)
            self.connection.execute(f"insert into {schema}.{table} values {marks}")

    def ask(self, schema: str, sql: str) -> Counter[tuple[Any, ...]]:
        self.connection.execute(f"use {schema}")
        return Counter(self.connection.execute(sql).fetchall())


def _literal(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{'timestamptz' if value.tzinfo else 'timestamp'} '{value}'"
    return "null" if value is None else f"date '{value}'" if isinstance(value, date) else str(value)


def _row(dice: random.Random, table: str, number: int) -> tuple[Any, ...]:
    found: list[Any] = [number]
    for name, type_ in list(TABLES[table].items())[1:]:
        if dice.random() < 0.12:
            found.append(None)
        elif type_ == "INTEGER":
            found.append(dice.randint(0, 3))
        else:
            at = FIRST + timedelta(days=dice.choice([dice.randint(0, 9), dice.randint(0, 42), 5]))
            at = at.replace(day=1) if name == "m" else at
            at += timedelta(hours=dice.choice([0, 0, 9, 23]) if type_ != "DATE" else 0)
            at = at.replace(tzinfo=UTC) if type_ == "TIMESTAMPTZ" else at
            found.append(at.date() if type_ == "DATE" else at)
    return tuple(found)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with duckdb.connect() as found:
        found.execute("set threads = 1")
        found.execute("create schema other")
        found.execute("set TimeZone = 'America/New_York'")
        for schema in ("main", "other"):
            for table, types in TABLES.items():
                listed = ", ".join(f"{column} {type_}" for column, type_ in types.items())
                found.execute(f"create table {schema}.{table} ({listed})")
        yield Warehouse(found)


def instant(value: Any) -> datetime:
    """Windows are told in UTC, as slices are."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def is_inside(value: Any, window: tuple[Any, Any]) -> bool:
    if value is None:
        return False
    at = instant(value) if isinstance(value, date) else value
    return bool(window[0] <= at < window[1])


def is_reached(value: Any, window: tuple[Any, Any], reaches: tuple[Reach, ...]) -> bool:
    """Whether a row with this value of the source may matter for the window."""
    if value is None:
        return False
    if not isinstance(value, date):
        return is_inside(value, window) or any(reaches)  # a road through time proves nothing of it
    return any(_touches(instant(value), window, reach) for reach in reaches)


def _touches(at: datetime, window: tuple[Any, Any], reach: Reach) -> bool:
    low, high = at, at + TICK
    for hop in reversed(reach):
        low, high = hop.touched((low, high))
    return low < window[1] and high > window[0]


def windows(dice: random.Random, values: list[Any]) -> tuple[Any, Any] | None:
    """Around some value that is there, mostly."""
    if not values:
        return None
    value = dice.choice(values)
    if not isinstance(value, date):
        return (value, value + dice.choice([1, 1, 2]))
    at = instant(value)
    start = dice.choice([at, at.replace(hour=0), at.replace(day=1, hour=0)])
    length = dice.choice(
        [timedelta(hours=1), timedelta(days=1), timedelta(days=1), timedelta(days=7)]
    )
    if dice.random() < 0.2:
        start += dice.choice([-1, 1]) * length
    return start, start + length


def check(warehouse: Warehouse, sql: str, local: Local, dice: random.Random) -> None:
    columns = [item[0] for item in warehouse.connection.execute(f"describe {sql}").fetchall()]
    place = columns.index(local.column)
    before = warehouse.ask("main", sql)
    window = windows(dice, sorted(row[place] for row in before if row[place] is not None))
    if window is None:
        return
    own = list(TABLES[local.table]).index(local.source)
    rows = warehouse.rows[local.table]
    kept = [row for row in rows if is_reached(row[own], window, local.reaches)]
    others = [row for row in rows if row not in kept and dice.random() < 0.4]
    made = [_row(dice, local.table, 100 + i) for i in range(12)]
    changed = kept + others + [r for r in made if not is_reached(r[own], window, local.reaches)]
    dice.shuffle(changed)
    for table in TABLES:
        warehouse.fill("other", table, changed if table == local.table else warehouse.rows[table])
    after = warehouse.ask("other", sql)
    inside = [Counter({r: n for r, n in each.items() if is_inside(r[place], window)})
              for each in (before, after)]  # fmt: skip
    assert inside[0] == inside[1], f"{local}\n{window}\n{sql}"


ALLOWED = (duckdb.OutOfRangeException, duckdb.BinderException, duckdb.ConversionException)
READ = Types("duckdb")


def inputs(dice: random.Random) -> dict[tuple[str, ...], tuple[str, tuple[Column, ...] | None]]:
    """What is known of the tables: all, or no types, or not even the columns of some."""
    typed = {t: tuple(Column(*item) for item in types.items()) for t, types in TABLES.items()}
    if dice.random() < 0.25:
        typed = {table: tuple(Column(c.name) for c in columns) for table, columns in typed.items()}
    open_ = dice.sample([*TABLES], dice.choice([1, 3])) if dice.random() < 0.2 else []
    return {(table,): (table, None if table in open_ else typed[table]) for table in TABLES}


def attempt(warehouse: Warehouse, seed: int) -> tuple[int, int, int]:
    """One query: whether it runs, its columns that are times, and those of which something is proven."""
    dice = random.Random(seed)
    sql = Writer(dice).query()
    try:
        warehouse.connection.execute("use main")
        described = warehouse.connection.execute(f"describe {sql}").fetchall()
    except duckdb.Error:
        return 0, 0, 0
    data = random.Random(seed // 20)
    warehouse.rows = {table: [_row(data, table, i) for i in range(14)] for table in TABLES}
    for table in TABLES:
        warehouse.fill("main", table, warehouse.rows[table])
    found = read_locals(sql, READ, inputs(dice))
    try:
        for local in dice.sample(found, min(len(found), 3)):
            check(warehouse, sql, local, dice)
    except ALLOWED:
        pass  # what one set of rows or the other makes of the query is its own matter
    times = {row[0] for row in described if row[1] in TIMES}
    return 1, len(times), len({local.column for local in found if local.column in times})


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**48))
def test_rows_that_are_proven_not_to_matter_do_not(warehouse: Warehouse, seed: int) -> None:
    attempt(warehouse, seed)


@pytest.mark.nightly
def test_rows_that_are_proven_not_to_matter_do_not_for_long(warehouse: Warehouse) -> None:
    told = Counter[str]()
    for seed in range(30_000):
        valid, columns, proven = attempt(warehouse, seed)
        told.update(valid=valid, columns=columns, proven=proven)
    assert told["valid"] > 15_000
    assert told["proven"] > told["columns"] // 4
