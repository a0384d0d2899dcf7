"""The state of targets <-> JSON lines: a header, a line for each row, a footer with their number.

Everything goes in one transaction, so a file that is broken in its last line changes nothing. Rows
are as the tables of docs/state.md have them, so any two databases understand each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, exc, func, insert, select, text
from sqlalchemy import types as sql

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, StoreError, did_you_mean
from sqlpipes.stores import tables as t
from sqlpipes.stores.connect import begin, faults, is_file, make_engine, name_of, parse_url
from sqlpipes.stores.migrations import migrate
from sqlpipes.stores.schema import MIGRATIONS, newest
from sqlpipes.stores.text import plain_text

FORMAT = 1  # of the file
KEY = "sqlpipes_state"
AT_ONCE = 500  # rows of one insert
LONGEST = 10_000_000  # characters of a line
FLEETING = (t.builders, t.leases)  # they live no longer than the builds that are under way
CARRIED = tuple(  # every other table that is about a target; marks name steps, so these come first
    sorted(
        (each for each in t.metadata.sorted_tables if "target" in each.c and each not in FLEETING),
        key=lambda table: (table is t.marks, table.name),
    )
)
ALWAYS_THERE = (t.ticks, t.stamps)  # also where nothing was ever built


@dataclass(frozen=True, slots=True)
class Size:
    """How much a state holds. `rows`: per table, of the target; `targets`: all of the database."""

    where: str
    schema: int
    bytes: int | None  # None: it is not a file of its own
    tick: int
    rows: dict[str, int]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """What an export wrote or an import brought: rows per table, by target."""

    targets: tuple[str, ...]
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, for problems that point into it."""

    file: str
    number: int
    text: str

    def problem(self, message: str, *, near: str = "", hint: str | None = None) -> StoreError:
        column = self.text.find(near) + 1 if near else 1
        at = Location(self.file, self.number, max(column, 1), max(len(near), 1))
        return StoreError(Problem("STO008", message, at, hint))


def size_of(url: str | None, root: str, target: str, bytes_of: Callable[[str], int]) -> Size:
    """Where the state is, and how big; `bytes_of` measures its file."""
    with _opened(url, root) as (engine, where), engine.connect() as db:
        begin(db, writes=False)
        rows = {_short(table): _count(db, table, [target]) for table in CARRIED}
        tick = db.scalar(select(t.ticks.c.tick).where(t.ticks.c.target == target)) or 0
        bytes = bytes_of(where) if is_file(engine.url) else None
        return Size(where, newest(), bytes, tick, rows, tuple(_targets(db)))


def export_lines(
    url: str | None, root: str, target: str | None, *, at: str, version: str
) -> Iterator[str]:
    """The lines of one target, or of all, from one snapshot of the database."""
    with _opened(url, root) as (engine, _), engine.connect() as db:
        if db.dialect.name == "postgresql":
            db = db.execution_options(isolation_level="REPEATABLE READ")
        begin(db, writes=False)
        targets = [target] if target is not None else _targets(db)
        head = {KEY: FORMAT, "schema": newest(), "targets": targets, "at": at, "sqlpipes": version}
        yield json.dumps(head)
        count = 0
        for table in CARRIED:
            query = select(table).where(table.c.target.in_(targets)).order_by(*_order(db, table))
            for row in db.execute(query).mappings():
                count += 1
                yield json.dumps({"table": _short(table), "row": dict(row)}, separators=(",", ":"))
        yield json.dumps({"rows": count})


def import_lines(
    url: str | None,
    root: str,
    target: str | None,
    lines: Iterable[str],
    *,
    file: str,
    replace: bool,
) -> Carried:
    """Take in what a file says of one target, or of all that it holds.

    Raises StoreError: STO008 a line that is wrong, STO009 a file that ends too soon, STO010 one of a
    newer version, STO011 a state that is not empty (unless `replace`), STO012 a target that it lacks.
    """
    numbered = (Line(file, number, text) for number, text in enumerate(lines, 1))
    first = next(numbered, None)
    if first is None:
        raise _ends_too_soon(file, 1, "it is empty")
    targets = _header(first)
    chosen = targets if target is None else [target]
    if target is not None and target not in targets:
        hint = f"-t {targets[0]}, or --all-targets, takes it in" if targets else None
        message = f"{file} holds {', '.join(map(repr, targets)) or 'nothing'}, and not '{target}'"
        raise StoreError(Problem("STO012", message, Location(file), hint))
    with (
        _opened(url, root) as (engine, where),
        faults(where),
        _no_row_twice(file),
        engine.begin() as db,
    ):
        begin(db, writes=True)
        _make_room(db, chosen, where, replace=replace)
        rows = _take_in(db, numbered, frozenset(chosen), frozenset(targets), file)
        _count_on(db)
    return Carried(tuple(chosen), rows)


@contextmanager
def _no_row_twice(file: str) -> Iterator[None]:
    try:
        yield
    except exc.IntegrityError as error:
        message = f"two lines of {file} are about one row: {error.orig}"
        raise StoreError(Problem("STO008", message.splitlines()[0], Location(file))) from None


@contextmanager
def _opened(url: str | None, root: str) -> Iterator[tuple[Engine, str]]:
    """The database, brought to today's schema."""
    with faults("`state`" if url else root):
        parsed = parse_url(url, root)
    where = name_of(parsed)
    with faults(where):
        engine = make_engine(parsed)
        try:
            migrate(engine, where, MIGRATIONS)
            yield engine, where
        finally:
            engine.dispose()


def _order(db: Connection, table: Table) -> list[Any]:
    """By key, texts by their code points wherever they are: two databases write the same file."""
    plain = db.dialect.name == "postgresql"
    return [
        column.collate("C") if plain and isinstance(column.type, sql.Text) else column
        for column in table.primary_key
    ]


def _short(table: Table) -> str:
    return table.name.removeprefix("sqlpipes_")


def _targets(db: Connection) -> list[str]:
    found = {name for table in CARRIED for name in db.scalars(select(table.c.target).distinct())}
    return sorted(found)


def _count(db: Connection, table: Table, targets: Sequence[str]) -> int:
    query = select(func.count()).select_from(table).where(table.c.target.in_(targets))
    return int(db.scalar(query) or 0)


def _header(line: Line) -> list[str]:
    said = _json(line)
    form, schema = said.get(KEY), said.get("schema")
    targets = said.get("targets")
    texts = isinstance(targets, list) and all(isinstance(each, str) for each in targets)
    if not (isinstance(form, int) and isinstance(schema, int) and texts):
        hint = "sqlpipes state export writes such files"
        raise line.problem(
            "this is no export of a state: its first line says nothing of one", hint=hint
        )
    if form > FORMAT or schema > newest():
        message = f"a newer sqlpipes ({said.get('sqlpipes')}) wrote this file"
        at = Location(line.file, line.number)
        raise StoreError(Problem("STO010", message, at, "upgrade this one"))
    assert isinstance(targets, list)
    return targets


def _make_room(db: Connection, targets: Sequence[str], where: str, *, replace: bool) -> None:
    """An import never mixes two pasts."""
    if not replace:
        for name in targets:
            held = sum(_count(db, table, [name]) for table in CARRIED if table not in ALWAYS_THERE)
            if held:
                message = f"the state in {where} holds {held:,} rows of '{name}' already"
                hint = "--replace throws them away first"
                raise StoreError(Problem("STO011", message, hint=hint))
    for table in CARRIED:
        db.execute(delete(table).where(table.c.target.in_(targets)))


def _take_in(
    db: Connection, lines: Iterator[Line], chosen: frozenset[str], known: frozenset[str], file: str
) -> dict[str, int]:
    """Every row up to the footer; rows of targets that are not wanted are only counted."""
    rows = {_short(table): 0 for table in CARRIED}
    tables = {_short(table): table for table in CARRIED}
    shift = {table.name: _highest(db, table) for table in (t.runs, t.steps, t.checks)}
    waiting: dict[str, list[dict[str, Any]]] = {}
    number, line = 1, None
    for line in lines:
        said = _json(line)
        if "rows" in said:
            _footer(line, said, number - 1, lines)
            for name, batch in waiting.items():
                _insert(db, tables[name], batch)
            return rows
        number += 1
        name, row = _row(line, said, tables, known)
        if row["target"] in chosen:
            rows[name] += 1
            batch = waiting.setdefault(name, [])
            batch.append(_shifted(name, row, shift))
            if len(batch) == AT_ONCE:
                _insert(db, tables[name], waiting.pop(name))
    raise _ends_too_soon(file, number, "its last line does not say how many rows there are")


def _footer(line: Line, said: dict[str, Any], found: int, rest: Iterator[Line]) -> None:
    if said["rows"] != found:
        raise _ends_too_soon(
            line.file, line.number, f"{found} rows stand here, {said['rows']} were written"
        )
    for after in rest:
        if after.text.strip():
            raise after.problem("something stands behind the end of the export")


def _ends_too_soon(file: str, number: int, why: str) -> StoreError:
    hint = "it was cut off on its way: export or copy it again"
    return StoreError(
        Problem("STO009", f"{file} is not whole: {why}", Location(file, number), hint)
    )


def _json(line: Line) -> dict[str, Any]:
    try:
        said = json.loads(line.text)
    except json.JSONDecodeError as error:
        at = Location(line.file, line.number, error.colno)
        raise StoreError(Problem("STO008", f"this line is no JSON: {error.msg}", at)) from None
    except RecursionError:
        raise line.problem("this line is nested too deeply") from None
    if not isinstance(said, dict):
        raise line.problem("this line is no JSON object")
    return said


def _row(
    line: Line, said: dict[str, Any], tables: dict[str, Table], known: frozenset[str]
) -> tuple[str, dict[str, Any]]:
    """The table and the row of a line, every value looked at."""
    name, row = said.get("table"), said.get("row")
    if not isinstance(name, str) or not isinstance(row, dict):
        raise line.problem('a line is {"table": ..., "row": {...}}')
    if name not in tables:
        raise line.problem(
            f"there is no table '{name}'", near=f'"{name}"', hint=did_you_mean(name, tables)
        )
    columns = tables[name].c
    for key in row:
        if key not in columns:
            raise line.problem(f"the table '{name}' has no column '{key}'", near=f'"{key}"')
    for column in columns:
        value = row.get(column.name)
        optional = column.nullable or (column.name not in row and column.server_default is not None)
        if value is None and not optional:
            raise line.problem(
                f"'{column.name}' of the table '{name}' is missing", near=f'"{column.name}"'
            )
        if value is not None and not _fits(value, column.type):
            message = f"'{column.name}' of the table '{name}' is {json.dumps(value)[:40]}"
            raise line.problem(message, near=f'"{column.name}"')
    if row["target"] not in known:
        raise line.problem(
            f"the first line does not name the target '{row['target']}'", near='"target"'
        )
    return name, {key: plain_text(v) if isinstance(v, str) else v for key, v in row.items()}


def _fits(value: object, kind: Any) -> bool:
    """Whether a column takes a value; booleans are integers in Python only."""
    if isinstance(kind, sql.Boolean):
        return isinstance(value, bool)
    if isinstance(kind, sql.Float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(kind, sql.Integer):
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63
    return isinstance(value, str)


def _highest(db: Connection, table: Table) -> int:
    """Ids are shared by all targets: what comes in goes behind what is there."""
    marked = select(func.max(t.marks.c.step_id)) if table is t.steps else None
    ids = [db.scalar(select(func.max(table.c.id))), db.scalar(marked) if marked is not None else 0]
    return max(each or 0 for each in ids)


def _shifted(name: str, row: dict[str, Any], shift: dict[str, int]) -> dict[str, Any]:
    if name == "marks":
        return {**row, "step_id": row["step_id"] + shift[t.steps.name]}
    by = shift.get(f"sqlpipes_{name}", 0)
    return {**row, "id": row["id"] + by} if by else row


def _insert(db: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Rows of one insert must have the same columns: an older file may lack some."""
    kinds: dict[frozenset[str], list[dict[str, Any]]] = {}
    for row in rows:
        kinds.setdefault(frozenset(row), []).append(row)
    for each in kinds.values():
        db.execute(insert(table), each)


def _count_on(db: Connection) -> None:
    """The next run, step and check get ids behind all of these: marks name steps for good."""
    for table in (t.runs, t.steps, t.checks):
        last = _highest(db, table)
        if db.dialect.name == "postgresql" and last:
            name = {"table": table.name, "last": last}
            db.execute(text("select setval(pg_get_serial_sequence(:table, 'id'), :last)"), name)
        elif db.dialect.name == "sqlite" and table is t.steps:
            said = {"last": last, "name": table.name}
            done = db.execute(
                text("update sqlite_sequence set seq = :last where name = :name"), said
            )
            if not done.rowcount:
                db.execute(text("insert into sqlite_sequence values (:name, :last)"), said)
