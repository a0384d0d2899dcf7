"""What a run asks before it writes slices that another build may be writing as well.

A step's part waits for its turn: what others hold is waited for, what they have built meanwhile is
left out, and right before the commit the run asks once more whether it may still publish. A run
without `Turns` is alone.
"""

from __future__ import annotations

from threading import Event as Flag
from typing import Protocol

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Step

LOST = "taken for dead"


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer to a part that would like to start.

    `step` is what is to be done of it now; None when there is nothing. `done` was built by the run
    `by` since the plan was made. `free` and `held` tell the part's slices apart while others hold some
    of them (`holder` says who): the part has to ask again. `all_held`: no part of the step can start.
    """

    step: Step | None = None
    done: Partitions | None = None
    by: str = ""
    free: Partitions | None = None
    held: Partitions | None = None
    holder: str = ""
    all_held: bool = False


class Turns(Protocol):
    """The other builds, as a run sees them. Every method raises StoreError when they cannot be asked."""

    lost: Flag  # others took this run for dead: nothing of it may be published any more

    def take(self, step: Step, *, makes: bool) -> Turn:
        """The turn of one part. `makes`: its relation is not there, so whoever makes it is alone."""

    def share(self, asset: str) -> None:
        """The relation was made after all, so others may write their slices of it beside ours."""

    def is_due(self) -> bool:
        """Whether it is time for parts that wait to ask again."""

    def demand(self, asset: str, connection: Connection) -> None:
        """Right before the commit of a part, in its transaction. StoreError STO014 when it is too late."""
