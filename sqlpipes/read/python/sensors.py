"""@sensor functions of a user's module -> Sensors; what of them is kept between commands is plain JSON."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from sqlpipes.core.definitions.sensors import SensorFunction
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.sensor import Sensor
from sqlpipes.read.python.found import FoundSensor
from sqlpipes.read.python.source import function_at
from sqlpipes.read.python.texts import Texts

CONTEXT = "context"


def found_sensor(
    item: SensorFunction[..., Any], texts: Texts, problems: list[Problem]
) -> FoundSensor:
    """What a decorated function declares. SEN001 when it cannot be called."""
    function = inspect.unwrap(item.function)
    code = function.__code__
    text = texts.of(code.co_filename)
    node = function_at(text, function.__name__, code.co_firstlineno)
    at = text.name_at(node) if node is not None else Location(text.file, code.co_firstlineno)
    said = item.definition
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        hint = "write `def`, and asyncio.run(...) inside it"
        problems.append(Problem("SEN001", "an async function cannot be a sensor", at, hint))
    parameters = list(_parameters(function))
    return FoundSensor(
        said.name,
        function.__name__,
        text.file,
        [at.line, at.column, at.length],
        [name for name in parameters if name != CONTEXT],
        CONTEXT in parameters,
        said.job,
        list(said.select),
        list(said.exclude),
        said.every_s,
        said.timeout_s,
        said.description or inspect.getdoc(item.function) or "",
        said.enabled,
    )


def _parameters(function: Any) -> Iterator[str]:
    for name, parameter in inspect.signature(function).parameters.items():
        several = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if not several and (parameter.default is parameter.empty or name == CONTEXT):
            yield name


def sensor_of(found: FoundSensor, load: Callable[[], Callable[..., Any]]) -> Sensor:
    return Sensor(
        found.name,
        load,
        tuple(found.parameters),
        found.takes_context,
        found.job,
        tuple(found.select),
        tuple(found.exclude),
        found.every_s,
        found.timeout_s,
        found.description,
        found.enabled,
        Location(found.file, *found.at),
    )
