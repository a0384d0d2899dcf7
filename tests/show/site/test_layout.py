"""Where boxes stand: none over another, every edge from left to right, the same picture each time."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.show.site.layout import DOWN, HEIGHT, WIDTH, layered

CHAIN = {"a": [], "b": ["a"], "c": ["b"], "d": ["a", "c"]}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    count = draw(st.integers(0, 24))
    names = [f"n{i}" for i in range(count)]
    return {
        name: draw(st.lists(st.sampled_from(names[:i]), max_size=4, unique=True)) if i else []
        for i, name in enumerate(names)
    }


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_no_box_lies_over_another_and_edges_go_one_way(graph):
    found = layered(graph)
    assert found.places.keys() == graph.keys()
    at = list(found.places.values())
    for i, one in enumerate(at):
        for other in at[:i]:
            apart_x = abs(one.x - other.x) >= WIDTH
            apart_y = abs(one.y - other.y) >= HEIGHT
            assert apart_x or apart_y, (one, other)
    for name, read in graph.items():
        for parent in read:
            assert found.places[parent].x + WIDTH < found.places[name].x


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_a_long_edge_passes_no_box(graph):
    found = layered(graph)
    for (parent, name), heights in found.bends.items():
        first = found.places[parent].layer + 1
        assert len(heights) == found.places[name].layer - first
        for layer, height in enumerate(heights, first):
            for other, place in found.places.items():
                if place.layer == layer and graph[other] != [] and other not in _alone(graph):
                    assert not place.y < height < place.y + HEIGHT, (parent, name, other)


def _alone(graph: dict[str, list[str]]) -> set[str]:
    read = {parent for parents in graph.values() for parent in parents}
    return {name for name in graph if not graph[name] and name not in read}


@settings(deadline=None, max_examples=50)
@given(graphs())
def test_the_same_graph_gives_the_same_picture(graph):
    assert layered(graph) == layered(dict(graph))


def test_a_chain_is_a_row_and_what_skips_a_layer_bends():
    found = layered(CHAIN)
    assert [found.places[name].layer for name in "abcd"] == [0, 1, 2, 3]
    assert set(found.bends) == {("a", "d")}
    assert len(found.bends["a", "d"]) == 2


def test_what_is_read_by_one_stands_just_before_it():
    graph = {"raw": [], "b": ["raw"], "c": ["b"], "late": [], "d": ["c", "late"]}
    places = layered(graph).places
    assert places["late"].layer == places["d"].layer - 1


def test_parts_without_a_common_edge_stand_apart_and_lone_boxes_below():
    places = layered({"a": [], "b": ["a"], "x": [], "y": ["x"], "alone": []}).places
    tops = sorted({place.y for place in places.values()})
    assert all(low + HEIGHT + DOWN <= high for low, high in pairwise(tops))
    assert places["alone"].y == tops[-1]


def test_nothing_has_no_places():
    assert layered({}).places == {}


def test_a_reader_of_one_thing_twice_and_of_what_is_not_there_has_one_edge():
    assert layered({"a": [], "b": ["a", "a", "elsewhere"]}).places["b"].layer == 1


def test_many_boxes_are_placed_and_none_overlaps():
    random = Random(1)
    graph = {
        f"n{i}": [f"n{random.randrange(max(0, i - 200), i)}" for _ in range(2)] if i > 40 else []
        for i in range(2000)
    }
    places = layered(graph).places
    columns: dict[int, list[int]] = {}
    for place in places.values():
        columns.setdefault(place.x, []).append(place.y)
    for heights in columns.values():
        assert all(low + HEIGHT <= high for low, high in pairwise(sorted(heights)))
