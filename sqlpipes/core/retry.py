"""How often a function that failed is called again, and how long we wait before each time."""

from __future__ import annotations

from sqlpipes.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """`times` calls more after the first; the pauses grow by `factor`, up to `most_s` seconds.

    `jitter`: how far a pause may stray from that, as a part of it, so that several who failed at the
    same moment do not come back at the same moment. Raises ValueError for what makes no sense.

    >>> [Retry(4, pause_s=2, most_s=10, jitter=0).pause_of(failed) for failed in (1, 2, 3, 4)]
    [2.0, 4.0, 8.0, 10.0]
    """

    times: int = 0
    pause_s: float = 1.0
    factor: float = 2.0
    most_s: float = 60.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if type(self.times) is not int or self.times < 0:
            raise ValueError(f"retries are a number from 0 on, not {self.times!r}")
        sound = self.pause_s >= 0 and self.most_s >= 0 and self.factor >= 1
        if not (sound and 0 <= self.jitter <= 1):
            raise ValueError(
                "of a Retry, pause_s and most_s are from 0 on, factor from 1 on, jitter from 0 to 1"
            )

    def pause_of(self, failed: int, chance: float = 0.5) -> float:
        """Seconds to wait after call number `failed` (from 1 on); `chance` is drawn from 0 to 1."""
        grown = self.pause_s
        for _ in range(failed - 1):
            grown = min(grown * self.factor, self.most_s)
        return float(min(grown, self.most_s) * (1 + self.jitter * (2 * chance - 1)))


ONCE = Retry()


def retry_of(given: object) -> Retry:
    """What stands under `retries=`: a number or a Retry.

    >>> retry_of(3).times
    3
    """
    if given is None:
        return ONCE
    if isinstance(given, Retry):
        return given
    if type(given) is int:
        return Retry(given)
    raise TypeError(f"retries must be a number or Retry(...), not {given!r}")
