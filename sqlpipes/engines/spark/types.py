"""Types of DuckDB as Spark holds them: DuckDB stands between Python's values and Spark."""

from __future__ import annotations

import re
from types import MappingProxyType

DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
TO_SPARK = MappingProxyType(
    {
        "BOOLEAN": "boolean",
        "TINYINT": "tinyint",
        "UTINYINT": "smallint",
        "SMALLINT": "smallint",
        "USMALLINT": "int",
        "INTEGER": "int",
        "UINTEGER": "bigint",
        "BIGINT": "bigint",
        "UBIGINT": "decimal(20,0)",
        "HUGEINT": "decimal(38,0)",
        "UHUGEINT": "decimal(38,0)",
        "FLOAT": "float",
        "DOUBLE": "double",
        "VARCHAR": "string",
        "BLOB": "binary",
        "DATE": "date",
        "TIMESTAMP": "timestamp_ntz",
        "TIMESTAMP_S": "timestamp_ntz",
        "TIMESTAMP_MS": "timestamp_ntz",
        "TIMESTAMP_NS": "timestamp_ntz",
        "TIMESTAMP WITH TIME ZONE": "timestamp",
    }
)
# How DuckDB hands a column over, where Arrow's own type of it is none of Spark's.
HANDED = MappingProxyType(
    {
        "UTINYINT": "SMALLINT",
        "USMALLINT": "INTEGER",
        "UINTEGER": "BIGINT",
        "UBIGINT": "DECIMAL(20,0)",
        "HUGEINT": "DECIMAL(38,0)",
        "UHUGEINT": "DECIMAL(38,0)",
        "TIMESTAMP_S": "TIMESTAMP",
        "TIMESTAMP_MS": "TIMESTAMP",
        "TIMESTAMP_NS": "TIMESTAMP",
    }
)


def to_spark(kind: str) -> str | None:
    """The type that holds what a DuckDB column holds; None: what Arrow says of it will do.

    >>> to_spark("DECIMAL(5,2)"), to_spark("INTEGER[]"), to_spark("UUID"), to_spark('"NULL"')
    ('decimal(5,2)', None, 'string', 'string')
    """
    if found := DECIMAL.fullmatch(kind):
        return f"decimal({found[1]},{found[2]})"
    return None if is_nested(kind) else TO_SPARK.get(kind, "string")


def is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP("))


def handed_sql(name: str, kind: str) -> str:
    """A column of DuckDB's so that its Arrow is one that Spark reads.

    >>> handed_sql('"a"', "INTEGER"), handed_sql('"a"', "UUID"), handed_sql('"a"', "HUGEINT")
    ('"a"', 'cast("a" as VARCHAR) as "a"', 'cast("a" as DECIMAL(38,0)) as "a"')
    """
    if DECIMAL.fullmatch(kind) or is_nested(kind):
        return name
    if kind in HANDED:
        return f"cast({name} as {HANDED[kind]}) as {name}"
    return name if kind in TO_SPARK else f"cast({name} as VARCHAR) as {name}"
