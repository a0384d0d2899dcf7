"""Graph + Lineage -> what an asset asks of columns that it does not have: checks, slices, keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlpipes.core.asset import Asset, Check, Kind
from sqlpipes.core.errors import Problem, near_or_all
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage import Lineage
from sqlpipes.core.sql import fold
from sqlpipes.decide.lint import is_known, missing_check, names_of


def unmet(graph: Graph, lineage: Lineage) -> Iterator[tuple[str, Problem]]:
    """The asset, and what is wrong; only of those whose columns are all known."""
    checks: dict[str, list[Check]] = {}
    for check in graph.checks.values():
        checks.setdefault(check.asset, []).append(check)
    for name, asset in graph.assets.items():
        if lineage.is_listed(name):
            found = _of_asset(graph, lineage, asset, checks.get(name, ()))
            yield from ((name, each) for each in found)


def _of_asset(
    graph: Graph, lineage: Lineage, asset: Asset, checks: Sequence[Check]
) -> Iterator[Problem]:
    names = names_of(asset.name, graph, lineage)
    known = {fold(each, True, graph.dialect) for each in names}
    for check in checks:
        lacking = (each for each in check.columns if not is_known(each, known, graph.dialect))
        yield from (missing_check(check, each, names) for each in lacking)
    cut = asset.partition.columns if asset.partition and asset.kind is not Kind.SOURCE else ()
    for what, columns in (("partition", cut), ("unique_key", asset.unique_key)):
        for column in columns:
            if not is_known(column, known, graph.dialect):
                message = f"'{asset.name}' has no column '{column}', which is its {what}"
                hint = near_or_all(column, names, "it has none")
                yield Problem("IMP006", message, asset.at, hint)
