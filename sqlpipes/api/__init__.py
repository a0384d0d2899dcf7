"""The only place where the parts are put together: load, plan, build and what looks at them.

Every function takes and returns values, prints nothing and keeps nothing: two projects, or one
project twice, can be worked on in one process. Engines and stores are opened here and closed here.
"""

from sqlpipes.api.artifacts import artifacts
from sqlpipes.api.build import build
from sqlpipes.api.build_report import Report
from sqlpipes.api.cards import Card, cards, column_docs
from sqlpipes.api.columns import check_column, lineage
from sqlpipes.api.commit_files import branches
from sqlpipes.api.config import read_settings
from sqlpipes.api.debug import Fact, debug, debug_unread
from sqlpipes.api.folder import clean, write_starter
from sqlpipes.api.freshness import SourceAge, freshness
from sqlpipes.api.impact import impact, save_image
from sqlpipes.api.jobs import How, JobStatus, Outcome, job_named, job_runs, jobs, load_as
from sqlpipes.api.look import compiled, lint, rows
from sqlpipes.api.metrics import Series, metric
from sqlpipes.api.past import AssetStatus, forced_by_last, run_details, runs, status, unfinished
from sqlpipes.api.plan import plan, plan_statements, why
from sqlpipes.api.project import Project, load, project_root
from sqlpipes.api.rename import Renamed, left_behind, rename
from sqlpipes.api.report import report
from sqlpipes.api.resources import with_resources
from sqlpipes.api.search import search
from sqlpipes.api.selection import Ask, select
from sqlpipes.api.sensors import (
    SensorStatus,
    Tried,
    reset_sensor,
    run_sensor,
    sensors,
)
from sqlpipes.api.serve import serve
from sqlpipes.api.site import (
    AssetPage,
    Overview,
    asset_pages,
    hidden_in,
    overview,
    run_pages,
    standing,
)
from sqlpipes.api.state import export_state, import_state, state_size
from sqlpipes.api.terms import Watch
from sqlpipes.api.tick import Ticked, run_job, tick
from sqlpipes.api.unit_tests import due_unit_tests, run_unit_tests, unit_tests
from sqlpipes.decide.states import SliceState

__all__ = [
    "Ask",
    "AssetPage",
    "AssetStatus",
    "Card",
    "Fact",
    "How",
    "JobStatus",
    "Outcome",
    "Overview",
    "Project",
    "Renamed",
    "Report",
    "SensorStatus",
    "Series",
    "SliceState",
    "SourceAge",
    "Ticked",
    "Tried",
    "Watch",
    "artifacts",
    "asset_pages",
    "branches",
    "build",
    "cards",
    "check_column",
    "clean",
    "column_docs",
    "compiled",
    "debug",
    "debug_unread",
    "due_unit_tests",
    "export_state",
    "forced_by_last",
    "freshness",
    "hidden_in",
    "impact",
    "import_state",
    "job_named",
    "job_runs",
    "jobs",
    "left_behind",
    "lineage",
    "lint",
    "load",
    "load_as",
    "metric",
    "overview",
    "plan",
    "plan_statements",
    "project_root",
    "read_settings",
    "rename",
    "report",
    "reset_sensor",
    "rows",
    "run_details",
    "run_job",
    "run_pages",
    "run_sensor",
    "run_unit_tests",
    "runs",
    "save_image",
    "search",
    "select",
    "sensors",
    "serve",
    "standing",
    "state_size",
    "status",
    "tick",
    "unfinished",
    "unit_tests",
    "why",
    "with_resources",
    "write_starter",
]
