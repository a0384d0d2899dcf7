"""A real server in a thread, and who asks it over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from sqlpipes.api import How
from sqlpipes.web.address import Address
from sqlpipes.web.gate import Gate
from sqlpipes.web.server import serve

TOKEN = "a-token-of-the-tests"
PATIENCE_S = 60.0
JSON = {"Content-Type": "application/json", "X-Sqlpipes": "1"}

Event = tuple[str, dict[str, Any]]

SHOP = {
    "sqlpipes.yml": "name: shop\n",
    "seeds/raw_orders.csv": "id,day,amount\n1,2024-01-01,10\n2,2024-01-02,20\n",
    "models/orders.sql": "select id, cast(day as date) as day, amount from raw_orders\n",
    "models/total.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect sum(amount) as t from orders\n",
}
"""Three assets; nothing of it takes any time."""

SLOW = """import os
import time

from sqlpipes import asset


@asset
def slow(total):
    print("has begun", flush=True)
    while not os.path.exists({go!r}):
        time.sleep(0.02)
    print("may end", flush=True)
    return total.arrow()
"""


def slow(go: Path) -> str:
    """A Python asset that says something and waits for a file."""
    return SLOW.format(go=str(go))


@dataclass(frozen=True)
class Answer:
    status: int
    heads: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        return [problem["code"] for problem in self.json["problems"]]


@dataclass
class Site:
    """A server, seen from outside."""

    port: int
    gate: Gate
    said: list[str] = field(default_factory=list)  # to its terminal

    def ask(
        self,
        path: str,
        heads: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: Any = None,
    ) -> Answer:
        """With exactly these heads, besides Host; the path as it is written."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        said = dict(heads or {})
        connection.putrequest(method, path, skip_host="Host" in said, skip_accept_encoding=True)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if content is not None and "Transfer-Encoding" not in said:
            said.setdefault("Content-Length", str(len(content)))
        for name, value in said.items():
            connection.putheader(name, value)
        connection.endheaders(content)
        return _answer(connection)

    @property
    def pass_head(self) -> dict[str, str]:
        return {"Cookie": f"{self.gate.cookie}={self.gate.pass_text}"}

    def get(self, path: str, **heads: str) -> Answer:
        """As the page does."""
        return self.ask(path, self.pass_head | heads)

    def post(self, path: str, body: Any = None, **heads: str) -> Answer:
        return self.ask(path, {**self.pass_head, **JSON, **heads}, method="POST", body=body or {})

    @contextmanager
    def listening(self) -> Iterator[Listening]:
        found = Listening(self)
        try:
            yield found
        finally:
            found.close()


def _answer(connection: HTTPConnection) -> Answer:
    try:
        found = connection.getresponse()
        heads = {name.lower(): value for name, value in found.getheaders()}
        return Answer(found.status, heads, found.read())
    finally:
        connection.close()


class Listening:
    """One page that listens: what it was told so far."""

    def __init__(self, site: Site) -> None:
        self.events: list[Event] = []
        self.is_over = False
        self._connection = HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE_S)
        self._connection.request("GET", "/api/events", headers=site.pass_head)
        self.answer: HTTPResponse = self._connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self._socket = self._connection.sock
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.wait_for("hello")

    def _read(self) -> None:
        name = ""
        try:
            for line in self.answer:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    self.events.append((name, json.loads(text.removeprefix("data: "))))
        except (OSError, ValueError, AttributeError):
            pass
        self.is_over = True

    def of(self, name: str) -> list[dict[str, Any]]:
        return [data for said, data in list(self.events) if said == name]

    def wait_for(
        self, name: str, is_it: Callable[[dict[str, Any]], bool] = lambda data: True
    ) -> dict[str, Any]:
        """The first such event, also of those that came already."""
        return until(lambda: next(filter(is_it, self.of(name)), None), f"{name} of {self.events}")

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self.answer.close()
        self._connection.close()


def until(found: Callable[[], Any], what: str = "it") -> Any:
    """What it finds at last."""
    deadline = time.monotonic() + PATIENCE_S
    while not (it := found()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.02)
    return it


@contextmanager
def served(root: Path, how: How | None = None, **address: Any) -> Iterator[Site]:
    """Until the end; then it is stopped as Ctrl-C does, and has ended without a fault."""
    cancel, ready = threading.Event(), threading.Event()
    sites: list[Site] = []
    faults: list[BaseException] = []
    said: list[str] = []

    def on_ready(url: str, gate: Gate) -> None:
        sites.append(Site(gate.port, gate, said))
        ready.set()

    def run() -> None:
        try:
            place = Address(**{"port": 0, "token": TOKEN, **address})
            serve(how or How(str(root)), place, on_ready=on_ready, cancel=cancel, tell=said.append)
        except BaseException as error:
            faults.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        if faults:
            raise faults[0]
        yield sites[0]
    finally:
        cancel.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert not faults, faults


def another(root: Path, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    """Another process at work in the project."""
    return subprocess.Popen(
        [sys.executable, "-m", "sqlpipes", *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        **more,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said
