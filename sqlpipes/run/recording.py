"""The functions of one step -> what they printed and logged, and the ops that they called."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from random import random
from typing import Any

from sqlpipes.core.definitions import OpDefinition, recorded_by
from sqlpipes.core.events import OpCall
from sqlpipes.core.status import Status
from sqlpipes.run.log import Log
from sqlpipes.run.patience import Late, within

FIRST_CALLS, LAST_CALLS = 100, 100  # that are kept of a function with more
OP_HEAD, OP_TAIL = 2_000, 2_000  # characters of what one op says
LONGEST = 300  # characters of a message

_OPS: ContextVar[tuple[Log, ...]] = ContextVar("sqlpipes_ops", default=())


class StepRecorder:
    """Gets all that the functions of one step say; see `core.definitions.ops.Recorder`."""

    def __init__(
        self, go_on: Callable[[], None] = lambda: None, mask: Callable[[str], str] = str
    ) -> None:
        self._go_on = go_on  # raises when the step is stopped
        self._mask = mask  # takes secrets out of what is said
        self._lock = threading.Lock()
        self._log = Log()
        self._calls: list[OpCall] = []
        self._lost = 0

    @property
    def log(self) -> str:
        return self._log.text

    @property
    def calls(self) -> tuple[OpCall, ...]:
        """In the order of their ends: an op stands behind those that it calls."""
        with self._lock:
            return tuple(self._calls)

    def go_on(self) -> None:
        self._go_on()

    def say(self, text: str) -> None:
        text = self._mask(text)
        self._log.add(text)
        for log in _OPS.get():
            log.add(text)

    def call(
        self,
        definition: OpDefinition,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Call an op, again when it fails. Raises what its last attempt raised, or TimeoutError."""
        log, around, began = Log(OP_HEAD, OP_TAIL), _OPS.get(), time.perf_counter()
        token = _OPS.set((*around, log))
        attempts, message = 0, ""
        times = definition.retry.times if _fits(function, args, kwargs) else 0
        try:
            while True:
                attempts += 1
                try:
                    found = _limited(definition, lambda: function(*args, **kwargs))
                    message = ""
                    return found
                except Exception as error:
                    message = error_text(error)
                    if attempts > times:
                        raise
                    self._wait(definition, attempts, message)
                except BaseException as error:
                    message = error_text(error)
                    raise
        finally:
            _OPS.reset(token)
            status = Status.ERROR if message else Status.SUCCESS
            seconds = time.perf_counter() - began
            self._note(
                OpCall(definition.name, status, seconds, attempts, len(around), message, log.text)
            )

    def _wait(self, definition: OpDefinition, attempts: int, message: str) -> None:
        pause = definition.retry.pause_of(attempts, random())
        tries = f"attempt {attempts} of {definition.retry.times + 1}"
        self.say(f"{tries} of op {definition.name} failed: {message}; again in {pause:.1f}s\n")
        wait(pause, self._go_on)

    def _note(self, call: OpCall) -> None:
        with self._lock:
            self._calls.append(call)
            if len(self._calls) > FIRST_CALLS + LAST_CALLS:
                del self._calls[FIRST_CALLS]
                self._lost += 1


def _limited(definition: OpDefinition, call: Callable[[], Any]) -> Any:
    if definition.timeout_s is None:
        return call()
    try:
        return within(definition.timeout_s, call)
    except Late:
        message = f"op {definition.name} did not return within {definition.timeout_s:g}s"
        raise TimeoutError(message) from None


def _fits(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether it can be called so: what cannot is not worth another attempt."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    except ValueError:  # it has no signature to be read
        pass
    return True


def wait(seconds: float, go_on: Callable[[], None]) -> None:
    """Sleep, but no longer than the step may go on."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        go_on()
        time.sleep(min(left, 0.1))
    go_on()


def error_text(error: BaseException) -> str:
    """
    >>> error_text(KeyError("x")), error_text(ValueError())
    ("KeyError: 'x'", 'ValueError')
    """
    said = f"{type(error).__name__}: {message_of(error)}".strip().removesuffix(":").splitlines()
    return said[0][:LONGEST]


def message_of(error: BaseException) -> str:
    """What it says; its own code may fail at that."""
    try:
        return str(error)
    except Exception as other:
        return f"(its message cannot be told: {type(other).__name__})"


@contextmanager
def recording(
    go_on: Callable[[], None] = lambda: None, mask: Callable[[str], str] = str
) -> Iterator[StepRecorder]:
    recorder = StepRecorder(go_on, mask)
    with recorded_by(recorder):
        yield recorder
