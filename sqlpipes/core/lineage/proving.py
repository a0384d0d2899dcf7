"""Graph + columns of the sources -> what is proven of each query: which rows of its inputs a slice reads."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import NamedTuple

from sqlpipes.core.asset import Asset, SqlBody
from sqlpipes.core.garbage import resting
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage.facts import ColumnFacts
from sqlpipes.core.lineage.local import Locals
from sqlpipes.core.lineage.trace import Known

PROVER = "6"
"""Moves when the same text may prove something else; part of every cache key."""

DIALECTS = frozenset(
    {"duckdb", "postgres"}
)  # those whose functions are known to mean what is said here

NOTHING_BUILT: Known = MappingProxyType({})


class Proven(NamedTuple):
    """`asked`: tables that a query makes whose types were needed. `traced`: columns that were read for it,
    under the keys by which `trace` finds them again.
    """

    local: dict[str, Locals]
    asked: frozenset[str]
    traced: dict[str, ColumnFacts]


def localities(
    graph: Graph,
    names: Iterable[str],
    known: Known,
    dialect: str,
    built: Known = NOTHING_BUILT,
) -> Proven:
    """What is proven of each of `names`.

    `built`: columns of tables that a query makes, as they stand: their types are certain where those of the
    query are not. While those that were asked for are as they were, so is the answer.

    `known`: columns of what has no SELECT, as for `trace`. Python assets, SQL that cannot be read and
    templates that cannot be rendered prove nothing.
    """
    found: dict[str, Locals] = dict.fromkeys(names, ())
    wanted = {name for name in found if _is_readable(graph.assets[name], dialect)}
    if not wanted:
        return Proven(found, frozenset(), {})
    from sqlpipes.core.lineage.prover import Prover

    prover = Prover(graph, known, dialect, built)
    above = graph.ancestors(wanted)
    with resting():
        for name in graph.order:  # so that what is above is there, and each text is parsed once
            asset = graph.assets[name]
            if name in wanted and isinstance(asset.body, SqlBody):
                found[name] = prover.proven(asset, asset.body)
            if name in above:
                prover.learn(asset)
    return Proven(found, frozenset(prover.asked), prover.tracer.used)


def _is_readable(asset: Asset, dialect: str) -> bool:
    return isinstance(asset.body, SqlBody) and not asset.body.opaque and dialect in DIALECTS
