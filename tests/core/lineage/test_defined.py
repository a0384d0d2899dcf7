"""What is kept of a query with each build, and what two of them say about a change."""

from __future__ import annotations

import json

import pytest

from sqlpipes.core.asset import Asset, Column, Kind, Materialized, SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.lineage import Basis, Defined, basis, bound, defined, trace
from sqlpipes.core.sql import analyse
from sqlpipes.core.sql.relation import Relation

BASE = "select 1 as id, 2 as amount, 'x' as email"


def linked(*, errors: bool = False, **queries: str) -> Graph:
    assets = []
    for name, sql in queries.items():
        at = Location(f"models/{name}.sql")
        facts = analyse(sql, "duckdb", at=at)
        body = SqlBody(sql, facts.references, files=facts.files, opaque=facts.opaque)
        kind, relation = Materialized.TABLE, Relation(name, "main")
        assets.append(Asset(name, Kind.SQL, kind, relation, body, "1.1", at, at.file))
    graph, problems = link(assets, ())
    assert errors or not [each for each in problems if each.is_error]
    return graph


def known(sql: str, base: str = BASE) -> Defined | None:
    graph = linked(base=base, it=sql)
    lineage, _ = trace(graph, {}, "duckdb", {})
    query = bound(graph, "it")
    return defined(query, "duckdb", {"base": lineage.columns("base")}) if query else None


@pytest.mark.parametrize(
    ("old", "new", "columns"),
    [
        ("select id, email from base", "select id, lower(email) as email from base", {"email", ""}),
        ("select id from base", "select id, email from base", {"email", ""}),
        ("select id, email from base", "select email, id from base", {""}),
        ("select id, email as e from base", "select id, email as f from base", {"e", "f", ""}),
        ("select id from base", "SELECT ID -- again\nFROM base AS b", set()),
        ("select id from base", "select id from base where id > 1", None),
        ("select id from base", "select distinct id from base", None),
        ("select first(email) as e from base", "select FIRST(email) as e from base", {"e"}),
    ],
)  # fmt: skip
def test_which_columns_an_edit_moves(old: str, new: str, columns: set[str] | None) -> None:
    one, other = known(old), known(new)
    assert one is not None
    assert other is not None
    assert other.moved_since(one) == columns


@pytest.mark.parametrize(
    "sql",
    [
        "select LOWER(email) as e, coalesce(id, 0) as i, count(*) over () as n from base",
        "select cast(id as decimal(10, 2)) as d, if(id > 1, 1, 2) as f, list_sort([id]) as l from base",
        "select sum(amount) filter (where id in (1, 2)) as s from base",
        "with x as (select id from base) select id, extract(year from date '2024-01-01') as y from x",
        "select b.id from base b join base using (id) where exists (select 1 from base c where c.id = b.id)",
        "select struct_pack(a := id) as s, array_length([id]) as n from base",
    ],
)  # fmt: skip
def test_usual_queries_are_understood(sql: str) -> None:
    assert known(sql) is not None


def test_a_star_is_what_its_table_has() -> None:
    one, other = known("select * from base"), known("select * from base", BASE + ", 4 as more")
    assert one is not None
    assert other is not None
    assert other.moved_since(one) == {"more", ""}


@pytest.mark.parametrize(
    "sql",
    [
        "select id from base limit 2",
        "select id, current_user as who from base",
        "select count(*) as n from duckdb_tables()",
        "select mode(id) as m from base",
        "select * from read_csv('x.csv')",
        "select id from base using sample 2",
        "select id from",
        "select my_macro(id) as id from base",
        "select s.my_macro(id) as id from base",
        'select "my macro"(id) as id from base',
        "select id from base, my_rows(3)",
        "select id from base where is_good(id)",
    ],
)
def test_nothing_is_told_of_what_may_differ_by_itself(sql: str) -> None:
    assert known(sql) is None


def test_it_is_kept_as_plain_json() -> None:
    found = known("select id, first(email) as e from base group by id")
    assert found is not None
    assert Defined.from_plain(json.loads(json.dumps(found.to_plain()))) == found
    assert Defined.from_plain(["0", *found.to_plain()[1:]]) is None
    assert Defined.from_plain(None) is None


def test_what_it_was_built_from_is_kept_as_plain_json_without_a_text_twice() -> None:
    graph = linked(base=BASE, it="select b.* from main.base b join base using (id)")
    columns = {name: (Column("id", "INTEGER"),) for name in ("base", "it")}
    found = basis(graph, "it", columns.get)
    assert found.queries["it"].tables == ((("base",), "base"), (("main", "base"), "base"))
    assert found.columns == columns
    texts = {"it": found.queries["it"].text}
    plain = json.dumps(found.to_plain("it", texts))
    assert texts["it"] not in plain
    assert Basis.from_plain(json.loads(plain), "it", texts) == found
    assert Basis.from_plain(found.to_plain("it", {}), "it", {}) == found
    renamed = Basis.from_plain(json.loads(plain), "other", {"other": texts["it"]})
    assert renamed.queries == {"other": found.queries["it"]}
    assert renamed.columns == {"base": columns["base"], "other": columns["it"]}


def test_columns_that_nobody_knows_are_left_out() -> None:
    graph = linked(base=BASE, it="select id from base")
    assert basis(graph, "it", lambda name: None).columns == {}


@pytest.mark.parametrize("sql", ["select * from 'x.csv'", "select id from", "select id from it"])
def test_a_query_that_is_not_understood_has_no_part_in_it(sql: str) -> None:
    graph = linked(base=BASE, it=sql, errors=True)
    assert basis(graph, "it", lambda name: None).queries == {}
