"""The tables of the corpus on real engines, and rows in a form in which engines can be compared.

Numbers are equal when nine digits are; a date is the midnight of its day; an instant is its time in UTC.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

import duckdb
import psycopg
from portability.tables import TYPES, rows

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection
from sqlpipes.core.sql import Relation
from sqlpipes.core.sql.porting import settings
from sqlpipes.engines import open_engine

POSTGRES = {"DOUBLE": "double precision"}


def on_duckdb(seed: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for name, types in TYPES.items():
        columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
        connection.execute(f"create table {name} ({columns})")
        marks = ", ".join("?" for _ in types)
        connection.executemany(f"insert into {name} values ({marks})", rows(name, seed))
    return connection


def on_postgres(url: str, seed: int) -> psycopg.Connection[Any]:
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    connection = psycopg.connect(plain, autocommit=True)
    connection.execute("set timezone = 'UTC'")
    for name, types in TYPES.items():
        said = (f'"{column}" {POSTGRES.get(kind, kind)}' for column, kind in types.items())
        connection.execute(f"create temp table {name} ({', '.join(said)})".encode())
        marks = ", ".join("%s" for _ in types)
        with connection.cursor() as cursor:
            cursor.executemany(f"insert into {name} values ({marks})".encode(), rows(name, seed))
    return connection


def comparable(found: Iterable[Iterable[Any]], *, ordered: bool = False) -> list[tuple[Any, ...]]:
    plain = [tuple(_plain(value) for value in row) for row in found]
    return plain if ordered else sorted(plain, key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        number = float(value)
        return "nan" if math.isnan(number) else float(f"{number:.9g}") + 0.0
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    return tuple(map(_plain, value)) if isinstance(value, list) else value


@contextmanager
def on_spark(url: str, seed: int) -> Iterator[Connection]:
    """Sessions are set up as sqlpipes does it for a project of DuckDB's."""
    options = {"url": url, "settings": dict(settings("duckdb", "spark"))}
    engine = open_engine(Target("dev", "spark", "portability", options=options), ".")
    try:
        engine.create_schemas(["portability"])
        connection = engine.connect()
        with closing(on_duckdb(seed)) as here:
            for name in TYPES:
                rows = here.sql(f"select * from {name}").to_arrow_table()
                connection.load(Relation(name, "portability"), rows)
        yield connection
    finally:
        engine.close()
