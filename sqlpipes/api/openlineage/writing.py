"""Project -> what tells of its builds, and the events of a run that is over, from the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqlpipes.api.columns import tracer_of
from sqlpipes.api.commit import origin_of
from sqlpipes.api.openlineage.facets import Json
from sqlpipes.api.openlineage.recorded import events_of
from sqlpipes.api.openlineage.sending import Sending, append, posted, shown
from sqlpipes.api.openlineage.telling import Known, Telling
from sqlpipes.api.past import run_details
from sqlpipes.api.project import Project
from sqlpipes.api.proofs import columns_of_tables
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.events import Event
from sqlpipes.core.outlet import Outlet
from sqlpipes.core.sql.dialects import dialect_named

if TYPE_CHECKING:
    from sqlpipes.core.lineage import Lineage

UNSENT, NOWHERE = "OLN002", "OLN004"


def sending_of(project: Project, outlet: Outlet) -> Sending:
    """What takes the events of a build of it."""
    return Sending(outlet, _telling(project, outlet))


def openlineage_events(project: Project, run_id: str = "last") -> tuple[Json, ...]:
    """The events of a run on record, in order: what a build sends as it goes. RUN001 and RUN002 as `runs`.

    What its assets are made of is as the project says it now.
    """
    project.raise_errors()
    record = run_details(project, run_id)
    telling = _telling(project, project.outlet or Outlet())
    return tuple(said for event in events_of(record) for said in telling(event))


def send_openlineage(project: Project, events: tuple[Json, ...]) -> str:
    """Send them to where builds send theirs; says where that is.

    Raises ProjectError OLN004 when nothing says where, OLN002 for the first that does not arrive.
    """
    outlet = project.outlet
    if outlet is None:
        hint = "set `openlineage: {url: ...}` in the project file, or OPENLINEAGE_URL"
        raise ProjectError(Problem(NOWHERE, "nothing says where lineage events go", hint=hint))
    told = append(outlet.file, events) if outlet.file else ""
    for number, said in enumerate(events if outlet.hook and not told else ()):
        if told := posted(outlet, said):
            told = f"event {number + 1} of {len(events)}: {told}"
            break
    if told:
        raise ProjectError(Problem(UNSENT, f"{shown(outlet)}: {told}", outlet.at))
    return shown(outlet)


def write_openlineage(path: str, events: tuple[Json, ...]) -> None:
    """Append them to a file. ProjectError OLN002 when it cannot be written."""
    if told := append(path, events):
        raise ProjectError(Problem(UNSENT, f"{path}: {told}", hint="say another file"))


def _telling(project: Project, outlet: Outlet) -> Callable[[Event], Iterator[Json]]:
    """Without secrets, whatever was in a query or a message."""
    from sqlpipes.run.masking import Mask

    telling = Telling(project, outlet, _lineage_of(project), origin_of(project.root))
    mask = Mask(project.secrets)
    return lambda event: map(mask.value, telling(event))


def _lineage_of(project: Project) -> Callable[[Known], Callable[[str], Lineage]]:
    """Columns of what a build knows -> asset -> lineage of it and of all that it reads."""

    def learn(written: Known) -> Callable[[str], Lineage]:
        from sqlpipes.core.lineage import Lineage

        if dialect_named(project.config.dialect) is None:  # an engine's own, that nobody can read
            return lambda name: Lineage()
        known = dict(columns_of_tables(project))
        undefined = {
            name: columns
            for name, columns in written.items()
            if name not in known and name in project.graph.assets
        }
        tracer = tracer_of(project, {**known, **undefined})
        found = Lineage(tracer.facts)

        def of(name: str) -> Lineage:
            tracer.reach([name])
            return found

        return of

    return learn
