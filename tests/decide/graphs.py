"""Graphs for tests, by hand: assets from a few words, edges from a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlpipes.core.asset import (
    Asset,
    Check,
    Kind,
    Materialized,
    SeedBody,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.sql.relation import Relation

HERE = Location("models/x.sql")


def asset(name: str, kind: Kind = Kind.SQL, folder: str = "models", **more: Any) -> Asset:
    """A view for SQL, a table for a seed, external for a source; `more` are fields of Asset."""
    bodies = {Kind.SEED: SeedBody(f"/{name}.csv", "csv"), Kind.SOURCE: SourceBody()}
    shapes = {Kind.SEED: Materialized.TABLE, Kind.SOURCE: Materialized.EXTERNAL}
    ending = {Kind.SEED: ".csv", Kind.SOURCE: ".yml", Kind.PYTHON: ".py"}.get(kind, ".sql")
    path = more.pop("path", f"{folder}/{name}{ending}")
    said: dict[str, Any] = {
        "materialized": shapes.get(kind, Materialized.VIEW),
        "relation": Relation(name.rpartition(".")[2], "main"),
        "body": bodies.get(kind, SqlBody("select 1")),
        "version": "1.1",
        "at": Location(path),
        "fqn": ("shop", *folder.split("/")[1:], *name.split(".")),
    }
    return Asset(name=name, kind=kind, path=path, **(said | more))


def check(name: str, of: str, type: str = "not_null", *inputs: str, **more: Any) -> Check:
    return Check(name=name, asset=of, type=type, inputs=inputs, **more)


def graph(
    assets: Sequence[Asset | str],
    reads: Mapping[str, str] | None = None,
    checks: Sequence[Check] = (),
) -> Graph:
    """`assets` in an order with inputs first; `reads` maps a name to the names it reads, spaced."""
    nodes = [asset(a) if isinstance(a, str) else a for a in assets]
    inputs = {
        node.name: tuple(Input(name, HERE) for name in (reads or {}).get(node.name, "").split())
        for node in nodes
    }
    return Graph(
        assets={node.name: node for node in nodes},
        inputs=inputs,
        order=tuple(node.name for node in nodes),
        checks={c.name: c for c in checks},
    )
