"""What happens to a step -> the event that says so, with the run's id, time and versions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from sqlpipes.core.asset import Asset, Materialized
from sqlpipes.core.config import Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.events import (
    CheckFinished,
    StepFailed,
    StepFinished,
    StepRetrying,
    StepSaid,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from sqlpipes.core.graph import Graph
from sqlpipes.core.metadata import recorded
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Step
from sqlpipes.core.windows import Sighting
from sqlpipes.run.gate import Result
from sqlpipes.run.masking import Mask
from sqlpipes.run.outcome import Order, Outcome
from sqlpipes.run.resources import Resources
from sqlpipes.run.turns import Turns

Columns = tuple[tuple[str, str], ...]  # name and type

EMPTY_SUFFIX = "-empty"  # of the version of a relation that was built without rows


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked of a run, beside its plan."""

    run_id: str
    target: Target
    root: str
    clock: Callable[[], datetime]
    definition: Callable[[str, Columns], str]
    tokens: Mapping[str, str | None]
    vars: Mapping[str, Plain]
    fail_fast: bool
    cancel: threading.Event
    grace_s: float
    sightings: Mapping[str, Sighting] = field(default_factory=dict)  # of sources in windows
    turns: Turns | None = None  # None: no other build can write here
    again: Callable[[Step], Step | None] | None = (
        None  # the step as a plan of it alone would be now
    )
    outputs: Mapping[str, str] = field(default_factory=dict)  # of assets that are files: where
    resources: Resources = field(default_factory=lambda: Resources({}, "."))
    mask: Mask = field(default_factory=Mask)
    kept: tuple[str, ...] = ()  # absolute paths that no function may write


@dataclass(frozen=True, slots=True)
class Record:
    """Writes a run's events."""

    settings: Settings
    graph: Graph
    empty: bool

    def _version(self, name: str) -> str:
        return self.graph.version(name) + (EMPTY_SUFFIX if self.empty else "")

    def _checks_version(self, step: Step) -> str:
        """Of the whole gate; nothing when only some of its checks run, so that the rest are still due,
        nor when relations are built without rows, which no check looks at."""
        if self.empty:
            return ""
        whole = step.checks and set(step.checks) == set(self.graph.guards.get(step.asset, ()))
        return self.graph.checks_version(step.asset) if whole else ""

    def started(self, step: Step, slices: Partitions, fresh: bool = False) -> StepStarted:
        return StepStarted(
            self.settings.run_id,
            self.settings.clock(),
            step.asset,
            step.action,
            self._version(step.asset),
            self._checks_version(step),
            slices,
            tuple(str(reason) for reason in step.reasons),
            full=fresh,
        )

    def check_finished(self, result: Result) -> CheckFinished:
        return CheckFinished(
            self.settings.run_id,
            self.settings.clock(),
            result.check.asset,
            result.check.name,
            result.status,
            result.failures,
            result.seconds,
            result.message,
            result.columns,
            result.sample,
            result.metadata,
        )

    def finished(self, step: Step, order: Order, outcome: Outcome) -> StepFinished:
        asset = order.asset
        return StepFinished(
            self.settings.run_id,
            self.settings.clock(),
            asset.name,
            step.action,
            outcome.status,
            self._version(asset.name),
            self._checks_version(step),
            order.slices,
            outcome.seconds,
            outcome.rows,
            outcome.statements,
            self.settings.definition(asset.name, outcome.columns),
            self.settings.tokens.get(asset.name) or _file_token(order, outcome),
            recorded(outcome.metadata),
            _where(asset, outcome.metadata),
            full=order.transaction.fresh if order.transaction else False,
            sighting=self._sighting(step),
            same=outcome.same,
            log=outcome.log,
            ops=outcome.ops,
            bytes=outcome.bytes,
            columns=outcome.columns,
            extras_version=self.graph.extras_version(asset.name),
        )

    def _sighting(self, step: Step) -> Sighting | None:
        """Nobody looked for the sake of checks alone."""
        looks = step.action is Action.OBSERVE
        return self.settings.sightings.get(step.asset) if looks else None

    def failed(self, step: Step, slices: Partitions, outcome: Outcome) -> StepFailed:
        return StepFailed(
            self.settings.run_id,
            self.settings.clock(),
            step.asset,
            step.action,
            outcome.status,
            slices,
            outcome.seconds,
            outcome.problems,
            outcome.statement,
            outcome.in_doubt,
            outcome.log,
            outcome.ops,
            recorded(outcome.metadata),
        )

    def waiting(self, step: Step, slices: Partitions, holder: str) -> StepWaiting:
        settings = self.settings
        return StepWaiting(
            settings.run_id, settings.clock(), step.asset, step.action, slices, holder
        )

    def retrying(self, step: Step, said: str) -> StepRetrying:
        settings = self.settings
        return StepRetrying(
            settings.run_id, settings.clock(), step.asset, step.action, step.slices, said
        )

    def said(self, step: Step, log: str) -> StepSaid:
        return StepSaid(self.settings.run_id, self.settings.clock(), step.asset, step.action, log)

    def skipped(self, step: Step, because: str, slices: Partitions) -> StepSkipped:
        return StepSkipped(
            self.settings.run_id,
            self.settings.clock(),
            step.asset,
            step.action,
            slices,
            because,
        )


def _file_token(order: Order, outcome: Outcome) -> str | None:
    """What a file looks like: whoever read one of the same place and content need not read it again."""
    said = outcome.metadata
    if order.asset.materialized is not Materialized.FILE or not order.slices.is_whole:
        return None
    return f"{said['path']} {said['digest']}" if "digest" in said else None


def _where(asset: Asset, metadata: Mapping[str, Any]) -> str | None:
    """The relation, or the file that was written, relative to the project unless it is elsewhere."""
    if asset.materialized is Materialized.FILE:
        return metadata.get("path")
    return asset.place
