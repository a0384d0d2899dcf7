"""Jobs + Graph -> what they name that is not there, and what they say that comes to nothing, each at the
user's file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlpipes.core.errors import Location, Problem, ProjectError, Severity
from sqlpipes.core.graph import Graph
from sqlpipes.core.job import Job
from sqlpipes.core.partitions import TimeAxis
from sqlpipes.decide.refusals import rule_faults
from sqlpipes.decide.selection import SelectionFacts, select
from sqlpipes.decide.wish import Observed, Outlook, Wish

UNKNOWABLE = "SEL005"  # only the outside knows: asked when the job runs
OTHER_DAYS, NO_SLICE = "JOB010", "JOB013"
BY_CLOCK = ("hour", "minute")  # of any zone, but for its half hours
FAR = datetime(2200, 1, 1)  # what is no slice by then never is one


def job_problems(
    jobs: Iterable[Job],
    graph: Graph,
    selectors: Mapping[str, Any],
    places: Mapping[str, Location],
    project: str,
) -> Iterator[Problem]:
    """Unknown assets, methods and selectors of all jobs; rules that no slice of theirs can follow."""
    facts = SelectionFacts(project=project)
    for job in jobs:
        if job.op is not None:
            continue
        try:
            found = select(
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
                    yield in_file(problem, job)
        else:
            yield from _rule_problems(job, graph, found.assets)


def _rule_problems(job: Job, graph: Graph, names: Sequence[str]) -> Iterator[Problem]:
    rule = job.partition
    if rule.range is not None or rule.last is not None:
        wish = Wish(names=frozenset(names), partitions=rule.range, last=rule.last)
        for problem in rule_faults(Outlook(graph, wish, Observed(), FAR)):
            hint = problem.hint if "names no slice" not in problem.message else None
            told = in_file(problem, job)
            yield replace(told, code=NO_SLICE, hint=hint, severity=Severity.WARNING)
    if rule.due and job.cron:
        yield from _other_days(job, graph, names)


def _other_days(job: Job, graph: Graph, names: Sequence[str]) -> Iterator[Problem]:
    """JOB010 where the days that are complete at the due time are those of another clock."""
    for name in names:
        partition = graph.assets[name].partition
        for cut in partition.cuts if partition else ():
            axis = cut.along
            if not isinstance(axis, TimeAxis) or str(axis.unit) in BY_CLOCK:
                continue
            if axis.zone != job.timezone:
                message = (
                    f"'{job.name}' is due by the clock of {job.timezone}, and the slices of "
                    f"'{name}' are {axis.unit}s of {axis.zone}: 'due' may be one slice behind"
                )
                hint = f"timezone: {axis.zone} here, or timezone: {job.timezone} in its partition"
                at = next(iter(job.places.get("timezone", ())), job.at)
                yield Problem(OTHER_DAYS, message, at, hint, Severity.WARNING)
                return


def in_file(problem: Problem, job: Job) -> Problem:
    """A fault in the flag that an expression would be given as -> at its place in the file."""
    at = problem.at
    if at is None or at.file not in job.places:
        return problem
    begins = job.places[at.file]
    if not 1 <= at.line <= len(begins):
        return replace(problem, at=job.at)
    start = begins[at.line - 1]
    if at.file in ("--partition", "--last"):
        message = problem.message.replace("--partition", "'partition'")
        message = message.replace("--last", "'partition: last'")
        return replace(problem, at=start, message=message)
    return replace(
        problem, at=replace(start, column=start.column + at.column - 1, length=at.length)
    )
