"""A sensor's function + what it left the last time -> a Reply. What it prints and logs is kept with it.

Whatever the function does, an exception, a wrong answer, or no answer in time, is a Reply that failed,
with the cursor as it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.definitions.sensors import Look, Run, Skip
from sqlpipes.core.errors import Location, Problem, SqlpipesError
from sqlpipes.core.sensor import Outcome, Reply, Sensor, SensorState, Wanted
from sqlpipes.run.capture import captured
from sqlpipes.run.faults import placed_error, user_error
from sqlpipes.run.patience import Late, within
from sqlpipes.run.recording import recording

CURSOR_LENGTH = 1_000_000  # characters of JSON
MOST = 10_000  # runs of one call


def call_sensor(
    sensor: Sensor,
    state: SensorState,
    *,
    now: datetime,
    target: str,
    root: str,
    vars: Mapping[str, Plain],
    given: Mapping[str, Any],
) -> Reply:
    """Call it once. `given`: values of its parameters beside `context`."""
    began = time.perf_counter()
    at = sensor.at or Location("?")
    cursor = json.loads(json.dumps(state.cursor))  # its own copy, to change as it likes
    look = Look(sensor.name, cursor, state.asked_at, state.tried_at, now, target, root, vars)
    problems: tuple[Problem, ...] = ()
    found: list[Run | Skip] = []
    with captured(), recording() as recorder:
        try:
            found = _within(sensor, lambda: list(_called(sensor, look, given)))
            _check(sensor, found, look.cursor)
        except SqlpipesError as error:
            problems = placed_error(error, at, root).problems
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            problems = user_error(error, sensor.name, at, root).problems
    seconds = time.perf_counter() - began
    if problems:
        text = str(problems[0].message)
        return Reply(Outcome.FAILED, state.cursor, (), (), text, seconds, recorder.log, problems)
    return _reply(found, look, now, seconds, recorder.log)


def _within(sensor: Sensor, call: Callable[[], list[Run | Skip]]) -> list[Run | Skip]:
    if sensor.timeout_s is None:
        return call()
    try:
        return within(sensor.timeout_s, call)
    except Late:
        message = f"sensor '{sensor.name}' did not return within {sensor.timeout_s:g}s"
        hint = "timeout_s=... in its decorator gives it more"
        raise SqlpipesError(Problem("SEN004", message, sensor.at, hint)) from None


def _called(sensor: Sensor, look: Look, given: Mapping[str, Any]) -> Iterator[Run | Skip]:
    if missing := [name for name in sensor.parameters if name not in given]:
        message = f"nobody gives the sensor '{sensor.name}' its parameter '{missing[0]}'"
        hint = "a sensor takes `context`, and resources by their names"
        raise SqlpipesError(Problem("SEN005", message, sensor.at, hint))
    arguments = {name: given[name] for name in sensor.parameters}
    if sensor.takes_context:
        arguments["context"] = look
    yield from _items(sensor, sensor.load()(**arguments))


def _items(sensor: Sensor, answer: Any) -> Iterator[Run | Skip]:
    if answer is None:
        return
    several = isinstance(answer, Iterable) and not isinstance(answer, (str, bytes, Mapping))
    for item in answer if several else (answer,):
        if not isinstance(item, (Run, Skip)):
            message = (
                f"sensor '{sensor.name}' gave {item!r:.80}, which is neither Run(...) nor Skip(...)"
            )
            hint = "return Run(key=...), a list of such, Skip('why') or nothing"
            raise SqlpipesError(Problem("SEN006", message, sensor.at, hint))
        yield item


def _check(sensor: Sensor, found: list[Run | Skip], cursor: Any) -> None:
    """SEN006 for what cannot be kept: a Run with odd values, too many of them, or an odd cursor."""
    try:
        text = json.dumps(cursor)
        sound = json.loads(text) == cursor and len(text) <= CURSOR_LENGTH
    except (TypeError, ValueError, RecursionError):
        sound = False
    if not sound:
        message = f"sensor '{sensor.name}' set a cursor that cannot be kept: {cursor!r:.80}"
        hint = "a text, a number, or lists and mappings of such; a date as its isoformat()"
        raise SqlpipesError(Problem("SEN006", message, sensor.at, hint))
    if len(found) > MOST:
        message = f"sensor '{sensor.name}' asked for {len(found):,} runs at once"
        raise SqlpipesError(Problem("SEN006", message, sensor.at, f"at most {MOST:,} in one call"))
    for item in found:
        if isinstance(item, Run) and (fault := _fault(item)):
            message = f"sensor '{sensor.name}' gave a Run whose {fault}"
            raise SqlpipesError(Problem("SEN006", message, sensor.at))


def _fault(run: Run) -> str | None:
    for name in ("key", "partition"):
        said = getattr(run, name)
        if said is not None and (not isinstance(said, str) or not said.strip()):
            return f"{name} is {said!r}, and no text"
    if not all(isinstance(each, str) for each in _listed(run.select)):
        return f"select is {run.select!r}, and no texts"
    try:
        json.dumps(dict(run.vars))
    except (TypeError, ValueError):
        return f"vars are {run.vars!r:.80}, and no plain values by name"
    return None


def _reply(found: list[Run | Skip], look: Look, now: datetime, seconds: float, log: str) -> Reply:
    runs = [item for item in found if isinstance(item, Run)]
    because = "; ".join(s.because for s in found if isinstance(s, Skip) and s.because)
    wanted = tuple(
        Wanted(
            run.key if run.key is not None else f"{now:%Y%m%dT%H%M%S.%f}-{number}",
            tuple(_listed(run.select)),
            dict(run.vars),
            run.partition,
        )
        for number, run in enumerate(runs)
    )
    outcome = Outcome.REQUESTED if wanted else Outcome.SKIPPED
    return Reply(outcome, look.cursor, wanted, (), because, seconds, log)


def _listed(given: Any) -> list[Any]:
    return [given] if isinstance(given, str) else list(given)
