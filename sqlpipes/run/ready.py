"""Before a part's transaction begins: what it reads on other engines is brought over, and the rows of its
function or its file land in its stage.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.errors import EngineError, Problem, did_you_mean
from sqlpipes.core.faults import LOST
from sqlpipes.run.anew import found_out
from sqlpipes.run.attempts import attempted
from sqlpipes.run.crossing import CROSSED, Shared, bring, let_go
from sqlpipes.run.job import Job
from sqlpipes.run.landing import land
from sqlpipes.run.lost import connected, pause
from sqlpipes.run.outcome import Order
from sqlpipes.run.python import Place
from sqlpipes.run.statement import Call, Transaction
from sqlpipes.run.transact import run_statement


def bring_here(order: Order, place: Place, job: Job) -> Place:
    """What it reads on other engines. It is told like what a function logs, also when it fails later.

    Nothing is published yet, so it begins anew when a connection is lost; the place has another one then.
    """
    if place.copies is not None:
        held = (place.graph, place.warehouse, place.connection)
        let_go(order.asset.name, place.copies, *held)
    if not order.crossings:
        return place
    assert place.warehouses is not None
    lost = 0
    while True:
        where = (place.graph, place.warehouses, place.warehouse, place.connection, place.connect)
        try:
            shared, reader = shared_by(order, place), order.asset.name
            came = bring(reader, order.crossings, *where, job, empty=order.empty, shared=shared)
        except EngineError as error:
            was_lost = LOST in {problem.code for problem in error.problems}
            if not was_lost or lost >= place.retries or job.stopped:
                raise
        else:
            if came:
                place.logged.append({CROSSED: [each.plain for each in came]})
            return place
        lost += 1
        pause(lost, place.retries, job.go_on, place.say, "connection lost")
        if not place.connection.is_open:
            place = renewed(place, job, place.retries - lost)


def shared_by(order: Order, place: Place) -> Shared | None:
    """What the parts of a step have in common of that; None where each brings its own."""
    if place.copies is None or not order.is_part or order.empty:
        return None
    return Shared(order.asset.name, place.copies)


def renewed(place: Place, job: Job, times: int) -> Place:
    place.connection.close()
    connection = connected(place.renew, times, job.go_on, place.say)
    job.start(connection)
    return replace(place, connection=connection)


def land_rows(
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
            run_statement(statement, order.asset, place)
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


def drop_stages(transaction: Transaction, place: Place) -> None:
    """Landed outside of the transaction, so its rollback leaves them; the next run would replace them."""
    for call in transaction.calls:
        for stage in filter(None, (call.stage, call.whole)):
            with suppress(EngineError):
                place.connection.execute(f"drop table if exists {place.warehouse.quote(stage)}")
