"""SQLAlchemy's names of dialects -> what they are called elsewhere, and what must be installed.

Data only: no driver is imported to know which one is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlpipes.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of database. `modules` must be importable; `pip` is what installs them."""

    reads: str  # sqlglot's name of its SQL
    url: str  # its scheme with the driver that is meant when none is said
    modules: tuple[str, ...]
    pip: str
    port: int | None = None
    tried: bool = False  # on a real one, by the tests


KNOWN: Mapping[str, Dialect] = MappingProxyType(
    {
        "sqlite": Dialect("sqlite", "sqlite", (), "", tried=True),
        "mysql": Dialect("mysql", "mysql+pymysql", ("pymysql",), "'sqlpipes[mysql]'", 3306),
        "mariadb": Dialect(
            "mysql", "mariadb+pymysql", ("pymysql",), "'sqlpipes[mysql]'", 3306, tried=True
        ),
        "snowflake": Dialect(
            "snowflake", "snowflake", ("snowflake.sqlalchemy",), "snowflake-sqlalchemy"
        ),
        "bigquery": Dialect(
            "bigquery", "bigquery", ("sqlalchemy_bigquery",), "sqlalchemy-bigquery"
        ),
        "databricks": Dialect(
            "databricks", "databricks", ("databricks.sqlalchemy",), "databricks-sqlalchemy"
        ),
        "redshift": Dialect(
            "redshift",
            "redshift+redshift_connector",
            ("sqlalchemy_redshift", "redshift_connector"),
            "sqlalchemy-redshift redshift_connector",
            5439,
        ),
        "trino": Dialect("trino", "trino", ("trino.sqlalchemy",), "'trino[sqlalchemy]'", 8080),
        "clickhouse": Dialect(
            "clickhouse",
            "clickhousedb",
            ("clickhouse_connect.cc_sqlalchemy",),
            "clickhouse-connect",
            8123,
        ),
        "mssql": Dialect("tsql", "mssql+pyodbc", ("pyodbc",), "pyodbc", 1433),
        "oracle": Dialect("oracle", "oracle+oracledb", ("oracledb",), "oracledb", 1521),
        "awsathena": Dialect("athena", "awsathena+rest", ("pyathena",), "'PyAthena[SQLAlchemy]'"),
        "exa": Dialect(
            "exasol", "exa+websocket", ("sqlalchemy_exasol",), "sqlalchemy-exasol", 8563
        ),
        "cockroachdb": Dialect(
            "postgres",
            "cockroachdb+psycopg",
            ("sqlalchemy_cockroachdb", "psycopg"),
            "sqlalchemy-cockroachdb 'psycopg[binary]'",
            26257,
        ),
        "starrocks": Dialect("starrocks", "starrocks", ("starrocks",), "starrocks", 9030),
        "postgresql": Dialect(
            "postgres", "postgresql+psycopg", ("psycopg",), "'sqlpipes[postgres]'", 5432
        ),
    }
)
OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "athena": "awsathena",
        "clickhousedb": "clickhouse",
        "exasol": "exa",
        "postgres": "postgresql",
        "sqlserver": "mssql",
        "tsql": "mssql",
    }
)
TYPES = tuple(sorted({*KNOWN, *OTHER_NAMES} - {"postgresql", "postgres", "tsql"}))
"""What `type:` may say in place of `sqlalchemy`."""


def dialect_of(scheme: str) -> Dialect | None:
    """Of a URL's scheme, with or without a driver; None for one that is not known here.

    >>> dialect_of("mysql+asyncmy").reads, dialect_of("clickhousedb").reads, dialect_of("dbase")
    ('mysql', 'clickhouse', None)
    """
    name = scheme.partition("+")[0]
    return KNOWN.get(OTHER_NAMES.get(name, name))


def read_as(scheme: str) -> str:
    """sqlglot's name of the SQL that the database speaks; its own where no parser is known.

    >>> read_as("mssql+pyodbc"), read_as("dbase")
    ('tsql', 'dbase')
    """
    found = dialect_of(scheme)
    return found.reads if found else scheme.partition("+")[0]
