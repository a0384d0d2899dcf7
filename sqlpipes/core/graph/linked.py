"""The linked graph, as a value: edges, order, and which checks gate what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from sqlpipes.core.asset import Asset, Check, Materialized
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.graph.databases import Name
from sqlpipes.core.reads import EVERYTHING, Reads
from sqlpipes.core.sql.relation import Reference

if TYPE_CHECKING:
    from sqlpipes.core.sql.porting import Porter


@dataclass(frozen=True, slots=True)
class Input:
    """An edge: this asset reads `name`, and of it these slices.

    `behind`: what is read through it, when it stores no rows and the query proves how. `unseen`: it is
    declared besides, so more may read it than the query shows. `elsewhere`: columns of it that the query
    is proven along, though its slices are those of others.
    """

    name: str
    at: Location
    reads: Reads = EVERYTHING
    behind: tuple[Input, ...] = ()
    unseen: bool = False
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """Linked assets. `order` is topological and stable: inputs first, then by name.

    `guards` gives the checks that gate an asset's publication: those whose last-built table it is.
    `index` is what a table name in a query resolves to; ask `resolve`. `porters`: of the engines that
    speak another dialect than the project, by the name that assets call them; the target's own has none.
    """

    assets: Mapping[str, Asset]
    inputs: Mapping[str, tuple[Input, ...]]
    order: tuple[str, ...]
    checks: Mapping[str, Check] = field(default_factory=dict)
    guards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reads_self: frozenset[str] = frozenset()
    index: Mapping[Name, str] = field(default_factory=dict)
    dialect: str = "duckdb"
    porters: Mapping[str, Porter] = field(default_factory=dict, compare=False)

    def porter_to(self, dialect: str) -> Porter | None:
        """What says the project's queries in that dialect; None where nothing needs to be said otherwise."""
        return next((each for each in self.porters.values() if each.write == dialect), None)

    def resolve(self, reference: Reference) -> str | None:
        """The asset that a table name in a query means, or None when nothing has that name."""
        return self.index.get(reference.folded(self.dialect))

    def version(self, name: str) -> str:
        """What is built when `name` is: its own version, and that of every ephemeral asset inlined in it."""
        asset = self.assets[name]
        if not self._ephemeral_parents(name):
            return asset.version
        inlined = [f"{other}={self.assets[other].version}" for other in self.inlined(name)]
        body, _, settings = asset.version.partition(".")
        mixed = hashlib.blake2b("|".join([body, *inlined]).encode(), digest_size=8).hexdigest()
        return f"{mixed}.{settings}"

    def inlined(self, name: str) -> tuple[str, ...]:
        """The ephemeral assets whose queries stand in that of `name`, however deep, by name."""
        return tuple(sorted(_reach([name], self._ephemeral_parents)))

    def _ephemeral_parents(self, name: str) -> list[str]:
        assets = self.assets
        return [
            found.name
            for found in self.inputs.get(name, ())
            if assets[found.name].materialized is Materialized.EPHEMERAL
        ]

    def parents(self, name: str) -> tuple[str, ...]:
        return tuple([found.name for found in self.inputs.get(name, ())])

    def children(self) -> dict[str, list[str]]:
        """name -> who reads it, in graph order."""
        found: dict[str, list[str]] = {name: [] for name in self.order}
        for name in self.order:
            for parent in self.parents(name):
                found[parent].append(name)
        return found

    def ancestors(self, names: Iterable[str]) -> frozenset[str]:
        """Everything that `names` read, directly or not; one of them only if another reads it."""
        return _reach(names, self.parents)

    def descendants(self, names: Iterable[str]) -> frozenset[str]:
        """Everything that reads `names`, directly or not."""
        return _reach(names, self.children().__getitem__)

    def nearest(self, names: Iterable[str], among: Container[str]) -> frozenset[str]:
        """Those of `names` that are `among` these, and in place of each other one the nearest above it."""
        found: set[str] = set()
        seen: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in among:
                found.add(name)
            else:
                todo += self.parents(name)
        return frozenset(found)

    def gate(self, name: str) -> tuple[Check, ...]:
        """The checks that must hold before what was built of `name` is published."""
        return tuple([self.checks[check] for check in self.guards.get(name, ())])

    def checks_version(self, name: str) -> str:
        """Moves when a check of the gate is added, dropped or changed, or an ephemeral asset that stands in
        one; empty without checks.
        """
        gate = self.gate(name)
        if not gate:
            return ""
        said = sorted(json.dumps(_identity(check), default=str) for check in gate)
        read = {name, *(other for check in gate for other in (*check.inputs, check.asset))}
        inlined = {other for other in read if self._is_ephemeral(other)}
        said += [f"{other}={self.version(other)}" for other in sorted(inlined)]
        return hashlib.blake2b("\n".join(said).encode(), digest_size=8).hexdigest()

    def _is_ephemeral(self, name: str) -> bool:
        asset = self.assets.get(name)
        return asset is not None and asset.materialized is Materialized.EPHEMERAL

    def check_versions(self, name: str) -> dict[str, str]:
        """Check of the asset -> a text that moves when the check is changed."""
        return {
            check.name: hashlib.blake2b(
                json.dumps(_identity(check), default=str).encode(), digest_size=8
            ).hexdigest()
            for check in self.checks.values()
            if check.asset == name
        }

    def extras_version(self, name: str) -> str:
        """Moves when a comment, right or index that is asked for does; empty without any."""
        asset = self.assets[name]
        if asset.relation is None or not asset.extras:
            return ""
        columns = [(column.name, column.description) for column in asset.columns]
        return asset.extras.version(asset.description, columns)


def _identity(check: Check) -> list[object]:
    return [
        check.name,
        check.asset,
        check.type,
        dict(check.arguments),
        check.severity,
        check.where,
        check.whole_table,
        check.error_if,
        check.warn_if,
        check.body.text if check.body else "",
    ]


def _reach(names: Iterable[str], step: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        for name in step(todo.pop()):
            if name not in found:
                found.add(name)
                todo.append(name)
    return frozenset(found)
