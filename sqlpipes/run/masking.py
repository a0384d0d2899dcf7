"""Events + the secrets of a run -> the same events without them, before anybody keeps or shows them."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from sqlpipes.core.hiding import HIDDEN

SHORTEST = 4  # characters: masking less would make logs unreadable and hide nothing
LEAST_HALF = 6  # characters of a secret that was cut off, to be known again
CUT = 190  # characters of a text that may have been cut

V = TypeVar("V")


class Mask:
    """Callable: text -> text. It knows each secret as it is, and as URLs, JSON, repr and base64 have it.

    >>> mask = Mask(["s3cret/token"])
    >>> mask("GET /?key=s3cret%2Ftoken failed for 's3cret/token'"), mask("key=s3cret/t...")
    ("GET /?key=*** failed for '***'", 'key=***...')
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms = sorted({form for text in secrets for form in _forms(text)}, key=len)[::-1]

    def __bool__(self) -> bool:
        return bool(self._forms)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        is_cut = text.endswith("...") or len(text) >= CUT
        return self._without_half(text) if is_cut else text

    def _without_half(self, text: str) -> str:
        """A text that was cut may end in the first half of a secret."""
        end = text.removesuffix("...")
        for form in self._forms:
            for length in range(len(form) - 1, LEAST_HALF - 1, -1):
                if end.endswith(form[:length]):
                    return end[:-length] + HIDDEN + text[len(end) :]
        return text

    def value(self, value: V) -> V:
        """The same value with all texts in it masked: in lists, mappings and frozen dataclasses, too."""
        masked: V = self._any(value) if self._forms else value
        return masked

    def _any(self, value: Any) -> Any:
        if type(value) is str:
            return self(value)
        if isinstance(value, dict):
            return {self._any(key): self._any(item) for key, item in value.items()}
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self._any(item) for item in value)
        if is_dataclass(value) and not isinstance(value, type):
            changed = {
                each.name: now
                for each in fields(value)
                if each.init and (now := self._any(old := getattr(value, each.name))) != old
            }
            return replace(value, **changed) if changed else value
        return value


def _forms(text: str) -> Iterable[str]:
    parts = [text, *text.splitlines()]  # of a key of many lines, a message may hold one
    for part in parts:
        if len(part.strip()) >= SHORTEST:
            yield part
            yield quote(part, safe="")
            yield quote(part)
            yield quote_plus(part)
            yield json.dumps(part)[1:-1]
            yield repr(part)[1:-1]
            yield from _of_bytes(part.encode())


def _of_bytes(secret: bytes) -> Iterable[str]:
    yield repr(secret)[2:-1]
    yield secret.hex()
    yield secret.hex().upper()
    yield b64encode(secret).decode()
    yield urlsafe_b64encode(secret).decode()
    for before in range(3):  # bytes of something else, such as `user:`, in the first group of three
        head, end = (0, 2, 3)[before], (before + len(secret)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            inner = encode(bytes(before) + secret).decode()[head:end]
            if len(inner) >= SHORTEST:  # only the characters that the secret alone decides
                yield inner
