"""Signs of life of one build, and a watch over those of the others.

A thread moves the beat of its own builder every few seconds, and looks at the beats of the others.
Clocks of several machines are never compared: a builder counts as dead when its beat has stood still
for `patience_s` seconds of the observer's own clock, over several looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import SqlpipesError
from sqlpipes.stores.leases import Builder, Leases

BEAT_S = 3.0
PATIENCE_S = 20.0
GONE_BEATS = 1.5  # that did not come from a process that is not there


@dataclass(frozen=True, slots=True)
class Standstill:
    """A beat that was seen, and for how long it has not moved since."""

    beat: int
    seconds: float = 0.0


Watched = Mapping[str, Standstill]


def watch(before: Watched, builders: Iterable[Builder], elapsed_s: float) -> dict[str, Standstill]:
    """What is known of the builders after one more look, `elapsed_s` seconds after the last one.

    >>> one = Builder("r1", 7, 1, "host:/shop", "build")
    >>> first = watch({}, [one], 3.0)
    >>> watch(first, [one], 3.0)
    {'r1': Standstill(beat=7, seconds=3.0)}
    """
    after = {}
    for builder in builders:
        known = before.get(builder.run_id)
        if known is None or known.beat != builder.beat:
            after[builder.run_id] = Standstill(builder.beat)
        else:
            after[builder.run_id] = Standstill(known.beat, known.seconds + elapsed_s)
    return after


class Pulse:
    """Beats for one run from `start` to `stop`. `lost` is set when the run itself was buried.

    `before_burial` is called with the run that is about to be buried; what it raises as a
    SqlpipesError puts the burial off. Of a builder that `is_gone`, as can be known of one of this machine,
    two beats that did not come are enough: a process of that number may live in another container.
    """

    def __init__(
        self,
        leases: Leases,
        run_id: str,
        *,
        beat_s: float = BEAT_S,
        patience_s: float = PATIENCE_S,
        before_burial: Callable[[str], None] = lambda run_id: None,
        is_gone: Callable[[Builder], bool] = lambda builder: False,
    ) -> None:
        self.lost = threading.Event()
        self._leases = leases
        self._run_id = run_id
        self._beat_s = beat_s
        self._patience_s = patience_s
        self._before_burial = before_burial
        self._is_gone = is_gone
        self._watched: Watched = {}
        self._looked_at = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True, name="sqlpipes pulse")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _live(self) -> None:
        while not self._done.wait(self._beat_s) and not self.lost.is_set():
            with suppress(SqlpipesError):  # the state may be out of reach for a while
                self.once(time.monotonic())

    def once(self, now: float) -> None:
        """One beat, and one look at the others. `now` in seconds of a clock that only grows.

        A gap between two looks counts for two beats at most: whoever slept himself learns nothing
        about others from it.
        """
        if not self._leases.beat(self._run_id):
            self.lost.set()
            return
        elapsed = min(now - self._looked_at, 2 * self._beat_s)
        others = [each for each in self._leases.builders() if each.run_id != self._run_id]
        self._watched, self._looked_at = watch(self._watched, others, elapsed), now
        gone = {each.run_id for each in others if self._is_gone(each)}
        for run_id, seen in self._watched.items():
            patience_s = GONE_BEATS * self._beat_s if run_id in gone else self._patience_s
            if seen.seconds >= min(patience_s, self._patience_s):
                self._before_burial(run_id)
                self._leases.bury(run_id, seen.beat)
