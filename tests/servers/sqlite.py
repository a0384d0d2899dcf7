"""SQLite for the tests of all engines, which are written in words that it lacks: they are said otherwise.

Only words of the tests' own queries are replaced: casts, typed literals and `range`. All else that
reaches SQLite is what the engine says.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from sqlpipes.core.config import Target
from sqlpipes.engines.generic.place import place_of
from sqlpipes.engines.generic.sqlite import SqliteConnection, SqliteEngine

LITERAL = re.compile(r"\b(?:date|timestamp|timestamptz)\s+('[^']*')", re.IGNORECASE)
MIDNIGHT = re.compile(r"\btimestamp\s+'(\d{4}-\d\d-\d\d)'", re.IGNORECASE)
CAST = re.compile(r"::\w+(?:\(\d+(?:,\s*\d+)?\))?")
CAST_TIME = re.compile(r"\bcast\(((?:[^()]|\([^()]*\))*) as (?:date|timestamp)\)", re.IGNORECASE)
RANGE = re.compile(
    r"\brange\((\d+)\)(?:\s+(?:as\s+)?(?!where|group|order|limit|union)(\w+)(?:\((\w+)\))?)?",
    re.IGNORECASE,
)
VALUES = re.compile(
    r"\(\s*(values\s+(?:\((?:[^()]|\([^()]*\))*\)\s*,?\s*)+)\)\s*(?:as\s+)?(\w+)\s*\(([\w\s,\"]+)\)",
    re.IGNORECASE,
)
DAYS = re.compile(r"'(\d{4}-\d\d-\d\d)'\s*\+\s*(?:(\w+)\b|(?:cast\()?\(([^()]*)\)(?: as \w+\))?)")
DAY_OF = re.compile(r"\bextract\(day from (\w+)\)", re.IGNORECASE)
NEXT_DAY = re.compile(r"\bd \+ 1\b")
TIME = re.compile(r"(\d{4}-\d\d-\d\d)( \d\d:\d\d:\d\d(\.\d+)?)?")


def worded(sql: str) -> str:
    """
    >>> worded("select date '2024-01-01' + (i % 5)::int as d from range(3) t(i)")
    "select date('2024-01-01', '+' || (i % 5) || ' days') as d from (with recursive r(i) as \
(select 0 union all select i + 1 from r where i < 2) select i from r) as t"
    """
    sql = MIDNIGHT.sub(r"'\1 00:00:00'", sql)
    sql = CAST_TIME.sub(r"\1", LITERAL.sub(r"\1", CAST.sub("", sql)))
    sql = DAYS.sub(lambda f: f"date('{f[1]}', '+' || ({f[2] or f[3]}) || ' days')", sql)
    sql = NEXT_DAY.sub("date(d, '+1 days')", sql)
    sql = DAY_OF.sub(r"strftime('%d', \1)", sql)
    return VALUES.sub(_named, RANGE.sub(_range, sql))


def _named(found: re.Match[str]) -> str:
    names = (name.strip() for name in found[3].split(","))
    shown = ", ".join(f"column{i + 1} as {name}" for i, name in enumerate(names))
    return f"(select {shown} from ({found[1]})) as {found[2]}"


def _range(found: re.Match[str]) -> str:
    count, alias, name = int(found[1]), found[2] or "r", found[3] or "range"
    rows = f"select 0 union all select {name} + 1 from r where {name} < {count - 1}"
    return f"(with recursive r({name}) as ({rows}) select {name} from r) as {alias}"


def timed(value: Any) -> Any:
    """A text that is a day or a time, as other engines hand it over.

    >>> timed("2024-01-01"), timed("x")
    (datetime.date(2024, 1, 1), 'x')
    """
    found = TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    return datetime.fromisoformat(value) if found[2] else date.fromisoformat(value)


class WordedConnection(SqliteConnection):
    def text(self, sql: str) -> str:
        return super().text(worded(sql))


class WordedEngine(SqliteEngine):
    connection = WordedConnection

    def set_up(self, link: sa.Connection) -> None:
        super().set_up(link)
        raw: Any = link.connection.driver_connection
        raw.create_function("error", 1, _error)
        raw.create_function("now", 0, lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")


def _error(message: str) -> None:
    raise ValueError(message)


def open_worded(target: Target, root: str) -> WordedEngine:
    return WordedEngine(target, place_of(target, root), root=root)
