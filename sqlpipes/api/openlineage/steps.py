"""What the events of a step mean in OpenLineage: which of them write, how they end, and why."""

from __future__ import annotations

from types import MappingProxyType

from sqlpipes.api.openlineage import facets
from sqlpipes.api.openlineage.facets import Json
from sqlpipes.core.events import StepFailed, StepFinished, StepRetrying, StepSkipped, StepStarted
from sqlpipes.core.plan import Action
from sqlpipes.core.status import Status

START, RUNNING, COMPLETE, FAIL, ABORT = "START", "RUNNING", "COMPLETE", "FAIL", "ABORT"
WRITES = frozenset(
    {Action.VIEW, Action.TABLE, Action.SLICES, Action.MERGE, Action.APPEND, Action.SNAPSHOT}
    | {Action.SEED, Action.PYTHON, Action.FILE}
)
ENDS = MappingProxyType(
    {
        Status.SUCCESS: COMPLETE,
        Status.WARN: COMPLETE,
        Status.CANCELLED: ABORT,
        Status.INTERRUPTED: ABORT,
        Status.SKIPPED: ABORT,
    }
)

Step = StepStarted | StepFinished | StepFailed | StepSkipped | StepRetrying


def of_start(event: StepStarted) -> Json:
    return facets.own_facet(
        "RunFacet",
        action=str(event.action),
        version=event.version,
        reasons=list(event.reasons),
        slices="" if event.slices.is_whole else str(event.slices),
        full=event.full,
    )


def why(event: Step) -> str:
    """What went wrong, or why nothing was done."""
    if isinstance(event, StepSkipped):
        return f"skipped: {event.because}"
    if isinstance(event, StepFailed):
        return "\n".join(str(problem) for problem in event.problems) or str(event.status)
    return ""
