"""A zone's clock: UTC instants <-> what its wall clock shows, gaps and repeated hours included.

All instants are naive: UTC, or the wall time of the zone, as the names say.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MODERN = datetime(2024, 1, 1)  # offsets of long ago are odd: minutes, even seconds
SECOND = timedelta(seconds=1)


def is_zone(name: str) -> bool:
    """Whether the zone database knows it; looks in the zone files."""
    try:
        _zone(name)
    except (ValueError, OSError, KeyError, TypeError):
        return False
    return True


def zone_names() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


@cache
def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo  # it asks how Python was built, which costs every start

    return ZoneInfo(name)


def offset(at: datetime, zone: str) -> timedelta:
    """How far the zone's clock is ahead of UTC at an instant."""
    found = at.replace(tzinfo=UTC).astimezone(_zone(zone)).utcoffset()
    return found or timedelta(0)


def standard_offset(zone: str) -> timedelta:
    """How far the zone's clock is ahead of UTC nowadays, summer time taken off."""
    local = MODERN.replace(tzinfo=UTC).astimezone(_zone(zone))
    return (local.utcoffset() or timedelta(0)) - (local.dst() or timedelta(0))


def wall(at: datetime, zone: str) -> datetime:
    """What the zone's clock shows at an instant.

    >>> wall(datetime(2024, 7, 1), "Europe/Berlin")
    datetime.datetime(2024, 7, 1, 2, 0)
    """
    return at if zone == "UTC" else at + offset(at, zone)


def first_instant(shown: datetime, zone: str) -> datetime:
    """The first instant at which the zone's clock shows `shown` or, when it skips that, more.

    >>> first_instant(datetime(2024, 3, 31, 2, 30), "Europe/Berlin")  # skipped: 2 h becomes 3 h
    datetime.datetime(2024, 3, 31, 1, 0)
    """
    if zone == "UTC":
        return shown
    info = _zone(zone)
    found = shown.replace(tzinfo=info).astimezone(UTC).replace(tzinfo=None)
    if wall(found, zone) == shown:
        return found
    before = shown.replace(tzinfo=info, fold=1).astimezone(UTC).replace(tzinfo=None)
    return change_between(min(before, found), max(before, found), zone)


def boundary(at: datetime, zone: str) -> datetime:
    """The wall time that divides the wall times before an instant from those at or after it.

    A wall time that is shown twice counts as the later of its two instants, as databases take it.
    So the whole of a repeated hour lies behind every instant of its first pass.

    >>> boundary(datetime(2024, 10, 27, 0, 45), "Europe/Berlin")  # 2:45 summer time
    datetime.datetime(2024, 10, 27, 2, 0)
    """
    if zone == "UTC":
        return at
    local = at.replace(tzinfo=UTC).astimezone(_zone(zone))
    shown = local.replace(tzinfo=None, fold=0)
    again = local.replace(fold=1).utcoffset()
    if local.fold or again is None or again == local.utcoffset():
        return shown
    turned = change_between(at, at + ((local.utcoffset() or again) - again), zone)
    return turned + again


def is_repeated(at: datetime, zone: str) -> bool:
    """Whether the zone's clock shows the same time at another instant, too."""
    if zone == "UTC":
        return False
    local = at.replace(tzinfo=UTC).astimezone(_zone(zone))
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def change_between(low: datetime, high: datetime, zone: str) -> datetime:
    """The instant in (low, high] from which on the zone has the offset that it has at `high`."""
    after = offset(high, zone)
    while high - low > SECOND:
        middle = low + ((high - low) // 2 // SECOND) * SECOND
        if middle == low:
            break
        low, high = (low, middle) if offset(middle, zone) == after else (middle, high)
    return high
