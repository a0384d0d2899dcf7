"""Looks at the files, the state and the warehouse, and writes the artifacts whole or not at all."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlpipes.api.columns import found_for, known_columns, traced, warehouse_columns
from sqlpipes.api.dbt.catalog import catalog
from sqlpipes.api.dbt.manifest import manifest
from sqlpipes.api.dbt.results import instant, run_results
from sqlpipes.api.look import compiled
from sqlpipes.api.past import run_details, runs
from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project
from sqlpipes.api.selection import Ask
from sqlpipes.api.whole_files import write_whole
from sqlpipes.core.asset import Kind, SeedBody
from sqlpipes.core.errors import Problem, ProjectError, SqlpipesError
from sqlpipes.core.lineage import documented
from sqlpipes.run.masking import Mask
from sqlpipes.version import __version__

FOLDER = "target"
AS_DBT = "1.11.0"  # the dbt whose files these are like: readers compare it


def artifacts(
    project: Project,
    folder: str | None = None,
    *,
    run: str | None = None,
    now: datetime | None = None,
) -> tuple[str, ...]:
    """Write dbt's manifest.json, catalog.json and run_results.json; gives their paths.

    `folder`: of the project, `target` if not said. `run`: the id of a run, or "last"; without one it is
    the newest run, and no run_results are written when there is none. Raises ProjectError ART001 when a
    file cannot be written, RUN001 and RUN002 for a run that there is not, and for files with faults.
    """
    project.raise_errors()
    record = run_details(project, run or "last") if run or runs(project, 1) else None
    stamp = instant(now or utc_now()) or ""
    seen = warehouse_columns(project)
    columns = documented(
        project.graph, traced(project, known_columns(project, connect=True, seen=seen))
    )
    there = {
        asset.name: found
        for asset in project.graph.assets.values()
        if (found := found_for(asset, seen, project.config.dialect))
    }
    sql: dict[str, str] = {}
    with suppress(SqlpipesError):  # what only the warehouse can answer, while it is not to be had
        sql = compiled(project, Ask())
    about = _about(project, stamp, stamp)
    files = {
        "manifest.json": manifest(project, columns, sql, _texts(project), about),
        "catalog.json": catalog(project, there, columns, _plain(about)),
    }
    if record is not None:
        of_run = _about(project, stamp, record.run_id, instant(record.started_at))
        files["run_results.json"] = run_results(project, record, sql, _plain(of_run))
    place = os.path.join(project.root, folder or FOLDER)
    return tuple(_write(project, os.path.join(place, name), said) for name, said in files.items())


def _about(project: Project, stamp: str, what: str, began: str | None = None) -> dict[str, Any]:
    """The metadata of a manifest. The invocation is the run, so that results can be told apart."""
    name = project.config.name
    return {
        "dbt_version": AS_DBT,
        "generated_at": stamp,
        "invocation_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"sqlpipes:{name}:{what}")),
        "invocation_started_at": began,
        "env": {"SQLPIPES_VERSION": __version__},
        "project_name": name,
        "project_id": None,
        "adapter_type": project.target.engine,
    }


def _plain(about: dict[str, Any]) -> dict[str, Any]:
    """Without what only a manifest says."""
    left_out = ("project_name", "project_id", "adapter_type")
    return {key: value for key, value in about.items() if key not in left_out}


def _texts(project: Project) -> dict[str, str]:
    """Asset -> the text of its file, of those that have one of text."""
    found = {}
    for asset in project.graph.assets.values():
        if asset.kind is Kind.SOURCE:
            continue
        body = asset.body
        path = body.path if isinstance(body, SeedBody) else asset.path
        with (
            suppress(OSError, ValueError),
            open(os.path.join(project.root, path), encoding="utf-8") as file,
        ):
            found[asset.name] = file.read()
    return found


def _write(project: Project, path: str, said: dict[str, Any]) -> str:
    """As JSON, without secrets, with its keys in order. The file appears when it is whole."""
    plain = json.loads(json.dumps(said, default=str))
    shown = Mask(project.secrets).value(plain)  # not of the JSON: `1234` may stand in a number, too
    text = json.dumps(shown, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        said_of = Problem("ART001", f"{path}: {error.strerror}", hint="say another --target-path")
        raise ProjectError(said_of) from error
    return path
