"""Standard output and error, without the secrets of the environment and of the project that is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any


class Masked:
    """A text stream that hides secrets on the way out. All else is the stream's own."""

    def __init__(self, stream: Any, veil: Veil) -> None:
        self._stream = stream
        self._veil = veil

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # click finds out so what takes bytes
            raise TypeError("this stream takes text")
        self._stream.write(self._veil(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Veil:
    """Text -> text. What a project hides is known once it is loaded: see `add`."""

    def __init__(self) -> None:
        self._hide: Callable[[str], str] | None = None
        self._secrets: tuple[str, ...] = ()

    def add(self, secrets: Iterable[str]) -> None:
        self._secrets = (*self._secrets, *secrets)
        self._hide = None

    def __call__(self, text: str) -> str:
        if self._hide is None:
            from sqlpipes.api.hiding import hider

            self._hide = hider({} if self._secrets else os.environ, self._secrets)
        return self._hide(text)


def put_on(veil: Veil) -> None:
    """From now on nothing is printed but through the veil; a traceback is not, either."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Masked):
            setattr(sys, name, Masked(stream, veil))


def take_off() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, Masked):
            setattr(sys, name, stream._stream)
