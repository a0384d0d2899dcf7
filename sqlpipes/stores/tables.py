"""The tables of the state as SQLAlchemy knows them. docs/state.md says what each column means.

Instants are ISO text, values with a structure are JSON text: both read alike on every database.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()

_serial = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself there

schema_version = Table(
    "sqlpipes_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

ticks = Table(
    "sqlpipes_ticks",
    metadata,
    Column("target", Text, primary_key=True),
    Column("tick", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

stamps = Table(
    "sqlpipes_stamps",
    metadata,
    Column("target", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

assets = Table(
    "sqlpipes_assets",
    metadata,
    Column("target", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("version_since", BigInteger, nullable=False),
    Column("checks_version", Text, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
    Column("token", Text),
    Column("relation", Text),
    Column("failed", Boolean, nullable=False),
    Column("broken", Text),
    Column("shrunk_at", BigInteger, nullable=False, server_default="0"),
    Column("loose_at", BigInteger, nullable=False, server_default="0"),
    Column("built_at", Text),
    Column("definition", Text),
)

slices = Table(
    "sqlpipes_slices",
    metadata,
    Column("target", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("grain", Text, primary_key=True),
    Column("low", BigInteger, primary_key=True, autoincrement=False),
    Column("high", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("moved", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

windows = Table(
    "sqlpipes_windows",
    metadata,
    Column("target", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("grain", Text, primary_key=True),
    Column("low", BigInteger, primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False),
    sqlite_with_rowid=False,
)

marks = Table(
    "sqlpipes_marks",
    metadata,
    Column("target", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("step_id", BigInteger, primary_key=True, autoincrement=False),
    Column("slices", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    Column("full_rewrite", Boolean, nullable=False),
    Column("alive", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

builders = Table(
    "sqlpipes_builders",
    metadata,
    Column("target", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("beat", BigInteger, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("place", Text, nullable=False),
    Column("command", Text, nullable=False),
    sqlite_with_rowid=False,
)

leases = Table(
    "sqlpipes_leases",
    metadata,
    Column("target", Text, primary_key=True),
    Column("fence", BigInteger, primary_key=True, autoincrement=False),
    Column("run_id", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("slices", Text, nullable=False),
    Column("full_rewrite", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

runs = Table(
    "sqlpipes_runs",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("seconds", Float),
    Column("planned", Integer, nullable=False),
    Column("current", Integer, nullable=False),
    Column("selected", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("place", Text, nullable=False),
    Column("commit_id", Text, nullable=False, server_default=""),
    Column("job", Text, nullable=False, server_default=""),
    UniqueConstraint("target", "run_id"),
    Index("sqlpipes_runs_by_status", "target", "status"),
)

steps = Table(
    "sqlpipes_steps",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Text, nullable=False, server_default=""),
    Column("checks_version", Text, nullable=False, server_default=""),
    Column("slices", Text, nullable=False),
    Column("full_rewrite", Boolean, nullable=False, server_default=false()),
    Column("read_at", BigInteger),
    Column("written_at", BigInteger),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("seconds", Float),
    Column("row_count", BigInteger),
    Column("because", Text, nullable=False, server_default=""),
    Column("reasons", Text, nullable=False, server_default="[]"),
    Column("statements", Text, nullable=False, server_default="[]"),
    Column("problems", Text, nullable=False, server_default="[]"),
    Column("statement", Text),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Column("log", Text, nullable=False, server_default=""),
    Column("ops", Text, nullable=False, server_default="[]"),
    Column("bytes", BigInteger),
    Column("columns", Text, nullable=False, server_default="[]"),
    Index("sqlpipes_steps_by_run", "run_id", "asset"),
    Index("sqlpipes_steps_by_asset", "target", "asset", "written_at"),
    sqlite_autoincrement=True,  # marks name steps that pruning may have taken: no id comes twice
)

checks = Table(
    "sqlpipes_checks",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("check_name", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("sample", Text, nullable=False),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Index("sqlpipes_checks_by_run", "run_id"),
    Index("sqlpipes_checks_by_name", "target", "check_name"),
)

jobs = Table(
    "sqlpipes_jobs",
    metadata,
    Column("target", Text, primary_key=True),
    Column("job", Text, primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("since", Text, nullable=False),
    sqlite_with_rowid=False,
)

job_runs = Table(
    "sqlpipes_job_runs",
    metadata,
    Column("target", Text, primary_key=True),
    Column("job", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("due", Text),
    Column("because", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claim", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("started_at", Text),
    Column("finished_at", Text),
    Index("sqlpipes_job_runs_by_status", "target", "status"),
)

automation = Table(
    "sqlpipes_automation",
    metadata,
    Column("target", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("at", Text),
    Column("verdicts", Text, nullable=False),
    Column("tries", Text, nullable=False),
    Column("handled", Text),
    sqlite_with_rowid=False,
)

verdicts = Table(
    "sqlpipes_verdicts",
    metadata,
    Column("target", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("verdicts", Text, nullable=False),
    sqlite_with_rowid=False,
)

sensors = Table(
    "sqlpipes_sensors",
    metadata,
    Column("target", Text, primary_key=True),
    Column("sensor", Text, primary_key=True),
    Column("cursor", Text),
    Column("tried_at", Text),
    Column("asked_at", Text),
    Column("outcome", Text),
    Column("message", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("log", Text, nullable=False),
    Column("problems", Text, nullable=False),
    sqlite_with_rowid=False,
)

wanted = Table(
    "sqlpipes_wanted",
    metadata,
    Column("target", Text, primary_key=True),
    Column("sensor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("done_at", Text),
    sqlite_with_rowid=False,
)
