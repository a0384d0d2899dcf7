"""What is decided during an evaluation, as it is noted: verdicts, asset by asset."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_

from sqlpipes.core.automation import Automation
from sqlpipes.core.cron import next_time
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import WHOLE, Axis, Partitions
from sqlpipes.core.verdict import Decision, Verdict


class Notes:
    """The verdicts so far, in `of`. They live for one evaluation."""

    def __init__(self, graph: Graph) -> None:
        self.of: dict[str, list[Verdict]] = {}
        self._graph = graph

    def note(self, name: str, decision: Decision, slices: Partitions, because: str) -> None:
        self.of.setdefault(name, []).append(Verdict(name, decision, slices, because))

    def whole(self, name: str, decision: Decision, because: str) -> Verdict:
        """About all slices of an asset."""
        cut = self._graph.assets[name].partition
        return Verdict(name, decision, Partitions(cut.axis) if cut else WHOLE, because)

    def slices(self, name: str, axis: Axis) -> Partitions:
        """Those of which something is noted."""
        return reduce(or_, (each.slices for each in self.of.get(name, ())), Partitions(axis))

    def not_due(self, name: str, auto: Automation, now: datetime, before: str = "") -> None:
        """`before`: what is to be said beside the next time."""
        coming = next_time(auto.cron, auto.timezone, now)
        shown = "any more" if coming is None else f"until {shown_at(coming, auto.timezone)}"
        self.of.setdefault(name, []).append(self.whole(name, Decision.NOT_DUE, f"{shown}{before}"))


def shown_at(at: datetime, zone: str) -> str:
    """An instant as the zone's clock shows it.

    >>> from datetime import UTC
    >>> shown_at(datetime(2024, 7, 1, 4, tzinfo=UTC), "Europe/Berlin")
    '2024-07-01 06:00 Europe/Berlin'
    """
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"
