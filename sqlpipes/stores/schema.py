"""Which schema the state has, and how an older one becomes it. Plain values: no driver is needed to ask."""

from __future__ import annotations

from collections.abc import Mapping

SCHEMA_VERSION = 1  # of the tables that a new database gets
MIGRATIONS: Mapping[int, tuple[str, ...]] = {}  # the version it makes -> statements


def newest(known: Mapping[int, tuple[str, ...]] = MIGRATIONS) -> int:
    """The version that a state has once every known step was taken."""
    return max(known, default=SCHEMA_VERSION)
