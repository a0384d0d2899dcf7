"""What must never be thrown away by the way: the history that a snapshot has seen.

Graph + History + a wish + recorded definitions -> refusals and warnings. A snapshot is the one asset
that cannot be built again from its inputs, so only --full-refresh begins it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from sqlpipes.core.asset import Asset
from sqlpipes.core.errors import Problem, ProjectError, Severity
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History
from sqlpipes.core.strategy import SchemaChange
from sqlpipes.decide.moved import is_only_moved, is_spared
from sqlpipes.decide.staleness import EMPTY_SUFFIX
from sqlpipes.decide.wish import Outlook

CONTINUES = (SchemaChange.ADD, SchemaChange.SYNC, SchemaChange.IGNORE)


def turned(asset: Asset, recorded: str | None) -> bool:
    """Whether a snapshot was built as something else last time, which holds no history to lose."""
    return asset.snapshot is not None and _was(recorded) not in (None, "snapshot")


def refuse_losses(look: Outlook, history: History, definitions: Mapping[str, str]) -> None:
    """Raises ProjectError PLN004 for every history that would be lost without being given up."""
    if look.wish.only_checks:
        return
    assets = look.graph.assets
    names = [n for n in look.asked() if not look.wish.full_refresh or is_spared(assets[n])]
    if problems := list(losses(look.graph, history, names, definitions)):
        raise ProjectError(*problems)


def losses(
    graph: Graph, history: History, names: Iterable[str], definitions: Mapping[str, str]
) -> Iterator[Problem]:
    """PLN004 for each changed asset whose stored history its next build would not carry on."""
    for name in names:
        asset, past, recorded = graph.assets[name], history.of(name), definitions.get(name)
        if not past.built or turned(asset, recorded):
            continue
        if asset.snapshot is None:
            if _was(recorded) == "snapshot":
                yield _ended(asset)
            continue
        if is_only_moved(graph, asset, past, recorded):
            continue
        old = past.version.removesuffix(EMPTY_SUFFIX).partition(".")
        new = graph.version(name).partition(".")
        if old[0] != new[0] and asset.on_schema_change not in CONTINUES:
            hint = "on_schema_change: add (or sync, ignore) carries it on with the new query"
            yield _refusal(asset, "the query", hint)
        elif old[2] != new[2]:
            yield _refusal(asset, "the unique_key or the columns", "put the old settings back")


def _was(recorded: str | None) -> str | None:
    """What it was materialized as when it was built last, where that is recorded."""
    if recorded is None:
        return None
    settings = json.loads(recorded).get("settings", {})
    said = settings.get("materialized")
    return said if isinstance(said, str) else None


def _refusal(asset: Asset, what: str, hint: str) -> Problem:
    message = f"{what} of snapshot '{asset.name}' changed, and its history cannot be built again"
    anew = f"--full-refresh -s {asset.name} begins a new history"
    return Problem("PLN004", message, asset.at, f"{hint}; {anew}")


def _ended(asset: Asset) -> Problem:
    message = f"'{asset.name}' was a snapshot: as {asset.materialized} its history would be lost"
    hint = f"give it another alias; --full-refresh -s {asset.name} replaces it"
    return Problem("PLN004", message, asset.at, hint)


def given_up(look: Outlook, history: History) -> Iterator[Problem]:
    """PLN005, a warning, for each history that --full-refresh is about to begin anew."""
    if look.wish.only_checks or not look.wish.full_refresh:
        return
    for name in look.asked():
        asset = look.graph.assets[name]
        if asset.snapshot is not None and history.of(name).built and not is_spared(asset):
            message = f"--full-refresh throws the history of snapshot '{name}' away"
            hint = "`full_refresh: false` in its settings keeps it"
            yield Problem("PLN005", message, asset.at, hint, Severity.WARNING)
