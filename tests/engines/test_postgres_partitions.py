"""Tables that Postgres itself cuts along the slices of their asset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from places import Place
from servers.postgres import empty_postgres

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.core.errors import Problem
from sqlpipes.core.events import StepFinished


class Shop:
    def __init__(self, root: Path, url: str) -> None:
        self.root, self.place = root, Place("postgres", url)
        self.place.prepare(root)
        (root / "models").mkdir()
        (root / "sqlpipes.yml").write_text("name: shop\n")

    def write(self, query: str, *settings: str) -> None:
        head = "\n".join(("materialized: table", *settings))
        (self.root / "models" / "a.sql").write_text(f"/*\n---\n{head}\n---\n*/\n{query}\n")

    def report(self, **ask: Any) -> Any:
        project = sqlpipes.load(str(self.root), environ={})
        assert not [p for p in project.problems if p.is_error], project.problems
        return sqlpipes.build(project, Ask(**ask))

    def build(self, **ask: Any) -> dict[str, str]:
        report = self.report(**ask)
        assert report.ok, [p for event in report.failed for p in event.problems]
        done = [event for event in report.events if isinstance(event, StepFinished)]
        return {event.asset: str(event.slices) for event in done if event.asset == "a"}

    def problem(self, **ask: Any) -> Problem:
        found: Problem = self.report(**ask).failed[0].problems[0]
        return found

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        return self.place.sql(self.root, *statements)

    def parts(self) -> list[tuple[Any, ...]]:
        """(bounds, rows) of each partition."""
        found = self.sql(
            "select c.oid::regclass::text, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i "
            "join pg_class c on c.oid = i.inhrelid where i.inhparent = 'main.a'::regclass order by 2"
        )
        return [(bound, self.sql(f"select count(*) from {name}")[0][0]) for name, bound in found]


@pytest.fixture
def shop(tmp_path: Path, postgres_database: str) -> Shop:
    empty_postgres(postgres_database)
    found = Shop(tmp_path, postgres_database)
    found.sql(
        "create table raw.t (d date, v integer)",
        "insert into raw.t values ('2024-01-01', 1), ('2024-01-02', 2), ('2024-01-02', 3)",
    )
    return found


NATIVE = "native_partitions: true"


def daily(end: int) -> str:
    return f"partition: {{by: day, column: d, start: 2024-01-01, end: 2024-01-0{end}}}"


def bounds(day: int) -> str:
    return f"FOR VALUES FROM ('2024-01-0{day}') TO ('2024-01-0{day + 1}')"


def test_each_slice_has_a_partition_and_new_ones_are_attached(shop: Shop) -> None:
    shop.write("select * from raw.t", daily(3), NATIVE, "indexes: [v]")
    shop.build()
    assert shop.parts() == [(bounds(1), 1), (bounds(2), 2)]
    shop.sql(
        "create view main.stranger as select * from main.a", "grant select on main.a to public"
    )
    oid = shop.sql("select 'main.a'::regclass::oid")
    shop.sql("insert into raw.t values ('2024-01-03', 4), ('2024-01-02', 9)")
    shop.write("select * from raw.t", daily(4), NATIVE, "indexes: [v]")
    shop.build()
    assert [rows for _, rows in shop.parts()] == [1, 3, 1]
    assert shop.sql("select 'main.a'::regclass::oid") == oid
    assert shop.sql("select sum(v) from main.stranger") == [(19,)]
    assert shop.sql(
        "select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid "
        "join pg_inherits p on p.inhrelid = c.oid"
    ) == [(3,)]
    shop.build(full_refresh=True)
    assert [rows for _, rows in shop.parts()] == [1, 3, 1]
    assert shop.sql("select 'main.a'::regclass::oid") == oid


def test_a_plain_table_becomes_one_and_back_as_the_plan_says(shop: Shop) -> None:
    shop.write("select * from raw.t", daily(3))
    shop.build()
    shop.write("select * from raw.t", daily(3), NATIVE)
    step = sqlpipes.plan(sqlpipes.load(str(shop.root), environ={})).steps[-1]
    assert "native_partitions: none -> true" in str(step.reasons[0])
    found = shop.problem(partitions="2024-01-01")
    assert (found.code, found.at and found.at.file) == ("ENG045", "models/a.sql")
    shop.build()
    assert [rows for _, rows in shop.parts()] == [1, 2]
    shop.write("select * from raw.t", daily(3))
    found = shop.problem(partitions="2024-01-01")
    assert (found.code, found.at and found.at.file) == ("ENG045", "models/a.sql")
    assert "still partitioned" in found.message
    shop.build()
    assert shop.parts() == []
    shop.build(force=True, partitions="2024-01-01")
    assert shop.sql("select count(*) from main.a") == [(3,)]


def test_columns_that_change_make_it_anew(shop: Shop) -> None:
    shop.write("select * from raw.t", daily(3), NATIVE, "indexes: [v]")
    shop.build()
    shop.write("select d, v, 'x' as t from raw.t", daily(3), NATIVE, "indexes: [v]")
    shop.build()
    assert [rows for _, rows in shop.parts()] == [1, 2]
    assert shop.sql("select distinct t from main.a") == [("x",)]


@pytest.mark.parametrize(
    ("cut", "query", "found"),
    [
        (
            "{by: month, column: d, start: 2024-01-01, end: 2024-03-01}",
            "select cast(d as timestamp) as d from raw.t",
            [
                "FROM ('2024-01-01 00:00:00') TO ('2024-02-01 00:00:00')",
                "FROM ('2024-02-01 00:00:00') TO ('2024-03-01 00:00:00')",
            ],
        ),
        (
            "{by: day, column: d, start: 2024-01-01, end: 2024-01-02, timezone: Europe/Berlin}",
            "select timestamptz '2024-01-01 10:00+00' as d",
            ["FROM ('2023-12-31 23:00:00+00') TO ('2024-01-01 23:00:00+00')"],
        ),
        ('{column: c, values: ["it\'s", b]}', "select 'it''s' as c", ["IN ('b')", "IN ('it''s')"]),
    ],
)
def test_partitions_of_every_axis(shop: Shop, cut: str, query: str, found: list[str]) -> None:
    shop.write(query, f"partition: {cut}", NATIVE)
    shop.build()
    assert [bound.removeprefix("FOR VALUES ") for bound, _ in shop.parts()] == found


def test_readers_do_not_wait_for_a_new_partition(shop: Shop) -> None:
    shop.write("select * from raw.t", daily(3), NATIVE)
    shop.build()
    plain = shop.place.url.replace("+psycopg", "")
    with psycopg.connect(plain) as reader:
        assert reader.execute("select count(*) from main.a").fetchone() == (3,)
        shop.sql("insert into raw.t values ('2024-01-03', 4), ('2024-01-02', 9)")
        shop.write("select * from raw.t", daily(4), NATIVE)
        shop.build()  # while the reader's transaction is open
        assert reader.execute("select count(*) from main.a").fetchone() == (5,)


def test_what_cannot_be_is_told(shop: Shop) -> None:
    shop.write("select * from raw.t", NATIVE)
    found = sqlpipes.load(str(shop.root), environ={}).problems
    assert [(p.code, p.at and p.at.line) for p in found if p.is_error] == [("PAR003", 4)]
