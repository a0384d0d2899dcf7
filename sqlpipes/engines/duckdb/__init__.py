"""DuckDB as a warehouse: a file or memory, one process that writes, a cursor for each thread; and a
DuckLake, whose catalog may take several writers.

Written in the common subset of DuckDB 1.5.5 and 2.0. Importing this does not import duckdb.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.errors import EngineError, Problem, ProjectError
from sqlpipes.engines.duckdb import place
from sqlpipes.engines.duckdb.attached import MEMORY
from sqlpipes.engines.duckdb.lake import OWN, bare, is_shared, lake_of
from sqlpipes.engines.duckdb.profile import read_profile

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engine

__all__ = [
    "blank",
    "databases",
    "exists",
    "hidden",
    "is_shared",
    "open_engine",
    "problems",
    "rehearse",
    "stamp",
    "unopened",
]


def open_engine(target: Target, root: str, *, read_only: bool = False, wait_s: float = 0) -> Engine:
    """See `sqlpipes.engines.open_engine`."""
    lake = lake_of(target, root)
    if lake is not None:
        from sqlpipes.engines.duckdb.lakes import open_lake

        return open_lake(lake, bare(target), root, read_only=read_only, wait_s=wait_s)
    from sqlpipes.engines.duckdb.opening import open_duckdb

    with _placed(target):
        return open_duckdb(target, root, read_only=read_only, wait_s=wait_s)


@contextmanager
def _placed(target: Target) -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        from sqlpipes.engines.duckdb.placing import placed

        raise placed(error, target) from error.__cause__


def blank(target: Target, root: str) -> Engine:
    """See `sqlpipes.engines.blank`."""
    lake = lake_of(target, root)
    if lake is not None:
        from sqlpipes.engines.duckdb.lakes import open_nothing

        return open_nothing(lake, bare(target), root)
    return open_engine(replace(target, options={**target.options, "path": MEMORY}), root)


def unopened(target: Target, root: str) -> Engine | None:
    """See `sqlpipes.engines.unopened`. What is attached would have to be asked what it is called."""
    if target.catalog is None or lake_of(target, root) is not None:
        return None
    profile = read_profile(target, root)
    if profile.attached or profile.problems or profile.missing:
        return None
    from sqlpipes.engines.duckdb.spelling import OfflineDuck

    return OfflineDuck(target.catalog)


def rehearse(target: Target, root: str) -> tuple[str, ...]:
    """See `sqlpipes.engines.rehearse`."""
    from sqlpipes.engines.duckdb.opening import rehearse as rehearsed
    from sqlpipes.engines.room import demand_room

    lake = lake_of(target, root)
    with _placed(target):
        if lake is None:
            return rehearsed(target, root)
        tried = rehearsed(_with_extensions(bare(target), lake.extensions), root)
        is_local = lake.file is not None and "://" not in lake.file
        room = (f"{demand_room(lake.file)} can be written to",) if lake.file and is_local else ()
        return (*room, *tried)


def _with_extensions(target: Target, names: tuple[str, ...]) -> Target:
    said = target.options.get("extensions") or []
    listed: list[Plain] = said if isinstance(said, list) else [said]
    return replace(target, options={**target.options, "extensions": [*listed, *names]})


def exists(target: Target, root: str) -> bool:
    """See `sqlpipes.engines.exists`. A catalog in Postgres is asked on opening."""
    lake = lake_of(target, root)
    if lake is not None:
        return lake.file is None or place.is_there(lake.file)
    return place.exists(target, root)


def stamp(target: Target, root: str) -> str | None:
    """See `sqlpipes.engines.stamp`: every commit to a lake writes its catalog."""
    lake = lake_of(target, root)
    if lake is not None:
        return place.stamp(bare(target), root, lake.file or MEMORY)
    return place.stamp(target, root)


def problems(target: Target, root: str) -> tuple[Problem, ...]:
    """See `sqlpipes.engines.problems`."""
    try:
        lake = lake_of(target, root)
    except ProjectError as error:
        return error.problems
    found = read_profile(bare(target), root, OWN) if lake else read_profile(target, root)
    return found.problems


def databases(target: Target, root: str) -> Mapping[str, str]:
    """See `sqlpipes.engines.databases`."""
    try:
        lake = lake_of(target, root)
    except ProjectError:
        return {}
    attached = read_profile(bare(target) if lake else target, root).attached
    found = {each.catalog: each.default_schema for each in attached}
    if own := lake.alias if lake else target.catalog:
        found[own] = target.schema
    return {name: schema or "" for name, schema in found.items() if name}


def hidden(target: Target, root: str) -> tuple[str, ...]:
    """See `sqlpipes.engines.hidden`."""
    try:
        lake = lake_of(target, root)
    except ProjectError:
        return ()
    if lake is None:
        return read_profile(target, root).hidden
    password = (lake.password,) if lake.password else ()
    return (*password, *read_profile(bare(target), root).hidden)
