"""What a function says, as text of bounded size: its beginning and its end are kept."""

from __future__ import annotations

import threading
from collections import deque

HEAD, TAIL = 16_000, 48_000  # characters


class Log:
    """Any thread may add to it.

    >>> log = Log(head=4, tail=4)
    >>> for text in ("abc", "def", "ghi", "jkl"):
    ...     log.add(text)
    >>> log.text
    'abcd\\n... 4 characters are left out ...\\nijkl'
    """

    def __init__(self, head: int = HEAD, tail: int = TAIL) -> None:
        self._lock = threading.Lock()
        self._room, self._tail = head, tail
        self._first: list[str] = []
        self._last: deque[str] = deque()
        self._held = self._lost = 0

    def add(self, text: str) -> None:
        with self._lock:
            if self._room:
                self._first.append(text[: self._room])
                self._room, text = max(0, self._room - len(text)), text[self._room :]
            if text:
                self._last.append(text[-self._tail :])
                self._lost += max(0, len(text) - self._tail)
                self._held += len(self._last[-1])
                self._drop()

    def _drop(self) -> None:
        while self._held > self._tail:
            old = self._last.popleft()
            over = min(len(old), self._held - self._tail)
            self._held -= over
            self._lost += over
            if over < len(old):
                self._last.appendleft(old[over:])

    @property
    def text(self) -> str:
        with self._lock:
            told = f"\n... {self._lost:,} characters are left out ...\n" if self._lost else ""
            return "".join([*self._first, told, *self._last])
