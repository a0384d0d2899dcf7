"""Builds in processes of their own that kill themselves with SIGKILL in the midst of a statement.

Run as a program it loads everything once and then forks a child for each build that it is asked
for: a line `root<TAB>now<TAB>nth<TAB>when<TAB>force` in, the child's exit code out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

DONE, FAILED, KILLED = 0, 1, -signal.SIGKILL


def build(root: str, now: str, nth: str, when: str, force: str) -> int:
    """Build, and die before or after the nth call of a database's `execute` or `commit`."""
    import sqlpipes

    watch = _Watch(int(nth), f"c_{when}")
    project = sqlpipes.load(root, environ={})
    threading.setprofile(watch)
    sys.setprofile(watch)
    at = datetime.fromisoformat(now)
    report = sqlpipes.build(project, sqlpipes.Ask(force=force == "1"), clock=lambda: at, threads=2)
    return DONE if report.ok else FAILED


class _Watch:
    """Counts the calls that reach a database, whichever of ours makes them."""

    def __init__(self, nth: int, event: str) -> None:
        self.left = nth
        self.event = event

    def __call__(self, frame: Any, event: str, arg: Any) -> None:
        if event == self.event and arg.__name__ in ("execute", "commit"):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def serve() -> None:
    """A child a line, one at a time; nothing is open in this process that a child could share."""
    import duckdb  # noqa: F401
    import sqlalchemy.dialects.sqlite  # noqa: F401
    import sqlglot.optimizer  # noqa: F401

    import sqlpipes.api.building
    import sqlpipes.core.lineage
    import sqlpipes.engines.duckdb
    import sqlpipes.run.runner
    import sqlpipes.stores.sql  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = FAILED
            try:
                code = build(*line.rstrip("\n").split("\t"))
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


class Nursery:
    """Asks `serve` for builds."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def build(self, root: Path, now: datetime, nth: int, *, after: bool, force: bool) -> int:
        """DONE, FAILED or KILLED."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        when = "return" if after else "call"
        line = "\t".join([str(root), now.isoformat(), str(nth), when, str(int(force))])
        print(line, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


@contextmanager
def nursery() -> Iterator[Nursery]:
    pipe = subprocess.PIPE
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


if __name__ == "__main__":
    serve()
