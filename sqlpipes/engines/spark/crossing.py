"""Rows that leave Spark for another engine, and rows that arrive from one; see `core.crossing`.

They leave batch by batch, as the server sends them. They arrive by way of the local DuckDB, on its disk,
and go on in portions: a server takes no message of any size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlpipes.core.crossing import Columns, Stream, refused_type
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.sql import identifier as local_identifier
from sqlpipes.engines.duckdb.crossing import arrive
from sqlpipes.engines.local import Local
from sqlpipes.engines.spark.names import identifier
from sqlpipes.engines.spark.types import handed_sql, is_nested, to_spark

BOUND = "set memory_limit = '512MB'"  # what is more goes to the disk
PORTION = 32 * 2**20  # bytes of one message; servers take 128 MB
ROWS = 50_000  # of a batch that the local DuckDB hands over
# What only Spark has, or what comes as something else; also inside of other types.
STAYS = re.compile(r"\b(interval|void|variant|object|geometry|geography)\b|timestamp_l?tz\(|time\(")
NAME = re.compile(r'"(?:[^"]|"")*"|(?<=\()\w+(?= [A-Z])|(?<=, )\w+(?= [A-Z])')  # of a field
SAME_INSIDE = re.compile(
    r"STRUCT|MAP|BOOLEAN|(TINY|SMALL|BIG)INT|INTEGER|FLOAT|DOUBLE|VARCHAR|DATE|BLOB|DECIMAL"
)
FINER = frozenset({"TIMESTAMP_NS", "TIME_NS"})  # than a microsecond


@dataclass(frozen=True, slots=True)
class Arrived:
    """`portions` of the rows as pyarrow.Tables, and the SELECT list that types them; at least one."""

    portions: Iterator[Any]
    selected: str


def leaving_sql(sql: str, columns: Columns) -> str:
    """The same rows; a column without any type of its own is a text. Raises EngineError XNG010."""
    shown = []
    for name, kind in columns:
        said = identifier(name)
        if kind != "void" and STAYS.search(kind):
            hint = f"cast it in what is read: cast({name} as string), or leave it out"
            raise refused_type(name, kind, hint)
        shown.append(f"cast({said} as string) as {said}" if kind == "void" else said)
    return f"select {', '.join(shown)} from (\n{sql}\n) as leaving"


def leaving(batches: Any, local: Local) -> Stream:
    """`batches`: a pyarrow.RecordBatchReader. DuckDB has a word for what Arrow says of each column."""
    cursor = local.cursor()
    cursor.register("sqlpipes_leaving", batches.schema.empty_table())
    found = cursor.execute("describe sqlpipes_leaving").fetchall()
    return Stream(tuple((str(row[0]), str(row[1])) for row in found), batches)


def arriving(local: Local, stream: Stream) -> Arrived:
    """XNG010 for what Spark has no equal of."""
    for name, kind in stream.columns:
        _demand_known(name, kind)
    cursor, table = local.cursor(), local.table()
    cursor.execute(BOUND)
    arrive(cursor, f"create table {table} as\n", stream)
    handed, selected = [], []
    for name, kind in stream.columns:
        own, said = to_spark(kind), identifier(name)
        handed.append(handed_sql(local_identifier(name), kind))
        selected.append(f"cast({said} as {own}) as {said}" if own else said)
    reader = cursor.sql(f"select {', '.join(handed)} from {table}").to_arrow_reader(ROWS)
    return Arrived(_portions(reader), ", ".join(selected))


def _demand_known(name: str, kind: str) -> None:
    if kind in FINER:
        raise refused_type(name, kind, f"cast it in what is read: cast({name} as timestamp)")
    if is_nested(kind) and (strange := strange_inside(kind)):
        hint = f"cast it in what is read: cast({name} as json), or what is in it"
        raise refused_type(name, f"{kind}, with {strange} in it", hint)


def strange_inside(kind: str) -> str:
    """What of a nested type would not arrive as it left; "" for nothing.

    >>> strange_inside('STRUCT(UUID INTEGER, "b c" DECIMAL(5,2)[])'), strange_inside("STRUCT(b UUID[])")
    ('', 'UUID')
    """
    words = re.split(r"[\[\](), \d]+", NAME.sub("", kind))
    return next((word for word in words if word and not SAME_INSIDE.fullmatch(word)), "")


def _portions(reader: Any) -> Iterator[Any]:
    """Rows of about as many bytes as one message may have."""
    import pyarrow

    waiting: list[Any] = []
    size, sent = 0, False
    for batch in reader:
        waiting.append(batch)
        size += batch.nbytes
        if size >= PORTION:
            yield pyarrow.Table.from_batches(waiting)
            waiting, size, sent = [], 0, True
    if waiting or not sent:
        yield pyarrow.Table.from_batches(waiting, reader.schema)
