"""What a page asks to be built -> a process of its own, as if it had been typed: its output, end and stop.

The server holds no warehouse and shares only the state with a build: neither can break the other.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from typing import IO, TYPE_CHECKING, Any

import sqlpipes
from sqlpipes.api import How, place_of
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.hiding import without_vars
from sqlpipes.show.site.overview import slug
from sqlpipes.web.wish import Wish

if TYPE_CHECKING:
    from sqlpipes.stores import RunRecord

TAIL = 16_000  # bytes of output that are read
LINES = 40
WAIT_S = 10  # for somebody who was quicker; whoever holds it for long was told before
KEPT = 20  # builds that are remembered
WINDOWS = sys.platform == "win32"


@dataclass(slots=True)
class Build:
    """One that was asked for. `told`: what the pages know of it."""

    id: str
    command: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    stopped: bool = False
    run: str | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def exit(self) -> int | None:
        return self.process.poll()

    @property
    def is_running(self) -> bool:
        return self.exit is None

    @property
    def status(self) -> str:
        code = self.exit
        if code is None:
            return "running"
        if self.stopped and code != 0:
            return "stopped"
        return "ok" if code == 0 else "failed"


class Builds:
    """Those of this server; one at a time. Called from several threads."""

    def __init__(self, how: How) -> None:
        self._how = how
        self._place = place_of(how.root)
        self._lock = threading.Lock()
        self._builds: dict[str, Build] = {}
        self._number = 0

    def start(self, wish: Wish) -> Build | None:
        """None while another one is under way."""
        with self._lock:
            if any(each.is_running for each in self._builds.values()):
                return None
            self._number += 1
            build = _started(str(self._number), arguments(self._how, wish))
            self._builds[build.id] = build
            for gone in list(self._builds)[:-KEPT]:
                self._builds.pop(gone).output.close()
            return build

    def stop(self, id: str) -> bool:
        """As Ctrl-C does. False: there is no such build."""
        with self._lock:
            build = self._builds.get(id)
            if build is not None and build.is_running:
                build.stopped = True
                interrupt(build.process)
            return build is not None

    def running(self) -> Build | None:
        with self._lock:
            return next((each for each in self._builds.values() if each.is_running), None)

    def claim(self, run: RunRecord) -> bool:
        """Whether a run on record is one of ours that goes on; notes which one."""
        with self._lock:
            for build in self._builds.values():
                if build.process.pid == run.pid and run.place == self._place:
                    build.run = slug(run.run_id)
                    return build.is_running
        return False

    def rows(self) -> list[dict[str, Any]]:
        with self._lock:
            return [_row(each) for each in self._builds.values()]

    def over(self) -> set[str]:
        """Those that have ended."""
        with self._lock:
            return {each.id for each in self._builds.values() if not each.is_running}

    def news(self, over: Collection[str]) -> list[dict[str, Any]]:
        """Those of which something is new since it was told.

        `over`: those that had ended before the state was looked at, where their runs were found. One that
        has ended since is told of after another look: what ends without a run has had nothing to do.
        """
        found = []
        with self._lock:
            for build in self._builds.values():
                if build.told.get("status", "running") != "running":
                    continue
                if not build.is_running and build.id not in over:
                    continue
                row = _row(build)
                if row != build.told:
                    build.told = row
                    found.append(row)
        return found

    def end(self, wait_s: float) -> None:
        """Stop what runs, as Ctrl-C does, and wait for it; a second time when it takes that long."""
        with self._lock:
            running = [each for each in self._builds.values() if each.process.poll() is None]
            for build in running:
                build.stopped = True
                interrupt(build.process)
        _wait_for((each.process for each in running), wait_s)

    def close(self) -> None:
        """Whatever still runs is stopped and goes on to its end alone."""
        with self._lock:
            for build in self._builds.values():
                if build.is_running:
                    interrupt(build.process)
                build.output.close()
            self._builds.clear()


def arguments(how: How, wish: Wish) -> list[str]:
    """What is typed after `sqlpipes`. Values stand behind a =, so that none is taken for an option."""
    import json

    said = {
        "--select": wish.select,
        "--exclude": wish.exclude,
        "--partition": wish.partitions,
        "--project-dir": None if _is_here(how.root) else os.path.abspath(how.root),
        "--profiles-dir": how.profiles_dir,
        "--profile": how.profile,
        "--target": how.target,
    }
    vars = {**how.vars, **wish.vars}
    return [
        "build",
        *(f"{name}={value}" for name, value in said.items() if value),
        *(["--full-refresh"] if wish.full_refresh else []),
        *([f"--vars={json.dumps(vars)}"] if vars else []),
        *([] if how.cache else ["--no-cache"]),
        f"--wait={WAIT_S}",
    ]


def _is_here(root: str) -> bool:
    return os.path.realpath(root) == os.path.realpath(os.getcwd())


def command_text(arguments: Iterable[str]) -> str:
    return "sqlpipes " + shlex.join(without_vars(list(arguments)))


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """What Ctrl-C sends, to all of its processes."""
    try:
        if WINDOWS:
            process.send_signal(signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined,unused-ignore]
        else:
            os.killpg(process.pid, signal.SIGINT)
    except (ProcessLookupError, PermissionError):
        pass  # it has just ended


def _started(id: str, arguments: list[str]) -> Build:
    """Its output goes to a file without a name: a pipe would break the build together with the server."""
    output = tempfile.TemporaryFile(prefix="sqlpipes-")  # noqa: SIM115
    apart: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
        if WINDOWS
        else {"start_new_session": True}
    )
    process = subprocess.Popen(
        [sys.executable, *_safely(), "-m", "sqlpipes", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=_environ(os.environ),
        **apart,
    )
    return Build(id, command_text(arguments), process, output)


def _safely() -> list[str]:
    """The current folder holds no modules of Python's, as with the installed command; unless we are there."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(sqlpipes.__file__)))
    return [] if _is_here(home) else ["-P"]


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    said = {name: value for name, value in environ.items() if name != "SQLPIPES_UI_TOKEN"}
    return said | {"NO_COLOR": "1", "TERM": "dumb", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _row(build: Build) -> dict[str, Any]:
    return {
        "id": build.id,
        "status": build.status,
        "command": build.command,
        "run": build.run,
        "exit": build.exit,
        "lines": _tail(build.output),
    }


def _tail(output: IO[bytes]) -> list[str]:
    size = os.fstat(output.fileno()).st_size
    begin = max(size - TAIL, 0)
    if WINDOWS:
        output.seek(begin)
        found = output.read(TAIL)
    else:
        found = os.pread(output.fileno(), TAIL, begin)
    lines = found.decode("utf-8", "replace").splitlines()
    return lines[1 if begin else 0 :][-LINES:]


def _wait_for(processes: Iterable[subprocess.Popen[bytes]], wait_s: float) -> None:
    for process in processes:
        deadline = time.monotonic() + wait_s
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is None:
            interrupt(process)  # at once, now
            process.wait()
