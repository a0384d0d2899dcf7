"""Rows that leave a database of SQLAlchemy's for another engine, and rows that arrive from one; see
`core.crossing`.

They leave by a cursor at the server, batch by batch, and arrive by INSERTs of batches; on both ways
the local DuckDB keeps them on its disk. What drivers hand over is made of the type that its column says, and
a value that is not exactly of it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

import duckdb

from sqlpipes.core.crossing import Columns, Stream, refused_type, refused_value
from sqlpipes.core.engine import Form
from sqlpipes.core.sql import identifier
from sqlpipes.engines.duckdb.crossing import arrive, leaving_sql
from sqlpipes.engines.duckdb.faults import statement_error as duckdb_error
from sqlpipes.engines.duckdb.forms import as_form
from sqlpipes.engines.generic.handing import BATCH, Landed
from sqlpipes.engines.generic.types import is_nested
from sqlpipes.engines.local import Cursor, Local

BOUND = "set memory_limit = '512MB'"  # what is more goes to the disk
LEAVING = "sqlpipes_leaving"
WIDEST = 38
PLACES = 10  # behind the point, of a decimal that does not say how many it has
KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("boolean", "bool", "tinyint(1)"), "BOOLEAN"),
        **dict.fromkeys(("tinyint", "smallint", "int2", "year"), "SMALLINT"),
        **dict.fromkeys(("smallint unsigned", "mediumint", "mediumint unsigned"), "INTEGER"),
        "tinyint unsigned": "UTINYINT",
        "int4": "INTEGER",
        **dict.fromkeys(("integer", "int", "bigint", "int8", "int64"), "BIGINT"),
        **dict.fromkeys(("integer unsigned", "int unsigned"), "BIGINT"),
        **dict.fromkeys(("bigint unsigned", "bit"), "UBIGINT"),
        **dict.fromkeys(("real", "double", "double precision", "float", "float8"), "DOUBLE"),
        **dict.fromkeys(("date",), "DATE"),
        **dict.fromkeys(("datetime", "timestamp without time zone"), "TIMESTAMP"),
        **dict.fromkeys(("timestamp with time zone", "timestamptz"), "TIMESTAMP WITH TIME ZONE"),
        **dict.fromkeys(("time", "time without time zone"), "TIME"),
        **dict.fromkeys(("json", "jsonb"), "JSON"),
        "uuid": "UUID",
    }
)
NUMBERS = ("decimal", "numeric", "number")
TEXTS = re.compile(r"char|text|clob|string|enum|set|inet[46]")
BYTES = re.compile(r"blob|binary|bytea|bytes")
DIGITS = re.compile(r"\((\d+)(?:,\s*(-?\d+))?\)")
ARROW = MappingProxyType({"UUID": "VARCHAR", "JSON": "VARCHAR", "HUGEINT": "VARCHAR"})
KNOWN = frozenset(
    {
        *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "VARCHAR", "BLOB", "UUID"),
        *("DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "JSON", "BIT"),
        "TIMESTAMP WITH TIME ZONE",
    }
)
FINER = frozenset({"TIMESTAMP_NS", "TIME_NS"})  # than a microsecond
DAYS = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE")
WIDE = ("UBIGINT", "HUGEINT", "UHUGEINT")  # than 63 bits


# --------------------------------------------------------------------------------------- leaving


def kind_of(kind: str) -> str | None:
    """DuckDB's word for a type of a database; None for one that is not known to have any.

    >>> kind_of("decimal(12,2)"), kind_of("varchar(20)"), kind_of("decimal(41,0)"), kind_of("point")
    ('DECIMAL(12,2)', 'VARCHAR', 'HUGEINT', None)
    >>> kind_of("TIMESTAMP(6)"), kind_of("bigint(20) unsigned"), kind_of("tinyint(1)")
    ('TIMESTAMP', 'UBIGINT', 'BOOLEAN')
    """
    said = re.sub(r"\s+", " ", kind).strip().lower()
    bare = re.sub(r" ?\([^)]*\)", "", said)
    if bare.partition(" ")[0] in NUMBERS:
        return _decimal(DIGITS.search(said))
    if found := KINDS.get(said) or KINDS.get(bare):
        return found
    if bare == "timestamp":
        return "TIMESTAMP"
    if BYTES.search(bare):
        return "BLOB"
    return "VARCHAR" if TEXTS.search(bare) else None


def _decimal(digits: re.Match[str] | None) -> str:
    """One of more digits than DuckDB has keeps its places: a value that needs the others is refused."""
    if digits is None:
        return f"DECIMAL({WIDEST},{PLACES})"
    width, places = int(digits[1]), int(digits[2] or 0)
    if width > WIDEST and places == 0:
        return "HUGEINT"
    if not 0 <= places <= width:
        return f"DECIMAL({WIDEST},{PLACES})"
    return f"DECIMAL({min(width, WIDEST)},{min(places, WIDEST)})"


def kinds_of(columns: Columns) -> list[str]:
    """XNG010 for what no other engine is known to take."""
    found = []
    for name, said in columns:
        kind = kind_of(said)
        if kind is None:
            hint = f"cast it in what is read: cast({name} as char)"
            raise refused_type(name, said or "no type that is known", hint)
        found.append(kind)
    return found


def leave(local: Local, columns: Columns, kinds: Sequence[str], batches: Any) -> Stream:
    """`batches` of rows; XNG011 for a value that is not of its column's type."""
    import pyarrow

    cursor, table = local.cursor(), local.table()
    cursor.execute(BOUND)
    names = [f"c{place}" for place in range(len(kinds))]
    carried = [ARROW.get(kind, kind) for kind in kinds]
    listed = ", ".join(f"{n} {kind}" for n, kind in zip(names, carried, strict=True))
    cursor.execute(f"create table {table} ({listed})")
    for rows in batches:
        values = zip(*rows, strict=True)
        arrays = [
            _array(name, said, kind, each)
            for (name, said), kind, each in zip(columns, kinds, values, strict=True)
        ]
        cursor.register(LEAVING, pyarrow.table(arrays, names=names))
        try:
            cursor.execute(f"insert into {table} select * from {LEAVING}")
        finally:
            cursor.unregister(LEAVING)
    told = tuple((name, kind) for (name, _), kind in zip(columns, kinds, strict=True))
    return _stream(cursor, table, names, told)


def _stream(cursor: Cursor, table: str, names: Sequence[str], told: Columns) -> Stream:
    shown = [
        f"cast({own} as {kind}) as {identifier(name)}"
        for own, (name, kind) in zip(names, told, strict=True)
    ]
    sql = f"select {', '.join(shown)} from {table}"
    leaving = leaving_sql(sql, told)
    try:
        _demand_castable(cursor, table, names, told)
        return Stream(tuple(told), as_form(cursor.sql(leaving), Form.READER))
    except duckdb.Error as error:
        raise duckdb_error(error, leaving) from error


def _demand_castable(cursor: Cursor, table: str, names: Sequence[str], told: Columns) -> None:
    for own, (name, kind) in zip(names, told, strict=True):
        if kind not in ARROW:
            continue
        bad = f"{own} is not null and try_cast({own} as {kind}) is null"
        if count := _count(cursor, table, bad):
            raise refused_value(name, kind, f"{count:,} values that are none", READABLE)


READABLE = "cast it in what is read, or leave out the rows that have such values"


def _array(name: str, said: str, kind: str, values: Sequence[Any]) -> Any:
    import pyarrow

    try:
        made = _maker(kind)
        own = values if made is None else [None if v is None else made(v) for v in values]
        return pyarrow.array(own, type=_arrow(kind))
    except (ValueError, TypeError, OverflowError, ArithmeticError, pyarrow.ArrowException):
        raise refused_value(name, said, f"a value that is no {kind}", READABLE) from None


def _arrow(kind: str) -> Any:
    import pyarrow

    if found := DIGITS.search(kind):
        return pyarrow.decimal128(int(found[1]), int(found[2] or 0))
    return {
        "BOOLEAN": pyarrow.bool_(),
        "UTINYINT": pyarrow.uint8(),
        "SMALLINT": pyarrow.int16(),
        "INTEGER": pyarrow.int32(),
        "BIGINT": pyarrow.int64(),
        "UBIGINT": pyarrow.uint64(),
        "DOUBLE": pyarrow.float64(),
        "DATE": pyarrow.date32(),
        "TIME": pyarrow.time64("us"),
        "TIMESTAMP": pyarrow.timestamp("us"),
        "TIMESTAMP WITH TIME ZONE": pyarrow.timestamp("us", "UTC"),
        "BLOB": pyarrow.binary(),
    }.get(kind, pyarrow.string())


def _maker(kind: str) -> Callable[[Any], Any] | None:
    """What makes the type's own value of what a driver hands over; ValueError where it is none."""
    if kind.startswith("DECIMAL"):
        return _number
    return {
        "BOOLEAN": _truth,
        "DOUBLE": _double,
        "TIME": _time,
        "DATE": _date,
        "TIMESTAMP": _moment,
        "BLOB": _bytes,
        "HUGEINT": _whole,
        **dict.fromkeys(("UTINYINT", "SMALLINT", "INTEGER", "BIGINT", "UBIGINT"), _int),
        **dict.fromkeys(("VARCHAR", "UUID", "JSON"), _text),
    }.get(kind)


def _truth(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError(value)
    return bool(value)


def _int(value: Any) -> int:
    if int(value) != value:
        raise ValueError(value)
    return int(value)


def _whole(value: Any) -> str:
    return str(_int(value))


def _number(value: Any) -> Decimal:
    """The shortest that a float is written as: 0.1 is a tenth."""
    try:
        return value if isinstance(value, Decimal) else Decimal(repr(value))
    except InvalidOperation:
        raise ValueError(value) from None


def _double(value: Any) -> float:
    if isinstance(value, str | bytes) or float(value) != value:
        raise ValueError(value)
    return float(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        raise ValueError(value)
    return bytes(value)


def _time(value: Any) -> time:
    """Some drivers hand over how long it is since midnight, which may be more than a day."""
    if isinstance(value, str):
        return time.fromisoformat(value)
    if isinstance(value, time):
        return value
    if value.days:
        raise ValueError(value)
    minutes, seconds = divmod(value.seconds, 60)
    return time(minutes // 60, minutes % 60, seconds, value.microseconds)


def _date(value: Any) -> Any:
    """SQLite has it as a text; others hand over as text what is no date."""
    import datetime

    return datetime.date.fromisoformat(value) if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    import datetime

    found = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    if found.tzinfo is not None:
        raise ValueError(value)
    return found


def batches_of(result: Any) -> Iterator[list[tuple[Any, ...]]]:
    while rows := result.fetchmany(BATCH):
        yield rows


# -------------------------------------------------------------------------------------- arriving


def arrived(local: Local, stream: Stream, *, decimals: bool) -> Landed:
    """The rows in the local DuckDB. XNG010 and XNG011 for what the database cannot hold as it is.

    `decimals`: whether it has any; else each must be one as a double.
    """
    for name, kind in stream.columns:
        _demand_known(name, kind)
    cursor, table = local.cursor(), local.table()
    cursor.execute(BOUND)
    arrive(cursor, f"create table {table} as\n", stream)
    for name, kind in stream.columns:
        for bad, what, hint in _doubts(name, kind, decimals):
            if count := _count(cursor, table, bad):
                raise refused_value(name, kind, f"{count:,} values {what}", hint)
    return Landed(cursor, table, tuple((name, kind, "") for name, kind in stream.columns))


def _demand_known(name: str, kind: str) -> None:
    known = kind in KNOWN or kind.startswith(("DECIMAL(", "ENUM(")) or is_nested(kind)
    if not known:
        to = "timestamp" if kind in FINER else "varchar"
        raise refused_type(name, kind, f"cast it in what is read: cast({name} as {to})")


def _doubts(name: str, kind: str, decimals: bool) -> Iterator[tuple[str, str, str]]:
    """(what is true of a value that is refused, in words, the way out)."""
    own = identifier(name)
    if kind in ("FLOAT", "DOUBLE"):
        hint = f"make NULL of them in what is read: case when isfinite({name}) then {name} end"
        yield f"not isfinite({own})", "that are no number or infinite", hint
    if kind in DAYS:
        bad = f"not isfinite({own}) or year({own}) not between 1 and 9999"
        yield bad, "beyond the years 1 to 9999", READABLE
    if kind == "TIME":
        yield f"{own} > time '23:59:59.999999'", "of 24:00:00", READABLE
    if decimals:
        return
    hint = f"cast it in what is read: to text, or cast({name} as double) if it may be rounded"
    if kind in WIDE:
        yield f"try_cast({own} as bigint) is distinct from {own}", "of more than 63 bits", hint
    elif kind.startswith("DECIMAL"):
        bad = f"{own} is not null and try_cast(cast({own} as double) as {kind}) is distinct from {own}"
        yield bad, "of more digits than the database keeps", hint


def _count(cursor: Cursor, table: str, bad: str) -> int:
    counted = f"select count(*) filter (where {bad}) from {table}"
    ((count,),) = cursor.execute(counted).fetchall()
    return int(count)
