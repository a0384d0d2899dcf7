"""@sensor: functions that are asked now and then whether something is to be built."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import said
from sqlpipes.core.definitions.functions import Decorated, P, R

UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Run:
    """Something to build. A key is asked for once, for ever; without one, each Run is another.

    `select` and `vars` stand in place of those of the sensor's job, `partition` of its rule.
    """

    key: str | None = None
    partition: str | None = None
    vars: Mapping[str, Plain] = field(default_factory=dict)
    select: Iterable[str] | str = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to build, because."""

    because: str = ""


@dataclass(slots=True)
class Look:
    """What a sensor's function gets as `context`. Setting `cursor` is how it remembers.

    `cursor` is what an earlier call left, None before any did: a text, a number, or lists and mappings
    of such. It is kept only when the call ends well, together with what that asked for.
    `last_run_at` is when the sensor asked for something last, `last_called_at` when it was called last.

    >>> Look("new_files").cursor is None
    True
    """

    sensor: str
    cursor: Any = None
    last_run_at: datetime | None = None
    last_called_at: datetime | None = None
    now: datetime | None = None
    target: str = "dev"
    root: str = "."
    vars: Mapping[str, Plain] = field(default_factory=dict)

    def path(self, name: str) -> str:
        """A path inside the project; an absolute one stays as it is."""
        return name if name.startswith("/") else f"{self.root.rstrip('/')}/{name}"


@dataclass(frozen=True, slots=True)
class SensorDefinition:
    """What the decorator was told."""

    name: str
    job: str = ""
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    every_s: float = 30.0
    timeout_s: float | None = 60.0
    description: str | None = None
    enabled: bool = True


class SensorFunction(Decorated[P, R, SensorDefinition]):
    def __repr__(self) -> str:
        return f"<sensor {self.definition.name}>"


def sensor(
    *,
    job: str | None = None,
    select: Iterable[str] | str = (),
    exclude: Iterable[str] | str = (),
    every: str | float = "30s",
    timeout_s: float | None = 60.0,
    name: str | None = None,
    description: str | None = None,
    enabled: bool = True,
) -> Callable[[Callable[P, R]], SensorFunction[P, R]]:
    """Declare a function that `tick` and `serve` call, at most `every` so often.

    It returns or yields Run(...), a list of them, Skip("why"), or nothing. Each Run is built by `job`,
    or builds what `select` names. `context` is a Look. Raises TypeError or ValueError for options that
    make no sense.

    >>> @sensor(select="orders+", every="5m")
    ... def new_files(context): return Run(key="a")
    >>> new_files.definition.every_s, new_files(Look("new_files")).key
    (300.0, 'a')
    """
    chosen = said.texts(said.listed(select, "select"), "select")
    left_out = said.texts(said.listed(exclude, "exclude"), "exclude")
    if bool(job) == bool(chosen):
        raise ValueError("a sensor has job=... or select=..., and not both")
    every_s = span_s(every)
    limit_s = said.seconds(timeout_s, "timeout_s")

    def decorate(function: Callable[P, R]) -> SensorFunction[P, R]:
        plain = said.plain_function(function, "sensor")
        own = name or said.name_of(plain, "sensor")
        options = (job or "", chosen, left_out, every_s, limit_s, description, enabled)
        return SensorFunction(plain, SensorDefinition(own, *options))

    return decorate


def span_s(given: str | float) -> float:
    """A span of time in seconds.

    >>> span_s("5m"), span_s(10)
    (300.0, 10.0)
    """
    if isinstance(given, (int, float)) and not isinstance(given, bool) and given > 0:
        return float(given)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", str(given))
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"every is a span such as '30s', '5m' or '1h', not {given!r}")
    return float(found[1]) * UNITS_S[found[2]]
