"""Any database that SQLAlchemy speaks to, as a warehouse. What it can do is asked of it.

`GenericEngine`, `GenericConnection` and `Speech` are what engines of third parties build on; see
docs/other-engines.md. Importing this imports neither SQLAlchemy nor a driver.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engine
    from sqlpipes.engines.generic.connection import GenericConnection
    from sqlpipes.engines.generic.engine import GenericEngine
    from sqlpipes.engines.generic.place import Place, place_of
    from sqlpipes.engines.generic.speech import Speech

__all__ = [
    "GenericConnection",
    "GenericEngine",
    "Place",
    "Speech",
    "blank",
    "exists",
    "is_shared",
    "open_engine",
    "place_of",
    "rehearse",
    "stamp",
]

COMMITTING = ("mariadb", "mysql")  # each DDL is there at once, for all
LATER = {
    "GenericConnection": "connection",
    "GenericEngine": "engine",
    "Place": "place",
    "Speech": "speech",
    "place_of": "place",
}


def __getattr__(name: str) -> Any:
    """SQLAlchemy is imported by whoever builds on it."""
    from importlib import import_module

    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{LATER[name]}"), name)


def open_engine(target: Target, root: str, *, read_only: bool = False, wait_s: float = 0) -> Engine:
    """See `sqlpipes.engines.open_engine`."""
    from sqlpipes.engines.generic.place import demand_driver, place_of

    place = place_of(target, root)
    demand_driver(target)
    if place.scheme == "sqlite":
        from sqlpipes.engines.generic.sqlite import SqliteEngine

        return SqliteEngine(target, place, read_only=read_only, root=root)
    if place.scheme in COMMITTING:
        from sqlpipes.engines.generic.mysql import MysqlEngine

        return MysqlEngine(target, place, read_only=read_only, root=root)
    from sqlpipes.engines.generic.engine import GenericEngine

    return GenericEngine(target, place, read_only=read_only, root=root)


def blank(target: Target, root: str) -> Engine:
    """See `sqlpipes.engines.blank`: no server is asked, and no driver is needed."""
    from sqlpipes.engines.generic.offline import BlankEngine
    from sqlpipes.engines.generic.place import place_of

    return BlankEngine(target, place_of(target, root))


def exists(target: Target, root: str) -> bool:
    """A server is always there to be looked into; a SQLite file is there or not."""
    from sqlpipes.engines.generic.place import place_of

    place = place_of(target, root)
    path = place.url.database
    return place.scheme != "sqlite" or bool(path and os.path.exists(path))


def rehearse(target: Target, root: str) -> tuple[str, ...]:
    """See `sqlpipes.engines.rehearse`: only a SQLite file may be not there yet, in a folder that is."""
    from sqlpipes.engines.generic.place import demand_driver, place_of
    from sqlpipes.engines.generic.sqlite import missing_folder
    from sqlpipes.engines.room import demand_room

    path = str(place_of(target, root).url.database or "")
    demand_driver(target)
    if path in ("", ":memory:") or path.startswith("file:"):
        return ()
    if problem := missing_folder(path, target):
        raise EngineError(problem)
    try:
        return (f"{demand_room(path)} can be written to",)
    except EngineError as error:
        at = target.at("path", "url", "database")
        error.problems = tuple(replace(each, at=at) for each in error.problems)
        raise


def stamp(target: Target, root: str) -> str | None:
    """Whether others have written is asked each time."""
    return None


def is_shared(target: Target) -> bool:
    """SQLite has one writer; and where DDL commits, nothing keeps a build that was asleep from publishing."""
    from sqlpipes.engines.generic.place import scheme_of

    return scheme_of(target).partition("+")[0] not in ("sqlite", *COMMITTING)
