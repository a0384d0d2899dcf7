"""Python values -> DuckDB tables: types, order, NULLs, batches, frames, and what is no table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pandas  # type: ignore[import-untyped]
import polars
import pyarrow
import pytest

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
