"""A term that matches nothing -> the problem, with what the user may have meant."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlpipes.core.asset import Materialized
from sqlpipes.core.errors import Problem, nearest

from .grammar import Term, default_method, quoted
from .labels import asset_settings
from .methods import METHODS, answer
from .universe import Matched, Universe

OTHERS = ("fqn", "tag", "group", "owner", "source", "path", "kind", "engine", "test_name")
FEW = 12


def nothing_matches(universe: Universe, term: Term, selectors: Sequence[str] = ()) -> Problem:
    """SEL001, with the same word under another method, or the nearest words, or all of a few."""
    named = term.value in selectors
    hint = f"did you mean 'selector:{term.value}'?" if named else _hint(universe, term)
    return Problem("SEL001", f"selector '{term.text}' matches nothing", term.at, hint)


def _hint(universe: Universe, term: Term) -> str:
    known = sorted(set(_known(universe, term)))
    meant = list(_same_word_elsewhere(universe, term))
    if not meant:
        meant = [_spelt(term, label) for label in nearest(term.value, known)]
    if not known and term.method == "config":
        keys = {key for asset in universe.assets for key in asset_settings(asset)}
        meant += [f"config.{key}:{term.value}" for key in nearest(term.argument, sorted(keys))]
    if meant:
        return "did you mean " + " or ".join(f"'{text}'" for text in meant[:3]) + "?"
    if not known:
        return METHODS[term.method].missing or f"nothing in this project has a {_dotted(term)}"
    if term.method in ("fqn", "path", "file") or len(known) > FEW:
        return "`sqlpipes ls` lists everything that can be selected"
    return f"known here: {', '.join(known)}"


def _known(universe: Universe, term: Term) -> Iterator[str]:
    method = METHODS[term.method]
    for asset in universe.assets if method.of_asset else ():
        yield from method.of_asset(universe, asset, term.argument)  # type: ignore[misc]
    for check in universe.checks if method.of_check else ():
        yield from method.of_check(universe, check, term.argument)  # type: ignore[misc]


def _same_word_elsewhere(universe: Universe, term: Term) -> Iterator[str]:
    """The value under another method: 'finance' may be no name but a tag."""
    for name in OTHERS:
        if name == term.method or not term.value:
            continue
        found = answer(universe, Term(name, term.value, "", term.at))
        if isinstance(found, Matched) and found:
            yield term.value if default_method(term.value) == name else f"{name}:{term.value}"
    if term.text == "resource_type:snapshot":
        return  # a type of its own
    if term.value in tuple(Materialized) and term.method in ("fqn", "kind", "resource_type"):
        yield f"config.materialized:{term.value}"


def _spelt(term: Term, label: str) -> str:
    """`label` as the user would type it instead."""
    plain = ":" not in term.text and default_method(label) == term.method
    said = typed(label)
    return said if plain else f"{_dotted(term)}:{said}"


def typed(label: str) -> str:
    """
    >>> typed("a b"), typed("orders")
    ('"a b"', 'orders')
    """
    is_plain = (
        label == label.strip() and not any(sign in label for sign in ' ,+"') and label[0] != "@"
    )
    return label if is_plain else quoted(label)


def with_names(
    problems: Sequence[Problem], flags: Mapping[str, Sequence[str]], names: Container[str]
) -> tuple[Problem, ...]:
    """A whole argument that is the name of an asset is meant as that: the hint says how to write it."""
    return tuple(_with_name(problem, flags, names) for problem in problems)


def _with_name(
    problem: Problem, flags: Mapping[str, Sequence[str]], names: Container[str]
) -> Problem:
    at = problem.at
    if at is None or at.file not in flags or not 0 < at.line <= len(flags[at.file]):
        return problem
    text = flags[at.file][at.line - 1]
    if text not in names:
        return problem
    hint = f"there is an asset of that name: as it holds a sign of the grammar, write 'fqn:{quoted(text)}'"
    return replace(problem, hint=hint)


def _dotted(term: Term) -> str:
    return f"{term.method}.{term.argument}" if term.argument else term.method
