"""A CSV file that the server reads as DuckDB would -> the road on which its bytes go there as they are.

DuckDB says what the columns are, of all rows. The bytes may go raw where both read them alike: one
dialect, types whose texts mean the same to both, and quotes only around whole values. Of a large file a
part tells the columns, and the rest is looked at while the server takes it in: where that finds other
columns, nothing of it is kept, and DuckDB carries the rows after all.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import duckdb

from sqlpipes.core.dataclass import dataclass
from sqlpipes.engines.local import Cursor, Local
from sqlpipes.engines.postgres.names import folded
from sqlpipes.engines.postgres.types import to_postgres

ALIKE = frozenset({"BIGINT", "DOUBLE", "VARCHAR", "DATE", "BOOLEAN", "TIMESTAMP"})
READS = "select * from read_csv("
EVERY_ROW = "sample_size=-1"
FIRST_ROWS = "sample_size=32768"
SMALL = 1 << 22  # bytes; of a smaller file all rows are looked at before any is sent
CHUNK = 1 << 20
EDGES = frozenset(b"\r\n")
LINE_END = 10
TOO_FINE = re.compile(rb":\d\d\.\d{7}")  # DuckDB cuts more than microseconds off, Postgres rounds
ENDS_DATA = re.compile(rb"^\\\.$", re.M)

Shape = tuple[str, ...]  # of a file: its dialect, columns and types


class NotAlike(Exception):
    """The server would read the file otherwise than DuckDB does."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file to be sent as it is. `look`: at all of it, under way; None when that is done."""

    path: str
    delimiter: str
    shape: Shape
    columns: tuple[tuple[str, str], ...]
    fine: bool  # it has timestamps
    look: Look | None = None


def raw_file(local: Local, sql: str, types: Mapping[str, str]) -> RawFile | None:
    """The file that a SELECT of ours reads; None where its bytes cannot go as they are."""
    if not sql.startswith(READS) or EVERY_ROW not in sql or "nullstr" in sql:
        return None
    if not {kind.upper() for kind in types.values()} <= {"TEXT", "VARCHAR"}:
        return None  # a declared type is looked at only when a value is cast
    every = f"from sniff_csv({sql[len(READS) :]}"
    cursor = local.own_cursor()
    try:
        path = _path(cursor, sql)
        small = os.path.getsize(path) < SMALL
        first = every if small else every.replace(EVERY_ROW, FIRST_ROWS)
        found = _sniffed(cursor, first)
    except (duckdb.Error, OSError, ValueError):
        return None  # whatever is wrong there is told by who reads it
    finally:
        cursor.close()
    raw = _raw(path, found)
    return raw if raw is None or small else replace(raw, look=Look(every, local.own_cursor()))


def _path(cursor: Cursor, sql: str) -> str:
    pattern = re.match(r"'((?:[^']|'')*)'", sql[len(READS) :])
    if pattern is None:
        raise ValueError(sql)
    found = cursor.execute(f"select file from glob({pattern[0]})").fetchall()
    if len(found) != 1:
        raise ValueError(sql)
    return str(found[0][0])


def _sniffed(cursor: Cursor, sql: str) -> dict[str, Any]:
    rows = cursor.execute(sql)
    names = [column[0] for column in rows.description or []]
    return dict(zip(names, rows.fetchone() or (), strict=True))


def _shape(found: Mapping[str, Any]) -> Shape:
    """Whether there are quotes at all is no part of it."""
    marks = (str(found[key]).replace("(empty)", '"') for key in ("Quote", "Escape"))
    keys = ("Delimiter", "NewLineDelimiter", "SkipRows", "HasHeader", "DateFormat", "Columns")
    return (*marks, *(str(found[key]) for key in keys))


def _raw(path: str, found: Mapping[str, Any]) -> RawFile | None:
    kinds = [(str(column["name"]), str(column["type"])) for column in found["Columns"]]
    names = [folded(name) for name, _ in kinds]
    plain = (
        len(found["Delimiter"].encode()) == 1
        and found["Quote"] in ('"', "(empty)")
        and found["Escape"] in ('"', "(empty)")
        and found["NewLineDelimiter"] in ("\\n", "\\r\\n")
        and found["SkipRows"] == 0
        and found["HasHeader"]
        and found["DateFormat"] in (None, "%Y-%m-%d")
        and found["TimestampFormat"] is None
    )
    alike = {kind for _, kind in kinds} <= ALIKE and len(set(names)) == len(names) > 1
    if not plain or not alike:
        return None
    columns = tuple((name, to_postgres(kind)) for name, (_, kind) in zip(names, kinds, strict=True))
    fine = any(kind == "TIMESTAMP" for _, kind in kinds)
    return RawFile(path, found["Delimiter"], _shape(found), columns, fine)


def chunks_of(raw: RawFile) -> Iterator[bytes]:
    """The file's bytes. NotAlike after any of them, the last one included."""
    checks = Quotes(raw.delimiter.encode()[0])
    tail = b""
    with open(raw.path, "rb") as file:
        while chunk := file.read(CHUNK):
            checks.see(chunk)
            around = tail + chunk
            if ENDS_DATA.search(around) or (raw.fine and TOO_FINE.search(around)):
                raise NotAlike(raw.path)
            tail = chunk[-16:]
            yield chunk
    checks.end()
    if raw.look is not None and raw.look.shape() != raw.shape:
        raise NotAlike(raw.path)


class Quotes:
    """Sees whether quotes stand around whole values only, doubled within them, as both readers take them."""

    def __init__(self, delimiter: int) -> None:
        self._edges = EDGES | {delimiter}
        self._inside = False
        self._last: int | None = LINE_END  # byte outside of quotes; None: a quote has just closed

    def see(self, chunk: bytes) -> None:
        edges, inside, last = self._edges, self._inside, self._last
        for i, part in enumerate(chunk.split(b'"')):
            if i:
                inside = not inside
                if inside and last is not None and last not in edges:
                    raise NotAlike
                last = None
            if part and not inside:
                if last is None and part[0] not in edges:
                    raise NotAlike
                last = part[-1]
        self._inside, self._last = inside, last

    def end(self) -> None:
        if self._inside:
            raise NotAlike


class Look:
    """A look at all rows, in a thread of its own, which begins at once."""

    def __init__(self, sql: str, cursor: Cursor) -> None:
        self._found: Shape | None = None
        self._thread = threading.Thread(target=self._run, args=(sql, cursor), daemon=True)
        self._thread.start()

    def _run(self, sql: str, cursor: Cursor) -> None:
        with suppress(duckdb.Error):  # whatever is wrong there is told by who reads it
            self._found = _shape(_sniffed(cursor, sql))
            cursor.close()

    def shape(self) -> Shape | None:
        self._thread.join()
        return self._found
