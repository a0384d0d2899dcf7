"""Target -> Engine: the warehouse that a target names, opened by its engine's name.

Third parties add an engine under the entry-point group "sqlpipes.engines": a module (or any object)
with `open_engine(target, root, *, read_only, wait_s) -> Engine`, `blank(target, root) -> Engine`,
`exists(target, root) -> bool` and `stamp(target, root) -> str | None`; and `is_shared(target) -> bool`
when several processes may write to such a warehouse at once.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import Any

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import EngineError, Problem, did_you_mean

__all__ = ["ENTRY_POINTS", "blank", "exists", "is_shared", "open_engine", "stamp"]

ENTRY_POINTS = "sqlpipes.engines"
BUILT_IN = MappingProxyType(
    {
        "duckdb": "sqlpipes.engines.duckdb",
        "postgres": "sqlpipes.engines.postgres",
        "postgresql": "sqlpipes.engines.postgres",
    }
)


def open_engine(target: Target, root: str, *, read_only: bool = False, wait_s: float = 0) -> Engine:
    """The target's warehouse, open. Relative paths in its options count from `root`.

    Raises EngineError when it cannot be opened, LockedError when another process still holds it
    after `wait_s` seconds. Whoever opens it closes it.
    """
    engine: Engine = _module(target.engine).open_engine(
        target, root, read_only=read_only, wait_s=wait_s
    )
    return engine


def exists(target: Target, root: str) -> bool:
    """Whether the target's warehouse is there to be looked into, found out without connecting."""
    return bool(_module(target.engine).exists(target, root))


def blank(target: Target, root: str) -> Engine:
    """A new, empty warehouse of the target's kind that nothing keeps, for writing statements."""
    engine: Engine = _module(target.engine).blank(target, root)
    return engine


def stamp(target: Target, root: str) -> str | None:
    """A token that moves when anything was written to the warehouse, read without connecting.

    None when the warehouse does not exist or its state cannot be known this way.
    """
    token: str | None = _module(target.engine).stamp(target, root)
    return token


def is_shared(target: Target) -> bool:
    """Whether several processes may write to the target's warehouse at once, each in transactions.

    If so, builds cooperate by leases on slices; if not, one builds at a time.
    """
    found = getattr(_module(target.engine), "is_shared", None)
    return bool(found and found(target))


def _module(name: str) -> Any:
    if name in BUILT_IN:
        return import_module(BUILT_IN[name])
    return _third_party(name)


def _third_party(name: str) -> Any:
    from importlib.metadata import entry_points

    found = entry_points(group=ENTRY_POINTS)
    if name in found.names:
        return found[name].load()
    known = [*BUILT_IN, *found.names]
    raise EngineError(
        Problem(
            "ENG001",
            f"there is no engine '{name}'",
            hint=did_you_mean(name, known) or f"known engines: {', '.join(sorted(known))}",
        )
    )
