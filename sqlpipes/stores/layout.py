"""The tables of the state as plain values. SQLite's are made of them here, SQLAlchemy's in `tables.py`.

docs/state.md says what each column means. Instants are ISO text, values with a structure are JSON text: both
read alike on every database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from sqlpipes.core.dataclass import dataclass

SERIAL = "serial"  # counts up by itself
IN_SQLITE: Mapping[str, str] = MappingProxyType({SERIAL: "INTEGER"})  # only that does so there


@dataclass(frozen=True, slots=True)
class Column:
    """`type`: text, integer, bigint, float, boolean or serial. `default`: as SQL."""

    name: str
    type: str
    null: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """One table. `never_again`: no serial comes twice, as marks name steps that pruning may have taken."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: tuple[str, ...]
    indexes: Mapping[str, tuple[str, ...]]
    never_again: bool
    wide: bool  # its rows are long: in SQLite they are kept apart from their key

    @property
    def has_serial(self) -> bool:
        return any(column.type == SERIAL for column in self.columns)


def _layout(
    name: str,
    columns: str,
    key: str,
    *,
    unique: tuple[str, ...] = (),
    indexes: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    never_again: bool = False,
    wide: bool = False,
) -> Layout:
    """A line for each column: its name, its type with a ? where it may be null, its default after a =."""
    found = tuple(_column(line) for line in columns.strip().splitlines())
    full = {f"sqlpipes_{name}_by_{end}": columns for end, columns in indexes.items()}
    keys, rest = tuple(key.split(", ")), (never_again, wide)
    return Layout(f"sqlpipes_{name}", found, keys, unique, MappingProxyType(full), *rest)


def _column(line: str) -> Column:
    """
    >>> _column("  failed boolean? = false")
    Column(name='failed', type='boolean', null=True, default='false')
    """
    said, _, default = line.partition(" = ")
    name, kind = said.split()
    return Column(name, kind.removesuffix("?"), kind.endswith("?"), default.strip() or None)


SCHEMA = _layout(
    "schema",
    """
    version integer
    """,
    "version",
    wide=True,
)
TICKS = _layout(
    "ticks",
    """
    target text
    tick bigint
    """,
    "target",
)
STAMPS = _layout(
    "stamps",
    """
    target text
    key text
    value text
    """,
    "target, key",
)
ASSETS = _layout(
    "assets",
    """
    target text
    asset text
    version text
    version_since bigint
    checks_version text
    checked_at bigint
    token text?
    relation text?
    failed boolean
    broken text?
    shrunk_at bigint = 0
    loose_at bigint = 0
    built_at text?
    definition text?
    """,
    "target, asset",
    wide=True,
)
SLICES = _layout(
    "slices",
    """
    target text
    asset text
    grain text
    low bigint
    high bigint
    version text
    read_at bigint
    written_at bigint
    moved text = ''
    """,
    "target, asset, grain, low",
)
WINDOWS = _layout(
    "windows",
    """
    target text
    asset text
    grain text
    low bigint
    token text
    """,
    "target, asset, grain, low",
)
MARKS = _layout(
    "marks",
    """
    target text
    asset text
    step_id bigint
    slices text
    version text
    read_at bigint
    full_rewrite boolean
    alive boolean
    """,
    "target, asset, step_id",
)
BUILDERS = _layout(
    "builders",
    """
    target text
    run_id text
    beat bigint
    pid bigint
    place text
    command text
    """,
    "target, run_id",
)
LEASES = _layout(
    "leases",
    """
    target text
    fence bigint
    run_id text
    asset text
    slices text
    full_rewrite boolean
    """,
    "target, fence",
)
RUNS = _layout(
    "runs",
    """
    id serial
    run_id text
    target text
    status text
    command text
    started_at text
    finished_at text?
    seconds float?
    planned integer
    current integer
    selected text
    pid bigint
    place text
    commit_id text = ''
    job text = ''
    """,
    "id",
    unique=("target", "run_id"),
    indexes={"status": ("target", "status")},
)
STEPS = _layout(
    "steps",
    """
    id serial
    run_id text
    target text
    asset text
    action text
    status text
    version text = ''
    checks_version text = ''
    slices text
    full_rewrite boolean = false
    read_at bigint?
    written_at bigint?
    started_at text
    finished_at text?
    seconds float?
    row_count bigint?
    because text = ''
    reasons text = '[]'
    statements text = '[]'
    problems text = '[]'
    statement text?
    metadata text = '{}'
    log text = ''
    ops text = '[]'
    bytes bigint?
    columns text = '[]'
    """,
    "id",
    indexes={"asset": ("target", "asset", "written_at"), "run": ("run_id", "asset")},
    never_again=True,
)
CHECKS = _layout(
    "checks",
    """
    id serial
    run_id text
    target text
    asset text
    check_name text
    at text
    status text
    failures bigint
    seconds float
    message text
    columns text
    sample text
    metadata text = '{}'
    """,
    "id",
    indexes={"name": ("target", "check_name"), "run": ("run_id",)},
)
JOBS = _layout(
    "jobs",
    """
    target text
    job text
    schedule text
    since text
    """,
    "target, job",
)
JOB_RUNS = _layout(
    "job_runs",
    """
    target text
    job text
    key text
    due text?
    because text
    request text
    status text
    attempts integer
    claim text
    run_id text
    message text
    asked_at text
    started_at text?
    finished_at text?
    """,
    "target, job, key",
    indexes={"status": ("target", "status")},
    wide=True,
)
AUTOMATION = _layout(
    "automation",
    """
    target text
    asset text
    at text?
    verdicts text
    tries text
    handled text?
    """,
    "target, asset",
)
VERDICTS = _layout(
    "verdicts",
    """
    target text
    asset text
    number bigint
    at text
    verdicts text
    """,
    "target, asset, number",
)
SENSORS = _layout(
    "sensors",
    """
    target text
    sensor text
    cursor text?
    tried_at text?
    asked_at text?
    outcome text?
    message text
    seconds float
    log text
    problems text
    """,
    "target, sensor",
)
WANTED = _layout(
    "wanted",
    """
    target text
    sensor text
    key text
    request text
    at text
    done_at text?
    """,
    "target, sensor, key",
)
TABLES = (
    *(SCHEMA, TICKS, STAMPS, ASSETS, SLICES, WINDOWS, MARKS, BUILDERS, LEASES, RUNS, STEPS, CHECKS),
    *(JOBS, JOB_RUNS, AUTOMATION, VERDICTS, SENSORS, WANTED),
)


def sqlite_ddl() -> Iterator[str]:
    """The statements that make all tables and indexes in a SQLite file."""
    for table in TABLES:
        parts = [_column_ddl(table, column) for column in table.columns]
        if not table.has_serial:
            parts.append(f"PRIMARY KEY ({', '.join(table.key)})")
        if table.unique:
            parts.append(f"UNIQUE ({', '.join(table.unique)})")
        end = "" if table.has_serial or table.wide else " WITHOUT ROWID"
        yield f"CREATE TABLE {table.name} ({', '.join(parts)}){end}"
        for name, columns in table.indexes.items():
            yield f"CREATE INDEX {name} ON {table.name} ({', '.join(columns)})"


def _column_ddl(table: Layout, column: Column) -> str:
    said = f"{column.name} {IN_SQLITE.get(column.type, column.type.upper())}"
    if column.type == SERIAL:
        return f"{said} NOT NULL PRIMARY KEY{' AUTOINCREMENT' if table.never_again else ''}"
    if not column.null:
        said += " NOT NULL"
    return said if column.default is None else f"{said} DEFAULT {column.default}"
