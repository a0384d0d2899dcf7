"""The job: a named selection that is built when it is due or asked for; and the request to do so.

A schedule, a sensor and an automation all end in a `Request`: what is to be built, and the key under
which it is done once and not twice. Nothing here knows a clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, did_you_mean
from sqlpipes.core.partitions import Partitions

ALL = 10_000
"""`catch_up: all`, as a number of times: even that has a bound."""

AUTOMATION = "automation"
"""Stands where a request of the automated assets names its job."""

SENSOR = "sensor:"
"""Begins what stands where a request of a sensor without a job names its job."""


def is_reserved(name: str) -> bool:
    """Whether requests without a job go by this name."""
    return name == AUTOMATION or name.startswith(SENSOR)


WORDS = ("due", "missing", "stale", "failed", "last N")


@dataclass(frozen=True, slots=True)
class SliceRule:
    """Which slices of partitioned assets a job builds; as it was written: `text`.

    `due`: the newest slice of each asset that was complete at the due time. `range` is what
    `--partition` takes. The others mean what the options of `build` by their name mean.

    >>> rule = slice_rule("missing last 7")
    >>> rule.missing, rule.last, rule.range, rule.text
    (True, 7, None, 'missing last 7')
    """

    text: str = ""
    due: bool = False
    missing: bool = False
    stale: bool = False
    failed: bool = False
    last: int | None = None
    range: str | None = None


EVERY = SliceRule()
"""A plain build: whatever is missing, changed or older than its inputs."""


def slice_rule(text: str) -> SliceRule:
    """What a partition rule means. ValueError says what is wrong with it.

    >>> slice_rule("2024-01..2024-03").range
    '2024-01..2024-03'
    >>> slice_rule("lst 3")
    Traceback (most recent call last):
    ValueError: 'lst' is no word of a partition rule: did you mean 'last'?
    """
    words = text.split()
    rest = [word for word in words if word not in ("due", "missing", "stale", "failed")]
    last = _last(rest)
    if last is not None:
        at = rest.index("last")
        del rest[at : at + 2]
    if len(rest) > 1 or (rest and re.fullmatch("[a-z]+", rest[0])):
        near = did_you_mean(rest[0], ("due", "missing", "stale", "failed", "last"))
        what = near or f"{', '.join(WORDS)} or what --partition takes"
        raise ValueError(f"'{rest[0]}' is no word of a partition rule: {what}")
    if "due" in words and (len(words) > 1):
        raise ValueError("'due' is one slice of each asset: nothing stands beside it")
    return SliceRule(
        " ".join(words),
        due="due" in words,
        missing="missing" in words,
        stale="stale" in words,
        failed="failed" in words,
        last=last,
        range=rest[0] if rest else None,
    )


def _last(words: list[str]) -> int | None:
    if "last" not in words:
        return None
    number = words[words.index("last") + 1 :][:1]
    if not number or not number[0].isdecimal() or int(number[0]) < 1:
        raise ValueError("'last' needs a number of slices from 1 on, such as 'last 3'")
    return int(number[0])


@dataclass(frozen=True, slots=True)
class Hook:
    """What happens when a job has ended: a command is run, or a URL is told. One of the two.

    `command` as a tuple runs without a shell, as a text in one. The URL may hold a secret, so no
    repr shows it; `shown` is what may be printed and stored.
    """

    command: str | tuple[str, ...] | None = None
    url: str | None = field(default=None, repr=False)
    timeout_s: float = 30.0
    retries: int = 2
    shown: str = ""
    at: Location | None = field(default=None, compare=False)
    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)
    """What it holds from the environment: nothing that it says may show it."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Those of the project: for what a tick did and has no hooks of its own."""

    on_success: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()


@dataclass(frozen=True, slots=True)
class JobOp:
    """The op that a job calls in place of a build. `load` imports the user's module and returns it."""

    name: str
    load: Callable[[], Callable[..., Any]] = field(compare=False)
    args: Mapping[str, Any] = field(default_factory=dict)
    file: str = field(default="", compare=False)  # relative to the project


@dataclass(frozen=True, slots=True)
class Job:
    """A named selection with vars and a partition rule, or one op, and when it is due.

    `cron` has five fields, or is empty: only asked for. `timezone` is a name of the IANA data base.
    `catch_up`: how many of the times that were missed while nobody looked are made up for, the
    newest ones; the others are told and dropped.
    """

    name: str
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    vars: Mapping[str, Plain] = field(default_factory=dict)
    target: str | None = None  # only in this target is it due; None: in any
    partition: SliceRule = EVERY
    full_refresh: bool = False
    cron: str = ""
    timezone: str = "UTC"
    catch_up: int = 1
    enabled: bool = True  # False: only asked for, whatever cron says
    on_success: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()
    description: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    op: JobOp | None = None
    at: Location | None = field(default=None, compare=False)
    places: Mapping[str, tuple[Location, ...]] = field(default_factory=dict, compare=False)
    """Where each expression of `--select`, `--exclude` and `--selector` begins, by these names; the rule
    as `--partition` and `--last`; and what its times are read in, as `timezone`."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a schedule, a sensor or an automation asks to be built, once.

    `key` names it within the job: the due time as ISO text in UTC, or a sensor's run key. What was
    asked for under a key that is on record is not done again. `due` is the time it is asked for,
    which a rule `due` hangs on; empty: the time at which it is done.
    `partition` is a rule as text, see `slice_rule`; None: the job's own. `select` and `exclude`, and
    each of `vars`, stand in place of the job's own when they are given; without a job of that name
    they are all there is. An automation says exactly what it wants: `only` these assets, of some of
    them only these `slices`, and of the `forced` ones also what is current.
    """

    job: str
    key: str
    because: str
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    vars: Mapping[str, Plain] = field(default_factory=dict)
    partition: str | None = None
    due: datetime | None = None  # aware
    tags: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    slices: Mapping[str, Partitions] = field(default_factory=dict)
    forced: frozenset[str] = frozenset()
