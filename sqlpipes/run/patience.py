"""A call that may not return -> its value in time, or Late.

A thread cannot be killed. The call runs in a thread of its own; when its time is up, that is left
alone. It dies with the process at the latest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

R = TypeVar("R")
GRACE_S = 1.0  # to come back in, once it was told that its time is up


class Late(Exception):
    """It did not return in time. `alive`: nor has it since, so what it was given is still in use."""

    def __init__(self, *, alive: bool) -> None:
        super().__init__("out of time")
        self.alive = alive


def within(
    timeout_s: float, call: Callable[[], R], interrupt: Callable[[], None] = lambda: None
) -> R:
    """The call's value, or what it raises. `interrupt` is said when its time is up."""
    found: list[R] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            found.append(call())
        except BaseException as error:
            raised.append(error)

    context = copy_context()
    thread = threading.Thread(target=context.run, args=(work,), daemon=True, name="sqlpipes-call")
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        interrupt()
        thread.join(GRACE_S)
        raise Late(alive=thread.is_alive())
    if raised:
        raise raised[0]
    return found[0]
