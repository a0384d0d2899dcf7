"""Who else is told of a build: those that follow lineage as it goes, readers of dbt's artifacts at its end.

Nobody here makes a build wait or fail: what could not be told or written is a warning of the report.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.build_report import Report
from sqlpipes.api.project import Project
from sqlpipes.core.errors import Problem, Severity, SqlpipesError
from sqlpipes.core.events import Event

if TYPE_CHECKING:
    from sqlpipes.api.openlineage.sending import Sending

STOPPED_S = 1.0
UNWRITTEN = "ART002"

Listener = Callable[[Event], None]


@contextmanager
def sent(project: Project, cancel: threading.Event) -> Iterator[Sending | None]:
    """What takes the events of a build, if the project says where they go; at the end it is closed.

    Who has stopped the build, which is to `cancel` it, does not want to wait.
    """
    if project.outlet is None:
        yield None
        return
    from sqlpipes.api.openlineage.writing import sending_of

    sending = sending_of(project, project.outlet)
    try:
        yield sending
    finally:
        sending.close(STOPPED_S if cancel.is_set() else None)


def beside(own: Listener | None, other: Listener | None) -> Listener | None:
    """One that tells both, in this order."""
    if own is None or other is None:
        return own or other

    def both(event: Event) -> None:
        own(event)
        other(event)

    return both


def with_artifacts(project: Project, report: Report) -> Report:
    """The report, once dbt's artifacts are written, with a warning if they could not be."""
    from sqlpipes.api.dbt import artifacts

    try:
        artifacts(project, run=report.run_id if report.events else None)
    except (SqlpipesError, OSError) as error:
        told = error.problems if isinstance(error, SqlpipesError) else ()
        why = "; ".join(problem.message for problem in told) or str(error)
        message = f"the artifacts were not written: {why}"
        problem = Problem(UNWRITTEN, message, severity=Severity.WARNING)
        return replace(report, notes=(*report.notes, problem))
    return report
