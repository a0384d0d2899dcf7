"""Why a database did not open -> the same at the key of the profile that says it, with a way out."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.config import Target
from sqlpipes.core.errors import EngineError, Problem

HINTS = (
    (
        "not a valid DuckDB database file",
        "it is another kind of file: move it away, or name another",
    ),
    ("newer version", "a newer DuckDB wrote it: pip install -U duckdb"),
    ("Permission denied", "its folder and the file must be writable by you"),
    ("Is a directory", "name a file in it"),
    ("No such file or directory", "nobody has built there yet, or its folder is spelt otherwise"),
    ("database does not exist", "nobody has built there yet, or its path is spelt otherwise"),
    ("read-only", "its disk cannot be written to"),
    ("No space left", "make room on its disk"),
)


def placed(error: EngineError, target: Target) -> EngineError:
    """The same error; faults that have a place or a hint of their own keep them."""
    error.problems = tuple(_placed(problem, target) for problem in error.problems)
    return error


def _placed(problem: Problem, target: Target) -> Problem:
    keys = ("attach",) if "attached database" in problem.message else ("path", "database")
    hint = next((hint for words, hint in HINTS if words in problem.message), None)
    return replace(problem, at=problem.at or target.at(*keys), hint=problem.hint or hint)
