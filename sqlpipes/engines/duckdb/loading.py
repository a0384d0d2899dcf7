"""A Python value -> a DuckDB table. Imports no frame library: a value is known by what it can do.

Rows as dicts go in column by column as one list parameter each, which DuckDB types over all of
their values: forty times faster than row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.engines.duckdb.landing import INCOMING, Columns, Frame, Landing, Piece, land

BATCH_ROWS = 50_000
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
    cursor.register(INCOMING, frame)
    try:
        cursor.execute(f"{create}select * from {INCOMING}").fetchall()
    finally:
        cursor.unregister(INCOMING)


def _load_relation(cursor: Cursor, create: str, relation: Any) -> None:
    """A relation of another connection (`duckdb.sql(...)`) cannot be read here: its rows are copied."""
    try:
        _load_frame(cursor, create, relation)
    except duckdb.InvalidInputException as error:
        if "not suitable for replacement scan" not in str(error):
            raise
        _load_frame(cursor, create, relation.to_arrow_table())


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
        return _by_column(list(item)) if item else {}
    if isinstance(item, duckdb.DuckDBPyRelation) or _streams(item):
        return Frame(item)
    raise _not_a_table(item)


def _even(data: Mapping[str, Any]) -> Columns:
    columns = {}
    for name, values in data.items():
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise _not_a_table(data)
        columns[str(name)] = list(values)
    _refuse_twins([str(name) for name in data])
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        raise EngineError(Problem("ENG008", f"columns of different length: {said}"))
    return columns


def _by_column(rows: list[Any]) -> Columns:
    """A key that a row leaves out is NULL there; columns stand in the order they are first seen."""
    names: dict[str, None] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            raise _not_a_table(row)
        names.update(dict.fromkeys(row))
    _refuse_twins([str(name) for name in names])
    return {str(name): [row.get(name) for row in rows] for name in names}


def _refuse_twins(names: Sequence[str]) -> None:
    """A table knows a column in upper and lower case as one: one of the two values would be lost."""
    seen: dict[str, str] = {}
    for name in names:
        if other := seen.get(name.lower()):
            message = f"the columns '{other}' and '{name}' are one and the same to the warehouse"
            raise EngineError(Problem("ENG008", message, hint="rename one of them"))
        seen[name.lower()] = name


def _not_a_table(value: Any) -> EngineError:
    message = f"a value of type {type(value).__name__} is no table"
    hint = (
        "give a list of dicts, a dict of lists, a DuckDB relation, an Arrow, polars or pandas frame, "
        "or an iterator of dicts or frames"
    )
    return EngineError(Problem("ENG008", message, hint=hint))
