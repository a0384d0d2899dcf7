"""What was built beside a relation -> seen by the checks, then published by way of the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Lock

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import Deed, Limits
from sqlpipes.core.errors import EngineError
from sqlpipes.core.faults import TOO_LONG
from sqlpipes.run.job import Job
from sqlpipes.run.journal import Intent, publish
from sqlpipes.run.placing import placing
from sqlpipes.run.python import Place
from sqlpipes.run.shadow import reading
from sqlpipes.run.statement import Beside, Purpose, Statement, Transaction

LATE = (Purpose.PUBLISH, Purpose.CLEAN)
POLL_S = 0.1


@contextmanager
def alone(transaction: Transaction, asset: Asset, place: Place, job: Job) -> Iterator[None]:
    """One part of an asset at a time: two that write all of it anew would lose what the other has written.

    What fails before it is published leaves nothing.
    """
    if transaction.beside is None:
        yield
        return
    with _turn(place.turns.get(asset.name), job):
        try:
            yield
        except BaseException:
            if not job.publishing:
                _drop(transaction.beside, place)
            raise


def first_try(transaction: Transaction, place: Place) -> bool:
    """Whether nothing can stand at the names of what is staged, which are this build's own.

    Asked once for each try, of which there are more after a conflict or a lost connection.
    """
    if transaction.beside is None:
        return True
    is_first = transaction.beside.journal not in place.begun
    place.begun.add(transaction.beside.journal)
    return is_first


@contextmanager
def _turn(turn: Lock | None, job: Job) -> Iterator[None]:
    while turn is not None and not turn.acquire(timeout=POLL_S):
        job.go_on()
    try:
        yield
    finally:
        if turn is not None:
            turn.release()


def _drop(beside: Beside, place: Place) -> None:
    said = [("view", each) for each in beside.views] + [("table", each) for each in beside.tables]
    for kind, each in said:
        with suppress(EngineError):
            place.connection.execute(f"drop {kind} if exists {place.warehouse.quote(each)}")


@contextmanager
def _limited(intent: Intent, place: Place, job: Job) -> Iterator[None]:
    """What is cut off between two statements is only half published, so there it has no end. Rows that
    are changed in one transaction are as they were when it is cut off."""
    connection = place.connection
    at_once = place.warehouse.can.transactional_rows and not intent.needs_note
    if not at_once and isinstance(connection, Limits):
        connection.limit(None)
    try:
        yield
    except EngineError as error:
        if at_once and any(problem.code == TOO_LONG for problem in error.problems):
            job.unpublished()
        raise
    finally:
        if isinstance(connection, Limits):
            connection.limit(place.limit.seconds if place.limit else None)


def shadowed(transaction: Transaction, asset: Asset, place: Place) -> Place:
    """Where checks look: at what the relation is going to be."""
    if transaction.beside is None:
        return place
    return replace(place, graph=reading(place.graph, asset, transaction.beside.shadow))


def take_place(
    late: Sequence[Statement],
    transaction: Transaction,
    asset: Asset,
    place: Place,
    job: Job,
    said: list[str],
) -> None:
    """Publish, which nothing stops any more, and clean up. What cannot be cleaned is dropped by the next
    build; what cannot be published is finished by it."""
    if transaction.beside is None:
        return
    job.publish()
    publishing = [each for each in late if each.purpose is Purpose.PUBLISH]
    deeds = tuple(each.deed or Deed(each.sql) for each in publishing)
    journal = place.warehouse.quote(transaction.beside.journal)
    first = publishing[0] if publishing else Statement("", Purpose.PUBLISH)
    intent = Intent(asset.name, deeds)
    with placing(first, asset, place), _limited(intent, place, job):
        for sql in publish(intent, journal, place.connection):
            said.append(sql)
    for statement in late:
        if statement.purpose is Purpose.CLEAN:
            said.append(statement.sql)
            with suppress(EngineError):
                place.connection.execute(statement.sql)
