"""One asset + history -> which of its slices must be built, each with its reason. No clock, no files.

Staleness is a question to history, not a flag passed on: a slice is stale when something that it
reads was written after it was read. Ticks are the store's (core/history.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from sqlpipes.core.asset import Asset, Kind, Materialized
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.history import GONE_SUFFIX, Built, History, Past
from sqlpipes.core.partitions import (
    WHOLE,
    Axis,
    Label,
    Partitions,
    ValueAxis,
    WholeAxis,
    first_of,
    first_place,
    meets,
    rest_of,
)
from sqlpipes.core.plan import Reason, Why
from sqlpipes.core.reads import Mapped, Reads, reads_loose, touched
from sqlpipes.core.windows import Sighting, total_of
from sqlpipes.decide.aware import Aware, seen_by
from sqlpipes.decide.overtaken import At, alike, overtaken
from sqlpipes.decide.upstream import among
from sqlpipes.decide.wish import Observed

EMPTY_SUFFIX = "-empty"  # of the version of a relation that was built without rows

Kept: TypeAlias = tuple[Built, Partitions]  # a build, and the wanted slices that it has a part in
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
    aware: Aware | None = None,
) -> tuple[Reason, ...]:
    """Why slices among `wanted` must be written; each reason says which. Empty: all are current.

    `everything`: the slices that should exist at all, of which `wanted` may be a part. `aware`: what is
    known of columns; without it all of an input counts.
    """
    asset, past = graph.assets[name], history.of(name)
    if asset.kind is Kind.SOURCE:
        return tuple(_source_reasons(past, observed, name))
    version = graph.version(name)
    if _is_plainly_current(graph, past, changed, observed, asset, version, wanted):
        return ()
    built = past.slices(wanted.axis) & wanted
    if built and observed.lacks(asset) and not (is_moved(asset, past) and past.version != version):
        return (Reason(Why.GONE, str(asset.relation or past.relation), slices=wanted),)
    reasons = [*_missing(asset, past, version, built, wanted, observed)]
    reasons += _suspect(past, wanted)
    kept = list(_kept(past, wanted))
    reasons += _other_version(asset, kept, version, wanted, everything)
    reasons += _newer_than_it(aware, graph, history, changed, name, kept)
    reasons += _volatile(graph, asset, wanted)
    if name in graph.reads_self and asset.partition is not None:
        reasons += _after_own(name, kept, reasons, wanted)
    return tuple(reason for reason in reasons if reason.slices)


def _newer_than_it(
    aware: Aware | None,
    graph: Graph,
    history: History,
    changed: Changed,
    name: str,
    kept: list[Kept],
) -> list[Reason]:
    """Inputs that were written since. Which of their columns it reads is asked only where it matters."""
    found = list(_newer_inputs(graph, history, changed, name, kept))
    if not found or aware is None:
        return found
    seen = seen_by(aware, graph, history, changed, name)
    return list(_newer_inputs(graph, seen.history, seen.changed, name, kept))


def is_moved(asset: Asset, past: Past) -> bool:
    """Whether it was built in another place than the one that it has now: nothing need be there yet."""
    return None not in (past.relation, asset.place) and past.relation != asset.place


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
    token, seen = observed.tokens[name], observed.windows.get(name)
    if not past.built:
        yield Reason(Why.NEVER_BUILT, "never observed", slices=seen.slices if seen else WHOLE)
    elif token is None:
        yield Reason(Why.ALWAYS, "its content cannot be compared", slices=WHOLE)
    elif seen is not None and seen.same:
        detail = f"the same rows in {seen.count:,} windows of one {seen.moved.axis}"
        yield Reason(Why.SETTINGS_CHANGED, detail, slices=seen.slices)
    elif seen is not None:
        yield Reason(Why.SOURCE_CHANGED, _moved_windows(seen), slices=seen.slices)
    elif token != past.token and token != total_of(past.token):
        yield Reason(Why.SOURCE_CHANGED, slices=WHOLE)


def _moved_windows(seen: Sighting) -> str:
    """Which of how many windows; the step's slices say the rest."""
    said = [f"{len(seen.slices):,} of {seen.count:,} windows"] if seen.slices else []
    return " and ".join([*said, *(["rows in no window"] if seen.loose else [])])


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
        detail = f"no record of it, though {asset.relation} exists"
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
    is_anew = asset.materialized is Materialized.TABLE or asset.export is not None
    if not is_anew or asset.partition is not None:
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
    if not kept:
        return ()
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


def slices_gone(asset: Asset, past: Past, wanted: Partitions) -> tuple[Reason, ...]:
    """Slices before a start or after an end that was moved: the table is written anew without them."""
    cut = asset.partition
    place = first_place(wanted.axis) if cut is not None else None
    if cut is None or place is None or not wanted:
        return ()
    bounds = cut.cuts[place]
    gone = [
        (low, high)
        for built in past.built
        if meets(built.slices.axis, wanted.axis)
        for low, high in built.slices.overlapping(wanted.axis).ranges
        if low < bounds.start or (bounds.end is not None and high > bounds.end)
    ]
    if not gone:
        return ()
    last = max(high for _, high in gone) if bounds.end is None else bounds.end
    axis = first_of(wanted.axis)
    outside = Partitions.of(axis, gone) - Partitions.of(axis, [(bounds.start, last)])
    return (Reason(Why.SLICES_GONE, str(outside), slices=wanted),) if outside else ()


def _value_places(slices: Partitions) -> list[int]:
    """Where values stand among the labels."""
    return [i for i, axis in enumerate(rest_of(slices.axis)) if isinstance(axis, ValueAxis)]


def _suspect(past: Past, wanted: Partitions) -> Iterator[Reason]:
    doubtful = _doubtful(past, wanted)
    raised = doubtful & among(wanted, past.broken)  # it may have written something all the same
    if raised:
        yield Reason(Why.FAILED, slices=raised)
    if interrupted := doubtful - raised:
        yield Reason(Why.INTERRUPTED, slices=interrupted)


def _doubtful(past: Past, wanted: Partitions) -> Partitions:
    """The wanted slices that an interrupted step may have touched."""
    if not past.suspect:
        return Partitions(wanted.axis)
    if not meets(past.suspect.axis, wanted.axis):
        return wanted
    return past.suspect.overlapping(wanted.axis) & wanted


def _other_version(
    asset: Asset, kept: Iterable[Kept], version: str, wanted: Partitions, everything: Partitions
) -> Iterator[Reason]:
    found: dict[str, list[At]] = {}
    for built, slices in kept:
        if built.version != version:
            if _reaches_beyond(built, everything):
                slices = wanted  # rows that nobody wants any more go when all is written anew
            found.setdefault(built.version, []).append((slices, built.read_at))
    for old, group in found.items():
        slices = _together(wanted.axis, group)
        yield from (Reason(why, slices=slices) for why in _why(asset, old, version))


def _kept(past: Past, wanted: Partitions) -> Iterator[Kept]:
    """Each build with its wanted slices; one of a coarser axis counts if all of it is built, by whomever."""
    complete = wanted
    if any(built.slices.axis != wanted.axis for built in past.built):
        complete &= replace(past, suspect=None).slices(wanted.axis)
    for built in past.built:
        if meets(built.slices.axis, wanted.axis):
            yield built, built.slices.overlapping(wanted.axis) & complete


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
    graph: Graph, history: History, changed: Changed, name: str, kept: Iterable[Kept]
) -> Iterator[Reason]:
    read = [(mine, built.read_at) for built, mine in kept if mine]
    for found in graph.inputs[name]:
        early = [each for each in read if each[1] < changed[found.name]]
        if not early or found.reads.how is Mapped.AS_OF_BUILD:
            continue
        moved = _moved(graph, history, changed, found, name, early)
        stale = list(overtaken(early, moved))
        movers: dict[str, None] = {}
        for read_at in dict.fromkeys(tick for _, tick in stale):
            movers |= dict.fromkeys(_movers(graph, history, changed, found.name, read_at))
        if stale:
            axis = stale[0][0].axis
            yield Reason(Why.INPUT_NEWER, ", ".join(movers), slices=_together(axis, stale))


def _after_own(
    name: str, kept: Iterable[Kept], reasons: Iterable[Reason], wanted: Partitions
) -> Iterator[Reason]:
    """Slices of an asset that reads itself, after one that is built again or was since they read it."""
    if isinstance(first_of(wanted.axis), WholeAxis):
        return  # values have no order
    begins = [reason.slices.ranges[0][0] for reason in reasons if reason.slices]
    pieces = sorted(
        (low, high, built.read_at, built.written_at)
        for built, mine in kept
        for low, high in mine.ranges
    )
    written = 0
    for low, _, read_at, written_at in pieces:
        if written > read_at:
            begins.append(low - 1)
        written = max(written, written_at)
    if begins:
        rows = ((labels, [(min(begins) + 1, ranges[-1][1])]) for labels, ranges in wanted.rows)
        later = Partitions.of_rows(wanted.axis, rows) & wanted
        there = _together(wanted.axis, ((mine, 0) for _, mine in kept))
        yield Reason(Why.INPUT_NEWER, name, slices=later & there)


def _together(axis: Axis, found: Iterable[At]) -> Partitions:
    return Partitions.of_rows(axis, (row for slices, _ in found for row in slices.rows))


def _moved(
    graph: Graph,
    history: History,
    changed: Changed,
    found: Input,
    name: str,
    read: Sequence[At],
) -> Iterator[At]:
    """Slices of `name` among those `read` that read something of the input, and when that was written."""
    mine = _together(read[0][0].axis, read)
    source, past = graph.assets[found.name], history.of(found.name)
    if found.behind:  # a view: its query may be another one, or what it reads has moved
        yield mine, past.version_since
        for each in found.behind:
            yield from _moved(graph, history, changed, each, name, read)
    elif source.partition is None:
        yield mine, changed[found.name]
    else:
        yield mine, past.shrunk_at
        cut = graph.assets[name].partition
        columns = cut.columns if cut else (), source.partition.columns
        if reads_loose(mine, source.partition.axis, found.reads, *columns):
            yield mine, past.loose_at
        for slices, tick in _pieces(past, found.reads, read):
            yield touched(mine, slices, found.reads, *columns), tick


def _pieces(past: Past, reads: Reads, read: Sequence[At]) -> list[At]:
    """What was written of an input since, in as few pieces as can be told apart by those who `read`."""
    moved = [(built.slices, built.written_at) for built in past.built]
    if reads.how is Mapped.LATEST:
        last = _last(past)
        moved = [each for each in moved if (end := each[0].end) is None or end >= last]
    ticks = {tick for _, tick in read}
    if len(reads.proofs) > 1:  # several axes: two pieces reach less than both at once
        first = min(ticks)
        return [each for each in moved if each[1] > first]
    return alike(moved, ticks)


def _last(past: Past) -> float:
    """Where the newest slice that is still there ends; what is gone after it was the newest until then."""
    there = (built.slices.end for built in past.built if not built.version.endswith(GONE_SUFFIX))
    return max((end for end in there if end is not None), default=float("-inf"))


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
