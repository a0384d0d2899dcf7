"""The session that all connections of a build share, and another one once it is lost.

A server that was started anew knows nothing of a session that its forerunner had.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Session = Any  # pyspark.sql.connect.session.SparkSession


class Line:
    """`again` opens another session, set up like the first; `end` lets go of one that was lost."""

    def __init__(
        self, session: Session, again: Callable[[], Session], end: Callable[[Session], None]
    ) -> None:
        self._session = session
        self._again = again
        self._end = end
        self._lost = False
        self._opening = threading.Lock()

    def session(self) -> Session:
        """The one to ask from now on. Raises EngineError when it is lost and no other can be had."""
        with self._opening:
            if self._lost:
                old, self._session = self._session, self._again()
                self._lost = False
                self._end(old)  # a server that was only out of reach works on no longer
            return self._session

    def lose(self, session: Session) -> None:
        if session is self._session:
            self._lost = True

    def holds(self, session: Session) -> bool:
        """Whether it is worth asking: what one thread has found lost, no other needs to wait for."""
        return session is self._session and not self._lost

    def close(self) -> None:
        self._end(self._session)
