"""Ctrl-C, SIGTERM and a closed terminal -> a run that stops in good order; the second Ctrl-C stops at once.

Whatever is broken off by them is no fault: it ends with one line, and 128 + the signal's number.
"""

from __future__ import annotations

import atexit
import os
import signal
import stat
import sys
import threading
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

AT_ONCE_S = 1.0  # for closing what can be closed
SHOW_CURSOR = b"\x1b[?25h"
MESSAGE = b"\nstopping: what runs is rolled back (Ctrl-C again: at once)\n"
HANG_UP = getattr(signal, "SIGHUP", None)  # not on Windows


class Stop:
    """A process from its start to its end: Ctrl-C or SIGTERM raises KeyboardInterrupt once; the next one
    ends it.

    `code` is the exit code once there was a signal.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._process = os.getpid()
        self._before: dict[int, Any] = {}

    def arm(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._caught)
        if self._before:
            atexit.register(self._end)  # the first that is registered is the last to be called

    def disarm(self) -> None:
        """Whoever called the command goes on, unless it was stopped."""
        if self._before and self.code is None:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            atexit.unregister(self._end)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if _passed_on(self._process, number):
            return
        if self.code is not None:
            _end_now(self.code)
        self.code = 128 + number
        _say_no_more()
        raise KeyboardInterrupt

    def settle(self) -> None:
        """The end has come and takes no more signals, nor more than a second."""
        if self.code is not None:
            for number in self._before:
                signal.signal(number, signal.SIG_IGN)
            threading.Thread(target=_end_soon, args=(self.code,), daemon=True).start()

    def _end(self) -> None:
        """Python may remember the KeyboardInterrupt, and die of SIGINT instead of saying a code."""
        if self.code is not None:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
            os._exit(self.code)


def stop_code() -> int | None:
    """The exit code of the signal that this process was told to stop by, if it was."""
    owner = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    return owner.code if isinstance(owner, Stop) else None


class Interrupts:
    """While armed, a signal sets `cancel`. Outside of the main thread it does nothing.

    `exit_code` is 128 + the signal's number once there was one: 130 for Ctrl-C, 143 for SIGTERM, 129 for
    a terminal that was closed.
    """

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self.exit_code: int | None = None
        self._before: dict[int, Any] = {}
        self._process = os.getpid()
        self._is_ending = False

    def arm(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in filter(None, (signal.SIGINT, signal.SIGTERM, HANG_UP)):
            is_armed = number in self._before  # by an earlier round of the same build
            if not is_armed and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
                self._before[number] = signal.signal(number, self._caught)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if _passed_on(self._process, number):
            return
        if number == HANG_UP:
            _leave_terminal()  # and a shell sends it twice
        if not self.cancel.is_set():
            self.exit_code = 128 + number
            self.cancel.set()
            _write(MESSAGE)  # a print may be under way in this very thread
        elif self._is_ending:
            _end_now(self.exit_code or 130)
        elif number != HANG_UP:
            self._is_ending = True
            _say_no_more()
            threading.Thread(target=_end_soon, args=(self.exit_code,), daemon=True).start()
            raise KeyboardInterrupt

    def __enter__(self) -> Interrupts:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, Stop) and self.exit_code is not None:
                owner.code = self.exit_code
            signal.signal(number, handler)
        if self.exit_code is not None and isinstance(error, Exception):
            # whatever a stop broke off: the signal is what ended us
            _write(b"stopped\n")
            raise SystemExit(self.exit_code) from error


def _passed_on(process: int, number: int) -> bool:
    """Whether this is a copy that a function has forked, such as of a pool: it ends as any does."""
    if os.getpid() == process:
        return False
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return True


def _end_soon(code: int) -> None:
    """A function that does not listen may hold us up for as long as it likes. What is not
    committed is rolled back when the warehouse is opened next."""
    time.sleep(AT_ONCE_S)
    _end_now(code)


def _end_now(code: int) -> None:
    if os.isatty(2):
        _write(SHOW_CURSOR)
    _write(b"stopped\n")
    os._exit(code)


def _say_no_more() -> None:
    """What a stop breaks off in a thread, or in an object on its way out, is told by nobody."""
    sys.unraisablehook = lambda told: None
    threading.excepthook = lambda told: None


def _leave_terminal() -> None:
    """One that is gone takes no more text, and what is left to do says some."""
    for number in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(number).st_mode):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _write(text: bytes) -> None:
    with suppress(OSError):  # nobody is there to read it
        os.write(2, text)
