"""The calendar: instants <-> ordinals of a unit, without a zone. The arithmetic below every time axis.

An ordinal counts the slices of a unit from 1970 (DAY: days since 1970-01-01; WEEK: Mondays; MONTH:
12 * (year - 1970) + month - 1 ...). Instants are naive: UTC, or the wall clock of some zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

EPOCH = datetime(1970, 1, 1)
MONDAY = datetime(1970, 1, 5)


class Grain(StrEnum):
    """How long a slice is. WHOLE is the one slice of an unpartitioned asset."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    WHOLE = "whole"

    def ordinal(self, at: datetime) -> int:
        """The ordinal of the slice that holds `at` (naive UTC).

        >>> Grain.DAY.ordinal(datetime(1970, 1, 2, 23)), Grain.MONTH.ordinal(datetime(1971, 2, 1))
        (1, 13)
        """
        if self is Grain.WHOLE:
            return 0
        if self in _MONTHS:
            months = 12 * (at.year - 1970) + at.month - 1
            return months // _MONTHS[self]
        return (at - _origin(self)) // _STEPS[self]

    def instant(self, ordinal: int) -> datetime:
        """Where a slice starts, in naive UTC.

        >>> Grain.WEEK.instant(Grain.WEEK.ordinal(datetime(2024, 5, 1)))
        datetime.datetime(2024, 4, 29, 0, 0)
        """
        if self is Grain.WHOLE:
            return EPOCH
        if self in _MONTHS:
            years, month = divmod(ordinal * _MONTHS[self], 12)
            return datetime(1970 + years, month + 1, 1)
        return _origin(self) + ordinal * _STEPS[self]

    def fits(self, at: datetime) -> bool:
        """Whether a slice of this grain starts exactly at `at`."""
        return self.instant(self.ordinal(at)) == at

    def key(self, ordinal: int) -> str:
        """How people name a slice.

        >>> Grain.MONTH.key(648), Grain.DAY.key(0), Grain.QUARTER.key(216), Grain.HOUR.key(5)
        ('2024-01', '1970-01-01', '2024-Q1', '1970-01-01T05')
        """
        at = self.instant(ordinal)
        if self is Grain.QUARTER:
            return f"{at.year}-Q{(at.month + 2) // 3}"
        return at.strftime(_KEYS[self])


_MONTHS = {Grain.YEAR: 12, Grain.QUARTER: 3, Grain.MONTH: 1}
_STEPS = {
    Grain.WEEK: timedelta(weeks=1),
    Grain.DAY: timedelta(days=1),
    Grain.HOUR: timedelta(hours=1),
    Grain.MINUTE: timedelta(minutes=1),
}
_KEYS = {
    Grain.YEAR: "%Y",
    Grain.MONTH: "%Y-%m",
    Grain.WEEK: "%Y-%m-%d",
    Grain.DAY: "%Y-%m-%d",
    Grain.HOUR: "%Y-%m-%dT%H",
    Grain.MINUTE: "%Y-%m-%dT%H:%M",
    Grain.WHOLE: "all",
}


def _origin(grain: Grain) -> datetime:
    return MONDAY if grain is Grain.WEEK else EPOCH


def as_naive_utc(at: datetime) -> datetime:
    """The same instant without a zone; a naive value is taken to be UTC already."""
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def window_text(at: datetime) -> str:
    """An instant as the ISO text that stands in SQL and in the state: a date when it is midnight.

    >>> window_text(datetime(2024, 1, 1)), window_text(datetime(2024, 1, 1, 5))
    ('2024-01-01', '2024-01-01 05:00:00')
    """
    midnight = not (at.hour or at.minute or at.second or at.microsecond)
    return at.date().isoformat() if midnight else at.isoformat(sep=" ")
