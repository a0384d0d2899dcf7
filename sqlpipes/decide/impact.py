"""Two images of a project + the lineage of the newer -> Impact: what changed, and what that reaches.

A column is taken for unchanged only with a proof (equal digests over equal rows); an asset below for
untouched only when no edge of its query begins at what changed. In doubt it is touched, or unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from sqlpipes.core.asset import Asset, Kind
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.core.graph import Graph
from sqlpipes.core.impact import (
    AssetImage,
    AssetImpact,
    Change,
    ColumnChange,
    Effect,
    Fault,
    Image,
    Impact,
)
from sqlpipes.core.lineage import ColumnFacts, Edge, Lineage
from sqlpipes.core.lineage.facts import is_any_column
from sqlpipes.core.sql import fold
from sqlpipes.decide.own_changes import ANY, Moved, Own, conditions, is_retyped, own_change
from sqlpipes.decide.restated import looks_other, restated

Faults = Mapping[str, tuple[Problem, ...]]
"""Asset -> what is wrong with it now."""


def impact(graph: Graph, lineage: Lineage, old: Image, new: Image, faults: Faults) -> Impact:
    """What `new`, of which `graph` and `lineage` are, changes since `old`."""
    weighing = _Weighing(graph, lineage, old, new, faults)
    found = [each for name in graph.order if (each := weighing.weigh(name)) is not None]
    gone = [
        AssetImpact(name, image.kind, change=Change.REMOVED)
        for name, image in sorted(old.assets.items())
        if image.declared and _is_gone(new.assets.get(name))
    ]
    return Impact(old.name, (*found, *gone))


def _is_gone(image: AssetImage | None) -> bool:
    """A table that a query still reads and nobody describes any more is gone, too."""
    return image is None or not image.declared


class _Weighing:
    """The assets met so far in the graph's order, and what of them has moved."""

    def __init__(
        self, graph: Graph, lineage: Lineage, old: Image, new: Image, faults: Faults
    ) -> None:
        self.graph, self.lineage, self.old, self.new, self.faults = graph, lineage, old, new, faults
        self.moved: dict[str, Moved] = {}
        self.broken: set[str] = set()

    def weigh(self, name: str) -> AssetImpact | None:
        asset, new = self.graph.assets[name], self.new.assets[name]
        if not new.declared:
            self.moved[name] = self._lost(name)
            return None
        old = self.old.assets.get(name)
        if old is None or not old.declared:
            self.moved[name] = Moved(rows=True)
            fresh = self._fresh(name, ())
            columns = tuple(ColumnChange(column, Change.ADDED) for column, _ in new.columns)
            effect = Effect.BREAKS if fresh else Effect.NONE
            self.broken.update([name] if fresh else [])
            return AssetImpact(
                name, new.kind, asset.at, Change.ADDED, columns, effect=effect, problems=fresh
            )
        own = own_change(name, asset, old, new, self.graph.dialect)
        reached = self.reach(name)
        if old.body == new.body and asset.kind is not Kind.PYTHON:
            self._restate(name, old, new, reached)
        moved = _together(own, reached, old, new, self.graph.dialect)
        moved.rows = moved.rows or bool(_deciding(asset, self.graph.dialect) & moved.columns.keys())
        moved.ways = {
            key: f"{way} -> {name}.{reached.columns[key]}"
            for key, way in reached.ways.items()
            if key not in own.moved.columns
        }
        self.moved[name] = moved
        rows = conditions(old, new) if own.moved.rows else ()
        found = self._said(name, asset, own, reached, self._fresh(name, old.faults))
        return replace(found, conditions=rows) if found else None

    def _lost(self, name: str) -> Moved:
        """A table that nobody describes: it moved if an asset of this name is gone."""
        before = self.old.assets.get(name)
        return Moved(rows=before is not None and before.declared)

    def _fresh(self, name: str, known: tuple[Fault, ...]) -> tuple[Problem, ...]:
        found = self.faults.get(name, ())
        return tuple(each for each in found if (each.code, each.message) not in known)

    def reach(self, name: str) -> _Reach:
        """What the changes of its inputs do to it."""
        found = _Reach()
        facts = self.lineage.facts.get(name) or ColumnFacts(complete=False)
        is_python = self.graph.assets[name].kind is Kind.PYTHON
        for parent in dict.fromkeys(self.graph.parents(name)):
            moved = self.moved.get(parent)
            if moved and is_python:
                _hand_over(found, parent, moved)
            elif moved:
                edges = [edge for edge in facts.edges if edge.table == parent]
                _follow(found, parent, moved, edges, facts.complete, self.graph.dialect)
            if moved and _is_gone(self.new.assets.get(parent)):
                found.lost.append(parent)
            if parent in self.broken:
                found.met = found.rows = True
                found.because.insert(0, f"{parent} breaks")
        return found

    def _restate(self, name: str, old: AssetImage, new: AssetImage, found: _Reach) -> None:
        """What the same query makes of inputs that have other columns, or the same in another order."""
        parents = dict.fromkeys(self.graph.parents(name))
        others = (
            each
            for each in parents
            if looks_other(self.old.assets.get(each), self.new.assets[each])
        )
        source = next(others, None)
        if source is None or found.rows:  # all of it moves anyway
            found.met = found.met or source is not None
            return
        again = restated(old, new, source, self.graph.dialect)
        if not (again.because or again.unknown or found.met):
            found.proofs.append(f"reads the columns of {source} by their names")
        found.met = True
        found.rows = found.rows or again.rows
        found.columns |= again.columns
        found.because += again.because
        found.unknown += again.unknown

    def _said(
        self, name: str, asset: Asset, own: Own, reached: _Reach, fresh: tuple[Problem, ...]
    ) -> AssetImpact | None:
        if own.change is None and not reached.met and not fresh:
            return None
        below = reached.effect
        if fresh or reached.lost:
            below = Effect.BREAKS
            self.broken.add(name)
        return AssetImpact(
            name,
            self.new.assets[name].kind,
            asset.at,
            own.change,
            own.columns,
            own.moved.rows,
            own.settings,
            own.checks,
            below,
            (ANY,) if reached.rows else tuple(sorted(reached.columns.values())),
            _causes(reached, below),
            "; ".join(reached.proofs) if below is Effect.UNTOUCHED else "",
            fresh,
        )


def _causes(reached: _Reach, effect: Effect) -> tuple[str, ...]:
    """What is certain; what is not, only where nothing is."""
    sure = [*(f"{each} is gone" for each in reached.lost), *reached.because]
    return tuple(dict.fromkeys(sure or (reached.unknown if effect is Effect.UNKNOWN else ())))


def _together(own: Own, reached: _Reach, old: AssetImage, new: AssetImage, dialect: str) -> Moved:
    """All of it that is not what it was: by its own files, from above, or by the look of its columns."""
    before = {fold(name, True, dialect): kind for name, kind in old.columns}
    after = {fold(name, True, dialect): kind for name, kind in new.columns}
    columns = {**own.moved.columns, **reached.columns}
    if own.change is not None or reached.met:
        for key in before.keys() | after.keys():
            is_other = key not in before or key not in after
            if is_other or is_retyped(before[key], after[key]):
                columns.setdefault(key, key)
    return Moved(columns, own.moved.rows or reached.rows, bool(reached.unknown))


def _deciding(asset: Asset, dialect: str) -> frozenset[str]:
    """Columns of its own by which rows are written or left out, folded: of slices, keys and ages."""
    own = set(asset.partition.columns if asset.partition is not None else ())
    own |= set(asset.unique_key)
    ages = asset.incremental.updated_at, asset.snapshot and asset.snapshot.updated_at
    own |= {each for each in ages if each}
    return frozenset(fold(name, True, dialect) for name in own)


@dataclass(slots=True)
class _Reach:
    """What changes above do to an asset. `met`: an input of it has moved at all."""

    columns: dict[str, str] = field(default_factory=dict)
    rows: bool = False
    met: bool = False
    because: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    ways: dict[str, str] = field(default_factory=dict)

    @property
    def effect(self) -> Effect:
        if not self.met:
            return Effect.NONE
        if self.rows or self.columns:
            return Effect.TOUCHED
        return Effect.UNKNOWN if self.unknown else Effect.UNTOUCHED


def _follow(
    found: _Reach, parent: str, moved: Moved, edges: list[Edge], complete: bool, dialect: str
) -> None:
    """The edges of a query that begin at what moved in one of its inputs."""
    found.met = True
    known = [edge for edge in edges if not is_any_column(edge)]
    if not known and (edges or not complete):
        found.unknown.append(f"what it reads of {parent} is not known")
        return
    if moved.rows:
        found.rows = True
        found.because.append(f"rows of {parent}")
        return
    before = len(found.because) + len(found.unknown)
    if moved.doubt:
        found.unknown.append(f"whether {parent} changes is not known")
    for edge in known:
        if fold(edge.source, True, dialect) in moved.columns:
            way = moved.ways.get(fold(edge.source, True, dialect), f"{parent}.{edge.source}")
            _touch(found, way, edge, dialect)
    if len(known) < len(edges) or not complete:
        found.unknown.append(f"not all that it reads of {parent} is known")
    if len(found.because) + len(found.unknown) == before:
        found.proofs.append(_proof(parent, moved, known))


def _hand_over(found: _Reach, parent: str, moved: Moved) -> None:
    """A function is given all of it."""
    found.met = True
    if moved.rows or moved.columns:
        found.rows = True
        found.because.append(f"{parent} is handed to a function")
    else:
        found.unknown.append(f"whether {parent} changes is not known")


def _touch(found: _Reach, way: str, edge: Edge, dialect: str) -> None:
    """`way`: the columns from the one that changed to the one that the edge begins at."""
    if edge.column is None or edge.column == ANY:
        found.rows = True
        found.because.append(f"{way} decides its rows: {edge.kind}")
        return
    key = fold(edge.column, True, dialect)
    found.columns[key] = edge.column
    found.ways.setdefault(key, way)
    found.because.append(f"{way} -> {edge.column}")


def _proof(parent: str, moved: Moved, edges: list[Edge]) -> str:
    """Why nothing of an input's change arrives."""
    read = sorted({edge.source for edge in edges if edge.source != ANY})
    changed = ", ".join(sorted(moved.columns.values()))
    said = f"only {', '.join(read)} of {parent}" if read else f"only which rows {parent} has"
    return f"reads {said}; changed: {changed}"
