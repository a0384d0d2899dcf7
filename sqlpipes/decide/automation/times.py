"""Assets that wait for a time: whether it has come, and when it is done with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlpipes.core.asset import PythonBody
from sqlpipes.core.automation import Automation, When
from sqlpipes.core.cron import newest_time
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.verdict import NOT_SEEN, Seen

from .automated import automated
from .notes import Notes, shown_at
from .situation import Situation


def due_at(auto: Automation, now: datetime) -> datetime | None:
    """The newest time at which it was due."""
    return newest_time(auto.cron, auto.timezone, now) if auto.when is When.CRON else None


def is_due(auto: Automation, seen: Seen, now: datetime) -> bool:
    """Whether a time has come that is not done with."""
    due = due_at(auto, now)
    return due is not None and seen.handled is not None and due > seen.handled


class Times:
    """Which times have come. What is done with is written into `seen`, which the judge shares."""

    def __init__(
        self, graph: Graph, situation: Situation, seen: dict[str, Seen], notes: Notes
    ) -> None:
        self.seen = seen
        self._graph = graph
        self._now = situation.now
        self._written = situation.written
        self._notes = notes
        self._due = {
            name: is_due(auto, seen.get(name, NOT_SEEN), situation.now)
            for name in automated(graph)
            if (auto := graph.assets[name].auto)
        }

    def has_come(self, name: str, auto: Automation) -> bool:
        """Whether the time has come. The first look at an asset only starts its clock."""
        seen = self.seen.get(name, NOT_SEEN)
        due = due_at(auto, self._now)
        if seen.handled is None:
            self.seen[name] = replace(seen, handled=due or self._now)
        if self._due[name]:
            return True
        self._notes.not_due(name, auto, self._now)
        return False

    def handle(
        self,
        name: str,
        auto: Automation,
        newest: Partitions,
        blocked: Partitions,
        ready: Partitions,
    ) -> None:
        """The time is done with when nothing waits but old slices; those are looked at the next time."""
        if newest & blocked:
            return
        due = due_at(auto, self._now)
        self.seen[name] = replace(self.seen.get(name, NOT_SEEN), handled=due)
        if not ready and due is not None:
            before = f"; there was nothing to do at {shown_at(due, auto.timezone)}"
            self._notes.not_due(name, auto, self._now, before)

    def forces(self, name: str) -> bool:
        """A function that reads no asset has nothing that could move: it runs because of its time."""
        asset = self._graph.assets[name]
        auto = asset.auto
        if auto is None or auto.when is not When.CRON or not self._due[name]:
            return False
        if not isinstance(asset.body, PythonBody) or asset.partition is not None:
            return False
        due = due_at(auto, self._now)
        at = max((at for _, at in self._written.get(name, ()) if at), default=None)
        return not self._graph.inputs[name] and (at is None or due is None or at < due)
