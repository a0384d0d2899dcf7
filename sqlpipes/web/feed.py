"""What happens -> everybody who listens. One that does not keep up is let go and comes back by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlpipes.web.refused import refused

MOST = 200  # that listen at one time
BEHIND = 2_000  # events that wait for one of them

Message = tuple[str, dict[str, Any]]
"""The name of an event and its data."""


class Listener:
    """One open stream of events. None in the queue: it ends."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(BEHIND)
        self.over = False

    def put(self, text: bytes) -> None:
        if self.over:
            return
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """What still waits is of no use to who is that late."""
        self.over = True
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Feed:
    """Belongs to the event loop: nothing here is called from another thread."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self.someone = asyncio.Event()  # set while anybody listens
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Refused 503 when there are too many already."""
        if len(self._listeners) >= MOST:
            raise refused(503, "UIX018", f"{MOST} pages listen already")
        listener = Listener()
        if self.is_closed:
            listener.end()
        self._listeners.add(listener)
        self.someone.set()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self.someone.clear()

    def tell(self, messages: Iterable[Message]) -> None:
        if not self._listeners:
            return
        for message in messages:
            text = event_text(*message)
            for listener in self._listeners:
                listener.put(text)

    def close(self) -> None:
        self.is_closed = True
        for listener in self._listeners:
            listener.end()


def event_text(name: str, data: Any) -> bytes:
    """As server-sent events are written. JSON has no line break outside of a text, nor a bare one inside.

    >>> event_text("log", {"lines": ["a\\nb"]})
    b'event: log\\ndata: {"lines":["a\\\\nb"]}\\n\\n'
    """
    said = json.dumps(data, separators=(",", ":"), default=str)
    return f"event: {name}\ndata: {said}\n\n".encode()
