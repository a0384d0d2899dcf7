"""Round after round of `tick`, with the files read anew when they have changed. No other process is needed.

A file that was broken meanwhile is told once, and what was declared before it goes on. One `serve`
in a project; it stops between two rounds, or in the middle of a build as `build` does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project
from sqlpipes.api.queue import How, load_as
from sqlpipes.api.sensing import SickSensor
from sqlpipes.api.terms import Watch
from sqlpipes.api.ticking import Happening, tick
from sqlpipes.api.watched import files_seen
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, SqlpipesError

LOCK = "serve.lock"
NAP_S = 0.1


@dataclass(frozen=True, slots=True)
class Loaded:
    """The files were read: what is declared now counts."""

    project: Project
    again: bool  # not the first time


@dataclass(frozen=True, slots=True)
class Trouble:
    """The files, or a round, could not be used; what was declared before goes on."""

    problems: tuple[Problem, ...]


Served = Loaded | Trouble | Happening


def serve(
    how: How,
    *,
    every_s: float = 30.0,
    command: str = "serve",
    watch: Watch | None = None,
    on_happening: Callable[[Served], None] = lambda happening: None,
    clock: Callable[[], datetime] = utc_now,
    rounds: int | None = None,
) -> None:
    """Tick every so many seconds until `watch.cancel` is set, or for so many `rounds`.

    Raises LockedError LCK004 when another one is at work here, ProjectError when the files cannot be
    used from the start.
    """
    from sqlpipes.stores.lock import sign_of_life

    watch, done = watch or Watch(), 0
    with sign_of_life(how.root, LOCK, keep=True):
        project, seen = load_as(how), files_seen(how)
        project.raise_errors()
        on_happening(Loaded(project, again=False))
        told: tuple[Problem, ...] = ()
        while not watch.cancel.is_set() and done != rounds:
            began = time.monotonic()
            now_there = files_seen(how)
            if now_there != seen:
                project, seen = _reloaded(how, project, on_happening), now_there
            told = _round(how, project, command, watch, on_happening, clock, told)
            done += 1
            if done != rounds:
                _nap(every_s - (time.monotonic() - began), watch.cancel)


def _round(
    how: How,
    project: Project,
    command: str,
    watch: Watch,
    tell: Callable[[Served], None],
    clock: Callable[[], datetime],
    told: tuple[Problem, ...],
) -> tuple[Problem, ...]:
    """One tick. What is wrong with it, such as a state that is out of reach, is told once,
    and so is a sensor that fails again as it did before."""

    def news(happening: Happening) -> None:
        if not isinstance(happening, SickSensor) or happening.is_news:
            tell(happening)

    try:
        tick(how, project, command=command, watch=watch, on_happening=news, clock=clock)
    except SqlpipesError as error:
        if error.problems != told:
            tell(Trouble(error.problems))
        return error.problems
    return ()


def _reloaded(how: How, project: Project, tell: Callable[[Served], None]) -> Project:
    try:
        found = load_as(how)
        found.raise_errors()
    except SqlpipesError as error:
        tell(Trouble(error.problems))
        return project
    tell(Loaded(found, again=True))
    return found


def _nap(seconds: float, cancel: threading.Event) -> None:
    """Sleep until it is over or cancelled. The event is looked at, not waited for: a signal that
    arrives in the middle of such a wait could not set it."""
    end = time.monotonic() + seconds
    while not cancel.is_set() and (left := end - time.monotonic()) > 0:
        time.sleep(min(NAP_S, left))
