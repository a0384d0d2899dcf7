"""Short ways to say what happened, for the tests of the stores."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlpipes.core.errors import Problem
from sqlpipes.core.events import (
    CheckFinished,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepSaid,
    StepSkipped,
    StepStarted,
)
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.core.status import Status

NOON = datetime(2024, 5, 1, 12)


def days(*ordinals: int) -> Partitions:
    return Partitions.of(Grain.DAY, [(day, day + 1) for day in ordinals])


def span(low: int, high: int) -> Partitions:
    return Partitions.of(Grain.DAY, [(low, high)])


def run_started(run: str = "r1", **rest: Any) -> RunStarted:
    said: dict[str, Any] = {
        "command": "sqlpipes build",
        "target": "dev",
        "steps": 1,
        "current": 0,
    } | rest
    return RunStarted(run, NOON, **said)


def run_finished(run: str = "r1", status: Status = Status.SUCCESS) -> RunFinished:
    return RunFinished(run, NOON, status, 1.5)


def started(
    asset: str, slices: Partitions = WHOLE, version: str = "v1", **rest: Any
) -> StepStarted:
    said: dict[str, Any] = {"run_id": "r1", "action": "create table", "checks_version": ""}
    said |= {"reasons": ("never built",)} | rest
    return StepStarted(at=NOON, asset=asset, version=version, slices=slices, **said)


def finished(
    asset: str, slices: Partitions = WHOLE, version: str = "v1", **rest: Any
) -> StepFinished:
    said: dict[str, Any] = {"run_id": "r1", "action": "create table", "status": Status.SUCCESS}
    said |= {"checks_version": "", "seconds": 0.25} | rest
    return StepFinished(at=NOON, asset=asset, version=version, slices=slices, **said)


def failed(asset: str, slices: Partitions = WHOLE, **rest: Any) -> StepFailed:
    said: dict[str, Any] = {"run_id": "r1", "action": "create table", "status": Status.ERROR}
    said |= {"seconds": 0.25, "problems": (Problem("ENG001", "no such column"),)} | rest
    return StepFailed(at=NOON, asset=asset, slices=slices, **said)


def skipped(asset: str, slices: Partitions = WHOLE, **rest: Any) -> StepSkipped:
    said: dict[str, Any] = {"run_id": "r1", "action": "create table", "because": "orders"} | rest
    return StepSkipped(at=NOON, asset=asset, slices=slices, **said)


def checked(asset: str, check: str, **rest: Any) -> CheckFinished:
    said: dict[str, Any] = {"run_id": "r1", "status": Status.SUCCESS, "failures": 0} | rest
    return CheckFinished(at=NOON, asset=asset, check=check, seconds=0.1, **said)


def built(
    asset: str, slices: Partitions = WHOLE, version: str = "v1", **rest: Any
) -> Iterable[Any]:
    """A step from its start to its good end."""
    common = {key: rest[key] for key in ("run_id", "action", "full") if key in rest}
    return (started(asset, slices, version, **common), finished(asset, slices, version, **rest))


def said(asset: str, log: str, **rest: Any) -> StepSaid:
    found: dict[str, Any] = {"run_id": "r1", "action": "create table"} | rest
    return StepSaid(at=NOON, asset=asset, log=log, **found)
