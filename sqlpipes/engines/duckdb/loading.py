"""A Python value -> a DuckDB table. Imports no frame library: a value is known by what it can do.

Rows as dicts go in column by column as one list parameter each, which DuckDB types over all of
their values: forty times faster than row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import duckdb

from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.engines.duckdb.names import identifier

BATCH_ROWS = 50_000
INCOMING = "sqlpipes_incoming"
WIDEST_BIGINT = 2**63
IN_MEMORY = frozenset(
    {
        ("pyarrow", "Table"),
        ("pyarrow", "RecordBatch"),
        ("polars", "DataFrame"),
        ("pandas", "DataFrame"),
    }
)

Cursor = duckdb.DuckDBPyConnection
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Landing:
    """The table that rows land in; `empty` are its columns that had no value yet, and so no type."""

    table: str
    create: str
    columns: tuple[str, ...] = ()
    empty: frozenset[str] = field(default_factory=frozenset)


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
    if isinstance(data, duckdb.DuckDBPyRelation):
        _load_relation(cursor, create, data)
    elif _streams(data):
        _load_frame(cursor, create, data)
    else:
        _load_batches(cursor, Landing(table, create), _batches(data), columns)
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
    return hasattr(data, "__arrow_c_stream__") or _is_frame(data)


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


def _batches(data: Any) -> Iterator[Columns]:
    if isinstance(data, Mapping):
        yield _even(data)
    elif isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
        rows = iter(data)
        while batch := list(islice(rows, BATCH_ROWS)):
            yield _by_column(batch)
    else:
        raise _not_a_table(data)


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
    hint = "give a list of dicts, a dict of lists, a DuckDB relation, or an Arrow, polars or pandas frame"
    return EngineError(Problem("ENG008", message, hint=hint))


def _load_batches(
    cursor: Cursor,
    landing: Landing,
    batches: Iterator[Columns],
    declared: Sequence[tuple[str, str]],
) -> None:
    for batch in batches:
        if batch:
            landing = _add_batch(cursor, landing, batch)
    if not landing.columns:
        _create_empty(cursor, landing.create, declared)
    elif landing.empty or _order(cursor, landing.table) != landing.columns:
        _finish(cursor, landing, dict(declared))


def _create_empty(cursor: Cursor, create: str, declared: Sequence[tuple[str, str]]) -> None:
    if not declared:
        hint = "declare its columns and types, or return a frame, which has columns without rows"
        raise EngineError(Problem("ENG008", "no rows, so no columns to make a table of", hint=hint))
    columns = ", ".join(f"cast(null as {kind}) as {identifier(name)}" for name, kind in declared)
    cursor.execute(f"{create}select {columns} limit 0").fetchall()


def _add_batch(cursor: Cursor, landing: Landing, batch: Columns) -> Landing:
    """The first batch makes the table; a later one that has other types or columns widens it."""
    filled = {name: values for name, values in batch.items() if any(v is not None for v in values)}
    names = tuple(dict.fromkeys((*landing.columns, *batch)))
    empty = (landing.empty | (batch.keys() - set(landing.columns))) - filled.keys()
    # A column without values has no type yet; a first column keeps the number of rows.
    shown = filled or {next(iter(batch)): next(iter(batch.values()))}
    select = "select " + ", ".join(_column_sql(name, shown[name]) for name in shown)
    before = f"select * from {landing.table} union all by name " if landing.columns else ""
    cursor.execute(f"{landing.create}{before}{select}", list(shown.values())).fetchall()
    return Landing(landing.table, landing.create, names, frozenset(empty))


def _column_sql(name: str, values: Sequence[Any]) -> str:
    """Whole numbers become BIGINT whatever their size, so that tomorrow's larger ones fit."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {int} and all(v is None or -WIDEST_BIGINT <= v < WIDEST_BIGINT for v in values):
        return f"unnest(?)::bigint as {identifier(name)}"
    return f"unnest(?) as {identifier(name)}"


def _order(cursor: Cursor, table: str) -> tuple[str, ...]:
    described = cursor.execute(f"select * from {table} limit 0").description or []
    return tuple(str(column[0]) for column in described)


def _finish(cursor: Cursor, landing: Landing, declared: Mapping[str, str]) -> None:
    """A column that is NULL in every row is text, unless its type is declared."""
    columns = [
        f"cast(null as {declared.get(name, 'varchar')}) as {identifier(name)}"
        if name in landing.empty
        else identifier(name)
        for name in landing.columns
    ]
    cursor.execute(f"{landing.create}select {', '.join(columns)} from {landing.table}").fetchall()
