"""A connection that does not open, or was cut -> another one, asked for again and again for a while.

Pauses grow from one second to sixteen: five of them are half a minute, in which a server has started
again or another one has taken its place.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random

from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import EngineError
from sqlpipes.core.faults import LOST, UNREACHED, only
from sqlpipes.core.retry import Retry
from sqlpipes.run.recording import wait

PAUSES = Retry(pause_s=1.0, most_s=16.0)
GONE = UNREACHED | {LOST}


def connected(
    connect: Callable[[], Connection],
    times: int,
    go_on: Callable[[], None],
    say: Callable[[str], None],
) -> Connection:
    """A connection, tried `times` times more. `say` is told of each; `go_on` raises when it is stopped."""
    for failed in range(times + 1):
        if failed:
            pause(failed, times, go_on, say)
        try:
            return connect()
        except EngineError as error:
            if failed == times or not only(GONE, error.problems):
                raise
    raise AssertionError("the last try returns or raises")


def pause(
    failed: int,
    times: int,
    go_on: Callable[[], None],
    say: Callable[[str], None],
    what: str = "no connection",
) -> None:
    """Before try number `failed` of those that are made again."""
    seconds = PAUSES.pause_of(failed, random())
    say(f"{what}, again in {seconds:.0f} s ({failed}/{times})")
    wait(seconds, go_on)
