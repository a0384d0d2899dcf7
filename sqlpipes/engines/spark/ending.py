"""The end of a statement that may take so long and no longer: it is stopped from a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

AGAIN_S = 0.5  # what is told to stop before it has begun goes on


class End:
    """`came`: the statement was told to stop. `seconds`: None for as long as it likes."""

    def __init__(self, seconds: float | None, stop: Callable[[], None]) -> None:
        self.came = False
        self._seconds = seconds
        self._stop = stop
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> End:
        if self._seconds is not None:
            self._thread = threading.Thread(target=self._watch, daemon=True, name="sqlpipes end")
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:  # or it would stop the next one
            self._thread.join()

    def _watch(self) -> None:
        wait_s = self._seconds
        while not self._over.wait(wait_s):
            self.came, wait_s = True, AGAIN_S
            self._stop()
