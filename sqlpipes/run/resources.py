"""The resources of one run: each is set up by the first step that wants it, and closed at the end.

Steps of several threads share them. What cannot be set up fails every step that wants it, with the
user's own line; it is not tried again but for its own `retries`.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import field, replace
from random import random
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import recorder_here, resource_definition
from sqlpipes.core.errors import EngineError, Problem, ProjectError, Severity, SqlpipesError
from sqlpipes.core.resource import ReadyResource, Resource
from sqlpipes.run.faults import user_error
from sqlpipes.run.job import Stopped
from sqlpipes.run.patience import Late, within
from sqlpipes.run.recording import StepRecorder, error_text, recording, wait

POLL_S = 0.05
CLOSE_S = 30.0  # that one resource may take to close

GoOn = Callable[[], None]


def no_resource(name: str) -> Any:
    """What a place without a run has for a resource."""
    message = f"the resource '{name}' is not set up here"
    raise ProjectError(Problem("RES010", message, hint=f"give one: resources={{'{name}': ...}}"))


def given_by(things: Mapping[str, Any]) -> Callable[[str], Any]:
    """Things that somebody else has made, such as a test, by the names of the resources."""

    def get(name: str) -> Any:
        return things[name] if name in things else no_resource(name)

    return get


@dataclass(slots=True)
class _Slot:
    """One resource in this run. It is ready when it is set up or has failed."""

    ready: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    problems: tuple[Problem, ...] = ()
    undo: Callable[[], None] | None = None


class Resources:
    """Opened once, thread-safe; `close` is the end of all of them."""

    def __init__(self, known: Mapping[str, ReadyResource], root: str) -> None:
        self._known, self._root = known, root
        self._lock = threading.Lock()
        self._slots: dict[str, _Slot] = {}
        self._opened: list[str] = []  # in the order in which they were set up
        self._closed = False

    def get(self, name: str, go_on: GoOn = lambda: None) -> Any:
        """The resource. EngineError RES008 when it cannot be set up; what `go_on` raises meanwhile."""
        if name not in self._known:
            return no_resource(name)
        with self._lock:
            slot = self._slots.get(name)
            mine = slot is None
            if slot is None:
                slot = self._slots[name] = _Slot()
        if mine:
            self._set_up(name, slot, go_on)
        while not slot.ready.wait(POLL_S):
            go_on()
        if slot.problems:
            raise EngineError(*slot.problems)
        return slot.value

    def _set_up(self, name: str, slot: _Slot, go_on: GoOn) -> None:
        try:
            ready = self._known[name]
            needed = {key: self.get(other, go_on) for key, other in ready.resource.needs.items()}
            slot.value, slot.undo = self._tried(ready, needed, go_on)
        except SqlpipesError as error:
            slot.problems = error.problems
        except Stopped:
            slot.problems = (Problem("BLD007", f"the resource '{name}' was not set up: stopped"),)
            raise
        finally:
            with self._lock:
                late = self._closed
                if slot.undo is not None and not late:
                    self._opened.append(name)
            slot.ready.set()
            if late and slot.undo is not None:  # it was left alone, and came back after the end
                slot.undo()

    def _tried(
        self, ready: ReadyResource, needed: Mapping[str, Any], go_on: GoOn
    ) -> tuple[Any, Callable[[], None] | None]:
        own, failed = ready.resource, 0
        while True:
            go_on()
            try:
                return set_up(own.load(), {**ready.values, **needed})
            except Stopped:
                raise
            except BaseException as error:  # SystemExit too, as in a function
                failed += 1
                if failed > own.retry.times or not isinstance(error, Exception):
                    raise _refused(own, error, failed, self._root) from error
                pause = own.retry.pause_of(failed, random())
                self._say(f"resource {own.name}: {error_text(error)}; again in {pause:.1f}s\n")
                wait(pause, go_on)

    def _say(self, text: str) -> None:
        if recorder := recorder_here():
            recorder.say(text)

    def close(self, mask: Callable[[str], str] = str) -> tuple[Problem, ...]:
        """Close what was set up, the last first. What goes wrong is told, and stops no other."""
        with self._lock:
            self._closed = True
            names = self._opened[::-1]
            self._opened.clear()
        return tuple(self._shut(names, mask))

    def _shut(self, names: Iterable[str], mask: Callable[[str], str]) -> Iterator[Problem]:
        for name in names:
            slot, own = self._slots[name], self._known[name].resource
            assert slot.undo is not None
            with recording(mask=mask) as recorder:
                try:
                    within(CLOSE_S, slot.undo)
                except Late:
                    message = f"the resource '{name}' did not close within {CLOSE_S:g}s"
                    yield _told(Problem("RES009", message, own.at), recorder)
                except BaseException as error:
                    found = user_error(error, name, own.at, self._root).problems[0]
                    message = f"the resource '{name}' could not be closed: {error_text(error)}"
                    yield _told(replace(found, code="RES009", message=message), recorder)


def _told(problem: Problem, recorder: StepRecorder) -> Problem:
    said = recorder.log.strip().splitlines()
    hint = problem.hint or (f"it said: {said[-1]}" if said else None)
    return replace(problem, severity=Severity.WARNING, hint=hint)


def _refused(own: Resource, error: BaseException, failed: int, root: str) -> SqlpipesError:
    if isinstance(error, SqlpipesError):
        return error
    found = user_error(error, own.name, own.at, root).problems[0]
    often = f" (attempt {failed} of {failed})" if failed > 1 else ""
    message = f"the resource '{own.name}' could not be set up: {error_text(error)}{often}"
    return EngineError(replace(found, code="RES008", message=message))


def set_up(
    make: Callable[..., Any], values: Mapping[str, Any]
) -> tuple[Any, Callable[[], None] | None]:
    """What steps are given, and what closes it; None: nothing does.

    Raises whatever the user's code raises.
    """
    made = make(**values)
    plain = inspect.unwrap(make)
    if inspect.isgenerator(made):
        return _first_of(made), lambda: _finish(made)
    is_class = isinstance(plain, type) or resource_definition(type(made)) is not None
    if is_class or type(made).__module__ == "contextlib":
        return _entered(made)
    return made, None


def _entered(made: Any) -> tuple[Any, Callable[[], None] | None]:
    if isinstance(made, AbstractContextManager):
        value = made.__enter__()
        return value, lambda: _leave(made)
    setup, close = getattr(made, "setup", None), getattr(made, "close", None)
    if callable(setup):
        try:
            setup()
        except BaseException:
            if callable(close):
                _quietly(close)
            raise
    return made, close if callable(close) else None


def _quietly(close: Callable[[], Any]) -> None:
    """Of what was set up by half: the first fault is the one to tell."""
    try:
        close()
    except Exception as error:
        if recorder := recorder_here():
            recorder.say(f"closing what was set up by half: {error_text(error)}\n")


def _leave(made: Any) -> None:
    made.__exit__(None, None, None)


def _first_of(made: Any) -> Any:
    try:
        return next(made)
    except StopIteration:
        raise RuntimeError("it yielded nothing: `yield` the resource once") from None


def _finish(made: Any) -> None:
    """What stands behind the yield; a second one is a mistake."""
    try:
        next(made)
    except StopIteration:
        return
    made.close()
    raise RuntimeError("it yielded a second time: `yield` the resource once")
