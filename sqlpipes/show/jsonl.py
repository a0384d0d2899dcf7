"""Values -> JSON on one line, or indented for a single document."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlpipes.core.events import Event, event_as_json
from sqlpipes.core.plan import Plan
from sqlpipes.show.plan import plan_json


def event_line(event: Event) -> str:
    return json.dumps(event_as_json(event), default=str, separators=(",", ":"))


def line(value: Any) -> str:
    """One object on one line, as the events are written."""
    return json.dumps(value, default=str, separators=(",", ":"))


def document(value: Any) -> str:
    return json.dumps(value, default=str, indent=2)


class Events:
    """A reporter that writes one JSON object a line: the plan first, then every event."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self.echo = echo

    def plan(self, plan: Plan) -> None:
        said = {"event": "plan", **plan_json(plan)}
        self.echo(json.dumps(said, default=str, separators=(",", ":")))

    def event(self, event: Event) -> None:
        self.echo(event_line(event))

    def close(self) -> None:
        pass
