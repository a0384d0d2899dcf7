"""Graph + History + recorded definitions -> what of a plan is built in another place than before.

Rows that a rebuild may not give back, those of snapshots and incremental models, are taken along. Of
all others the old relation stays where it is, which is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from sqlpipes.core.asset import Asset, Materialized
from sqlpipes.core.errors import Location, Problem, ProjectError, Severity
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History, Past
from sqlpipes.core.plan import Action, Plan, Reason, Step, Why
from sqlpipes.core.sql.relation import fold
from sqlpipes.decide.definition import Definition, definition_of
from sqlpipes.decide.staleness import EMPTY_SUFFIX, is_moved
from sqlpipes.decide.wish import Outlook

TAKEN, NO_WAY, STAYS = "MOV001", "MOV002", "MOV003"
WRITES = frozenset({Action.MERGE, Action.APPEND, Action.SNAPSHOT, Action.PYTHON})
SHOWN = 5


def keeps_rows(asset: Asset) -> bool:
    """Whether its table holds what a rebuild may not give back."""
    merged = asset.materialized is Materialized.INCREMENTAL and asset.partition is None
    return asset.relation is not None and (merged or asset.snapshot is not None)


def is_spared(asset: Asset) -> bool:
    """Whether `full_refresh: false` keeps --full-refresh from writing it anew."""
    return asset.settings.get("full_refresh") is False


def is_only_moved(graph: Graph, asset: Asset, past: Past, recorded: str | None) -> bool:
    """Whether nothing but the relation is another one than in the definition that was `recorded`."""
    if recorded is None or past.version.endswith(EMPTY_SUFFIX) or not is_moved(asset, past):
        return False
    old: Definition = json.loads(recorded)
    new: Definition = json.loads(json.dumps(definition_of(graph, asset.name), default=str))
    bodies = {version.partition(".")[0] for version in (past.version, graph.version(asset.name))}
    if len(bodies) > 1 and not _says_the_same(old, new):
        return False
    before, after = old["settings"], new["settings"]
    return {**before, "relation": None} == {**after, "relation": None}


def _says_the_same(old: Definition, new: Definition) -> bool:
    """Of a template that names its own table, which is what its version hangs on, too."""
    said = old.get("rendered")
    if not said or old["inlined"] or new["inlined"]:
        return False
    return said == new.get("rendered") and old["sql"] == new["sql"]


def placed(graph: Graph, past: Past, step: Step, recorded: str | None) -> Step:
    """The step that takes its rows along, if there are any to keep and it is not asked to begin anew."""
    asset = graph.assets[step.asset]
    if step.action not in WRITES or not _has_left(asset, past) or not keeps_rows(asset):
        return step
    if engine_of(past.relation or "") != asset.engine:
        return step
    only = is_only_moved(graph, asset, past, recorded)
    whys = {reason.why for reason in step.reasons}
    anew = step.full if asset.snapshot is not None else bool(whys & ANEW) or not only
    if anew:
        return replace(step, full=True)
    doubted = asset.snapshot is None and Why.INTERRUPTED in whys
    reasons = tuple(
        _told(reason) for reason in step.reasons if not only or reason.why is not Why.SQL_CHANGED
    )
    return replace(step, reasons=reasons, full=doubted, moves=past.relation or "")


ANEW = frozenset({Why.FULL_REFRESH, Why.EMPTY, Why.GONE})
"""Why merged rows are written anew, wherever they stand. What was cut off has written nothing as long as the
rows are in their old place: then they are moved, and are no longer in doubt."""


def _told(reason: Reason) -> Reason:
    if reason.why is not Why.SETTINGS_CHANGED:
        return reason
    return replace(reason, detail=f"{reason.detail}, and its rows move along")


def engine_of(place: str) -> str:
    """Of a place as it is recorded: `dw:mart.orders`."""
    return place.partition(":")[0] if ":" in place else ""


def _has_left(asset: Asset, past: Past) -> bool:
    return bool(past.built) and is_moved(asset, past)


def refuse_overwriting(look: Outlook, history: History) -> None:
    """Raises ProjectError MOV001 for what would be written over rows that are still to be moved away,
    MOV002 for a snapshot that is to go to another engine."""
    if look.wish.only_checks:
        return
    assets = look.graph.assets
    leaving = {
        _spelt(past.relation, look.graph): asset
        for asset in assets.values()
        if keeps_rows(asset) and not _begins_anew(look, asset)
        for past in [history.of(asset.name)]
        if _has_left(asset, past)
    }
    asked = [assets[name] for name in look.asked()]
    found = [
        _taken(each, owner, is_swapped=_spelt(owner.place, look.graph) in leaving)
        for each in asked
        if (owner := leaving.get(_spelt(each.place, look.graph))) and owner is not each
    ]
    for asset in leaving.values():
        place = history.of(asset.name).relation or ""
        if asset.snapshot is not None and engine_of(place) != asset.engine and asset in asked:
            found.append(_elsewhere(asset, place))
    if found:
        raise ProjectError(*found)


def _begins_anew(look: Outlook, asset: Asset) -> bool:
    return look.wish.full_refresh and asset.name in look.wish.names and not is_spared(asset)


def _spelt(place: str | None, graph: Graph) -> str:
    """As the dialect compares names."""
    return fold(place or "", True, graph.dialect)


def _taken(asset: Asset, owner: Asset, *, is_swapped: bool) -> Problem:
    message = (
        f"'{asset.name}' would be written to {asset.place}, which holds the rows of '{owner.name}'"
    )
    hint = f"they belong to {owner.place} now: build -s {owner.name} moves them there first"
    if is_swapped:
        hint = "of two that change places, give one a third place first, and build it"
    return Problem(TAKEN, message, place_at(asset), hint)


def _elsewhere(asset: Asset, place: str) -> Problem:
    message = f"snapshot '{asset.name}' was built as {place}, and would begin anew as {asset.place}"
    hint = f"put it back, or --full-refresh -s {asset.name} begins a new history there"
    return Problem(NO_WAY, message, place_at(asset), hint)


def place_at(asset: Asset) -> Location:
    """Where its place is said, as far as that is anywhere."""
    return asset.placed_at or asset.at


def left_where_they_were(plan: Plan, graph: Graph, history: History) -> Iterator[Problem]:
    """MOV003, a warning: relations that nobody builds any more, for they are built elsewhere now."""
    left = [
        (asset, past.relation)
        for step in plan.steps
        if not step.moves and step.action not in (Action.CHECK, Action.EXTRAS, Action.OBSERVE)
        for asset, past in [(graph.assets[step.asset], history.of(step.asset))]
        if _has_left(asset, past) and engine_of(past.relation or "") == asset.engine
        if _spelt(past.relation, graph) != _spelt(asset.place, graph)
    ]
    if not left:
        return
    asset, old = left[0]
    names = ", ".join(place or "" for _, place in left[:SHOWN])
    more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    message = f"'{asset.name}' is built anew as {asset.place}: {old} stays where it is"
    if len(left) > 1:
        message = (
            f"{len(left)} assets are built anew in other places: {names}{more} stay where they are"
        )
    hint = "drop what nobody reads any more"
    yield Problem(STAYS, message, place_at(asset), hint, Severity.WARNING)
