"""A line of cron and a zone -> when it is due. Instants in and out are aware; nothing here knows now.

Summer time is as `cronsim` says: a time that the clock skips is due when it goes on, one that it shows
twice is due once, unless the line names every hour.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

FIELDS = 5


def cron_fault(line: str) -> str | None:
    """What is wrong with a line of cron; None: nothing.

    >>> cron_fault("0 6 * * *"), cron_fault("0 25 * * *")
    (None, 'bad hour: minute, hour, day of month, month, day of week')
    """
    from cronsim import CronSim, CronSimError

    said = "minute, hour, day of month, month, day of week"
    if len(line.split()) != FIELDS:
        return f"it has {len(line.split())} fields, and cron has {FIELDS}: {said}"
    try:
        next(CronSim(line, datetime(2024, 1, 1)))
    except CronSimError as error:
        return f"{str(error)[:1].lower()}{str(error)[1:]}: {said}"
    except StopIteration:
        return "no day is like that"
    return None


def newest_due(line: str, zone: str, at: datetime) -> datetime | None:
    """The newest time that is due at `at`, in UTC; itself counts.

    >>> newest_due("0 6 * * *", "Europe/Berlin", datetime(2024, 7, 1, 4, 0, tzinfo=UTC)).isoformat()
    '2024-07-01T04:00:00+00:00'
    """
    return _step(line, zone, _up(at), back=True)


def next_due(line: str, zone: str, at: datetime) -> datetime | None:
    """The first time after `at`, in UTC; None when there is none for years."""
    return _step(line, zone, at)


def _up(at: datetime) -> datetime:
    """The start of the minute after: what is due now lies before it."""
    minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    return datetime.fromtimestamp(minute.timestamp() + 60, UTC)


def _step(line: str, zone: str, at: datetime, *, back: bool = False) -> datetime | None:
    from cronsim import CronSim

    try:
        found: datetime = next(CronSim(line, at.astimezone(ZoneInfo(zone)), reverse=back))
    except StopIteration:
        return None
    return found.astimezone(UTC)
