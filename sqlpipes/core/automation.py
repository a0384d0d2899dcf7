"""When an asset is built by itself: the words of `auto:`. Nothing here knows a clock."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location


class When(StrEnum):
    """What makes an asset's slices due."""

    EAGER = "eager"  # what they read has moved, or their own version, or they are not there
    CRON = "cron"  # a time has come
    MISSING = "missing"  # they are not there
    NEVER = "never"  # somebody asks for them


@dataclass(frozen=True, slots=True)
class Automation:
    """`auto:` of an asset. `cron` and `timezone` belong to When.CRON.

    `ignore`: inputs whose changes re-open nothing and which are not waited for; `allow`: the only ones
    that count, None: all. `last`: only so many of the newest slices are built by themselves.
    """

    when: When
    cron: str = ""
    timezone: str = "UTC"
    ignore: frozenset[str] = frozenset()
    allow: frozenset[str] | None = None
    last: int | None = None
    at: Location | None = field(default=None, compare=False)

    def counts(self, name: str) -> bool:
        """Whether this input is looked at."""
        return name not in self.ignore and (self.allow is None or name in self.allow)

    def __str__(self) -> str:
        """
        >>> print(Automation(When.CRON, "0 6 * * *", "Europe/Berlin"))
        cron 0 6 * * * Europe/Berlin
        """
        return f"cron {self.cron} {self.timezone}" if self.when is When.CRON else str(self.when)
