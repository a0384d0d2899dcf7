"""What happens during a run, as values: recorded first, shown after, folded into History."""

from __future__ import annotations

from dataclasses import asdict, field, replace
from datetime import datetime
from math import isfinite
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.status import Status
from sqlpipes.core.windows import Sighting

BUILT_BY = "built by run "  # begins what a step was skipped for that another build has done
UNCHANGED = "inputs hold what they held"  # what a step was skipped for after all
DONE = (BUILT_BY, UNCHANGED)


@dataclass(frozen=True, slots=True)
class RunStarted:
    run_id: str
    at: datetime
    command: str  # as the user could type it again
    target: str
    steps: int
    current: int  # assets looked at and found up to date
    selected: tuple[str, ...] = ()
    commit: str = ""  # of git, with -dirty at its end when files differ from it
    job: str = ""  # the one that it is a run of


@dataclass(frozen=True, slots=True)
class StepStarted:
    """Recorded before the step touches anything: a start without an end marks its slices as suspect."""

    run_id: str
    at: datetime
    asset: str
    action: str
    version: str
    checks_version: str
    slices: Partitions
    reasons: tuple[str, ...]
    full: bool = False  # the relation is written anew: what it held before is in doubt too


@dataclass(frozen=True, slots=True)
class CheckFinished:
    run_id: str
    at: datetime
    asset: str
    check: str
    status: Status
    failures: int  # bad rows
    seconds: float
    message: str = ""
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[Any, ...], ...] = ()  # a few of the bad rows
    metadata: dict[str, Any] = field(default_factory=dict)  # what its function logged


@dataclass(frozen=True, slots=True)
class OpCall:
    """One call of an op by a step's function, with all of its attempts; `depth` ops stand around it."""

    name: str
    status: Status  # SUCCESS or ERROR
    seconds: float
    attempts: int = 1
    depth: int = 0
    message: str = ""  # of the last attempt, when it failed
    log: str = ""


@dataclass(frozen=True, slots=True)
class StepFinished:
    """Comes after the data's commit. `status` is SUCCESS, or WARN when a warning check found rows."""

    run_id: str
    at: datetime
    asset: str
    action: str
    status: Status
    version: str
    checks_version: str
    slices: Partitions
    seconds: float
    rows: int | None = None
    statements: tuple[str, ...] = ()
    definition: str = ""  # what was built, kept to say later what changed
    token: str | None = None  # of a source or a file: what its content looked like
    metadata: dict[str, Any] = field(default_factory=dict)
    relation: str | None = None  # where it was written, as Relation prints itself
    full: bool = False  # the relation was written anew: slices of older builds are gone
    same: Partitions | None = None  # slices among these whose content is as it was before
    sighting: Sighting | None = field(default=None, repr=False)  # of a source in windows
    log: str = ""  # what its functions printed and logged, bounded
    ops: tuple[OpCall, ...] = ()
    bytes: int | None = None  # of a file, or of rows that landed as Arrow; None: nobody knows
    columns: tuple[tuple[str, str], ...] = ()  # name and type, as the relation has them now
    extras_version: str = ""  # of the comments, rights and indexes that it was given
    changed: tuple[str, ...] | None = None  # the only columns that it may have changed; None: all


@dataclass(frozen=True, slots=True)
class StepFailed:
    """FAIL (a blocking check), ERROR, CANCELLED or SPLIT: what readers see is as it was before.

    Unless it is `in_doubt`: a function that writes by itself, such as a file, may have done so.
    """

    run_id: str
    at: datetime
    asset: str
    action: str
    status: Status
    slices: Partitions
    seconds: float
    problems: tuple[Problem, ...]
    statement: str | None = None
    in_doubt: bool = False
    log: str = ""
    ops: tuple[OpCall, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)  # what its functions logged before


@dataclass(frozen=True, slots=True)
class StepSkipped:
    run_id: str
    at: datetime
    asset: str
    action: str
    slices: Partitions
    because: str  # the asset above that failed, "fail-fast", "cancelled", or one of DONE

    @property
    def is_done(self) -> bool:
        """Whether there was nothing left to do: another build has done it, or no input has moved."""
        return self.because.startswith(DONE)


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """Another build is writing these slices. It is shown and not recorded: nothing has happened yet."""

    run_id: str
    at: datetime
    asset: str
    action: str
    slices: Partitions
    holder: str  # who that is, in words


@dataclass(frozen=True, slots=True)
class StepRetrying:
    """The connection is gone and asked for again, or a lock is waited for. It is shown and not recorded."""

    run_id: str
    at: datetime
    asset: str
    action: str
    slices: Partitions
    said: str  # why, when, and how often yet


@dataclass(frozen=True, slots=True)
class StepSaid:
    """All that the functions of a step have printed and logged so far. It is recorded, for who looks on from
    elsewhere, and not shown: the step's end tells it again."""

    run_id: str
    at: datetime
    asset: str
    action: str
    log: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """`problems` are those of its end, which no step has: a resource that could not be closed."""

    run_id: str
    at: datetime
    status: Status
    seconds: float
    problems: tuple[Problem, ...] = ()


Event = (
    RunStarted
    | StepStarted
    | CheckFinished
    | StepFinished
    | StepFailed
    | StepSkipped
    | StepWaiting
    | StepRetrying
    | StepSaid
    | RunFinished
)


def event_as_json(event: Event) -> dict[str, Any]:
    """The event as plain JSON values, with its type under "event". Tokens are left to the state."""
    if isinstance(event, StepFinished):
        said = asdict(replace(event, sighting=None))
        del said["sighting"]
    else:
        said = asdict(event)
    return {"event": _snake(type(event).__name__), **plain_value(said)}


def _snake(name: str) -> str:
    """
    >>> _snake("StepFinished")
    'step_finished'
    """
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def plain_value(value: Any, depth: int = 10) -> Any:
    """What JSON can say of a value that may be anything, also one that holds itself.

    >>> plain_value({(1, 2): float("nan"), "at": datetime(2024, 1, 1), "all": (1, {2})})
    {'(1, 2)': 'nan', 'at': '2024-01-01T00:00:00', 'all': [1, '{2}']}
    """
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict) and depth:
        return {str(key): plain_value(item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and depth:
        return [plain_value(item, depth - 1) for item in value]
    return "..." if isinstance(value, (dict, list, tuple)) else str(value)
