"""A way to a server that a test can cut: all at once, at random, or just before or after a commit."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

SIZE = 65_536
Watch = Callable[
    [bytes], str
]  # what a client says -> "", "before" (cut, unsaid) or "after" (cut, said)


def nothing(_: bytes) -> str:
    return ""


class Proxy:
    """Passes bytes on between clients and one server, on a port of its own, until it is closed."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self.watch: Watch = nothing
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._muted: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._open = True
        self._door = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._door.getsockname()[1]
        self._welcomer = threading.Thread(target=self._welcome, daemon=True)
        self._welcomer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)  # wakes who waits at it
        self._door.close()
        self._welcomer.join(timeout=5)
        self.cut()

    @property
    def url(self) -> str:
        """The server's URL, by way of this proxy."""
        return self._url.set(host="127.0.0.1", port=self._port).render_as_string(
            hide_password=False
        )

    def cut(self) -> int:
        """End all connections; how many there were."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._end(pair)
        return len(pairs)

    def _welcome(self) -> None:
        while self._open:
            with suppress(OSError):
                client, _ = self._door.accept()
                self._introduce(client)

    def _introduce(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((self._url.host or "", self._url.port or 5432))
        except OSError:
            client.close()
            return
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        for way in (self._up, self._down):
            threading.Thread(target=way, args=(pair,), daemon=True).start()
        if not self._open:
            self._end(pair)

    def _up(self, pair: tuple[socket.socket, socket.socket]) -> None:
        client, server = pair
        with suppress(OSError):
            while said := client.recv(SIZE):
                cut = self.watch(said)
                if cut == "before":
                    break
                if cut == "after":
                    self._muted.add(pair)
                server.sendall(said)
                if cut == "after":
                    return  # it ends when it is answered
        self._end(pair)

    def _down(self, pair: tuple[socket.socket, socket.socket]) -> None:
        client, server = pair
        with suppress(OSError):
            while (said := server.recv(SIZE)) and pair not in self._muted:
                client.sendall(said)
        self._end(pair)

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def cut_at_random(proxy: Proxy, seed: int, every_s: float) -> Iterator[list[int]]:
    """Cut all connections again and again while the block runs; how many each time."""
    done, cuts, chance = threading.Event(), list[int](), random.Random(seed)

    def cutting() -> None:
        while not done.wait(chance.random() * 2 * every_s):
            cuts.append(proxy.cut())

    thread = threading.Thread(target=cutting, daemon=True)
    thread.start()
    try:
        yield cuts
    finally:
        done.set()
        thread.join()
