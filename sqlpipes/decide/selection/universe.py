"""What a selection is asked of: the linked graph and the facts that only the outside knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlpipes.core.asset import Asset, Check
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph

from .grammar import UNBOUNDED


@dataclass(frozen=True, slots=True)
class SelectionFacts:
    """Answers that neither files nor graph hold. None: nobody looked, so asking is an error.

    results: asset or check -> status of its last run.
    modified: asset -> what differs from the compared state: new, body, configs, relation ...; an
        asset that is absent or has none is unmodified.
    stale: assets that the planner would build.
    fresher_sources: sources with newer data than the compared state saw.
    column_readers: (asset, column) -> every asset that reads it, directly or not.
    columns: asset -> its column names, or None when they are not known for certain.
    project: the name that `package:this` stands for.
    """

    results: Mapping[str, str] | None = None
    modified: Mapping[str, frozenset[str]] | None = None
    stale: frozenset[str] | None = None
    fresher_sources: frozenset[str] | None = None
    column_readers: Callable[[str, str], frozenset[str]] | None = None
    columns: Callable[[str], tuple[str, ...] | None] | None = None
    project: str | None = None


NO_FACTS = SelectionFacts()


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for: `assets` in graph order, `checks` in the graph's order of checks."""

    assets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """What a term names before any graph operator."""

    assets: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.assets or self.checks)


@dataclass(frozen=True, slots=True)
class Universe:
    """The graph with its edges in both directions, made once a selection.

    `reads` is what each check reads, `checks_of` the way back.
    """

    graph: Graph
    facts: SelectionFacts
    assets: tuple[Asset, ...]
    checks: tuple[Check, ...]
    parents: Mapping[str, tuple[str, ...]]
    children: Mapping[str, list[str]]
    reads: Mapping[str, frozenset[str]]
    checks_of: Mapping[str, list[str]]

    def above(self, names: Iterable[str], depth: int = UNBOUNDED) -> set[str]:
        """`names` and what they read, at most `depth` steps up."""
        return _reach(names, self.parents, depth)

    def below(self, names: Iterable[str], depth: int = UNBOUNDED) -> set[str]:
        """`names` and what reads them, at most `depth` steps down."""
        return _reach(names, self.children, depth)

    def around(self, names: Iterable[str]) -> set[str]:
        """`names`, all below them, and all that these and their checks read, however far up."""
        below = self.below(names)
        tested = {
            read for name in below for check in self.checks_of[name] for read in self.reads[check]
        }
        return self.above(below | tested)

    def touching(self, names: Iterable[str]) -> set[str]:
        """The checks that read any of `names`."""
        return {check for name in names for check in self.checks_of[name]}


def make_universe(graph: Graph, facts: SelectionFacts) -> Universe:
    """Assets on a cycle have no place in the order and so none here."""
    known = frozenset(graph.order)
    parents = {name: tuple(p for p in graph.parents(name) if p in known) for name in graph.order}
    children: dict[str, list[str]] = {name: [] for name in graph.order}
    for name, above in parents.items():
        for parent in above:
            children[parent].append(name)
    reads = {name: known & {c.asset, *c.inputs} for name, c in graph.checks.items()}
    checks_of: dict[str, list[str]] = {name: [] for name in graph.order}
    for check, names in reads.items():
        for name in names:
            checks_of[name].append(check)
    return Universe(
        graph=graph,
        facts=facts,
        assets=tuple(graph.assets[name] for name in graph.order),
        checks=tuple(graph.checks.values()),
        parents=parents,
        children=children,
        reads=reads,
        checks_of=checks_of,
    )


def _reach(names: Iterable[str], step: Mapping[str, Iterable[str]], depth: int) -> set[str]:
    """Breadth first, so that each name and each edge is looked at once."""
    found = set(names)
    edge = list(found)
    while edge and depth != 0:
        beyond = {name for known in edge for name in step[known]} - found
        found |= beyond
        edge = list(beyond)
        depth -= 1
    return found
