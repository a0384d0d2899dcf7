"""Linking: what a name means, what is wrong, in which order things stand, and which check gates what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sqlpipes.core.asset import (
    Asset,
    Check,
    Dependency,
    Kind,
    Materialized,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.partitions import Grain, Partitioning
from sqlpipes.core.reads import Mapped, Reads
from sqlpipes.core.sql import analyse
from sqlpipes.core.sql.relation import Relation

NO_PARTITION = Partitioning("day", Grain.DAY, 0)


def model(name: str, sql: str = "select 1 as x", *, schema: str = "main", **more) -> Asset:
    path = f"models/{name}.sql"
    references = analyse(sql, "duckdb", at=Location(path)).references
    said = {
        "materialized": Materialized.TABLE,
        "relation": Relation(name, schema),
        "body": SqlBody(sql, references),
        "version": f"{name}-body.settings",
        "at": Location(path),
        "path": path,
    }
    return Asset(name=name, kind=Kind.SQL, **(said | more))


def source(name: str, table: str, schema: str, **more) -> Asset:
    return Asset(
        name=name,
        kind=Kind.SOURCE,
        materialized=Materialized.EXTERNAL,
        relation=Relation(table, schema),
        body=SourceBody(),
        version="1.1",
        at=Location("models/sources.yml"),
        path="models/sources.yml",
        **more,
    )


def sound(*assets: Asset, **options) -> Graph:
    graph, problems = link(assets, **options)
    assert not problems, problems
    return graph


def faults(*assets: Asset, checks: tuple[Check, ...] = (), **options) -> list[str]:
    return [str(problem) for problem in link(assets, checks, **options)[1]]


# ------------------------------------------------------------------------------------ what names mean


def test_plain_names_give_the_edges_and_their_places():
    graph = sound(model("a"), model("b", "select *\nfrom a join a as again using (x)"))
    assert graph.order == ("a", "b")
    assert [(i.name, str(i.at)) for i in graph.inputs["b"]] == [("a", "models/b.sql:2:6")]


@pytest.mark.parametrize("name", ["orders", "ORDERS", '"Orders"', "shop.orders", "Shop.Orders"])
def test_case_quoting_and_schema_mean_the_same_table_in_duckdb(name):
    graph = sound(
        model("orders", schema="shop"), model("b", f"select * from {name}"), default_schema="shop"
    )
    assert graph.parents("b") == ("orders",)


def test_postgres_tells_quoted_capitals_apart():
    upper = model("Orders")
    reader = model("b", "select * from orders")
    quoted = model("c", 'select * from "Orders"')
    graph, problems = link([upper, reader, quoted], dialect="postgres")
    assert graph.parents("c") == ("Orders",)
    assert graph.parents("b") == ("orders",)  # an implicit source of its own
    assert [problem.code for problem in problems] == ["REF001"]


def test_an_asset_is_found_by_its_name_its_alias_and_its_declared_schema():
    moved = model("orders", relation=Relation("orders_v2", "dev_shop"), settings={"schema": "shop"})
    for name in ("orders", "orders_v2", "shop.orders", "dev_shop.orders_v2", "shop.orders_v2"):
        reader = model("b", f"select * from {name}")
        assert sound(moved, reader, default_schema="dev_shop").parents("b") == ("orders",), name


def test_a_catalog_is_part_of_the_name():
    far = model("orders", relation=Relation("orders", "shop", "lake"))
    assert sound(far, model("b", "select * from lake.shop.orders")).parents("b") == ("orders",)
    assert faults(far, model("b", "select * from pond.shop.orders"))[0].startswith(
        "models/b.sql:1:15: REF001"
    )


def test_what_is_built_goes_before_a_source_of_the_same_table_name():
    raw = source("raw.orders", "orders", "raw")
    graph = sound(model("orders"), raw, model("b", "select * from orders, raw.orders as r"))
    assert graph.parents("b") == ("orders", "raw.orders")


def test_a_source_is_found_by_its_bare_table_name_unless_two_have_it():
    one, two = source("raw.events", "events", "raw"), source("ext.events", "events", "ext")
    reader = model("b", "select * from events")
    assert sound(one, reader).parents("b") == ("raw.events",)
    graph, problems = link([one, two, reader])
    assert graph.parents("b") == ("events",)
    assert [p.code for p in problems] == ["REF001"]


def test_a_source_in_the_default_schema_owns_its_bare_name():
    one, two = source("raw.events", "events", "main"), source("ext.events", "events", "ext")
    assert sound(one, two, model("b", "select * from events")).parents("b") == ("raw.events",)


def test_ctes_and_table_functions_are_no_inputs():
    text = "with a as (select 1) select * from a, range(3), read_csv('x.csv')"
    assert sound(model("b", text)).parents("b") == ()


# ------------------------------------------------------------------------------- tables nobody declares


def test_an_unknown_table_becomes_an_implicit_source_with_a_warning():
    graph, problems = link([model("orders"), model("b", "select * from ordres")])
    assert graph.assets["ordres"].kind is Kind.SOURCE
    assert graph.order == ("orders", "ordres", "b")
    [problem] = problems
    assert not problem.is_error
    assert problem.hint == "did you mean 'orders'?"
    assert str(problem.at) == "models/b.sql:1:15"
    assert problem.at.length == 6


@pytest.mark.parametrize("read", ["Upper", "main.Upper"])
def test_a_name_that_only_looks_like_an_asset_s_takes_nothing_of_its_place(read):
    graph, problems = link(
        [model("Upper"), model("b", f"select * from {read}")], dialect="postgres"
    )
    assert graph.assets["Upper"].kind is Kind.SQL
    assert (graph.parents("b"), "Upper" in graph.order) == (("Upper",), True)
    (found,) = problems
    assert (found.code, found.at and found.at.file) == ("REF005", "models/b.sql")
    assert '"Upper"' in (found.hint or "")


def test_a_name_in_quotes_is_the_asset_s():
    found = sound(model("Upper"), model("b", 'select * from "Upper"'), dialect="postgres")
    assert found.parents("b") == ("Upper",)


def test_an_implicit_source_is_one_however_it_is_spelt():
    both = model("b", "select * from ext.T join main.u on true")
    texts = model("a", "select * from Ext.t"), model("c", "select * from u")
    graph, problems = link([texts[0], both, texts[1]])
    assert graph.parents("a") == graph.parents("b")[:1]
    assert graph.parents("c") == graph.parents("b")[1:]
    assert len(problems) == 2


def test_strict_makes_every_place_of_an_unknown_table_an_error():
    found = faults(model("a", "select * from t"), model("b", "select * from t"), strict=True)
    assert found == [
        "models/a.sql:1:15: REF002 table 't' does not exist",
        "models/b.sql:1:15: REF002 table 't' does not exist",
    ]


def test_one_model_can_be_strict():
    _, problems = link([model("a", "select * from t", settings={"strict": True})])
    assert [p.code for p in problems] == ["REF002"]


def test_system_tables_are_sources_without_a_warning_that_always_change():
    graph = sound(model("a", "select * from information_schema.tables"))
    [name] = graph.parents("a")
    assert graph.assets[name].body.changes == "always"


def test_a_missing_dependency_is_an_error_with_the_nearest_name():
    at = Location("models/b.py", 3, 7)
    _, problems = link([model("orders"), model("b", depends_on=(Dependency("order", at),))])
    assert [(str(p), p.hint) for p in problems] == [
        ("models/b.py:3:7: REF003 there is no asset 'order'", "did you mean 'orders'?")
    ]


# --------------------------------------------------------------------------------------- duplicates


def test_two_files_of_one_name_are_an_error_that_names_both():
    second = model("Orders", path="models/old/orders.sql", at=Location("models/old/orders.sql", 4))
    graph, [problem] = link([model("orders"), second])
    assert str(problem).startswith("models/old/orders.sql:4:1: DUP001")
    assert "models/orders.sql:1:1" in problem.message
    assert list(graph.assets) == ["orders"]


def test_two_assets_of_one_relation_are_an_error():
    second = model("b", relation=Relation("A", "main"))
    graph, [problem] = link([model("a"), second])
    assert problem.code == "DUP002"
    assert "'b' and 'a' would both be main.A" in problem.message
    assert list(graph.assets) == ["a"]
    assert sound(model("a"), replace(second, relation=Relation("A", "other"))).order == ("a", "b")


# -------------------------------------------------------------------------------------------- circles


def reading(name: str, *others: str) -> Asset:
    return model(name, "select *\nfrom " + ",\n".join(others) if others else "select 1")


def circles_of(*assets: Asset) -> list[Problem]:
    return [problem for problem in link(assets)[1] if problem.code == "CYC001"]


def test_a_circle_is_told_with_the_place_of_every_edge():
    found = circles_of(reading("a", "b"), reading("b", "c"), reading("c", "a"), reading("d", "a"))
    [problem] = found
    assert problem.message.endswith("a -> b -> c -> a")
    assert problem.hint.splitlines() == [
        "models/a.sql:2:6: a reads b",
        "models/b.sql:2:6: b reads c",
        "models/c.sql:2:6: c reads a",
    ]
    assert str(problem.at) == "models/a.sql:2:6"
    assert len(problem.others) == 2


def test_every_knot_is_told_also_one_that_stands_below_another():
    found = circles_of(
        reading("a", "b"), reading("b", "a"), reading("c", "a", "d"), reading("d", "c")
    )
    assert [problem.message.rpartition(": ")[2] for problem in found] == [
        "a -> b -> a",
        "c -> d -> c",
    ]


def test_the_shortest_circle_of_a_knot_is_told():
    found = circles_of(reading("a", "b"), reading("b", "c", "a"), reading("c", "a"))
    assert [problem.message.rpartition(": ")[2] for problem in found] == ["a -> b -> a"]


def test_what_is_on_a_circle_or_below_has_no_place_in_the_order():
    graph, _ = link([reading("a", "b"), reading("b", "a"), reading("below", "a"), reading("free")])
    assert graph.order == ("free",)
    assert set(graph.assets) == {"a", "b", "below", "free"}


def test_reading_oneself_needs_something_that_stays():
    text = "select * from a where x > (select max(x) from a)"
    [problem] = circles_of(model("a", text))
    assert str(problem.at) == "models/a.sql:1:15"
    for kept in ({"materialized": Materialized.INCREMENTAL}, {"partition": NO_PARTITION}):
        graph = sound(model("a", text, **kept))
        assert graph.reads_self == {"a"}
        assert graph.parents("a") == ()


# ------------------------------------------------------------------------------------- order, mappings


def test_the_order_does_not_depend_on_the_order_of_the_files():
    assets = [reading("z"), reading("m", "z"), reading("a", "z"), reading("b")]
    orders = {sound(*turned).order for turned in (assets, assets[::-1], assets[2:] + assets[:2])}
    assert orders == {("b", "z", "a", "m")}


def test_a_mapping_may_name_the_table_and_must_name_an_input():
    daily = model("daily", schema="shop")
    week = model("week", "select * from shop.daily", mappings={"shop.daily": Reads(Mapped.SAME)})
    assert sound(daily, week).inputs["week"][0].reads.how is Mapped.SAME
    [said] = faults(daily, replace(week, mappings={"dayly": Reads(Mapped.SAME)}))
    assert "REF004 'week' does not read 'dayly'" in said


# --------------------------------------------------------------------------------------------- checks


def check(name: str, asset: str = "", **more) -> Check:
    return Check(name, asset, more.pop("type", "not_null"), at=Location("tests/x.sql"), **more)


def query(sql: str) -> SqlBody:
    return SqlBody(sql, analyse(sql, "duckdb", at=Location("tests/x.sql")).references)


def test_a_check_gates_the_last_of_what_it_reads():
    assets = [reading("a"), reading("b", "a"), reading("c", "b")]
    related = check("related", "a", type="relationships", arguments={"to": "c", "field": "x"})
    singular = check("singular", type="sql", body=query("select * from a join b using (x)"))
    graph, problems = link(assets, [check("own", "a"), related, singular])
    assert not problems
    assert graph.guards == {"a": ("own",), "c": ("related",), "b": ("singular",)}
    assert (graph.checks["related"].asset, graph.checks["related"].inputs) == ("a", ("c",))
    assert (graph.checks["singular"].asset, graph.checks["singular"].inputs) == ("b", ("a",))


def test_a_check_of_something_unknown_is_an_error_and_is_left_out():
    graph, problems = link([model("orders")], [check("one", "ordes"), check("two")])
    assert [p.code for p in problems] == ["REF003", "CHK002"]
    assert graph.guards == {}


def test_a_check_may_read_a_table_that_nobody_declared():
    graph, problems = link(
        [model("a")], [check("x", type="sql", body=query("select * from a join ext.t using (x)"))]
    )
    assert [p.code for p in problems] == ["REF001"]
    assert graph.assets["ext.t"].kind is Kind.SOURCE
    assert "x" in graph.checks


def test_a_check_of_an_asset_on_a_circle_is_left_out_silently():
    graph, problems = link([reading("a", "b"), reading("b", "a")], [check("own", "a")])
    assert [p.code for p in problems] == ["CYC001"]
    assert graph.checks == {}


@pytest.mark.parametrize(
    "change", [{"where": "x > 1"}, {"severity": "warn"}, {"error_if": "> 5"}, {"type": "unique"}]
)
def test_the_version_of_the_checks_moves_with_them(change):
    assets = [model("a")]
    before = link(assets, [check("one", "a")])[0].checks_version("a")
    after = link(assets, [check("one", "a", **change)])[0].checks_version("a")
    described = link(assets, [check("one", "a", description="why")])[0].checks_version("a")
    assert before != after
    assert before == described
    assert link(assets)[0].checks_version("a") == ""


# ------------------------------------------------------------------------------------ inlined, versions


def inline(name: str, *others: str, version: str = "v") -> Asset:
    return replace(
        reading(name, *others),
        materialized=Materialized.EPHEMERAL,
        relation=None,
        version=f"{version}.s",
    )


def test_the_version_holds_every_ephemeral_query_however_deep():
    def version(deep: str) -> str:
        return sound(inline("e1", version=deep), inline("e2", "e1"), reading("t", "e2")).version(
            "t"
        )

    assert version("v") == version("v")
    assert version("v") != version("w")
    assert version("v").endswith(".settings")


def test_a_long_ladder_of_ephemeral_assets_is_no_trouble():
    rungs = [inline("e000")]
    for i in range(1, 200):
        rungs += [inline(f"e{i:03}", f"e{i - 1:03}", f"side{i - 1:03}" if i > 1 else "e000")]
        rungs += [inline(f"side{i:03}", f"e{i - 1:03}")]
    graph = sound(*rungs, reading("t", "e199", "side199"))
    assert len(graph.inlined("t")) == 399
    assert graph.version("t")


def test_five_thousand_assets_are_no_trouble():
    """A quadratic linker would take minutes."""
    assets = [reading("m0000")]
    assets += [reading(f"m{i:04}", f"m{i - 1:04}", f"m{i // 2:04}") for i in range(1, 5000)]
    graph = link(assets)[0]
    assert len(graph.order) == 5000
    assert graph.descendants(["m0000"]) >= {"m0001", "m4999"}
    knotted = [reading("m0000", "m0001"), *assets[1:]]
    assert len(circles_of(*knotted)) == 1
