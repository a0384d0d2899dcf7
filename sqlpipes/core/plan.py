"""A plan: history that has not happened yet, with the reason for every step of it."""

from __future__ import annotations

from enum import StrEnum

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.core.partitions import Partitions


class Action(StrEnum):
    """What a step does."""

    VIEW = "create view"
    TABLE = "create table"
    SLICES = "replace slices"
    MERGE = "merge rows"
    APPEND = "append rows"
    SNAPSHOT = "take snapshot"
    SEED = "load seed"
    PYTHON = "run python"
    OBSERVE = "observe source"
    FILE = "write file"  # the rows of a query; a function's is PYTHON
    CHECK = "run checks"
    EXTRAS = "set extras"  # comments, rights and indexes: its rows stay as they are
    REPORT = "report"  # somebody outside wrote it: told, not planned
    REPORT_SOURCE = "report source"
    CALL = "call op"  # of a job, and of no asset


class Why(StrEnum):
    """The kinds of reasons."""

    NEVER_BUILT = "never built"
    SQL_CHANGED = "SQL changed"
    CODE_CHANGED = "code changed"
    SETTINGS_CHANGED = "config changed"
    INPUT_NEWER = "input newer"
    SEED_CHANGED = "seed changed"
    SOURCE_CHANGED = "source changed"
    GONE = "gone, though it was built"
    FORCED = "forced"
    FULL_REFRESH = "full refresh"
    CHECK_FAILED = "check failed last time"
    FAILED = "failed last time"
    CHECKS_CHANGED = "checks changed"
    EXTRAS_CHANGED = "extras changed"
    INTERRUPTED = "interrupted last time"
    EMPTY = "was built empty"
    LOOKBACK = "lookback"
    VALUES_GONE = "values gone"
    SLICES_GONE = "slices gone"
    ALWAYS = "cannot be proven current"
    ASKED = "asked for"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a step is there. `detail` is one line, `diff` the lines that changed, each with + or -."""

    why: Why
    detail: str = ""
    diff: tuple[str, ...] = ()
    slices: Partitions | None = None  # which slices it concerns; None: all of the step's

    def __str__(self) -> str:
        return f"{self.why}: {self.detail}" if self.detail else str(self.why)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Rows of `asset` that a step reads on another engine than the one that they live on.

    `columns`: those that are read, as far as that is proven; None: all. `window`: the slices of the
    input that the step's own read; None: the whole of it. `rows` and `bytes` are estimates.
    """

    asset: str
    engine: str  # where to; the target's own has no name
    home: str  # where from
    columns: tuple[str, ...] | None = None
    window: Partitions | None = None
    rows: int | None = None
    bytes: int | None = None
    whole: bool = False  # whatever slices are written: a check, or an inlined query, reads it


TIME_HAS_COME = Reason(Why.ASKED, "its time has come")


@dataclass(frozen=True, slots=True)
class Step:
    """One asset's slices to make current. `after`: assets whose steps must have ended well before."""

    asset: str
    action: Action
    slices: Partitions
    reasons: tuple[Reason, ...]  # never empty
    after: frozenset[str] = frozenset()
    checks: tuple[str, ...] = ()  # names of the checks that gate it
    full: bool = False  # write the relation anew, not only these slices
    held: Partitions | None = (
        None  # slices that the table holds, to write anew if its columns change
    )
    extras: bool = False  # its comments, rights and indexes are looked after
    newest_first: bool = False  # which of its parts run first
    whole: Partitions | None = None  # of a file written anew: all slices that it will have
    engine: str = ""  # the further engine of the target that it runs on
    crossings: tuple[Crossing, ...] = ()  # what is brought to its engine before it runs
    moves: str = ""  # the place, as it is recorded, that its rows are taken along from


@dataclass(frozen=True, slots=True)
class Spared:
    """Slices that read something newer, and the proof that nothing which they read of it has changed."""

    asset: str
    slices: Partitions
    proof: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order that can be run, and what was looked at and found current."""

    steps: tuple[Step, ...]
    current: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()  # warnings a person should see before running it
    empty: bool = False  # build relations without rows (--empty)
    spared: tuple[Spared, ...] = ()  # what is not built because the columns that it reads stayed

    @property
    def names(self) -> frozenset[str]:
        return frozenset(step.asset for step in self.steps)
