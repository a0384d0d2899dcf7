"""Random queries over two tables, each drawn from a list of numbers: another text has one of them changed."""

from __future__ import annotations

import random
from collections.abc import Callable

TABLES = {"t": ("a", "b", "c"), "u": ("a", "d", "e")}


class Dice:
    """Numbers that are the same for two texts but at one place."""

    def __init__(self, seed: int, at: int, turn: int) -> None:
        self.random, self.at, self.turn, self.count = random.Random(seed), at, turn, 0

    def pick(self, *options: str | Callable[[], str]) -> str:
        chosen = self.random.randrange(len(options))
        if self.count == self.at:
            chosen = (chosen + self.turn) % len(options)
        self.count += 1
        option = options[chosen]
        return option if isinstance(option, str) else option()


def expression(dice: Dice, names: list[str]) -> str:
    name = dice.pick(*names)
    return dice.pick(
        name, name, f"{name} + 1", f"coalesce({name}, 0)", f"({name} * 2)",
        f"case when {name} > 2 then {dice.pick(*names)} else 0 end",
        f"(select max(u.d) from u where u.a = {name})", f"{name} + {dice.pick(*names)}",
        f"sum({name}) over (partition by {dice.pick(*names)})", f"rank() over (order by {name})",
    )  # fmt: skip


def condition(dice: Dice, names: list[str]) -> str:
    name = dice.pick(*names)
    return dice.pick(
        f"{name} > 1", f"{name} > 2", f"{name} is not null", f"{name} in (select d from u)",
        f"{name} < {dice.pick(*names)}", f"exists (select 1 from u where u.a = {name})",
    )  # fmt: skip


def relation(dice: Dice, depth: int) -> tuple[str, list[str]]:
    """FROM, and the names that can be written after it."""
    if depth and dice.pick("", "in") == "in":
        inner = query(dice, depth - 1)
        return f"({inner}) as q", ["q.x", "q.y", "x", "y"]
    return dice.pick("t", "t as t"), ["t.a", "t.b", "t.c", "t.c"]


def query(dice: Dice, depth: int) -> str:
    """Columns x and y of some relation."""
    source, names = relation(dice, depth)
    join = dice.pick(
        "", "", " join u on {} = u.a", " left join u on {} = u.d", " semi join u on {} = u.e",
        " join t as u on {} = u.c",
    )  # fmt: skip
    source += join.format(names[0])
    if join and "semi" not in join:
        names = [*names, *(["u.b", "u.c"] if "t as u" in join else ["u.d", "u.e"])]
    where = dice.pick("", f" where {condition(dice, names)}")
    shape = dice.pick("plain", "plain", "distinct", "group", "all", "union", "cut", "star")
    one, two = expression(dice, names), expression(dice, names)
    plain = f"select {one} as x, {two} as y from {source}{where}"
    key, other = dice.pick(*names), dice.pick(*names)
    if shape == "group":
        made = f"{dice.pick('sum', 'max', 'count')}({other})"
        return f"select {key} as x, {made} as y from {source}{where} group by {key}"
    if shape == "all":
        return f"select {key} as x, sum({other}) as y from {source}{where} group by all"
    if shape == "union":
        return f"{plain} union all select a, {dice.pick('b', 'c', 'b + c')} from t"
    if shape == "star":
        return f"select * replace (x + {dice.pick('0', '1')} as x) from ({plain}) as s"
    if shape == "cut":
        return f"select x, y from ({plain}) as s order by x, y limit {dice.pick('2', '5')}"
    return plain.replace("select ", "select distinct ", 1) if shape == "distinct" else plain


def rows_of_tables() -> dict[str, list[list[int | None]]]:
    """A few rows with nulls and equals, the same each time."""
    dice = random.Random(7)
    return {
        table: [[dice.choice([None, 0, 1, 1, 2, 3, 4]) for _ in columns] for _ in range(14)]
        for table, columns in TABLES.items()
    }
