"""A graph -> what is proven of its queries, with places in the user's files and a cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlpipes.core.asset import (
    Asset,
    Column,
    Kind,
    Materialized,
    PythonBody,
    Rendered,
    Scope,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.errors import Location, Problem, SqlpipesError
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.lineage import (
    Local,
    localities,
    through,
    trace,
)
from sqlpipes.core.partitions import OTHER_CLOCK, DrillDown, Grain, Near, RollUp, Span
from sqlpipes.core.sql import Reference, Relation

KNOWN = {"visits": (Column("visited_on", "DATE"), Column("page", "VARCHAR"))}
MONTHLY = """select
    date_trunc('month', visited_on)::date as month,
    count(*) as visits
from visits
group by all"""


def reference(text: str, name: str) -> Reference:
    start = text.index(name)
    parts = tuple(name.split("."))
    return Reference(parts, tuple(False for _ in parts), start, start + len(name), 1, 1)


@dataclass(frozen=True)
class Doubled:
    """A template whose rendering has an extra line above."""

    text: str
    inputs: tuple[str, ...]

    def render(self, scope: Scope) -> Rendered:
        if "fails" in self.text:
            raise SqlpipesError([Problem("JIN001", "no", Location("a.sql"))])
        text = "-- rendered\n" + self.text.replace("{{ unit }}", "month")
        return Rendered(text, tuple(reference(text, name) for name in self.inputs))


def model(name: str, text: str, *inputs: str, line: int = 1, template: bool = False) -> Asset:
    references = tuple(reference(text, item) for item in inputs)
    body = SqlBody(text, references, line, Doubled(text, inputs) if template else None)
    return asset(name, Kind.SQL, Materialized.TABLE, body)


def asset(
    name: str, kind: Kind, materialized: Materialized, body: SqlBody | SourceBody | PythonBody
) -> Asset:
    path = f"models/{name}.sql"
    relation = Relation(name, "main")
    return Asset(name, kind, materialized, relation, body, f"{name}.1", Location(path), path)


def graph_of(*assets: Asset) -> Graph:
    source = asset("visits", Kind.SOURCE, Materialized.EXTERNAL, SourceBody())
    graph, problems = link([source, *assets])
    assert problems == ()
    return graph


def proven(graph: Graph, name: str, known: Mapping[str, tuple[Column, ...]] = KNOWN) -> list[Local]:
    return list(localities(graph, [name], known, "duckdb").local[name])


def test_a_rollup_is_proven_at_its_place_in_the_file() -> None:
    found = proven(graph_of(model("monthly", MONTHLY, "visits", line=5)), "monthly")

    [local] = found
    assert (local.column, local.table, local.source) == ("month", "visits", "visited_on")
    assert local.reaches == ((RollUp(Grain.MONTH),),)
    assert (local.line, local.column_at) == (6, 5)
    assert local.text == "date_trunc('month', visited_on)::date"


def test_columns_of_what_is_read_are_found_through_stars() -> None:
    graph = graph_of(
        model("stg", "select *, upper(page) as big from visits", "visits"),
        model("mid", "select * exclude (page) from stg", "stg"),
        model("daily", "select visited_on as d, count(*) as n from mid group by d", "mid"),
        model("other", "select broken from visits", "visits"),
    )

    [local] = proven(graph, "daily")
    assert (local.column, local.table, local.source, local.reaches) == (
        "d",
        "mid",
        "visited_on",
        ((),),
    )


def test_two_spellings_of_a_table_are_one_table() -> None:
    text = "select visited_on from main.visits where page = (select max(page) from visits)"
    references = (
        reference(text, "main.visits"),
        Reference(("visits",), (False,), text.rindex("visits"), len(text) - 1, 1, 1),
    )
    body = SqlBody(text, references)
    graph = graph_of(asset("some", Kind.SQL, Materialized.TABLE, body))

    assert proven(graph, "some") == []


def test_what_a_table_that_reads_itself_yields_is_found_once() -> None:
    grown = "select visited_on, (select count(*) from grown) as before from visits"
    body = SqlBody(grown, (reference(grown, "grown"), reference(grown, "visits")))
    graph = graph_of(
        asset("grown", Kind.SQL, Materialized.INCREMENTAL, body),
        model("monthly", MONTHLY.replace("visits\n", "grown\n"), "grown"),
    )
    assert graph.reads_self == {"grown"}

    [local] = proven(graph, "monthly")
    assert (local.table, local.source) == ("grown", "visited_on")


def test_types_of_tables_are_asked_for_only_where_a_query_leaves_them_open() -> None:
    graph = graph_of(
        model("stg", "select visited_on, page from visits", "visits"),
        model("seen", "select coalesce(visited_on, now()) as at from visits", "visits"),
        model("monthly", MONTHLY.replace("visits\n", "stg\n"), "stg"),
        model("days", "select at::date as day, count(*) as n from seen group by all", "seen"),
    )

    assert localities(graph, ["monthly"], KNOWN, "duckdb").asked == frozenset()
    doubtful, asked, _ = localities(graph, ["days"], KNOWN, "duckdb")
    assert asked == {"seen"}

    built = {"seen": (Column("at", "TIMESTAMP"),)}
    certain, asked, _ = localities(graph, ["days"], KNOWN, "duckdb", built)
    assert asked == {"seen"}
    assert certain != doubtful


def test_templates_keep_their_lines() -> None:
    text = MONTHLY.replace("count(*) as visits", "count(*) as {{ unit }}s")
    [local] = proven(graph_of(model("monthly", text, "visits", line=3, template=True)), "monthly")

    assert (local.line, local.column_at) == (4, 5)


def test_what_cannot_be_read_proves_nothing() -> None:
    opaque = SqlBody("select visited_on from visits", opaque=True)
    python = PythonBody("f", ("visits",), False, lambda: print)
    graph = graph_of(
        model("fails", "-- fails\nselect visited_on from visits", "visits", template=True),
        asset("dark", Kind.SQL, Materialized.TABLE, opaque),
        asset("code", Kind.PYTHON, Materialized.TABLE, python),
        model("wrong", "select visited_on from", *()),
    )

    found, *_ = localities(graph, ["fails", "dark", "code", "wrong"], KNOWN, "duckdb")
    assert set(found.values()) == {()}
    assert localities(graph, ["wrong"], KNOWN, "sqlite").local == {"wrong": ()}


def test_estimated_types_of_times_are_not_believed() -> None:
    """The type of current_timestamp is an estimate; that of a cast is not."""
    text = "select coalesce(visited_on, now()) as at, visited_on::date as d from visits"
    graph = graph_of(
        model("stg", text, "visits"),
        model("days", "select at::date as day, count(*) as n from stg group by all", "stg"),
        model("dates", "select d::date as day, count(*) as n from stg group by all", "stg"),
    )

    [certain] = proven(graph, "dates")
    assert certain.reaches == ((),)
    [doubtful] = proven(graph, "days")
    assert doubtful.reaches == ((RollUp(Grain.DAY), OTHER_CLOCK),)


def test_columns_that_are_not_known() -> None:
    graph = graph_of(
        model("some", "select d, n from visits", "visits"),
        model("all_of_it", "select * from visits", "visits"),
        model("dated", "select d::date as d from all_of_it", "all_of_it"),
    )
    found, *_ = localities(graph, ["some", "all_of_it", "dated"], {}, "duckdb")

    assert [local.source for local in found["some"]] == ["d", "n"]
    assert found["all_of_it"] == ()
    assert [local.reaches for local in found["dated"]] == [((RollUp(Grain.DAY), OTHER_CLOCK),)]


def test_json_gives_the_same_back() -> None:
    reaches = ((RollUp(Grain.MONTH), Near(Span(1, 2, 3))), (DrillDown(Grain.WEEK),), ())
    found = (Local("a", "b", "c", reaches, "é 'x'", 3, 4), Local("d", "e", "f", ((),)))

    plain = json.loads(json.dumps([local.to_plain() for local in found]))
    assert tuple(Local.from_plain(each) for each in plain) == found


def test_a_view_is_read_through() -> None:
    reader = Local("month", "v", "D", ((RollUp(Grain.MONTH),), ()), "here", 3, 4)
    view = Local("d", "t", "ts", ((RollUp(Grain.DAY),), (Near(Span(days=1)),)), "there", 9, 9)

    found = through(reader, view)
    assert found is not None
    assert (found.column, found.table, found.source) == ("month", "t", "ts")
    assert (found.text, found.line) == ("here", 3)
    assert set(found.reaches) == {
        (RollUp(Grain.DAY),),
        (RollUp(Grain.MONTH), Near(Span(days=1))),
        (Near(Span(days=1)),),
    }
    assert through(reader, Local("e", "t", "ts", ((),))) is None


def test_what_was_traced_for_a_proof_is_not_traced_again() -> None:
    graph = graph_of(
        model("stg", "select visited_on, page from visits", "visits"),
        model("monthly", MONTHLY.replace("visits\n", "stg\n"), "stg"),
    )
    traced = localities(graph, ["monthly"], KNOWN, "duckdb").traced

    _, used = trace(graph, KNOWN, "duckdb", traced)
    assert traced
    assert all(used[key] is facts for key, facts in traced.items())
