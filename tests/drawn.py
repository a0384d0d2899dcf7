"""A seed -> a random DuckDB query whose result hangs on the rows of its tables alone.

Every construct of `Writer` is one that could hide an edge. Ties are never broken by the order in which
rows happen to come: that order may change with any column's values, and no edge tells of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

TABLES: Mapping[str, Mapping[str, str]] = {
    "t": {"a": "INTEGER", "b": "INTEGER", "c": "INTEGER"},
    "u": {"a": "INTEGER", "d": "INTEGER", "e": "INTEGER"},
    "n": {"k": "INTEGER", "l": "INTEGER[]", "s": "STRUCT(f INTEGER, g INTEGER)"},
}
NUMBERS = {"t": ["a", "b", "c"], "u": ["a", "d", "e"]}
ROWS = 12


@dataclass
class Drawn:
    """A query, the names of its columns (all of them numbers), and what it is made with."""

    sql: str
    columns: list[str]


@dataclass
class Writer:
    dice: random.Random
    names: int = 0
    used: set[str] = field(default_factory=set)

    def pick(self, options: list[str]) -> str:
        return self.dice.choice(options)

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def fresh(self, prefix: str = "x") -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def use(self, construct: str) -> None:
        self.used.add(construct)

    # ------------------------------------------------------------------------------------ relations

    def query(self, depth: int) -> Drawn:
        shapes: list[Callable[[int], Drawn]] = [
            *[self.select] * 8, self.set_operation, self.with_query, self.recursive, self.pivot,
            self.unpivot, self.nested, self.starred, self.starred, self.laterally, self.by_name,
        ]  # fmt: skip
        return self.dice.choice(shapes)(depth)

    def relation(self, depth: int) -> tuple[str, list[str]]:
        """Text for FROM without an alias, and its columns."""
        if depth <= 0 or self.chance(0.5):
            table = self.pick(["t", "u"])
            return table, NUMBERS[table]
        inner = self.query(depth - 1)
        return f"({inner.sql})", inner.columns

    def sources(self, depth: int) -> tuple[str, list[str]]:
        """A FROM clause with one, two or three relations, and the names that can be used."""
        text, names = self.relation(depth)
        alias = self.fresh("s")
        text, scope = f"{text} as {alias}", [f"{alias}.{name}" for name in names]
        for _ in range(self.dice.choice([0, 0, 1, 1, 2])):
            text, scope = self.join(text, scope, depth)
        return text, scope

    def join(self, text: str, scope: list[str], depth: int) -> tuple[str, list[str]]:
        kind = self.pick(
            ["join", "left join", "right join", "full join", "semi join", "anti join", "cross join",
             "asof join", "asof left join", "comma", "using", "natural", "positional", "lateral"]
        )  # fmt: skip
        self.use(kind)
        if kind in ("using", "natural", "positional"):
            return self.joined_tables(kind)
        if kind == "lateral":
            alias, name = self.fresh("s"), self.fresh()
            inner = f"select {self.aggregate(['u.d', 'u.e'])} as {name} from u"
            on = f"where u.a {self.pick(['=', '<', '<>'])} {self.pick(scope)}"
            return f"{text}, lateral ({inner} {on}) as {alias}", [*scope, f"{alias}.{name}"]
        relation, names = self.relation(depth - 1)
        alias = self.fresh("s")
        theirs = [f"{alias}.{name}" for name in names]
        right = f"{relation} as {alias}"
        if kind == "cross join":
            return f"{text} cross join {right}", scope + theirs
        if kind == "comma":
            return f"{text}, {right}", scope + theirs
        on = f"{self.pick(scope)} = {self.pick(theirs)}"
        if "asof" in kind:
            # one row for each value of the key, else a tie would be broken at random
            key, value = self.fresh(), self.fresh()
            keyed = f"select {names[0]} as {key}, max({names[-1]}) as {value} from {relation} group by 1"
            on = f"{self.pick(scope)} >= {alias}.{key}"
            return f"{text} {kind} ({keyed}) as {alias} on {on}", [
                *scope, f"{alias}.{key}", f"{alias}.{value}",
            ]  # fmt: skip
        if self.chance(0.3):
            on += f" and {self.pick(scope)} > {self.pick(theirs)}"
        seen = scope if kind in ("semi join", "anti join") else scope + theirs
        return f"{text} {kind} {right} on {on}", seen

    def joined_tables(self, kind: str) -> tuple[str, list[str]]:
        if kind == "positional":
            one, other = self.fresh("s"), self.fresh("s")
            scope = [f"{one}.a", f"{one}.b", f"{one}.c", f"{other}.d", f"{other}.e"]
            return f"t as {one} positional join u as {other}", scope
        side = self.pick(["", "left ", "right ", "full "])
        if kind == "natural":
            return f"t natural {side}join u", ["a", "b", "c", "d", "e"]
        return f"t {side}join u using (a)", ["a", "b", "c", "d", "e"]

    # --------------------------------------------------------------------------------------- shapes

    def select(self, depth: int) -> Drawn:
        text, scope = self.sources(depth)
        where = f" where {self.condition(scope)}" if self.chance(0.5) else ""
        shape = self.pick(
            ["plain", "plain", "aliased", "group", "group", "totals", "window", "window", "distinct",
             "distinct_on", "limit"]
        )  # fmt: skip
        self.use(shape)
        made: Drawn = getattr(self, shape)(text, scope, where)
        return made

    def plain(self, text: str, scope: list[str], where: str) -> Drawn:
        names = [self.fresh() for _ in range(self.dice.randint(1, 3))]
        items = ", ".join(f"{self.scalar(scope)} as {name}" for name in names)
        return Drawn(f"select {items} from {text}{where}", names)

    def aliased(self, text: str, scope: list[str], where: str) -> Drawn:
        one, two, three = self.fresh(), self.fresh(), self.fresh()
        where = self.pick([where, f" where {one} > 1"])
        items = f"{self.scalar(scope)} as {one}, {self.scalar(scope)} as {two}, {one} + {two} as {three}"
        return Drawn(f"select {items} from {text}{where}", [one, two, three])

    def distinct(self, text: str, scope: list[str], where: str) -> Drawn:
        inner = self.plain(text, scope, where)
        return Drawn(inner.sql.replace("select", "select distinct", 1), inner.columns)

    def distinct_on(self, text: str, scope: list[str], where: str) -> Drawn:
        inner = self.plain(text, scope, where)
        key = self.scalar(scope)
        order = f"order by {', '.join(scope)}"
        sql = inner.sql.replace("select", f"select distinct on ({key})", 1)
        return Drawn(f"{sql} {order}", inner.columns)

    def limit(self, text: str, scope: list[str], where: str) -> Drawn:
        inner = self.plain(text, scope, where)
        order = self.pick(["order by all", "order by all desc nulls last"])
        count = self.pick(["3", "3 offset 2", "30%", "(select min(abs(d)) + 1 from u)"])
        return Drawn(f"{inner.sql} {order} limit {count}", inner.columns)

    def group(self, text: str, scope: list[str], where: str) -> Drawn:
        key, names = self.scalar(scope), [self.fresh(), self.fresh(), self.fresh()]
        having = f" having {self.aggregate(scope)} > 1" if self.chance(0.4) else ""
        by = self.pick([names[0], "1", "all"])
        items = f"{key} as {names[0]}, {self.aggregate(scope)} as {names[1]}"
        items += f", {self.aggregate(scope)} as {names[2]}"
        return Drawn(f"select {items} from {text}{where} group by {by}{having}", names)

    def totals(self, text: str, scope: list[str], where: str) -> Drawn:
        one, two = self.pick(scope), self.pick(scope)
        sets = self.pick(
            [f"rollup ({one}, {two})", f"cube ({one}, {two})", f"grouping sets (({one}), ({two}), ())",
             "()"]
        )  # fmt: skip
        names = [self.fresh() for _ in range(3)]
        values = [self.aggregate(scope), self.aggregate(scope), self.aggregate(scope)]
        if sets != "()":
            values[:2] = [one, f"grouping({two})"]
        items = ", ".join(f"{value} as {name}" for value, name in zip(values, names, strict=True))
        return Drawn(f"select {items} from {text}{where} group by {sets}", names)

    def window(self, text: str, scope: list[str], where: str) -> Drawn:
        part, order = self.pick(scope), self.pick(scope)
        frame = self.pick(
            ["", "", " range between 1 preceding and current row",
             " range between current row and unbounded following", " groups 1 preceding",
             " range between unbounded preceding and current row exclude current row"]
        )  # fmt: skip
        if "exclude" in frame or "groups" in frame:
            frame = " range between unbounded preceding and unbounded following"
        over = f"partition by {part} order by {order}{frame}"
        ranked = f"partition by {part} order by {order}"
        total = f"order by {', '.join(scope)}"
        name, more = self.fresh(), self.fresh()
        call = self.pick(
            [f"sum({self.pick(scope)}) over ({over})", f"max({self.pick(scope)}) over ({over})",
             f"rank() over ({ranked})", f"dense_rank() over ({ranked})",
             f"count(*) over (partition by {part})", "count(*) over ()",
             f"sum({self.pick(scope)}) over w", f"lag({self.pick(scope)}) over ({total})",
             f"row_number() over (partition by {part} {total})",
             f"first_value({order}) over ({ranked})", f"ntile(2) over ({total})",
             f"sum({self.pick(scope)}) filter ({self.pick(scope)} > 1) over (partition by {part})"]
        )  # fmt: skip
        named = f" window w as (partition by {part} order by {order})" if " over w" in call else ""
        qualify = f" qualify {more} > 1" if self.chance(0.4) else ""
        self.used |= {"qualify"} if qualify else set()
        items = f"{self.scalar(scope)} as {name}, {call} as {more}"
        return Drawn(f"select {items} from {text}{where}{named}{qualify}", [name, more])

    def set_operation(self, depth: int) -> Drawn:
        one, other = self.query(depth - 1), self.query(depth - 1)
        width = min(len(one.columns), len(other.columns), 3)
        names = [self.fresh() for _ in range(width)]
        left, right = (
            "select " + ", ".join(
                f"{own} as {name}" for own, name in zip(side.columns, names, strict=False)
            ) + f" from ({side.sql})"
            for side in (one, other)
        )  # fmt: skip
        operator = self.pick(
            ["union", "union all", "except", "intersect", "except all", "intersect all"]
        )
        self.use(operator)
        return Drawn(f"({left}) {operator} ({right})", names)

    def by_name(self, depth: int) -> Drawn:
        self.use("union by name")
        one, two, three = self.fresh(), self.fresh(), self.fresh()
        left, right = self.sources(depth - 1), self.sources(depth - 1)
        first = f"select {self.scalar(left[1])} as {one}, {self.scalar(left[1])} as {two} from {left[0]}"
        second = f"select {self.scalar(right[1])} as {two}, {self.scalar(right[1])} as {three}"
        union = self.pick(["union by name", "union all by name"])
        return Drawn(f"{first} {union} {second} from {right[0]}", [one, two, three])

    def with_query(self, depth: int) -> Drawn:
        self.use("with")
        inner = self.query(depth - 1)
        name = self.pick([self.fresh("w"), "t"])
        one, other = self.fresh("s"), self.fresh("s")
        scope = [f"{one}.{c}" for c in inner.columns] + [f"{other}.{c}" for c in inner.columns]
        text = f"{name} as {one} left join {name} as {other} on {scope[0]} = {scope[-1]}"
        if self.chance(0.5):
            text, scope = f"{name} as {one}", scope[: len(inner.columns)]
        made = self.plain(text, scope, f" where {scope[0]} > 0" if self.chance(0.5) else "")
        how = self.pick(["", "materialized ", "not materialized "])
        return Drawn(f"with {name} as {how}({inner.sql}) {made.sql}", made.columns)

    def recursive(self, depth: int) -> Drawn:
        self.use("recursive")
        one, two, name = self.fresh(), self.fresh(), self.fresh("r")
        text, scope = self.sources(0)
        start = f"select {self.scalar(scope)} as {one}, 0 as {two} from {text}"
        step = self.pick(
            [f"select {one} + 1, {two} + 1 from {name} where {two} < 2",
             f"select {one}, {two} + 1 from {name} where {two} < 2 and {one} > 1",
             f"select d, {two} + 1 from {name} join u on u.a = {name}.{one} where {two} < 2",
             f"select {two}, {two} + 1 from {name} where {two} < (select min(abs(e)) from u)"]
        )  # fmt: skip
        union = self.pick(["union all", "union"])
        return Drawn(
            f"with recursive {name}({one}, {two}) as ({start} {union} {step}) from {name}",
            [one, two],
        )

    def pivot(self, depth: int) -> Drawn:
        self.use("pivot")
        table = self.pick(["t", "u"])
        one, two, three = self.dice.sample(NUMBERS[table], 3)
        call = self.pick(["sum", "max", "count"])
        if self.chance(0.5):
            inner = f"pivot {table} on {two} in (1, 2) using {call}({three}) group by {one}"
        else:
            inner = f"from {table} pivot ({call}({three}) for {two} in (1, 2) group by {one})"
        names = [self.fresh() for _ in range(3)]
        listed = ", ".join(
            f'"{own}" as {name}' for own, name in zip([one, "1", "2"], names, strict=True)
        )
        return Drawn(f"select {listed} from ({inner})", names)

    def unpivot(self, depth: int) -> Drawn:
        self.use("unpivot")
        table = self.pick(["t", "u"])
        one, two, three = self.dice.sample(NUMBERS[table], 3)
        name, value = self.fresh(), self.fresh()
        nulls = self.pick(["", "include nulls "])
        if self.chance(0.5):
            inner = f"from {table} unpivot {nulls}({value} for nm in ({one}, {two}))"
        else:
            inner = f"unpivot {table} on {one}, {two} into name nm value {value}"
        return Drawn(
            f"select {three} as {name}, {value}, length(nm) as q from ({inner})", [name, value]
        )

    def nested(self, depth: int) -> Drawn:
        """Lists and structs."""
        construct = self.pick(["unnest", "unnest in from", "struct", "list", "row"])
        self.use(construct)
        one, two = self.fresh(), self.fresh()
        sql = {
            "unnest": f"select k as {one}, unnest(l) as {two} from n",
            "unnest in from": f"select z.v as {one}, n.k as {two} from n, unnest(n.l) as z(v)",
            "struct": f"select s.f as {one}, {{'p': k, 'q': s.g}}.q as {two} from n where n.s.g > 1",
            "list": f"select list_sum([i + k for i in l if i > 1]) as {one}, "
            f"len(list_filter(l, lambda v: v > k)) as {two} from n",
            "row": f"select hash(n) % 7 as {one}, k as {two} from n",
        }[construct]
        if construct == "unnest" and self.chance(0.5):
            sql = "select unnest(s), k from n"
            return Drawn(f"select f as {one}, k as {two} from ({sql})", [one, two])
        return Drawn(sql, [one, two])

    def starred(self, depth: int) -> Drawn:
        table = self.pick(["t", "u"])
        one, two, three = self.dice.sample(NUMBERS[table], 3)
        where = self.pick(["", f" where {three} > 1"])
        name, more = self.fresh(), self.fresh()
        choice = self.dice.randrange(7)
        self.use(["star", "exclude", "replace", "rename", "columns", "columns", "columns"][choice])
        sql, columns = [
            (f"select * from {table}{where}", [one, two, three]),
            (f"select * exclude ({one}) from {table}{where}", [two, three]),
            (f"select * replace ({one} + {two} as {two}) from {table}{where}", [one, two, three]),
            (f"select * rename ({one} as {name}) from {table}{where}", [name, two, three]),
            (f"select columns('{one}|{two}') + {three} from {table}{where}", [one, two]),
            (f"select sum(columns(*)) from {table}{where}", []),
            (f"select columns(lambda c: c <> '{one}') from {table}{where}", [two, three]),
        ][choice]
        if not columns:
            return Drawn(f"select * from ({sql}) as q({name}, {more}, z{name})", [name, more])
        return Drawn(sql, columns)

    def laterally(self, depth: int) -> Drawn:
        self.use("whole row")
        text, alias = self.pick(["t", "u"]), self.fresh("s")
        name, more = self.fresh(), self.fresh()
        call = self.pick([f"count({alias})", f"count(distinct {alias})", "count(*)"])
        key = NUMBERS[text][0]
        return Drawn(f"select {alias}.{key} as {name}, {call} as {more} from {text} as {alias} "
                     f"group by all", [name, more])  # fmt: skip

    # ---------------------------------------------------------------------------------- expressions

    def aggregate(self, scope: list[str]) -> str:
        column, other = self.pick(scope), self.pick(scope)
        return self.pick(
            [f"sum({column})", f"max({column})", f"count({column})", "count(*)", f"min({column})",
             f"count(*) filter (where {column} > 1)", f"sum({column}) - min({other})",
             f"count(distinct {column})", f"median({column})", f"sum(distinct {column})",
             f"max({column}) filter ({other} > 2)", f"bit_xor({column})",
             f"list_sum(list({column} order by {column}))", f"bool_or({column} > {other})::int",
             f"first({column} order by {column} nulls last)", "1", f"sum({column} * {other})",
             f"(select max(d) from u) + max({column})"]
        )  # fmt: skip

    def scalar(self, scope: list[str]) -> str:
        one, two = self.pick(scope), self.pick(scope)
        made = self.pick(
            [*[one] * 6, f"{one} + 1", f"coalesce({one}, {two}, 0)", f"({one})::bigint",
             f"try_cast({one}::varchar as int)",
             f"case when {self.condition(scope)} then {one} else {two} end",
             f"case {one} when 1 then 2 when {two} then 3 end", f"nullif({one}, {two})",
             f"greatest({one}, {two})", f"length({one} || ':' || {two})", f"if({one} > 2, 1, {two})",
             f"[{one}, {two}][1]", f"{{'x': {one}, 'y': {two}}}['y']", "7",
             f"(select max(d) from u where u.e < {one})",
             f"(select count(*) from t where t.c = {one})", "(select sum(b) from t)",
             f"(exists (select 1 from u where u.d = {one}))::int",
             f"list_sum([i + {one} for i in [1, {two}]])",
             f"(select e from u order by all limit 1) + {one}",
             f"({one} in (select b from t))::int", f"array_length(array(select d from u where d > {one}))"]
        )  # fmt: skip
        if "select" in made:
            self.use("subquery in the list")
        return made

    def condition(self, scope: list[str]) -> str:
        one, two = self.pick(scope), self.pick(scope)
        made = self.pick(
            [f"{one} > 2", f"{one} is not null", f"{one} = {two}", f"not {one} < {two}",
             f"{one} between 1 and {two}", f"{one} is distinct from {two}", f"{one} in (1, 2, {two})",
             f"{one} in (select e from u where d > 1)",
             f"{one} not in (select b from t where b is not null)",
             f"exists (select 1 from t where t.b = {one})",
             f"not exists (from u where u.d = {one} and u.e > 2)", f"{one} > (select min(d) from u)",
             f"{one} > any (select e from u)", f"{one} >= all (select b from t where b is not null)",
             f"({one}, {two}) in (select a, b from t)", "exists (from u where d > 5)"]
        )  # fmt: skip
        if "select" in made or "exists" in made:
            self.use("subquery in a condition")
        return made


def drawn(seed: int) -> tuple[Drawn, set[str]]:
    """The query of this seed, and the constructs in it. Mostly shallow: in a deep one all decides rows."""
    dice = random.Random(seed)
    writer = Writer(dice)
    query = writer.query(dice.choice([1, 1, 1, 2, 2, 3]))
    return query, writer.used
