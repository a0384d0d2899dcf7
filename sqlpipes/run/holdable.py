"""Plan + what the engine can hold -> the names and keys that it cannot, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import Capabilities
from sqlpipes.core.errors import Problem
from sqlpipes.core.faults import NOT_HELD
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Plan

CUT = "ENG012"


def not_holdable(plan: Plan, graph: Graph, can: Capabilities, dialect: str) -> list[Problem]:
    """ENG012 for names that are too long, ENG069 for those, and keys of slices, with a NUL."""
    if not can.longest_name and can.holds_nul:
        return []
    return [
        problem
        for step in plan.steps
        for problem in _of(graph.assets[step.asset], step.slices, can, dialect)
    ]


def _of(asset: Asset, slices: Partitions, can: Capabilities, dialect: str) -> Iterator[Problem]:
    named = [(name, asset.at) for name in _names(asset)]
    for index in asset.extras.indexes or ():
        named += [(column, index.place(column) or asset.at) for column in index.columns]
    for name, at in named:
        size = len(name.encode())
        if can.longest_name and size > can.longest_name:
            message = (
                f"the name '{name}' is {size} bytes long, and {dialect} keeps {can.longest_name}"
            )
            yield Problem(CUT, message, at, "give it a shorter one")
    if can.holds_nul:
        return
    if any("\0" in name for name in _names(asset)):
        message = f"a name of '{asset.name}' holds a NUL, which {dialect} cannot"
        yield Problem(NOT_HELD, message, asset.at, "take it out of the name")
    if asset.partition is not None and "\0" in str(slices):
        message = f"a key of '{asset.name}' holds a NUL, which {dialect} cannot"
        yield Problem(NOT_HELD, message, asset.at, "take it out of `values`")


def _names(asset: Asset) -> tuple[str, ...]:
    placed = (asset.relation.schema, asset.relation.name) if asset.relation else ()
    cut = asset.partition.columns if asset.partition else ()
    return (*placed, *cut, *asset.unique_key)
