"""A tree of terms + universe -> names. Sets of assets and checks, as dbt's operators combine them.

Checks are not walked to by `+`: they come along with the assets they read (the indirect mode), or
are named. `held` are checks of a careful mode that still lack an input; a union may bring it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce

from sqlpipes.core.asset import Kind
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, did_you_mean

from .grammar import Intersection, Term, Tree, Union
from .hints import nothing_matches
from .methods import METHODS, answer
from .universe import Matched, Universe


@dataclass(frozen=True, slots=True)
class Found:
    """`factual`: a term asked about the state of the world, so that nothing may be the answer.

    `faulty`: a problem was reported within, so that nothing more is to be said about emptiness.
    """

    assets: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()
    held: frozenset[tuple[str, str]] = frozenset()  # (mode, check)
    factual: bool = False
    faulty: bool = False

    def __bool__(self) -> bool:
        return bool(self.assets or self.checks)


class Evaluation:
    """The work of one `select`; `problems` grows as terms are answered."""

    def __init__(
        self, universe: Universe, definitions: Callable[[str], Tree | None], names: Sequence[str]
    ) -> None:
        self.universe = universe
        self.definitions = definitions
        self.names = names
        self.problems: list[Problem] = []
        self._open: list[str] = []  # selectors being evaluated, outermost first
        self._done: dict[tuple[str, str], Found] = {}

    def found(self, tree: Tree, mode: str) -> Found:
        if isinstance(tree, Term):
            return self._term(tree, tree.indirect or mode)
        if isinstance(tree, Union):
            return self._settled(reduce(_either, [self.found(p, mode) for p in tree.parts]))
        if isinstance(tree, Intersection):
            return self._intersection(tree, mode)
        # an excluded asset takes along every check that reads it, else one would run on half
        strict = "eager" if mode == "cautious" else mode
        return self._settled(_without(self.found(tree.keep, mode), self.found(tree.drop, strict)))

    def _intersection(self, tree: Intersection, mode: str) -> Found:
        parts = [self.found(part, mode) for part in tree.parts]
        found = self._settled(reduce(_both, parts))
        if not found and not found.factual and not found.faulty:
            message = (
                f"'{tree.text}' matches nothing: each part does, but nothing is in all of them"
            )
            hint = "a comma asks for what is in both; a space for what is in either"
            self.problems.append(Problem("SEL001", message, tree.at, hint))
            return replace(found, faulty=True)
        return found

    def _term(self, term: Term, mode: str) -> Found:
        if term.method == "selector" and not term.argument:
            return self._selector(term, mode)
        matched = answer(self.universe, term)
        factual = term.method in METHODS and METHODS[term.method].factual
        if isinstance(matched, Matched) and not matched and not factual:
            matched = nothing_matches(self.universe, term, self.names)
        if isinstance(matched, Problem):
            self.problems.append(matched)
            return Found(faulty=True)
        assets = self._walked(term, matched)
        return self._with_checks(Found(assets, matched.checks, factual=factual), assets, mode)

    def _walked(self, term: Term, matched: Matched) -> frozenset[str]:
        """The assets with their graph operators. A check's parents are what it reads."""
        if term.method == "column":
            return matched.assets  # its + follows the column, and has been followed
        universe, start = self.universe, matched.assets
        read = {name for check in matched.checks for name in universe.reads[check]}
        if term.around:
            return frozenset(universe.around(start) | universe.above(read))
        found = set(start)
        if term.parents:
            found |= universe.above(start, term.parents)
            found |= universe.above(read, term.parents - 1 if term.parents > 0 else term.parents)
        if term.children:
            found |= universe.below(start, term.children)
        return frozenset(found)

    def _with_checks(self, found: Found, assets: frozenset[str], mode: str) -> Found:
        """The checks that `assets` bring: at once, or held until all that they read is there."""
        if mode == "empty":
            return found
        touched = frozenset(self.universe.touching(assets))
        if mode == "eager":
            return replace(found, checks=found.checks | touched)
        return self._settled(replace(found, held=frozenset((mode, check) for check in touched)))

    def _settled(self, found: Found) -> Found:
        """Held checks whose last input has come are in."""
        if not found.held:
            return found
        near = found.assets
        if any(mode == "buildable" for mode, _ in found.held):
            near = frozenset(self.universe.above(near)) | self._sources()
        ready = frozenset(
            (mode, check)
            for mode, check in found.held
            if self.universe.reads[check] & found.assets
            and self.universe.reads[check] <= (near if mode == "buildable" else found.assets)
        )
        checks = found.checks | {check for _, check in ready}
        return replace(found, checks=checks, held=found.held - ready)

    def _sources(self) -> frozenset[str]:
        """Sources are there without being built."""
        return frozenset(a.name for a in self.universe.assets if a.kind is Kind.SOURCE)

    def _selector(self, term: Term, mode: str) -> Found:
        found = self._named(term, mode)
        if not (term.around or term.parents or term.children):
            return found
        walked = self._walked(term, Matched(found.assets, found.checks))
        # what the selector itself left out of its own assets' checks stays out
        return self._with_checks(replace(found, assets=walked), walked - found.assets, mode)

    def _named(self, term: Term, mode: str) -> Found:
        name = term.value
        if (name, mode) in self._done:
            return self._done[name, mode]
        fault = self._selector_fault(term)
        tree = None if fault else self.definitions(name)
        if fault:
            self.problems.append(fault)
        if tree is None:
            return Found(faulty=True)
        self._open.append(name)
        found = self.found(tree, mode)
        self._open.pop()
        if not found and not found.factual and not found.faulty:
            message = f"selector '{name}' matches nothing"
            self.problems.append(Problem("SEL001", message, term.at))
            found = replace(found, faulty=True)
        self._done[name, mode] = found
        return found

    def _selector_fault(self, term: Term) -> Problem | None:
        if term.value in self._open:
            ring = [*self._open[self._open.index(term.value) :], term.value]
            message = "selectors name each other in a circle: " + " -> ".join(ring)
            return Problem("SEL004", message, term.at, "break it at one of these definitions")
        if term.value in self.names:
            return None
        hint = did_you_mean(term.value, self.names)
        if hint is None:
            known = ", ".join(self.names[:12])
            hint = f"known here: {known}" if known else "no selectors are defined in this project"
        return Problem("SEL007", f"there is no selector '{term.value}'", term.at, hint)


def _either(left: Found, right: Found) -> Found:
    return _joined(left, right, left.assets | right.assets, left.checks | right.checks)


def _both(left: Found, right: Found) -> Found:
    return _joined(left, right, left.assets & right.assets, left.checks & right.checks)


def _joined(left: Found, right: Found, assets: frozenset[str], checks: frozenset[str]) -> Found:
    return Found(
        assets,
        checks,
        left.held | right.held,
        factual=left.factual or right.factual,
        faulty=left.faulty or right.faulty,
    )


def _without(keep: Found, drop: Found) -> Found:
    return Found(
        keep.assets - drop.assets,
        keep.checks - drop.checks,
        frozenset((mode, check) for mode, check in keep.held if check not in drop.checks),
        factual=keep.factual or drop.factual,
        faulty=keep.faulty or drop.faulty,
    )
