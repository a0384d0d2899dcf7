"""One asset + history -> which of its slices must be built, each with its reason. No clock, no files.

Staleness is a question to history, not a flag passed on: a slice is stale when something that it
reads was written after it was read. Ticks are the store's (core/history.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_

from sqlpipes.core.asset import Asset, Kind, Materialized
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.history import Built, History, Past
from sqlpipes.core.partitions import WHOLE, Label, Partitions, ValueAxis, meets, rest_of
from sqlpipes.core.plan import Reason, Why
from sqlpipes.core.reads import Mapped, touched
from sqlpipes.decide.wish import Observed

EMPTY_SUFFIX = "-empty"  # of the version of a relation that was built without rows

Changed = Mapping[str, int]
"""Asset -> the tick at which what its readers see last changed; of all that stand before in the order."""


def reasons_to_build(
    graph: Graph,
    history: History,
    changed: Changed,
    observed: Observed,
    name: str,
    wanted: Partitions,
    everything: Partitions,
) -> tuple[Reason, ...]:
    """Why slices among `wanted` must be written; each reason says which. Empty: all are current.

    `everything`: the slices that should exist at all, of which `wanted` may be a part.
    """
    asset, past = graph.assets[name], history.of(name)
    if asset.kind is Kind.SOURCE:
        return tuple(_source_reasons(past, observed, name))
    version = graph.version(name)
    if _is_plainly_current(graph, past, changed, observed, asset, version, wanted):
        return ()
    built = past.slices(wanted.axis) & wanted
    if built and observed.lacks(asset):
        return (Reason(Why.GONE, str(asset.relation or past.relation), slices=wanted),)
    reasons = [*_missing(asset, past, version, built, wanted, observed)]
    reasons += _suspect(past, wanted)
    reasons += _other_version(asset, past, version, wanted, everything)
    reasons += _newer_inputs(graph, history, changed, name, wanted)
    reasons += _volatile(graph, asset, wanted)
    return tuple(reason for reason in reasons if reason.slices)


def _is_plainly_current(
    graph: Graph,
    past: Past,
    changed: Changed,
    observed: Observed,
    asset: Asset,
    version: str,
    wanted: Partitions,
) -> bool:
    """What is true of nearly every asset on nearly every day, seen without any set algebra."""
    if len(past.built) != 1 or past.suspect or observed.lacks(asset):
        return False
    if _clock_words(graph, asset):
        return False
    only = past.built[0]
    if only.version != version or only.slices != wanted:
        return False
    return all(changed[found.name] <= only.read_at for found in graph.inputs[asset.name])


def changed_at(graph: Graph, history: History, changed: Changed, name: str) -> int:
    """The tick at which what a reader of `name` sees last changed: views pass on what they read."""
    own = history.of(name).written_at()
    if graph.assets[name].is_stored:
        return own
    return max([own, *[changed[found.name] for found in graph.inputs[name]]])


def _source_reasons(past: Past, observed: Observed, name: str) -> Iterator[Reason]:
    if name not in observed.tokens:
        return
    token = observed.tokens[name]
    if not past.built:
        yield Reason(Why.NEVER_BUILT, "never observed", slices=WHOLE)
    elif token is None:
        yield Reason(Why.ALWAYS, "its content cannot be compared", slices=WHOLE)
    elif token != past.token:
        yield Reason(Why.SOURCE_CHANGED, slices=WHOLE)


def _missing(
    asset: Asset,
    past: Past,
    version: str,
    built: Partitions,
    wanted: Partitions,
    observed: Observed,
) -> Iterator[Reason]:
    missing = wanted - built - _doubtful(past, wanted)  # what is in doubt has its own reason
    if not missing:
        return
    if past.built and not built and past.version != version:  # cut otherwise, or moved away
        yield from (Reason(why, slices=missing) for why in _why(asset, past.version, version))
        return
    detail = ""
    if not past.built and observed.has(asset.name):
        detail = f"no record of it, though {asset.relation} exists: it is built anew"
    yield Reason(Why.NEVER_BUILT, detail, slices=missing)
    yield from _lookback(asset, missing, built)


def _lookback(asset: Asset, missing: Partitions, built: Partitions) -> Iterator[Reason]:
    """Slices that are built again because newer ones come after them."""
    number = asset.partition.lookback if asset.partition else 0
    if not number or not built:
        return
    trailing = missing.before(number) & built
    yield Reason(Why.LOOKBACK, f"{number} before the newest", slices=trailing)


def _volatile(graph: Graph, asset: Asset, wanted: Partitions) -> Iterator[Reason]:
    """A table whose query reads the clock or the dice may be out of date at any time."""
    if words := _clock_words(graph, asset):
        detail = f"reads {', '.join(sorted(words))}; `deterministic: true` keeps it"
        yield Reason(Why.ALWAYS, detail, slices=wanted)


def _clock_words(graph: Graph, asset: Asset) -> frozenset[str]:
    """What makes the rows of a table differ each time, in its query or in a view or ephemeral below it.

    A view computes anew for each reader; slices and merged rows keep what they were when written.
    """
    if asset.materialized is not Materialized.TABLE or asset.partition is not None:
        return frozenset()
    if asset.settings.get("deterministic") is True:
        return frozenset()
    found = set(asset.volatile)
    seen: set[str] = set()
    todo = list(graph.parents(asset.name))
    while todo:
        below = graph.assets[todo.pop()]
        if not below.is_stored and below.name not in seen:
            seen.add(below.name)
            found.update(below.volatile)
            todo += graph.parents(below.name)
    return frozenset(found)


def values_gone(past: Past, wanted: Partitions) -> tuple[Reason, ...]:
    """Slices of values that should not exist any more: the table is written anew without them."""
    kept: dict[int, set[Label]] = {place: set() for place in _value_places(wanted)}
    for labels in wanted.labels:
        for place in kept:
            kept[place].add(labels[place])
    gone = {
        str(labels[place])
        for labels in past.slices(wanted.axis).labels
        for place in kept
        if labels[place] not in kept[place]
    }
    if not wanted or not gone:
        return ()
    return (Reason(Why.VALUES_GONE, ", ".join(sorted(gone)), slices=wanted),)


def _value_places(slices: Partitions) -> list[int]:
    """Where values stand among the labels."""
    return [i for i, axis in enumerate(rest_of(slices.axis)) if isinstance(axis, ValueAxis)]


def _suspect(past: Past, wanted: Partitions) -> Iterator[Reason]:
    if doubtful := _doubtful(past, wanted):
        yield Reason(Why.INTERRUPTED, slices=doubtful)


def _doubtful(past: Past, wanted: Partitions) -> Partitions:
    """The wanted slices that an interrupted step may have touched."""
    if not past.suspect:
        return Partitions(wanted.axis)
    if not meets(past.suspect.axis, wanted.axis):
        return wanted
    return past.suspect.overlapping(wanted.axis) & wanted


def _other_version(
    asset: Asset, past: Past, version: str, wanted: Partitions, everything: Partitions
) -> Iterator[Reason]:
    for built in past.built:
        if built.version != version:
            slices = built.slices.within(wanted.axis) & wanted
            if _reaches_beyond(built, everything):
                slices = wanted  # rows that nobody wants any more go when all is written anew
            yield from (Reason(why, slices=slices) for why in _why(asset, built.version, version))


def _reaches_beyond(built: Built, everything: Partitions) -> bool:
    if built.slices.is_whole or not meets(built.slices.axis, everything.axis):
        return False
    return bool(built.slices.overlapping(everything.axis) - everything)


def _why(asset: Asset, old: str, new: str) -> Iterator[Why]:
    """What two versions that differ say: of the body, of the settings, or of both."""
    if old.endswith(EMPTY_SUFFIX):
        yield Why.EMPTY
        old = old.removesuffix(EMPTY_SUFFIX)
    body, _, settings = old.partition(".")
    new_body, _, new_settings = new.partition(".")
    if body != new_body:
        yield {Kind.SEED: Why.SEED_CHANGED, Kind.PYTHON: Why.CODE_CHANGED}.get(
            asset.kind, Why.SQL_CHANGED
        )
    if settings != new_settings:
        yield Why.SETTINGS_CHANGED


def _newer_inputs(
    graph: Graph, history: History, changed: Changed, name: str, wanted: Partitions
) -> Iterator[Reason]:
    cut = graph.assets[name].partition
    own = cut.columns if cut else ()
    for found in graph.inputs[name]:
        if found.reads.how is Mapped.AS_OF_BUILD:
            continue
        movers: dict[str, None] = {}
        stale = Partitions(wanted.axis)
        for built in history.of(name).built:
            older = _older_than(graph, history, changed, found, own, built, wanted)
            if older:
                stale |= older
                movers |= dict.fromkeys(_movers(graph, history, changed, found.name, built.read_at))
        if stale:
            yield Reason(Why.INPUT_NEWER, ", ".join(movers), slices=stale)


def _older_than(
    graph: Graph,
    history: History,
    changed: Changed,
    found: Input,
    own: tuple[str, ...],
    built: Built,
    wanted: Partitions,
) -> Partitions:
    """The slices of `built` that read something of the input which was written later."""
    mine = built.slices.within(wanted.axis) & wanted
    if changed[found.name] <= built.read_at or not mine:
        return Partitions(wanted.axis)
    source, past = graph.assets[found.name], history.of(found.name)
    if found.behind and past.written_at() <= built.read_at:  # the view itself is as it was
        behind = (
            _older_than(graph, history, changed, each, own, built, wanted) for each in found.behind
        )
        return reduce(or_, behind)
    if source.partition is None or past.shrunk_at > built.read_at:
        return mine
    moved = [each.slices for each in past.built if each.written_at > built.read_at]
    if found.reads.how is Mapped.LATEST:
        moved = [slices for slices in moved if _is_newest(past, slices)]
    stale = (touched(mine, each, found.reads, own, source.partition.columns) for each in moved)
    return reduce(or_, stale, Partitions(wanted.axis))


def _is_newest(past: Past, slices: Partitions) -> bool:
    """Whether nothing that is built goes further; slices without an order all count."""
    ends = [each.slices.end for each in past.built]
    return slices.end is None or all(end is None or end <= slices.end for end in ends)


def _movers(
    graph: Graph, history: History, changed: Changed, name: str, read_at: int
) -> Iterator[str]:
    """The asset that moved: `name` itself, or what changed behind it when it stores no rows."""
    seen = {name}
    todo = [name]
    while todo:
        name = todo.pop()
        if graph.assets[name].is_stored or history.of(name).written_at() > read_at:
            yield name
            continue
        behind = [p for p in graph.parents(name) if changed[p] > read_at and p not in seen]
        seen.update(behind)
        todo += reversed(behind)
