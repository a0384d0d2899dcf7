"""Stage, check, publish: one transaction of a step on one connection, and what came of it.

Hooks, writes, audits and checks stand in one transaction. Whatever fails in it leaves what readers
see as it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from random import random
from typing import Any

from sqlpipes.core.asset import Asset, Check, Limit, Materialized, PythonBody, SeedBody
from sqlpipes.core.engine import Rows
from sqlpipes.core.errors import EngineError, Problem, SqlpipesError, did_you_mean
from sqlpipes.core.events import OpCall, Status
from sqlpipes.core.faults import LOST
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Crossing
from sqlpipes.run.anew import found_out
from sqlpipes.run.attempts import attempted
from sqlpipes.run.blocked import waited
from sqlpipes.run.contents import Contents, contents, unmoved
from sqlpipes.run.crossing import CROSSED, bring, forget
from sqlpipes.run.export import with_staged, write_files, written_metadata
from sqlpipes.run.files import file_metadata
from sqlpipes.run.fit import columns_for, demand_fit
from sqlpipes.run.gate import Result, row_text, run_checks
from sqlpipes.run.job import Job, Stopped
from sqlpipes.run.landing import land
from sqlpipes.run.lost import connected, pause
from sqlpipes.run.placing import placing
from sqlpipes.run.python import Place, call_asset
from sqlpipes.run.recording import recording
from sqlpipes.run.signing import limited
from sqlpipes.run.statement import Call, Purpose, Statement, Transaction
from sqlpipes.run.taking import LATE, alone, shadowed, take_place

CONFLICT = "ENG006"  # another transaction got there first: the same statements may succeed now
COUNTED = (Purpose.WRITE, Purpose.COUNT)
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: a transaction of a step, or only its function and its checks."""

    asset: Asset
    slices: Partitions
    checks: tuple[Check, ...]
    transaction: Transaction | None = None
    calls: bool = False  # run its function, although nothing is written to the warehouse
    crossings: tuple[Crossing, ...] = ()  # what is brought here first
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended. `problems` are empty unless it failed."""

    status: Status
    seconds: float
    results: tuple[Result, ...] = ()
    problems: tuple[Problem, ...] = ()
    rows: int | None = None
    statements: tuple[str, ...] = ()
    statement: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    in_doubt: bool = False  # it failed, and its function may have written something all the same
    same: Partitions | None = None  # slices that hold what they held before
    log: str = ""
    ops: tuple[OpCall, ...] = ()
    bytes: int | None = None  # of what landed, or of the file
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """The number of rows, where the engine says so, which slices hold what they held, and the columns."""

    rows: int | None
    same: Partitions | None
    columns: tuple[tuple[str, str], ...] = ()


class Blocked(Exception):
    """A check whose failure must keep the rows from being published."""


def carry_out(order: Order, place: Place, job: Job, now: Callable[[], datetime]) -> Outcome:
    """Do it. Never raises for what the user, the warehouse or a stop may cause: the outcome says it."""
    began = time.perf_counter()
    results: list[Result] = []
    place = replace(place, go_on=job.go_on, logged=[])
    with recording(job.go_on, place.mask) as recorder:
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
    place = _bring(order, place, job)
    try:
        return _written(order, place, job, now, results, metadata)
    finally:
        if order.crossings:
            forget(order.crossings, place.graph, place.warehouse, place.connection)


def _bring(order: Order, place: Place, job: Job) -> Place:
    """What it reads on other engines. It is told like what a function logs, also when it fails later.

    Nothing is published yet, so it begins anew when a connection is lost; the place has another one then.
    """
    if not order.crossings:
        return place
    assert place.warehouses is not None
    lost = 0
    while True:
        where = (place.graph, place.warehouses, place.warehouse, place.connection, place.connect)
        try:
            came = bring(order.crossings, *where, job, empty=order.empty)
        except EngineError as error:
            was_lost = LOST in {problem.code for problem in error.problems}
            if not was_lost or lost >= place.retries or job.stopped:
                raise
        else:
            place.logged.append({CROSSED: [each.plain for each in came]})
            return place
        lost += 1
        pause(lost, place.retries, job.go_on, place.say, "connection lost")
        if not place.connection.is_open:
            place = _renewed(place, job, place.retries - lost)


def _renewed(place: Place, job: Job, times: int) -> Place:
    place.connection.close()
    connection = connected(place.renew, times, job.go_on, place.say)
    job.start(connection)
    return replace(place, connection=connection)


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
            _check(order, place, job, now, results)
            job.publish()
            _publish_files(order.asset, place)
        finally:
            place.files.drop()
        return Outcome(_status(results), 0.0, metadata=metadata, bytes=metadata.get("bytes"))
    said: list[str] = []
    try:
        metadata, place = _land(order, order.transaction, place, job)
        written = _retried(order, order.transaction, place, job, now, results, said)
        if order.asset.export is not None:
            metadata = {**metadata, **written_metadata(order.asset, place)}
            _publish_files(order.asset, place)
    except BaseException:
        _drop_stages(order.transaction, place)
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


def _land(
    order: Order, transaction: Transaction, place: Place, job: Job
) -> tuple[dict[str, Any], Place]:
    """Run the function before the transaction begins: training a model holds nothing open, and a
    stop that comes too late for the function still comes before anything is published."""
    metadata: dict[str, Any] = {}
    for call in transaction.calls:
        said, place = attempted(order.asset, place, job, partial(_land_one, order, call, job))
        metadata |= said
    return metadata, place


def _land_one(order: Order, call: Call, job: Job, place: Place) -> dict[str, Any]:
    assert order.transaction is not None
    fresh = order.transaction.fresh
    said = land(order.asset, call, place, job, fresh=fresh, empty=order.empty)
    _demand_columns(order.asset, call, place)
    todo = list(reversed(call.then))
    while todo:
        statement = todo.pop()
        more = found_out(statement, order.asset, place)
        if more is None:
            _run(statement, order.asset, place)
        else:
            todo += reversed(more)
    return dict(said)


def _demand_columns(asset: Asset, call: Call, place: Place) -> None:
    """BLD018 for rows that lack a column which the slices are cut along."""
    there = [name for name, _ in place.connection.columns(call.stage) or ()]
    known = {name.casefold() for name in there}
    for column in asset.partition.columns if asset.partition else ():
        if column.casefold() not in known:
            assert isinstance(asset.body, PythonBody)
            message = f"{asset.body.function}() returns no column '{column}', which '{asset.name}'"
            hint = did_you_mean(column, there) or f"its columns are {', '.join(there)}"
            raise EngineError(Problem("BLD018", f"{message} is partitioned by", asset.at, hint))


def _drop_stages(transaction: Transaction, place: Place) -> None:
    """Landed outside of the transaction, so its rollback leaves them; the next run would replace them."""
    for call in transaction.calls:
        for stage in filter(None, (call.stage, call.whole)):
            with suppress(EngineError):
                place.connection.execute(f"drop table if exists {place.warehouse.quote(stage)}")


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
            return _publish(order, transaction, place, job, now, results, said)
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
    place = _bring(order, _renewed(place, job, times), job)
    _, place = _land(order, transaction, place, job)
    return place


def _publish(
    order: Order,
    transaction: Transaction,
    place: Place,
    job: Job,
    now: Callable[[], datetime],
    results: list[Result],
    said: list[str],
) -> Published:
    counts: list[int] = []
    columns: tuple[tuple[str, str], ...] = ()
    late: list[Statement] = []  # of what is built beside its relation: for after the checks
    with alone(transaction, order.asset, place, job), place.connection.transaction():
        before = _contents(order, place) if transaction.statements else None
        todo = list(reversed(transaction.statements))
        while todo:
            job.go_on()
            statement = todo.pop()
            more = found_out(statement, order.asset, place)
            if more is not None:
                todo += reversed(more)
                continue
            if transaction.beside is not None and statement.purpose in LATE:
                late.append(statement)
                continue
            said.append(statement.sql)
            if statement.purpose is Purpose.FIT:
                _fit(statement, order.asset, place, now(), todo)
                continue
            counted = _run(statement, order.asset, place)
            if statement.purpose is Purpose.COPY:
                assert statement.output is not None
                columns = place.connection.describe(f"select * from {statement.output.table}")
                staged = with_staged(place.warehouse, statement.output, order.asset)
                place = replace(place, warehouse=staged)
            if statement.purpose in COUNTED and counted is not None:
                counts.append(counted)
        _check(order, shadowed(transaction, order.asset, place), job, now, results)
        take_place(late, transaction, order.asset, place, job, said)
        todo = list(reversed(transaction.after))
        while todo:
            job.go_on()
            statement = todo.pop()
            more = found_out(statement, order.asset, place)
            if more is not None:
                todo += reversed(more)
                continue
            said.append(statement.sql)
            _run(statement, order.asset, place)
        same = unmoved(before, _contents(order, place), order.slices) if before else None
        columns = columns or _columns(order.asset, place)
        job.publish()
    return Published(sum(counts) if counts else None, same, columns)


def _columns(asset: Asset, place: Place) -> tuple[tuple[str, str], ...]:
    """As the relation has them now. They only tell: one that cannot be asked has none."""
    if asset.relation is None:
        return ()
    with suppress(EngineError):
        return place.connection.describe(f"select * from {place.warehouse.quote(asset.relation)}")
    return ()


def _size(asset: Asset, job: Job) -> int | None:
    """Bytes of the frames that landed, or of a seed's file; of a query nobody knows."""
    if isinstance(asset.body, SeedBody):
        with suppress(OSError):
            return os.path.getsize(asset.body.path)
    return job.landed_bytes


def _contents(order: Order, place: Place) -> Contents | None:
    """Relations built empty for a trial run are compared with nothing."""
    if order.empty:
        return None
    return contents(order.asset, order.slices, place.warehouse, place.connection)


def _fit(
    statement: Statement, asset: Asset, place: Place, now: datetime, todo: list[Statement]
) -> None:
    """Ask for the columns, and put what they call for on top of `todo` (last is next)."""
    assert statement.fit is not None
    assert statement.relation is not None
    with placing(statement, asset, place):
        old = place.connection.columns(statement.relation)
        table = place.warehouse.quote(statement.relation) if old else None
        new = columns_for(place.connection, statement.sql, table)
    fitted = statement.fit(new, old, now)
    if fitted.instead:
        todo.clear()
    todo += reversed(fitted.statements)


def _check(
    order: Order, place: Place, job: Job, now: Callable[[], datetime], results: list[Result]
) -> None:
    """Relations built empty for a trial run have no rows that checks could be about."""
    if order.empty:
        return
    found = run_checks(order.checks, order.asset.name, order.slices, place, now(), job.go_on)
    results.extend(found)
    if any(result.status is Status.FAIL for result in results):
        raise Blocked


def _run(statement: Statement, asset: Asset, place: Place) -> int | None:
    if statement.into is not None:
        with placing(statement.rows, asset, place):
            demand_fit(statement, asset, place.connection)
    if statement.purpose is Purpose.COPY:
        write_files(statement, asset, place)
        return None
    with placing(statement, asset, place):
        if statement.purpose not in (Purpose.AUDIT, Purpose.COUNT):
            return place.connection.execute(statement.sql)
        rows = place.connection.fetch(statement.sql)
    if statement.purpose is Purpose.COUNT:
        return int(rows.rows[0][0])
    if len(rows):
        raise EngineError(_with_examples(statement, rows), statement=statement.sql)
    return None


def _with_examples(statement: Statement, rows: Rows) -> Problem:
    assert statement.fault is not None
    examples = "; ".join(f"({row_text(rows.columns, row)})" for row in rows.rows[:3])
    return replace(statement.fault, message=f"{statement.fault.message}: {examples}")


def _failed(error: BaseException, asset: Asset, job: Job, limit: Limit | None = None) -> Outcome:
    statement = error.statement if isinstance(error, EngineError) else None
    if job.stopped or not isinstance(error, SqlpipesError):
        message = f"'{asset.name}' was stopped; what readers see is as it was"
        problem = Problem("BLD007", message, asset.at)
        return Outcome(Status.CANCELLED, 0.0, problems=(problem,), statement=statement)
    problems = tuple(replace(p, at=p.at or asset.at) for p in error.problems)
    problems = tuple(waited(limited(p, asset, limit), job) for p in problems)
    return Outcome(Status.ERROR, 0.0, problems=problems, statement=statement)


def needs_function(asset: Asset) -> bool:
    """Whether building it runs a function without landing rows: a file, or nothing at all."""
    return isinstance(asset.body, PythonBody) and asset.relation is None
