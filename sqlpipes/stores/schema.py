"""Which schema the state has, and how an older one becomes it. Plain values: no driver is needed to ask."""

from __future__ import annotations

from collections.abc import Mapping

SCHEMA_VERSION = 2  # of the tables that a new database gets
MIGRATIONS: Mapping[int, tuple[str, ...]] = {  # the version it makes -> statements
    2: (
        "ALTER TABLE sqlpipes_assets ADD COLUMN broken TEXT",
        "ALTER TABLE sqlpipes_assets ADD COLUMN shrunk_at BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE sqlpipes_assets ADD COLUMN loose_at BIGINT NOT NULL DEFAULT 0",
        "CREATE TABLE sqlpipes_windows (target TEXT NOT NULL, asset TEXT NOT NULL, "
        "grain TEXT NOT NULL, low BIGINT NOT NULL, token TEXT NOT NULL, "
        "PRIMARY KEY (target, asset, grain, low))",
        "CREATE TABLE sqlpipes_builders (target TEXT NOT NULL, run_id TEXT NOT NULL, "
        "beat BIGINT NOT NULL, pid BIGINT NOT NULL, place TEXT NOT NULL, command TEXT NOT NULL, "
        "PRIMARY KEY (target, run_id))",
        "CREATE TABLE sqlpipes_leases (target TEXT NOT NULL, fence BIGINT NOT NULL, "
        "run_id TEXT NOT NULL, asset TEXT NOT NULL, slices TEXT NOT NULL, "
        "full_rewrite BOOLEAN NOT NULL, PRIMARY KEY (target, fence))",
        "ALTER TABLE sqlpipes_slices ADD COLUMN moved TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sqlpipes_steps ADD COLUMN log TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sqlpipes_steps ADD COLUMN ops TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE sqlpipes_steps ADD COLUMN bytes BIGINT",
        "ALTER TABLE sqlpipes_steps ADD COLUMN columns TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE sqlpipes_checks ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}'",
        "ALTER TABLE sqlpipes_runs ADD COLUMN commit_id TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sqlpipes_runs ADD COLUMN job TEXT NOT NULL DEFAULT ''",
        "CREATE TABLE sqlpipes_jobs (target TEXT NOT NULL, job TEXT NOT NULL, "
        "schedule TEXT NOT NULL, since TEXT NOT NULL, PRIMARY KEY (target, job))",
        "CREATE TABLE sqlpipes_job_runs (target TEXT NOT NULL, job TEXT NOT NULL, "
        "key TEXT NOT NULL, due TEXT, because TEXT NOT NULL, request TEXT NOT NULL, "
        "status TEXT NOT NULL, attempts INTEGER NOT NULL, claim TEXT NOT NULL, "
        "run_id TEXT NOT NULL, message TEXT NOT NULL, asked_at TEXT NOT NULL, "
        "started_at TEXT, finished_at TEXT, PRIMARY KEY (target, job, key))",
        "CREATE INDEX sqlpipes_job_runs_by_status ON sqlpipes_job_runs (target, status)",
        "CREATE TABLE sqlpipes_automation (target TEXT NOT NULL, asset TEXT NOT NULL, at TEXT, "
        "verdicts TEXT NOT NULL, tries TEXT NOT NULL, handled TEXT, PRIMARY KEY (target, asset))",
        "CREATE TABLE sqlpipes_verdicts (target TEXT NOT NULL, asset TEXT NOT NULL, "
        "number BIGINT NOT NULL, at TEXT NOT NULL, verdicts TEXT NOT NULL, "
        "PRIMARY KEY (target, asset, number))",
        "CREATE TABLE sqlpipes_sensors (target TEXT NOT NULL, sensor TEXT NOT NULL, cursor TEXT, "
        "tried_at TEXT, asked_at TEXT, outcome TEXT, message TEXT NOT NULL, "
        "seconds DOUBLE PRECISION NOT NULL, log TEXT NOT NULL, problems TEXT NOT NULL, "
        "PRIMARY KEY (target, sensor))",
        "CREATE TABLE sqlpipes_wanted (target TEXT NOT NULL, sensor TEXT NOT NULL, "
        "key TEXT NOT NULL, request TEXT NOT NULL, at TEXT NOT NULL, done_at TEXT, "
        "PRIMARY KEY (target, sensor, key))",
    ),
}


def newest(known: Mapping[int, tuple[str, ...]] = MIGRATIONS) -> int:
    """The version that a state has once every known step was taken."""
    return max(known, default=SCHEMA_VERSION)
