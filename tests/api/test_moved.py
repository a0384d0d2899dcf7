"""A schema, an alias or a database that changes: rows that no rebuild may give back move along, and nothing
is written over."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from notyet import only, unlike
from places import Place

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.api.build_report import Report
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.events import StepStarted
from sqlpipes.core.plan import Plan

SNAPSHOT = "materialized: snapshot\nunique_key: id\nstrategy: check\n"
MERGE = "materialized: incremental\nunique_key: id\n"
APPEND = "materialized: incremental\nstrategy: append\n"
NEW = " {% if is_incremental() %} where id not in (select id from {{ this }}) {% endif %}"
KEPT = {
    "snapshot": (SNAPSHOT, "select id, v from items", [(1, "A"), (1, "a"), (2, "b"), (3, "c")]),
    "merge": (MERGE, "select id, v from items", [(1, "A"), (2, "b"), (3, "c")]),
    "append": (APPEND, f"select id, v from items{NEW}", [(1, "a"), (2, "b"), (3, "c")]),
}
TO: list[dict[str, str]] = [
    {"schema": "two"},
    {"schema": "one", "alias": "k"},
    {"schema": "two", "alias": "k"},
]
FIRST, SECOND = "id,v\n1,a\n2,b\n", "id,v\n1,A\n3,c\n"


class Shop:
    def __init__(self, root: Path, place: Place) -> None:
        self.root, self.place = root, place
        place.prepare(root)
        (root / "models").mkdir()
        (root / "seeds").mkdir()
        (root / "sqlpipes.yml").write_text("name: shop\n")
        place.sql(root, *(f"drop schema if exists {s} cascade" for s in ("one", "two")), "select 1")
        self.seed(FIRST)

    def seed(self, text: str) -> None:
        (self.root / "seeds" / "items.csv").write_text(text)

    def write(self, name: str, settings: str, query: str, **places: str) -> None:
        said = "".join(f"{key}: {value}\n" for key, value in places.items())
        text = f"/*\n---\n{settings}{said}---\n*/\n{query}\n"
        (self.root / "models" / f"{name}.sql").write_text(text)

    def plan(self, **ask: object) -> Plan:
        return sqlpipes.plan(sqlpipes.load(str(self.root), environ={}), Ask(**ask))  # type: ignore[arg-type]

    def report(self, **ask: object) -> Report:
        project = sqlpipes.load(str(self.root), environ={})
        return sqlpipes.build(project, Ask(**ask), wait_s=60)  # type: ignore[arg-type]

    def build(self, **ask: object) -> Report:
        report = self.report(**ask)
        assert report.ok, [p for event in report.failed for p in event.problems]
        return report

    def refusal(self, **ask: object) -> list[Problem]:
        """What plan and build say alike, before anything runs."""
        events: list[object] = []
        project = sqlpipes.load(str(self.root), environ={})
        with pytest.raises(ProjectError) as built:
            sqlpipes.build(project, Ask(**ask), on_event=events.append)  # type: ignore[arg-type]
        assert not [event for event in events if isinstance(event, StepStarted)]
        with pytest.raises(ProjectError) as planned:
            self.plan(**ask)
        assert planned.value.problems == built.value.problems
        return list(built.value.problems)

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        return self.place.sql(self.root, sql)

    def places(self) -> set[str]:
        """Of tables below schemas other than those that are always there."""
        sql = (
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('one', 'two') and table_type = 'BASE TABLE'"
        )
        return {str(name) for (name,) in self.ask(sql)}


@pytest.fixture
def shop(tmp_path: Path, place: Place) -> Shop:
    return Shop(tmp_path, place)


def rows(shop: Shop, table: str) -> list[tuple[object, ...]]:
    return sorted(shop.ask(f"select id, v from {table}"))  # type: ignore[type-var]


# ------------------------------------------------------------------------------------ rows move along


@pytest.mark.long
@pytest.mark.parametrize(
    "to", [{"schema": "two"}, {"schema": "one", "alias": "k"}, {"schema": "two", "alias": "k"}]
)
@pytest.mark.parametrize("shape", KEPT)
def test_rows_that_are_kept_move_along(shape, to, shop):
    settings, query, then = KEPT[shape]
    shop.write("kept", settings, query, schema="one")
    shop.build()
    shop.seed(SECOND)
    shop.write("kept", settings, query, **to)
    new = f"{to['schema']}.{to.get('alias', 'kept')}"
    (step,) = [step for step in shop.plan().steps if step.asset == "kept"]
    assert [str(r) for r in step.reasons if "config" in r.why] == [
        f"config changed: relation: one.kept -> {new}, and its rows move along"
    ]
    assert not any("SQL" in reason.why for reason in step.reasons)
    report = shop.build()
    assert not [note for note in report.plan.notes if note.code == "MOV003"]
    assert rows(shop, new) == then
    assert shop.places() == {new}
    assert not shop.plan().steps


def test_what_names_are_in_between_stands_in_nobodys_way(shop):
    shop.write("kept", *KEPT["snapshot"][:2], schema="one")
    shop.build()
    shop.ask("create schema if not exists two")
    shop.ask("create table two.kept (x integer)")
    shop.write("kept", *KEPT["snapshot"][:2], schema="two", alias="k")
    shop.build()
    assert shop.places() == {"two.k", "two.kept"}
    assert shop.ask("select count(*) from two.kept") == [(0,)]


@unlike("ducklake", "a lake has no indexes")
def test_views_and_indexes_and_comments_are_there_afterwards(shop):
    dressed = (
        MERGE + "description: Kept.\npersist_docs: {relation: true}\nindexes: [{columns: [id]}]\n"
    )
    query = KEPT["merge"][1]
    shop.write("kept", dressed, query, schema="one")
    shop.write("seen", "", "select id from kept")
    shop.build()
    for place in ({"schema": "one", "alias": "k"}, {"schema": "two"}):
        shop.write("kept", dressed, query, **place)
        shop.build()
        assert shop.ask("select count(*) from main.seen") == [(2,)]
    index = "select tablename from pg_indexes where schemaname = 'two'"
    if shop.place.kind == "duckdb":
        index = "select table_name from duckdb_indexes() where schema_name = 'two'"
    assert shop.ask(index) == [("kept",)]


@pytest.mark.parametrize("shape", KEPT)
def test_a_full_refresh_begins_anew_and_leaves_the_old_table(shape, shop):
    settings, query, _ = KEPT[shape]
    shop.write("kept", settings, query, schema="one")
    shop.build()
    shop.seed(SECOND)
    shop.write("kept", settings, query, schema="two")
    (note,) = [n for n in shop.build(full_refresh=True).plan.notes if n.code == "MOV003"]
    assert (note.message, note.at and note.at.line) == (
        "'kept' is built anew as two.kept: one.kept stays where it is",
        settings.count("\n") + 3,
    )
    assert rows(shop, "two.kept") == [(1, "A"), (3, "c")]
    assert rows(shop, "one.kept") == [(1, "a"), (2, "b")]
    assert not shop.plan().notes


def test_with_another_key_merged_rows_are_written_anew_and_a_snapshot_is_refused(shop):
    for shape in ("merge", "snapshot"):
        settings, query, _ = KEPT[shape]
        shop.write(shape, settings, query, schema="one")
    shop.build()
    for shape in ("merge", "snapshot"):
        settings, query, _ = KEPT[shape]
        shop.write(shape, settings.replace("key: id", "key: [id, v]"), query, schema="two")
    assert [(p.code, "snapshot" in p.message) for p in shop.refusal()] == [("PLN004", True)]
    report = shop.build(select=("items", "merge"))
    assert [note.code for note in report.plan.notes] == ["MOV003"]
    assert shop.places() == {"one.merge", "one.snapshot", "two.merge"}


def test_tables_and_views_are_built_anew_and_all_of_them_are_told_at_once(shop):
    for number in range(7):
        shop.write(f"t{number}", "materialized: table\n", "select id from items", schema="one")
    shop.build()
    for number in range(7):
        shop.write(f"t{number}", "materialized: table\n", "select id from items", schema="two")
    (note,) = shop.build().plan.notes
    assert note.message == (
        "7 assets are built anew in other places: "
        "one.t0, one.t1, one.t2, one.t3, one.t4 and 2 more stay where they are"
    )
    assert len(shop.places()) == 14


# -------------------------------------------------------------------------------- what is in the way


@pytest.mark.parametrize("shape", KEPT)
def test_a_table_of_others_in_the_new_place_is_not_touched(shape, shop):
    settings, query, _ = KEPT[shape]
    shop.write("kept", settings, query, schema="one")
    shop.build()
    shop.ask("create schema if not exists two")
    shop.ask("create table two.kept (x integer)")
    shop.write("kept", settings, query, schema="two")
    (problem,) = shop.refusal()
    assert (problem.code, problem.at and problem.at.line) == ("MOV001", settings.count("\n") + 3)
    assert "from one.kept to two.kept: there is a table already" in problem.message
    assert shop.ask("select count(*) from two.kept") == [(0,)]
    assert len(rows(shop, "one.kept")) == 2


def test_nothing_is_written_over_rows_that_are_still_to_move(shop):
    shop.write("kept", *KEPT["snapshot"][:2], schema="one")
    shop.build()
    shop.write("kept", *KEPT["snapshot"][:2], schema="two")
    shop.write("other", "materialized: table\n", "select 1 as x", schema="one", alias="kept")
    for chosen in ((), ("other",)):
        (problem,) = shop.refusal(select=chosen) if chosen else shop.refusal()
        assert (problem.code, problem.hint) == (
            "MOV001",
            "they belong to two.kept now: build -s kept moves them there first",
        )
    shop.build(select=("kept",))
    shop.build()
    assert len(rows(shop, "two.kept")) == 2
    assert shop.ask("select x from one.kept") == [(1,)]


def test_two_that_change_places_are_refused_and_a_third_place_helps(shop):
    for name, sql in (
        ("a", "select id, v from items"),
        ("b", "select id + 10 as id, v from items"),
    ):
        shop.write(name, SNAPSHOT, sql, schema="one")
    shop.build()
    shop.write("a", SNAPSHOT, "select id, v from items", schema="one", alias="b")
    shop.write("b", SNAPSHOT, "select id + 10 as id, v from items", schema="one", alias="a")
    found = shop.refusal()
    assert [p.code for p in found] == ["MOV001", "MOV001"]
    assert "third place" in (found[0].hint or "")
    shop.write("b", SNAPSHOT, "select id + 10 as id, v from items", schema="one", alias="c")
    shop.build(select=("b",))
    shop.build(select=("a",))
    shop.write("b", SNAPSHOT, "select id + 10 as id, v from items", schema="one", alias="a")
    shop.build()
    assert rows(shop, "one.a") == [(11, "a"), (12, "b")]
    assert rows(shop, "one.b") == [(1, "a"), (2, "b")]


@only("duckdb", "names are the same in any case")
def test_a_place_that_is_only_spelt_otherwise_is_no_other(shop):
    shop.write("kept", *KEPT["snapshot"][:2], schema="one")
    shop.write("t", "materialized: table\n", "select id from items", schema="one")
    shop.build()
    shop.seed(SECOND)
    shop.write("kept", *KEPT["snapshot"][:2], schema="One")
    shop.write("t", "materialized: table\n", "select id from items", schema="ONE")
    assert not shop.build().plan.notes
    assert rows(shop, "one.kept") == KEPT["snapshot"][2]
    shop.write("kept", *KEPT["snapshot"][:2], schema="two")
    shop.write("t", "materialized: table\n", "select id from items", schema="one", alias="KEPT")
    assert [p.code for p in shop.refusal()] == ["MOV001"]


# ------------------------------------------------------------------------------------- what is cut off

DIES = """\
import os

from sqlpipes import check


@check(asset="kept")
def survives(kept):
    if os.path.exists("{mark}"):
        os._exit(9)
    return True
"""


def one_is_enough(shop: Shop, wanted: bool) -> None:
    if shop.place.url and not wanted:
        pytest.skip("a dead builder's lease takes seconds to end: once is enough")


def cut_off(shop: Shop, shape: str) -> Path:
    """A build that dies in its transaction, after the move; the state as it is then, kept aside."""
    mark = shop.root / "die"
    (shop.root / "models" / "checks.py").write_text(DIES.format(mark=mark))
    settings, query, _ = KEPT[shape]
    shop.write("kept", settings, query, schema="one")
    shop.build()
    shop.seed(SECOND)
    shop.write("kept", settings, query, schema="two")
    mark.touch()
    command = [sys.executable, "-m", "sqlpipes", "build", "--project-dir", str(shop.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stdout + done.stderr
    mark.unlink()
    assert shop.places() == {"one.kept"}
    return Path(shutil.copy(shop.root / ".sqlpipes" / "state.db", shop.root / "state.then"))


@pytest.mark.long
@pytest.mark.parametrize("shape", KEPT)
def test_a_build_that_was_killed_has_moved_nothing_and_the_next_one_moves_it(shape, shop):
    one_is_enough(shop, shape == "snapshot")
    cut_off(shop, shape)
    assert not [n for n in shop.build().plan.notes if n.code == "MOV003"]
    assert shop.places() == {"two.kept"}
    assert rows(shop, "two.kept") == KEPT[shape][2]
    assert not shop.plan().steps


def test_what_was_moved_and_never_recorded_is_gone_on_with_where_it_is(shop):
    one_is_enough(shop, False)
    then = cut_off(shop, "snapshot")
    shop.build()
    shutil.copy(then, shop.root / ".sqlpipes" / "state.db")
    shop.build()
    assert rows(shop, "two.kept") == KEPT["snapshot"][2]
    assert shop.places() == {"two.kept"}
    assert not shop.plan().steps


@pytest.mark.parametrize("shape", KEPT)
def test_a_table_that_was_moved_by_hand_is_gone_on_with(shape, shop):
    settings, query, then = KEPT[shape]
    shop.write("kept", settings, query, schema="one")
    shop.build()
    shop.ask("create schema if not exists two")
    shop.place.sql(
        shop.root,
        "create table two.kept as select * from one.kept",
        "drop table one.kept",
        "select 1",
    )
    shop.seed(SECOND)
    shop.write("kept", settings, query, schema="two")
    shop.build()
    assert rows(shop, "two.kept") == then
    assert not shop.plan().steps


def test_a_check_that_fails_leaves_the_rows_in_their_old_place(shop):
    settings, query, _ = KEPT["snapshot"]
    shop.write("kept", settings, query, schema="one")
    shop.build()
    shop.seed(SECOND)
    shop.write("kept", settings + "checks: [{expression: id < 3}]\n", query, schema="two")
    assert not shop.report().ok
    assert shop.places() == {"one.kept"}
    assert rows(shop, "one.kept") == [(1, "a"), (2, "b")]
    shop.write("kept", settings, query, schema="two")
    shop.build()
    assert rows(shop, "two.kept") == KEPT["snapshot"][2]
