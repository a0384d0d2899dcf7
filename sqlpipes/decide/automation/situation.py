"""What an evaluation is told beside what a plan is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.verdict import Seen
from sqlpipes.decide.aware import Aware
from sqlpipes.decide.due import Written


@dataclass(frozen=True, slots=True)
class Situation:
    """What an evaluation knows beside graph, history and what is observed.

    `stale`: per asset, the slices that a build of everything would write, as far as an asset with a
    time needs it. `queued`: what was asked for and is not done with.
    `unreadable`: source -> what is wrong with it.
    """

    now: datetime  # aware
    seen: Mapping[str, Seen] = field(default_factory=dict)
    running: Mapping[str, Partitions] = field(default_factory=dict)
    written: Written = field(default_factory=dict)
    stale: Mapping[str, Partitions] = field(default_factory=dict)
    queued: Mapping[str, Partitions] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    aware: Aware | None = None  # what is known of columns, where it may spare something
