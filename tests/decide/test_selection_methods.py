"""Every selection method on one small shop, and what each refuses."""

from __future__ import annotations

from typing import Any

import pytest
from decide.graphs import asset, check, graph

from sqlpipes.core.asset import Kind, Materialized, SourceBody, SqlBody
from sqlpipes.core.errors import Location, Problem, ProjectError, Severity
from sqlpipes.core.graph import Graph
from sqlpipes.decide.selection import NO_FACTS, Selection, SelectionFacts, select
from sqlpipes.decide.selection.grammar import Term
from sqlpipes.decide.selection.labels import asset_names, check_names
from sqlpipes.decide.selection.methods import answer
from sqlpipes.decide.selection.universe import Matched, make_universe

STAGING, MARTS = "models/staging", "models/marts/core"
SINGULAR = check(
    "no_orphans",
    "orders",
    "sql",
    "stg_orders",
    body=SqlBody("x"),
    at=Location("tests/no_orphans.sql"),
)


def shop() -> Graph:
    return graph(
        [
            asset("countries", Kind.SEED, "seeds", settings={"column_types": {"id": "int"}}),
            asset("web.clicks", Kind.SOURCE, STAGING, path=f"{STAGING}/web.yml"),
            asset("web.visits", Kind.SOURCE, STAGING, path=f"{STAGING}/web.yml"),
            asset("raw_x", Kind.SOURCE, body=SourceBody(implicit=True), fqn=("source", "raw_x")),
            asset("stg_orders", folder=STAGING, tags=("nightly",), group="core"),
            asset(
                "orders",
                folder=MARTS,
                materialized=Materialized.TABLE,
                tags=("finance", "nightly"),
                owners=("Finance@acme.com", "team:money"),
                meta={"tier": 1},
                settings={"meta": {"pii": True, "tier": 1}, "tags": ["finance", "nightly"]},
            ),
            asset(
                "score",
                Kind.PYTHON,
                MARTS,
                kinds=("ml", "report"),
                settings={"enabled": True, "cluster": ["a", "b"], "deep": {"er": {"x": 2.5}}},
            ),
            asset(
                "dates",
                path="dbt_packages/cal/models/dates.sql",
                fqn=("cal", "dates"),
                materialized=Materialized.EPHEMERAL,
            ),
        ],
        {"orders": "stg_orders web.clicks", "score": "orders"},
        [
            check(
                "orders.not_null.id", "orders", tags=("slow",), at=Location(f"{MARTS}/orders.sql")
            ),
            check("stg_orders.unique.id", "stg_orders", "unique", severity=Severity.WARNING),
            SINGULAR,
        ],
    )


def names(expression: str, facts: SelectionFacts = NO_FACTS, **more: Any) -> str:
    return " ".join(select(shop(), [expression], facts=facts, **more).assets)


def named_checks(expression: str, facts: SelectionFacts = NO_FACTS) -> str:
    return " ".join(select(shop(), [expression], facts=facts, indirect="empty").checks)


def fault(expression: str, facts: SelectionFacts = NO_FACTS) -> Problem:
    with pytest.raises(ProjectError) as raised:
        select(shop(), [expression], facts=facts)
    (problem,) = raised.value.problems
    return problem


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("orders", "orders"),
        ("shop.marts.core.orders", "orders"),
        ("marts.core.orders", "orders"),
        ("marts.core", "orders score"),
        ("marts", "orders score"),
        ("shop.marts", "orders score"),
        ("cal", "dates"),
        ("marts.*", "orders score"),
        ("marts.*.orders", "orders"),
        ("*.core.*", "orders score"),
        ("fqn:*orders", "stg_orders orders"),
        ("s*", "stg_orders score"),
        ("sh*.m*.*", "orders score"),
        ("[os]*r?*s", "stg_orders orders"),
        ("web.clicks", "web.clicks"),
        ("web.*", "web.clicks web.visits"),
        ("source:web", "web.clicks web.visits"),
        ("source:web.clicks", "web.clicks"),
        ("source:shop.web.cl*", "web.clicks"),
        ("source:*", "web.clicks web.visits raw_x"),
        ("source:raw_x", "raw_x"),
        ("tag:nightly", "stg_orders orders"),
        ("tag:fin*", "orders"),
        ("path:models/marts", "orders score"),
        ("./models/marts/", "orders score"),
        ("path:models", "web.clicks web.visits raw_x stg_orders orders score"),
        ("path:.", "countries web.clicks web.visits raw_x stg_orders orders score dates"),
        ("models/*/*.sql", "stg_orders"),
        ("models/**/*.sql", "stg_orders orders"),
        ("models/*/core", "orders score"),
        ("dbt_packages/**/models/**/dates.sql", "dates"),
        ("models\\staging\\stg_orders.sql", "stg_orders"),
        ("path:**/*.csv", "countries"),
        ("file:orders.sql", "orders"),
        ("file:orders", "orders"),
        ("score.py", "score"),
        ("web.yml", "web.clicks web.visits"),
        ("file:*.csv", "countries"),
        ("resource_type:model", "stg_orders orders score dates"),
        ("resource_type:seed", "countries"),
        ("resource_type:source", "web.clicks web.visits raw_x"),
        ("kind:python", "score"),
        ("kind:ml", "score"),
        ("kind:rep*", "score"),
        ("kind:s[qe]*", "countries stg_orders orders dates"),
        ("package:cal", "dates"),
        ("package:this,kind:sql", "stg_orders orders"),
        ("package:this,raw_x", "raw_x"),
        ("group:core", "stg_orders"),
        ("owner:finance@acme.com", "orders"),
        ("owner:*@ACME.com", "orders"),
        ("owner:team:money", "orders"),
        ("config.materialized:ephemeral", "dates"),
        ("config.materialized:table", "countries orders"),
        ("config.enabled:TRUE,score", "score"),
        ("config.meta.pii:true", "orders"),
        ("config.meta.tier:1", "orders"),
        ("config.meta:pii", "orders"),
        ("config.cluster:b", "score"),
        ("config.deep.er.x:2.5", "score"),
        ("config.tags:nightly", "stg_orders orders"),
        ("config.column_types.id:int", "countries"),
        ("config.schema:main,orders", "orders"),
    ],
)
def test_assets_by_method(expression: str, expected: str) -> None:
    assert names(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("orders.not_null.id", "orders.not_null.id"),
        ("orders.not_null", "orders.not_null.id"),
        ("*.unique.*", "stg_orders.unique.id"),
        ("no_*", "no_orphans"),
        ("orders", ""),
        ("orders*", ""),
        ("*", "orders.not_null.id stg_orders.unique.id no_orphans"),
        ("test_name:not_null", "orders.not_null.id"),
        ("test_name:*u*", "orders.not_null.id stg_orders.unique.id"),
        ("test_type:generic", "orders.not_null.id stg_orders.unique.id"),
        ("test_type:singular", "no_orphans"),
        ("test_type:data", "orders.not_null.id stg_orders.unique.id no_orphans"),
        ("resource_type:test", "orders.not_null.id stg_orders.unique.id no_orphans"),
        ("resource_type:check", "orders.not_null.id stg_orders.unique.id no_orphans"),
        ("tag:slow", "orders.not_null.id"),
        ("config.severity:warning", "stg_orders.unique.id"),
        ("config.severity:warn", "stg_orders.unique.id"),
        ("path:tests", "no_orphans"),
        ("no_orphans.sql", "no_orphans"),
        ("models/marts", ""),
    ],
)
def test_checks_by_method(expression: str, expected: str) -> None:
    assert named_checks(expression) == expected


def test_a_folder_is_a_path_only_with_a_separator() -> None:
    assert fault("tests").hint == "did you mean 'path:tests'?"


def test_package_by_the_projects_own_name() -> None:
    facts = SelectionFacts(project="cal")
    assert names("package:this", facts) == "raw_x dates"
    assert names("package:shop,kind:seed", facts) == "countries"


def test_results_of_the_last_run() -> None:
    facts = SelectionFacts(
        results={
            "orders": "error",
            "score": "skipped",
            "stg_orders": "success",
            "no_orphans": "fail",
            "orders.not_null.id": "success",
            "stg_orders.unique.id": "warn",
            "gone": "error",
        }
    )
    assert names("result:error+", facts) == "orders score"
    assert names("result:error result:skipped", facts) == "orders score"
    assert names("1+result:fail", facts) == "stg_orders orders"
    assert names("result:success", facts) == "stg_orders"
    assert named_checks("result:success", facts) == "orders.not_null.id"
    assert named_checks("result:pass", facts) == "orders.not_null.id"
    assert named_checks("result:fail result:warn", facts) == "stg_orders.unique.id no_orphans"
    assert names("result:cancelled", facts) == ""


def test_state_against_another_version() -> None:
    facts = SelectionFacts(
        modified={
            "orders": frozenset({"body", "relation"}),
            "score": frozenset({"new"}),
            "stg_orders": frozenset({"configs"}),
            "web.clicks": frozenset(),
            "no_orphans": frozenset({"new"}),
        }
    )
    assert names("state:modified", facts) == "stg_orders orders score"
    assert names("state:new", facts) == "score"
    assert names("state:modified.body", facts) == "orders"
    assert names("state:modified.configs+1", facts) == "stg_orders orders"
    assert names("state:modified.macros", facts) == ""
    assert names("state:unmodified", facts) == "countries web.clicks web.visits raw_x dates"
    assert names("state:old,kind:sql", facts) == "stg_orders orders dates"
    assert named_checks("state:new", facts) == "no_orphans"


def test_what_is_stale_and_fresher() -> None:
    facts = SelectionFacts(
        stale=frozenset({"orders", "score", "gone"}), fresher_sources=frozenset({"web.clicks"})
    )
    assert names("stale:", facts) == "orders score"
    assert names("stale:sc*", facts) == "score"
    assert names("+stale:,resource_type:source", facts) == "web.clicks"
    assert names("source_status:fresher+", facts) == "web.clicks orders score"


def test_readers_of_a_column() -> None:
    asked: list[tuple[str, str]] = []

    def readers(name: str, column: str) -> frozenset[str]:
        asked.append((name, column))
        return frozenset({"score", "gone"})

    def columns(name: str) -> tuple[str, ...] | None:
        return {"orders": ("id", "Amount")}.get(name)

    facts = SelectionFacts(column_readers=readers, columns=columns)
    assert names("column:orders.amount+", facts) == "orders score"
    assert names("column:orders.amount", facts) == "orders"
    assert names("column:web.clicks.at+", facts) == "web.clicks score"
    assert asked == [("orders", "Amount"), ("web.clicks", "at")]
    wrong = fault("column:orders.amuont+", facts)
    assert (wrong.code, wrong.hint) == ("SEL001", "did you mean 'Amount'?")
    assert fault("column:ordes.amount+", facts).hint == "did you mean 'orders'?"
    for text in ("column:orders", "+column:orders.id", "column:orders.id+2", "@column:orders.id"):
        assert fault(text, facts).code == "SEL003"


def test_values_outside_a_methods_words() -> None:
    facts = SelectionFacts(results={}, modified={}, fresher_sources=frozenset())
    assert fault("result:eror", facts).hint == "did you mean 'error'?"
    assert fault("state:modifed", facts).hint == "did you mean 'modified'?"
    assert fault("state:modified.bodi", facts).hint == "did you mean 'modified.body'?"
    assert fault("source_status:x", facts).hint == "known: fresher"


@pytest.mark.parametrize(
    ("expression", "code", "hint"),
    [
        ("tga:x", "SEL002", "did you mean 'tag'?"),
        ("resource-type:model", "SEL002", "did you mean 'resource_type'?"),
        (
            "access:public",
            "SEL002",
            "assets have no access levels; `group:` and `owner:` are known",
        ),
        ("config:table", "SEL003", "such as 'config.materialized:table'"),
        ("tag.x:y", "SEL003", "write 'tag:y'"),
        ("source:clicks", "SEL001", None),
        ("package:shp", "SEL001", "did you mean 'package:shop'?"),
        ("owner:finance", "SEL001", None),
    ],
)
def test_refused(expression: str, code: str, hint: str | None) -> None:
    problem = fault(expression)
    assert problem.code == code
    assert hint is None or problem.hint == hint


@pytest.mark.parametrize(
    "method",
    ["access", "version", "metric", "semantic_model", "saved_query", "function"],
)
def test_dbts_other_methods_say_that_they_are_not_known_here(method: str) -> None:
    problem = fault(f"+{method}:x")
    assert problem.code == "SEL002"
    assert "not known here" in problem.message
    assert problem.hint


def test_odd_names() -> None:
    odd = graph(["a[b", "x y", "c,d", "é", "e+f"])
    assert select(odd, ["a[b"]).assets == ("a[b",)
    assert select(odd, ['"x y" "c,d" é "e+f"']).assets == ("x y", "c,d", "é", "e+f")
    assert select(odd, ["x?y"]).assets == ("x y",)
    assert select(graph([]), []) == Selection()


def test_a_plain_name_matches_as_its_labels_say() -> None:
    """The short way that plain names take, against the labels that globs and hints look at."""
    universe = make_universe(shop(), NO_FACTS)
    labels = {label for a in universe.assets for label in asset_names(universe, a, "")} | {
        label for c in universe.checks for label in check_names(universe, c, "")
    }
    for value in {*labels, *(label[:-1] for label in labels)} - {""}:
        found = answer(universe, Term("fqn", value, value, Location("--select")))
        assert found == Matched(
            frozenset(a.name for a in universe.assets if value in asset_names(universe, a, "")),
            frozenset(c.name for c in universe.checks if value in check_names(universe, c, "")),
        )
