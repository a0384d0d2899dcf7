"""One part of a step in flight, which another thread may want to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from sqlpipes.core.blocked import HasSession
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection

SPEAK_S = 1.0  # between two times that it is told what a step has said so far


class Stopped(Exception):
    """The job was told to stop before it published anything."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What a statement waits for and who has it, in words; `told`: how often that has been said."""

    what: str
    said: str
    since: float  # of a clock that only counts seconds
    told: int = 0


class Job:
    """Shared by the worker that does it and the runner that may stop it.

    From `publish` on nothing interrupts it any more: a commit that is told to stop may have happened.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._beside: Connection | None = None
        self._publishing = False
        self.stopped = False
        self.writes_aside: Callable[[], bool] = bool  # its files wait beside those that are there
        self.landed_bytes: int | None = None  # of frames that say how large they are
        self.permit: Callable[[Connection], None] | None = None
        self.said: SimpleQueue[str] = SimpleQueue()  # what who looks on should know at once
        self.hold: Hold | None = None  # as it was seen last
        self.voice: Callable[[], str] = str  # what its functions have said so far
        self._heard = ""
        self._heard_at = time.monotonic()

    def start(self, connection: Connection) -> None:
        with self._lock:
            self._connection = connection
        self.go_on()

    @contextmanager
    def beside(self, connection: Connection) -> Iterator[None]:
        """While something is said over another connection, too, a stop stops both."""
        with self._lock:
            self._beside = connection
        try:
            self.go_on()
            yield
        finally:
            with self._lock:
                self._beside = None

    @property
    def session(self) -> int | None:
        """By which the server knows the connection."""
        with self._lock:
            connection = self._connection
        return connection.session if isinstance(connection, HasSession) else None

    def go_on(self) -> None:
        """Raises Stopped when it was told to stop; asked between statements."""
        if self.stopped:
            raise Stopped

    def heard(self) -> str | None:
        """All that its functions have said, when that is more than before; at most once a second."""
        now = time.monotonic()
        if now - self._heard_at < SPEAK_S:
            return None
        self._heard_at, before = now, self._heard
        self._heard = self.voice()
        return self._heard if self._heard != before else None

    def publish(self) -> None:
        """The last moment to be stopped is now. Raises StoreError when `permit` refuses."""
        if self.permit is not None and self._connection is not None:
            self.permit(self._connection)
        with self._lock:
            self.go_on()
            self._publishing = True

    @property
    def publishing(self) -> bool:
        return self._publishing

    def unpublished(self) -> None:
        """The commit was refused: until the next one it may be stopped again."""
        with self._lock:
            self._publishing = False

    def end(self) -> None:
        with self._lock:
            self._connection = None

    def stop(self) -> None:
        """May be said again and again: an interrupt between two statements is lost."""
        with self._lock:
            self.stopped = True
            if self._publishing:
                return
            for connection in (self._connection, self._beside):
                if connection is not None:
                    connection.interrupt()
