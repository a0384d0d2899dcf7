"""A project whose queries are edited column by column at random, and what plain SQL says of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.events import Event

Rows = list[tuple[Any, ...]]
BASES = {"raw": ("id", "k", "a", "b", "d"), "ext.events": ("id", "k", "x", "y")}
KINDS = ("plain", "plain", "plain", "star", "group", "join", "union", "distinct", "window", "cte")
KINDS += ("blind",)
HOWS = ("table", "table", "table", "view", "ephemeral", "sliced")
OPS = ("{0}", "{0}", "{0} + {2}", "coalesce({0}, 0) * {2}", "{0} - {1}")
OPS += ("case when {0} > {2} then {1} end", "cast({0} as double)", "greatest({0}, {1})")
VERBS = ("alter", "alter", "alter", "append", "append", "insert", "drop", "rename", "reorder")
VERBS += ("filter", "comment", "respell", "row", "event", "rekind", "revert", "how", "cut")
CUT = "partition: {by: values, column: k, values: [0, 1, 2, 3]}"


class Killed(BaseException):
    """Stands for a process that ends between two events."""


@dataclass
class Out:
    """A column: its expression over two columns of one side, and a number."""

    name: str
    op: str
    side: str
    args: tuple[str, str]
    number: int

    def text(self) -> str:
        return self.op.format(*(f"{self.side}.{each}" for each in self.args), self.number)


@dataclass
class Query:
    kind: str
    how: str
    over: tuple[str, str]
    outs: list[Out]
    limit: int = 0
    key: str = "k"
    spelling: int = 0
    turn: int = 0  # how its slices' column is made of that of its input
    before: list[Out] = field(default_factory=list)


class Project:
    """Models in a row, each over two earlier ones or bases. Every choice is made by one random seed."""

    def __init__(self, root: Path, seed: int, models: int = 6) -> None:
        self.root, self.random = root, random.Random(seed)
        self.now = datetime(2024, 1, 1, tzinfo=UTC)
        self.queries: dict[str, Query] = {}
        self.rows = [self._row(i) for i in range(5)]
        self.log: list[str] = [f"seed {seed}"]
        self.count = self.spared = self.built = 0
        (root / "models").mkdir()
        (root / "seeds").mkdir()
        (root / "sqlpipes.yml").write_text("name: shop\n")
        source = "sources:\n  - {name: ext, schema: ext, tables: [{name: events, changes: hash}]}\n"
        (root / "models" / "sources.yml").write_text(source)
        self.sql("create schema ext; create table ext.events (id int, k int, x int, y int)")
        for _ in range(4):
            self.event()
        for i in range(models):
            self.queries[f"m{i}"] = self._query(i)
        self.write()

    def sql(self, text: str) -> Rows:
        with duckdb.connect(str(self.root / "shop.duckdb")) as connection:
            return connection.execute(text).fetchall()

    def _row(self, i: int) -> tuple[int, ...]:
        pick = self.random.randrange
        return (i, pick(4), pick(30), pick(30), pick(9))

    def _query(self, i: int) -> Query:
        choice = self.random.choice
        over = [f"m{j}" for j in range(i)] * 3 + list(BASES)
        kind, how = choice(KINDS), choice(HOWS)
        query = Query(kind, how, (choice(over), choice(over)), [], self.random.randrange(5))
        for _ in range(self.random.randrange(1, 4)):
            query.outs.append(self._out(query))
        return query

    def _out(self, query: Query) -> Out:
        self.count += 1
        side = self.random.choice("lr") if query.kind == "join" else "l"
        table = query.over[side == "r"]
        names = [name for name in self.columns(table) if name]
        args = self.random.choice(names), self.random.choice(names)
        return Out(f"c{self.count}", self.random.choice(OPS), side, args, self.random.randrange(9))

    def columns(self, table: str) -> list[str]:
        """What a table yields, in order, asked of DuckDB with no rows in it."""
        if table in BASES:
            return list(BASES[table])
        with duckdb.connect() as connection:
            self._make(connection, table)
            return [name for name, *_ in connection.execute(f"describe {table}").fetchall()]

    def _make(self, connection: Any, until: str) -> None:
        connection.execute(
            "create schema ext; create table raw (id int, k int, a int, b int, d int)"
        )
        connection.execute("create table ext.events (id int, k int, x int, y int)")
        for name in self.queries:
            connection.execute(f"create view {name} as {self.text(name)}")
            if name == until:
                return

    def text(self, name: str) -> str:
        query = self.queries[name]
        one, other = query.over
        said = ", ".join(f"{out.text()} as {out.name}" for out in query.outs)
        said += f" -- edit {query.spelling}\n" if query.spelling % 3 == 1 else ""
        where = f"where l.{query.key} > {query.limit} or l.{query.key} is null"
        rest = ", " + said if query.outs else ""
        k = f"(l.k + {query.turn}) % 5 as k" if query.turn else "l.k"
        if query.kind == "blind":  # it reads rows, and nothing that slices are cut by
            return f"select 0 as k, count(*) as n{name}{_sums(query)} from {one} l"
        if query.kind == "star":
            return f"select l.*{rest} from {one} l"
        if query.kind == "group":
            sums = ", ".join(
                f"max({out.text()}) as {out.name}"
                if i % 2
                else f"count({out.text()}) as {out.name}"
                for i, out in enumerate(query.outs)
            )
            return f"select l.k, {sums or 'count(*) as n'} from {one} l {where} group by l.k"
        if query.kind == "join":
            return f"select {k}{rest} from {one} l left join {other} r on l.k = r.k {where}"
        if query.kind == "union":
            return f"select k from {other} union all select {k} from {one} l {where}"
        if query.kind == "distinct":
            return f"select distinct {k}{rest} from {one} l"
        if query.kind == "window":
            spread = f"count(*) over (partition by l.k) as w{name}"
            top = (
                f", max({query.outs[0].text()}) over (partition by l.k) as x{name}"
                if query.outs
                else ""
            )
            return f"select {k}, {spread}{top}{rest} from {one} l"
        if query.kind == "cte":
            alias = f"q{query.spelling % 2}"
            return f"with {alias} as (select {k}{rest} from {one} l {where}) select * from {alias}"
        return f"select {k}{rest} from {one} l {where}"

    def write(self) -> None:
        """All models as they are now; what reads a column that is gone reads another one."""
        for name, query in self.queries.items():
            self._mend(query)
            said = CUT if query.how == "sliced" else f"materialized: {query.how}"
            text = f"/*\n---\n{said}\n---\n*/\n{self.text(name)}\n"
            (self.root / "models" / f"{name}.sql").write_text(text)
        lines = [",".join(BASES["raw"]), *(",".join(map(str, row)) for row in self.rows)]
        (self.root / "seeds" / "raw.csv").write_text("\n".join(lines) + "\n")

    def _mend(self, query: Query) -> None:
        there = [self.columns(table) for table in query.over]
        if query.key not in there[0]:
            query.key = "k"
        for out in query.outs:
            known = there[out.side == "r"]
            one, other = (each if each in known else "k" for each in out.args)
            out.args = one, other

    def edit(self) -> None:
        name = self.random.choice(list(self.queries))
        verb = self.random.choice(VERBS)
        self.log.append(f"{verb} {name}")
        getattr(self, verb)(*(() if verb in ("row", "event") else (self.queries[name],)))
        self.write()

    def alter(self, query: Query) -> None:
        if query.outs:
            at = self.random.randrange(len(query.outs))
            query.before = list(query.outs)
            query.outs[at] = Out(query.outs[at].name, *_rest(self._out(query)))

    def append(self, query: Query) -> None:
        query.before = list(query.outs)
        query.outs.append(self._out(query))

    def insert(self, query: Query) -> None:
        query.before = list(query.outs)
        query.outs.insert(0, self._out(query))

    def drop(self, query: Query) -> None:
        query.before = list(query.outs)
        if len(query.outs) > 1:
            query.outs.pop(self.random.randrange(len(query.outs)))

    def rename(self, query: Query) -> None:
        query.before = list(query.outs)
        self.count += 1
        if query.outs:
            query.outs[0] = Out(f"c{self.count}", *_rest(query.outs[0]))

    def reorder(self, query: Query) -> None:
        self.random.shuffle(query.outs)

    def revert(self, query: Query) -> None:
        query.outs, query.before = query.before or query.outs, query.outs

    def filter(self, query: Query) -> None:
        query.limit = self.random.randrange(5)
        query.key = self.random.choice(self.columns(query.over[0]))
        if self.random.random() < 0.7:
            query.key = "k"

    def cut(self, query: Query) -> None:
        """Rows move to other slices, or out of all of them."""
        query.turn = self.random.randrange(5)

    def comment(self, query: Query) -> None:
        query.spelling += 3 if query.spelling % 3 else 1

    def respell(self, query: Query) -> None:
        query.spelling += 1

    def rekind(self, query: Query) -> None:
        if self.random.random() < 0.3:
            query.kind = self.random.choice([each for each in KINDS if each != "join"])
            query.outs = [out for out in query.outs if out.side == "l"] or [self._out(query)]

    def how(self, query: Query) -> None:
        if self.random.random() < 0.3:
            query.how = self.random.choice(HOWS)

    def row(self) -> None:
        if self.random.random() < 0.5:
            self.rows.append(self._row(len(self.rows)))
        else:
            self.rows[0] = self._row(0)

    def event(self) -> None:
        pick = self.random.randrange
        self.sql(f"insert into ext.events values ({pick(9)}, {pick(4)}, {pick(30)}, {pick(30)})")

    def build(self, ask: Ask | None = None, kill_at: int = 0) -> sqlpipes.Report | None:
        """None: it was killed in the midst of it, or refused."""
        self.now += timedelta(minutes=1)
        self.log.append(f"build {ask.select if ask else ''} {kill_at or ''}")
        seen = 0

        def on_event(event: Event) -> None:
            nonlocal seen
            seen += 1
            if seen == kill_at:
                raise Killed

        try:
            return sqlpipes.build(
                self.load(), ask, on_event=on_event, clock=lambda: self.now, threads=2
            )
        except Killed:
            return None
        except sqlpipes.ProjectError as error:
            if {problem.code for problem in error.problems} <= {"PLN001", "PAR007"}:
                return None
            raise

    def load(self) -> sqlpipes.Project:
        return sqlpipes.load(str(self.root), environ={})

    def settle(self) -> None:
        """A plain build: everything is the truth then, and nothing is left to do."""
        report = self.build()
        assert report is not None, self.log
        assert report.ok, (self.log, [event.problems for event in report.failed])
        self.spared += len(report.plan.spared)
        self.built += len(report.plan.steps)
        wrong = self.wrong()
        assert not wrong, (self.log, [str(each) for each in report.plan.spared], wrong)
        left = sqlpipes.plan(self.load(), now=self.now)
        reasons = [(s.asset, [str(r) for r in s.reasons]) for s in left.steps]
        assert left.steps == (), (self.log, reasons)

    def wrong(self) -> dict[str, tuple[Any, Any]]:
        """Of each model that is there what it holds and what plain SQL says, where these differ."""
        found = {}
        with duckdb.connect(str(self.root / "shop.duckdb")) as connection:
            connection.execute("create schema truth; use truth")
            try:
                connection.execute("create table raw as from main.raw")
                for name, query in self.queries.items():
                    cut = "" if query.how != "sliced" else " where k in (0, 1, 2, 3)"
                    connection.execute(f"create table {name} as from ({self.text(name)}){cut}")
                    if query.how != "ephemeral":
                        is_, said = _rows(connection, f"main.{name}"), _rows(connection, name)
                        if is_ != said:
                            found[name] = (is_, said)
            finally:
                connection.execute("use main; drop schema truth cascade")
        return found


def _sums(query: Query) -> str:
    return "".join(f", max({out.text()}) as {out.name}" for out in query.outs)


def _rest(out: Out) -> tuple[Any, ...]:
    return out.op, out.side, out.args, out.number


def _rows(connection: Any, table: str) -> tuple[list[str], Rows]:
    names = [name for name, *_ in connection.execute(f"describe {table}").fetchall()]
    return names, sorted(connection.execute(f"from {table}").fetchall(), key=repr)


def follow(root: Path, seed: int, rounds: int) -> Project:
    """A random history, with a build that must make all of it right after every few edits."""
    project = Project(root, seed)
    project.settle()
    for _ in range(rounds):
        for _ in range(project.random.choice((1, 1, 1, 2, 3))):
            project.edit()
        if project.random.random() < 0.25:
            names = list(project.queries)
            project.build(Ask(select=(project.random.choice(names),)))
            project.edit()
        if project.random.random() < 0.15:
            project.build(kill_at=project.random.randrange(2, 20))
        project.settle()
    return project
