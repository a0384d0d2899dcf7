"""What functions give back beside rows, and the window that they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import said
from sqlpipes.core.errors import Severity


@dataclass(frozen=True, slots=True)
class File:
    """Returned by an asset that is a file: `path` relative to the project, or absolute.

    One made by `context.file(path)` has a place of its own to be written at until it is published:
    give the File itself to `open`, `Path` or whatever writes it. `metadata` is shown with the build.

    >>> import os
    >>> os.fspath(File("a.txt")), os.fspath(File("a.txt", place="/p/.a.txt.new"))
    ('a.txt', '/p/.a.txt.new')
    >>> f"{File('a.txt')}"
    'a.txt'
    """

    path: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    place: str | None = None  # where it is written until it is published, absolute

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(self.path))  # a pathlib.Path is welcome

    def __fspath__(self) -> str:
        return self.place or self.path

    def __str__(self) -> str:
        return self.place or self.path


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Returned by a check that has more to say than True, a number or rows.

    `passed` is True or False, or None: the `failures` decide, a number of bad rows or the rows
    themselves. `severity` is that of this result only; None: the decorator's.

    >>> CheckResult(passed=False, message="12 orders too many", severity="warn").severity
    'warn'
    """

    passed: bool | None = None
    failures: Any = None
    message: str = ""
    severity: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.passed is None and self.failures is None:
            raise TypeError("a CheckResult needs passed=True or False, or failures=...")
        self.grade  # noqa: B018  (an unknown severity is refused where it is written)

    @property
    def grade(self) -> Severity | None:
        return None if self.severity is None else said.severity(self.severity)


@dataclass(frozen=True, slots=True)
class Window:
    """The slices that one call builds: half-open text of time or integers, and the key of a single one.

    `keys` has the key per column of the partition, None for a column in which there are several.
    """

    start: str | None  # None: cut by values only
    end: str | None
    key: str | None = None
    keys: Mapping[str, str | None] = field(default_factory=dict)
    slices: Sequence[str] = ()  # the key of each
