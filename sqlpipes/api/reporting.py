"""Somebody outside wrote an asset or a source: the state is told, and what reads it becomes stale."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.proofs import with_proofs
from sqlpipes.core.asset import Asset, Kind, Materialized
from sqlpipes.core.errors import Location, Problem, ProjectError, SqlpipesError
from sqlpipes.core.events import StepFinished
from sqlpipes.core.history import Past
from sqlpipes.core.metadata import recorded
from sqlpipes.core.partitions import WHOLE, Partitions, as_naive_utc, parse_partitions
from sqlpipes.core.plan import Action
from sqlpipes.core.status import Status

REPORTS = "report-"  # how the ids of what is no run begin


def report(
    project: Project,
    name: str,
    *,
    partition: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    now: datetime | None = None,
) -> StepFinished:
    """Note that `name`, or these slices of it, was written by somebody else; `at`: when, now if not said.

    What reads these slices is stale from now on. A source counts as changed, whatever its `changes` say;
    an asset of the project counts as built, as it is declared now. Numbers in `metadata` can be asked
    for over time. The note is returned.

    Raises ProjectError MET004 for what is not stored, or an instant in the future, and PLN002 for a
    `partition` that names no slice.
    """
    project.raise_errors()
    asset = project.asset(name)
    now = now or utc_now()
    if fault := _unfit(asset) or _future(at, now):
        raise ProjectError(fault)
    with suppress(SqlpipesError):  # sources are cut as their readers read them
        project = with_proofs(project, None)
    asset = project.graph.assets[asset.name]
    with closing(open_store_of(project)) as store:
        past = store.history([asset.name]).of(asset.name)
        slices = _slices(asset, partition, past, now)
        event = _note(project, asset, slices, dict(metadata or {}), at or now)
        store.append(event)
    return event


def _unfit(asset: Asset) -> Problem | None:
    if asset.is_stored:
        return None
    message = f"'{asset.name}' stores no rows that somebody could have written"
    return Problem("MET004", message, asset.at, "report what it reads")


def _future(at: datetime | None, now: datetime) -> Problem | None:
    if at is None or _aware(at) <= _aware(now):
        return None
    return Problem(
        "MET004", f"{at.isoformat()} is in the future", hint="without an offset it is UTC"
    )


def _aware(at: datetime) -> datetime:
    """An instant without an offset is UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _slices(asset: Asset, text: str | None, past: Past, now: datetime) -> Partitions:
    """What was written. All of an asset of ours: every slice that it should have, or has."""
    cut, is_source = asset.partition, asset.kind is Kind.SOURCE
    if text is None:
        if cut is None or is_source:
            return WHOLE
        return cut.wanted(as_naive_utc(now)) | past.slices(cut.axis)
    at = Location("--partition", length=max(len(text), 1))
    if cut is None:
        message = f"--partition is given, but '{asset.name}' has no slices"
        hint = "give the source a `partition:`" if is_source else "leave --partition out"
        raise ProjectError(Problem("PLN002", message, at, hint, others=(asset.at,)))
    try:
        found = parse_partitions(text, cut.axis)
    except ValueError as error:
        raise ProjectError(Problem("PLN002", f"{error} (slices of '{asset.name}')", at)) from None
    known = None if is_source or cut.asks else cut.wanted(as_naive_utc(now)) | past.slices(cut.axis)
    if known is not None and (beyond := found - known):
        message = f"'{asset.name}' has no slices {beyond}"
        raise ProjectError(Problem("PLN002", message, at, f"it has {known}" if known else None))
    return found


def _note(
    project: Project,
    asset: Asset,
    slices: Partitions,
    metadata: dict[str, Any],
    at: datetime,
) -> StepFinished:
    from sqlpipes.decide.planner import definition_of

    is_source = asset.kind is Kind.SOURCE
    definition = None if is_source else definition_of(project.graph, asset.name)
    rows = metadata.pop("rows", None)
    return StepFinished(
        run_id=f"{REPORTS}{_aware(at):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}",
        at=_aware(at),
        asset=asset.name,
        action=Action.REPORT_SOURCE if is_source else Action.REPORT,
        status=Status.SUCCESS,
        version=project.graph.version(asset.name),
        checks_version="",
        slices=slices,
        seconds=0.0,
        rows=rows if isinstance(rows, int) and not isinstance(rows, bool) else None,
        definition=json.dumps(definition, default=str) if definition else "",
        metadata=recorded(metadata),
        relation=_where(asset),
    )


def _where(asset: Asset) -> str | None:
    if asset.materialized is Materialized.FILE:
        return None
    return str(asset.relation) if asset.relation else None
