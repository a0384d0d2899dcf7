"""Jobs + Graph -> what their selections name that is not there, at the user's file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlpipes.core.errors import Location, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.job import Job
from sqlpipes.decide.selection import SelectionFacts, select

UNKNOWABLE = "SEL005"  # only the outside knows: asked when the job runs


def job_problems(
    jobs: Iterable[Job],
    graph: Graph,
    selectors: Mapping[str, Any],
    places: Mapping[str, Location],
    project: str,
) -> Iterator[Problem]:
    """Unknown assets, methods and selectors of all jobs."""
    facts = SelectionFacts(project=project)
    for job in jobs:
        if not (job.select or job.exclude or job.selector):
            continue
        try:
            select(
                graph,
                job.select,
                job.exclude,
                selectors=selectors,
                places=places,
                selector=job.selector,
                facts=facts,
            )
        except ProjectError as error:
            for problem in error.problems:
                if problem.code != UNKNOWABLE:
                    yield replace(problem, at=_in_file(problem.at, job))


def _in_file(at: Location | None, job: Job) -> Location | None:
    """A place in the flag that an expression would be given as -> its place in the file."""
    if at is None or at.file not in job.places:
        return at
    begins = job.places[at.file]
    if not 1 <= at.line <= len(begins):
        return job.at
    start = begins[at.line - 1]
    return replace(start, column=start.column + at.column - 1, length=at.length)
