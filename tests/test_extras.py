"""Comments, rights and indexes beside the rows, from the files to the warehouse and away again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from notyet import notyet, only, unlike
from places import Place

import sqlpipes
from sqlpipes.api import Ask, look
from sqlpipes.api.build_report import Report
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.events import StepFinished, StepStarted

COMMENTS = {
    "postgres": "select obj_description('main.{0}'::regclass, 'pg_class')",
    "duckdb": "select comment from duckdb_tables() where table_name = '{0}' union all "
    "select comment from duckdb_views() where view_name = '{0}'",
}
COLUMNS = {
    "postgres": "select attname, col_description(attrelid, attnum) from pg_attribute "
    "where attrelid = 'main.{0}'::regclass and attnum > 0 order by attnum",
    "duckdb": "select column_name, comment from duckdb_columns() where table_name = '{0}'",
}
INDEXES = {
    "postgres": "select count(*), bool_or(indisunique) from pg_index "
    "where indrelid = 'main.{0}'::regclass",
    "duckdb": "select count(*), bool_or(is_unique) from duckdb_indexes() where table_name = '{0}'",
}


class Shop:
    def __init__(self, root: Path, place: Place) -> None:
        self.root, self.place = root, place
        place.prepare(root)
        (root / "models").mkdir()
        (root / "sqlpipes.yml").write_text("name: shop\n")

    def write(self, name: str, query: str, *settings: str) -> None:
        head = "\n".join(settings)
        text = f"/*\n---\n{head}\n---\n*/\n{query}\n"
        (self.root / "models" / f"{name}.sql").write_text(text)

    def report(self, **ask: object) -> Report:
        project = sqlpipes.load(str(self.root), environ={})
        return sqlpipes.build(project, Ask(**ask))  # type: ignore[arg-type]

    def build(self, **ask: object) -> dict[str, str]:
        """asset -> what was done to it."""
        report = self.report(**ask)
        assert report.ok, [p for event in report.failed for p in event.problems]
        done = [event for event in report.events if isinstance(event, StepFinished)]
        assert not sqlpipes.plan(sqlpipes.load(str(self.root), environ={})).steps
        return {event.asset: event.action for event in done}

    def problem(self) -> Problem:
        return self.report().failed[0].problems[0]

    def refusal(self) -> list[Problem]:
        """What is told before anything runs."""
        events: list[object] = []
        project = sqlpipes.load(str(self.root), environ={})
        with pytest.raises(ProjectError) as caught:
            sqlpipes.build(project, on_event=events.append)
        assert not [event for event in events if isinstance(event, StepStarted)]
        return list(caught.value.problems)

    def ask(self, said: dict[str, str], name: str = "a") -> list[tuple[object, ...]]:
        return self.place.sql(
            self.root,
            said["duckdb" if self.place.kind == "ducklake" else self.place.kind].format(name),
        )

    def rights(self, name: str = "a") -> set[tuple[object, ...]]:
        sql = (
            "select lower(privilege_type), pg_get_userbyid(grantee) from pg_class, "
            f"aclexplode(relacl) as acl where oid = 'main.{name}'::regclass and grantee <> relowner"
        )
        return set(self.place.sql(self.root, sql))


@pytest.fixture
def shop(tmp_path: Path, place: Place) -> Shop:
    return Shop(tmp_path, place)


DOCS = "persist_docs: {relation: true, columns: true}"
TABLE = "materialized: table"


@notyet("ducklake", "columns of a view have no comments", kind="view")
@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_description_is_a_comment_and_a_new_one_writes_no_row(shop: Shop, kind: str) -> None:
    said = (f"materialized: {kind}", DOCS)
    shop.write("a", "select 1 as x, -- it's one\n 2 as y", "description: 'it''s mine'", *said)
    assert shop.build() == {"a": f"create {kind}"}
    assert shop.ask(COMMENTS) == [("it's mine",)]
    assert shop.ask(COLUMNS) == [("x", "it's one"), ("y", None)]
    columns = "columns: {y: two, nowhere: lost}"
    shop.write("a", "select 1 as x, -- it's one\n 2 as y", "description: ours", columns, *said)
    assert shop.build() == {"a": "set extras"}
    assert shop.ask(COMMENTS) == [("ours",)]
    assert shop.ask(COLUMNS) == [("x", "it's one"), ("y", "two")]
    shop.write("a", "select 1 as x, -- it's one\n 2 as y", *said)
    assert shop.build() == {"a": "set extras"}
    assert shop.ask(COMMENTS) == [(None,)]
    assert shop.ask(COLUMNS) == [("x", "it's one"), ("y", None)]
    assert shop.build() == {}
    assert shop.build(force=True) == {"a": f"create {kind}"}
    assert shop.ask(COLUMNS) == [("x", "it's one"), ("y", None)]


@notyet("ducklake", "columns of a view have no comments")
def test_only_what_is_asked_for_is_written(shop: Shop) -> None:
    shop.write("a", "select 1 as x -- one", "description: mine", "persist_docs: {columns: true}")
    shop.write("b", "select 1 as x -- one", "description: mine")
    shop.build()
    assert shop.ask(COMMENTS) == [(None,)]
    assert shop.ask(COLUMNS) == [("x", "one")]
    assert shop.ask(COLUMNS, "b") == [("x", None)]
    shop.write("b", "select 1 as x -- two", "description: yours")
    assert shop.build() == {}


def test_checks_that_are_due_run_beside_the_comments(shop: Shop) -> None:
    shop.write("a", "select 1 as x", "description: mine", DOCS)
    shop.build()
    shop.write("a", "select 1 as x", "description: ours", "checks: [{not_null: x}]", DOCS)
    planned = sqlpipes.plan(sqlpipes.load(str(shop.root), environ={})).steps[0]
    assert [str(reason) for reason in planned.reasons] == [
        "extras changed: comments",
        "checks changed: not all were run so far",
    ]
    report = shop.report()
    assert [result.check for result in report.checks] == ["a.not_null.x"]
    assert shop.ask(COMMENTS) == [("ours",)]
    assert shop.build() == {}


def test_a_check_that_fails_leaves_the_old_comment(shop: Shop) -> None:
    shop.write("a", "select 1 as x", "description: mine", DOCS)
    shop.build()
    check = "checks: [{accepted_values: {column: x, values: [2]}}]"
    shop.write("a", "select 1 as x", "description: ours", check, DOCS)
    assert not shop.report().ok
    assert shop.ask(COMMENTS) == [("mine",)]


@unlike("ducklake", "a lake has no indexes")
def test_an_index_is_made_kept_changed_and_dropped(shop: Shop) -> None:
    index = "indexes: [{columns: [x, y], unique: true, type: btree}]"
    shop.write("a", "select 1 as x, 2 as y", TABLE, index)
    shop.build()
    assert shop.ask(INDEXES) == [(1, True)]
    shop.write("a", "select 2 as x, 2 as y", TABLE, index)
    assert shop.build() == {"a": "create table"}
    assert shop.ask(INDEXES) == [(1, True)]
    shop.write("a", "select 2 as x, 2 as y", TABLE, "indexes: [y, {columns: x}]")
    assert shop.build() == {"a": "set extras"}
    assert shop.ask(INDEXES) == [(2, False)]
    shop.write("a", "select 3 as x, 2 as y", TABLE)
    assert shop.build() == {"a": "create table"}
    assert shop.ask(INDEXES)[0][0] == 0


@unlike("ducklake", "a lake has no indexes")
def test_rows_are_merged_and_sliced_under_a_unique_index(shop: Shop) -> None:
    """The same key is deleted and inserted in one transaction."""
    shop.place.sql(
        shop.root, "create table raw.t as select 1 as k, date '2024-01-01' as d, 'a' as v"
    )
    merged = "{materialized: incremental, unique_key: k, indexes: [{columns: k, unique: true}]}"
    (shop.root / "models" / "m.sql").write_text(
        f"/*\n---\n{merged}\n---\n*/\nselect k, v from raw.t\n"
    )
    sliced = "partition: {by: day, column: d, start: 2024-01-01, end: 2024-01-03}"
    unique = "indexes: [{columns: [k, d], unique: true}]"
    shop.write("s", "select k, d, v from raw.t", sliced, unique)
    shop.build()
    shop.place.sql(
        shop.root,
        "update raw.t set v = 'b'",
        "insert into raw.t values (2, date '2024-01-02', 'c')",
    )
    shop.build(force=True)
    for name in ("m", "s"):
        found = shop.place.sql(shop.root, f"select k, v from main.{name} order by k")
        assert found == [(1, "b"), (2, "c")]
        assert shop.ask(INDEXES, name) == [(1, True)]


@unlike("ducklake", "a lake has no indexes")
def test_an_index_that_the_rows_break_publishes_nothing(shop: Shop) -> None:
    shop.write("a", "select 1 as x", TABLE)
    shop.build()
    index = "indexes: [{columns: [x], unique: true}]"
    shop.write("a", "select 2 as x union all select 2", TABLE, index)
    assert shop.problem().code == "ENG005"
    assert shop.place.sql(shop.root, "select x from main.a") == [(1,)]


@pytest.mark.parametrize(
    "where", ["x > 0; drop table merged", "x > 0)", "(x > 0", "x = 'a", "-- nothing"]
)
def test_where_of_an_index_is_one_expression(shop: Shop, where: str) -> None:
    shop.write("a", "select 1 as x", TABLE, "indexes:", f'- {{columns: x, where: "{where}"}}')
    (found,) = sqlpipes.load(str(shop.root), environ={}).errors
    assert (found.code, str(found.at)) == ("CFG002", "models/a.sql:5:23")


@unlike("ducklake", "a lake has no indexes")
def test_indexes_that_cannot_be_are_refused(shop: Shop) -> None:
    shop.write("a", "select 1 as x", "indexes: [{columns: x, type: gni}]", TABLE)
    (found,) = shop.refusal()
    assert (found.code, str(found.at)) == ("ENG041", "models/a.sql:3:11")
    shop.write("a", "select 1 as x", "indexes: [x]")
    assert "is a view" in shop.refusal()[0].message


@unlike("ducklake", "a lake has no indexes")
def test_a_column_that_an_index_lacks_is_told_at_the_index(shop: Shop) -> None:
    query = "select 1 as order_id, 2 as b from (values (1)) as t(x)"
    shop.write("a", query, TABLE, "indexes: [{columns: [b, orderid]}, x]")
    found = shop.report().failed[0].problems
    assert [(p.code, str(p.at)) for p in found] == [
        ("ENG041", "models/a.sql:4:25"),
        ("ENG041", "models/a.sql:4:36"),
    ]
    assert [p.hint for p in found] == ["did you mean 'order_id'?", "it has order_id, b"]
    assert [p for p in look.lint(sqlpipes.load(str(shop.root), environ={})) if p.is_error] == [
        *found
    ]


@unlike("ducklake", "a lake has no indexes")
def test_an_index_on_columns_that_nobody_describes(shop: Shop) -> None:
    query = "select 1 as a, 2 as b  -- the second\nfrom (values (1)) as t(x)"
    shop.write("m", query, TABLE, "indexes: [a, b]", DOCS)
    shop.write(
        "n", "select a, b from m", TABLE, "columns: {b: told}", "indexes: [{columns: [a, b]}]"
    )
    shop.build()
    assert (shop.ask(INDEXES, "m")[0][0], shop.ask(INDEXES, "n")[0][0]) == (2, 1)


@unlike("ducklake", "a lake has no indexes")
def test_two_indexes_on_long_names_have_names_of_their_own(shop: Shop) -> None:
    columns = ["c" * 62 + last for last in "ab"]
    listed = ", ".join(f"1 as {name}" for name in columns)
    name = "t" * 63
    shop.write(name, f"select {listed}", TABLE, f"indexes: {columns}")
    shop.build()
    assert shop.ask(INDEXES, name)[0][0] == 2
    assert shop.build(force=True) == {name: "create table"}
    assert shop.ask(INDEXES, name)[0][0] == 2


@pytest.fixture
def roles(shop: Shop) -> Callable[..., None]:
    def create(*names: str) -> None:
        for name in names:
            shop.place.sql(
                shop.root,
                f'do $$ begin create role "{name}"; exception when duplicate_object then null; '
                "end $$",
            )

    return create


@only("postgres", "DuckDB has no roles")
def test_rights_are_given_and_taken_where_the_asset_speaks_of_them(
    shop: Shop, roles: Callable[..., None]
) -> None:
    roles("analyst", "Viewer", "loader")
    shop.write("a", "select 1 as x", TABLE, "grants: {select: [analyst, viewer]}")
    shop.build()
    assert shop.rights() == {("select", "analyst"), ("select", "Viewer")}
    shop.place.sql(
        shop.root, "grant insert on main.a to loader", "grant select on main.a to loader"
    )
    shop.write("a", "select 1 as x", TABLE, "grants: {select: Viewer, update: [public]}")
    assert shop.build() == {"a": "set extras"}
    assert shop.rights() == {
        ("select", "Viewer"),
        ("insert", "loader"),
        ("update", "unknown (OID=0)"),
    }
    shop.write("a", "select 1 as x, 2 as y", TABLE, "grants: {select: [], update: []}")
    assert shop.build() == {"a": "create table"}
    assert shop.rights() == {("insert", "loader")}


@only("postgres", "DuckDB has no roles")
def test_rights_of_folders_add_up_where_a_plus_says_so(
    shop: Shop, roles: Callable[..., None]
) -> None:
    roles("analyst", "bi")
    (shop.root / "sqlpipes.yml").write_text(
        "name: shop\ndefaults:\n  models:\n    +grants: {select: [analyst], insert: [analyst]}\n"
    )
    shop.write("a", "select 1 as x", "grants: {+select: [bi], insert: bi}")
    shop.write("b", "select 1 as x")
    shop.build()
    assert shop.rights() == {("select", "analyst"), ("select", "bi"), ("insert", "bi")}
    assert shop.rights("b") == {("select", "analyst"), ("insert", "analyst")}


@only("postgres", "DuckDB has no roles")
def test_a_role_that_is_not_there_is_told_at_its_place(
    shop: Shop, roles: Callable[..., None]
) -> None:
    roles("analyst")
    shop.write("a", "select 1 as x", "grants: {select: [public, analist]}")
    shop.write("b", "select 1 as x", TABLE, "grants: {selct: [analyst], select: []}")
    shop.write("c", "select 1 as x", TABLE, "grants: {inset: []}")
    found = shop.refusal()
    assert [(p.code, str(p.at), p.hint) for p in found] == [
        ("ENG044", "models/b.sql:4:10", "did you mean 'select'?"),
        ("ENG044", "models/c.sql:4:10", "did you mean 'insert'?"),
        ("ENG040", "models/a.sql:3:27", "did you mean 'analyst'?"),
    ]


@only("postgres", "DuckDB has no roles")
def test_a_role_that_a_hook_makes_may_be_given_rights(shop: Shop) -> None:
    shop.place.sql(shop.root, "drop role if exists made_by_hook")
    hook = "before: ['create role made_by_hook']"
    shop.write("a", "select 1 as x", TABLE, hook, "grants: {select: [made_by_hook]}")
    shop.build()
    assert shop.rights() == {("select", "made_by_hook")}
    shop.write(
        "b", "select 1 as x", TABLE, "before: ['-- no group at all']", "grants: {select: [nil]}"
    )
    found = shop.problem()
    assert (found.code, str(found.at)) == ("ENG040", "models/b.sql:5:19")
    shop.place.sql(shop.root, "drop owned by made_by_hook", "drop role made_by_hook")


@only("postgres", "DuckDB has no roles")
def test_what_somebody_changed_by_hand_is_seen_when_it_is_built(
    shop: Shop, roles: Callable[..., None]
) -> None:
    """The page says which of it lives on, and when the asset's own comes back."""
    roles("analyst", "loader")
    asked = (TABLE, "description: ours", DOCS, "grants: {select: [analyst]}", "indexes: [x]")
    shop.write("a", "select 1 as x, 2 as y", *asked)
    shop.build()
    index = shop.place.sql(
        shop.root,
        "select indexrelid::regclass::text from pg_index where indrelid = 'main.a'::regclass",
    )[0][0]
    shop.place.sql(
        shop.root,
        "comment on table main.a is 'theirs'",
        "revoke select on main.a from analyst",
        "grant select, insert on main.a to loader",
        f"drop index {index}",
        "create index by_hand on main.a (y)",
    )
    assert shop.build() == {}  # nothing of ours has changed
    assert shop.ask(COMMENTS) == [("theirs",)]
    assert shop.build(force=True) == {"a": "create table"}
    assert shop.ask(COMMENTS) == [("ours",)]
    assert shop.rights() == {("select", "analyst"), ("insert", "loader")}
    names = "select indexrelid::regclass::text from pg_index where indrelid = 'main.a'::regclass"
    assert {name for (name,) in shop.place.sql(shop.root, names)} == {index, "by_hand"}


@only("duckdb", "about an engine without roles")
def test_rights_are_left_out_with_a_word_where_there_are_no_roles(shop: Shop) -> None:
    shop.write("a", "select 1 as x", "grants: {select: [bi]}")
    plans = []
    project = sqlpipes.load(str(shop.root), environ={})
    assert sqlpipes.build(project, on_plan=plans.append).ok
    assert [note.code for note in plans[0].notes] == ["ENG042"]


@unlike("ducklake", "a lake has no indexes")
def test_python_assets_and_seeds_have_them_too(shop: Shop) -> None:
    (shop.root / "seeds").mkdir()
    (shop.root / "seeds" / "s.csv").write_text("x\n1\n")
    (shop.root / "models" / "p.py").write_text(
        "from sqlpipes import asset\n\n@asset\ndef p():\n    'Told by its function.'\n"
        "    return [{'x': 1}]\n"
    )
    (shop.root / "models" / "all.yml").write_text(
        f"models:\n  - {{name: p, {DOCS}, indexes: [x]}}\n"
        f"seeds:\n  - {{name: s, description: told here, {DOCS}, indexes: [x]}}\n"
    )
    shop.build()
    assert shop.ask(COMMENTS, "p") == [("Told by its function.",)]
    assert shop.ask(COMMENTS, "s") == [("told here",)]
    assert shop.ask(INDEXES, "p")[0][0] == shop.ask(INDEXES, "s")[0][0] == 1


def test_what_is_written_wrongly_is_told_at_its_place(shop: Shop) -> None:
    shop.write(
        "a",
        "select 1 as x",
        "persist_docs: {relations: true, columns: maybe}",
        'grants: {"drop;": [x]}',
        "indexes: [{column: x}, {columns: [x]}, {columns: [x]}]",
    )
    found = sqlpipes.load(str(shop.root), environ={}).problems
    assert {(p.code, p.at and p.at.line) for p in found} == {
        ("CFG001", 3),
        ("CFG002", 3),
        ("CFG002", 4),
        ("CFG001", 5),
        ("CFG002", 5),
        ("CFG003", 5),
    }


@unlike("ducklake", "a lake has no indexes")
def test_columns_change_under_an_index(shop: Shop) -> None:
    key = "{materialized: incremental, unique_key: k, on_schema_change: sync, indexes: [k, v]}"
    path = shop.root / "models" / "m.sql"
    path.write_text(f"/*\n---\n{key}\n---\n*/\nselect 1 as k, 2 as v, 3 as gone\n")
    shop.build()
    path.write_text(f"/*\n---\n{key}\n---\n*/\nselect 1 as k, 2.5 as v, 4 as new\n")
    shop.build()
    found = shop.place.sql(shop.root, "select k, v, new from main.m")
    assert [tuple(map(float, row)) for row in found] == [(1, 2.5, 4)]
    assert shop.ask(INDEXES, "m")[0][0] == 2
