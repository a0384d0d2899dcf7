"""What automation decided and what sensors want, in their tables; newest kept. See `stores.Asked`.

Nothing here moves the tick: what is built, and from what, does not change with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from sqlpipes.core.config import Plain
from sqlpipes.core.sensor import Outcome, Reply, SensorState, Wanted
from sqlpipes.core.verdict import Decision, Seen, Try, Verdict
from sqlpipes.stores import tables as t
from sqlpipes.stores.journal import OfTarget
from sqlpipes.stores.lasting import lasting
from sqlpipes.stores.records import PastVerdicts
from sqlpipes.stores.statements import core
from sqlpipes.stores.text import (
    json_text,
    plain_text,
    problems_from,
    problems_text,
    slices_from,
    slices_text,
)

KEPT = 50  # changes of verdict, per asset


@lasting
class SqlAsked(OfTarget):
    """What is remembered between two looks, of one target."""

    def automation(self) -> dict[str, Seen]:
        with self._read() as db:
            return load_seen(core(db), self._target)

    def save_automation(self, found: Mapping[str, Seen]) -> None:
        with self._write() as to:
            save_seen(core(to.db), self._target, found)

    def verdicts(self, asset: str, limit: int = 10) -> tuple[PastVerdicts, ...]:
        with self._read() as db:
            return past_verdicts(core(db), self._target, asset, limit)

    def sensors(self) -> dict[str, SensorState]:
        with self._read() as db:
            return load_sensors(core(db), self._target)

    def known_keys(self, sensor: str, keys: Iterable[str]) -> frozenset[str]:
        with self._read() as db:
            return known_keys(core(db), self._target, sensor, keys)

    def save_reply(
        self, sensor: str, reply: Reply, at: datetime, after: datetime | None
    ) -> tuple[Wanted, ...]:
        with self._write() as to:
            return save_reply(core(to.db), self._target, sensor, reply, at, after)

    def reset_sensor(self, sensor: str, cursor: Plain = None, *, keys: bool = False) -> None:
        with self._write() as to:
            put_cursor(core(to.db), self._target, sensor, cursor, keys=keys)

    def open_wanted(self) -> tuple[tuple[str, Wanted], ...]:
        with self._read() as db:
            return open_wanted(core(db), self._target)

    def mark_done(self, sensor: str, keys: Iterable[str], at: datetime) -> None:
        with self._write() as to:
            for key in keys:
                mark_done(core(to.db), self._target, sensor, key, at)


def load_seen(db: Connection, target: str) -> dict[str, Seen]:
    """What is on record of each automated asset."""
    query = select(t.automation).where(t.automation.c.target == target)
    return {row.asset: _seen(row) for row in db.execute(query)}


def save_seen(db: Connection, target: str, found: Mapping[str, Seen]) -> None:
    """Replace what is on record; a verdict that is another one is added to the asset's past ones."""
    for asset, seen in found.items():
        here = (t.automation.c.target == target, t.automation.c.asset == asset)
        verdicts = _verdicts_text(seen.verdicts)
        before = db.scalar(select(t.automation.c.verdicts).where(*here))
        values = {
            "target": target,
            "asset": asset,
            "at": _text(seen.at),
            "verdicts": verdicts,
            "tries": json_text([_try_plain(each) for each in seen.tries]),
            "handled": _text(seen.handled),
        }
        db.execute(delete(t.automation).where(*here))
        db.execute(insert(t.automation), values)
        if before != verdicts and seen.at is not None:
            _add_change(db, target, asset, seen.at, verdicts)


def _add_change(db: Connection, target: str, asset: str, at: datetime, verdicts: str) -> None:
    here = (t.verdicts.c.target == target, t.verdicts.c.asset == asset)
    last = db.scalar(select(func.max(t.verdicts.c.number)).where(*here)) or 0
    values = {"target": target, "asset": asset, "at": _text(at), "verdicts": verdicts}
    db.execute(insert(t.verdicts), {**values, "number": last + 1})
    db.execute(delete(t.verdicts).where(*here, t.verdicts.c.number <= last + 1 - KEPT))


def past_verdicts(
    db: Connection, target: str, asset: str, limit: int
) -> tuple[tuple[datetime, tuple[Verdict, ...]], ...]:
    """The changes of an asset's verdicts, newest first."""
    query = select(t.verdicts.c.at, t.verdicts.c.verdicts)
    query = query.where(t.verdicts.c.target == target, t.verdicts.c.asset == asset)
    rows = db.execute(query.order_by(t.verdicts.c.number.desc()).limit(limit))
    return tuple((datetime.fromisoformat(r.at), _verdicts(asset, r.verdicts)) for r in rows)


def load_sensors(db: Connection, target: str) -> dict[str, SensorState]:
    query = select(t.sensors).where(t.sensors.c.target == target)
    return {row.sensor: _state(row) for row in db.execute(query)}


def known_keys(db: Connection, target: str, sensor: str, keys: Iterable[str]) -> frozenset[str]:
    """Those of the keys that were asked for before."""
    column = t.wanted.c.key
    here = (t.wanted.c.target == target, t.wanted.c.sensor == sensor)
    return frozenset(
        key
        for key in set(keys)
        if db.scalar(select(column).where(*here, column == key)) is not None
    )


def save_reply(
    db: Connection, target: str, sensor: str, reply: Reply, at: datetime, after: Any
) -> tuple[Wanted, ...]:
    """Keep the cursor together with what is wanted; what is new of that. Nothing, when another call of
    this sensor came in between: the newest one is no longer `after`.
    """
    here = (t.sensors.c.target == target, t.sensors.c.sensor == sensor)
    row = db.execute(select(t.sensors).where(*here)).first()
    if (datetime.fromisoformat(row.tried_at) if row and row.tried_at else None) != after:
        return ()
    known = known_keys(db, target, sensor, (each.key for each in reply.wanted))
    new = {each.key: each for each in reply.wanted if each.key not in known}
    for each in new.values():
        said = {"select": each.select, "vars": dict(each.vars), "partition": each.partition}
        values = {"target": target, "sensor": sensor, "key": each.key, "at": _text(at)}
        db.execute(insert(t.wanted), {**values, "request": json_text(said)})
    state = {
        "target": target,
        "sensor": sensor,
        "cursor": json_text(reply.cursor),
        "tried_at": _text(at),
        "asked_at": _text(at) if new else (row.asked_at if row else None),
        "outcome": reply.outcome.value,
        "message": plain_text(reply.message),
        "seconds": reply.seconds,
        "log": plain_text(reply.log),
        "problems": problems_text(reply.problems),
    }
    db.execute(delete(t.sensors).where(*here))
    db.execute(insert(t.sensors), state)
    return tuple(new.values())


def put_cursor(db: Connection, target: str, sensor: str, cursor: Any, *, keys: bool) -> None:
    """Begin anew from this cursor. `keys`: forget too what was asked for."""
    if keys:
        db.execute(delete(t.wanted).where(t.wanted.c.target == target, t.wanted.c.sensor == sensor))
    here = (t.sensors.c.target == target, t.sensors.c.sensor == sensor)
    db.execute(update(t.sensors).where(*here).values(cursor=json_text(cursor), tried_at=None))


def open_wanted(db: Connection, target: str) -> tuple[tuple[str, Wanted], ...]:
    """(sensor, what it wants) of all that is not built yet, oldest first."""
    here = (t.wanted.c.target == target, t.wanted.c.done_at.is_(None))
    rows = db.execute(select(t.wanted).where(*here).order_by(t.wanted.c.at, t.wanted.c.key))
    return tuple((row.sensor, _wanted(row)) for row in rows)


def mark_done(db: Connection, target: str, sensor: str, key: str, at: datetime) -> None:
    here = (t.wanted.c.target == target, t.wanted.c.sensor == sensor, t.wanted.c.key == key)
    db.execute(update(t.wanted).where(*here).values(done_at=_text(at)))


def _wanted(row: Any) -> Wanted:
    said = json.loads(row.request)
    at = datetime.fromisoformat(row.at)
    return Wanted(row.key, tuple(said["select"]), said["vars"], said["partition"], at)


def _state(row: Any) -> SensorState:
    return SensorState(
        json.loads(row.cursor) if row.cursor is not None else None,
        _at(row.tried_at),
        _at(row.asked_at),
        Outcome(row.outcome) if row.outcome else None,
        row.message,
        row.seconds,
        row.log,
        problems_from(row.problems),
    )


def _seen(row: Any) -> Seen:
    return Seen(
        _verdicts(row.asset, row.verdicts),
        _at(row.at),
        tuple(_try(plain) for plain in json.loads(row.tries)),
        _at(row.handled),
    )


def _verdicts_text(verdicts: Iterable[Verdict]) -> str:
    said = ([v.decision.value, slices_text(v.slices), v.because] for v in verdicts)
    return plain_text(json_text(list(said)))


def _verdicts(asset: str, text: str) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(asset, Decision(decision), slices_from(slices), because)
        for decision, slices, because in json.loads(text)
    )


def _try_plain(each: Try) -> list[Any]:
    return [slices_text(each.slices), each.version, each.tick, each.key, each.ended]


def _try(plain: list[Any]) -> Try:
    slices, version, tick, key, ended = plain
    return Try(slices_from(slices), version, tick, key, ended)


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
