"""What parsing leaves behind: a syntax tree knows its parents, so only the collector of garbage can free it.

Left to itself the collector goes through all that was read, again and again; without it every tree stays
until the end. So it rests, and whoever is about to parse asks for what is young to be swept.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 50_000  # objects: the trees of about twenty queries


@contextmanager
def resting() -> Iterator[None]:
    """The collector does nothing by itself meanwhile; a process that had switched it off keeps it so."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def sweep() -> None:
    """Free the trees that nobody holds any more, once there are enough of them."""
    if gc.get_count()[0] > YOUNG:
        gc.collect(0)
