"""What a server holds from its start to its end, for whatever it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

import anyio

from sqlpipes.core.dataclass import dataclass
from sqlpipes.web.board import Board
from sqlpipes.web.builds import Builds
from sqlpipes.web.feed import Feed
from sqlpipes.web.gate import Gate
from sqlpipes.web.page import Page
from sqlpipes.web.pulse import Pulse

PATIENCE_S = 20.0  # for a body to arrive; who takes no byte for that long is gone


@dataclass(slots=True)
class Serving:
    """Everything that an answer may need."""

    board: Board
    pulse: Pulse
    builds: Builds
    feed: Feed
    gate: Gate
    page: Page
    read_only: bool = False
    tell: Callable[[str], None] = print  # what went wrong in here, to the terminal
    patience_s: float = PATIENCE_S
    few: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(3))
    """Threads for what may take long: documents have others."""
