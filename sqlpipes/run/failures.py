"""How a part failed -> whether its slices are worth trying apart, and how that is told."""

from __future__ import annotations

import time
from dataclasses import replace

from sqlpipes.core.asset import Asset, PythonBody, SqlBody
from sqlpipes.core.errors import Problem, SqlpipesError
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.status import Status
from sqlpipes.run.job import Job
from sqlpipes.run.outcome import Order, Outcome

MOST_FAILURES = 16  # parts of one step: after so many, what fails is not halved any more
SHOWN_SLICES = 80  # characters of a list of slices in a message
OF_DATA = frozenset({"ENG005", "BLD002", "BLD005", "BLD006", "BLD017"})
"""Faults that another slice may not have: a value that cannot be converted, rows outside of the
window, a function that raised or took too long. All others, such as a column that does not exist, every
slice has."""


NO_VALUE = "BLD001"  # a query yields such rows for every slice, a function for that of its call
NO_COLUMNS = "ENG010"  # of a table that is not there yet: it is made by a slice that has rows
PASSING = frozenset({"ENG006", "ENG011"})
"""Another writer, a connection that was cut: it fails as it is, but the next slice may find it gone."""


def others_may_succeed(order: Order, outcome: Outcome) -> bool:
    """Whether the other parts of the same asset are worth a try."""
    called = isinstance(order.asset.body, PythonBody)
    if called and outcome.problems and all(p.code == NO_VALUE for p in outcome.problems):
        return True
    passing = bool(outcome.problems) and all(p.code in PASSING for p in outcome.problems)
    return passing or lies_in_data(outcome)


def lies_in_data(outcome: Outcome) -> bool:
    """Whether some slices of a part may well succeed without the others."""
    if outcome.status is Status.FAIL:
        return True
    if outcome.status is not Status.ERROR or not outcome.problems:
        return False
    return all(problem.code in OF_DATA for problem in outcome.problems)


def waits_for_table(order: Order, outcome: Outcome) -> bool:
    """Whether it lacks nothing but the columns, which another slice with rows may bring."""
    fresh = order.transaction is not None and order.transaction.fresh
    lacks = bool(outcome.problems) and all(p.code == NO_COLUMNS for p in outcome.problems)
    return fresh and lacks and order.asset.partition is not None


def may_be_split(order: Order, outcome: Outcome) -> bool:
    """A function is never called again for the halves: it may have taken its time, or written."""
    several = order.asset.partition is not None and len(order.slices) > 1
    return several and isinstance(order.asset.body, SqlBody) and lies_in_data(outcome)


def named(outcome: Outcome, slices: Partitions) -> Outcome:
    """The same with the slices in its messages, where there are any."""
    if slices.is_whole:
        return outcome
    text = str(slices)
    if len(text) > SHOWN_SLICES:
        text = f"{text[:SHOWN_SLICES]}..."
    word = "slice" if len(slices) == 1 else "slices"
    told = (
        p if text in p.message else replace(p, message=f"{p.message} ({word} {text})")
        for p in outcome.problems
    )
    return replace(outcome, problems=tuple(told))


def broken(order: Order, error: BaseException, job: Job) -> Outcome:
    """A connection that did not open, or a fault of ours: named, never swallowed."""
    asset, status = order.asset, Status.ERROR
    problems: tuple[Problem, ...]
    if job.stopped:
        status = Status.CANCELLED
        problems = (Problem("BLD007", f"'{asset.name}' was stopped", asset.at),)
    elif isinstance(error, SqlpipesError):
        problems = placed(error, asset)
    else:
        message = f"'{asset.name}' broke with {type(error).__name__}: {error}"
        problems = (Problem("BLD008", message, asset.at),)
    in_doubt = order.calls and not job.writes_aside()
    return Outcome(status, 0.0, problems=problems, in_doubt=in_doubt)


def left_alone(order: Order, began: float, job: Job) -> Outcome:
    """Of a part that did not stop in time."""
    message = f"'{order.asset.name}' did not stop and was left alone; it cannot publish any more"
    problems = (Problem("BLD007", message, order.asset.at),)
    seconds = time.perf_counter() - began
    in_doubt = order.calls and not job.writes_aside()
    return Outcome(Status.CANCELLED, seconds, problems=problems, in_doubt=in_doubt)


def placed(error: SqlpipesError, asset: Asset) -> tuple[Problem, ...]:
    return tuple(replace(p, at=p.at or asset.at) for p in error.problems)
