"""A part's transaction -> said, checked and committed on one connection, or rolled back as a whole.

Hooks, writes, audits and checks stand in it. Whatever fails leaves what readers see as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from sqlpipes.core.asset import Asset
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Rows
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.status import Status
from sqlpipes.run.anew import found_out
from sqlpipes.run.contents import Contents, contents, unmoved
from sqlpipes.run.export import with_staged, write_files
from sqlpipes.run.fit import columns_for, demand_fit
from sqlpipes.run.gate import Result, row_text, run_checks
from sqlpipes.run.job import Job
from sqlpipes.run.outcome import Order
from sqlpipes.run.placing import placing
from sqlpipes.run.python import Place
from sqlpipes.run.statement import Purpose, Statement, Transaction
from sqlpipes.run.taking import LATE, alone, first_try, shadowed, take_place

COUNTED = (Purpose.WRITE, Purpose.COUNT)


@dataclass(frozen=True, slots=True)
class Published:
    """The number of rows, where the engine says so, which slices hold what they held, and the columns."""

    rows: int | None
    same: Partitions | None
    columns: tuple[tuple[str, str], ...] = ()


class Blocked(Exception):
    """A check whose failure must keep the rows from being published."""


def transact(
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
    is_first = first_try(transaction, place)
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
            if statement.again and is_first:
                continue
            said.append(statement.sql)
            if statement.purpose is Purpose.FIT:
                _fit(statement, order.asset, place, now(), todo)
                continue
            counted = run_statement(statement, order.asset, place)
            if statement.purpose is Purpose.COPY:
                assert statement.output is not None
                columns = place.connection.describe(f"select * from {statement.output.table}")
                staged = with_staged(place.warehouse, statement.output, order.asset)
                place = replace(place, warehouse=staged)
            if statement.purpose in COUNTED and counted is not None:
                counts.append(counted)
        check_rows(order, shadowed(transaction, order.asset, place), job, now, results)
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
            run_statement(statement, order.asset, place)
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


def check_rows(
    order: Order, place: Place, job: Job, now: Callable[[], datetime], results: list[Result]
) -> None:
    """Relations built empty for a trial run have no rows that checks could be about."""
    if order.empty:
        return
    found = run_checks(order.checks, order.asset.name, order.slices, place, now(), job.go_on)
    results.extend(found)
    if any(result.status is Status.FAIL for result in results):
        raise Blocked


def run_statement(statement: Statement, asset: Asset, place: Place) -> int | None:
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
