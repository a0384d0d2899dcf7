"""The tables of the state as SQLAlchemy knows them, made from their layout."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from sqlpipes.stores import layout

metadata = MetaData()

TYPES: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "integer": Integer(),
    "bigint": BigInteger(),
    "boolean": Boolean(),
    "float": Float(),
    layout.SERIAL: BigInteger().with_variant(Integer(), "sqlite"),
}


def _made(said: layout.Layout) -> Table:
    unique = [UniqueConstraint(*said.unique)] if said.unique else []
    return Table(
        said.name,
        metadata,
        *(_column(said, column) for column in said.columns),
        *unique,
        *(Index(name, *columns) for name, columns in said.indexes.items()),
        sqlite_autoincrement=said.never_again,
        sqlite_with_rowid=said.has_serial or said.wide,
    )


def _column(table: layout.Layout, said: layout.Column) -> Column[Any]:
    return Column(
        said.name,
        TYPES[said.type],
        primary_key=said.name in table.key,
        autoincrement=said.type == layout.SERIAL,
        nullable=said.null,
        server_default=None if said.default is None else text(said.default),
    )


schema_version = _made(layout.SCHEMA)
ticks = _made(layout.TICKS)
stamps = _made(layout.STAMPS)
assets = _made(layout.ASSETS)
slices = _made(layout.SLICES)
windows = _made(layout.WINDOWS)
marks = _made(layout.MARKS)
builders = _made(layout.BUILDERS)
leases = _made(layout.LEASES)
runs = _made(layout.RUNS)
steps = _made(layout.STEPS)
checks = _made(layout.CHECKS)
jobs = _made(layout.JOBS)
job_runs = _made(layout.JOB_RUNS)
automation = _made(layout.AUTOMATION)
verdicts = _made(layout.VERDICTS)
sensors = _made(layout.SENSORS)
wanted = _made(layout.WANTED)
