"""While a run lasts: what its functions print or log goes to the step that they work for.

All else that is printed, such as the progress of the run, goes where it went before.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import hand_on, recorder_here


class Tee:
    """Stands in place of stdout or stderr. Several runs in one process may each put one up."""

    def __init__(self, below: TextIO) -> None:
        self.below = below
        self.active = True

    def write(self, text: str) -> int:
        recorder = recorder_here() if self.active else None
        if recorder is None:
            return self.below.write(text)
        recorder.say(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.below)


class LogHandler(logging.Handler):
    """Gives each record to the step whose thread made it."""

    def emit(self, record: logging.LogRecord) -> None:
        recorder = recorder_here()
        if recorder is not None:
            recorder.say(f"{self.format(record)}\n")
        elif _is_alone() and logging.lastResort and record.levelno >= logging.lastResort.level:
            logging.lastResort.handle(record)  # as it would have been without us


class Unasked(logging.Filter):
    """Keeps from other handlers what reaches them only because the root logger listens to more now."""

    def filter(self, record: logging.LogRecord) -> bool:
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None and logger.parent is not None:
            if logger.level:
                return True  # it has a level of its own, which has let the record through
            logger = logger.parent
        return record.levelno >= logging.WARNING


def _is_alone() -> bool:
    return all(isinstance(handler, LogHandler) for handler in logging.getLogger().handlers)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What belongs to the process and not to a function: it is as it was when the run began."""

    folder: str
    handler: logging.Handler
    tees: Mapping[str, Tee]
    quiet: int  # levels of the log that are switched off
    collects: bool

    def mend(self) -> tuple[str, ...]:
        """Put back what a function has changed; a line for each such thing."""
        found = []
        if _folder() != self.folder:
            os.chdir(self.folder)
            found.append("a function has changed the current folder, which is put back")
        for name, tee in self.tees.items():
            if not isinstance(getattr(sys, name), Tee):
                setattr(sys, name, tee)
                found.append(f"a function has replaced sys.{name}, which is put back")
        root = logging.getLogger()
        if self.handler not in root.handlers:
            root.addHandler(self.handler)
            found.append("a function has removed the handlers of the log: ours is put back")
        if root.manager.disable != self.quiet:
            logging.disable(self.quiet)
            found.append("a function has switched the log off or on, which is put back")
        if gc.isenabled() != self.collects:
            (gc.enable if self.collects else gc.disable)()
        return tuple(found)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


@contextmanager
def captured() -> Iterator[Surroundings]:
    """Until it ends, stdout, stderr and the root logger are listened to."""
    start = _follow_threads()
    tees = {name: _put_up(name) for name in ("stdout", "stderr")}
    root, handler = logging.getLogger(), LogHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    unasked, others = Unasked(), root.handlers[:]
    raised = root.level == logging.WARNING  # as it is when nobody configured it
    if raised:
        root.setLevel(logging.INFO)  # what is said for information is kept, but shown to nobody new
        for other in others:
            other.addFilter(unasked)
    root.addHandler(handler)
    around = Surroundings(_folder(), handler, tees, root.manager.disable, gc.isenabled())
    try:
        yield around
    finally:
        around.mend()
        root.removeHandler(handler)
        for other in others:
            other.removeFilter(unasked)
        if raised and root.level == logging.INFO:
            root.setLevel(logging.WARNING)
        for name, tee in tees.items():
            _take_down(name, tee)
        start()


def _follow_threads() -> Callable[[], None]:
    """A thread works for the step whose function starts it. The answer ends it.

    Context variables are not handed on to a thread, and where it comes from cannot be asked later.
    """
    below = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        hand_on(thread)
        below(thread)

    def end() -> None:
        if (
            threading.Thread.start is start
        ):  # else another run's stands above, and is passed on from
            threading.Thread.start = below  # type: ignore[method-assign]

    threading.Thread.start = start  # type: ignore[method-assign, assignment]
    return end


def _put_up(name: str) -> Tee:
    tee: Any = Tee(getattr(sys, name))
    setattr(sys, name, tee)
    return tee  # type: ignore[no-any-return]


def _take_down(name: str, tee: Tee) -> None:
    """Another run may have put up its own above this one, which then only passes on."""
    tee.active = False
    found: Any = getattr(sys, name)
    while isinstance(found, Tee) and not found.active:
        found = found.below
    setattr(sys, name, found)
