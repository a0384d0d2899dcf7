"""What stands under a section of a property file, said in Python: one reader reads both."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass

Span = tuple[int, int, int, int]  # first line, last line, and columns in bytes from 0


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a section such as `sources`, with the keys that YAML has for it.

    `file` and `span` are those of the call that made it, so that a fault is told at its argument.
    """

    section: str
    name: str
    keys: Mapping[str, Plain] = field(default_factory=dict)
    file: str = ""
    span: Span | None = None
    function: Any = field(default=None, compare=False)  # that one of the keys names

    def __repr__(self) -> str:
        return f"<{self.section} {self.name}>"


def entry(section: str, name: str, keys: Mapping[str, Plain | None], *, above: int = 1) -> Entry:
    """The entry that a call `above` this one makes: 1, whoever calls the caller of `entry`.

    Keys without a value (None) were not said.
    """
    frame = sys._getframe(above + 1)
    lines = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    span = None if None in lines else lines
    said = {key: value for key, value in keys.items() if value is not None}
    return Entry(section, name, said, frame.f_code.co_filename, span)  # type: ignore[arg-type]
