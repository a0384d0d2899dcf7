"""Types of DuckDB, through which rows come and go, and those of a database, as SQLAlchemy says them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

# MySQL's own cut a text at 64 kB and a time at its second.
NAMES = ("mysql", "mariadb")
TEXT = sa.Text().with_variant(mysql.LONGTEXT(), *NAMES)
BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), *NAMES)
TIME = sa.Time().with_variant(mysql.TIME(fsp=6), *NAMES)
AT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *NAMES)
INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), *NAMES)
HUGE = sa.Numeric(38, 0).with_variant(mysql.DECIMAL(39, 0), *NAMES)
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
PLAIN: Mapping[str, Any] = MappingProxyType(
    {
        "BOOLEAN": sa.Boolean(),
        "TINYINT": sa.SmallInteger(),
        "UTINYINT": sa.SmallInteger(),
        "SMALLINT": sa.SmallInteger(),
        "USMALLINT": sa.Integer(),
        "INTEGER": sa.Integer(),
        "UINTEGER": sa.BigInteger(),
        "BIGINT": sa.BigInteger(),
        "UBIGINT": sa.Numeric(20, 0),
        "HUGEINT": HUGE,
        "UHUGEINT": HUGE,
        "FLOAT": sa.Double(),
        "DOUBLE": sa.Double(),
        "BLOB": BLOB,
        "DATE": sa.Date(),
        "TIME": TIME,
        "TIMESTAMP": AT,
        "TIMESTAMP_S": AT,
        "TIMESTAMP_MS": AT,
        "TIMESTAMP_NS": AT,
        "TIMESTAMP WITH TIME ZONE": INSTANT,
    }
)
WHOLE = ("UBIGINT", "HUGEINT", "UHUGEINT")
TO_DUCKDB = (
    ("date", "DATE"),
    ("datetime", "TIMESTAMP"),
    ("timestamp", "TIMESTAMP"),
    ("timestamp without time zone", "TIMESTAMP"),
    ("timestamp with time zone", "TIMESTAMPTZ"),
    ("time", "TIME"),
    ("boolean", "BOOLEAN"),
    ("json", "JSON"),
)


def column_type(kind: str) -> Any:
    """The type that holds what a DuckDB column holds; lists, structs and the like are text.

    >>> column_type("DECIMAL(5,2)"), column_type("INTEGER[]")
    (Numeric(precision=5, scale=2), Text())
    """
    if found := DECIMAL.fullmatch(kind):
        return sa.Numeric(int(found[1]), int(found[2]))
    return PLAIN.get(kind, TEXT)


def is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP(", "UNION("))


def selected(name: str, kind: str, *, decimals: bool) -> str:
    """A column of the local rows as a value that drivers take; `name` is quoted."""
    if is_nested(kind):
        return f"cast(to_json({name}) as varchar)"
    if kind == "TIMESTAMP_NS":
        return f"cast({name} as timestamp)"
    if kind.startswith("DECIMAL") or kind in WHOLE:
        return name if decimals else f"cast({name} as double)"
    return name if kind in PLAIN else f"cast({name} as varchar)"


def to_duckdb(kind: str) -> str | None:
    """The type that texts of a column have in truth, by its declared type; None for texts.

    >>> to_duckdb("DATETIME(6)"), to_duckdb("VARCHAR(20)")
    ('TIMESTAMP', None)
    """
    plain = re.sub(r"\(.*?\)", "", kind).strip().lower()
    return dict(TO_DUCKDB).get(plain)
