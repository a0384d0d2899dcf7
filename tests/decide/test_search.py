"""`search`: where a text stands, the likeliest place first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlpipes.api import Project, load, search
from sqlpipes.core.lineage import Documented
from sqlpipes.decide.search import near
from sqlpipes.decide.search import search as search_graph

ORDERS = """/*
---
description: Orders with refunds taken off.
owner: finance@acme.com
tags: [money]
---
*/
select
    id,
    amount - refund as net -- what is left of it
from raw_orders
"""


def shop(root: Path) -> Project:
    (root / "models").mkdir()
    (root / "seeds").mkdir()
    (root / "models" / "orders.sql").write_text(ORDERS)
    (root / "models" / "net.sql").write_text("select net from orders")
    (root / "models" / "network.sql").write_text("select 1 as x")
    (root / "seeds" / "raw_orders.csv").write_text("id,amount,refund\n1,2,1\n")
    return load(str(root))


def names(root: Path, text: str) -> list[str]:
    return [found.asset for found in search(shop(root), text)[0]]


def test_whole_names_come_first_then_beginnings_then_columns(tmp_path):
    assert names(tmp_path, "net") == ["net", "network", "orders"]


def test_each_place_has_the_line_of_the_users_file(tmp_path):
    (orders,) = [f for f in search(shop(tmp_path), "refund")[0] if f.asset == "orders"]
    places = [(place.where, place.at.line, place.at.column) for place in orders.places]
    assert places == [("description", 8, 1), ("sql", 10, 14)]


def test_a_column_stands_where_the_query_makes_it(tmp_path):
    (orders,) = [f for f in search(shop(tmp_path), "NET")[0] if f.asset == "orders"]
    assert (orders.places[0].where, orders.places[0].at.line) == ("column", 10)


def test_what_a_column_says_of_itself_is_found_with_its_name(tmp_path):
    found = search(shop(tmp_path), "left of")[0]
    assert found[0].asset == "orders"
    assert [place.column for place in found[0].places if place.where == "column doc"] == ["net"]


def test_every_word_must_be_there(tmp_path):
    project = shop(tmp_path)
    assert [found.asset for found in search(project, "money net")[0]] == ["orders"]
    assert search(project, "money nothing")[0] == ()
    assert search(project, "  ")[0] == ()


def test_owners_and_tags_are_searched(tmp_path):
    project = shop(tmp_path)
    assert [place.where for place in search(project, "finance@")[0][0].places] == ["owner"]
    assert [place.where for place in search(project, "money")[0][0].places] == ["tag"]


def test_what_is_nowhere_gets_the_nearest_name(tmp_path):
    assert search(shop(tmp_path), "ordes") == ((), "did you mean 'orders'?")


def test_it_is_narrowed_to_what_was_selected(tmp_path):
    found, hint = search(shop(tmp_path), "net", {"orders"})
    assert ([each.asset for each in found], hint) == (["orders"], None)


def test_letter_signs_of_patterns_are_letters(tmp_path):
    project = shop(tmp_path)
    assert search(project, ".*")[0] == ()
    assert search(project, "[")[0] == ()


def test_lines_of_one_query_are_few(tmp_path):
    project = shop(tmp_path)
    graph = project.graph
    orders = graph.assets["orders"]
    text = "\n".join(f"-- zebra {i}" for i in range(50))
    body = replace(orders.body, text=text)
    graph = replace(graph, assets={**graph.assets, "orders": replace(orders, body=body)})
    (found,) = search_graph(graph, {}, "zebra")
    assert [place.at.line for place in found.places] == [8, 9, 10]
    assert near(graph, {"orders": (Documented("zebra", None, ""),)}, "zebr")
