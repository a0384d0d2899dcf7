"""Tables of other databases: `other.t` is one in the default schema of the database `other`."""

from __future__ import annotations

from core.test_graph import faults, model, sound, source

from sqlpipes.core.asset import Materialized
from sqlpipes.core.graph import link
from sqlpipes.core.sql.relation import Relation

DATABASES = {"": {"dev": "main", "Other": "main", "pg": "public"}}
HERE = {"default_catalog": "dev", "databases": DATABASES}


def test_an_asset_in_another_database_is_read_by_its_name_with_and_without_the_schema() -> None:
    far = model("w", relation=Relation("w", "main", "other"))
    for name in ("w", "other.w", "OTHER.w", "other.main.w"):
        reader = model("r", f"select * from {name}")
        assert sound(far, reader, **HERE).parents("r") == ("w",), name


def test_an_asset_in_another_schema_of_it_is_not_meant() -> None:
    far = model("w", relation=Relation("w", "raw", "other"))
    graph, problems = link([far, model("r", "select * from other.w")], **HERE)
    assert problems == ()
    assert graph.assets["other.w"].relation == Relation("w", "main", "other")


def test_the_own_database_may_be_named_as_well() -> None:
    near = model("w")
    for name in ("dev.w", "dev.main.w", "main.w"):
        assert sound(near, model("r", f"select * from {name}"), **HERE).parents("r") == ("w",)


def test_a_table_that_nobody_declared_is_one_node_however_it_is_spelt() -> None:
    for first, second in (("pg.t", "pg.public.t"), ("PG.public.T", "pg.t")):
        graph, _ = link([model("r", f"select * from {first}, {second} as again")], **HERE)
        assert graph.parents("r") == (first,)
        found = graph.assets[first].relation
        assert found is not None
        assert found.folded("duckdb") == ("pg", "public", "t")


def test_a_table_of_another_database_does_not_take_the_names_of_ours() -> None:
    reader = model("r", "select * from other.t, t as a, main.t as b, dev.main.t as c")
    graph, _ = link([reader], **HERE)
    assert graph.parents("r") == ("other.t", "t")
    ours = graph.assets["t"].relation
    assert ours == Relation("t", "main")


def test_a_declared_source_is_in_the_database_that_it_is_called_like() -> None:
    graph = sound(source("pg.t", "t", "pg"), model("r", "select * from pg.public.t"), **HERE)
    assert graph.parents("r") == ("pg.t",)
    assert graph.assets["pg.t"].relation == Relation("t", "public", "pg")


def test_a_source_without_such_a_database_is_in_its_schema() -> None:
    graph = sound(source("raw.t", "t", "raw"), model("r", "select * from raw.t"), **HERE)
    assert graph.assets["raw.t"].relation == Relation("t", "raw")


def test_a_schema_called_like_another_database_is_ambiguous() -> None:
    ours = model("w", schema="other")
    assert faults(ours, model("r", "select * from other.t"), **HERE)[:1] == [
        "models/r.sql:1:15: REF007 'other.t' is ambiguous: 'other' is a schema of the target's own "
        "database, and a database that is attached to it"
    ]
    _, problems = link([ours, model("r", "select * from other.w")], **HERE)
    assert [(problem.code, problem.hint) for problem in problems] == [
        (
            "REF007",
            "write dev.other.w or other.main.w, or give the attached database another name with "
            "`alias:`",
        )
    ]
    for clear in ("w", "dev.other.w"):
        assert sound(ours, model("r", f"select * from {clear}"), **HERE).parents("r") == ("w",)


def test_a_further_engine_has_databases_of_its_own() -> None:
    far = model("w", engine="duck", relation=Relation("w", "main", "crm"))
    reader = model("r", "select * from crm.w", engine="duck", materialized=Materialized.TABLE)
    here = {"homes": {"duck": ("main", "big")}, "databases": {"": {}, "duck": {"crm": "main"}}}
    assert sound(far, reader, **here).parents("r") == ("w",)
