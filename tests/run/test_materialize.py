"""Steps -> statements: the texts, and what they do on a real DuckDB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from notyet import notyet, only, unlike
from run.building import (
    build,
    daily,
    days,
    graph_of,
    memory_engine,
    model,
    rows,
    run_sql,
    said,
    seed,
    source,
    step_of,
    tables,
    warehouse,
)

from sqlpipes.core.asset import SeedBody
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import Location
from sqlpipes.core.events import Event, StepFailed, StepFinished
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Grain, Partitioning, Partitions
from sqlpipes.core.sql import Relation
from sqlpipes.run.materialize import step_sql
from sqlpipes.run.statement import Purpose

RAW = (
    "create table raw as with recursive n(id) as (select 0 union all select id + 1 from n where id < 19) "
    "select id, date '2024-01-01' + (id % 5)::int as d from n"
)


@pytest.fixture
def engine(opened: Engine) -> Engine:
    run_sql(opened, RAW)
    return opened


def texts(
    engine: Engine, graph: Graph, name: str, slices: Partitions | None = None, *, full: bool = False
) -> list[list[str]]:
    step = step_of(graph, name, slices, full=full)
    found = step_sql(step, graph, warehouse(engine))
    return [[statement.sql for statement in part.statements] for part in found]


def failed(events: Iterable[Event]) -> StepFailed:
    return next(event for event in events if isinstance(event, StepFailed))


@unlike("spark", "the text of a statement")
@unlike("mariadb", "the text of a statement")
def test_the_text_runs_as_it_was_written(engine: Engine) -> None:
    graph = graph_of(model("a", "FROM raw\n  SELECT id ; -- the end\n", "view"))
    assert texts(engine, graph, "a") == [
        ['create or replace view "main"."a" as\nFROM raw\n  SELECT id']
    ]


@only("duckdb", "the text of a statement")
def test_names_are_replaced_only_where_they_would_not_reach(engine: Engine) -> None:
    graph = graph_of(
        model("a", "select 1 as x", schema="staging", alias="a_v2"),
        model("b", "select 1 as x"),
        model("c", "select a.x, b.x as y, z.x as w from a, b, staging.a as z, raw"),
    )
    assert texts(engine, graph, "c") == [
        [
            'create or replace table "main"."c" as\n'
            'select a.x, b.x as y, z.x as w from "staging"."a_v2" as a, b, "staging"."a_v2" as z, raw'
        ]
    ]
    assert said(build(engine, graph))[-1] == "runfinished success"
    assert len(rows(engine, "select * from c")) == 20


def test_a_schema_called_like_the_database_is_spelt_out(tmp_path: Path) -> None:
    from sqlpipes.core.config import Target
    from sqlpipes.engines import open_engine

    engine = open_engine(Target("dev", "duckdb", options={"path": "shop.duckdb"}), str(tmp_path))
    graph = graph_of(
        model("orders", "select 1 as x", schema="shop"),
        model("b", "select orders.x from shop.orders"),
    )
    assert said(build(engine, graph))[-1] == "runfinished success"
    assert rows(engine, "select * from b") == [(1,)]
    engine.close()


def test_an_asset_in_another_database(tmp_path: Path) -> None:
    engine = memory_engine(
        attach=[{"path": str(tmp_path / "x.duckdb"), "alias": "lake", "create": True}]
    )
    run_sql(engine, "create table lake.main.orders as select 7 as x")
    graph = graph_of(
        source("orders", Relation("orders", "main", "lake")),
        model("b", "select x from orders", "view"),
    )
    build(engine, graph)
    assert rows(engine, "select * from b") == [(7,)]
    engine.close()


def test_ephemeral_assets_are_inlined_however_they_end(engine: Engine) -> None:
    graph = graph_of(
        model("e", "-- first\nselect id, d from raw where id < 3; -- last", "ephemeral"),
        model("f", "select id + 1 as id from e /* bye */", "ephemeral"),
        model("t", "select f.id, g.id as other from f join f as g using (id)"),
    )
    build(engine, graph, "t")
    assert rows(engine, "select * from t order by 1") == [(1, 1), (2, 2), (3, 3)]


def test_a_reader_s_cte_does_not_capture_what_an_ephemeral_asset_reads(engine: Engine) -> None:
    graph = graph_of(
        source("raw", Relation("raw", "main")),
        model("e", "select count(*) as n from raw", "ephemeral"),
        model("t", "with raw as (select 1 as one) select n, one from e, raw"),
    )
    build(engine, graph, "t")
    assert rows(engine, "select * from t") == [(20, 1)]


@pytest.mark.parametrize("second", ["view", "table"])
@pytest.mark.parametrize("first", ["view", "table"])
def test_a_relation_changes_its_type_in_one_transaction(
    engine: Engine, first: str, second: str
) -> None:
    for kind, value in ((first, 1), (second, 2), (first, 3)):
        graph = graph_of(model("a", f"select {value} as x", kind))
        assert said(build(engine, graph))[-1] == "runfinished success"
        assert rows(engine, "select * from a") == [(value,)]


@only("duckdb", "the text of a statement")
def test_slices_are_guarded_deleted_and_written_by_name(engine: Engine) -> None:
    graph = graph_of(model("a", "select d, count(*) as n from raw group by d", partition=daily()))
    window = "\"d\" >= date '2024-01-01' and \"d\" < date '2024-01-03'"
    query = "select d, count(*) as n from raw group by d"
    audit = 'select * from "main"."a" where "d" is null limit 5'
    guarded = f'select * from (\n{query}\n) as "a" where ({window}) or "d" is null'
    assert texts(engine, graph, "a", days(0, 2)) == [
        [f'create or replace table "main"."a" as\n{guarded}', audit]
    ]
    build(engine, graph, slices={"a": days(0, 2)})
    assert texts(engine, graph, "a", days(0, 2)) == [
        [
            "-- columns are compared first (on_schema_change: fail)\n"
            f'select * from (\n{query}\n) as "a"',
            f'delete from "main"."a" where {window}',
            f'insert into "main"."a" by name\n{guarded}',
            audit,
        ]
    ]
    assert rows(engine, "select * from a order by d") == [
        (date(2024, 1, 1), 4),
        (date(2024, 1, 2), 4),
    ]
    run_sql(engine, "delete from raw where id < 10")
    build(engine, graph, slices={"a": days(1, 2) | days(3, 4)})
    assert rows(engine, "select * from a order by d") == [
        (date(2024, 1, 1), 4),
        (date(2024, 1, 2), 2),
        (date(2024, 1, 4), 2),
    ]


def test_batches_are_transactions_of_their_own_unless_all_is_written_anew(engine: Engine) -> None:
    graph = graph_of(model("a", "select d from raw", partition=daily(batch=2)))
    step = step_of(graph, "a", days(0, 5))
    parts = step_sql(step, graph, warehouse(engine))
    assert [(part.slices, part.fresh) for part in parts] == [
        (days(0, 2), True),
        (days(2, 4), False),
        (days(4, 5), False),
    ]
    anew = step_sql(step_of(graph, "a", days(0, 5), full=True), graph, warehouse(engine))
    assert [part.slices for part in anew] == [part.slices for part in parts]  # nobody reads it yet
    events = build(engine, graph, slices={"a": days(0, 5)})
    finished = [event for event in events if isinstance(event, StepFinished)]
    assert [(event.slices, event.rows, event.full) for event in finished] == [
        (days(0, 2), 8, True),
        (days(2, 4), 8, False),
        (days(4, 5), 4, False),
    ]
    assert len(rows(engine, "select * from a")) == 20
    anew = step_sql(step_of(graph, "a", days(0, 5), full=True), graph, warehouse(engine))
    assert [(part.slices, part.fresh) for part in anew] == [(days(0, 5), True)]
    build(engine, graph, slices={"a": days(0, 5)}, full=True)
    assert len(rows(engine, "select * from a")) == 20


def test_an_hour_s_window_on_a_date_column_loses_no_row(engine: Engine) -> None:
    hours = Partitioning("d", Grain.HOUR, Grain.HOUR.ordinal(datetime(2024, 1, 1)))
    graph = graph_of(model("a", "select d from raw", partition=hours))
    first = hours.start
    slices = Partitions.of(Grain.HOUR, [(first, first + 30)])
    build(engine, graph, slices={"a": slices})
    assert len(rows(engine, "select * from a")) == 8


@notyet("sqlite", "it has no instants: a time is a text, and is compared as it is written")
@unlike("spark", "a literal of instants")
@notyet("mariadb", "it has no literal of an instant: times are told in UTC")
def test_windows_of_an_instant_with_a_zone_are_in_utc(engine: Engine) -> None:
    run_sql(engine, "create table late as select timestamptz '2024-01-01 23:30:00-02' as d")
    graph = graph_of(model("a", "select d from late", partition=daily()))
    build(engine, graph, slices={"a": days(0, 1)})
    assert rows(engine, "select * from a") == []
    build(engine, graph, slices={"a": days(1, 2)})
    assert rows(engine, "select d::varchar from a") == [("2024-01-02 01:30:00+00",)]


def test_a_slice_with_a_new_column_says_what_to_do(engine: Engine) -> None:
    graph = graph_of(model("a", "select d from raw", partition=daily()))
    build(engine, graph, slices={"a": days(0, 5)})
    graph = graph_of(model("a", "select d, 1 as fresh from raw", partition=daily()))
    problem = failed(build(engine, graph, slices={"a": days(0, 2)})).problems[0]
    assert "the table has no column 'fresh'" in problem.message
    assert "--full-refresh writes the table anew" in str(problem.hint)
    build(engine, graph, slices={"a": days(0, 5)}, full=True)
    assert rows(engine, "select count(fresh) from a") == [(20,)]


def test_a_row_without_a_partition_value_is_an_error_and_nothing_is_published(
    engine: Engine,
) -> None:
    run_sql(engine, "create table a as select date '2024-01-01' as d, 0 as id")
    run_sql(engine, "insert into raw values (99, null)")
    graph = graph_of(model("a", "select d, id from raw", partition=daily()))
    problem = failed(build(engine, graph, slices={"a": days(0, 5)})).problems[0]
    assert problem.code == "BLD001"
    assert problem.message.endswith("(d=None, id=99)")
    assert rows(engine, "select id from a") == [(0,)]


PRUNED = "select d, id from raw where d >= '{start}' and d < '{end}'"


@unlike("spark", "the text of a statement")
@unlike("plain", "the text of a statement")
@unlike("mariadb", "the text of a statement")
def test_a_template_that_prunes_is_staged_window_by_window(engine: Engine) -> None:
    graph = graph_of(model("a", PRUNED, partition=daily(), template=True))
    parts = step_sql(step_of(graph, "a", days(0, 2) | days(3, 5)), graph, warehouse(engine))
    first, second = (statement.sql for statement in parts[0].statements[:2])
    assert "d >= '2024-01-01' and d < '2024-01-03'" in first
    assert "d >= '2024-01-04' and d < '2024-01-06'" in second


@notyet("sqlite", "a day is a text, also in messages")
def test_a_template_that_prunes_must_keep_to_its_window(engine: Engine) -> None:
    graph = graph_of(model("a", PRUNED, partition=daily(), template=True))
    build(engine, graph, slices={"a": days(0, 2) | days(3, 5)})
    assert len(rows(engine, "select * from a")) == 16
    late = "select d + 1 as d, id from raw where d >= '{start}' and d < '{end}'"
    graph = graph_of(model("a", late, partition=daily(), template=True))
    problem = failed(build(engine, graph, slices={"a": days(0, 2)})).problems[0]
    assert problem.code == "BLD002"
    assert "outside of 2024-01-01..2024-01-03" in problem.message
    assert "d=datetime.date(2024, 1, 3)" in problem.message
    assert len(rows(engine, "select * from a")) == 16


@unlike("spark", "varchar without a length")
def test_a_template_that_asks_for_the_key_is_rendered_slice_by_slice(engine: Engine) -> None:
    by_key = "select d, id, '{key}' as of_key from raw where d = '{key}'"
    graph = graph_of(model("a", by_key, partition=daily(), template=True))
    build(engine, graph, slices={"a": days(0, 3)})
    assert rows(engine, "select distinct d::varchar = of_key from a") == [(True,)]
    assert len(rows(engine, "select * from a")) == 12


@unlike("spark", "the test deletes rows of a table of Parquet")
def test_a_template_that_asks_only_when_incremental_still_counts_as_pruning(
    engine: Engine,
) -> None:
    text = "select d, id from raw where true --if-- and d >= '{start}' and d < '{end}'"
    graph = graph_of(model("a", text, partition=daily(), template=True))
    build(engine, graph, slices={"a": days(0, 5)})
    assert len(rows(engine, "select * from a")) == 20
    run_sql(engine, "delete from raw")
    build(engine, graph, slices={"a": days(0, 2)})
    assert len(rows(engine, "select * from a")) == 12


@unlike("spark", "the text of a statement")
@unlike("mariadb", "the text of a statement")
def test_a_template_that_does_not_ask_is_guarded(engine: Engine) -> None:
    graph = graph_of(
        model("a", "select d, '{this}' as me from raw", partition=daily(), template=True)
    )
    build(engine, graph, slices={"a": days(0, 2)})
    assert rows(engine, "select count(*), min(me) from a") == [(8, '"main"."a"')]


@unlike("spark", "the test updates a table of Parquet")
def test_merge_replaces_rows_of_the_same_key(engine: Engine) -> None:
    text = (
        "select id, d, 'old' as v from raw --if-- where id >= 18 union all select 99, null, 'new'"
    )
    graph = graph_of(model("a", text, "incremental", unique_key=["id"], template=True))
    build(engine, graph)
    assert rows(engine, "select count(*) from a") == [(20,)]
    run_sql(engine, "update raw set d = '2030-01-01' where id = 19")
    build(engine, graph)
    assert rows(engine, "select id, d from a where id > 18 order by id") == [
        (19, date(2030, 1, 1)),
        (99, None),
    ]
    assert rows(engine, "select count(*), count(distinct id) from a") == [(21, 21)]
    assert {name for name in tables(engine) if "sqlpipes" in name} == set()


@pytest.mark.parametrize(
    ("value", "code", "example"),
    [("19", "BLD003", "(id=19, rows_of_this_key=2)"), ("null", "BLD004", "(id=None)")],
)
def test_merge_refuses_double_and_missing_keys(
    engine: Engine, value: str, code: str, example: str
) -> None:
    text = f"select id from raw --if-- union all select {value}"
    graph = graph_of(model("a", text, "incremental", unique_key=["id"], template=True))
    build(engine, graph)
    problem = failed(build(engine, graph)).problems[0]
    assert problem.code == code
    if code == "BLD003":
        assert ("e.g. qualify" in (problem.hint or "")) == engine.can.qualifies
    assert problem.message.endswith(example)
    assert rows(engine, "select count(*) from a") == [(20,)]
    fresh = model("b", f"select id from raw union all select {value}", "incremental")
    graph = graph_of(model("b", fresh.body.text, "incremental", unique_key=["id"]))  # type: ignore[union-attr]
    assert failed(build(engine, graph)).problems[0].code == code


def test_seeds_are_typed_over_all_rows(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "it's [1].csv"
    path.write_text("id;code;day\n1;007;2024-01-01\n2;NA;\nx;5;2024-01-03\n")
    types = {"code": "VARCHAR", "day": "TIMESTAMP"}
    graph = graph_of(seed("s", str(path), types=types, delimiter=";", nulls=("NA",)))
    assert said(build(engine, graph))[-1] == "runfinished success"
    assert rows(engine, "select * from s") == [
        ("1", "007", datetime(2024, 1, 1)),
        ("2", None, None),
        ("x", "5", datetime(2024, 1, 3)),
    ]


@unlike("spark", "rows without an order")
def test_a_seed_is_the_file_itself_and_all_of_its_lines(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "st*r[1].csv").write_text("a,b\n1,x\n#2,y\n\n3,z\n")
    (tmp_path / "star1.csv").write_text("a,b\n9,other\n")
    graph = graph_of(seed("s", str(tmp_path / "st*r[1].csv"), delimiter=","))
    build(engine, graph)
    assert rows(engine, "select * from s") == [("1", "x"), ("#2", "y"), ("3", "z")]


def test_a_seed_s_value_of_another_type_is_placed_in_its_file(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "seeds").mkdir()
    path = tmp_path / "seeds" / "s"
    path.write_text("a,b\n1,2\n3,lots\n")
    found = seed("s", str(path))
    graph = graph_of(replace(found, body=SeedBody(str(path), "csv", {"b": "integer"}, ",")))
    problem = failed(build(engine, graph, root=str(tmp_path))).problems[0]
    assert (problem.at, problem.others) == (Location("seeds/s", 3, 3, 4), ())


@only("duckdb", "no other server reads our files")
def test_a_value_in_a_file_that_a_query_reads_is_placed_in_the_file(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text("a\nlots\n")
    text = f"select * from read_csv('{tmp_path}/x.csv', types={{'a': 'int'}}, header=true)"
    problem = failed(build(engine, graph_of(model("m", text)), root=str(tmp_path))).problems[0]
    assert (str(problem.at), [o.file for o in problem.others]) == ("x.csv:2:1", ["models/m.sql"])


@notyet("sqlite", "it keeps numbers as numbers, not with their digits")
@unlike("spark", "varchar without a length")
def test_seeds_of_other_formats(engine: Engine, tmp_path: Path) -> None:
    duckdb.execute(f"copy (select 1 as a, 'x' as b) to '{tmp_path}/p.parquet'")
    (tmp_path / "j.json").write_text('[{"a": 1, "b": "x"}]')
    for name in ("p.parquet", "j.json"):
        graph = graph_of(seed("s", str(tmp_path / name), types={"a": "DECIMAL(5,2)"}))
        build(engine, graph)
        assert rows(engine, "select a::varchar, b from s") == [("1.00", "x")]


@unlike("spark", "varchar without a length")
@notyet("spark", "what a hook before a step did stays when the step fails")
@notyet("plain", "what a hook before a step did stays when the step fails")
@notyet("mariadb", "what a hook before a step did stays when the step fails")
def test_hooks_stand_around_the_write_in_the_transaction(engine: Engine) -> None:
    run_sql(engine, "create table log (said varchar)")
    hooks: dict[str, Any] = {
        "before": ("insert into log values ('before')",),
        "after": ("insert into log select 'after ' || count(*) from a",),
    }
    graph = graph_of(model("a", "select 1 as x", **hooks))
    build(engine, graph)
    assert rows(engine, "select * from log") == [("before",), ("after 1",)]
    build(engine, graph_of(model("a", "select nonsense", **hooks)))
    assert len(rows(engine, "select * from log")) == 2


@pytest.mark.parametrize("kind", ["view", "table", "incremental"])
def test_empty_builds_have_columns_and_no_rows(engine: Engine, kind: str) -> None:
    graph = graph_of(model("a", "select id, d from raw -- all", kind, unique_key=["id"]))
    build(engine, graph, empty=True)
    assert rows(engine, "select * from a") == []
    build(engine, graph, empty=True)
    build(engine, graph)
    assert len(rows(engine, "select d from a")) == 20


def test_empty_slices(engine: Engine) -> None:
    for template in (False, True):
        text = "select d from raw where d >= '{start}'" if template else "select d from raw"
        graph = graph_of(model("a", text, partition=daily(), template=template))
        for _ in range(2):
            build(engine, graph, slices={"a": days(0, 5)}, empty=True)
            assert rows(engine, "select * from a") == []
        run_sql(engine, "drop table a")


@notyet("spark", "catalogs of Hive take names of letters, digits and _ only")
def test_hostile_names_are_quoted(engine: Engine) -> None:
    bad = 'x"; drop table raw; --'
    graph = graph_of(
        model("a", f'select 1 as "{bad.replace(chr(34), chr(34) * 2)}"', alias=bad, schema=bad),
        model("b", "select a.* from a"),
        model("c", "select * from b", "incremental", unique_key=[bad]),
    )
    assert said(build(engine, graph))[-1] == "runfinished success"
    assert said(build(engine, graph))[-1] == "runfinished success"
    assert rows(engine, "select * from c") == [(1,)]
    assert rows(engine, "select count(*) from raw") == [(20,)]


@only("duckdb", "its own SQL")
def test_statements_of_shapes_that_sql_tools_write(engine: Engine) -> None:
    for text in (
        "from raw",
        "pivot raw on id in (1, 2) using count(*) group by d",
        "from (describe raw)",
        "values (1, date '2024-01-01')",
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) select * from t",
    ):
        graph = graph_of(model("a", text))
        assert said(build(engine, graph))[-1] == "runfinished success", text
    graph = graph_of(
        model("a", "pivot raw on id in (1, 2) using count(*) group by d", partition=daily())
    )
    assert said(build(engine, graph, slices={"a": days(0, 3)}, full=True))[-1].endswith("success")
    assert len(rows(engine, "select * from a")) == 3


@pytest.mark.parametrize("kind", ["view", "table", "slices", "ephemeral reader"])
def test_an_error_is_placed_in_the_user_s_file(engine: Engine, kind: str) -> None:
    text = "select a.x, d,\n       wrong\nfrom raw, staging.a"
    graph = graph_of(
        model("a", "select 1 as x", schema="staging", alias="renamed"),
        model("e", "select 1 as one", "ephemeral"),
        model(
            "b",
            text + (", e" if kind.startswith("e") else ""),
            "view" if kind == "view" else "table",
            partition=daily() if kind == "slices" else None,
            line=7,
        ),
    )
    slices = {"b": days(0, 2)} if kind == "slices" else {}
    problem = failed(build(engine, graph, slices=slices)).problems[0]
    assert problem.code == "ENG004"
    assert problem.at is not None
    assert (problem.at.file, problem.at.line, problem.at.column) == ("models/b.sql", 8, 8)


def test_an_error_behind_a_replaced_name_keeps_its_column(engine: Engine) -> None:
    text = "select * from a join a as other on other.x = nonsense(a.x)"
    graph = graph_of(
        model("a", "select 1 as x", schema="staging", alias="a_much_longer_name"),
        model("b", text),
    )
    problem = failed(build(engine, graph)).problems[0]
    assert problem.at is not None
    assert problem.at == Location("models/b.sql", 1, text.index("nonsense") + 1, problem.at.length)


def test_an_error_in_a_template_is_placed_where_it_was_written(engine: Engine) -> None:
    from dataclasses import replace

    from sqlpipes.core.asset import SqlBody
    from sqlpipes.core.config import Target
    from sqlpipes.read.jinja import load_macros, make_template

    text = (
        "select d,\n{% for i in range(9) %}\n  {{ i }} as c{{ i }},\n{% endfor %}\n"
        "  {{ 'longer than it looks' | length }} + wrong as w\nfrom raw\n"
        "where d >= '{{ partition.start }}' and d < '{{ partition.end }}'"
    )
    template = make_template(
        text,
        file="models/b.sql",
        first_line=5,
        dialect="duckdb",
        vars={},
        environ={},
        macros=load_macros([]),
        target=Target("dev", "duckdb"),
    )
    body = SqlBody(text, model("x", "from raw").body.references, 5, template)  # type: ignore[union-attr]
    graph = graph_of(replace(model("b", "from raw", partition=daily()), body=body))
    problem = failed(build(engine, graph, slices={"b": days(0, 2)})).problems[0]
    assert problem.at is not None
    line = text.split("\n")[4]
    assert (problem.at.file, problem.at.line) == ("models/b.sql", 9)
    assert problem.at.column == line.index("wrong") + 1


@unlike("spark", "the text of a statement")
@unlike("plain", "the order of statements")
@unlike("mariadb", "the order of statements")
def test_purposes_say_what_a_result_means(engine: Engine) -> None:
    graph = graph_of(model("a", "select d from raw", partition=daily(), before=("select 1",)))
    (part,) = step_sql(step_of(graph, "a", days(0, 1)), graph, warehouse(engine))
    assert [s.purpose for s in part.statements] == [Purpose.HOOK, Purpose.WRITE, Purpose.AUDIT]


@pytest.mark.parametrize("hook", ["commit", "update raw set id = 1; COMMIT ;", "begin transaction"])
def test_a_hook_may_not_end_the_transaction(engine: Engine, hook: str) -> None:
    run_sql(engine, "create table a as select 'old' as id")
    problem = failed(build(engine, graph_of(model("a", "select 1 as id", after=(hook,))))).problems[
        0
    ]
    assert problem.code == "BLD011"
    assert rows(engine, "select * from a") == [("old",)]
    fine = "insert into raw select 1, null where 'commit' <> 'end' -- commit"
    assert said(build(engine, graph_of(model("a", "select 1 as id", before=(fine,)))))[-1] == (
        "runfinished success"
    )
