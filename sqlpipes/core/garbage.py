"""What parsing leaves behind: a syntax tree knows its parents, so only the collector of garbage can free it.

Left to itself the collector goes through all that was read, again and again; without it every tree stays
until the end. So it rests, and whoever is about to parse asks for what is young to be swept.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 50_000  # objects: the trees of about twenty queries
FEW = 10_000
_spared: int | None = (
    None  # of the young ones: those that were there when parsing began, and are no trees
)


@contextmanager
def resting() -> Iterator[None]:
    """The collector does nothing by itself meanwhile; a process that had switched it off keeps it so."""
    global _spared
    was, _spared = gc.isenabled(), None
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def sweep() -> None:
    """Free the trees that nobody holds any more, once there are enough of them."""
    global _spared
    young = gc.get_count()[0]
    if _spared is None or young < _spared:
        _spared = young
    elif young - _spared > YOUNG:
        gc.collect(0)
        _spared = 0


def stay() -> None:
    """What is there is needed to the end: no collection goes through it again, the last least of all."""
    if _spared is not None and gc.get_count()[0] - _spared > FEW:
        gc.collect(0)
    gc.freeze()
