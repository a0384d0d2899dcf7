"""`sqlpipes ui` of a small project with a step that goes on until it is let on, for the browser's tests."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.projects import SHOP, spawn, write
from show.site.browsing import looked_at

TOKEN = "t0ken-of-the-tests"
GATE = """import pathlib
import time

from sqlpipes import asset


@asset
def gate(stg_orders):
    '''Says something, and waits until it is let on.'''
    said = 0
    while not pathlib.Path({go!r}).exists():
        print("still waiting", said)
        said += 1
        time.sleep(0.05)
    return stg_orders.arrow()
"""
AFTER = "select count(*) as n from gate\n"


def gated(root: Path) -> Path:
    """A project with a step that goes on until `let_on`."""
    gate = GATE.format(go=str(root / "go"))
    return write(root, SHOP | {"models/py/gate.py": gate, "models/after.sql": AFTER})


def let_on(root: Path) -> None:
    (root / "go").touch()


def ended(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=60)
    return process.returncode


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Served:
    """`sqlpipes ui` of a project, in a process of its own."""

    def __init__(self, root: Path, *more: str) -> None:
        self.root, self.port, self.more = root, free_port(), more
        self.url = f"http://127.0.0.1:{self.port}/"
        self.start()

    def start(self, token: str = TOKEN) -> None:
        arguments = ("ui", "--port", str(self.port), "--token", token, "--no-open", *self.more)
        self.process = spawn(self.root, *arguments)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "token=" in line:
                return
        raise AssertionError(self.process.communicate())

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise

    @contextmanager
    def page(self, browser: Any, route: str = "", **how: Any) -> Iterator[Any]:
        """Let in by its token, and connected."""
        url = f"{self.url}?token={TOKEN}{route}"
        with looked_at(browser, url, self.url, **how) as page:
            page.wait_for_selector(".link-live", state="attached")
            yield page
