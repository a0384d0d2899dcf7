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

    def write_function(self, end: int, options: str = "", more: str = "", batch: str = "") -> None:
        """A function that returns the rows of `raw.t` in its window, with their digest as it is asked."""
        (self.root / "models" / "a.sql").unlink(missing_ok=True)
        cut = f"Daily('d', start='2024-01-01', end='2024-01-0{end}'{batch})"
        text = (
            f"from sqlpipes import Daily, asset\n\n@asset(partition={cut}{options})\n"
            "def a(context):\n    w = context.partition\n"
            f"    return context.sql('select *{more} from raw.t')"
            ".filter(f\"d >= '{w.start}' and d < '{w.end}'\")\n"
        )
        (self.root / "models" / "a.py").write_text(text)

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


# ------------------------------------------------------------------------- what functions return

CUT = ", native_partitions=True"


@pytest.mark.parametrize("batch", ["", ", batch=1"])
def test_rows_of_a_function_go_to_the_partitions_of_their_slices(shop: Shop, batch: str) -> None:
    shop.write_function(3, CUT, batch=batch)
    shop.build()
    assert shop.parts() == [(bounds(1), 1), (bounds(2), 2)]
    oid = shop.sql("select 'main.a'::regclass::oid")
    shop.sql("insert into raw.t values ('2024-01-03', 4), ('2024-01-04', 5), ('2024-01-02', 9)")
    shop.write_function(5, CUT, batch=batch)
    shop.build(missing=True)  # appended
    assert [rows for _, rows in shop.parts()] == [1, 2, 1, 1]
    shop.build(partitions="2024-01-02", force=True)  # replaced
    assert [rows for _, rows in shop.parts()] == [1, 3, 1, 1]
    shop.build(full_refresh=True)
    assert [rows for _, rows in shop.parts()] == [1, 3, 1, 1]
    assert shop.sql("select 'main.a'::regclass::oid") == oid


def test_a_partition_that_somebody_dropped_comes_back(shop: Shop) -> None:
    shop.write_function(3, CUT)
    shop.build()
    second = shop.sql("select inhrelid::regclass::text from pg_inherits order by inhrelid")[1][0]
    shop.sql(f"drop table {second}")
    assert [rows for _, rows in shop.parts()] == [1]
    shop.build(partitions="2024-01-02", force=True)
    assert [rows for _, rows in shop.parts()] == [1, 2]


def test_a_function_turns_to_partitions_and_back_as_a_whole_only(shop: Shop) -> None:
    shop.write_function(3)
    shop.build()
    shop.write_function(3, CUT)
    step = sqlpipes.plan(sqlpipes.load(str(shop.root), environ={})).steps[-1]
    assert "native_partitions: none -> true" in str(step.reasons[0])
    found = shop.problem(partitions="2024-01-01")
    assert (found.code, found.at and found.at.file) == ("ENG045", "models/a.py")
    shop.build()
    assert [rows for _, rows in shop.parts()] == [1, 2]
    shop.write_function(3)
    found = shop.problem(partitions="2024-01-01")
    assert found.code == "ENG045"
    assert "still partitioned" in found.message
    shop.build()
    assert shop.parts() == []


def test_columns_of_a_function_that_change_stay_in_the_partitions(shop: Shop) -> None:
    shop.write_function(3, f"{CUT}, on_schema_change='add'")
    shop.build()
    shop.sql("alter table raw.t add column t text default 'x'")
    shop.build(force=True, partitions="2024-01-01")
    assert shop.sql("select d::text, t from main.a order by 1, v") == [
        ("2024-01-01", "x"),
        ("2024-01-02", None),
        ("2024-01-02", None),
    ]
    shop.write_function(3, CUT, more=", 1 as one")
    shop.build(full_refresh=True)
    assert [rows for _, rows in shop.parts()] == [1, 2]
    assert shop.sql("select distinct t, one from main.a") == [("x", 1)]


def test_tables_of_one_function_have_partitions_too(shop: Shop) -> None:
    (shop.root / "models" / "a.py").write_text(
        "from sqlpipes import Values, assets\n\n"
        "@assets(outs=['a', 'b'], partition=Values('c', ['x', 'y']), native_partitions=True)\n"
        "def both(context):\n"
        "    rows = [{'c': context.partition.keys['c'], 'v': 1}]\n"
        "    return {'a': rows, 'b': rows * 2}\n"
    )
    shop.build()
    assert shop.parts() == [("FOR VALUES IN ('x')", 1), ("FOR VALUES IN ('y')", 1)]
    assert shop.sql("select count(*), count(distinct tableoid) from main.b") == [(4, 2)]


def test_values_of_a_function_have_partitions_too(shop: Shop) -> None:
    (shop.root / "models" / "a.py").write_text(
        "from sqlpipes import Values, asset\n\n"
        "@asset(partition=Values('c', [\"it's\", 'b']), native_partitions=True)\n"
        "def a(context):\n"
        "    return [{'c': context.partition.keys['c'], 'v': 1}]\n"
    )
    shop.build()
    assert shop.parts() == [("FOR VALUES IN ('b')", 1), ("FOR VALUES IN ('it''s')", 1)]
    text = (shop.root / "models" / "a.py").read_text().replace("context.partition.keys['c']", "'z'")
    (shop.root / "models" / "a.py").write_text(text)
    found = shop.problem()
    assert found.code == "BLD002"
    assert (found.hint or "").endswith("see context.partition.keys['c']")


def test_a_function_that_cannot_be_cut_is_told_at_its_option(shop: Shop) -> None:
    (shop.root / "models" / "a.py").write_text(
        "from sqlpipes import asset\n\n@asset(native_partitions=True)\ndef a():\n    return [{'x': 1}]\n"
    )
    found = [p for p in sqlpipes.load(str(shop.root), environ={}).problems if p.is_error]
    assert [(p.code, p.at and (p.at.line, p.at.column)) for p in found] == [("PAR003", (3, 8))]
