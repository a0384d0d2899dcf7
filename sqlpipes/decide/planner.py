"""Graph + History + what is observed + a wish -> Plan. No clock, no files, no warehouse.

A plan is history that has not happened yet: each planned step is added to the history, and the next
asset is asked the same question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import reduce
from operator import or_

from sqlpipes.core.asset import Asset, Kind, Materialized
from sqlpipes.core.errors import ProjectError, Severity
from sqlpipes.core.extras import changed as changed_extras
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import Built, History, Past
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Plan, Reason, Spared, Step, Why
from sqlpipes.core.strategy import SchemaChange, Strategy
from sqlpipes.core.windows import Sighting
from sqlpipes.decide.aware import Aware, proof_of, what_changed
from sqlpipes.decide.definition import definition_of, explained
from sqlpipes.decide.moved import is_spared, left_where_they_were, placed, refuse_overwriting
from sqlpipes.decide.picks import picked
from sqlpipes.decide.refusals import askable, notes, refuse
from sqlpipes.decide.snapshots import given_up, refuse_losses, turned
from sqlpipes.decide.staleness import (
    EMPTY_SUFFIX,
    Changed,
    changed_at,
    is_moved,
    reasons_to_build,
    slices_gone,
    values_gone,
)
from sqlpipes.decide.wish import Observed, Outlook, Wish

__all__ = ["Admit", "Observed", "Wish", "definition_of", "make_plan"]

Admit = Callable[[str, Step | None, History, Changed], Step | None]
"""Asset, its step (None: it is current), the history up to there -> what of the step may be done."""

SAYS_ENOUGH = frozenset(
    {Why.NEVER_BUILT, Why.FULL_REFRESH, Why.FORCED, Why.ASKED, Why.EMPTY, Why.GONE}
)
"""Where one of these covers all slices, nobody asks which input is newer, too."""


def make_plan(
    graph: Graph,
    history: History,
    wish: Wish,
    observed: Observed,
    now: datetime,
    definitions: Mapping[str, str],
    *,
    admit: Admit | None = None,
    aware: Aware | None = None,
) -> Plan:
    """Every step that makes `wish.names` current, in graph order, with its reasons.

    `admit` may take slices out of a step, or all of it, before the history goes on; then nothing is
    refused. `aware`: what is known of columns, so that only what reads a changed one is built.

    `now` is naive UTC. `definitions` is what was recorded with the newest build of assets that have
    changed since. Raises ProjectError PLN001 when an input was never built and is not asked for,
    PLN002 when `partitions` fits no selected asset, PLN003 when not one check can be run, PLN004 when
    a snapshot would lose its history.
    """
    look = Outlook(graph, wish, observed, now, aware)
    if admit is None:
        refuse(look, history)
        refuse_overwriting(look, history)
        refuse_losses(look, history, definitions)
    left_out = notes(look, history)
    waiting = set(look.waiting())
    lost = tuple(given_up(look, history))
    before = history
    steps: dict[str, Step] = {}
    current: list[str] = []
    spared: list[Spared] = []
    changed: dict[str, int] = {}
    for name in graph.order:
        if (name in wish.names or name in wish.observe) and name not in waiting:
            step = _step(look, history, changed, name)
            if admit is not None:
                step = admit(name, step, history, changed)
            if step is not None:
                recorded = definitions.get(name)
                step = _placed(graph, steps, step, recorded)
                steps[name] = placed(graph, history.of(name), step, recorded)
                seen = observed.windows.get(name)
                history = _as_if_done(look, history, steps[name], seen)
                look = look.after(name)
            else:
                spared += _spared(look, history, changed, name)
            if step is None and not wish.only_checks and _is_current(look, history, changed, name):
                current.append(name)
        changed[name] = changed_at(graph, history, changed, name)
    if wish.only_checks and left_out and not steps:
        raise ProjectError(*(replace(note, severity=Severity.ERROR) for note in left_out))
    if wish.picks and all(step.action is Action.OBSERVE for step in steps.values()):
        steps.clear()  # nobody would read what is looked at
    found = Plan(
        tuple(steps.values()), tuple(current), (*lost, *left_out), wish.empty, tuple(spared)
    )
    stays = tuple(left_where_they_were(found, graph, before))
    return replace(found, notes=(*found.notes, *stays)) if stays else found


def _spared(look: Outlook, history: History, changed: Changed, name: str) -> Iterator[Spared]:
    """What would be built if all columns of an input counted, and the proof that it need not be."""
    asset = look.graph.assets[name]
    if look.aware is None or asset.kind is not Kind.SQL:
        return
    reasons = _reasons(replace(look, aware=None), history, changed, name, look.wanted(asset))
    if newer := [reason for reason in reasons if reason.why is Why.INPUT_NEWER]:
        slices = _covered(newer, look.wanted(asset))
        yield proof_of(look.aware, look.graph, history, changed, name, slices)


def _is_current(look: Outlook, history: History, changed: Changed, name: str) -> bool:
    """Of an asset without a step: an ephemeral one is never built, nobody knows what a source is like
    before the first look, and what should be built may not be what was asked for."""
    asset, past = look.graph.assets[name], history.of(name)
    if asset.kind is Kind.SOURCE:
        return bool(past.built)
    if asset.materialized is Materialized.EPHEMERAL:
        return False
    if not look.wish.narrows:
        return True
    return not _due(look, history, changed, name, look.everything(asset))


def _step(look: Outlook, history: History, changed: Changed, name: str) -> Step | None:
    """The step for one asset, not yet placed, or None when it is current."""
    asset, past = look.graph.assets[name], history.of(name)
    checks = askable(look, history, name) if name in look.wish.names else ()
    wanted = look.wanted(asset)
    reasons = _reasons(look, history, changed, name, wanted)
    if not reasons:
        if not wanted or (look.wish.picks and not (look.wish.failed and past.failed)):
            return None
        due = _check_step(look, history, changed, name, checks)
        return _with_extras(look, past, name, due)
    slices = _covered(reasons, wanted)
    full = _writes_anew(asset, past, reasons, slices, look)
    if past.failed:
        reasons += (Reason(Why.CHECK_FAILED),)
    held = None
    if asset.partition is not None and asset.on_schema_change is SchemaChange.REBUILD:
        held = past.slices(wanted.axis)
    told = _told(reasons, slices)
    newest = _newest_first(look, asset)
    return Step(
        name,
        _action(asset),
        slices,
        told,
        checks=checks,
        full=full,
        held=held,
        extras=bool(past.extras_version or look.graph.extras_version(name)),
        newest_first=newest,
        whole=slices if full and asset.export and asset.partition else None,
    )


def _newest_first(look: Outlook, asset: Asset) -> bool:
    """Slices of an asset that reads itself need those before them."""
    if asset.partition is None or asset.name in look.graph.reads_self:
        return False
    asked = look.wish.newest_first
    return asset.partition.newest_first if asked is None else asked


def _covered(reasons: Iterable[Reason], wanted: Partitions) -> Partitions:
    """All that the reasons are about; they are about slices of one axis."""
    found = [reason.slices for reason in reasons if reason.slices is not None]
    return reduce(or_, found, Partitions(found[0].axis if found else wanted.axis))


def _reasons(
    look: Outlook, history: History, changed: Changed, name: str, wanted: Partitions
) -> tuple[Reason, ...]:
    asset = look.graph.assets[name]
    if asset.materialized is Materialized.EPHEMERAL or look.wish.only_checks:
        return ()
    found = _due(look, history, changed, name, wanted)
    if asset.kind is Kind.SOURCE:
        return found
    asked = _wished(asset, look.wish, wanted)
    if look.wish.picks:
        return picked(look.wish, history.of(name), found, asked, wanted)
    if look.wish.narrows_slices_of(name):
        return asked + found
    past = history.of(name)
    return asked + found + values_gone(past, wanted) + slices_gone(asset, past, wanted)


def _due(
    look: Outlook, history: History, changed: Changed, name: str, wanted: Partitions
) -> tuple[Reason, ...]:
    everything = look.everything(look.graph.assets[name])
    return reasons_to_build(
        look.graph, history, changed, look.observed, name, wanted, everything, look.aware
    )


def _wished(asset: Asset, wish: Wish, wanted: Partitions) -> tuple[Reason, ...]:
    if not wanted or asset.kind is Kind.SOURCE:
        return ()
    if wish.full_refresh and not is_spared(asset):
        return (Reason(Why.FULL_REFRESH, slices=wanted),)
    if asset.name in wish.forced:
        return (replace(wish.forced[asset.name], slices=wanted),)
    if wish.force:
        return (Reason(Why.FORCED, slices=wanted),)
    if wish.empty:
        return (Reason(Why.ASKED, "--empty", slices=wanted),)
    return ()


def _told(reasons: Iterable[Reason], slices: Partitions) -> tuple[Reason, ...]:
    """The reasons as a person wants them: each kind once, with all that it is about."""
    merged: dict[object, Reason] = {}
    for reason in reasons:
        newer = reason.why is Why.INPUT_NEWER
        key = (reason.why, reason.slices if newer else reason.detail)
        merged[key] = _joined(merged[key], reason) if key in merged else reason
    found = tuple(merged.values())
    if any(reason.why in SAYS_ENOUGH and reason.slices == slices for reason in found):
        return tuple(reason for reason in found if reason.why is not Why.INPUT_NEWER)
    return found


def _joined(first: Reason, second: Reason) -> Reason:
    if first.why is Why.INPUT_NEWER:
        names = dict.fromkeys([*first.detail.split(", "), *second.detail.split(", ")])
        return replace(first, detail=", ".join(names))
    if first.slices is None or second.slices is None:
        return replace(first, slices=None)
    return replace(first, slices=first.slices | second.slices)


def _check_step(
    look: Outlook, history: History, changed: Changed, name: str, checks: tuple[str, ...]
) -> Step | None:
    """A step that only runs the gate's checks: asked for, changed, failed last time, or read anew."""
    if look.wish.only_checks and look.wish.checks is not None:
        checks = tuple(check for check in checks if check in look.wish.checks)
    if not checks:
        return None
    reason = _reason_to_check(look, history, changed, name, checks)
    if reason is None:
        return None
    wanted = look.wanted(look.graph.assets[name])
    return Step(name, Action.CHECK, wanted, (reason,), checks=checks)


def _with_extras(look: Outlook, past: Past, name: str, due: Step | None) -> Step | None:
    """A step for comments, rights and indexes that are not as they were given, with the checks that are
    due anyway. What was never built gets them with its rows."""
    now = look.graph.extras_version(name)
    if look.wish.only_checks or not past.built or past.extras_version == now:
        return due
    why = Reason(Why.EXTRAS_CHANGED, changed_extras(past.extras_version, now))
    wanted = look.wanted(look.graph.assets[name])
    if due is None:
        return Step(name, Action.EXTRAS, wanted, (why,), extras=True)
    return replace(due, action=Action.EXTRAS, reasons=(why, *due.reasons), extras=True)


def _reason_to_check(
    look: Outlook, history: History, changed: Changed, name: str, checks: tuple[str, ...]
) -> Reason | None:
    past = history.of(name)
    if look.wish.only_checks:
        return Reason(Why.ASKED)
    if past.failed:
        return Reason(Why.CHECK_FAILED)
    all_askable = checks == look.graph.guards[name]
    if all_askable and past.checks_version != look.graph.checks_version(name):
        detail = "" if past.checks_version or not past.built else "not all were run so far"
        return Reason(Why.CHECKS_CHANGED, detail)
    newer = _newer_than_checks(look.graph, history, changed, name)
    return Reason(Why.INPUT_NEWER, ", ".join(newer)) if newer else None


def _newer_than_checks(graph: Graph, history: History, changed: Changed, name: str) -> list[str]:
    """What the gate's checks read beside the asset itself and have not seen as it is now."""
    read = {other for check in graph.gate(name) for other in (*check.inputs, check.asset)} - {name}
    if graph.assets[name].materialized is Materialized.EPHEMERAL:
        read |= set(graph.parents(name))
    checked_at = history.of(name).checked_at
    return sorted(other for other in read if changed[other] > checked_at)


def _action(asset: Asset) -> Action:
    if asset.kind is not Kind.SQL:
        kinds = {Kind.SOURCE: Action.OBSERVE, Kind.SEED: Action.SEED, Kind.PYTHON: Action.PYTHON}
        return kinds[asset.kind]
    if asset.export is not None:
        return Action.FILE
    if asset.partition is not None:
        return Action.SLICES
    appends = asset.incremental.strategy is Strategy.APPEND
    shapes = {
        Materialized.VIEW: Action.VIEW,
        Materialized.INCREMENTAL: Action.APPEND if appends else Action.MERGE,
        Materialized.SNAPSHOT: Action.SNAPSHOT,
    }
    return shapes.get(asset.materialized, Action.TABLE)


ANEW = frozenset(
    {Why.NEVER_BUILT, Why.FULL_REFRESH, Why.INTERRUPTED, Why.EMPTY, Why.GONE}
    | {Why.SQL_CHANGED, Why.CODE_CHANGED, Why.SETTINGS_CHANGED}
)
"""Merged rows of an older version, or of one that nobody knows, must not stay."""


def _writes_anew(
    asset: Asset, past: Past, reasons: Iterable[Reason], slices: Partitions, look: Outlook
) -> bool:
    """Whether the relation is written from nothing, so that nothing of an older version can stay."""
    whys = {reason.why for reason in reasons}
    if asset.kind is Kind.SOURCE:
        return slices.is_whole
    if asset.snapshot is not None:
        return Why.FULL_REFRESH in whys
    if asset.partition is not None:
        nothing_stays = slices == look.wanted(asset) and not past.slices(slices.axis) - slices
        nothing_stays &= not look.wish.narrows_slices_of(
            asset.name
        )  # a state that was lost knows nothing of the rest
        return (
            bool(whys & {Why.GONE, Why.VALUES_GONE, Why.SLICES_GONE})
            or is_moved(asset, past)
            or nothing_stays
            or slices == look.everything(asset)
        )
    return asset.materialized is not Materialized.INCREMENTAL or bool(whys & ANEW)


def _placed(graph: Graph, steps: Mapping[str, Step], step: Step, recorded: str | None) -> Step:
    """The step with what it waits for, and with what changed since its definition was recorded."""
    reasons = step.reasons
    if recorded is not None:
        reasons = tuple(explained(graph, step.asset, reason, recorded) for reason in reasons)
    full = step.full or turned(graph.assets[step.asset], recorded)
    return replace(step, reasons=reasons, after=_after(graph, steps, step.asset), full=full)


def _after(graph: Graph, steps: Mapping[str, Step], name: str) -> frozenset[str]:
    """The planned steps that must have ended well before: the nearest above, through what is not planned."""
    above = [*graph.parents(name)]
    above += [other for check in graph.gate(name) for other in (check.asset, *check.inputs)]
    return graph.nearest(above, steps) - {name}


def _as_if_done(look: Outlook, history: History, step: Step, seen: Sighting | None) -> History:
    """The history once the step has ended well, as the store will tell it."""
    graph, past, tick = look.graph, history.of(step.asset), history.tick
    if step.action not in (Action.CHECK, Action.EXTRAS):
        version = graph.version(step.asset) + (EMPTY_SUFFIX if look.wish.empty else "")
        built = Built(step.slices, version, read_at=tick + 1, written_at=tick + 2)
        changed = what_changed(look.aware, graph, history, step, step.slices)
        past = (
            past.observed(built, None, seen)
            if seen
            else past.add(built, full=step.full, changed=changed)
        )
    whole_gate = step.checks and step.checks == graph.guards.get(step.asset, ())
    version = graph.checks_version(step.asset) if whole_gate else ""
    if step.extras:
        past = past.given(graph.extras_version(step.asset))
    if step.action is Action.EXTRAS and not step.checks:
        return history.with_past(step.asset, past)
    return history.with_past(step.asset, past.checked(version, tick + 1))
