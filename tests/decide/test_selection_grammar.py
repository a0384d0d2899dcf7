"""The text of a selection: what parses to what, and where a fault is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.errors import Location
from sqlpipes.decide.selection.grammar import (
    UNBOUNDED,
    Intersection,
    Term,
    default_method,
    parse_arguments,
    parse_expression,
)

AT = Location("--select")


def term(text: str) -> Term:
    (found,), problems = parse_expression(text, AT)
    assert not problems
    assert isinstance(found, Term)
    return found


@pytest.mark.parametrize(
    ("text", "method", "argument", "value"),
    [
        ("orders", "fqn", "", "orders"),
        ("shop.marts.orders", "fqn", "", "shop.marts.orders"),
        ("models/marts", "path", "", "models/marts"),
        ("models\\marts", "path", "", "models\\marts"),
        ("orders.sql", "file", "", "orders.sql"),
        ("*.parquet", "file", "", "*.parquet"),
        ("models/orders.sql", "path", "", "models/orders.sql"),
        ("fqn:orders.sql", "fqn", "", "orders.sql"),
        ("tag:a:b", "tag", "", "a:b"),
        ("config.meta.team:x", "config", "meta.team", "x"),
        ("state:modified.body", "state", "", "modified.body"),
        ("owner:data@acme.com", "owner", "", "data@acme.com"),
        ('path:"my models/a,b+c"', "path", "", "my models/a,b+c"),
        ('"a b"', "fqn", "", "a b"),
        ("stale:", "stale", "", ""),
    ],
)
def test_method_and_value(text: str, method: str, argument: str, value: str) -> None:
    found = term(text)
    assert (found.method, found.argument, found.value) == (method, argument, value)
    assert (found.parents, found.children, found.around) == (0, 0, False)


@pytest.mark.parametrize(
    ("text", "parents", "children", "around"),
    [
        ("+x", UNBOUNDED, 0, False),
        ("x+", 0, UNBOUNDED, False),
        ("2+x", 2, 0, False),
        ("x+13", 0, 13, False),
        ("+x+", UNBOUNDED, UNBOUNDED, False),
        ("1+tag:x+2", 1, 2, False),
        ("@x", 0, 0, True),
        ("@tag:x", 0, 0, True),
        ("stale:+", 0, UNBOUNDED, False),
        ("+stale:", UNBOUNDED, 0, False),
        ('1+"x"+2', 1, 2, False),
    ],
)
def test_operators(text: str, parents: int, children: int, around: bool) -> None:
    found = term(text)
    assert (found.parents, found.children, found.around) == (parents, children, around)


def test_places_of_terms() -> None:
    (first, second), _ = parse_arguments(["x", " +a  tag:b,c"], "--select")[0][1:], None
    assert isinstance(first, Term)
    assert first.at == Location("--select", 2, 2, 2)
    assert isinstance(second, Intersection)
    assert second.at == Location("--select", 2, 6, 7)
    assert [part.at.column for part in second.parts if isinstance(part, Term)] == [6, 12]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a,,b", 3),
        (",a", 1),
        ("a,", 3),
        ("a, b", 3),
        ("a ,b", 3),
        ("b @a+", 5),
        ("@a+2", 3),
        ("a+b", 2),
        ("tag:x tag:", 11),
        ("x ++a", 4),
        ("+", 1),
        ("+@a", 2),
        ("@@a", 2),
        (":a", 1),
        ('a "b', 3),
        ('tag:"a"b', 5),
        ('a"b"', 2),
        ('""', 3),
        ("", 1),
        ("   ", 1),
    ],
)
def test_faults_have_a_place(text: str, column: int) -> None:
    _, problems = parse_expression(text, AT)
    assert [problem.code for problem in problems] == ["SEL003"]
    at = problems[0].at
    assert at is not None
    assert (at.file, at.line, at.column) == ("--select", 1, column)


def test_sound_terms_survive_a_fault_beside_them() -> None:
    trees, problems = parse_expression("a b+c d", AT)
    assert [tree.text for tree in trees if isinstance(tree, Term)] == ["a", "d"]
    assert len(problems) == 1


@given(st.text(alphabet='ab+@,:.* "2/', max_size=12))
@settings(deadline=None, max_examples=300)
def test_any_text_gives_trees_or_problems_inside_it(text: str) -> None:
    trees, problems = parse_expression(text, AT)
    assert trees or problems
    for problem in problems:
        assert problem.at is not None
        assert 1 <= problem.at.column <= len(text) + 1


@given(
    st.sampled_from(["", "+", "2+", "@"]),
    st.sampled_from(["", "tag:", "config.meta.x:", "path:"]),
    st.text(alphabet="ab_c.*?[]-/@", min_size=1).filter(lambda v: not v.startswith(("@", ":"))),
    st.sampled_from(["", "+", "+7"]),
)
@settings(deadline=None, max_examples=200)
def test_what_is_written_is_what_is_read(before: str, method: str, value: str, after: str) -> None:
    if before == "@" and after:
        return
    found = term(before + method + value + after)
    assert found.value == value
    assert found.around == (before == "@")
    assert found.parents == {"+": UNBOUNDED, "2+": 2}.get(before, 0)
    assert found.children == {"+": UNBOUNDED, "+7": 7}.get(after, 0)
    expected = method.rstrip(":") or default_method(value)
    assert ".".join(filter(None, (found.method, found.argument))) == expected
