"""Types of Postgres and of DuckDB, each as the other says them.

DuckDB stands between Postgres and everything in memory: it reads files and frames of all kinds, and its
types are what the values of a Python function have.
"""

from __future__ import annotations

import re
from types import MappingProxyType

NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
WIDEST = 38  # digits of a DECIMAL

TO_POSTGRES = MappingProxyType(
    {
        "BOOLEAN": "boolean",
        "TINYINT": "smallint",
        "UTINYINT": "smallint",
        "SMALLINT": "smallint",
        "USMALLINT": "integer",
        "INTEGER": "integer",
        "UINTEGER": "bigint",
        "BIGINT": "bigint",
        "UBIGINT": "numeric(20,0)",
        "HUGEINT": "numeric(39,0)",
        "UHUGEINT": "numeric(39,0)",
        "FLOAT": "real",
        "DOUBLE": "double precision",
        "VARCHAR": "text",
        '"NULL"': "text",
        "BLOB": "bytea",
        "DATE": "date",
        "TIME": "time without time zone",
        "TIME WITH TIME ZONE": "time with time zone",
        "TIMESTAMP": "timestamp without time zone",
        "TIMESTAMP_S": "timestamp without time zone",
        "TIMESTAMP_MS": "timestamp without time zone",
        "TIMESTAMP_NS": "timestamp without time zone",
        "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
        "INTERVAL": "interval",
        "UUID": "uuid",
        "JSON": "jsonb",
    }
)
TO_DUCKDB = MappingProxyType(
    {
        "boolean": "BOOLEAN",
        "smallint": "SMALLINT",
        "integer": "INTEGER",
        "bigint": "BIGINT",
        "real": "FLOAT",
        "double precision": "DOUBLE",
        "numeric": "DOUBLE",  # of any number of digits: a DECIMAL has 38
        "date": "DATE",
        "time without time zone": "TIME",
        "timestamp without time zone": "TIMESTAMP",
        "timestamp with time zone": "TIMESTAMPTZ",
        "interval": "INTERVAL",
        "uuid": "UUID",
        "json": "JSON",
        "jsonb": "JSON",
        "bytea": "BLOB",
    }
)


def to_postgres(kind: str) -> str:
    """The type that holds what a DuckDB column holds; lists, structs and maps become jsonb.

    >>> to_postgres("DECIMAL(5,2)"), to_postgres("INTEGER[]"), to_postgres("ENUM('a', 'b')")
    ('numeric(5,2)', 'jsonb', 'text')
    """
    if found := DECIMAL.fullmatch(kind):
        return f"numeric({found[1]},{found[2]})"
    if is_nested(kind):
        return "jsonb"
    return TO_POSTGRES.get(kind, "text")


def is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP(", "UNION("))


def to_duckdb(kind: str) -> str:
    """The type in which DuckDB holds a column of Postgres; text for what it does not know.

    >>> to_duckdb("numeric(5,2)"), to_duckdb("timestamp(3) without time zone"), to_duckdb("inet")
    ('DECIMAL(5,2)', 'TIMESTAMP', 'VARCHAR')
    """
    found = NUMERIC.fullmatch(kind)
    if found and int(found[1]) <= WIDEST and 0 <= int(found[2]) <= int(found[1]):
        return f"DECIMAL({found[1]},{found[2]})"
    if kind.endswith("[]"):
        return "JSON"
    return TO_DUCKDB.get(re.sub(r"\([^)]*\)", "", kind), "VARCHAR")
