"""@op: a plain function whose calls, while an asset is built, are that asset's steps.

Outside of a build it is the function alone. In one, the call goes to the recorder of the function
that is at work: it knows retries and clocks, which stand in `run`.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, overload

from sqlpipes.core.definitions import said
from sqlpipes.core.definitions.functions import Decorated, OpDefinition, P, R
from sqlpipes.core.retry import Retry, retry_of


class Recorder(Protocol):
    """Writes down what a function says, and the ops that it calls."""

    def call(
        self,
        definition: OpDefinition,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any: ...

    def say(self, text: str) -> None: ...

    def go_on(self) -> None:
        """Raises when the step is stopped."""


_HERE: ContextVar[Recorder | None] = ContextVar("sqlpipes_recorder", default=None)
_OF_THREAD = "sqlpipes_recorder"  # an attribute of threads, which inherit no context variables


def recorder_here() -> Recorder | None:
    """The recorder of the function that this thread works for; None when it works for none."""
    return _HERE.get() or getattr(threading.current_thread(), _OF_THREAD, None)


def hand_on(thread: threading.Thread) -> None:
    """Have a thread that is about to start work for whom this one works."""
    if (recorder := recorder_here()) is not None:
        setattr(thread, _OF_THREAD, recorder)


@contextmanager
def recorded_by(recorder: Recorder) -> Iterator[None]:
    """While it lasts, this thread works for the recorder."""
    token = _HERE.set(recorder)
    try:
        yield
    finally:
        _HERE.reset(token)


class OpFunction(Decorated[P, R, OpDefinition]):
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        recorder = recorder_here()
        if recorder is None:
            return self.function(*args, **kwargs)
        found: R = recorder.call(self.definition, self.function, args, kwargs)
        return found

    def __repr__(self) -> str:
        return f"<op {self.definition.name}>"


@overload
def op(fn: Callable[P, R], /) -> OpFunction[P, R]: ...


@overload
def op(
    *, name: str | None = None, retries: int | Retry | None = None, timeout_s: float | None = None
) -> Callable[[Callable[P, R]], OpFunction[P, R]]: ...


def op(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    retries: int | Retry | None = None,
    timeout_s: float | None = None,
) -> Any:
    """Declare a function as an op: its calls inside of an asset are written down as its steps.

    `retries` and `timeout_s` hold for each call in a build; elsewhere it is a plain function.
    Raises TypeError or ValueError for options that make no sense, and for generators and async
    functions, whose calls end before their work does.

    >>> @op(retries=2)
    ... def fetch(day): return [day]
    >>> fetch(3), fetch.definition.retry.times
    ([3], 2)
    """
    retry, limit = retry_of(retries), said.seconds(timeout_s, "timeout_s")

    def decorate(function: Callable[..., Any]) -> OpFunction[..., Any]:
        plain = said.plain_function(function, "op")
        if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
            raise TypeError("a generator cannot be an op: return a list")
        if inspect.iscoroutinefunction(plain):
            raise TypeError("an async function cannot be an op: use asyncio.run(...) inside it")
        return OpFunction(plain, OpDefinition(name or said.name_of(plain, "op"), retry, limit))

    return decorate if fn is None else decorate(fn)
