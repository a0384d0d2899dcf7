"""Stage, check, publish: a part of a step, from its function to its files, and what came of it.

What may be repeated is: after a conflict, or on another connection.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from random import random
from typing import Any

from sqlpipes.core.asset import Asset, Limit, Materialized, PythonBody, SeedBody
from sqlpipes.core.errors import EngineError, Problem, SqlpipesError
from sqlpipes.core.faults import LOST
from sqlpipes.core.metadata import recorded
from sqlpipes.core.status import Status
from sqlpipes.run.attempts import attempted
from sqlpipes.run.blocked import waited
from sqlpipes.run.crossing import CROSSED, forget
from sqlpipes.run.export import written_metadata
from sqlpipes.run.files import file_metadata
from sqlpipes.run.gate import Result
from sqlpipes.run.job import Job, Stopped
from sqlpipes.run.lost import pause
from sqlpipes.run.moving import MOVED
from sqlpipes.run.outcome import Order, Outcome
from sqlpipes.run.python import Place, call_asset
from sqlpipes.run.ready import bring_here, drop_stages, land_rows, renewed, shared_by
from sqlpipes.run.recording import recording
from sqlpipes.run.signing import limited
from sqlpipes.run.statement import Transaction
from sqlpipes.run.transact import Blocked, Published, check_rows, transact

CONFLICT = "ENG006"  # another transaction got there first: the same statements may succeed now
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


def carry_out(order: Order, place: Place, job: Job, now: Callable[[], datetime]) -> Outcome:
    """Do it. Never raises for what the user, the warehouse or a stop may cause: the outcome says it."""
    began = time.perf_counter()
    results: list[Result] = []
    place = replace(place, go_on=job.go_on, logged=[])
    with recording(job.go_on, place.mask) as recorder:
        job.voice = lambda: recorder.log
        try:
            done = _done(order, place, job, now, results)
        except Blocked:
            bad = tuple(r.problem for r in results if r.status is Status.FAIL)
            done = Outcome(Status.FAIL, 0.0, problems=bad)
        except (SqlpipesError, Stopped) as error:
            done = _failed(error, order.asset, job, place.limit)
    said = [each for each in place.logged if done.problems or CROSSED in each]
    done = replace(
        done, metadata={k: v for each in [*said, done.metadata] for k, v in each.items()}
    )
    return replace(
        done,
        seconds=time.perf_counter() - began,
        results=tuple(results),
        in_doubt=_in_doubt(order, done, place, job),
        log=recorder.log,
        ops=recorder.calls,
    )


def _in_doubt(order: Order, done: Outcome, place: Place, job: Job) -> bool:
    """Whether something may have been written: by a function, or by a commit that was not answered."""
    if order.calls and done.problems and not place.files.used:
        return True
    if order.asset.export is not None and done.problems and place.files.began:
        return True
    begun = not place.warehouse.can.transactional_ddl  # what was published stays so
    return job.publishing and any(begun or problem.code == LOST for problem in done.problems)


def _done(
    order: Order, place: Place, job: Job, now: Callable[[], datetime], results: list[Result]
) -> Outcome:
    job.go_on()
    metadata: dict[str, Any] = {}
    place = bring_here(order, place, job)
    try:
        return _written(order, place, job, now, results, metadata)
    finally:
        if order.crossings:
            where = (place.graph, place.warehouse, place.connection)
            forget(order.crossings, *where, shared_by(order, place))


def _written(
    order: Order,
    place: Place,
    job: Job,
    now: Callable[[], datetime],
    results: list[Result],
    metadata: dict[str, Any],
) -> Outcome:
    if order.transaction is None:
        if order.calls:
            metadata, place = attempted(order.asset, place, job, partial(_call_only, order))
            if order.asset.materialized is Materialized.FILE:  # its checks ask for it by its name
                outputs = {**place.outputs, order.asset.name: metadata["path"]}
                place = replace(place, outputs=outputs)
        try:
            check_rows(order, place, job, now, results)
            job.publish()
            _publish_files(order.asset, place)
        finally:
            place.files.drop()
        return Outcome(_status(results), 0.0, metadata=metadata, bytes=metadata.get("bytes"))
    said: list[str] = []
    try:
        metadata, place = land_rows(order, order.transaction, place, job)
        written = _retried(order, order.transaction, place, job, now, results, said)
        if order.asset.export is not None:
            metadata = {**metadata, **written_metadata(order.asset, place)}
            _publish_files(order.asset, place)
        if order.transaction.moved:
            metadata = {**metadata, **recorded({MOVED: order.transaction.moved})}
    except BaseException:
        drop_stages(order.transaction, place)
        raise
    finally:
        place.files.drop()
    return Outcome(
        _status(results),
        0.0,
        rows=written.rows,
        statements=tuple(said),
        metadata=metadata,
        same=written.same,
        bytes=metadata["bytes"] if order.asset.export else _size(order.asset, job),
        columns=written.columns,
    )


def _status(results: list[Result]) -> Status:
    return Status.WARN if any(r.status is Status.WARN for r in results) else Status.SUCCESS


def _call_only(order: Order, place: Place) -> dict[str, Any]:
    answer = call_asset(order.asset, order.slices, place)
    if order.asset.materialized is Materialized.FILE:
        return file_metadata(order.asset, answer.value, answer.metadata, place.root)
    if answer.value is not None:
        raise EngineError(_unwanted(order.asset, answer.value))
    return answer.metadata


def _unwanted(asset: Asset, value: object) -> Problem:
    got = type(value).__name__
    message = f"'{asset.name}' is nothing that is stored, but its function returned {got}"
    hint = "take -> None away and its rows become a table; log_metadata(...) records values"
    return Problem("BLD006", message, asset.at, hint)


def _publish_files(asset: Asset, place: Place) -> None:
    try:
        place.files.publish()
    except OSError as error:
        message = f"the file of '{asset.name}' cannot be put in its place: {error}"
        raise EngineError(Problem("BLD006", message, asset.at)) from error


def _retried(
    order: Order,
    transaction: Transaction,
    place: Place,
    job: Job,
    now: Callable[[], datetime],
    results: list[Result],
    said: list[str],
) -> Published:
    conflicts = lost = 0
    while True:
        results.clear()
        said.clear()
        try:
            return transact(order, transaction, place, job, now, results, said)
        except EngineError as error:
            was_lost = not place.connection.is_open
            conflicts, lost = conflicts + (not was_lost), lost + was_lost
            spent = conflicts >= place.warehouse.can.attempts or lost > place.retries
            if spent or job.stopped or not _may_be_repeated(error, order, job):
                raise
        job.unpublished()
        if was_lost:
            pause(lost, place.retries, job.go_on, place.say, "connection lost")
            place = _reconnected(order, transaction, place, job, place.retries - lost)
        else:
            time.sleep(_pause_s(conflicts))


def _pause_s(conflicts: int) -> float:
    """Longer each time, and never the same for two that met."""
    return min(FIRST_PAUSE_S * 2.0 ** (conflicts - 1), LONGEST_PAUSE_S) * (1 + random()) / 2


def _may_be_repeated(error: EngineError, order: Order, job: Job) -> bool:
    """After a conflict nothing is there. Nor is it when the connection was cut before the commit; but
    then rows that a function has made are gone as well, and it is not called again for that."""
    codes = {problem.code for problem in error.problems}
    if CONFLICT in codes:
        return True
    called = isinstance(order.asset.body, PythonBody)
    return LOST in codes and not job.publishing and not called


def _reconnected(
    order: Order, transaction: Transaction, place: Place, job: Job, times: int
) -> Place:
    place = bring_here(order, renewed(place, job, times), job)
    _, place = land_rows(order, transaction, place, job)
    return place


def _size(asset: Asset, job: Job) -> int | None:
    """Bytes of the frames that landed, or of a seed's file; of a query nobody knows."""
    if isinstance(asset.body, SeedBody):
        with suppress(OSError):
            return os.path.getsize(asset.body.path)
    return job.landed_bytes


def _failed(error: BaseException, asset: Asset, job: Job, limit: Limit | None = None) -> Outcome:
    statement = error.statement if isinstance(error, EngineError) else None
    if job.stopped or not isinstance(error, SqlpipesError):
        of = " of the slices that were not built" if asset.partition else ""
        message = f"'{asset.name}' was stopped; what readers see{of} is as it was"
        problem = Problem("BLD007", message, asset.at)
        return Outcome(Status.CANCELLED, 0.0, problems=(problem,), statement=statement)
    problems = tuple(replace(p, at=p.at or asset.at) for p in error.problems)
    problems = tuple(waited(limited(p, asset, limit), job) for p in problems)
    return Outcome(Status.ERROR, 0.0, problems=problems, statement=statement)
