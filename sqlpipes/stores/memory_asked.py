"""What automation decided and what sensors want, in memory: as stores.asked keeps it in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlpipes.core.config import Plain
from sqlpipes.core.sensor import NEVER_ASKED, Reply, SensorState, Wanted
from sqlpipes.core.verdict import Seen
from sqlpipes.stores.records import PastVerdicts

KEPT = 50


class MemoryAsked:
    """What is remembered between two looks. See `stores.Asked`."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self._verdicts: dict[str, list[PastVerdicts]] = {}
        self._sensors: dict[str, SensorState] = {}
        self._wanted: dict[tuple[str, str], Wanted] = {}
        self._done: set[tuple[str, str]] = set()

    def automation(self) -> dict[str, Seen]:
        return dict(self._seen)

    def save_automation(self, found: Mapping[str, Seen]) -> None:
        for asset, seen in found.items():
            before = self._seen.get(asset)
            if seen.at is not None and (before is None or before.verdicts != seen.verdicts):
                past = self._verdicts.setdefault(asset, [])
                self._verdicts[asset] = [*past, (seen.at, seen.verdicts)][-KEPT:]
            self._seen[asset] = seen

    def verdicts(self, asset: str, limit: int = 10) -> tuple[PastVerdicts, ...]:
        return tuple(reversed(self._verdicts.get(asset, ())))[:limit]

    def sensors(self) -> dict[str, SensorState]:
        return dict(self._sensors)

    def known_keys(self, sensor: str, keys: Iterable[str]) -> frozenset[str]:
        return frozenset(key for key in keys if (sensor, key) in self._wanted)

    def save_reply(
        self, sensor: str, reply: Reply, at: datetime, after: datetime | None
    ) -> tuple[Wanted, ...]:
        before = self._sensors.get(sensor, NEVER_ASKED)
        if before.tried_at != after:
            return ()
        new = {w.key: w for w in reply.wanted if (sensor, w.key) not in self._wanted}
        for key, each in new.items():
            self._wanted[(sensor, key)] = replace(each, at=at)
        self._sensors[sensor] = SensorState(
            reply.cursor,
            at,
            at if new else before.asked_at,
            reply.outcome,
            reply.message,
            reply.seconds,
            reply.log,
            reply.problems,
        )
        return tuple(new.values())

    def reset_sensor(self, sensor: str, cursor: Plain = None, *, keys: bool = False) -> None:
        if keys:
            self._wanted = {k: w for k, w in self._wanted.items() if k[0] != sensor}
        if sensor in self._sensors:
            self._sensors[sensor] = replace(self._sensors[sensor], cursor=cursor, tried_at=None)

    def open_wanted(self) -> tuple[tuple[str, Wanted], ...]:
        left = [(k[0], w) for k, w in self._wanted.items() if k not in self._done]
        return tuple(sorted(left, key=lambda each: (str(each[1].at), each[1].key)))

    def mark_done(self, sensor: str, keys: Iterable[str], at: datetime) -> None:
        self._done |= {(sensor, key) for key in keys}

    def forget(self, asset: str) -> None:
        self._seen.pop(asset, None)

    def move(self, old: str, new: str) -> None:
        if old in self._seen:
            self._seen[new] = self._seen.pop(old)
            self._verdicts[new] = self._verdicts.pop(old, [])
