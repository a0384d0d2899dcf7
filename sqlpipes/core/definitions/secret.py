"""Secret: a text that never shows itself. Values -> the secrets that are in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn, SupportsIndex

from sqlpipes.core.hiding import HIDDEN

NAMED = r"(?i)pass|pwd|token|secret|authorization|cookie|credential|(api|access|private)[-_]?key"


def named_secret(name: str) -> bool:
    """Whether what has this name is a secret, as far as names tell.

    >>> named_secret("X-Api-Key"), named_secret("key")
    (True, False)
    """
    return re.search(NAMED, name) is not None


def has_password(text: str) -> bool:
    """Whether a text is a URL with a password, or with a parameter that is a secret by its name.

    >>> has_password("pg://me:pw@host/x"), has_password("pg://host/x?sslpassword=a")
    (True, True)
    >>> has_password("pg://me@host/x")
    False
    """
    if "://" not in text:
        return False
    _, _, rest = text.partition("://")
    user = rest.partition("/")[0].partition("?")[0].rpartition("@")[0]
    given = re.findall(r"[?&;]([^=&;?]+)=[^&;]", rest)
    return bool(user.partition(":")[2]) or any(map(named_secret, given))


class Secret:
    """A password, a token or the like. Only `reveal()`, or `get()`, gives the text.

    Whatever else is done with it shows three stars; it refuses to be pickled and JSON does not know it.

    >>> token = Secret("s3cret")
    >>> token, f"{token}", token.reveal(), token == Secret("s3cret")
    (Secret('***'), '***', 's3cret', True)
    """

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str | Secret) -> None:
        said: object = text.reveal() if isinstance(text, Secret) else text
        if not isinstance(said, str):
            raise TypeError(f"a secret is a text, not {type(said).__name__}")
        object.__setattr__(self, "_text", said)

    def reveal(self) -> str:
        return self._text

    get = reveal

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    def __repr__(self) -> str:
        return f"Secret('{HIDDEN}')"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, how: str) -> str:
        return format(HIDDEN, how)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: hand on what you make of its reveal()")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self


def secrets_in(value: Any) -> Iterator[str]:
    """The texts of all secrets in a value: in mappings, lists, dataclasses and structs, too.

    >>> list(secrets_in({"a": [Secret("x"), "y"], "b": {"c": Secret("z")}}))
    ['x', 'z']
    """
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from secrets_in(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from secrets_in(getattr(value, each.name, None))
    else:
        for name in getattr(value, "__struct_fields__", ()):
            yield from secrets_in(getattr(value, name, None))
