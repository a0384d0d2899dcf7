"""Rows that leave DuckDB for another engine, and rows that arrive from one; see `core.crossing`.

Arrow keeps most types whole. Those of which it makes something else travel as text.
"""

from __future__ import annotations

import re
from typing import Any

from sqlpipes.core.crossing import Columns, Stream, refused_type
from sqlpipes.core.sql import identifier

INCOMING = "sqlpipes_crossing"
# 128 bits have no type of Arrow's, BIT comes as bytes, a time loses its zone.
AS_TEXT = frozenset(
    {"HUGEINT", "UHUGEINT", "BIT", "BIGNUM", "TIME WITH TIME ZONE", "UUID", "JSON", "VARINT"}
)
CHANGED_INSIDE = re.compile(r"\b(UHUGEINT|BIT|TIME WITH TIME ZONE|BIGNUM|VARINT)\b")
NESTED = re.compile(r"\]$|^(STRUCT|MAP|UNION)\(")


def leaving_sql(sql: str, columns: Columns) -> str:
    """The same rows, each column in the form in which it travels. Raises EngineError XNG010."""
    shown = [_leaving(name, kind) for name, kind in columns]
    return f"select {', '.join(shown)} from (\n{sql}\n) as leaving"


def _leaving(name: str, kind: str) -> str:
    if NESTED.search(kind) and CHANGED_INSIDE.search(kind):
        raise refused_type(name, kind, f"cast what is in it: to text, or {name} as a whole to JSON")
    if kind in AS_TEXT:
        return f"cast({identifier(name)} as varchar) as {identifier(name)}"
    return identifier(name)


def arriving_sql(columns: Columns) -> str:
    """The rows that are registered as `INCOMING`, in their own types."""
    shown = (f"cast({identifier(n)} as {kind}) as {identifier(n)}" for n, kind in columns)
    return f"select {', '.join(shown)} from {INCOMING}"


def arrive(cursor: Any, create: str, stream: Stream) -> int:
    """`create` stands before the SELECT of the rows; their number."""
    cursor.register(INCOMING, stream.batches)
    try:
        found = cursor.execute(f"{create}{arriving_sql(stream.columns)}").fetchall()
    finally:
        cursor.unregister(INCOMING)
    return int(found[0][0]) if found else 0
