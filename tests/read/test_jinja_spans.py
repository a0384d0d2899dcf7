"""A part of a template's output -> the smallest place in the user's file that certainly made it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.asset import Asset, Column, Kind, Materialized, Scope, SourceBody, SqlBody
from sqlpipes.core.config import Target
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import link
from sqlpipes.core.lineage import trace
from sqlpipes.core.sql import Relation, Spot
from sqlpipes.read.jinja import load_macros, make_template

FILE = "models/m.sql"
MACROS = (("macros/m.sql", "{% macro net(x) %}{{ x }} / 1.19{% endmacro %}"),)


def template(text, first_line=1, spot=None):
    return make_template(
        text,
        file=FILE,
        first_line=first_line,
        dialect="duckdb",
        vars={},
        environ={},
        macros=load_macros(MACROS),
        target=Target("dev", "duckdb", "main"),
        spot=spot,
    )


def edges(text, first_line=1, spot=None):
    """Of a model with this text on t(a, b, c): (output column, kind, text at the edge's place)."""
    made = template(text, first_line, spot)
    references = made.render(Scope()).references
    body = SqlBody(text, references, first_line, made, spot=spot)
    place = Location(FILE)
    model = Asset("m", Kind.SQL, Materialized.VIEW, Relation("m", "main"), body, "1", place, FILE)
    source = Asset(
        "t", Kind.SOURCE, Materialized.EXTERNAL, Relation("t", "main"), SourceBody(), "1", place, ""
    )
    graph, problems = link((model, source))
    assert problems == ()
    known = {"t": tuple(Column(name, "INTEGER") for name in "abc")}
    return trace(graph, known, "duckdb", {})[0].facts["m"].edges


def at(text, edge):
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: edge.line - 1]) + edge.column_at - 1
    return text[start : start + edge.length]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a + 1 as x from t {# #}", {"a + 1"}),
        ("select {{ 'a' }} as x from t", {"{{ 'a' }}"}),
        ("select {{ net('a') }} as x from t", {"{{ net('a') }}"}),
        ("select b + {{ net('a') }} + 1 as x from t", {"b + {{ net('a') }} + 1"}),
        ("select {{ {'}}': 'a'}['}}'] }} as x from t", {"{{ {'}}': 'a'}['}}'] }}"}),
        ("select b +{{- (('a')) -}}, b from t", {"b +{{- (('a')) -}}", "b"}),
        ("select {{ 'a' }} + {{ 'b' }} as x from t", {"{{ 'a' }} + {{ 'b' }}"}),
        ("select {% if true %}a{% else %}b{% endif %} as x from t", {"a"}),
        ("select {% if false %}a + b{% else %}a + b{% endif %} + 1 as x from t",
         {"a + b{% endif %} + 1"}),
        ("select {% for c in ['a', 'b'] %}{{ c }} as x{{ c }}, {% endfor %}1 as one from t",
         {"{{ c }}", "1"}),
        ("select {{ 'a as x, b + 1 as y' }} from t", {"{{ 'a as x, b + 1 as y' }}"}),
        ("select\n  a\n  + b as x\nfrom t {# #}\nwhere {{ 'c' }} > 1",
         {"a\n  + b", "{{ 'c' }} > 1"}),
        ("with w as (select {{ 'a' }} + 1 as v, b from t)\nselect v from w where b > 1",
         {"{{ 'a' }} + 1", "b > 1"}),
    ],
)  # fmt: skip
def test_an_edge_stands_where_its_expression_was_written(text, expected):
    found = edges(text)
    assert {at(text, edge) for edge in found} == expected
    assert {edge.file for edge in found} == {FILE}


def test_the_second_of_two_branches_is_told_from_the_first():
    text = "select {% if false %}a + b{% else %}a + b{% endif %} as x from t"
    assert {edge.column_at for edge in edges(text)} == {text.rindex("a + b") + 1}


@pytest.mark.parametrize(
    "text",
    [
        "select {% filter lower %}A + B{% endfilter %} as x from t",
        "{% macro f() %}{{ caller() }}{% endmacro %}select {% call f() %}a{% endcall %} as x from t",
    ],
)
def test_what_cannot_be_told_is_the_whole_query(text):
    assert {at(text, edge) for edge in edges(text)} == {text}


def test_lines_before_the_query_are_counted():
    (edge,) = edges("select\n  {{ 'a' }} as x from t", first_line=7)
    assert (edge.line, edge.column_at, edge.length) == (8, 3, len("{{ 'a' }}"))


def test_a_block_of_another_file_is_indented():
    (edge, *_) = edges("select {{ 'a' }}\n+ b as x from t", spot=Spot(7, 5, 4))
    assert (edge.line, edge.column_at) == (7, 12)
    assert edge.length == len("{{ 'a' }}\n    + b")


PIECES = st.sampled_from(
    ["select ", "a", "\n", "{{ 'b' }}", "{{ net('c') }}", "{# no #}", "{% if true %}x{% endif %}",
     "{% for i in [1, 2] %}y{{ i }} {% endfor %}", "é😀", "{%- if false %}z{% else %}z {% endif -%}"]
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(PIECES, min_size=1, max_size=8), st.integers(0, 40), st.integers(1, 10))
def test_a_place_holds_what_it_made(pieces, start, length):
    """Rendered alone, the place gives the part back or more, where no tag is cut in two by it."""
    text = "".join(pieces)
    found = template(text).trace(Scope())
    start = min(start, max(len(found.text) - 1, 0))
    end = min(start + length, len(found.text))
    place = found.span(start, end)
    lines = text.split("\n")
    begin = sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1
    written = text[begin : begin + place.length]
    if "{%" not in text and end > start:
        assert found.text[start:end] in template(written).trace(Scope()).text
    for piece, at in enumerate(found.starts):
        after = [*found.starts, len(found.text)][piece + 1]
        own = found.span(at, after)
        if found.exact[piece]:
            assert own.length == after - at
