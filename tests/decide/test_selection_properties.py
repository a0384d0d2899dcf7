"""Random graphs and expressions against a slow definition: distances between all pairs, and sets."""

from __future__ import annotations

from dataclasses import dataclass

from decide.graphs import asset, check, graph
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.errors import ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.decide.selection import Selection, select

FAR = 10**6
TAGS = ("t", "u", "v")


@dataclass(frozen=True)
class Words:
    """One term: what it starts from and its operators, written and meant."""

    base: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.before}{self.base}{self.after}"


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 8))
    names = [f"n{i}" for i in range(count)]
    reads = {
        names[i]: " ".join(n for n in names[:i] if draw(st.integers(0, 2)) == 0)
        for i in range(count)
    }
    nodes = [asset(n, tags=tuple(t for t in TAGS if draw(st.booleans()))) for n in names]
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=5))
    checks = [check(f"k.{i}.x", of, "any", other) for i, (of, other) in enumerate(pairs)]
    return graph(nodes, reads, checks)


@st.composite
def terms(draw: st.DrawFn) -> Words:
    base = draw(st.sampled_from([f"n{i}" for i in range(8)] + [f"tag:{t}" for t in TAGS]))
    before = draw(st.sampled_from(["", "", "+", "1+", "2+", "@"]))
    after = "" if before == "@" else draw(st.sampled_from(["", "", "+", "+1", "+2"]))
    return Words(base, before, after)


expressions = st.lists(st.lists(terms(), min_size=1, max_size=3), min_size=1, max_size=3)


def written(expression: list[list[Words]]) -> str:
    return " ".join(",".join(map(str, word)) for word in expression)


def distances(on: Graph) -> dict[tuple[str, str], int]:
    """Steps from an input to its reader, by Floyd and Warshall."""
    steps = {(a, b): 0 if a == b else FAR for a in on.order for b in on.order}
    steps |= {(i.name, name): 1 for name in on.order for i in on.inputs[name]}
    for k in on.order:
        for a in on.order:
            for b in on.order:
                steps[a, b] = min(steps[a, b], steps[a, k] + steps[k, b])
    return steps


def depth(sign: str) -> int:
    digits = sign.strip("+")
    return int(digits) if digits else FAR - 1


def meant(on: Graph, words: Words) -> set[str]:
    """The assets of one term, straight from the definition of its operators."""
    steps = distances(on)
    if words.base.startswith("tag:"):
        start = {n for n in on.order if words.base[4:] in on.assets[n].tags}
    else:
        start = {words.base} & set(on.order)
    if words.before == "@":
        below = {b for b in on.order if any(steps[a, b] < FAR for a in start)}
        tested = {
            n
            for c in on.checks.values()
            if below & {c.asset, *c.inputs}
            for n in (c.asset, *c.inputs)
        }
        return {a for a in on.order if any(steps[a, b] < FAR for b in below | tested)}
    found = set(start)
    if words.before:
        found |= {a for a in on.order if any(steps[a, b] <= depth(words.before) for b in start)}
    if words.after:
        found |= {b for b in on.order if any(steps[a, b] <= depth(words.after) for a in start)}
    return found


def touching(on: Graph, names: set[str]) -> set[str]:
    return {name for name, c in on.checks.items() if names & {c.asset, *c.inputs}}


def slowly(on: Graph, expression: list[list[Words]]) -> Selection | None:
    """What the expression selects in eager mode; None when a part of it names nothing."""
    assets: set[str] = set()
    checks: set[str] = set()
    for word in expression:
        parts = [meant(on, words) for words in word]
        common = set.intersection(*parts)
        tests = set.intersection(*(touching(on, part) for part in parts))
        if not all(parts) or not (common or tests):
            return None
        assets |= common
        checks |= tests
    return Selection(
        tuple(n for n in on.order if n in assets), tuple(n for n in on.checks if n in checks)
    )


def quickly(on: Graph, *include: str, exclude: str = "", mode: str = "eager") -> Selection | None:
    try:
        return select(on, include, [exclude] if exclude else [], indirect=mode)
    except ProjectError as error:
        if any(problem.code != "SEL001" for problem in error.problems):
            raise
        return None


@given(graphs(), expressions)
@settings(deadline=None, max_examples=200)
def test_expressions_against_the_slow_definition(on: Graph, expression: list[list[Words]]) -> None:
    assert quickly(on, written(expression)) == slowly(on, expression)


@given(graphs(), expressions, expressions)
@settings(deadline=None, max_examples=150)
def test_exclude_against_the_slow_definition(
    on: Graph, kept: list[list[Words]], dropped: list[list[Words]]
) -> None:
    keep, drop = slowly(on, kept), slowly(on, dropped)
    found = quickly(on, written(kept), exclude=written(dropped))
    if keep is None or drop is None:
        assert found is None
        return
    left = Selection(
        tuple(n for n in keep.assets if n not in drop.assets),
        tuple(n for n in keep.checks if n not in drop.checks),
    )
    assert found == (left if left.assets or left.checks else None)


@given(graphs(), terms(), terms())
@settings(deadline=None, max_examples=100)
def test_space_is_union_however_it_is_given(on: Graph, x: Words, y: Words) -> None:
    one, other = quickly(on, str(x)), quickly(on, str(y))
    both = quickly(on, f"{x} {y}")
    assert both == quickly(on, f"{y} {x}") == quickly(on, str(x), str(y))
    if one is None or other is None:
        assert both is None
    else:
        assert both is not None
        assert set(both.assets) == set(one.assets) | set(other.assets)
        assert set(both.checks) == set(one.checks) | set(other.checks)


@given(graphs(), expressions, st.lists(terms(), max_size=2))
@settings(deadline=None, max_examples=150)
def test_cautious_means_that_all_inputs_are_selected(
    on: Graph, expression: list[list[Words]], dropped: list[Words]
) -> None:
    """Exactly the checks all of whose inputs are in, whatever the operators between."""
    exclude = " ".join(map(str, dropped))
    found = quickly(on, written(expression), exclude=exclude, mode="cautious")
    if found is None:
        return
    whole = [n for n, c in on.checks.items() if {c.asset, *c.inputs} <= set(found.assets)]
    assert list(found.checks) == whole


@given(graphs(), expressions)
@settings(deadline=None, max_examples=100)
def test_modes_differ_in_checks_only_and_by_degrees(
    on: Graph, expression: list[list[Words]]
) -> None:
    text = written(expression)
    empty, cautious, buildable, eager = (
        quickly(on, text, mode=mode) for mode in ("empty", "cautious", "buildable", "eager")
    )
    if empty is None or cautious is None or buildable is None or eager is None:
        return
    assert empty.assets == cautious.assets == buildable.assets == eager.assets
    assert set(empty.checks) <= set(cautious.checks) <= set(buildable.checks) <= set(eager.checks)
