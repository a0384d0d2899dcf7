"""Expressions + Graph + facts -> the names of assets and checks that are meant.

    select(graph, ["tag:finance+ orders,state:modified"], ["stg_*"])

The grammar is dbt's (grammar.py), its methods a table (methods.py), named selectors come from YAML
(definitions.py). A term that matches nothing is an error: a typing error must not pass in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlpipes.core.config import NOTHING
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean
from sqlpipes.core.graph import Graph

from .definitions import NO_PLACES, default_selector, parse_definition, place_of
from .evaluation import Evaluation, Found
from .grammar import MODES, Term, Tree, less, parse_arguments, union
from .hints import with_names
from .universe import NO_FACTS, Selection, SelectionFacts, Universe, make_universe

__all__ = ["NO_FACTS", "Selection", "SelectionFacts", "select", "selector_problems"]


def select(
    graph: Graph,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    selectors: Mapping[str, Any] = NOTHING,
    places: Mapping[str, Location] = NO_PLACES,
    selector: str | None = None,
    facts: SelectionFacts = NO_FACTS,
    indirect: str = "eager",
) -> Selection:
    """What `--select`, `--exclude` and `--selector` mean on this graph.

    `include` and `exclude` are the values of repeated flags, `selectors` the YAML selectors by name,
    `places` where these are written. With none of the three, the default
    selector applies if there is one, else everything is selected. `indirect` says which checks come
    along: eager (they read a selected asset), cautious (all that they read is selected), buildable
    (selected, above it, or a source), empty (only those that are named).

    ProjectError with every fault: SEL001 matches nothing, SEL002 unknown method, SEL003 syntax,
    SEL004 circle of selectors, SEL005 the fact was not given, SEL006 bad definition, SEL007 unknown
    selector. A fault's file is the flag, its line which of the flag's values, from 1.
    """
    universe = make_universe(graph, facts)
    tree, problems = _wish(include, exclude, selectors, places, selector)
    problems += _mode_fault(indirect)
    if tree is None and not problems:
        return _ordered(universe, universe.parents.keys(), universe.reads.keys())
    definitions = _Definitions(selectors, places)
    evaluation = Evaluation(universe, definitions.tree, tuple(selectors))
    mode = indirect if indirect in MODES else MODES[0]
    found = evaluation.found(tree, mode) if tree is not None else Found(faulty=True)
    problems += (*definitions.problems, *evaluation.problems)
    if not found and not found.factual and not problems:
        message = "nothing is left: everything that is selected is excluded too"
        problems += (Problem("SEL001", message, Location("--exclude")),)
    if problems:
        flags = {"--select": include, "--exclude": exclude}
        raise ProjectError(*dict.fromkeys(with_names(problems, flags, graph.assets)))
    return _ordered(universe, found.assets, found.checks)


def selector_problems(
    selectors: Mapping[str, Any], places: Mapping[str, Location] = NO_PLACES
) -> tuple[Problem, ...]:
    """What is wrong with the definitions themselves, used or not; no graph is needed."""
    _, problems = default_selector(selectors, places)
    for name, entry in selectors.items():
        problems += parse_definition(name, entry, place_of(name, places))[1]
    return problems


class _Definitions:
    """Selectors parsed when they are first named; `problems` grows."""

    def __init__(self, selectors: Mapping[str, Any], places: Mapping[str, Location]) -> None:
        self.selectors = selectors
        self.places = places
        self.problems: list[Problem] = []

    def tree(self, name: str) -> Tree | None:
        tree, problems = parse_definition(name, self.selectors[name], place_of(name, self.places))
        self.problems += problems
        return tree


def _wish(
    include: Sequence[str],
    exclude: Sequence[str],
    selectors: Mapping[str, Any],
    places: Mapping[str, Location],
    selector: str | None,
) -> tuple[Tree | None, tuple[Problem, ...]]:
    """One tree for all flags; None: everything."""
    kept, problems = parse_arguments(include, "--select")
    dropped, faults = parse_arguments(exclude, "--exclude")
    problems += faults
    if selector is not None and include:
        hint = f"--select 'selector:{selector}' joins it with others"
        message = "--select and --selector exclude each other"
        problems += (
            Problem("SEL003", message, Location("--selector", length=len(selector)), hint),
        )
    if selector is None and not include and not exclude:
        selector, faults = default_selector(selectors, places)
        problems += faults
    if selector is not None and not include:
        at = Location("--selector", length=max(len(selector), 1))
        kept = (Term("selector", selector, f"selector:{selector}", at),)
    if not kept and not dropped:
        return None, problems
    everything = Term("fqn", "*", "*", Location("--select"))
    return less(union(kept or (everything,)), dropped), problems


def _mode_fault(indirect: str) -> tuple[Problem, ...]:
    if indirect in MODES:
        return ()
    hint = did_you_mean(indirect, MODES) or "known: " + ", ".join(MODES)
    message = f"'{indirect}' is no way to select checks"
    return (Problem("SEL003", message, Location("--indirect-selection"), hint),)


def _ordered(universe: Universe, assets: Any, checks: Any) -> Selection:
    return Selection(
        tuple(name for name in universe.graph.order if name in assets),
        tuple(name for name in universe.graph.checks if name in checks),
    )
