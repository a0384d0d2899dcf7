"""What a build did, as a value: `build` makes it of the plan and the events, `show` prints it."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.core.events import (
    CheckFinished,
    Event,
    RunFinished,
    StepFailed,
    StepFinished,
    StepSkipped,
)
from sqlpipes.core.plan import Plan
from sqlpipes.core.status import Status
from sqlpipes.core.unit_test import UnitResult


@dataclass(frozen=True, slots=True)
class Report:
    """What a build did: its plan, every event in order, and how it ended."""

    run_id: str
    plan: Plan
    events: tuple[Event, ...] = ()
    status: Status = Status.SUCCESS
    seconds: float = 0.0
    unit_tests: tuple[UnitResult, ...] = ()  # those that ran before; the others passed earlier
    notes: tuple[Problem, ...] = ()  # what could not be told or written of it

    @property
    def ok(self) -> bool:
        well = self.status in (Status.SUCCESS, Status.WARN)
        return well and all(result.ok for result in self.unit_tests)

    @property
    def finished(self) -> tuple[StepFinished, ...]:
        return tuple(event for event in self.events if isinstance(event, StepFinished))

    @property
    def failed(self) -> tuple[StepFailed, ...]:
        """Parts that failed for good: one that was split is told by its halves."""
        found = (event for event in self.events if isinstance(event, StepFailed))
        return tuple(event for event in found if event.status is not Status.SPLIT)

    @property
    def skipped(self) -> tuple[StepSkipped, ...]:
        """What did not run, and is not there: another build may have done the rest."""
        found = (event for event in self.events if isinstance(event, StepSkipped))
        return tuple(event for event in found if not event.is_done)

    @property
    def shared(self) -> tuple[StepSkipped, ...]:
        """What another build has done meanwhile."""
        found = (event for event in self.events if isinstance(event, StepSkipped))
        return tuple(event for event in found if event.is_done)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What was wrong at its end and failed no step, such as a resource that did not close."""
        found = (event for event in self.events if isinstance(event, RunFinished))
        return (*(problem for event in found for problem in event.problems), *self.notes)

    @property
    def checks(self) -> tuple[CheckFinished, ...]:
        return tuple(event for event in self.events if isinstance(event, CheckFinished))


def together(first: Report, second: Report) -> Report:
    """One report of a build and of what it found left to do; the first run lends its name."""
    plan = replace(second.plan, steps=first.plan.steps + second.plan.steps)
    status = second.status if first.status is Status.SUCCESS or not second.ok else first.status
    events = first.events + second.events
    return Report(first.run_id, plan, events, status, first.seconds + second.seconds)
