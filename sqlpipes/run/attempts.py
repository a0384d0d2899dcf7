"""One call of an asset's function and the landing of its rows: in time, and again when it failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import random
from typing import TypeVar

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.definitions import Retry, recorder_here
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.run.files import Places
from sqlpipes.run.job import Job, Stopped
from sqlpipes.run.patience import Late, within
from sqlpipes.run.python import Place
from sqlpipes.run.recording import wait

R = TypeVar("R")
RAISED, LATE = "BLD005", "BLD017"


def attempted(asset: Asset, place: Place, job: Job, do: Callable[[Place], R]) -> tuple[R, Place]:
    """What `do` gives, and the place to go on at: another connection, if the first was left behind.

    Raises EngineError: what the last attempt raised. Only faults of the user's function are worth
    another one.
    """
    if not isinstance(asset.body, PythonBody):  # a file that is read
        return do(place), place
    retry, failed = asset.body.retry, 0
    while True:
        found: R | EngineError
        found, place = _once(asset, asset.body.timeout_s, place, job, do)
        place.connection.release()
        if not isinstance(found, EngineError):
            return found, place
        failed += 1
        place.files.drop()
        job.go_on()
        if failed > retry.times or not _is_worth_another(found):
            raise _counted(found, failed)
        _pause(found, failed, retry, job)


def _once(
    asset: Asset, timeout_s: float | None, place: Place, job: Job, do: Callable[[Place], R]
) -> tuple[R | EngineError, Place]:
    try:
        if timeout_s is None:
            return do(place), place
        over = threading.Event()

        def end() -> None:
            over.set()
            place.connection.interrupt()

        limited = replace(place, go_on=partial(_go_on, over, place.go_on))
        return within(timeout_s, lambda: do(limited), end), place
    except Late as late:
        error = EngineError(_late(asset, timeout_s or 0.0, alive=late.alive))
        return error, _moved(place, job) if late.alive else place
    except EngineError as error:
        return error, place


def _go_on(over: threading.Event, below: Callable[[], None]) -> None:
    """Raises Stopped once the time is up."""
    if over.is_set():
        raise Stopped
    below()


def _moved(place: Place, job: Job) -> Place:
    """Whoever was left alone may still use the connection, and write to the files it was given."""
    connection = place.renew()
    job.start(connection)
    return replace(place, connection=connection, files=Places(place.files.bounds))


def _late(asset: Asset, timeout_s: float, *, alive: bool) -> Problem:
    message = f"'{asset.name}' did not return within {timeout_s:g}s"
    if alive:
        message += " and was left alone; it cannot publish any more"
    hint = "raise timeout_s, or give what it waits for a limit of its own"
    return Problem(LATE, message, asset.at, hint)


def _is_worth_another(error: EngineError) -> bool:
    return any(problem.code in (RAISED, LATE) for problem in error.problems)


def _counted(error: EngineError, failed: int) -> EngineError:
    if failed > 1:
        said = f" (attempt {failed} of {failed})"
        error.problems = tuple(replace(p, message=p.message + said) for p in error.problems)
    return error


def _pause(error: EngineError, failed: int, retry: Retry, job: Job) -> None:
    seconds = retry.pause_of(failed, random())
    if recorder := recorder_here():
        told = f"attempt {failed} of {retry.times + 1} failed: {error.problems[0].message}"
        recorder.say(f"{told}; again in {seconds:.1f}s\n")
    wait(seconds, job.go_on)
