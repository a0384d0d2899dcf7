"""A command + the window that it is asked for -> run to its end; what it says goes to the step's log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from threading import Thread
from typing import IO

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import Execution, FieldError, recorder_here
from sqlpipes.core.errors import Location

LAST_LINES = 20
LOOK_S = 0.1  # how often is asked whether it may go on
GRACE_S = 5.0  # between a request to end and the end


@dataclass(frozen=True, slots=True)
class Running:
    """A command that a call runs, in the project's folder. No shell interprets its arguments."""

    command: Sequence[str]
    root: str
    env: Mapping[str, str]
    timeout_s: float | None = None
    places: Mapping[str, Location] = field(
        default_factory=dict
    )  # of attributes, for what goes wrong

    @property
    def shown(self) -> str:
        """The script, or the command's first word."""
        scripts = [part for part in self.command if part.endswith(".py")]
        return scripts[0] if scripts else os.path.basename(self.command[0])

    def __call__(self, context: Execution, more: Mapping[str, str]) -> None:
        """Raises FieldError, or what stops the step."""
        environ = {**os.environ, **window_of(context), **self.env, **more}
        try:
            process = subprocess.Popen(
                list(self.command),
                cwd=self.root,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # so that it can be ended with all that it starts
            )
        except FileNotFoundError:
            raise self._fault("run", f"there is no command '{self.command[0]}'") from None
        except OSError as fault:
            message = f"'{self.command[0]}' cannot be run: {fault.strerror or fault}"
            raise self._fault("run", message) from None
        last: deque[str] = deque(maxlen=LAST_LINES)
        assert process.stdout is not None
        reader = Thread(target=_tell, args=(process.stdout, last), daemon=True)
        reader.start()
        try:
            self._wait(process)
        finally:
            _end(process)
            reader.join(GRACE_S)
            process.stdout.close()
        if process.returncode:
            raise self._fault("run", _how(self.shown, process.returncode, last))

    def _fault(self, named: str, message: str) -> FieldError:
        return FieldError(named, message, at=self.places.get(named))

    def _wait(self, process: subprocess.Popen[str]) -> None:
        recorder, began = recorder_here(), time.monotonic()
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_S)
                return
            if recorder is not None:
                recorder.go_on()
            if self.timeout_s is not None and time.monotonic() - began > self.timeout_s:
                message = f"{self.shown} did not end within {self.timeout_s:g}s and was ended"
                raise self._fault("timeout_s", message)


def window_of(context: Execution) -> dict[str, str]:
    """What the command is told of the asset and of the slices that it is asked for."""
    found = {
        "SQLPIPES_ASSET": context.asset,
        "SQLPIPES_TARGET": context.target,
        "SQLPIPES_ROOT": context.root,
        "SQLPIPES_VARS": json.dumps(dict(context.vars), default=str),
    }
    window = context.partition
    if window is not None:
        said = {"START": window.start, "END": window.end, "KEY": window.key}
        found |= {f"SQLPIPES_{name}": value for name, value in said.items() if value is not None}
        found["SQLPIPES_KEYS"] = json.dumps(dict(window.keys))
    return found


def _tell(lines: IO[str], last: deque[str]) -> None:
    """Printed lines are kept with the step whose thread started this one."""
    with suppress(ValueError):  # closed while it is read: the command was ended
        for line in lines:
            print(line, end="")
            if line.strip():
                last.append(line.rstrip())


def _end(process: subprocess.Popen[str]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)


def _how(shown: str, code: int, last: Sequence[str]) -> str:
    """
    >>> _how("a.py", 3, ["x", "ValueError: y"]), _how("a.py", -9, [])
    ('a.py ended with exit code 3: ValueError: y', 'a.py was ended by signal 9')
    """
    how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
    return f"{shown} {how}" + (f": {last[-1]}" if last else "")
