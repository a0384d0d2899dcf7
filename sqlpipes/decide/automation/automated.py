"""Graph -> the assets that are built by themselves, and what is wrong with what their `auto` says."""

from __future__ import annotations

from sqlpipes.core.asset import Asset, Materialized
from sqlpipes.core.automation import When
from sqlpipes.core.errors import Problem, Severity, did_you_mean
from sqlpipes.core.graph import Graph

PROJECT_FILES = ("pyproject.toml", "sqlpipes.yml", "sqlpipes.yaml")


def automated(graph: Graph) -> tuple[str, ...]:
    """The assets that are built by themselves, in graph order."""
    return tuple(name for name in graph.order if _is_automated(graph.assets[name]))


def _is_automated(asset: Asset) -> bool:
    if asset.auto is None or asset.materialized is Materialized.EPHEMERAL:
        return False
    return asset.auto.when is not When.NEVER


def automation_problems(graph: Graph) -> tuple[Problem, ...]:
    """AUT003 for an input that `auto` names and the asset does not read, or an asset that is never built;
    a warning AUT004 for `last` of an asset without slices.

    What a folder says of all below it may well be nothing to some of them.
    """
    found = []
    for name in graph.order:
        asset, auto = graph.assets[name], graph.assets[name].auto
        if auto is None or auto.at is None or auto.at.file.endswith(PROJECT_FILES):
            continue
        if asset.materialized is Materialized.EPHEMERAL and auto.when is not When.NEVER:
            message = f"'{name}' is ephemeral: it is inlined and never built, also not by itself"
            hint = "give `auto` to the assets that read it"
            found.append(Problem("AUT003", message, auto.at, hint))
        if auto.last is not None and asset.partition is None:
            message = f"'{name}' has no slices, so `last: {auto.last}` leaves nothing out"
            hint = "leave it out, or give the asset a `partition:`"
            found.append(Problem("AUT004", message, auto.at, hint, Severity.WARNING))
        known = graph.parents(name)
        for other in sorted(auto.ignore | (auto.allow or frozenset())):
            if other not in known:
                hint = did_you_mean(other, known) or f"it reads {', '.join(known) or 'no asset'}"
                message = f"'auto' of '{name}' names '{other}', which it does not read"
                found.append(Problem("AUT003", message, auto.at, hint))
    return tuple(found)
