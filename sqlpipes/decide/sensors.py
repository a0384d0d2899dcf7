"""Sensors + the project's jobs + what is on record -> what is wrong with them, and which are to be called."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlpipes.core.errors import Problem, ProjectError, Severity, did_you_mean, near_or_all
from sqlpipes.core.graph import Graph
from sqlpipes.core.job import Job
from sqlpipes.core.sensor import NEVER_ASKED, Sensor, SensorState
from sqlpipes.decide.jobs import UNKNOWABLE
from sqlpipes.decide.selection import SelectionFacts, select

GIVEN = "a sensor takes `context`, and resources by their names"


def sensor_problems(
    sensors: Sequence[Sensor],
    jobs: Sequence[Job],
    graph: Graph,
    selectors: Mapping[str, Any],
    project: str,
    resources: Collection[str],
) -> Iterator[Problem]:
    """SEN002 for a name that stands twice, SEN003 for a job that there is not, SEL00x at the sensor for
    what it selects; a warning SEN005 for a parameter that nobody gives."""
    names = [job.name for job in jobs]
    known: dict[str, Sensor] = {}
    for sensor in sensors:
        if sensor.name in known:
            first = known[sensor.name].at
            others = (first,) if first else ()
            message = f"the sensor '{sensor.name}' is declared twice"
            yield Problem("SEN002", message, sensor.at, others=others)
        known.setdefault(sensor.name, sensor)
        if sensor.job and sensor.job not in names:
            hint = near_or_all(sensor.job, names, "select=... needs no job")
            message = f"there is no job '{sensor.job}' for the sensor '{sensor.name}'"
            yield Problem("SEN003", message, sensor.at, hint)
        yield from _selection_problems(sensor, graph, selectors, project)
        for name in sensor.parameters:
            if name not in resources:
                message = f"nobody gives the sensor '{sensor.name}' its parameter '{name}'"
                hint = did_you_mean(name, resources) or GIVEN
                yield Problem("SEN005", message, sensor.at, hint, Severity.WARNING)


def _selection_problems(
    sensor: Sensor, graph: Graph, selectors: Mapping[str, Any], project: str
) -> Iterator[Problem]:
    if not sensor.select:
        return
    facts = SelectionFacts(project=project)
    try:
        select(graph, sensor.select, sensor.exclude, selectors=selectors, facts=facts)
    except ProjectError as error:
        for problem in error.problems:
            if problem.code != UNKNOWABLE:
                message = f"sensor '{sensor.name}': {problem.message}"
                yield replace(problem, message=message, at=sensor.at)


def to_call(
    sensors: Sequence[Sensor], states: Mapping[str, SensorState], now: datetime
) -> tuple[Sensor, ...]:
    """Those whose time has come since they were called last."""
    return tuple(each for each in sensors if each.enabled and _is_due(each, states, now))


def _is_due(sensor: Sensor, states: Mapping[str, SensorState], now: datetime) -> bool:
    last = states.get(sensor.name, NEVER_ASKED).tried_at
    return last is None or (now - last).total_seconds() >= sensor.every_s or last > now
