"""DuckDB as a warehouse: a file or memory, one process that writes, a cursor for each thread.

Written in the common subset of DuckDB 1.5.5 and 2.0. Importing this does not import duckdb.
"""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import EngineError
from sqlpipes.engines.duckdb.place import MEMORY, exists, stamp

__all__ = ["blank", "exists", "open_engine", "stamp"]


def open_engine(target: Target, root: str, *, read_only: bool = False, wait_s: float = 0) -> Engine:
    """See `sqlpipes.engines.open_engine`."""
    from sqlpipes.engines.duckdb.engine import open_duckdb

    try:
        return open_duckdb(target, root, read_only=read_only, wait_s=wait_s)
    except EngineError as error:
        from sqlpipes.engines.duckdb.opening import placed

        raise placed(error, target) from error.__cause__


def blank(target: Target, root: str) -> Engine:
    """See `sqlpipes.engines.blank`."""
    return open_engine(replace(target, options={**target.options, "path": MEMORY}), root)
