"""One event -> rows: what happened is noted, and the state of its asset moves on.

Every call runs inside the writer's transaction. Whatever changes a state moves the target's tick
first, which holds the lock that lets only one process at a time do so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.events import (
    CheckFinished,
    Event,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepSaid,
    StepSkipped,
    StepStarted,
)
from sqlpipes.core.history import doubt
from sqlpipes.core.plan import Action
from sqlpipes.core.status import Status
from sqlpipes.stores import tables as t
from sqlpipes.stores.connect import run
from sqlpipes.stores.current import forget, load_state, save_build, save_state, save_windows
from sqlpipes.stores.fold import (
    AssetState,
    Mark,
    began,
    broke,
    died,
    ended,
    lost_by,
    rest_of,
    writes,
)
from sqlpipes.stores.memo import Memo, OpenStep
from sqlpipes.stores.text import (
    json_text,
    ops_text,
    plain_text,
    problems_text,
    slices_from,
    slices_text,
)


@dataclass(frozen=True, slots=True)
class Writing:
    """A transaction that writes, and whose past it is about."""

    db: Connection
    target: str
    place: str
    memo: Memo


class OfTarget:
    """One target's part of a database, read and written in transactions of its store."""

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Connection]],
        write: Callable[[], AbstractContextManager[Writing]],
        target: str,
    ) -> None:
        self._read = read
        self._write = write
        self._target = target


def record(to: Writing, event: Event) -> None:
    """Note one event. An end without a start is taken as it is: nothing is lost for being odd."""
    match event:
        case RunStarted():
            _run_started(to, event)
        case StepStarted():
            _step_started(to, event)
        case CheckFinished():
            _check_finished(to, event)
        case StepFinished():
            _step_finished(to, event)
        case StepFailed():
            _step_failed(to, event)
        case StepSkipped():
            _step_skipped(to, event)
        case StepSaid():
            _step_said(to, event)
        case RunFinished():
            _run_finished(to, event)


def dead_runs(db: Connection, target: str, alive: Callable[[int, str], bool]) -> list[str]:
    """Runs that never ended and whose process is gone."""
    living = select(t.builders.c.run_id).where(t.builders.c.target == target)
    query = select(t.runs.c.run_id, t.runs.c.pid, t.runs.c.place).where(
        t.runs.c.target == target,
        t.runs.c.status == Status.RUNNING.value,
        t.runs.c.run_id.not_in(living),  # leases tell of these
    )
    rows = db.execute(query.order_by(t.runs.c.id)).all()
    return [row.run_id for row in rows if not alive(row.pid, row.place)]


def close_runs(to: Writing, run_ids: Iterable[str]) -> None:
    """Note that the processes of these runs died."""
    next_tick(to)
    for run_id in run_ids:
        _interrupt_steps(to, run_id)
        end = {"run": run_id, "at": to.target, "status": Status.INTERRUPTED.value}
        to.db.execute(_CLOSE_RUN, end)


def forget_assets(to: Writing, names: Iterable[str]) -> None:
    """Drop the state of these assets."""
    next_tick(to)
    to.memo.clear()
    forget(to.db, to.target, names)


def prune(to: Writing, keep: int) -> int:
    """Delete the records of ended runs but the newest `keep`; how many went."""
    next_tick(to)  # nobody may go on with a step whose row is gone
    to.memo.clear()
    runs = select(t.runs.c.run_id, t.runs.c.status).where(t.runs.c.target == to.target)
    rows = to.db.execute(runs.order_by(t.runs.c.id.desc())).all()[keep:]
    gone = [row.run_id for row in rows if row.status != Status.RUNNING]
    for run_id in gone:
        for table in (t.steps, t.checks, t.runs):
            same = (table.c.run_id == run_id, table.c.target == to.target)
            to.db.execute(delete(table).where(*same))
    if gone:
        _prune_notes(to)
    return len(gone)


def _prune_notes(to: Writing) -> None:
    """What is told outside of runs goes with the runs of its time."""
    own = (t.runs.c.target == to.target,)
    oldest = to.db.scalar(select(func.min(t.runs.c.started_at)).where(*own))
    for table, at in ((t.steps, t.steps.c.started_at), (t.checks, t.checks.c.at)):
        runs = select(t.runs.c.run_id).where(*own)
        stray = delete(table).where(table.c.target == to.target, table.c.run_id.not_in(runs))
        to.db.execute(stray if oldest is None else stray.where(at < oldest))


def next_tick(to: Writing) -> int:
    """Move the target's clock, and hold it until the transaction ends."""
    tick = int(run(to.db, _TICK, {"at": to.target})[0][0])
    to.memo.move_to(tick)
    return tick


def _run_started(to: Writing, event: RunStarted) -> None:
    values = {
        "run_id": event.run_id,
        "target": to.target,
        "status": Status.RUNNING.value,
        "command": plain_text(event.command),
        "started_at": event.at.isoformat(),
        "planned": event.steps,
        "current": event.current,
        "selected": json_text(event.selected),
        "pid": os.getpid(),
        "place": plain_text(to.place),
        "commit_id": plain_text(event.commit),
        "job": plain_text(event.job),
    }
    to.db.execute(_INSERT_RUN, values)


def _run_finished(to: Writing, event: RunFinished) -> None:
    next_tick(to)
    _interrupt_steps(to, event.run_id)
    values = {
        "run": event.run_id,
        "at": to.target,
        "status": event.status.value,
        "finished_at": event.at.isoformat(),
        "seconds": event.seconds,
    }
    to.db.execute(_END_RUN, values)


def _interrupt_steps(to: Writing, run_id: str) -> None:
    """Steps of a run that is over which never ended: what they did is unknown."""
    found = to.db.execute(_OPEN_OF_RUN, {"run": run_id, "at": to.target}).all()
    steps = frozenset(row.id for row in found)
    for asset in sorted({row.asset for row in found}):
        state = _state(to, asset)
        _move(to, asset, state, died(state, steps))
    for step in sorted(steps):
        to.db.execute(_MARK_STEP, {"step": step, "status": Status.INTERRUPTED.value})


def _step_started(to: Writing, event: StepStarted) -> None:
    tick = next_tick(to)
    row = _new_step(to, event, Status.RUNNING) | {
        "version": event.version,
        "checks_version": event.checks_version,
        "full_rewrite": event.full,
        "read_at": tick,
        "reasons": json_text(event.reasons),
    }
    step = OpenStep(_insert_step(to, row), event.slices, event.full, tick)
    to.memo.steps[_key(event)] = step
    if writes(event.action):
        before = _state(to, event.asset)
        mark = Mark(step.id, event.slices, event.version, tick, full=event.full)
        _move(to, event.asset, before, began(before, mark))


def _step_finished(to: Writing, event: StepFinished) -> None:
    written_at = next_tick(to)
    step = _open_step(to, event) or _unannounced(to, event, written_at)
    own = Mark(step.id, step.slices, event.version, step.read_at, full=step.full or event.full)
    before = _state(to, event.asset)
    _move(to, event.asset, before, ended(before, own, event, written_at))
    if writes(event.action):
        save_build(to.db, to.target, event.asset, event.definition, event.at)
    if event.action == Action.OBSERVE:
        save_windows(to.db, to.target, event.asset, event.sighting)
    _close_step(to, step, event, _outcome(event, written_at))


def record_late(to: Writing, event: StepFinished) -> None:
    """Data that was committed without a lease: others may have written the same slices since, or
    before. Nobody knows whose rows stand there, so they are in doubt until they are written again."""
    tick = next_tick(to)
    if not writes(event.action):
        return
    step = _open_step(to, event) or _unannounced(to, event, tick)
    before = _state(to, event.asset)
    others = tuple(mark for mark in before.marks if mark.step != step.id)
    full = step.full or event.full
    slices = doubt(step.slices, event.slices) or event.slices
    mark = Mark(step.id, slices, event.version, step.read_at, full=full, alive=False)
    _move(to, event.asset, before, began(replace(before, marks=others), mark))


def _outcome(event: StepFinished, written_at: int) -> dict[str, Any]:
    return {
        "status": event.status.value,
        "version": event.version,
        "checks_version": event.checks_version,
        "slices": slices_text(event.slices),
        "written_at": written_at,
        "finished_at": event.at.isoformat(),
        "seconds": event.seconds,
        "row_count": event.rows,
        "statements": json_text(event.statements),
        "metadata": json_text(event.metadata),
        "log": plain_text(event.log),
        "ops": ops_text(event.ops),
        "bytes": event.bytes,
        "columns": json_text(event.columns),
    }


def _close_step(to: Writing, step: OpenStep, event: StepFinished, outcome: dict[str, Any]) -> None:
    """Write the end into the step's row; a part of a step gets its own row, the rest stays open."""
    to.memo.steps.pop(_key(event), None)
    rest = rest_of(step.slices, event)
    if not rest:
        run(to.db, _END_STEP, {"step": step.id, **outcome})
        return
    row = to.db.execute(select(t.steps).where(t.steps.c.id == step.id)).one()
    part = dict(row._mapping) | outcome
    del part["id"]
    to.db.execute(insert(t.steps), part)
    still = {"slices": slices_text(rest), "full_rewrite": False, "log": ""}
    to.db.execute(update(t.steps).where(t.steps.c.id == step.id).values(**still))


def _step_failed(to: Writing, event: StepFailed) -> None:
    next_tick(to)
    step = _open_step(to, event)
    row = step.id if step else _insert_step(to, _new_step(to, event, event.status))
    to.memo.steps.pop(_key(event), None)
    before = _state(to, event.asset)
    failed = event.status is Status.FAIL
    after = broke(before, row, lost_by(event), failed=failed, in_doubt=event.in_doubt)
    _move(to, event.asset, before, after)
    values = {
        "step": row,
        "status": event.status.value,
        "finished_at": event.at.isoformat(),
        "seconds": event.seconds,
        "problems": problems_text(event.problems),
        "statement": plain_text(event.statement) if event.statement else None,
        "log": plain_text(event.log),
        "ops": ops_text(event.ops),
        "metadata": json_text(event.metadata),
    }
    run(to.db, _BREAK_STEP, values)


def _step_skipped(to: Writing, event: StepSkipped) -> None:
    end = {"finished_at": event.at.isoformat(), "because": plain_text(event.because)}
    run(to.db, _INSERT_SKIPPED, _new_step(to, event, Status.SKIPPED) | end)


def _step_said(to: Writing, event: StepSaid) -> None:
    next_tick(to)
    if (step := _open_step(to, event)) is not None:
        run(to.db, _SAY, {"step": step.id, "log": plain_text(event.log)})


def _check_finished(to: Writing, event: CheckFinished) -> None:
    values = {
        "run_id": event.run_id,
        "target": to.target,
        "asset": event.asset,
        "check_name": event.check,
        "at": event.at.isoformat(),
        "status": event.status.value,
        "failures": event.failures,
        "seconds": event.seconds,
        "message": plain_text(event.message),
        "columns": json_text(event.columns),
        "sample": json_text(event.sample),
        "metadata": json_text(event.metadata),
    }
    run(to.db, _INSERT_CHECK, values)


def _state(to: Writing, asset: str) -> AssetState:
    if asset not in to.memo.states:
        to.memo.states[asset] = load_state(to.db, to.target, asset)
    return to.memo.states[asset]


def _move(to: Writing, asset: str, before: AssetState, after: AssetState) -> None:
    save_state(to.db, to.target, asset, before, after)
    to.memo.states[asset] = after


def _key(event: StepStarted | StepFinished | StepFailed | StepSaid) -> tuple[str, str, str]:
    return event.run_id, event.asset, str(event.action)


def _open_step(to: Writing, event: StepFinished | StepFailed | StepSaid) -> OpenStep | None:
    """The newest step of this run, asset and kind that has not ended."""
    key = _key(event)
    if key in to.memo.steps:
        return to.memo.steps[key]
    same = dict(zip(("run", "asset", "action"), key, strict=True))
    row = to.db.execute(_OPEN_STEP, same | {"at": to.target}).first()
    if row is None:
        return None
    return OpenStep(row.id, slices_from(row.slices), bool(row.full_rewrite), row.read_at)


def _unannounced(to: Writing, event: StepFinished, tick: int) -> OpenStep:
    row = _new_step(to, event, Status.RUNNING) | {"read_at": tick, "reasons": "[]"}
    row |= {"version": "", "checks_version": "", "full_rewrite": False}
    return OpenStep(_insert_step(to, row), event.slices, False, tick)


def _new_step(
    to: Writing, event: StepStarted | StepFinished | StepFailed | StepSkipped, status: Status
) -> dict[str, Any]:
    return {
        "run_id": event.run_id,
        "target": to.target,
        "asset": event.asset,
        "action": str(event.action),
        "status": status.value,
        "slices": slices_text(event.slices),
        "started_at": event.at.isoformat(),
    }


def _insert_step(to: Writing, row: dict[str, Any]) -> int:
    return int(run(to.db, _INSERT_STEP, row)[0][0])


_TICK = (
    update(t.ticks)
    .where(t.ticks.c.target == bindparam("at"))
    .values(tick=t.ticks.c.tick + 1)
    .returning(t.ticks.c.tick)
)
_INSERT_RUN = insert(t.runs)
_SAME_RUN = (t.runs.c.run_id == bindparam("run"), t.runs.c.target == bindparam("at"))
_CLOSE_RUN = update(t.runs).where(*_SAME_RUN).values(status=bindparam("status"))
_END_RUN = _CLOSE_RUN.values(finished_at=bindparam("finished_at"), seconds=bindparam("seconds"))
_OPEN_OF_RUN = select(t.steps.c.id, t.steps.c.asset).where(
    t.steps.c.run_id == bindparam("run"),
    t.steps.c.target == bindparam("at"),
    t.steps.c.status == Status.RUNNING.value,
)
_OPEN_STEP = (
    select(t.steps.c.id, t.steps.c.slices, t.steps.c.full_rewrite, t.steps.c.read_at)
    .where(
        t.steps.c.run_id == bindparam("run"),
        t.steps.c.asset == bindparam("asset"),
        t.steps.c.action == bindparam("action"),
        t.steps.c.target == bindparam("at"),
        t.steps.c.status.in_([Status.RUNNING.value, Status.INTERRUPTED.value]),
    )
    .order_by(t.steps.c.id.desc())
    .limit(1)
)
_INSERT_STEP = insert(t.steps).returning(t.steps.c.id)
_INSERT_SKIPPED = insert(t.steps)
_THIS_STEP = update(t.steps).where(t.steps.c.id == bindparam("step"))
_SAY = _THIS_STEP.values(log=bindparam("log"))
_MARK_STEP = _THIS_STEP.values(status=bindparam("status"))
_END_STEP = _THIS_STEP.values(
    {
        name: bindparam(name)
        for name in (
            *("status", "version", "checks_version", "slices", "written_at", "finished_at"),
            *("seconds", "row_count", "statements", "metadata", "log", "ops", "bytes", "columns"),
        )
    }
)
_BREAK_STEP = _THIS_STEP.values(
    {
        name: bindparam(name)
        for name in (
            *("status", "finished_at", "seconds", "problems", "statement"),
            *("log", "ops", "metadata"),
        )
    }
)
_INSERT_CHECK = insert(t.checks)
