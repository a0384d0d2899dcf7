"""A word of the user's in a file -> its place, where what was read of it has none of its own."""

from __future__ import annotations

import os
import re

from sqlpipes.core.errors import Location

PROJECT_FILES = ("sqlpipes.yml", "sqlpipes.yaml", "pyproject.toml")


def word_place(root: str, file: str, word: str, *, before: int | None = None) -> Location | None:
    """The first time that it stands there by itself, above the line `before`; None where it does not."""
    lines = _lines(root, file)[: before and before - 1]
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    for number, line in enumerate(lines, 1):
        if found := whole.search(line):
            return Location(file, number, found.start() + 1, len(word))
    return None


def dialect_place(root: str) -> Location | None:
    """Where the project file says its dialect."""
    for file in PROJECT_FILES:
        if found := word_place(root, file, "dialect"):
            return found
    return None


def _lines(root: str, file: str) -> list[str]:
    try:
        with open(os.path.join(root, file), encoding="utf-8") as stream:
            return stream.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
