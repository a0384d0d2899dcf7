"""A source in windows: what each looked like at one look, and what moved since the look on record.

Windows (now) + the tokens on record -> Sighting. A token is a short text that moves when the rows of
its window do; what it is made of is the engine's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import Axis, Labels, Partitions, axis_plain

Slot = tuple[Labels, int]
"""One window: its labels, and its ordinal along the first axis."""

MARK = "windows"  # a token that begins so is that of a source in windows


@dataclass(frozen=True, slots=True)
class Windows:
    """The token of each window that has rows.

    `loose` is that of the rows in no window, such as those without a value in the column; "" when
    there are none. `total` is the token that all rows together would have without windows; "" when
    it does not follow from those of the windows.
    """

    axis: Axis
    tokens: Mapping[Slot, str]
    loose: str = ""
    total: str = ""

    @property
    def token(self) -> str:
        """One text for all of it: it moves when anything does.

        >>> from sqlpipes.core.partitions import Grain, axis_of
        >>> Windows(axis_of(Grain.DAY), {((), 0): "2"}, total="2").token
        'windows;2;036e5e6e2b291829;'
        """
        found = self.tokens
        lines = [f"{labels} {place} {found[labels, place]}" for labels, place in sorted(found)]
        return ";".join(
            [MARK, self.total, _digest([repr(axis_plain(self.axis)), *lines]), self.loose_token]
        )

    @property
    def loose_token(self) -> str:
        """The last part of `token`."""
        return _digest([self.loose]) if self.loose else ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at a source in windows, compared with the look on record.

    `moved`: windows whose rows are new or other ones; `gone`: windows that have no rows any more;
    `tokens`: of all these, None where gone. `count`: how many windows there are, or were until now.
    `anew`: nothing is on record along this axis, so `moved` is all there is; with `same` the rows are
    as they were, and only cut otherwise. `loose`: rows in no window moved.
    """

    moved: Partitions
    gone: Partitions
    tokens: Mapping[Slot, str | None]
    count: int
    anew: bool = False
    same: bool = False
    loose: bool = False

    @property
    def slices(self) -> Partitions:
        return self.moved | self.gone


def is_in_windows(token: str | None) -> bool:
    """Whether a recorded token is that of a source in windows."""
    return token is not None and token.startswith(f"{MARK};")


def total_of(token: str | None) -> str | None:
    """What a recorded token says of all rows together; "" when it does not say that.

    >>> total_of("windows;2;c98176a303f95aa3;"), total_of("2")
    ('2', '2')
    """
    return token.split(";")[1] if token is not None and is_in_windows(token) else token


def sighting(now: Windows, before: Mapping[Slot, str], token: str | None) -> Sighting | None:
    """What moved since `before`, the tokens on record along this axis; None: nothing at all did.

    `token` is the recorded one of the whole source; None: it was never seen.
    """
    if now.token == token:
        return None
    if not before:
        same = bool(now.total) and now.total == total_of(token)
        moved = slots(now.axis, now.tokens)
        none = Partitions(now.axis)
        return Sighting(moved, none, dict(now.tokens), len(now.tokens), anew=True, same=same)
    gone = before.keys() - now.tokens.keys()
    moved_now = {slot: said for slot, said in now.tokens.items() if before.get(slot) != said}
    return Sighting(
        slots(now.axis, moved_now),
        slots(now.axis, gone),
        {**moved_now, **dict.fromkeys(gone)},
        len(now.tokens) + len(gone),
        loose=token is None or token.split(";")[-1] != now.loose_token,
    )


def slots(axis: Axis, found: Iterable[Slot]) -> Partitions:
    """Windows as a set of slices.

    >>> from sqlpipes.core.partitions import Grain, axis_of
    >>> print(slots(axis_of(Grain.DAY), [((), 1), ((), 0), ((), 5)]))
    1970-01-01..1970-01-03, 1970-01-06
    """
    return Partitions.of_rows(axis, ((labels, [(place, place + 1)]) for labels, place in found))


def _digest(lines: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()
