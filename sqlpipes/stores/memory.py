"""The store in memory: the same answers as on disk, gone with the process. For tests and dry runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlpipes.core.errors import ProjectError
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
from sqlpipes.core.history import History
from sqlpipes.core.partitions import Axis, Partitions
from sqlpipes.core.plan import Action
from sqlpipes.core.status import Status
from sqlpipes.core.windows import Sighting, Slot
from sqlpipes.stores.fold import (
    NOTHING_YET,
    AssetState,
    Mark,
    began,
    being_written,
    broke,
    died,
    ended,
    lost_by,
    moved,
    rest_of,
    seen,
    told_apart,
    writes,
)
from sqlpipes.stores.memory_asked import MemoryAsked
from sqlpipes.stores.memory_jobs import MemoryJobs
from sqlpipes.stores.records import (
    ENDED,
    CheckRecord,
    Move,
    Note,
    RunRecord,
    SliceRecord,
    StepRecord,
    no_such_run,
    worst,
)

OPEN = (Status.RUNNING, Status.INTERRUPTED)


class MemoryStore:
    """One target's memory, for as long as this object lives. `place` stands for machine and folder."""

    def __init__(self, target: str = "default", place: str = "memory:") -> None:
        self._asked = MemoryAsked()
        self.target = target
        self._place = place
        self._tick = 0
        self._states: dict[str, AssetState] = {}
        self._built_at: dict[str, datetime] = {}
        self._runs: dict[str, RunRecord] = {}
        self._steps: dict[int, tuple[str, StepRecord]] = {}  # in the order of their ids
        self._last_step = 0
        self._checks: list[CheckRecord] = []
        self._stamps: dict[str, str] = {}
        self._windows: dict[str, tuple[Axis, dict[Slot, str]]] = {}
        self._jobs = MemoryJobs()

    def append(self, *events: Event) -> None:
        for event in events:
            self._record(event)

    def _record(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._run_started(event)
            case StepStarted():
                self._step_started(event)
            case CheckFinished():
                self._checks.append(_check(event))
            case StepFinished():
                self._step_finished(event)
            case StepFailed():
                self._step_failed(event)
            case StepSkipped():
                skipped = replace(_step(event, Status.SKIPPED), finished_at=event.at)
                self._new_step(event.run_id, replace(skipped, because=event.because))
            case StepSaid():
                self._step_said(event)
            case RunFinished():
                self._run_finished(event)

    def history(self, names: Iterable[str] | None = None) -> History:
        wanted = self._states if names is None else frozenset(names) & self._states.keys()
        states = {name: self._states[name] for name in wanted}
        known = {name: seen(state) for name, state in states.items() if state != NOTHING_YET}
        return History(known, self._tick)

    def tick(self) -> int:
        return self._tick

    def definitions(self, names: Iterable[str]) -> dict[str, str]:
        wanted = frozenset(names)
        return {name: self._states[name].definition for name in self._built_at if name in wanted}

    def windows(self, asset: str, axis: Axis) -> Mapping[Slot, str]:
        found, tokens = self._windows.get(asset, (axis, {}))
        return tokens if found == axis else {}

    def running(self) -> dict[str, Partitions]:
        return {
            name: slices for name, state in self._states.items() if (slices := being_written(state))
        }

    def built_at(self, names: Iterable[str] | None = None) -> dict[str, datetime]:
        wanted = frozenset(self._built_at if names is None else names)
        return {name: at for name, at in self._built_at.items() if name in wanted}

    def slices(self, asset: str) -> tuple[SliceRecord, ...]:
        past = seen(self._states.get(asset, NOTHING_YET))
        writers = {
            step.written_at: (step.finished_at, run_id)
            for run_id, step in self._steps.values()
            if step.asset == asset and step.written_at is not None
        }
        return tuple(
            SliceRecord(
                slices,
                built.version,
                built.read_at,
                built.written_at,
                at,
                run_id,
                suspect,
            )
            for built in past.built
            for at, run_id in (writers.get(built.written_at, (None, None)),)
            for slices, suspect in told_apart(past, built)
        )

    def runs(self, limit: int = 20) -> tuple[RunRecord, ...]:
        newest = list(reversed(self._runs.values()))[:limit]
        return tuple(replace(run, counts=self._counts(run.run_id)) for run in newest)

    def run(self, run_id: str = "last") -> RunRecord:
        found = self._find(run_id)
        return replace(
            found,
            counts=self._counts(found.run_id),
            steps=tuple(step for run, step in self._steps.values() if run == found.run_id),
            checks=tuple(check for check in self._checks if check.run_id == found.run_id),
        )

    def last_result(self) -> Mapping[str, Status]:
        found: dict[str, Status] = {}
        for step in self.run("last").steps if self._runs else ():
            found[step.asset] = worst(found.get(step.asset), step.status)
        return found

    def check_results(self, run_id: str | None = None) -> tuple[CheckRecord, ...]:
        if run_id is not None:
            return self.run(run_id).checks
        newest = {check.check: check for check in self._checks}
        return tuple(newest[name] for name in sorted(newest))

    def notes(self, asset: str) -> tuple[Note, ...]:
        return tuple(
            Note(run_id, step)
            for run_id, step in sorted(
                self._steps.values(), key=lambda each: each[1].written_at or each[1].read_at or 0
            )
            if step.asset == asset and step.status in ENDED
        )

    def check_history(self, asset: str) -> tuple[CheckRecord, ...]:
        return tuple(check for check in self._checks if check.asset == asset)

    def close_stale_runs(self, alive: Callable[[int, str], bool] | None = None) -> tuple[str, ...]:
        is_alive = alive or (lambda _, place: place != self._place)
        running = [run for run in self._runs.values() if run.status is Status.RUNNING]
        dead = [run for run in running if not is_alive(run.pid, run.place)]
        self._tick += bool(dead)
        for run in dead:
            self._interrupt_steps(run.run_id)
            self._runs[run.run_id] = replace(run, status=Status.INTERRUPTED)
        return tuple(run.run_id for run in dead)

    def set_stamp(self, key: str, value: str) -> None:
        self._tick += 1
        self._stamps[key] = value

    def stamp(self, key: str) -> str | None:
        return self._stamps.get(key)

    def move(self, move: Move, done: str = "") -> None:
        self._tick += 1
        self._stamps.pop(done, None)
        self._states[move.new] = moved(self._states.pop(move.old), move)
        if move.old in self._windows:
            self._windows[move.new] = self._windows.pop(move.old)
        self._asked.move(move.old, move.new)
        if move.old in self._built_at:
            self._built_at[move.new] = self._built_at.pop(move.old)
        for step_id, (run_id, step) in self._steps.items():
            if step.asset == move.old:
                self._steps[step_id] = (run_id, replace(step, asset=move.new))
        self._checks = [
            replace(each, asset=move.new, check=move.check(each.check))
            if each.asset == move.old
            else each
            for each in self._checks
        ]

    def forget(self, names: Iterable[str]) -> None:
        self._tick += 1
        for name in names:
            self._asked.forget(name)
            self._states.pop(name, None)
            self._built_at.pop(name, None)
            self._windows.pop(name, None)

    def prune(self, keep: int) -> int:
        self._tick += 1
        old = list(reversed(self._runs.values()))[keep:]
        gone = {run.run_id for run in old if run.status is not Status.RUNNING}
        self._runs = {key: run for key, run in self._runs.items() if key not in gone}
        self._steps = {key: step for key, step in self._steps.items() if step[0] not in gone}
        self._checks = [check for check in self._checks if check.run_id not in gone]
        if gone:
            self._prune_notes()
        return len(gone)

    def _prune_notes(self) -> None:
        """What is told outside of runs goes with the runs of its time."""
        oldest = min((run.started_at for run in self._runs.values()), default=None)

        def stays(run_id: str, at: datetime) -> bool:
            return run_id in self._runs or (oldest is not None and at >= oldest)

        self._steps = {k: s for k, s in self._steps.items() if stays(s[0], s[1].started_at)}
        self._checks = [check for check in self._checks if stays(check.run_id, check.at)]

    def leases(self) -> None:
        """None: no other build can see this state."""

    def follow(self) -> None:
        """None, as above."""

    def jobs(self) -> MemoryJobs:
        return self._jobs

    def asked(self) -> MemoryAsked:
        return self._asked

    def close(self) -> None:
        """Nothing to let go of."""

    def _run_started(self, event: RunStarted) -> None:
        self._runs[event.run_id] = RunRecord(
            run_id=event.run_id,
            target=self.target,
            command=event.command,
            status=Status.RUNNING,
            started_at=event.at,
            finished_at=None,
            seconds=None,
            planned=event.steps,
            current=event.current,
            selected=event.selected,
            pid=os.getpid(),
            place=self._place,
            commit=event.commit,
            job=event.job,
        )

    def _run_finished(self, event: RunFinished) -> None:
        self._tick += 1
        self._interrupt_steps(event.run_id)
        if found := self._runs.get(event.run_id):
            self._runs[event.run_id] = replace(
                found, status=event.status, finished_at=event.at, seconds=event.seconds
            )

    def _step_started(self, event: StepStarted) -> None:
        self._tick += 1
        record = replace(
            _step(event, Status.RUNNING),
            version=event.version,
            checks_version=event.checks_version,
            full=event.full,
            read_at=self._tick,
            reasons=event.reasons,
        )
        step = self._new_step(event.run_id, record)
        if writes(event.action):
            mark = Mark(step, event.slices, event.version, self._tick, full=event.full)
            self._states[event.asset] = began(self._state(event.asset), mark)

    def _step_finished(self, event: StepFinished) -> None:
        self._tick += 1
        step = self._open_step(event)
        if step is None:
            record = replace(_step(event, Status.RUNNING), read_at=self._tick)
            step = self._new_step(event.run_id, record)
        record = self._steps[step][1]
        full = record.full or event.full
        own = Mark(step, record.slices, event.version, record.read_at or 0, full=full)
        self._states[event.asset] = ended(self._state(event.asset), own, event, self._tick)
        if writes(event.action):
            self._built_at[event.asset] = event.at
        if event.action == Action.OBSERVE:
            self._see_windows(event.asset, event.sighting)
        self._close_step(step, record, event)

    def _step_said(self, event: StepSaid) -> None:
        self._tick += 1
        if (step := self._open_step(event)) is not None:
            self._steps[step] = (event.run_id, replace(self._steps[step][1], log=event.log))

    def _see_windows(self, asset: str, sighting: Sighting | None) -> None:
        """The tokens that moved; without a sighting the source was seen as a whole."""
        _, known = self._windows.pop(asset, (None, {}))
        if sighting is None:
            return
        tokens = dict(sighting.tokens) if sighting.anew else {**known, **sighting.tokens}
        kept = {slot: token for slot, token in tokens.items() if token is not None}
        self._windows[asset] = (sighting.moved.axis, kept)

    def _close_step(self, step: int, record: StepRecord, event: StepFinished) -> None:
        done = replace(
            record,
            status=event.status,
            version=event.version,
            checks_version=event.checks_version,
            slices=event.slices,
            written_at=self._tick,
            finished_at=event.at,
            seconds=event.seconds,
            rows=event.rows,
            statements=event.statements,
            metadata=event.metadata,
            log=event.log,
            ops=event.ops,
            bytes=event.bytes,
            columns=event.columns,
        )
        if rest := rest_of(record.slices, event):
            self._steps[step] = (event.run_id, replace(record, slices=rest, full=False, log=""))
            self._new_step(event.run_id, done)
        else:
            self._steps[step] = (event.run_id, done)

    def _step_failed(self, event: StepFailed) -> None:
        self._tick += 1
        step = self._open_step(event)
        if step is None:
            step = self._new_step(event.run_id, _step(event, event.status))
        failed = event.status is Status.FAIL
        self._states[event.asset] = broke(
            self._state(event.asset),
            step,
            lost_by(event),
            failed=failed,
            in_doubt=event.in_doubt,
        )
        broken = replace(
            self._steps[step][1],
            status=event.status,
            finished_at=event.at,
            seconds=event.seconds,
            problems=event.problems,
            statement=event.statement,
            log=event.log,
            ops=event.ops,
            metadata=event.metadata,
        )
        self._steps[step] = (event.run_id, broken)

    def _interrupt_steps(self, run_id: str) -> None:
        found = self._steps.items()
        left = {
            key: step for key, (run, step) in found if run == run_id and step.status == "running"
        }
        for key, step in left.items():
            self._steps[key] = (run_id, replace(step, status=Status.INTERRUPTED))
            if step.asset in self._states:
                self._states[step.asset] = died(self._states[step.asset], frozenset(left))

    def _open_step(self, event: StepFinished | StepFailed | StepSaid) -> int | None:
        """The newest step of this run, asset and kind that has not ended."""
        for key in reversed(self._steps):
            run_id, step = self._steps[key]
            same = (run_id, step.asset, step.action) == (event.run_id, event.asset, event.action)
            if same and step.status in OPEN:
                return key
        return None

    def _new_step(self, run_id: str, record: StepRecord) -> int:
        self._last_step += 1
        self._steps[self._last_step] = (run_id, replace(record, number=self._last_step))
        return self._last_step

    def _state(self, asset: str) -> AssetState:
        return self._states.get(asset, NOTHING_YET)

    def _find(self, wanted: str) -> RunRecord:
        found = [
            run for run in self._runs if wanted and (run.startswith(wanted) or run.endswith(wanted))
        ]
        if wanted == "last":
            found = list(self._runs)[-1:]
        elif wanted in self._runs:
            found = [wanted]
        if len(found) != 1:
            raise ProjectError(no_such_run(wanted, found[::-1]))
        return self._runs[found[0]]

    def _counts(self, run_id: str) -> dict[Status, int]:
        ends = [step.status for run, step in self._steps.values() if run == run_id]
        return {status: ends.count(status) for status in ends}


def _step(
    event: StepStarted | StepFinished | StepFailed | StepSkipped, status: Status
) -> StepRecord:
    return StepRecord(event.asset, str(event.action), status, event.slices, started_at=event.at)


def _check(event: CheckFinished) -> CheckRecord:
    return CheckRecord(
        run_id=event.run_id,
        at=event.at,
        asset=event.asset,
        check=event.check,
        status=event.status,
        failures=event.failures,
        seconds=event.seconds,
        message=event.message,
        columns=event.columns,
        sample=event.sample,
        metadata=event.metadata,
    )
