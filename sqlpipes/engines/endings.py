"""An end to a statement, for engines that know none of their own: they are interrupted in time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlpipes.core.errors import EngineError
from sqlpipes.engines.signing import too_long


@contextmanager
def ended_in(seconds: float, interrupt: Callable[[], None], statement: str) -> Iterator[None]:
    """EngineError ENG068 when what stands in it had to be interrupted. Nothing after it is."""
    lock = threading.Lock()
    open_, late = [True], [False]

    def end() -> None:
        with lock:
            if open_[0]:
                late[0] = True
                interrupt()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except EngineError as error:
        with lock:
            open_[0] = False
        if late[0]:
            raise too_long(seconds, statement) from error
        raise
    finally:
        with lock:
            open_[0] = False
        timer.cancel()
