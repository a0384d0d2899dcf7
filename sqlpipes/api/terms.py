"""On which terms a build runs: who is told of it, what stops it, and all else that is not what is built."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import field
from datetime import datetime

from sqlpipes.api.sharing import Patience
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.events import Event
from sqlpipes.core.plan import Plan


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told of what happens in a run, and what stops it."""

    on_plan: Callable[[Plan], None] | None = None
    on_event: Callable[[Event], None] | None = None
    on_wait: Callable[[str], None] | None = None
    on_retry: Callable[[str], None] = lambda said: None  # the warehouse does not open yet
    cancel: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a build goes about it. `command` and `job`: who asked for it, as it is put on record."""

    command: str
    job: str
    threads: int
    fail_fast: bool
    patience: Patience
    clock: Callable[[], datetime]
    watch: Watch
    until: datetime | None = None  # slices are counted up to then; None: to the clock's now

    def now(self) -> datetime:
        """The time that a plan is made for."""
        return self.until or self.clock()
