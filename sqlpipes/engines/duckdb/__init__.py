"""DuckDB as a warehouse: a file or memory, one process that writes, a cursor for each thread.

Written in the common subset of DuckDB 1.5.5 and 2.0. Importing this does not import duckdb.
"""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.engines.duckdb.attached import MEMORY
from sqlpipes.engines.duckdb.place import exists, stamp
from sqlpipes.engines.duckdb.profile import read_profile

__all__ = ["blank", "exists", "hidden", "open_engine", "problems", "stamp"]


def open_engine(target: Target, root: str, *, read_only: bool = False, wait_s: float = 0) -> Engine:
    """See `sqlpipes.engines.open_engine`."""
    from sqlpipes.engines.duckdb.opening import open_duckdb

    try:
        return open_duckdb(target, root, read_only=read_only, wait_s=wait_s)
    except EngineError as error:
        from sqlpipes.engines.duckdb.placing import placed

        raise placed(error, target) from error.__cause__


def blank(target: Target, root: str) -> Engine:
    """See `sqlpipes.engines.blank`."""
    return open_engine(replace(target, options={**target.options, "path": MEMORY}), root)


def problems(target: Target, root: str) -> tuple[Problem, ...]:
    """See `sqlpipes.engines.problems`."""
    return read_profile(target, root).problems


def hidden(target: Target, root: str) -> tuple[str, ...]:
    """See `sqlpipes.engines.hidden`."""
    return read_profile(target, root).hidden
