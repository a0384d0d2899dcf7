"""`python -m sqlpipes` is `sqlpipes`; both begin here, so that Ctrl-C is heeded before anything is loaded."""

from __future__ import annotations

import gc
import os
import signal
from types import FrameType

OFTEN_ENOUGH = 50_000  # new objects; by default 700, and modules that are loaded hold no garbage


def run() -> None:
    """The console script."""
    gc.set_threshold(OFTEN_ENOUGH)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    from sqlpipes.cli import main

    main()


def _stop(number: int, frame: FrameType | None) -> None:
    """Nothing has begun yet."""
    os.write(2, b"\nstopped\n")
    os._exit(128 + number)


if __name__ == "__main__":
    run()
