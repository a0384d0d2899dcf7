"""A part that is to be done, and how it ended: values between the run and the thread that does it."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from sqlpipes.core.asset import Asset, Check, PythonBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.core.events import OpCall
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Crossing
from sqlpipes.core.status import Status
from sqlpipes.run.gate import Result
from sqlpipes.run.statement import Transaction


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: a transaction of a step, or only its function and its checks."""

    asset: Asset
    slices: Partitions
    checks: tuple[Check, ...]
    transaction: Transaction | None = None
    calls: bool = False  # run its function, although nothing is written to the warehouse
    crossings: tuple[Crossing, ...] = ()  # what is brought here first
    empty: bool = False
    is_part: bool = False  # other parts of its step read what it reads


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended. `problems` are empty unless it failed."""

    status: Status
    seconds: float
    results: tuple[Result, ...] = ()
    problems: tuple[Problem, ...] = ()
    rows: int | None = None
    statements: tuple[str, ...] = ()
    statement: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    in_doubt: bool = False  # it failed, and its function may have written something all the same
    same: Partitions | None = None  # slices that hold what they held before
    log: str = ""
    ops: tuple[OpCall, ...] = ()
    bytes: int | None = None  # of what landed, or of the file
    columns: tuple[tuple[str, str], ...] = ()


def needs_function(asset: Asset) -> bool:
    """Whether building it runs a function without landing rows: a file, or nothing at all."""
    return isinstance(asset.body, PythonBody) and asset.relation is None
