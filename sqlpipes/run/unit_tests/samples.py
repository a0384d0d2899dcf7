"""A Sample -> a table of its rows as they were written, each with its number; nothing is cast yet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import EngineError, Location, Problem, ProjectError
from sqlpipes.core.sql import Relation, identifier
from sqlpipes.core.unit_test import Form, Place, Row, Sample
from sqlpipes.run.warehouse import Warehouse

ROW = "sqlpipes_row"  # the number of a row in its sample, from 0
CATALOG = "sqlpipes_unit_test"  # the database in which rows stand as they were written
DATES = (
    ("DATE", r"\d{4}-\d\d-\d\d"),
    ("TIMESTAMP", r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?"),
)
PLAIN = (
    ("BIGINT", r"-?(0|[1-9]\d{0,17})"),
    ("DOUBLE", r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?"),
    ("BOOLEAN", r"(?i:true|false)"),
)


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows in a table. `types` are the engine's, `guesses` what the texts look like.

    A column that is not among `filled` has no value at all. `table` is quoted; "" when there are no rows
    and so no columns.
    """

    sample: Sample
    table: str = ""
    columns: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    guesses: Mapping[str, str] = field(default_factory=dict)
    filled: frozenset[str] = frozenset()
    rows: tuple[Row, ...] = ()

    def at(self, row: int, column: str | None = None) -> Location | None:
        """Where a row, or one cell of it, was written; the sample's place when nobody knows."""
        where = self.sample.at
        if where is None or row >= len(self.rows):
            return where
        found = self.rows[row]
        place = found.cells.get(column, found.place) if column else found.place
        return Location(where.file, *place)

    def column_at(self, column: str) -> Location | None:
        """Where a column is first named."""
        where = self.sample.at
        for number, row in enumerate(self.rows):
            if column in row.values:
                named = row.keys.get(column)
                return Location(where.file, *named) if where and named else self.at(number, column)
        return where


def aside(name: str) -> Relation:
    """A table that no query of the project can mean."""
    return Relation(name, "main", CATALOG)


def stage(sample: Sample, name: str, connection: Connection, warehouse: Warehouse) -> Staged:
    """Load the rows into a table of their own. Raises ProjectError UTS004 for rows that are none."""
    relation = aside(name)
    if sample.form is Form.SQL:
        return _from_query(sample, relation, connection, warehouse)
    if sample.form is Form.FRAME:
        return _from_frame(sample, relation, connection, warehouse)
    rows = _csv_rows(sample) if sample.form is Form.CSV else sample.rows
    return _from_rows(replace(sample, rows=tuple(rows)), relation, connection, warehouse)


def _from_rows(
    sample: Sample, relation: Relation, connection: Connection, warehouse: Warehouse
) -> Staged:
    names = _names(sample)
    if not sample.rows:  # a row that names no column is one, too
        return Staged(sample, columns=names, rows=sample.rows)
    values = {name: [row.values.get(name) for row in sample.rows] for name in names}
    filled = {name for name in names if any(value is not None for value in values[name])}
    guesses = {name: guess for name in filled if (guess := _guess(sample, values[name]))}
    data: dict[str, Any] = {ROW: list(range(len(sample.rows)))}
    data |= {name: _alike(values[name]) for name in names}
    try:
        connection.load(relation, data)
    except EngineError as error:
        raise _unloadable(sample, error) from error
    table = warehouse.quote(relation)
    types = dict(connection.describe(f"select * from {table}"))
    return Staged(sample, table, names, types, guesses, frozenset(filled), sample.rows)


def _names(sample: Sample) -> tuple[str, ...]:
    """Every column of any row, in the order of their first mention; UTS004 for twins."""
    found: dict[str, str] = {}
    for number, row in enumerate(sample.rows):
        for name in row.values:
            known = found.setdefault(str(name).casefold(), str(name))
            if known != str(name):
                at = Staged(sample, rows=sample.rows).at(number, name)
                message = f"'{known}' and '{name}' are one column, spelt in two ways"
                raise ProjectError(Problem("UTS004", message, at, "spell it alike in all rows"))
    return tuple(found.values())


def _alike(values: Sequence[Any]) -> list[Any]:
    """Values that the engine can hold in one column: texts among others make all of them texts."""
    kinds = {type(value) for value in values if value is not None}
    mixed = (str in kinds and len(kinds) > 1) or (bool in kinds and len(kinds) > 1)
    return [None if v is None else _text(v) for v in values] if mixed else list(values)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _guess(sample: Sample, values: Iterable[Any]) -> str | None:
    """What the texts of a column are by their look; CSV has nothing else."""
    texts = [value for value in values if value is not None]
    if not sample.guessed or not all(isinstance(value, str) for value in texts):
        return None
    kinds = (*PLAIN, *DATES) if sample.form is Form.CSV else DATES
    return next((k for k, p in kinds if all(re.fullmatch(p, value) for value in texts)), None)


def _csv_rows(sample: Sample) -> list[Row]:
    """A cell without text is NULL; blank lines are no rows."""
    reader = csv.reader(io.StringIO(sample.text), skipinitialspace=True, strict=True)
    found: list[Row] = []
    header: list[str] | None = None
    try:
        for cells in reader:
            line = sample.line + reader.line_num - 1
            if not any(cell.strip() for cell in cells) and len(cells) < 2:
                continue
            if header is None:
                header = _header(cells, sample, line)
            elif len(cells) != len(header):
                message = f"this line has {len(cells)} cells and the header {len(header)}"
                raise ProjectError(Problem("UTS004", message, _line(sample, line)))
            else:
                values = {name: cell or None for name, cell in zip(header, cells, strict=True)}
                found.append(Row(values, _place(sample, line)))
    except csv.Error as error:
        at = _line(sample, sample.line + max(reader.line_num, 1) - 1)
        raise ProjectError(Problem("UTS004", f"this is no CSV: {error}", at)) from error
    return found


def _header(cells: list[str], sample: Sample, line: int) -> list[str]:
    header = [cell.strip() for cell in cells]
    if not all(header) or len({name.casefold() for name in header}) < len(header):
        message = "the first line must name every column once"
        raise ProjectError(Problem("UTS004", message, _line(sample, line)))
    return header


def _line(sample: Sample, line: int) -> Location | None:
    return Location(sample.at.file, line) if sample.at else None


def _place(sample: Sample, line: int) -> Place:
    return line, 1, 1


def _from_query(
    sample: Sample, relation: Relation, connection: Connection, warehouse: Warehouse
) -> Staged:
    table = warehouse.quote(relation)
    text = sample.text.strip().rstrip(";")
    lines = sample.text[: len(sample.text) - len(sample.text.lstrip())].count("\n")
    head = f"create or replace table {table} as select row_number() over () - 1 as {ROW}, *"
    try:
        connection.execute(f"{head} from (\n{text}\n)")
    except EngineError as error:
        raise _unloadable(sample, error, lines) from error
    return _staged(sample, connection, table)


def _from_frame(
    sample: Sample, relation: Relation, connection: Connection, warehouse: Warehouse
) -> Staged:
    landing = aside("sqlpipes_incoming_frame")
    table = warehouse.quote(relation)
    try:
        connection.load(landing, sample.data)
    except EngineError as error:
        raise _unloadable(sample, error) from error
    head = f"create or replace table {table} as select row_number() over () - 1 as {ROW}, *"
    connection.execute(f"{head} from {warehouse.quote(landing)}")
    return _staged(sample, connection, table)


def _staged(sample: Sample, connection: Connection, table: str) -> Staged:
    described = connection.describe(f"select * from {table}")
    types = {name: kind for name, kind in described if name != ROW}
    counts = ", ".join(f"count({identifier(name)})" for name in types)
    (found,) = connection.fetch(f"select {counts} from {table}").rows if types else ((),)
    filled = frozenset(name for name, count in zip(types, found, strict=True) if count)
    return Staged(sample, table, tuple(types), types, {}, filled)


def _unloadable(sample: Sample, error: EngineError, blank_lines: int = 0) -> ProjectError:
    """The engine's complaint about rows, at their place; a query's line counts from its second."""
    problem = error.problems[0]
    at = sample.at
    if at is not None and sample.form is Form.SQL and problem.at is not None:
        at = Location(at.file, sample.line + blank_lines + max(problem.at.line - 2, 0))
    return ProjectError(Problem("UTS004", problem.message, at, problem.hint))
