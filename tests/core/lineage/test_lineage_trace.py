"""A graph -> lineage of all assets, with a cache that is read and written whole."""

from __future__ import annotations

from dataclasses import dataclass

from sqlpipes.core.asset import (
    Asset,
    Column,
    Kind,
    Materialized,
    Rendered,
    Scope,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.lineage import ColumnFacts, ColumnRef, Lineage, trace
from sqlpipes.core.sql import Reference, Relation

KNOWN = {
    "raw_orders": (Column("id", "INTEGER"), Column("amount", "DOUBLE"), Column("state", "VARCHAR"))
}


def reference(text: str, name: str) -> Reference:
    parts = tuple(name.split("."))
    start = text.index(name)
    before = text[:start]
    line = before.count("\n") + 1
    column = start - (before.rfind("\n") + 1) + 1
    return Reference(parts, tuple(False for _ in parts), start, start + len(name), line, column)


def sql_asset(name: str, text: str, *inputs: str, line: int = 1, template: bool = False) -> Asset:
    references = tuple(reference(text, item) for item in inputs)
    body = SqlBody(text, references, line, Doubled(text, inputs) if template else None)
    return _asset(name, Kind.SQL, Materialized.VIEW, body)


def source(name: str) -> Asset:
    return _asset(name, Kind.SOURCE, Materialized.EXTERNAL, SourceBody())


def _asset(name: str, kind: Kind, materialized: Materialized, body: SqlBody | SourceBody) -> Asset:
    path = f"models/{name}.sql"
    return Asset(
        name, kind, materialized, Relation(name, "main"), body, f"{name}.1", Location(path), path
    )


@dataclass(frozen=True)
class Doubled:
    """A template whose rendering has an extra line above."""

    text: str
    inputs: tuple[str, ...]

    def render(self, scope: Scope) -> Rendered:
        text = "-- rendered\n" + self.text.replace("{{ factor }}", "2 *\n")
        return Rendered(text, tuple(reference(text, name) for name in self.inputs))


def graph_of(*assets: Asset) -> Graph:
    graph, problems = link(assets)
    assert problems == ()
    return graph


def shop() -> Graph:
    return graph_of(
        source("raw_orders"),
        sql_asset("stg", "select id, amount as total, state from raw_orders", "raw_orders"),
        sql_asset("good", "select id, total from stg where state = 'ok'", "stg", line=4),
        sql_asset(
            "daily", "select count(*) as n, sum(total) as revenue from main.good", "main.good"
        ),
        sql_asset("all_of_it", "select * from stg", "stg"),
    )


def lineage_of(graph: Graph) -> Lineage:
    return trace(graph, KNOWN, "duckdb", {})[0]


def test_columns_are_passed_on() -> None:
    traced = lineage_of(shop())
    assert traced.columns("all_of_it") == (
        Column("id", "INTEGER"), Column("total", "DOUBLE"), Column("state", "VARCHAR"),
    )  # fmt: skip
    assert traced.columns("nosuch") == ()
    assert all(facts.complete for facts in traced.facts.values())


def test_edges_carry_asset_names_and_lines_of_the_file() -> None:
    traced = lineage_of(shop())
    assert {edge.table for edge in traced.facts["daily"].edges} == {"good"}
    assert {edge.line for edge in traced.facts["good"].edges} == {4}
    assert {str(edge.at) for edge in traced.facts["good"].edges} == {
        "models/good.sql:4:8", "models/good.sql:4:12", "models/good.sql:4:33",
    }  # fmt: skip


def test_upstream_goes_to_the_source() -> None:
    hops = lineage_of(shop()).upstream("daily", "revenue")
    assert [(str(hop.column), hop.depth) for hop in hops] == [
        ("good.total", 1), ("stg.total", 2), ("raw_orders.amount", 3),
    ]  # fmt: skip


def test_upstream_with_rows_has_the_filter() -> None:
    hops = lineage_of(shop()).upstream("good", "total", rows=True)
    assert ColumnRef("raw_orders", "state") in {hop.column for hop in hops}


def test_downstream_and_readers() -> None:
    traced = lineage_of(shop())
    hops = traced.downstream("raw_orders", "amount")
    assert {str(hop.column) for hop in hops} == {
        "stg.total", "good.total", "daily.revenue", "all_of_it.total",
    }  # fmt: skip
    by_state = {reader.asset for reader in traced.readers("raw_orders", "state")}
    assert by_state == {"stg", "good", "daily", "all_of_it"}
    assert {r.asset for r in traced.readers("stg", "id")} == {"good", "all_of_it"}


def test_the_cache_is_used_and_only_what_was_used_is_kept() -> None:
    graph = shop()
    traced, used = trace(graph, KNOWN, "duckdb", {})
    marked = {
        key: ColumnFacts((*facts.columns, Column("mark")), facts.edges)
        for key, facts in used.items()
    }
    again, kept = trace(graph, KNOWN, "duckdb", {**used, "old": ColumnFacts()})
    assert again == traced
    assert kept == used
    assert trace(graph, KNOWN, "duckdb", marked)[0].columns("stg")[-1] == Column("mark")


def test_a_change_of_a_sources_columns_is_seen_by_everything_below() -> None:
    graph = shop()
    _, used = trace(graph, KNOWN, "duckdb", {})
    wider = {"raw_orders": (*KNOWN["raw_orders"], Column("total", "INTEGER"))}
    traced, kept = trace(graph, wider, "duckdb", used)
    assert traced.columns("stg") == lineage_of(graph).columns("stg")
    assert len(kept.keys() - used.keys()) == 1  # stg is read again; what it yields did not change


def test_problems_stand_in_the_users_file() -> None:
    graph = graph_of(
        source("raw_orders"),
        sql_asset("broken", "select id,\n  amuont from raw_orders", "raw_orders", line=7),
    )
    (problem,) = lineage_of(graph).facts["broken"].problems
    assert str(problem.at) == "models/broken.sql:8:3"
    assert problem.hint == "did you mean 'amount'?"


def test_a_template_that_tells_no_places_has_that_of_the_query() -> None:
    text = "select\n  {{ factor }} amount as a,\n  nosuch\nfrom raw_orders"
    graph = graph_of(
        source("raw_orders"), sql_asset("jinja", text, "raw_orders", line=3, template=True)
    )
    facts = lineage_of(graph).facts["jinja"]
    whole = Location("models/jinja.sql", 3, 1, len(text))
    assert [problem.at for problem in facts.problems] == [whole]
    assert {edge.at for edge in facts.edges} == {whole}


def test_unknown_columns_are_not_guessed() -> None:
    graph = graph_of(
        source("raw_orders"),
        sql_asset("stg", "select * from raw_orders", "raw_orders"),
        sql_asset("end", "select whatever from stg", "stg"),
    )
    traced, _ = trace(graph, {}, "duckdb", {})
    assert not traced.is_listed("stg")
    assert traced.facts["end"].problems == ()
    hops = traced.upstream("end", "whatever")
    assert [str(hop.column) for hop in hops] == ["stg.whatever", "raw_orders.*"]


def test_opaque_assets_may_come_from_anything() -> None:
    text = "select what ever !! from raw_orders"
    body = SqlBody(text, (reference(text, "raw_orders"),), opaque=True)
    graph = graph_of(source("raw_orders"), _asset("odd", Kind.SQL, Materialized.TABLE, body))
    traced = lineage_of(graph)
    assert not traced.is_listed("odd")
    assert ColumnRef("odd", "*") in traced.readers("raw_orders", "amount")
