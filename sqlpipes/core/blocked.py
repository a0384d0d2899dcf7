"""A statement that waits for somebody else's lock: what for, and who has it, as the server says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from sqlpipes.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that has a lock. What the server does not tell us of it is empty."""

    session: int  # 0: a transaction that was prepared, and belongs to no session
    program: str = ""
    state: str = ""  # active, idle in transaction ...
    since: str = ""  # when it came into that state, as a time of day
    query: str = ""  # the beginning of what it says, or said last; it may hold a secret


@dataclass(frozen=True, slots=True)
class Blocked:
    """`what` is waited for: a lock on a table, a row ...; `holders` have it, or come before us."""

    what: str
    holders: tuple[Holder, ...]


@runtime_checkable
class HasSession(Protocol):
    """A connection that the server knows by a number."""

    @property
    def session(self) -> int: ...


@runtime_checkable
class SeesBlocked(Protocol):
    """An engine whose server tells who waits for whom."""

    def blocked(self, sessions: Collection[int]) -> Mapping[int, Blocked]:
        """Those of the sessions that wait for a lock at this moment. Asked by one thread at a time,
        over a connection of its own. EngineError when there is none to be had."""
