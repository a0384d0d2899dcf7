"""Random projects of small integer tables, and random edits of them; what DuckDB makes of either."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

NAMES = "abcde"


@dataclass(frozen=True)
class Query:
    """`items`: name -> expression; a star stands for itself. `tail` begins with FROM."""

    items: dict[str, str]
    tail: str
    head: str = "select"
    columns: tuple[str, ...] = ()  # what a star was meant to be
    note: str = ""

    @property
    def sql(self) -> str:
        said = (
            name if name.startswith("*") else f"{e} as {name}" for name, e in self.items.items()
        )
        return f"{self.head} {', '.join(said)} {self.tail}{self.note}"

    @property
    def names(self) -> list[str]:
        return [*self.columns, *(name for name in self.items if not name.startswith("*"))]


@dataclass(frozen=True)
class Texts:
    """Models by name, inputs first."""

    queries: dict[str, Query] = field(default_factory=dict)

    @property
    def sql(self) -> dict[str, str]:
        return {name: query.sql for name, query in self.queries.items()}


def random_project(rng: random.Random, size: int = 6) -> Texts:
    made = Texts()
    for name in ("r0", "r1"):
        made.queries[name] = raw(rng)
    for i in range(size):
        made.queries[f"m{i}"] = model(rng, made.queries)
    return made


def raw(rng: random.Random) -> Query:
    columns = list(NAMES[: rng.randint(3, 4)])
    rows = (
        "(" + ", ".join(str(rng.choice([0, 1, 2, 3, "null::int"])) for _ in columns) + ")"
        for _ in range(5)
    )
    tail = f"from (values {', '.join(rows)}) as t({', '.join(columns)})"
    return Query({name: name for name in columns}, tail)


def model(rng: random.Random, known: dict[str, Query]) -> Query:
    """A query over up to two tables."""
    p, q = rng.choice(list(known)), rng.choice(list(known))
    a, b = known[p].names, known[q].names
    x, y, z = rng.choice(a), rng.choice(a), rng.choice(b)
    where = rng.choice(["", f" where {x} > 0", f" where {y} is not null", f" where {x} = {y}"])
    form = rng.randrange(13)
    if form < 4:
        names = rng.sample(NAMES, rng.randint(1, 3))
        return Query({name: item(rng, a) for name in names}, f"from {p}{where}")
    if form == 4:
        return Query({"*": ""}, f"from {p}{where}", columns=tuple(a))
    if form == 5 and len(a) > 1:
        rest = tuple(column for column in a if column != x)
        return Query({f"* exclude ({x})": ""}, f"from {p}{where}", columns=rest)
    if form <= 6:
        new = rng.choice([n for n in (*NAMES, "f", "g", "h", "i", "j") if n not in a])
        return Query({"*": "", new: item(rng, a)}, f"from {p}", columns=tuple(a))
    if form == 7:
        kind = rng.choice(["join", "left join"])
        tail = f"from {p} as s {kind} {q} as t on s.{y} = t.{z}"
        return Query({"a": f"s.{x}", "b": f"t.{z}"}, tail)
    if form == 8:
        by = rng.choice(["all", x])
        items = {"a": x, "b": f"sum({y})", "c": "count(*)"}
        return Query(items, f"from {p}{where} group by {by}")
    if form == 9:
        if len(a) == len(b) and rng.random() < 0.5:
            return Query({"*": ""}, f"from {p} union all select * from {q}", columns=tuple(a))
        return Query({"a": x, "b": y}, f"from {p} union all select {z}, {z} from {q}")
    if form == 10:
        return Query({"a": x, "b": f"sum({y}) over (partition by {x})"}, f"from {p}{where}")
    if form == 11:
        return Query({"a": x}, f"from {p}{where}", "select distinct")
    if rng.random() < 0.5:
        return Query({"a": x, "b": f"(select max({z}) from {q})"}, f"from {p}")
    head = f"with w as (select * from {p}) select"
    return Query({"a": x}, f"from w where {y} in (select {z} from {q})", head)


def item(rng: random.Random, columns: list[str]) -> str:
    x, y = rng.choice(columns), rng.choice(columns)
    return rng.choice([x, x, f"{x} + {y}", f"coalesce({x}, 0)", f"{x} * 2", "7"])


def edited(rng: random.Random, before: Texts) -> Texts:
    """One or two of the models otherwise; what reads them is left as it is."""
    after = Texts(dict(before.queries))
    for name in rng.sample(list(before.queries), rng.choice([1, 1, 2])):
        edit(rng, after.queries, name)
    return after


def edit(rng: random.Random, queries: dict[str, Query], name: str) -> None:
    old = queries[name]
    items = dict(old.items)
    at = rng.choice(list(items))
    how = rng.randrange(10)
    if how == 0:
        queries[name] = replace(old, note="  -- the same")
    elif how == 1 and name.startswith("m"):
        above = list(queries)[: list(queries).index(name)]
        queries[name] = model(rng, {each: queries[each] for each in above})
    elif how == 2 and name.startswith("m"):
        del queries[name]
    elif how == 3:
        queries[name] = replace(old, tail=more_conditions(rng, old))
    elif at.startswith("*") or how == 4:
        queries[name] = replace(old, items={**items, "z": rng.choice(old.names)})
    elif how == 5 and len(items) > 1:
        del items[at]
        queries[name] = replace(old, items=items)
    elif how == 6:
        renamed = {"y" if each == at else each: said for each, said in items.items()}
        queries[name] = replace(old, items=renamed)
    elif how == 7:
        order = rng.sample(list(items), len(items))
        queries[name] = replace(old, items={each: items[each] for each in order})
    elif how == 8 and len(items) > 1:
        other = rng.choice(list(items))
        items[at], items[other] = items[other] or items[at], items[at]
        queries[name] = replace(old, items=items)
    else:
        queries[name] = replace(old, items={**items, at: f"({items[at]}) + 1"})


def more_conditions(rng: random.Random, old: Query) -> str:
    word = "having" if "group by" in old.tail else "and" if "where" in old.tail else "where"
    return f"{old.tail} {word} {rng.choice(['1 = 1', 'true', '2 > 1'])}"


Rows = dict[str, Counter[Any]] | None
"""Of an asset: its rows by "", and the values of each column by its name; None: it does not build."""


def built(texts: Texts) -> dict[str, Rows]:
    """Each as a table, in the order of the texts; what reads one that failed fails."""
    with duckdb.connect() as db:
        return dict(_built(db, texts))


def _built(db: duckdb.DuckDBPyConnection, texts: Texts) -> Iterator[tuple[str, Rows]]:
    for name, sql in texts.sql.items():
        try:
            db.execute(f"create table {name} as {sql}")
            found = db.execute(f"from {name}")
        except duckdb.Error:
            yield name, None
            continue
        names = [column[0] for column in found.description or ()]
        order = sorted(range(len(names)), key=names.__getitem__)
        rows = found.fetchall()
        values: dict[str, Counter[Any]] = {
            names[i]: Counter(row[i] for row in rows) for i in range(len(names))
        }
        yield name, {"": Counter(tuple((names[i], row[i]) for i in order) for row in rows)} | values
