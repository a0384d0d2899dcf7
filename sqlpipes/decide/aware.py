"""What queries read of which columns + History -> what moved for a reader, and what a write has changed.

A proof is needed for every step of it: a query that is understood, that says what it said when it was
built, and that reads neither a column that moved nor rows that a moved column decides. Whatever is
not proven counts as all columns, which is what ticks say without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace

from sqlpipes.core.asset import Asset, Kind, Materialized
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import Built, History, Past
from sqlpipes.core.lineage import Defined, Edge, Lineage, is_any_column
from sqlpipes.core.partitions import Partitions, meets
from sqlpipes.core.plan import Reason, Spared, Step, Why

Columns = frozenset[str] | None
"""Folded names; None: all of them, and the rows."""
Changed = Mapping[str, int]

OWN_DOING = frozenset({Why.SQL_CHANGED, Why.INPUT_NEWER, Why.NEVER_BUILT})
"""Steps for these reasons alone write what their query says of their inputs, over what it said before."""


@dataclass(frozen=True, slots=True)
class Aware:
    """`now`: what the queries are, `then`: what they were when each asset was built, at which version.

    In `then` stands, under its reader, what each ephemeral asset in it was. Nothing in it: nothing is proven.
    """

    lineage: Lineage
    now: Mapping[str, Defined]
    then: Mapping[str, Mapping[str, Defined]]
    versions: Mapping[str, str]
    fresh: frozenset[str] = frozenset()  # views that were made since, of what they are now

    def with_fresh(self, view: str) -> Aware:
        return replace(self, fresh=self.fresh | {view})


@dataclass(frozen=True, slots=True)
class Sight:
    """The history as one reader sees it: of its inputs only what it reads of them moves."""

    history: History
    changed: Changed
    columns: Mapping[str, Columns] = field(default_factory=dict)


def seen_by(
    aware: Aware | None, graph: Graph, history: History, changed: Changed, name: str
) -> Sight:
    """The history in the eyes of one reader. The same as it is where nothing is proven of its query."""
    whole = Sight(history, changed)
    if aware is None or not _is_as_built(aware, graph, name, name):
        return whole
    columns = _columns_read(aware, graph, name)
    if columns is None:
        return whole
    pasts = dict(history.assets)
    for other, read in columns.items():
        if read is not None:
            pasts[other] = narrowed(history.of(other), read)
    seen = History(pasts, history.tick)
    ticks = dict(changed)
    for other in (each for each in graph.order if each in columns):
        if columns[other] is not None:
            ticks[other] = _last_move(graph, seen, ticks, columns, other)
    return Sight(seen, ticks, columns)


def narrowed(past: Past, columns: frozenset[str]) -> Past:
    """The state as somebody sees it who reads its rows and these columns of them."""
    if not any(built.columns for built in past.built):
        return past
    built = tuple(replace(each, written_at=each.changed_at(columns)) for each in past.built)
    newest = max(each.written_at for each in built)
    return replace(past, built=built, version_since=min(past.version_since, newest))


def what_changed(
    aware: Aware | None, graph: Graph, history: History, step: Step, slices: Partitions
) -> Columns:
    """The columns in which `slices` may differ from what they were once `step` has written them."""
    asset, past = graph.assets[step.asset], history.of(step.asset)
    if (
        aware is None
        or _is_doubted(past, slices)
        or past.failed
        or not _says_all(asset, step.reasons)
    ):
        return None
    known = aware.then.get(asset.name, {})
    then = known.get(asset.name)
    now = aware.now.get(asset.name) if then is not None else None
    if then is None or now is None or _is_volatile(graph, asset.name):
        return None
    if any(known.get(each) != aware.now.get(each) for each in graph.inlined(asset.name)):
        return None
    own = now.moved_since(then)
    pieces = [each for each in past.built if _overlap(each, slices)]
    version = aware.versions.get(asset.name)
    if own is None or any(each.version != version for each in pieces):
        return None
    since = min((each.read_at for each in pieces), default=0)
    moved = _through(aware, graph, history, asset.name, asset.name, since)
    if moved is None or _is_cut_by(asset, own | moved):
        return None
    return own | moved


def _is_cut_by(asset: Asset, columns: frozenset[str]) -> bool:
    """Whether one of the columns says which slice a row is in: another value may leave the row out."""
    cut = asset.partition.columns if asset.partition is not None else ()
    return any(column.casefold() in columns for column in cut)


def proof_of(
    aware: Aware,
    graph: Graph,
    history: History,
    changed: Changed,
    name: str,
    slices: Partitions,
) -> Spared:
    """Of slices that need not be built again: which columns they read, and which changed instead."""
    sight = seen_by(aware, graph, history, changed, name)
    read_at = min((each.read_at for each in history.of(name).built), default=0)
    said = []
    for other in (each for each in graph.order if each in sight.columns):
        columns = sight.columns[other]
        ticks = {c: tick for built in history.of(other).built for c, tick in built.columns}
        moved = sorted(c for c, tick in ticks.items() if c and tick > read_at)
        if columns is not None and moved:
            read = ", ".join(sorted(columns)) if columns else "the rows"
            said.append(f"reads only {read} of {other}; changed: {', '.join(moved)}")
        elif columns is not None and any(tick > read_at for tick in ticks.values()):
            said.append(f"reads columns of {other} by their names; changed: their order")
    return Spared(name, slices, "; ".join(said) or "nothing that it reads has changed")


def _columns_read(aware: Aware, graph: Graph, name: str) -> dict[str, Columns] | None:
    """asset -> what of it is read, directly and through what stores no rows. None: not known."""
    found: dict[str, Columns] = {}
    if not _gather(graph, aware.lineage.facts[name].edges, found):
        return None
    for other in reversed(graph.order):  # readers before what they read
        if other not in found or graph.assets[other].is_stored:
            continue
        read = found[other]
        if (
            read is None
            or not _is_as_built(aware, graph, other, name)
            or read & _loose(aware, other)
        ):
            found[other] = None
            found |= dict.fromkeys(graph.parents(other))
        elif not _gather(graph, _edges_of(aware, other, read), found):
            return None
    for parent in graph.parents(name):
        found.setdefault(parent, None)  # declared, and not named by the query
    return found


def _gather(graph: Graph, edges: Iterable[Edge], found: dict[str, Columns]) -> bool:
    """Whether all that the edges lead to is an asset."""
    for edge in edges:
        if not edge.table:
            continue
        if edge.table not in graph.assets:
            return False
        read = found.get(edge.table, frozenset())
        if is_any_column(edge) or read is None:
            found[edge.table] = None
        else:
            found[edge.table] = read | _named(edge)
    return True


def _named(edge: Edge) -> frozenset[str]:
    """The column at the edge's beginning; none where it is the rows that are read."""
    return frozenset() if edge.source == "*" else frozenset({edge.source.casefold()})


def _edges_of(aware: Aware, name: str, columns: frozenset[str]) -> Iterator[Edge]:
    """What these columns of a query are made of, and what decides its rows."""
    for edge in aware.lineage.facts[name].edges:
        if edge.column is None or edge.column == "*" or edge.column.casefold() in columns:
            yield edge


def _last_move(
    graph: Graph, history: History, ticks: Changed, columns: Mapping[str, Columns], name: str
) -> int:
    own = history.of(name).written_at()
    if graph.assets[name].is_stored:
        return own
    return max([own, *(ticks[each] for each in graph.parents(name) if each in columns)])


def _through(
    aware: Aware, graph: Graph, history: History, name: str, reader: str, since: int
) -> Columns:
    """Columns of a query that may have moved because what it reads did, since a tick.

    `reader`: the stored asset or view in which it stands, of an ephemeral one.
    """
    facts = aware.lineage.facts.get(name)
    if facts is None or not facts.complete:
        return None
    moved: dict[str, Columns] = {}
    for parent in graph.parents(name):
        moved[parent] = _moved_of(aware, graph, history, parent, reader, since)
    found: set[str] = set()
    named = {edge.table for edge in facts.edges}
    if any(moves is None or (parent not in named and moves) for parent, moves in moved.items()):
        return None
    for edge in facts.edges:
        columns = moved.get(edge.table, frozenset()) if edge.table else frozenset()
        if columns and (is_any_column(edge) or columns & _named(edge)):
            if edge.column is None or edge.column == "*":
                return None
            found.add(edge.column.casefold())
    return frozenset(found)


def _moved_of(
    aware: Aware, graph: Graph, history: History, name: str, reader: str, since: int
) -> Columns:
    """Columns of an input that may have moved since a tick; what stores nothing passes on what it reads."""
    asset, past = graph.assets[name], history.of(name)
    if past.suspect or max(past.shrunk_at, past.loose_at) > since:
        return None
    own: set[str] = set()
    for built in past.built:
        if built.changed_at(frozenset()) > since:
            return None
        own |= {column for column, tick in built.columns if tick > since}
    if asset.is_stored:
        return frozenset(own) if past.built else None
    if not _is_as_built(aware, graph, name, reader):
        return None
    below = _through(aware, graph, history, name, reader, since)
    return None if below is None else frozenset(own) | below | _loose(aware, name)


def _loose(aware: Aware, name: str) -> frozenset[str]:
    """Columns that may be others each time they are computed, by their folded names."""
    return frozenset(column.casefold() for column in aware.now[name].loose)


def _is_as_built(aware: Aware, graph: Graph, name: str, reader: str) -> bool:
    """Whether a query is understood, and is what it was when it was last built.

    An ephemeral one is built with its reader.
    """
    asset, facts = graph.assets[name], aware.lineage.facts.get(name)
    if asset.kind is not Kind.SQL or facts is None or not facts.complete or asset.volatile:
        return False
    if name in aware.fresh and name != reader:
        return name in aware.now
    inlined = asset.materialized is Materialized.EPHEMERAL
    if not inlined and aware.versions.get(name) != graph.version(name):
        return False
    then = aware.then.get(reader if inlined else name, {}).get(name)
    if then is None or then != aware.now.get(name):
        return False
    if name != reader:
        return True
    # of several right answers, what stands there may be one that no build would give now
    return not then.loose and not _is_volatile(graph, name)


def _is_volatile(graph: Graph, name: str) -> bool:
    """Whether its query, or one that stands in it or below it without rows of its own, reads the clock."""
    asset = graph.assets[name]
    unstored = (each for each in graph.parents(name) if not graph.assets[each].is_stored)
    return bool(asset.volatile) or any(_is_volatile(graph, each) for each in unstored)


def _says_all(asset: Asset, reasons: Iterable[Reason]) -> bool:
    """Whether what is there after such a step is what its query says, and it was before."""
    plain = asset.materialized in (Materialized.TABLE, Materialized.VIEW) or (
        asset.partition is not None and asset.materialized is Materialized.INCREMENTAL
    )
    if asset.kind is not Kind.SQL or asset.export is not None or asset.before or asset.after:
        return False
    return plain and all(reason.why in OWN_DOING for reason in reasons)


def _is_doubted(past: Past, slices: Partitions) -> bool:
    return bool(past.in_doubt(slices.axis) & slices)


def _overlap(built: Built, slices: Partitions) -> bool:
    if not meets(built.slices.axis, slices.axis):
        return False
    return bool(built.slices.overlapping(slices.axis) & slices)
