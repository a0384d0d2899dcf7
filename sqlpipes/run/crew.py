"""Threads that each own one connection; work goes in, results come out of a queue.

The threads are daemons: a Python function that does not listen to a stop must not keep the process
alive. It cannot publish any more, as its job is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, Queue, SimpleQueue
from typing import Generic, TypeVar

from sqlpipes.core.engine import Connection, Engine

R = TypeVar("R")
Work = Callable[[Callable[..., Connection]], R]
"""Gets the thread's connection, opened when asked for; asked with `anew`, another one."""


class Crew(Generic[R]):
    """`size` threads at most, started when there is work for them."""

    def __init__(self, engine: Engine, size: int) -> None:
        self._engine = engine
        self._size = size
        self._todo: SimpleQueue[Work[R] | None] = SimpleQueue()
        # A SimpleQueue may wait for ever when a signal comes just as its timeout ends.
        self._done: Queue[R] = Queue()
        self._threads: list[threading.Thread] = []
        self.busy = 0  # handed in and not yet taken back

    @property
    def has_room(self) -> bool:
        return self.busy < self._size

    def hand_in(self, work: Work[R]) -> None:
        if len(self._threads) <= self.busy:
            thread = threading.Thread(target=self._labour, daemon=True, name="sqlpipes")
            self._threads.append(thread)
            thread.start()
        self.busy += 1
        self._todo.put(work)

    def take_back(self, wait_s: float) -> R | None:
        """The next result, or None when there is none after `wait_s` seconds."""
        try:
            found = self._done.get(timeout=wait_s)
        except Empty:
            return None
        self.busy -= 1
        return found

    def close(self, wait_s: float) -> None:
        """Send the threads home and wait for them, each closing its connection."""
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join(wait_s)

    def _labour(self) -> None:
        opened: list[Connection] = []

        def connection(*, anew: bool = False) -> Connection:
            if anew:
                opened.clear()  # never closed: a function that was left alone may still use it
            while opened and not opened[0].is_open:
                opened.pop().close()
            if not opened:
                opened.append(self._engine.connect())
            return opened[0]

        try:
            while (work := self._todo.get()) is not None:
                self._done.put(work(connection))
        finally:
            for found in opened:
                found.close()
