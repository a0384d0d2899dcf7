"""Two small tables full of what engines differ in, the same rows on DuckDB and on Postgres."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from typing import Any

TYPES = {
    "t": {
        "id": "INTEGER",
        "a": "INTEGER",
        "b": "INTEGER",
        "k": "VARCHAR",
        "s": "VARCHAR",
        "d": "DATE",
        "ts": "TIMESTAMP",
        "x": "DOUBLE",
        "m": "DECIMAL(10,2)",
        "f": "BOOLEAN",
        "Order Id": "INTEGER",
    },
    "u": {"a": "INTEGER", "b": "INTEGER", "k": "VARCHAR", "v": "INTEGER", "t0": "TIMESTAMP"},
}
COLUMNS = {name: tuple(columns.items()) for name, columns in TYPES.items()}
TEXTS = [
    "1",
    "2.5",
    "-3",
    " 12 ",
    "1e3",
    "1e-3",
    "1_000",
    "+5",
    "",
    " ",
    ".5",
    "5.",
    "1,5",
    "x1",
    "--1",
    "10-20-30",
    "99999999999",
    "1.005",
    "NaN",
    "inf",
    "0x1A",
    "a_b",
    "a\\_b",
    "100%",
    "50\\",
    "Ab",
    "B",
    "ä",
    "ß",
    "a\nb",
    "0012",
    "1__0",
    "_1",
    "1 2",
    "32768",
    "2147483648",
    "12.345",
    "-0",
    "1e400",
    "ab",
    "aab10",
    "\uff11",
    "\t7\n",
    "9223372036854775807",
    "9223372036854775808",
]
START = datetime.datetime(2024, 1, 1)


def rows(name: str, seed: int, count: int = 45) -> list[tuple[Any, ...]]:
    """Nulls, ties, signs and texts of every kind; `id` is unique, and (k, t0) of `u` too."""
    chance = random.Random(f"{name} {seed}")
    maker = _row_of_t if name == "t" else _row_of_u
    return [maker(number, chance) for number in range(1, count + 1)]


def _row_of_t(number: int, chance: random.Random) -> tuple[Any, ...]:
    start = START if chance.random() < 0.9 else datetime.datetime(1969, 11, 20)
    stamp = start + datetime.timedelta(
        seconds=chance.randrange(90 * 86400), microseconds=chance.choice([0, 500000])
    )
    values = (
        chance.randrange(-3, 6),
        chance.choice([-2, 1, 2, 3]),
        chance.choice("aabcB"),
        chance.choice(TEXTS) if chance.random() < 0.5 else TEXTS[number % len(TEXTS)],
        (START + datetime.timedelta(days=chance.randrange(-40, 400))).date()
        if chance.random() < 0.9
        else datetime.date(chance.choice([1899, 1969, 1970]), 12, chance.randrange(1, 32)),
        stamp,
        chance.choice([0.5, 1.5, 2.5, -2.5, 2.675, 1.005, 1 / 3, -7.25, 1e6 + 0.125, 3.0]),
        Decimal(chance.randrange(-2000, 20000)) / 100,
        chance.random() < 0.5,
        number * 10,
    )
    kept = [value if chance.random() < 0.85 else None for value in values]
    return number, *kept


def _row_of_u(number: int, chance: random.Random) -> tuple[Any, ...]:
    return (
        chance.choice([None, -1, 0, 1, 2, 7]),
        chance.choice([None, 1, 2]),
        chance.choice(["a", "b", "z", None]),
        chance.randrange(-5, 50),
        START + datetime.timedelta(hours=number * 37) if chance.random() < 0.9 else None,
    )
