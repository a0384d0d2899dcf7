"""A Python value -> a DuckDB table. Imports no frame library: a value is known by what it can do.

Rows as dicts go in column by column as one list parameter each, which DuckDB types over all of
their values: forty times faster than row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.engines.duckdb.landing import (
    BATCH_ROWS,
    INCOMING,
    Columns,
    Frame,
    Landing,
    Piece,
    incoming,
    land,
)
from sqlpipes.engines.duckdb.values import named, no_columns, plain

IN_MEMORY = frozenset(
    {
        ("pyarrow", "Table"),
        ("pyarrow", "RecordBatch"),
        ("polars", "DataFrame"),
        ("pandas", "DataFrame"),
    }
)

Cursor = duckdb.DuckDBPyConnection


def load(
    cursor: Cursor,
    table: str,
    data: Any,
    columns: Sequence[tuple[str, str]] = (),
    *,
    temporary: bool = False,
) -> int:
    """Create or replace `table` (quoted already) from `data`; the number of rows.

    Raises EngineError ENG008 for a value that is no table.
    """
    create = create_head(table, temporary=temporary)
    data = _in_batches(data)
    if isinstance(data, duckdb.DuckDBPyRelation):
        _load_relation(cursor, create, data)
    elif _streams(data):
        _load_frame(cursor, create, data)
    else:
        land(cursor, Landing(table, create), _pieces(data), columns)
    row = cursor.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def is_lazy(data: Any) -> bool:
    """Whether its rows are made while they are read: a generator, a reader, a lazy frame.

    >>> is_lazy([{"a": 1}]), is_lazy(row for row in [{"a": 1}])
    (False, True)
    """
    if isinstance(data, (duckdb.DuckDBPyRelation, Mapping, list, tuple, str, bytes)):
        return False
    if (_home(data), type(data).__name__) in IN_MEMORY:
        return False
    return _streams(data) or isinstance(data, Iterable)


def _streams(data: Any) -> bool:
    speaks = hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")
    return speaks or _is_frame(data)


def _in_batches(data: Any) -> Any:
    """A polars.LazyFrame part by part, where it can: scanned, it would be collected whole."""
    collect = getattr(data, "collect_batches", None)
    if _home(data) == "polars" and callable(collect):
        return collect(chunk_size=BATCH_ROWS, maintain_order=True)
    return data


def _home(data: Any) -> str:
    return type(data).__module__.split(".")[0]


def _is_frame(data: Any) -> bool:
    """Frames that DuckDB scans itself although they do not speak Arrow's stream: polars.LazyFrame."""
    return _home(data) in ("pandas", "polars", "pyarrow")


def create_head(table: str, *, temporary: bool) -> str:
    """What stands before the SELECT of its rows."""
    return f"create or replace {'temp ' if temporary else ''}table {table} as\n"


def _load_frame(cursor: Cursor, create: str, frame: Any) -> None:
    check_frame(frame)
    cursor.register(INCOMING, frame)
    try:
        cursor.execute(f"{create}select * from {INCOMING}").fetchall()
    finally:
        cursor.unregister(INCOMING)


def _load_relation(cursor: Cursor, create: str, relation: Any) -> None:
    with incoming(cursor, relation) as (select, _):
        cursor.execute(f"{create}{select}").fetchall()


def _pieces(data: Any) -> Iterator[Piece]:
    """What can be loaded at once: columns of many rows, or a frame that an iterator yields."""
    if isinstance(data, Mapping):
        yield _even(data)
    elif isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
        rows: list[Any] = []
        for item in data:
            if isinstance(item, Mapping):
                rows.append(item)
            if rows and (len(rows) == BATCH_ROWS or not isinstance(item, Mapping)):
                yield _by_column(rows)
                rows = []
            if not isinstance(item, Mapping):
                yield _frame_or_rows(item)
        if rows:
            yield _by_column(rows)
    else:
        raise _not_a_table(data)


def _frame_or_rows(item: Any) -> Piece:
    if isinstance(item, (list, tuple)):
        if item and not isinstance(item[0], Mapping):
            raise _no_row(item)
        return _by_column(list(item)) if item else {}
    if isinstance(item, duckdb.DuckDBPyRelation) or _streams(item):
        check_frame(item)
        return Frame(item)
    raise _no_row(item)


def _even(data: Mapping[str, Any]) -> Columns:
    columns = {}
    for name, (key, values) in zip(named(data), data.items(), strict=True):
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            message = f"the column {key!r} is of type {type(values).__name__}, not a list of values"
            hint = "a dict has a list for each column; one row is a list with a dict: [{...}]"
            raise EngineError(Problem("ENG008", message, hint=hint))
        columns[name] = plain(name, values)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        raise EngineError(Problem("ENG008", f"columns of different length: {said}"))
    return columns


def _by_column(rows: list[Any]) -> Columns:
    """A key that a row leaves out is NULL there; columns stand in the order they are first seen."""
    keys: dict[Any, None] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            raise _no_row(row)
        keys.update(dict.fromkeys(row))
    names = zip(named(keys), keys, strict=True)
    return {name: plain(name, [row.get(key) for row in rows]) for name, key in names}


def check_frame(frame: Any) -> None:
    """EngineError ENG008 for names that a table cannot have, which DuckDB would change in silence, and
    for objects in a pandas frame, which it would write as their text; ENG010 for no columns."""
    if (_home(frame), type(frame).__name__) == ("polars", "DataFrame"):
        _check_polars(frame)
        return
    names = getattr(frame, "columns", None)
    if _home(frame) == "pyarrow" or names is None or callable(names):
        names = getattr(getattr(frame, "schema", None), "names", None)
    if _home(frame) == "polars" or names is None:
        return  # a lazy one would be computed
    names = list(names)
    if not names:
        raise no_columns()
    named(names)
    if _home(frame) == "pandas":
        for name, kind in zip(names, frame.dtypes, strict=True):
            if str(kind) == "object":
                plain(str(name), frame[name])


def _check_polars(frame: Any) -> None:
    if not frame.columns:
        raise no_columns()
    named(frame.columns)
    for name, kind in zip(frame.columns, frame.dtypes, strict=True):
        if str(kind) == "Object":
            plain(name, frame[name])
            message = f"the column '{name}' holds Python objects, which polars cannot hand over"
            raise EngineError(Problem("ENG008", message, hint="give it a type of polars"))


def _no_row(value: Any) -> EngineError:
    message = f"a row is of type {type(value).__name__}, not a dict"
    hint = "rows are dicts: {'column': value}; of a DuckDB relation give itself, not its fetchall()"
    return EngineError(Problem("ENG008", message, hint=hint))


def _not_a_table(value: Any) -> EngineError:
    message = f"a value of type {type(value).__name__} is no table"
    if hasattr(value, "__await__"):
        hint = "call it with asyncio.run(...) and return what that gives"
        return EngineError(Problem("ENG008", message, hint=hint))
    hint = (
        "give a list of dicts, a dict of lists, a DuckDB relation, an Arrow, polars or pandas frame, "
        "or an iterator of dicts or frames"
    )
    return EngineError(Problem("ENG008", message, hint=hint))
