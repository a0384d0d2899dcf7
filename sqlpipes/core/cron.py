"""A cron line and a zone -> the instants at which it is due. The calendar is cronsim's; no clock is asked.

Where clocks change, it is as in Debian's cron. A line with fixed hours and minutes is due once a
day: a time that the clock skips is due at the first one after the gap, a time that it shows twice is
due the first time. A line whose minutes or hours begin with `*` is due by elapsed time: never in the
hour that is skipped, twice in the one that comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import did_you_mean

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of the month", "1-31, or L for the last one"),
    ("month", "1-12 or JAN-DEC"),
    ("day of the week", "0-7 or SUN-SAT, 0 and 7 being Sunday"),
)
BACK_H = (1, 26, 24 * 8, 24 * 63, 24 * 367, 24 * 366 * 9)  # how far back times are looked for
SHOWN = "minute hour day month weekday, such as '0 6 * * *' for every day at 6:00"


@dataclass(frozen=True, slots=True)
class CronFault:
    """What is wrong with a line, and where in it: an offset and a length in characters."""

    message: str
    hint: str
    start: int = 0
    length: int = 1


def cron_fault(line: str) -> CronFault | None:
    """What is wrong with a cron line; None when it is sound.

    >>> fault = cron_fault("0 25 * * *")
    >>> fault.message, fault.hint, fault.start
    ("'25' is no hour", 'the second field is the hour: 0-23', 2)
    """
    said = line.strip()
    if said.startswith("@"):
        if said.lower() in ALIASES:
            return None
        near = did_you_mean(said, ALIASES) or "known: " + ", ".join(ALIASES)
        return CronFault(f"'{said}' is no schedule", near, 0, max(len(line), 1))
    parts = list(re.finditer(r"\S+", line))
    if len(parts) != len(FIELDS):
        fields = "field" if len(parts) == 1 else "fields"
        message = f"a cron line has five fields, this has {len(parts)} {fields}"
        return CronFault(message, SHOWN, 0, max(len(line), 1))
    for index, part in enumerate(parts):
        if not _is_sound(" ".join("*" * index) + f" {part[0]} " + " ".join("*" * (4 - index))):
            name, values = FIELDS[index]
            which = ("first", "second", "third", "fourth", "fifth")[index]
            hint = f"the {which} field is the {name}: {values}"
            return CronFault(f"'{part[0]}' is no {name}", hint, part.start(), len(part[0]))
    if (
        not _is_sound(line)
        or next(times(line, "UTC", datetime(2024, 1, 1, tzinfo=UTC)), None) is None
    ):
        return CronFault(
            f"'{said}' is never due: no such month has that day",
            "the third field is the day of the month, the fourth the month",
            parts[2].start(),
            len(parts[2][0]),
        )
    return None


def _is_sound(line: str) -> bool:
    from cronsim import CronSim, CronSimError

    try:
        CronSim(line, datetime(2024, 1, 1))
    except (CronSimError, AssertionError, ValueError):
        return False
    return True


def times(line: str, zone: str, after: datetime) -> Iterator[datetime]:
    """The instants after `after` at which a sound line is due, in order, aware and in UTC.

    >>> found = times("30 2 * * *", "Europe/Berlin", datetime(2024, 3, 30, 12, tzinfo=UTC))
    >>> [next(found).isoformat() for _ in range(2)]  # 2:30 does not exist on the 31st: 3:00
    ['2024-03-31T01:00:00+00:00', '2024-04-01T00:30:00+00:00']
    """
    from zoneinfo import ZoneInfo  # it asks how Python was built, which costs every start

    from cronsim import CronSim

    text = ALIASES.get(line.strip().lower(), line)
    for found in CronSim(text, after.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))):
        instant = found.astimezone(UTC)
        if instant > after:  # in an hour that comes twice, cronsim begins with the first
            yield instant


def next_time(line: str, zone: str, after: datetime) -> datetime | None:
    """The first instant after `after`; None when there is none for fifty years."""
    return next(times(line, zone, after), None)


def newest_time(line: str, zone: str, at: datetime) -> datetime | None:
    """The newest instant until `at`, which counts; None when there was none for years.

    >>> newest_time("0 6 * * *", "Europe/Berlin", datetime(2024, 7, 1, 4, tzinfo=UTC)).isoformat()
    '2024-07-01T04:00:00+00:00'
    """
    for hours in BACK_H:
        after = datetime.fromtimestamp(at.timestamp() - hours * 3600, UTC)
        last = None
        for found in times(line, zone, after):
            if found > at:
                break
            last = found
        if last is not None:
            return last
    return None


def in_words(line: str) -> str:
    """What a sound line means.

    >>> in_words("0 6 * * *"), in_words("@hourly")
    ('at 06:00 every day', 'at the start of every hour')
    """
    from cronsim import CronSim

    text = ALIASES.get(line.strip().lower(), line)
    said = CronSim(text, datetime(2024, 1, 1)).explain()
    return said[:1].lower() + said[1:]
