"""Ctrl-C and SIGTERM -> a run that stops in good order; the second Ctrl-C stops at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

MESSAGE = b"\nstopping: what runs is rolled back (Ctrl-C again: at once)\n"


class Interrupts:
    """While armed, a signal sets `cancel`. Outside of the main thread it does nothing.

    `exit_code` is 128 + the signal's number once there was one: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self.exit_code: int | None = None
        self._before: dict[int, Any] = {}
        self._process = os.getpid()

    def arm(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
                self._before[number] = signal.signal(number, self._caught)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a copy that a function has forked, such as of a pool
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self.cancel.is_set():
            raise KeyboardInterrupt
        self.exit_code = 128 + number
        self.cancel.set()
        os.write(2, MESSAGE)  # a print may be under way in this very thread

    def __enter__(self) -> Interrupts:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
