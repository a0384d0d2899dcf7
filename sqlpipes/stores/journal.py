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
from sqlpipes.stores.statements import Db, assignments, insert_into, put, run
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

    db: Db
    target: str
    place: str
    memo: Memo


class OfTarget:
    """One target's part of a database, read and written in transactions of its store."""

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Db]],
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


def dead_runs(db: Db, target: str, alive: Callable[[int, str], bool]) -> list[str]:
    """Runs that never ended and whose process is gone."""
    rows = run(db, _UNENDED_RUNS, {"target": target})
    return [run_id for run_id, pid, place in rows if not alive(pid, place)]


def close_runs(to: Writing, run_ids: Iterable[str]) -> None:
    """Note that the processes of these runs died."""
    next_tick(to)
    for run_id in run_ids:
        _interrupt_steps(to, run_id)
        end = {"run_id": run_id, "target": to.target, "status": Status.INTERRUPTED.value}
        run(to.db, _CLOSE_RUN, end)


def forget_assets(to: Writing, names: Iterable[str]) -> None:
    """Drop the state of these assets."""
    next_tick(to)
    to.memo.clear()
    forget(to.db, to.target, names)


def prune(to: Writing, keep: int) -> int:
    """Delete the records of ended runs but the newest `keep`; how many went."""
    next_tick(to)  # nobody may go on with a step whose row is gone
    to.memo.clear()
    rows = run(to.db, _RUNS, {"target": to.target})[keep:]
    gone = [run_id for run_id, status in rows if status != Status.RUNNING]
    for run_id in gone:
        for table in ("steps", "checks", "runs"):
            here = {"run_id": run_id, "target": to.target}
            run(to.db, f"delete from sqlpipes_{table} {_OF_RUN}", here)
    if gone:
        _prune_notes(to)
    return len(gone)


def _prune_notes(to: Writing) -> None:
    """What is told outside of runs goes with the runs of its time."""
    here = {"target": to.target}
    oldest = run(to.db, _OLDEST_RUN, here)[0][0]
    for table, at in (("steps", "started_at"), ("checks", "at")):
        stray = f"delete from sqlpipes_{table} {_IN_NO_RUN}"
        before = f"{stray} and {at} < :oldest"
        run(to.db, stray if oldest is None else before, here | {"oldest": oldest})


def next_tick(to: Writing) -> int:
    """Move the target's clock, and hold it until the transaction ends."""
    tick = int(run(to.db, _TICK, {"target": to.target})[0][0])
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
    put(to.db, "sqlpipes_runs", [values])


def _run_finished(to: Writing, event: RunFinished) -> None:
    next_tick(to)
    _interrupt_steps(to, event.run_id)
    values = {
        "run_id": event.run_id,
        "target": to.target,
        "status": event.status.value,
        "finished_at": event.at.isoformat(),
        "seconds": event.seconds,
    }
    run(to.db, _END_RUN, values)


def _interrupt_steps(to: Writing, run_id: str) -> None:
    """Steps of a run that is over which never ended: what they did is unknown."""
    found = run(to.db, _OPEN_OF_RUN, {"run_id": run_id, "target": to.target})
    steps = frozenset(number for number, _ in found)
    for asset in sorted({asset for _, asset in found}):
        state = _state(to, asset)
        _move(to, asset, state, died(state, steps))
    for step in sorted(steps):
        run(to.db, _MARK_STEP, {"id": step, "status": Status.INTERRUPTED.value})


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
        run(to.db, _END_STEP, {"id": step.id, **outcome})
        return
    begun = run(to.db, _BEGUN_STEP, {"id": step.id})[0]
    _insert_step(to, dict(zip(BEGUN, begun, strict=True)) | outcome)
    run(to.db, _LEAVE_OPEN, {"id": step.id, "slices": slices_text(rest), "full_rewrite": False})


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
        "id": row,
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
    put(to.db, "sqlpipes_steps", [_new_step(to, event, Status.SKIPPED) | end])


def _step_said(to: Writing, event: StepSaid) -> None:
    next_tick(to)
    if (step := _open_step(to, event)) is not None:
        run(to.db, _SAY, {"id": step.id, "log": plain_text(event.log)})


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
    put(to.db, "sqlpipes_checks", [values])


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
    same = dict(zip(("run_id", "asset", "action"), key, strict=True))
    found = run(to.db, _OPEN_STEP, same | {"target": to.target})
    if not found:
        return None
    number, slices, full, read_at = found[0]
    return OpenStep(number, slices_from(slices), bool(full), read_at)


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
    return int(run(to.db, insert_into("sqlpipes_steps", tuple(row), "id"), row)[0][0])


_TICK = "update sqlpipes_ticks set tick = tick + 1 where target = :target returning tick"
_OF_RUN = "where run_id = :run_id and target = :target"
_RUNS = "select run_id, status from sqlpipes_runs where target = :target order by id desc"
_OLDEST_RUN = "select min(started_at) from sqlpipes_runs where target = :target"
_IN_NO_RUN = (
    "where target = :target "
    "and run_id not in (select run_id from sqlpipes_runs where target = :target)"
)
_UNENDED_RUNS = (  # leases tell of those that have builders
    "select run_id, pid, place from sqlpipes_runs "
    f"where target = :target and status = '{Status.RUNNING.value}' "
    "and run_id not in (select run_id from sqlpipes_builders where target = :target) order by id"
)
_CLOSE_RUN = f"update sqlpipes_runs set status = :status {_OF_RUN}"
_END_RUN = f"update sqlpipes_runs set {assignments(('status', 'finished_at', 'seconds'))} {_OF_RUN}"
_OPEN_OF_RUN = (
    f"select id, asset from sqlpipes_steps {_OF_RUN} and status = '{Status.RUNNING.value}'"
)
_OPEN_STEP = (
    f"select id, slices, full_rewrite, read_at from sqlpipes_steps {_OF_RUN} and asset = :asset "
    f"and action = :action and status in ('{Status.RUNNING.value}', '{Status.INTERRUPTED.value}') "
    "order by id desc limit 1"
)
BEGUN = (  # with ENDED, every column of a step but its id
    *("run_id", "target", "asset", "action", "full_rewrite", "read_at", "started_at"),
    *("because", "reasons", "problems", "statement"),
)
ENDED = (
    *("status", "version", "checks_version", "slices", "written_at", "finished_at", "seconds"),
    *("row_count", "statements", "metadata", "log", "ops", "bytes", "columns"),
)
_BROKEN = ("status", "finished_at", "seconds", "problems", "statement", "log", "ops", "metadata")
_BEGUN_STEP = f"select {', '.join(BEGUN)} from sqlpipes_steps where id = :id"
_SAY, _MARK_STEP, _END_STEP, _BREAK_STEP = (
    f"update sqlpipes_steps set {assignments(columns)} where id = :id"
    for columns in (("log",), ("status",), ENDED, _BROKEN)
)
_LEAVE_OPEN = (
    "update sqlpipes_steps set slices = :slices, full_rewrite = :full_rewrite, log = '' "
    "where id = :id"
)
