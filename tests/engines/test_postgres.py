"""A real Postgres as an engine: statements, rows in and out, what is told of faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from servers.postgres import empty_postgres

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection, Engine, Form, RelationType
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import Relation
from sqlpipes.engines import open_engine

X = Relation("x", "main")


@pytest.fixture
def url(postgres_database: str) -> str:
    empty_postgres(postgres_database)
    return postgres_database


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    with closing(
        open_engine(Target("pg", "postgres", "main", options={"url": url}), ".")
    ) as opened:
        opened.create_schemas(["main"])
        yield opened


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with closing(engine.connect()) as found:
        yield found


def fault(connection: Connection, sql: str) -> Problem:
    with pytest.raises(EngineError) as caught:
        connection.execute(sql)
    return caught.value.problems[0]


# ------------------------------------------------------------------------------------ statements


def test_counts_are_told_of_what_writes(connection: Connection) -> None:
    assert connection.execute("create table x as select 1 as a union all select 2") == 2
    assert connection.execute("insert into x values (3)") == 1
    assert connection.execute("update x set a = a + 1 where a > 1") == 2
    assert connection.execute("delete from x") == 3
    assert connection.execute("create view v as select * from x") is None
    assert connection.execute("insert into x values (1); insert into x values (2), (3)") == 2


def test_a_percent_sign_is_a_percent_sign(connection: Connection) -> None:
    assert connection.fetch("select 7 % 4 as a, 'x%s' as b").rows == ((3, "x%s"),)


def test_types_are_the_same_of_a_query_and_of_its_table(connection: Connection) -> None:
    sql = (
        "select 1 as i, 1::bigint as b, 1.50::numeric(10,2) as n, 1.5::numeric as m, 'x' as t, "
        "'x'::varchar(5) as v, now() as tz, now()::timestamp(3) as ts, '{}'::jsonb as j, "
        "array[1, 2] as l, null as nothing"
    )
    connection.execute(f"create table x as {sql}")
    assert connection.describe(sql) == connection.columns(X)
    assert dict(connection.describe(sql))["v"] == "character varying(5)"
    assert connection.columns(Relation("nothing", "main")) is None


def test_a_domain_is_what_it_is_made_of(connection: Connection) -> None:
    connection.execute("create domain price as numeric(10,2); create table x (p price)")
    assert (
        connection.columns(X) == connection.describe("select * from x") == (("p", "numeric(10,2)"),)
    )


def test_describing_runs_nothing(connection: Connection) -> None:
    assert connection.describe("select 1 / 0 as a, error('no') as b")[0] == ("a", "integer")


def test_a_limit_brings_only_so_many_rows(connection: Connection) -> None:
    began = time.monotonic()
    found = connection.fetch("select n from generate_series(1, 10000000) as t(n)", limit=3)
    assert found.rows == ((1,), (2,), (3,))
    assert time.monotonic() - began < 20
    with connection.transaction():
        assert len(connection.fetch("values (1), (2)", limit=1)) == 1
    assert connection.fetch("show server_version_num", limit=5).columns == ("server_version_num",)


def test_relations_of_all_kinds(engine: Engine, connection: Connection) -> None:
    connection.execute(
        "create table x (a int); create view v as select * from x; "
        "create materialized view m as select * from x; create temp table hidden (a int); "
        "create table p (d date) partition by range (d)"
    )
    assert engine.relations() == {
        X: RelationType.TABLE,
        Relation("v", "main"): RelationType.VIEW,
        Relation("m", "main"): RelationType.VIEW,
        Relation("p", "main"): RelationType.TABLE,
    }
    assert engine.all_columns()[X] == (("a", "integer"),)


def test_a_role_that_may_not_make_schemas_may_use_those_that_are_there(url: str) -> None:
    with closing(open_engine(Target("a", "postgres", "main", options={"url": url}), ".")) as admin:
        admin.create_schemas(["main"])
        with closing(admin.connect()) as connection:
            connection.execute("drop role if exists plain; create role plain")
            connection.execute("grant usage on schema main to plain")
        options: dict[str, Any] = {"url": url, "role": "plain"}
        with closing(open_engine(Target("b", "postgres", "main", options=options), ".")) as engine:
            engine.create_schemas(["main"])
            with pytest.raises(EngineError, match="ENG066"):
                engine.create_schemas(["other"])
        with closing(admin.connect()) as connection:
            connection.execute("revoke usage on schema main from plain; drop role plain")


# ---------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("sql", "code", "place"),
    [
        ("select a\nfrom nowhere", "ENG004", (2, 6)),
        ("selec 1", "ENG004", (1, 1)),
        ("select\n  nonsense(1)", "ENG004", (2, 3)),
        ("select 'ü', wrong", "ENG004", (1, 13)),
        ("select cast('x' as int)", "ENG005", (1, 13)),
        ("select 1 / 0", "ENG005", None),
    ],
)
def test_faults_have_a_code_and_a_place(
    connection: Connection, sql: str, code: str, place: tuple[int, int] | None
) -> None:
    found = fault(connection, sql)
    assert found.code == code
    assert (found.at and (found.at.line, found.at.column)) == place


def test_what_the_server_adds_is_told(connection: Connection) -> None:
    connection.execute("create table x (a int primary key); insert into x values (1)")
    assert "Key (a)=(1) already exists" in fault(connection, "insert into x values (1)").message
    assert "column" in str(fault(connection, "select aa from (select 1 as a) as t").hint)


def in_one(connection: Connection, *statements: str) -> None:
    """Whatever a statement raises is passed over, as by somebody who does not look."""
    with connection.transaction():
        for sql in statements:
            with suppress(EngineError):
                connection.execute(sql)


def test_a_constraint_is_told_without_the_row_that_fails_it(connection: Connection) -> None:
    connection.execute("create table kept (note text, n int not null check (n > 0))")
    for value, named in (("null", '"n"'), ("-1", '"kept_n_check"')):
        with pytest.raises(EngineError, match=named) as error:
            connection.execute(f"insert into kept values ('hunter2', {value})")
        assert "hunter2" not in error.value.problems[0].message


def test_a_transaction_that_has_failed_is_never_taken_for_committed(connection: Connection) -> None:
    connection.execute("create table x (a int)")
    with pytest.raises(EngineError, match="rolled back"):
        in_one(connection, "insert into x values (1)", "select 1 / 0", "insert into x values (2)")
    assert connection.fetch("select * from x").rows == ()
    in_one(connection, "insert into x values (3)")
    assert connection.fetch("select * from x").rows == ((3,),)


def test_names_that_the_server_would_cut_are_refused(connection: Connection) -> None:
    long = "a" * 64
    found = fault(connection, f"select 1 as x,\n  2 as {long}")
    assert (found.code, found.at and found.at.line) == ("ENG012", 2)
    assert long in found.message
    with pytest.raises(EngineError, match="ENG012"):
        connection.describe(f'select 1 as "{"ü" * 32}"')
    assert connection.execute(f"create table {'a' * 63} (a int)") is None


def test_a_temporary_name_of_ours_is_never_cut(engine: Engine, connection: Connection) -> None:
    one, other = (engine.temporary("sqlpipes_" + "a" * 60 + end) for end in "xy")
    assert one != other
    for each in (one, other):
        connection.load(each, [{"a": 1}])
    assert len(one.name.encode()) == 63


def test_a_conflict_says_so(engine: Engine, connection: Connection) -> None:
    connection.execute("create table x as select 1 as a union all select 2")
    other = engine.connect()
    found: list[str] = []

    def crosswise(mine: Connection, first: int, second: int, both: threading.Barrier) -> None:
        try:
            with mine.transaction():
                mine.execute(f"update x set a = a where a = {first}")
                both.wait()
                mine.execute(f"update x set a = a where a = {second}")
        except EngineError as error:
            found.append(error.problems[0].code)

    both = threading.Barrier(2)
    threads = [
        threading.Thread(target=crosswise, args=(connection, 1, 2, both)),
        threading.Thread(target=crosswise, args=(other, 2, 1, both)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert found == ["ENG006"]


def test_a_statement_is_interrupted_on_the_server(engine: Engine, connection: Connection) -> None:
    threading.Timer(0.3, connection.interrupt).start()
    began = time.monotonic()
    assert fault(connection, "select pg_sleep(60)").code == "ENG007"
    assert time.monotonic() - began < 30
    with closing(engine.connect()) as other:
        sql = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'"
        assert other.fetch(sql).rows == ((0,),)
    assert connection.fetch("select 1").rows == ((1,),)
    connection.execute("set statement_timeout = '50ms'")
    assert fault(connection, "select pg_sleep(60)").code == "ENG005"


def test_a_connection_that_was_cut_is_known_to_be(engine: Engine, connection: Connection) -> None:
    assert connection.is_open
    ((pid,),) = connection.fetch("select pg_backend_pid()").rows
    with closing(engine.connect()) as other:
        other.execute(f"select pg_terminate_backend({pid})")
    assert fault(connection, "select 1").code == "ENG011"
    assert not connection.is_open


# ------------------------------------------------------------------------------------ rows in, out

ODD = "a\tb\\n'\"\r\n,;ü\\.\n\\N"
ROW: dict[str, Any] = {
    "i": 1,
    "big": 2**63 - 1,
    "huge": 2**70,
    "f": 1.5,
    "d": Decimal("12.30"),
    "t": ODD,
    "empty": "",
    "yes": True,
    "day": date(2024, 2, 29),
    "ts": datetime(2024, 1, 1, 12, 30, 15, 123456),
    "tz": datetime(2024, 1, 1, 12, tzinfo=UTC),
    "raw": b"\x00\xff\\x",
    "id": UUID("12345678-1234-5678-1234-567812345678"),
    "list": [1, None, 3],
    "struct": {"a": "x\ny", "b": [1.5]},
}
TYPES = {
    "i": "bigint",
    "big": "bigint",
    "huge": "numeric(39,0)",
    "f": "double precision",
    "d": "numeric(4,2)",
    "t": "text",
    "empty": "text",
    "yes": "boolean",
    "day": "date",
    "ts": "timestamp without time zone",
    "tz": "timestamp with time zone",
    "raw": "bytea",
    "id": "uuid",
    "list": "jsonb",
    "struct": "jsonb",
}


def test_every_kind_of_value_arrives(connection: Connection) -> None:
    assert connection.load(X, [ROW, dict.fromkeys(ROW)]) == 2
    assert dict(connection.columns(X) or ()) == TYPES
    first, second = connection.fetch("select * from x order by i").rows
    assert dict(zip(ROW, first, strict=True)) == ROW
    assert set(second) == {None}


def test_what_was_landed_is_handed_over_as_it_was(connection: Connection) -> None:
    connection.load(X, [ROW, dict.fromkeys(ROW)])
    (found, _) = connection.query("select * from x order by i", Form.ROWS)
    said = {**ROW, "huge": float(2**70), "list": "[1, null, 3]", "struct": found["struct"]}
    assert found == said
    arrow = connection.query("select t, d, ts, raw, empty from x order by i", Form.ARROW)
    assert arrow.to_pylist()[0] == {key: ROW[key] for key in ("t", "d", "ts", "raw", "empty")}


@pytest.mark.parametrize("form", list(Form))
def test_every_form_has_the_rows(connection: Connection, form: Form) -> None:
    connection.execute("create table x as select n, 'x' || n as t from range(1000) as n")
    found = connection.query("select * from x where n < 10 order by n", form)
    if form is Form.NATIVE:
        assert found.filter("n > 7").fetchall() == [(8, "x8"), (9, "x9")]
        return
    if form is Form.LAZY:
        found = found.collect()
    if form is Form.READER:
        found = found.read_all()
    assert len(found) == 10


@pytest.mark.parametrize("kind", ["list", "columns", "arrow", "reader", "polars", "pandas", "rows"])
def test_every_kind_of_table_lands(connection: Connection, kind: str) -> None:
    table = pa.table({"n": [1, 2, 3], "t": ["a", None, ""]})
    data: Any = {
        "list": lambda: table.to_pylist(),
        "columns": lambda: table.to_pydict(),
        "arrow": lambda: table,
        "reader": lambda: table.to_reader(1),
        "polars": lambda: __import__("polars").from_arrow(table),
        "pandas": lambda: table.to_pandas(),
        "rows": lambda: iter(table.to_pylist()),
    }[kind]()
    assert connection.load(X, data) == 3
    assert connection.fetch("select * from x").rows == ((1, "a"), (2, None), (3, ""))


def test_rows_of_a_query_may_be_returned_while_they_are_read(connection: Connection) -> None:
    connection.execute("create table y as select n from range(100000) as n")
    reader = connection.query("select n from y", Form.READER)
    assert connection.load(X, (row for batch in reader for row in batch.to_pylist())) == 100_000
    assert connection.fetch("select count(distinct n) from x").rows == ((100_000,),)


def test_no_rows_take_the_declared_types(connection: Connection) -> None:
    connection.load(X, [], [("a", "varchar(10)"), ("b", "timestamp with time zone")])
    assert connection.columns(X) == (("a", "character varying(10)"), ("b", TYPES["tz"]))
    connection.load(X, [{"a": None, "n": 1}], [("a", "inet"), ("n", "text")])
    assert connection.columns(X) == (("a", "inet"), ("n", "bigint"))
    with pytest.raises(EngineError, match="ENG010"):
        connection.load(X, [])


def test_names_are_those_that_a_query_would_make(connection: Connection) -> None:
    connection.load(X, [{"OrderId": 1, "Order Id": 2}])
    assert connection.fetch('select OrderId, "Order Id" from x').rows == ((1, 2),)
    with pytest.raises(EngineError, match="ENG008"):
        connection.load(X, [{"Id": 1, "ID": 2}])


def test_a_text_with_a_zero_byte_is_refused(connection: Connection) -> None:
    with pytest.raises(EngineError, match="ENG069 row 1 has a NUL"):
        connection.load(X, [{"t": "a\0b"}])
    assert connection.fetch("select 1").rows == ((1,),)


def test_very_long_texts_go_both_ways(connection: Connection) -> None:
    long = "line\n" * 1_000_000
    connection.load(X, [{"t": long}, {"t": "short"}])
    found = connection.query("select t from x", Form.ROWS)
    assert sorted(len(row["t"]) for row in found) == [5, 5_000_000]


def test_odd_types_of_postgres_are_handed_over(connection: Connection) -> None:
    sql = (
        "select array[1, 2] as l, interval '1 year 2 mons -3 days 04:05:06.5' as i, "
        "'10.0.0.1'::inet as ip, 'NaN'::float8 as nan, '{\"a\": 1}'::json as j, time '10:00' as t, "
        "1.5::numeric as n, null::int as nothing"
    )
    (found,) = connection.query(sql, Form.ROWS)
    assert (found["l"], found["ip"], found["n"], found["nothing"]) == (
        "[1,2]",
        "10.0.0.1",
        1.5,
        None,
    )
    assert str(found["nan"]) == "nan"
    assert found["t"].hour == 10


def test_rows_that_are_out_leave_no_file(connection: Connection, tmp_path: Path) -> None:
    connection.query("select 1 as a", Form.ARROW)
    folder = Path(connection._local._folder)  # type: ignore[attr-defined]
    assert list(folder.glob("*.csv")) == []
    connection.close()
    assert not folder.exists()
