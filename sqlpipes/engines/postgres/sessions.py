"""Whose a session is, as the server knows it: each one of a run holds the same advisory lock, shared.

Such a lock goes with its session, everybody sees who holds it, and the name that the profile gives to
our sessions stays as it is.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from typing import Any

import psycopg


def key_of(run_id: str) -> int:
    """The lock of a run: a number of 63 bits.

    >>> key_of("r1") == key_of("r1") != key_of("r2")
    True
    """
    return int.from_bytes(blake2b(f"sqlpipes run {run_id}".encode(), digest_size=8).digest()) >> 1


def mark(driver: psycopg.Connection[Any], run_id: str) -> None:
    """This session is of the run. A server that has no such locks does without."""
    if run_id:
        with suppress(psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFunction):
            driver.execute(f"select pg_advisory_lock_shared({key_of(run_id)})".encode())


def ending_sql(run_id: str) -> str:
    """Ends all sessions of a run that we may end; whoever may not end one is not told so."""
    key = key_of(run_id)
    return (
        "select pg_terminate_backend(l.pid) from pg_locks l join pg_stat_activity a using (pid) "
        "where l.locktype = 'advisory' and l.objsubid = 1 and l.pid <> pg_backend_pid() "
        "and l.database = (select oid from pg_database where datname = current_database()) "
        f"and l.classid = {key >> 32}::oid and l.objid = {key & 0xFFFFFFFF}::oid "
        "and (a.usename = current_user or pg_has_role(current_user, a.usesysid, 'member'))"
    )
