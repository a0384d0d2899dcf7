"""The state's schema through time: forward only, one transaction a step.

A new database gets today's tables at once; an old one is brought up step by step. A step is plain
SQL that SQLite and Postgres both take, and is never edited once it was released.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, func, insert, inspect, select

from sqlpipes.core.errors import Problem, StoreError
from sqlpipes.stores import schema
from sqlpipes.stores import tables as t
from sqlpipes.stores.connect import begin


def migrate(engine: Engine, where: str, known: Mapping[int, tuple[str, ...]]) -> None:
    """Bring the database to the newest version that is known. StoreError when it is newer than that."""
    newest = schema.newest(known)
    with engine.connect() as db:
        found = schema_version(db)
    if found == newest:
        return
    if found is not None and found > newest:
        raise StoreError(_too_new(where, found, newest))
    while found != newest:
        with engine.begin() as db:
            begin(db, writes=True)
            found = _one_step(db, known, newest)


def _one_step(db: Connection, known: Mapping[int, tuple[str, ...]], newest: int) -> int:
    """Asked again inside the transaction: another process may have been quicker."""
    if db.dialect.name == "postgresql":  # it would let two processes create the tables at once
        db.exec_driver_sql("SELECT pg_advisory_xact_lock(7383747)")
    found = schema_version(db)
    if found is None:
        t.metadata.create_all(db)
        made = schema.SCHEMA_VERSION
    elif found < newest:
        made = found + 1
        for statement in known[made]:
            db.exec_driver_sql(statement)
    else:
        return found
    db.execute(insert(t.schema_version), {"version": made})
    return made


def schema_version(db: Connection) -> int | None:
    """None where there are no tables of ours."""
    if not inspect(db).has_table(t.schema_version.name):
        return None
    found: int | None = db.scalar(select(func.max(t.schema_version.c.version)))
    return found


def _too_new(where: str, found: int, newest: int) -> Problem:
    return Problem(
        "STO005",
        f"the state in {where} has schema version {found}; this sqlpipes knows up to {newest}",
        hint="a newer sqlpipes wrote it: upgrade this one, or point `state` at another database",
    )
