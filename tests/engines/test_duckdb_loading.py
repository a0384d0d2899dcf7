"""Python values -> DuckDB tables: types, order, NULLs, batches, frames, and what is no table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
import pandas  # type: ignore[import-untyped]
import polars
import pyarrow
import pytest
from notyet import skip_on_duckdb_1

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection, Form
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import Relation
from sqlpipes.engines import open_engine
from sqlpipes.engines.duckdb import loading

T = Relation("t", "main")


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = open_engine(Target("dev", "duckdb", options={"path": ":memory:"}), ".")
    connection = engine.connect()
    yield connection
    connection.close()
    engine.close()


def landed(connection: Connection, data: Any, **options: Any) -> tuple[Any, Any]:
    connection.load(T, data, **options)
    columns = connection.columns(T)
    return columns, connection.fetch("from t").rows


def test_rows_as_dicts_are_typed_over_all_rows(connection: Connection) -> None:
    data = [
        {"id": None, "day": None, "n": {"x": [1]}, "price": None},
        {"id": 7, "day": date(2024, 1, 2), "n": None, "price": Decimal("1.50")},
        {"id": 2**40, "price": Decimal("100.125")},
    ]
    columns, rows = landed(connection, data)
    assert columns == (
        ("id", "BIGINT"),
        ("day", "DATE"),
        ("n", "STRUCT(x INTEGER[])"),
        ("price", "DECIMAL(6,3)"),
    )
    assert rows[0] == (None, None, {"x": [1]}, None)
    assert rows[2] == (2**40, None, None, Decimal("100.125"))


def test_small_whole_numbers_are_bigint_so_that_tomorrows_fit(connection: Connection) -> None:
    assert landed(connection, [{"a": 1}])[0] == (("a", "BIGINT"),)
    assert landed(connection, [{"a": 2**70}])[0] == (("a", "HUGEINT"),)


def test_a_column_of_nulls_is_text_unless_declared(connection: Connection) -> None:
    assert landed(connection, [{"a": None, "b": 1}])[0] == (("a", "VARCHAR"), ("b", "BIGINT"))
    assert landed(connection, [{"a": None}], columns=[("a", "DATE")])[0] == (("a", "DATE"),)
    assert landed(connection, [{"a": None}, {"a": None}])[1] == ((None,), (None,))


def test_a_generator_is_landed_in_batches_that_may_widen_the_table(connection: Connection) -> None:
    size = loading.BATCH_ROWS

    def generate() -> Iterator[dict[str, Any]]:
        for i in range(size):
            yield {"late": None, "n": i}
        yield {"late": "x", "n": 0.5, "new": True}

    columns, _ = landed(connection, generate())
    assert columns == (("late", "VARCHAR"), ("n", "DOUBLE"), ("new", "BOOLEAN"))
    assert connection.fetch("select count(*), count(late), max(n) from t").rows == (
        (size + 1, 1, float(size - 1)),
    )


def test_a_dict_of_columns(connection: Connection) -> None:
    assert landed(connection, {"a": [1, 2], "b": ["x", None]})[1] == ((1, "x"), (2, None))
    with pytest.raises(EngineError, match="columns of different length: a has 1, b has 2"):
        connection.load(T, {"a": [1], "b": [1, 2]})


ARROW = pyarrow.table({"a": [1, 2]})


class Speaks:
    """Anything with Arrow's stream protocol, of a library that nobody has heard of."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return ARROW.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "frame",
    [
        ARROW,
        ARROW.to_reader(),
        pyarrow.record_batch({"a": [1, 2]}),
        polars.DataFrame({"a": [1, 2]}),
        polars.LazyFrame({"a": [1, 2]}),
        pandas.DataFrame({"a": [1, 2]}),
        Speaks(),
    ],
    ids=lambda frame: f"{type(frame).__module__.split('.')[0]}.{type(frame).__name__}",
)
def test_frames(connection: Connection, frame: Any) -> None:
    assert connection.load(T, frame) == 2
    assert connection.fetch("from t").rows == ((1,), (2,))


def test_relations_of_this_and_of_another_connection(connection: Connection) -> None:
    assert landed(connection, connection.query("select 1 as a"))[1] == ((1,),)
    with duckdb.connect() as other:
        assert landed(connection, other.sql("select 2 as a"))[1] == ((2,),)


def test_a_temporary_table_is_seen_by_its_connection_only() -> None:
    engine = open_engine(Target("dev", "duckdb", options={"path": ":memory:"}), ".")
    one, two = engine.connect(), engine.connect()
    where = engine.temporary('odd "name"')
    one.load(where, [{"a": 1}])
    assert one.fetch(f"from {engine.quote(where)}").rows == ((1,),)
    with pytest.raises(EngineError):
        two.fetch(f"from {engine.quote(where)}")
    assert engine.relations() == {}
    for connection in (one, two):
        connection.close()
    engine.close()


def test_no_rows_need_columns_from_somewhere(connection: Connection) -> None:
    assert landed(connection, [], columns=[("a", "DATE")]) == ((("a", "DATE"),), ())
    assert landed(connection, {"a": []}) == ((("a", "VARCHAR"),), ())
    with pytest.raises(EngineError, match="ENG010 no rows, so no columns"):
        connection.load(T, [])


@pytest.mark.parametrize("value", [3, "text", b"bytes", [1, 2], [{"a": 1}, 2], {"a": 1}, object()])
def test_what_is_no_table(connection: Connection, value: Any) -> None:
    with pytest.raises(EngineError, match="ENG008"):
        connection.load(T, value)


def test_hostile_column_names(connection: Connection) -> None:
    name = 'a"; drop table t; --'
    assert landed(connection, [{name: 1}])[0] == ((name, "BIGINT"),)


def test_rows_are_handed_out_in_every_form(connection: Connection) -> None:
    sql = "select 1 as a"
    assert connection.query(sql).fetchall() == [(1,)]
    assert isinstance(connection.query(sql, Form.ARROW), pyarrow.Table)
    assert isinstance(connection.query(sql, Form.POLARS), polars.DataFrame)
    assert isinstance(connection.query(sql, Form.LAZY), polars.LazyFrame)
    assert isinstance(connection.query(sql, Form.PANDAS), pandas.DataFrame)
    assert connection.query(sql, Form.ROWS) == [{"a": 1}]


@pytest.mark.parametrize("data", [[{"x": 1, "X": 2}], {"x": [1], "X": [2]}, [{1: 1, "1": 2}]])
def test_two_columns_that_the_warehouse_takes_for_one(connection: Connection, data: Any) -> None:
    with pytest.raises(EngineError, match=r"ENG008 the columns '.' and '.' are one and the same"):
        connection.load(T, data)


def test_rows_on_their_way_are_taken_in_elsewhere_also_in_a_transaction(
    connection: Connection,
) -> None:
    with connection.transaction():
        connection.execute("create table own as select range as x from range(100000)")
        relation = connection.query("from own")
        reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch
        where = Relation("landed", "main", "temp")
        assert connection.load(where, reader(1000)) == 100000
        lazy = (row for batch in reader(1000) for row in batch.to_pylist())
        assert connection.load(where, lazy) == 100000
    assert connection.fetch("select count(distinct x) from temp.landed").rows == ((100000,),)
    databases = connection.fetch("select database_name from duckdb_databases() where not internal")
    assert databases.rows == (("memory",),)


def test_a_generator_that_raises_leaves_nothing_attached(connection: Connection) -> None:
    def broken() -> Iterator[dict[str, int]]:
        yield {"x": 1}
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        connection.load(T, broken())
    assert connection.columns(T) is None
    databases = connection.fetch("select database_name from duckdb_databases() where not internal")
    assert databases.rows == (("memory",),)


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    ("data", "types", "rows"),
    [
        ([{"a": np.int64(3)}, {"a": None}], ["BIGINT"], [(3,), (None,)]),
        ([{"a": np.float32(1.5), "b": np.bool_(True)}], ["DOUBLE", "BOOLEAN"], [(1.5, True)]),
        ([{"a": np.str_("x")}], ["VARCHAR"], [("x",)]),
        ([{"a": np.datetime64("2024-01-02", "ns")}], ["TIMESTAMP"], [(datetime(2024, 1, 2),)]),
        ({"a": np.array([1, 2]), "b": np.array(["x", "y"])}, None, [(1, "x"), (2, "y")]),
        ({"a": np.array(["2024-01-02"], "datetime64[ns]")}, None, [(datetime(2024, 1, 2),)]),
        ({"a": pyarrow.array([1, None])}, ["BIGINT"], [(1,), (None,)]),
        ({"a": pandas.Series([1, 2])}, ["BIGINT"], [(1,), (2,)]),
        ([{"a": Colour.RED}], ["BIGINT"], [(1,)]),
        ([{"a": b"\x00"}], ["BLOB"], [(b"\x00",)]),
        ([{"a": Decimal("1.10")}], None, [(Decimal("1.10"),)]),
        ([{"a": UUID(int=5)}], ["UUID"], [(UUID(int=5),)]),
        ([{"a": [1, 2], "b": {"x": [1]}}], None, [([1, 2], {"x": [1]})]),
        (
            [{"a": pandas.NaT}, {"a": pandas.Timestamp("2024-01-02")}],
            None,
            [(None,), (datetime(2024, 1, 2),)],
        ),
        (pandas.DataFrame({"a": pandas.Categorical(["x", "y"])}), None, [("x",), ("y",)]),
        (pandas.DataFrame({0: [1], 1: [2]}), ["BIGINT", "BIGINT"], [(1, 2)]),
    ],
)
def test_values_of_other_libraries(
    connection: Connection, data: Any, types: list[str] | None, rows: list[Any]
) -> None:
    table = Relation("t", "main")
    connection.load(table, data)
    assert list(connection.fetch("select * from t").rows) == rows
    if types is not None:
        assert [kind for _, kind in connection.columns(table) or ()] == types


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([{"a": object()}], "ENG008 the column 'a' has a value of type object, which no table"),
        ([{"a": {1, 2}}], "ENG008 the column 'a' has a value of type set"),
        ([{"a": 1}, {"a": lambda: 1}], "ENG008 the column 'a' has a value of type function"),
        (
            pandas.DataFrame({"a": [object(), 1]}),
            "ENG008 the column 'a' has a value of type object",
        ),
        (
            polars.DataFrame({"a": polars.Series([object()], dtype=polars.Object)}),
            "ENG008 the column 'a'",
        ),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), "ENG008 the columns 'a' and 'a' are one"),
        (pyarrow.table([[1], [2]], names=["a", "A"]), "ENG008 the columns 'a' and 'A' are one"),
        (polars.DataFrame({"a": [1], "A": [2]}), "ENG008 the columns 'a' and 'A' are one"),
        (pandas.DataFrame({"": [1]}), "ENG008 a column has no name"),
        ([{"": 1}], "ENG008 a column has no name"),
        ([{None: 1}], "ENG008 a column has no name"),
        (pandas.DataFrame({("a", "b"): [1]}), r"ENG008 a column is called \('a', 'b'\)"),
        (pandas.DataFrame(), "ENG010 no rows, so no columns"),
        (polars.DataFrame(), "ENG010 no rows, so no columns"),
        ({"a": 1}, "ENG008 the column 'a' is of type int, not a list"),
        ([(1, 2)], "ENG008 a row is of type tuple, not a dict"),
        ([1, 2], "ENG008 a row is of type int, not a dict"),
        ({1, 2}, "ENG008 a row is of type int, not a dict"),
        (3, "ENG008 a value of type int is no table"),
        ("abc", "ENG008 a value of type str is no table"),
    ],
)
def test_what_no_table_can_hold(connection: Connection, data: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        connection.load(Relation("t", "main"), data)
    assert connection.columns(Relation("t", "main")) is None


QUERIES = """
select 1 as a
select 1;
from range(1)
values (1)
with t as (select 1) from t
pivot (select 1 as a, 2 as b) on a using sum(b)
describe select 1
show tables
"""


@pytest.mark.parametrize("sql", QUERIES.strip().splitlines())
def test_queries_are_run(connection: Connection, sql: str) -> None:
    if sql.startswith("pivot"):
        skip_on_duckdb_1("a PIVOT is several statements")
    assert connection.query(sql) is not None


REFUSED = """
begin
commit
drop table t
create table t as select 1
set threads = 1
pragma threads = 1
call f()
copy (select 1) to 'x.csv'
attach ':memory:' as x
from t; from t
with a as (select 1) insert into t from a
explain analyze insert into t values (1)
"""


@pytest.mark.parametrize("sql", REFUSED.strip().splitlines())
def test_what_is_no_query_is_refused(connection: Connection, sql: str) -> None:
    with pytest.raises(EngineError, match="BLD020"):
        connection.query(sql)


def test_a_transaction_that_was_left_open_is_ended(connection: Connection) -> None:
    connection.execute("create table t as select 1 as a")
    connection.execute("begin")
    connection.execute("delete from t")
    connection.release()
    with connection.transaction():
        assert connection.fetch("select count(*) from t").rows == ((1,),)
        connection.execute("delete from t")
        connection.release()  # a function of a check; this one is ours
    assert connection.fetch("select count(*) from t").rows == ((0,),)


@pytest.mark.parametrize("by_pieces", [False, True])
@pytest.mark.parametrize("beside", [False, True])
def test_a_relation_of_another_cursor_or_database_keeps_its_types(
    by_pieces: bool, beside: bool
) -> None:
    engine = duckdb.connect()
    other = engine.cursor() if beside else duckdb.connect()
    sql = "select range::integer as a, uuid() as u, {'x': 1::utinyint} as s from range(120000)"
    relation = other.sql(sql)
    cursor = engine.cursor()
    assert loading.load(cursor, "t", iter([relation]) if by_pieces else relation) == 120_000
    found = cursor.execute("select distinct typeof(a), typeof(u), typeof(s), sum(a) over () from t")
    assert found.fetchall() == [
        ("INTEGER", "UUID", "STRUCT(x UTINYINT)", sum(range(120_000))),
    ]
