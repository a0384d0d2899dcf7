"""What a store tells about the past: runs, their steps and checks, and slices, as frozen values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.core.events import OpCall
from sqlpipes.core.job import Request
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.status import Status
from sqlpipes.core.verdict import Verdict

PastVerdicts = tuple[datetime, tuple[Verdict, ...]]
"""What was decided about an asset, and from when on."""

ENDED = (Status.SUCCESS, Status.WARN, Status.FAIL, Status.ERROR)
WORST_FIRST = (
    Status.ERROR,
    Status.FAIL,
    Status.INTERRUPTED,
    Status.CANCELLED,
    Status.SKIPPED,
    Status.RUNNING,
    Status.QUEUED,
    Status.WARN,
    Status.SUCCESS,
    Status.SPLIT,  # what became of its slices is told by the parts that followed
)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a run. `read_at` and `written_at` are ticks; None: it did not get that far."""

    asset: str
    action: str
    status: Status
    slices: Partitions
    started_at: datetime
    finished_at: datetime | None = None
    seconds: float | None = None
    rows: int | None = None
    version: str = ""
    checks_version: str = ""
    full: bool = False
    read_at: int | None = None
    written_at: int | None = None
    reasons: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    statement: str | None = None  # the one that failed
    because: str = ""  # of a skipped step: why
    metadata: Mapping[str, Any] = field(default_factory=dict)
    log: str = ""
    ops: tuple[OpCall, ...] = ()
    bytes: int | None = None
    columns: tuple[tuple[str, str], ...] = ()  # name and type
    number: int = field(
        default=0, compare=False
    )  # of its row in the state, in the order of their start


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """One result of one check. `sample` holds JSON values: dates and decimals have become text."""

    run_id: str
    at: datetime
    asset: str
    check: str
    status: Status
    failures: int
    seconds: float
    message: str = ""
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[Any, ...], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """A step that ended well, with the id of its run, or of what was told outside of runs."""

    run_id: str
    step: StepRecord


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. `counts` says how many of its steps ended how; lists leave `steps` and `checks` out."""

    run_id: str
    target: str
    command: str
    status: Status
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    planned: int
    current: int
    selected: tuple[str, ...]
    pid: int
    place: str  # host:/path/of/the/project
    job: str = ""  # the one that it is a run of
    counts: Mapping[Status, int] = field(default_factory=dict)
    commit: str = ""  # of git
    steps: tuple[StepRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class RunNews:
    """What is new of a run: `steps` that have begun, gone on or ended, and how many are done in all."""

    run: RunRecord
    done: int
    steps: tuple[StepRecord, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is due by the clock, as it was first seen: its cron line and zone, and when that was."""

    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class JobRun:
    """What was asked of a job under one key, and what became of it.

    status: queued, running, skipped (the time was missed), or as a run ends. `claim` names the process
    that does it, as a builder; `attempts` counts those that began it. `run_id`: the run on record,
    if there was anything to do.
    """

    request: Request
    status: Status
    asked_at: datetime
    attempts: int = 0
    claim: str = ""
    run_id: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_JOBS

    @property
    def seconds(self) -> float | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


OPEN_JOBS = (Status.QUEUED, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class SliceRecord:
    """Slices that one step wrote and no later one did. `suspect`: a step began and never ended."""

    slices: Partitions
    version: str
    read_at: int
    written_at: int
    at: datetime | None = None  # None once the run has been pruned
    run_id: str | None = None
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """An asset's state goes to another name. Each pair is what was and what it becomes.

    `bodies` and `settings` are the halves of the version that differ by nothing but the name; a
    half that is another one, because more than the name changed, stays as it is.
    """

    old: str
    new: str
    relation: str | None  # where it stands now; None: as it was
    bodies: tuple[str, str] = ("", "")
    settings: tuple[str, str] = ("", "")
    checks: tuple[str, str] = ("", "")

    def version(self, version: str) -> str:
        """
        >>> move = Move("a", "b", None, bodies=("1", "2"), settings=("8", "9"))
        >>> move.version("1.8"), move.version("1.8-empty"), move.version("7.8"), move.version("")
        ('2.9', '2.9-empty', '7.9', '')
        """
        body, dot, rest = version.partition(".")
        settings, dash, empty = rest.partition("-")
        body = self.bodies[1] if dot and body == self.bodies[0] else body
        settings = self.settings[1] if dot and settings == self.settings[0] else settings
        return f"{body}{dot}{settings}{dash}{empty}"

    def checks_version(self, version: str) -> str:
        checks, plus, extras = version.partition("+")
        found = self.checks[1] if checks and checks == self.checks[0] else checks
        return f"{found}{plus}{extras}"

    def definition(self, text: str) -> str:
        """The recorded definition with the new relation."""
        try:
            said = json.loads(text)
            said["settings"]["relation"] = self.relation or said["settings"]["relation"]
        except (ValueError, KeyError, TypeError):
            return text  # it only explains; a build writes it anew
        return json.dumps(said)

    def check(self, name: str) -> str:
        """A check's name, which begins with that of its asset unless the user gave it another.

        >>> Move("orders", "sales", None).check("orders.not_null.id")
        'sales.not_null.id'
        """
        head = f"{self.old}."
        return f"{self.new}.{name.removeprefix(head)}" if name.startswith(head) else name


def worst(first: Status | None, second: Status) -> Status:
    """The graver of two ends.

    >>> worst(Status.WARN, Status.FAIL), worst(None, Status.SUCCESS)
    (<Status.FAIL: 'fail'>, <Status.SUCCESS: 'success'>)
    """
    if first is None:
        return second
    return min(first, second, key=WORST_FIRST.index)


def no_such_run(wanted: str, found: list[str]) -> Problem:
    """Why `wanted` does not name exactly one run."""
    if found:
        hint = "say one of: " + ", ".join(found[:5])
        return Problem("RUN001", f"{len(found)} runs start or end with '{wanted}'", hint=hint)
    if wanted == "last":
        return Problem(
            "RUN002", "nothing has been run yet", hint="`sqlpipes build` runs everything"
        )
    return Problem(
        "RUN002", f"no run starts or ends with '{wanted}'", hint="`sqlpipes runs` lists them"
    )


def in_turn(run: JobRun) -> tuple[datetime, datetime, str, str]:
    """The order in which what is asked of jobs is done."""
    request = run.request
    return run.asked_at, request.due or run.asked_at, request.job, request.key
