"""Sensors + the project's jobs + what is on record -> what is wrong with them, and which are to be called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlpipes.core.errors import Problem, near_or_all
from sqlpipes.core.job import Job
from sqlpipes.core.sensor import NEVER_ASKED, Sensor, SensorState


def sensor_problems(sensors: Sequence[Sensor], jobs: Sequence[Job]) -> Iterator[Problem]:
    """SEN002 for a name that stands twice, SEN003 for a job that there is not."""
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


def to_call(
    sensors: Sequence[Sensor], states: Mapping[str, SensorState], now: datetime
) -> tuple[Sensor, ...]:
    """Those whose time has come since they were called last."""
    return tuple(each for each in sensors if each.enabled and _is_due(each, states, now))


def _is_due(sensor: Sensor, states: Mapping[str, SensorState], now: datetime) -> bool:
    last = states.get(sensor.name, NEVER_ASKED).tried_at
    return last is None or (now - last).total_seconds() >= sensor.every_s or last > now
