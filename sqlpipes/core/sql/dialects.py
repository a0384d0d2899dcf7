"""The SQL dialects that can be read, by name; data only, so that a name is checked without a parser."""

from __future__ import annotations

DIALECTS = frozenset(
    {
        "athena",
        "bigquery",
        "clickhouse",
        "databricks",
        "doris",
        "dremio",
        "drill",
        "druid",
        "duckdb",
    }
    | {"dune", "exasol", "fabric", "hive", "materialize", "mysql", "oracle", "postgres", "presto"}
    | {"redshift", "risingwave", "snowflake", "spark", "spark2", "sqlite", "starrocks", "tableau"}
    | {"teradata", "trino", "tsql"}
)
OTHER_NAMES = {  # as drivers, URLs and dbt's adapters call them
    "awsathena": "athena",
    "clickhousedb": "clickhouse",
    "exa": "exasol",
    "cockroachdb": "postgres",
    "ducklake": "duckdb",
    "mariadb": "mysql",
    "mssql": "tsql",
    "postgresql": "postgres",
    "sqlserver": "tsql",
}


def dialect_named(name: str) -> str | None:
    """The dialect that goes by this name; None when there is none.

    >>> dialect_named("PostgreSQL"), dialect_named("duckbd")
    ('postgres', None)
    """
    folded = name.casefold()
    folded = OTHER_NAMES.get(folded, folded)
    return folded if folded in DIALECTS else None
