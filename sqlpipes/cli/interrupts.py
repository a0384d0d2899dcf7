"""Ctrl-C and SIGTERM -> a run that stops in good order; the second Ctrl-C stops at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any

AT_ONCE_S = 1.0  # for closing what can be closed
SHOW_CURSOR = b"\x1b[?25h"
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
            threading.Thread(target=self._end_soon, daemon=True).start()
            raise KeyboardInterrupt
        self.exit_code = 128 + number
        self.cancel.set()
        os.write(2, MESSAGE)  # a print may be under way in this very thread

    def _end_soon(self) -> None:
        """A function that does not listen may hold us up for as long as it likes. What is not
        committed is rolled back when the warehouse is opened next."""
        time.sleep(AT_ONCE_S)
        if sys.stderr.isatty():
            os.write(2, SHOW_CURSOR)
        os._exit(self.exit_code or 130)

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
        if self.exit_code is not None and isinstance(error, Exception):
            # whatever a stop broke off: the signal is what ended us
            os.write(2, b"stopped\n")
            raise SystemExit(self.exit_code) from error
