"""The only place where the parts are put together: load, plan, build and what looks at them.

Every function takes and returns values, prints nothing and keeps nothing: two projects, or one
project twice, can be worked on in one process. Engines and stores are opened here and closed here.

Each is imported when it is first asked for: a command loads what it needs, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlpipes.api.ages import SourceAge, freshness
    from sqlpipes.api.build_report import Report
    from sqlpipes.api.building import build
    from sqlpipes.api.card import Card, cards, column_docs
    from sqlpipes.api.columns import check_column, lineage
    from sqlpipes.api.commit_files import branches
    from sqlpipes.api.config import read_settings
    from sqlpipes.api.dbt import artifacts
    from sqlpipes.api.debugging import Fact, debug, debug_unread
    from sqlpipes.api.folder import clean, write_starter
    from sqlpipes.api.following import Following, holder_of, place_of
    from sqlpipes.api.impacts import impact, save_image
    from sqlpipes.api.look import compiled, lint, rows
    from sqlpipes.api.metrics import Series, metric
    from sqlpipes.api.openlineage.writing import (
        openlineage_events,
        send_openlineage,
        write_openlineage,
    )
    from sqlpipes.api.past import AssetStatus, forced_by_last, run_details, runs, status, unfinished
    from sqlpipes.api.plans import plan, plan_statements, why
    from sqlpipes.api.project import Project, load, project_root
    from sqlpipes.api.queue import How, JobStatus, Outcome, job_named, job_runs, jobs, load_as
    from sqlpipes.api.renaming import Renamed, left_behind, rename
    from sqlpipes.api.reporting import report
    from sqlpipes.api.resources import with_resources
    from sqlpipes.api.searching import search
    from sqlpipes.api.selection import Ask, select
    from sqlpipes.api.sensing import SensorStatus, Tried, reset_sensor, run_sensor, sensors
    from sqlpipes.api.serving import serve
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
    from sqlpipes.api.testing import due_unit_tests, run_unit_tests, unit_tests
    from sqlpipes.api.ticking import Ticked, run_job, tick
    from sqlpipes.api.watched import files_seen
    from sqlpipes.decide.states import SliceState

__all__ = [
    "Ask",
    "AssetPage",
    "AssetStatus",
    "Card",
    "Fact",
    "Following",
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
    "files_seen",
    "forced_by_last",
    "freshness",
    "hidden_in",
    "holder_of",
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
    "openlineage_events",
    "overview",
    "place_of",
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
    "send_openlineage",
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
    "write_openlineage",
    "write_starter",
]

_HOMES = {
    "sqlpipes.api.ages": "SourceAge freshness",
    "sqlpipes.api.build_report": "Report",
    "sqlpipes.api.building": "build",
    "sqlpipes.api.card": "Card cards column_docs",
    "sqlpipes.api.columns": "check_column lineage",
    "sqlpipes.api.commit_files": "branches",
    "sqlpipes.api.config": "read_settings",
    "sqlpipes.api.dbt": "artifacts",
    "sqlpipes.api.debugging": "Fact debug debug_unread",
    "sqlpipes.api.folder": "clean write_starter",
    "sqlpipes.api.following": "Following holder_of place_of",
    "sqlpipes.api.impacts": "impact save_image",
    "sqlpipes.api.look": "compiled lint rows",
    "sqlpipes.api.metrics": "Series metric",
    "sqlpipes.api.openlineage.writing": "openlineage_events send_openlineage write_openlineage",
    "sqlpipes.api.past": "AssetStatus forced_by_last run_details runs status unfinished",
    "sqlpipes.api.plans": "plan plan_statements why",
    "sqlpipes.api.project": "Project load project_root",
    "sqlpipes.api.queue": "How JobStatus Outcome job_named job_runs jobs load_as",
    "sqlpipes.api.renaming": "Renamed left_behind rename",
    "sqlpipes.api.reporting": "report",
    "sqlpipes.api.resources": "with_resources",
    "sqlpipes.api.searching": "search",
    "sqlpipes.api.selection": "Ask select",
    "sqlpipes.api.sensing": "SensorStatus Tried reset_sensor run_sensor sensors",
    "sqlpipes.api.serving": "serve",
    "sqlpipes.api.site": "AssetPage Overview asset_pages hidden_in overview run_pages standing",
    "sqlpipes.api.state": "export_state import_state state_size",
    "sqlpipes.api.terms": "Watch",
    "sqlpipes.api.testing": "due_unit_tests run_unit_tests unit_tests",
    "sqlpipes.api.ticking": "Ticked run_job tick",
    "sqlpipes.api.watched": "files_seen",
    "sqlpipes.decide.states": "SliceState",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = next((home for home, names in _HOMES.items() if name in names.split()), None)
    if home is None:
        raise AttributeError(f"module 'sqlpipes.api' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    return __all__
