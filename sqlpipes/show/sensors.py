"""Sensors, and what they came to -> text and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from click import style

from sqlpipes.api import SensorStatus, Tried
from sqlpipes.core.job import Request
from sqlpipes.core.sensor import Outcome, Sensor, SensorState
from sqlpipes.show.letters import plain
from sqlpipes.show.plan import counted
from sqlpipes.show.problems import problems_text
from sqlpipes.show.said import log_lines

COLOURS = {Outcome.REQUESTED: "green", Outcome.SKIPPED: "cyan", Outcome.FAILED: "red"}
NO_SENSORS = "no sensors: declare one in Python, with @sensor"
CURSOR = 40  # characters of it in a line


def sensors_text(found: Sequence[SensorStatus]) -> str:
    """A line a sensor: how often it is called, what it builds, its newest call and its cursor."""
    if not found:
        return NO_SENSORS
    names = max(len(each.sensor.name) for each in found)
    often = [_often(each.sensor) for each in found]
    what = [_what(each.sensor) for each in found]
    rooms = max(map(len, often)), max(map(len, what))
    return "\n".join(
        f"{each.sensor.name:<{names}}  {when:<{rooms[0]}}  {which:<{rooms[1]}}  {_state(each.state)}"
        for each, when, which in zip(found, often, what, strict=True)
    )


def _often(sensor: Sensor) -> str:
    return f"every {span_text(sensor.every_s)}" if sensor.enabled else "by hand"


def span_text(seconds: float) -> str:
    """
    >>> span_text(300), span_text(90), span_text(3600)
    ('5m', '90s', '1h')
    """
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _what(sensor: Sensor) -> str:
    return f"job {sensor.job}" if sensor.job else f"-s {' '.join(sensor.select)}"


def _state(state: SensorState) -> str:
    if state.outcome is None:
        return style("never called", dim=True)
    word = style(str(state.outcome), fg=COLOURS[state.outcome])
    when = f" {_minute(state.tried_at)}" if state.tried_at else ""
    said = f": {plain(state.message)}" if state.message else ""
    return f"{word}{when}{said}  {style(f'cursor {_short(state.cursor)}', dim=True)}"


def _short(cursor: Any) -> str:
    text = json.dumps(cursor)
    return text if len(text) <= CURSOR else f"{text[: CURSOR - 1]}…"


def tried_text(tried: Tried, root: str) -> str:
    """One call in full: what it wants, what it printed, its cursor, and what is wrong."""
    reply, name = tried.reply, tried.sensor.name
    word = style(str(reply.outcome), fg=COLOURS[reply.outcome])
    lines = [f"{name}: {word} in {reply.seconds:.2f}s" + _why(tried)]
    lines += log_lines(reply.log, "  | ", None)
    lines += [f"  {_request(each)}" for each in tried.requests]
    lines += [f"  {plain(key)}: asked for before" for key in tried.known]
    lines.append(f"  cursor {json.dumps(reply.cursor)}")
    if reply.problems:
        lines.append(problems_text(reply.problems, root))
    elif not tried.kept:
        lines.append(style("  nothing of it is kept (--dry-run)", dim=True))
    elif tried.requests:
        count = counted(len(tried.requests), "request")
        lines.append(style(f"  {count} queued: `sqlpipes tick` builds them", dim=True))
    return "\n".join(lines)


def _why(tried: Tried) -> str:
    message = "" if tried.reply.problems else tried.reply.message
    return f": {plain(message)}" if message else ""


def _request(request: Request) -> str:
    said = [request.key.partition(":")[2]]
    said += [f"-s {' '.join(request.select)}"] if request.select else [f"job {request.job}"]
    said += [f"--partition {request.partition}"] if request.partition else []
    said += [f"--vars {json.dumps(dict(request.vars))}"] if request.vars else []
    return plain("  ".join(said))


def sensor_json(item: SensorStatus) -> dict[str, Any]:
    sensor, state = item.sensor, item.state
    return {
        "name": sensor.name,
        "description": sensor.description,
        "job": sensor.job or None,
        "select": list(sensor.select),
        "exclude": list(sensor.exclude),
        "every_s": sensor.every_s,
        "timeout_s": sensor.timeout_s,
        "enabled": sensor.enabled,
        "at": str(sensor.at) if sensor.at else None,
        "cursor": state.cursor,
        "last": {
            "outcome": str(state.outcome),
            "at": state.tried_at.isoformat() if state.tried_at else None,
            "asked_at": state.asked_at.isoformat() if state.asked_at else None,
            "message": state.message,
            "seconds": round(state.seconds, 3),
            "log": state.log,
            "problems": [str(problem) for problem in state.problems],
        }
        if state.outcome
        else None,
    }


def tried_json(tried: Tried) -> dict[str, Any]:
    return {
        "sensor": tried.sensor.name,
        "outcome": str(tried.reply.outcome),
        "message": tried.reply.message,
        "cursor": tried.reply.cursor,
        "kept": tried.kept,
        "requests": [
            {
                "job": each.job,
                "key": each.key,
                "select": list(each.select),
                "partition": each.partition,
                "vars": dict(each.vars),
            }
            for each in tried.requests
        ],
        "known": list(tried.known),
        "seconds": round(tried.reply.seconds, 3),
        "log": tried.reply.log,
        "problems": [str(problem) for problem in tried.reply.problems],
    }


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
