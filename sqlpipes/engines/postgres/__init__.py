"""Postgres as a warehouse: a server that several processes write to, a connection for each thread.

Importing this imports no driver. The address is read by SQLAlchemy, statements go through psycopg 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import EngineError, Problem

__all__ = ["blank", "exists", "is_shared", "obstacles", "open_engine", "stamp"]


def open_engine(target: Target, root: str, *, read_only: bool = False, wait_s: float = 0) -> Engine:
    """See `sqlpipes.engines.open_engine`; nobody holds a server for himself, so `wait_s` says nothing."""
    _demand_driver(target)
    from sqlpipes.engines.postgres.engine import open_postgres

    return open_postgres(target, read_only=read_only)


def blank(target: Target, root: str) -> Engine:
    """See `sqlpipes.engines.blank`: no server is asked."""
    _demand_driver(target)
    from sqlpipes.engines.postgres.offline import BlankPostgres

    return BlankPostgres(target)


def exists(target: Target, root: str) -> bool:
    """A server is always there to be looked into; that it does not answer is found on opening."""
    return True


def stamp(target: Target, root: str) -> str | None:
    """A server has no file to look at: whether others have written is asked each time."""
    return None


def is_shared(target: Target) -> bool:
    return True


def obstacles(target: Target, engine: Engine, schemas: Sequence[str]) -> Iterator[Problem]:
    """See `sqlpipes.engines.obstacles`."""
    from sqlpipes.engines.postgres.engine import PostgresEngine
    from sqlpipes.engines.postgres.rights import obstacles

    return obstacles(target, engine, schemas) if isinstance(engine, PostgresEngine) else iter(())


def _demand_driver(target: Target) -> None:
    from importlib.util import find_spec

    if find_spec("psycopg") is None:
        message = f"the target '{target.name}' is a Postgres, whose driver is not installed"
        hint = "pip install 'sqlpipes[postgres]'"
        raise EngineError(Problem("ENG001", message, target.at("type"), hint))
