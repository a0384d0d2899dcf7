"""Threads that each own one connection to each engine; work goes in, results come out of a queue.

The threads are daemons: a Python function that does not listen to a stop must not keep the process
alive. It cannot publish any more, as its job is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, Queue, SimpleQueue
from typing import Generic, TypeVar

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection, Engines
from sqlpipes.core.errors import EngineError
from sqlpipes.core.faults import NOT_NOW, only

R = TypeVar("R")
Say = Callable[[str], None]
Work = Callable[[Callable[..., Connection]], R]
"""Gets the thread's connection to an engine, by its name, opened when asked for; asked with `anew`,
another one."""


@dataclass(frozen=True, slots=True)
class _Broken:
    """Work that gave no answer, and why."""

    error: BaseException


class Crew(Generic[R]):
    """`size` threads at most, started when there is work for them."""

    def __init__(self, engines: Engines, size: int) -> None:
        self._engines = engines
        self._size = size
        self._todo: SimpleQueue[tuple[Work[R], Say, str] | None] = SimpleQueue()
        # A SimpleQueue may wait for ever when a signal comes just as its timeout ends.
        self._done: Queue[R | _Broken] = Queue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Condition()
        self._opening = 0  # threads that ask for their first connection now
        self._connected: set[int] = set()  # threads with a connection
        self._staying = 0  # threads that were not sent home
        self._is_leaving = False  # one that was, and does not know it yet
        self.busy = 0  # handed in and not yet taken back

    @property
    def has_room(self) -> bool:
        return self.busy < self._size

    def hand_in(self, work: Work[R], say: Say = lambda said: None, engine: str = "") -> None:
        """`engine`: the one that it needs first. `say` is told when there is no room for it at the
        server, so that it waits for another thread."""
        with self._lock:
            is_short = self._staying <= self.busy
            self._staying += is_short
        if is_short:
            thread = threading.Thread(target=self._labour, daemon=True, name="sqlpipes")
            self._threads.append(thread)
            thread.start()
        self.busy += 1
        self._todo.put((work, say, engine))

    def take_back(self, wait_s: float) -> R | None:
        """The next result, or None when there is none after `wait_s` seconds.

        Raises what work has raised: a fault of ours, as work answers for all others.
        """
        try:
            found = self._done.get(timeout=wait_s)
        except Empty:
            return None
        self.busy -= 1
        if isinstance(found, _Broken):
            raise found.error
        return found

    def close(self, wait_s: float) -> None:
        """Send the threads home and wait for them, each closing its connection."""
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join(wait_s)

    def _labour(self) -> None:
        opened: dict[str, Connection] = {}

        def connection(engine: str = "", *, anew: bool = False) -> Connection:
            if anew:
                opened.pop(engine, None)  # never closed: a function left alone may still use it
            if engine in opened and not opened[engine].is_open:
                opened.pop(engine).close()
            if engine not in opened:
                try:
                    self._open(opened, engine)
                except EngineError as error:
                    if _is_full(error):
                        self._make_room()
                    raise
            return opened[engine]

        try:
            while (todo := self._todo.get()) is not None:
                work, say, engine = todo
                if not opened and not self._has_room_at_server(opened, engine):
                    say(f"the server is full: going on with {self._leave(todo)} at once")
                    return
                self._done.put(work(connection))
        except BaseException as error:  # or the run would wait for its answer for ever
            self._done.put(_Broken(error))
        finally:
            for found in opened.values():
                found.close()
            with self._lock:
                self._connected.discard(threading.get_ident())
                self._is_leaving = False

    def _has_room_at_server(self, opened: dict[str, Connection], engine: str) -> bool:
        """Open the first connection of a thread. What else keeps it from opening, its work will find out."""
        with self._lock:
            self._opening += 1
        try:
            self._open(opened, engine)
        except EngineError as error:
            if not _is_full(error):
                return True
        finally:
            with self._lock:
                self._opening -= 1
                self._lock.notify_all()
        with self._lock:  # those that ask at the same time may be who it is full of
            self._lock.wait_for(lambda: opened or self._connected or not self._opening)
            return bool(opened) or not self._connected

    def _open(self, opened: dict[str, Connection], engine: str) -> None:
        opened[engine] = self._engines.named(engine).connect()
        with self._lock:
            self._connected.add(threading.get_ident())

    def _leave(self, todo: tuple[Work[R], Say, str]) -> int:
        """One thread fewer; whoever is done next takes the work. How many go on."""
        with self._lock:
            self._staying -= 1
            self._size = left = max(1, self._size - 1)
        self._todo.put(todo)
        return left

    def _make_room(self) -> None:
        """Send home whoever has nothing to do next: its connection is what another one waits for."""
        with self._lock:
            others = self._connected - {threading.get_ident()}
            if self._is_leaving or self._staying < 2 or not others:
                return
            self._is_leaving = True
            self._staying -= 1
            self._size = max(1, self._size - 1)
        self._todo.put(None)


def _is_full(error: EngineError) -> bool:
    return only(frozenset({NOT_NOW}), error.problems)
