"""A project's graph -> a DuckDB in memory that has its databases and schemas, and nothing in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.graph import Graph

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engine


def hollow_engine(graph: Graph, target: Target, root: str) -> Engine:
    """An empty DuckDB in memory with the project's databases and schemas, all of them empty."""
    from sqlpipes.engines import open_engine
    from sqlpipes.run.unit_tests.samples import CATALOG

    relations = [a.relation for a in graph.assets.values() if a.relation is not None]
    catalogs = sorted({found.catalog for found in relations if found.catalog})
    engine = open_engine(_target(target, [*catalogs, CATALOG]), root)
    schemas: dict[str | None, set[str]] = {None: {target.schema}}
    for found in relations:
        schemas.setdefault(found.catalog, set()).add(found.schema)
    for catalog, names in schemas.items():
        engine.create_schemas(sorted(names), catalog)
    return engine


def _target(target: Target, catalogs: Iterable[str]) -> Target:
    """The target's session settings and extensions, if it is a DuckDB, and none of its data."""
    options: dict[str, Plain] = {}
    if target.engine in ("duckdb", "ducklake"):
        kept = ("settings", "extensions")
        options = {key: target.options[key] for key in kept if key in target.options}
    options["path"] = ":memory:"
    options["attach"] = [{"path": ":memory:", "alias": name} for name in catalogs]
    return replace(target, engine="duckdb", options=options)
