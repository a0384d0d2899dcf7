"""Rows -> records: what happened, as it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from sqlpipes.core.errors import ProjectError
from sqlpipes.core.status import Status
from sqlpipes.stores import tables as t
from sqlpipes.stores.current import load_state
from sqlpipes.stores.fold import seen, told_apart
from sqlpipes.stores.records import (
    ENDED,
    CheckRecord,
    Note,
    RunRecord,
    SliceRecord,
    StepRecord,
    no_such_run,
    worst,
)
from sqlpipes.stores.rows import FEW
from sqlpipes.stores.text import ops_from, problems_from, slices_from


def list_runs(db: Connection, target: str, limit: int) -> tuple[RunRecord, ...]:
    """The newest runs of a target, newest first, with counts and without steps."""
    query = select(t.runs).where(t.runs.c.target == target).order_by(t.runs.c.id.desc())
    rows = db.execute(query.limit(limit)).all()
    counts = _counts(db, target, [row.run_id for row in rows])
    return tuple(_run(row, counts.get(row.run_id, {})) for row in rows)


def runs_of(db: Connection, target: str, which: Any) -> tuple[RunRecord, ...]:
    """The runs that a condition holds for, oldest first, with counts and without steps."""
    query = select(t.runs).where(t.runs.c.target == target, which).order_by(t.runs.c.id)
    rows = db.execute(query).all()
    counts = _counts(db, target, [row.run_id for row in rows]) if rows else {}
    return tuple(_run(row, counts.get(row.run_id, {})) for row in rows)


def steps_of(db: Connection, target: str, run_id: str, which: Any = None) -> tuple[StepRecord, ...]:
    """The steps of a run in the order of their start; only those that a condition holds for."""
    query = select(t.steps).where(t.steps.c.run_id == run_id, t.steps.c.target == target)
    if which is not None:
        query = query.where(which)
    return tuple(_step(row) for row in db.execute(query.order_by(t.steps.c.id)))


def find_run(db: Connection, target: str, wanted: str) -> RunRecord:
    """One run with its steps and checks. ProjectError: none, or several, are called so."""
    row = _run_row(db, target, wanted)
    counts = _counts(db, target, [row.run_id])
    return _run(
        row,
        counts.get(row.run_id, {}),
        steps=tuple(_step(step) for step in _of_run(db, t.steps, target, row.run_id)),
        checks=tuple(_check(check) for check in _of_run(db, t.checks, target, row.run_id)),
    )


def last_result(db: Connection, target: str) -> dict[str, Status]:
    """asset -> how it ended in the newest run; the worst of its steps where there are several."""
    newest = select(t.runs.c.run_id).where(t.runs.c.target == target)
    run_id = db.scalar(newest.order_by(t.runs.c.id.desc()).limit(1))
    query = select(t.steps.c.asset, t.steps.c.status).where(t.steps.c.run_id == run_id)
    found: dict[str, Status] = {}
    for asset, status in db.execute(query.where(t.steps.c.target == target).order_by(t.steps.c.id)):
        found[asset] = worst(found.get(asset), Status(status))
    return found


def check_results(db: Connection, target: str, run_id: str | None) -> tuple[CheckRecord, ...]:
    """The checks of one run in the order they ran, or the newest result of each, by name."""
    if run_id is not None:
        found = _run_row(db, target, run_id).run_id
        return tuple(_check(row) for row in _of_run(db, t.checks, target, found))
    newest = select(func.max(t.checks.c.id)).where(t.checks.c.target == target)
    newest = newest.group_by(t.checks.c.check_name)
    query = select(t.checks).where(t.checks.c.id.in_(newest)).order_by(t.checks.c.check_name)
    return tuple(_check(row) for row in db.execute(query))


def list_notes(db: Connection, target: str, asset: str) -> tuple[Note, ...]:
    """The steps of an asset that ended, well or not, oldest first."""
    ended = [status.value for status in ENDED]
    query = select(t.steps).where(t.steps.c.target == target, t.steps.c.asset == asset)
    order = (func.coalesce(t.steps.c.written_at, t.steps.c.read_at), t.steps.c.id)
    rows = db.execute(query.where(t.steps.c.status.in_(ended)).order_by(*order))
    return tuple(Note(row.run_id, _step(row)) for row in rows)


def check_history(db: Connection, target: str, asset: str) -> tuple[CheckRecord, ...]:
    """Every result of the checks of an asset, oldest first."""
    query = select(t.checks).where(t.checks.c.target == target, t.checks.c.asset == asset)
    return tuple(_check(row) for row in db.execute(query.order_by(t.checks.c.id)))


def list_slices(db: Connection, target: str, asset: str) -> tuple[SliceRecord, ...]:
    """What is built of an asset, oldest write first; what is in doubt is told apart."""
    past = seen(load_state(db, target, asset))
    ticks = [built.written_at for built in past.built]
    query = select(t.steps.c.written_at, t.steps.c.finished_at, t.steps.c.run_id).where(
        t.steps.c.target == target, t.steps.c.asset == asset
    )
    if len(ticks) <= FEW:
        query = query.where(t.steps.c.written_at.in_(ticks))
    writers = {row.written_at: row for row in db.execute(query)}
    found = []
    for built in past.built:
        writer = writers.get(built.written_at)
        at = _at(writer.finished_at) if writer else None
        run_id = writer.run_id if writer else None
        for slices, suspect in told_apart(past, built):
            ticks_of = (built.read_at, built.written_at)
            found.append(SliceRecord(slices, built.version, *ticks_of, at, run_id, suspect))
    return tuple(found)


def _run_row(db: Connection, target: str, wanted: str) -> Any:
    runs = select(t.runs).where(t.runs.c.target == target).order_by(t.runs.c.id.desc())
    if wanted == "last":
        found = db.execute(runs.limit(1)).all()
    else:
        starts = t.runs.c.run_id.startswith(wanted, autoescape=True)
        ends = t.runs.c.run_id.endswith(wanted, autoescape=True)
        found = db.execute(runs.where(starts | ends)).all() if wanted else []
        found = [row for row in found if row.run_id == wanted] or list(found)
    if len(found) != 1:
        raise ProjectError(no_such_run(wanted, [row.run_id for row in found]))
    return found[0]


def _counts(db: Connection, target: str, run_ids: list[str]) -> dict[str, dict[Status, int]]:
    query = (
        select(t.steps.c.run_id, t.steps.c.status, func.count())
        .where(t.steps.c.target == target, t.steps.c.run_id.in_(run_ids))
        .group_by(t.steps.c.run_id, t.steps.c.status)
    )
    found: dict[str, dict[Status, int]] = {}
    for run_id, status, count in db.execute(query):
        found.setdefault(run_id, {})[Status(status)] = count
    return found


def _of_run(db: Connection, table: Any, target: str, run_id: str) -> Iterable[Any]:
    query = select(table).where(table.c.run_id == run_id, table.c.target == target)
    return db.execute(query.order_by(table.c.id))


def _run(row: Any, counts: dict[Status, int], **rest: Any) -> RunRecord:
    return RunRecord(
        run_id=row.run_id,
        target=row.target,
        command=row.command,
        status=Status(row.status),
        started_at=datetime.fromisoformat(row.started_at),
        finished_at=_at(row.finished_at),
        seconds=row.seconds,
        planned=row.planned,
        current=row.current,
        selected=tuple(json.loads(row.selected)),
        pid=row.pid,
        place=row.place,
        commit=row.commit_id,
        job=row.job,
        counts=counts,
        **rest,
    )


def _step(row: Any) -> StepRecord:
    return StepRecord(
        asset=row.asset,
        action=row.action,
        status=Status(row.status),
        slices=slices_from(row.slices),
        started_at=datetime.fromisoformat(row.started_at),
        finished_at=_at(row.finished_at),
        seconds=row.seconds,
        rows=row.row_count,
        version=row.version,
        checks_version=row.checks_version,
        full=bool(row.full_rewrite),
        read_at=row.read_at,
        written_at=row.written_at,
        reasons=tuple(json.loads(row.reasons)),
        statements=tuple(json.loads(row.statements)),
        problems=problems_from(row.problems),
        statement=row.statement,
        because=row.because,
        metadata=json.loads(row.metadata),
        log=row.log,
        ops=ops_from(row.ops),
        bytes=row.bytes,
        columns=tuple((name, kind) for name, kind in json.loads(row.columns)),
        number=row.id,
    )


def _check(row: Any) -> CheckRecord:
    return CheckRecord(
        run_id=row.run_id,
        at=datetime.fromisoformat(row.at),
        asset=row.asset,
        check=row.check_name,
        status=Status(row.status),
        failures=row.failures,
        seconds=row.seconds,
        message=row.message,
        columns=tuple(json.loads(row.columns)),
        sample=tuple(tuple(values) for values in json.loads(row.sample)),
        metadata=json.loads(row.metadata),
    )


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
