"""Sensors + state + now -> Requests; and each of them alone, as a user tries it.

A sensor's cursor and what it wants are kept in one transaction, so a process that dies loses neither or
both. From there it goes into the queue of jobs, under the sensor's name and its key, which stands
there once; until it is known to stand there it is offered again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import field, replace
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlpipes.api.hiding import Hide, hide_all
from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.core.config import NOTHING, Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, near_or_all
from sqlpipes.core.job import SENSOR, Request
from sqlpipes.core.sensor import NEVER_ASKED, Outcome, Reply, Sensor, SensorState, Wanted

if TYPE_CHECKING:
    from sqlpipes.stores import Store


@dataclass(frozen=True, slots=True)
class SensorStatus:
    """A sensor as it stands, and what it came to the last time."""

    sensor: Sensor
    state: SensorState


@dataclass(frozen=True, slots=True)
class SickSensor:
    """A sensor whose call has just failed. `is_news`: the one before it did not, or otherwise."""

    sensor: Sensor
    state: SensorState
    is_news: bool = True


@dataclass(frozen=True, slots=True)
class Tried:
    """One call: what it came to, and what of it is new."""

    sensor: Sensor
    reply: Reply
    requests: tuple[Request, ...] = ()
    kept: bool = False  # cursor and requests are on record
    known: tuple[str, ...] = field(default=())  # keys that were asked for before


def sensed(project: Project, store: Store, now: datetime) -> Sequence[Request]:
    """Call the sensors whose time has come; what they, or earlier calls, want and is not queued yet."""
    from sqlpipes.decide.sensors import to_call

    if not project.sensors:
        return ()
    states = store.asked().sensors()
    for sensor in to_call(project.sensors, states, now):
        state = states.get(sensor.name, NEVER_ASKED)
        store.asked().save_reply(
            sensor.name, _call(project, sensor, state, now), now, state.tried_at
        )
    return still_wanted(project, store, now)


def still_wanted(project: Project, store: Store, now: datetime) -> Sequence[Request]:
    """What sensors wanted and is not known to be in the queue; what is there now is noted."""
    known = {sensor.name: sensor for sensor in project.sensors}
    found = []
    by_sensor: dict[str, list[Wanted]] = {}
    for name, wanted in store.asked().open_wanted():
        by_sensor.setdefault(name, []).append(wanted)
    for name, several in by_sensor.items():
        sensor = known.get(name)
        if sensor is None:
            continue  # it may come back: what it wanted is not forgotten
        requests = {_key(sensor, each.key): (each, request_of(sensor, each)) for each in several}
        there = store.jobs().named(_job(sensor), requests)
        queued = [requests[key][0].key for key in there]
        if queued:
            store.asked().mark_done(name, queued, now)
        found += [request for key, (_, request) in requests.items() if key not in there]
    return found


def request_of(sensor: Sensor, wanted: Wanted) -> Request:
    """What it wants as the queue knows it; its key there says which sensor."""
    own = bool(wanted.select) or not sensor.job
    return Request(
        _job(sensor),
        _key(sensor, wanted.key),
        f"sensor {sensor.name}, key {wanted.key}" if sensor.job else f"key {wanted.key}",
        select=wanted.select or sensor.select,
        exclude=sensor.exclude if own and not wanted.select else (),
        vars=wanted.vars,
        partition=wanted.partition,
    )


def _job(sensor: Sensor) -> str:
    return sensor.job or f"{SENSOR}{sensor.name}"


def _key(sensor: Sensor, key: str) -> str:
    return f"{sensor.name}:{key}"


def failing(
    project: Project, store: Store, now: datetime, before: Mapping[str, SensorState]
) -> tuple[SickSensor, ...]:
    """The sensors that were called at `now` and failed; what failed `before` in the same way is no news."""
    states = store.asked().sensors() if project.sensors else {}
    found = ((each, states.get(each.name, NEVER_ASKED)) for each in project.sensors)
    return tuple(
        SickSensor(sensor, state, _told(state) != _told(before.get(sensor.name, NEVER_ASKED)))
        for sensor, state in found
        if state.tried_at == now and state.outcome is Outcome.FAILED
    )


def _told(state: SensorState) -> list[tuple[str, str]]:
    return [(problem.code, str(problem.at)) for problem in state.problems]


def sensors(project: Project) -> tuple[SensorStatus, ...]:
    """Every sensor, in the order in which they are declared."""
    project.raise_errors()
    with closing(open_store_of(project)) as store:
        states: Mapping[str, SensorState] = store.asked().sensors() if project.sensors else {}
    return tuple(SensorStatus(each, states.get(each.name, NEVER_ASKED)) for each in project.sensors)


def run_sensor(
    project: Project,
    name: str,
    *,
    dry_run: bool = False,
    cursor: Plain = None,
    now: datetime | None = None,
) -> Tried:
    """Call one now, whether its time has come or not. Its requests go into the queue, unless `dry_run`;
    `cursor` stands in place of the one on record.

    Raises ProjectError SEN007 when there is none of that name.
    """
    project.raise_errors()
    sensor, now = sensor_named(project, name), now or utc_now()
    with closing(open_store_of(project)) as store:
        state = store.asked().sensors().get(name, NEVER_ASKED)
        asked_with = state if cursor is None else replace(state, cursor=cursor)
        reply = _call(project, sensor, asked_with, now)
        known = store.asked().known_keys(name, [each.key for each in reply.wanted])
        new = tuple(request_of(sensor, each) for each in _once(reply.wanted, known))
        old = tuple(each.key for each in reply.wanted if each.key in known)
        if dry_run:
            return Tried(sensor, reply, new, kept=False, known=old)
        if reply.outcome is Outcome.FAILED:  # a cursor that was only tried is not kept
            reply = replace(reply, cursor=state.cursor)
        store.asked().save_reply(name, reply, now, state.tried_at)
        store.jobs().ask(still_wanted(project, store, now), now)
        return Tried(sensor, reply, new, kept=True, known=old)


def reset_sensor(
    project: Project, name: str, *, cursor: Plain = None, keys: bool = False
) -> SensorState:
    """Make it begin anew, or go on from `cursor`; what it was like before. `keys`: forget also which
    keys it asked for. ProjectError SEN007 when there is none of that name."""
    project.raise_errors()
    sensor_named(project, name)
    with closing(open_store_of(project)) as store:
        before = store.asked().sensors().get(name, NEVER_ASKED)
        store.asked().reset_sensor(name, cursor, keys=keys)
    return before


def sensor_named(project: Project, name: str) -> Sensor:
    """ProjectError SEN007 when there is none."""
    for sensor in project.sensors:
        if sensor.name == name:
            return sensor
    names = [each.name for each in project.sensors]
    hint = near_or_all(name, names, "declare one in Python with @sensor")
    raise ProjectError(Problem("SEN007", f"there is no sensor '{name}'", hint=hint))


def _once(wanted: Iterable[Wanted], known: frozenset[str]) -> list[Wanted]:
    found = {each.key: each for each in wanted if each.key not in known}
    return list(found.values())


def _call(project: Project, sensor: Sensor, state: SensorState, now: datetime) -> Reply:
    from sqlpipes.run.sensing import call_sensor

    given: dict[str, Any] = {}  # by the names of its parameters
    reply = call_sensor(
        sensor,
        state,
        now=now,
        target=project.target.name,
        root=project.root,
        vars=project.config.vars or NOTHING,
        given=given,
    )
    hide = hide_all(project.secrets)
    return replace(reply, wanted=tuple(_keyed(each, hide) for each in reply.wanted))


def _keyed(wanted: Wanted, hide: Hide) -> Wanted:
    """A key is kept for ever: of one with a secret, another that is always the same."""
    shown = hide(wanted.key)
    if shown == wanted.key:
        return wanted
    digest = blake2b(wanted.key.encode(), digest_size=8).hexdigest()
    return replace(wanted, key=f"{shown}-{digest}")
