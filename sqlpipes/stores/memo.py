"""What one process wrote last, so that it need not read it again.

Every change of a target's state moves its tick by one. A tick that follows on the last one that
this process took proves that nobody else has written in between; any other tick empties the memo.
"""

from __future__ import annotations

from dataclasses import field

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import Partitions
from sqlpipes.stores.fold import AssetState

StepKey = tuple[str, str, str]  # run_id, asset, action


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that has begun and not ended, by its row."""

    id: int
    slices: Partitions
    full: bool
    read_at: int


@dataclass(slots=True)
class Memo:
    """Mutable on purpose: it lives inside one open store and is nobody else's."""

    tick: int = -1
    states: dict[str, AssetState] = field(default_factory=dict)
    steps: dict[StepKey, OpenStep] = field(default_factory=dict)

    def move_to(self, tick: int) -> None:
        """The tick that this process has just taken."""
        if tick != self.tick + 1:
            self.clear()
        self.tick = tick

    def clear(self) -> None:
        """Forget everything: a transaction was rolled back, or somebody else has written."""
        self.tick = -1
        self.states.clear()
        self.steps.clear()
