"""A schema, an alias or a database that changes: rows that no rebuild may give back move along, and nothing
is written over."""

from __future__ import annotations

from pathlib import Path

import pytest
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
        return sqlpipes.build(sqlpipes.load(str(self.root), environ={}), Ask(**ask))  # type: ignore[arg-type]

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
