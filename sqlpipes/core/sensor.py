"""The sensor: a function that is asked now and then whether something is to be built; what it answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem


@dataclass(frozen=True, slots=True)
class Sensor:
    """`load` imports the user's module and returns the function. What it asks for is built by `job`,
    or is the selection of `select` and `exclude`, unless a Run says otherwise.
    """

    name: str
    load: Callable[[], Callable[..., Any]] = field(compare=False)
    parameters: tuple[str, ...] = ()  # of the function, but for `context`
    takes_context: bool = True
    job: str = ""
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    every_s: float = 30.0
    timeout_s: float | None = 60.0
    description: str = ""
    enabled: bool = True  # False: only by hand
    at: Location | None = field(default=None, compare=False)


class Outcome(StrEnum):
    """How a sensor's newest call ended."""

    REQUESTED = "requested"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that a sensor wants built. `key` names it for ever: it is asked for once."""

    key: str
    select: tuple[str, ...] = ()
    vars: Mapping[str, Plain] = field(default_factory=dict)
    partition: str | None = None
    at: datetime | None = None  # when it was asked for


@dataclass(frozen=True, slots=True)
class SensorState:
    """What is on record of a sensor. `cursor` is as it set it, None before it ever did.

    `tried_at` is its newest call, `asked_at` the newest one that wanted something built.
    """

    cursor: Plain = None
    tried_at: datetime | None = None
    asked_at: datetime | None = None
    outcome: Outcome | None = None
    message: str = ""
    seconds: float = 0.0
    log: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What one call of a sensor came to. `cursor` is what to keep; `known`: keys that were old news."""

    outcome: Outcome
    cursor: Plain
    wanted: tuple[Wanted, ...] = ()
    known: tuple[str, ...] = ()
    message: str = ""
    seconds: float = 0.0
    log: str = ""
    problems: tuple[Problem, ...] = ()


NEVER_ASKED = SensorState()
