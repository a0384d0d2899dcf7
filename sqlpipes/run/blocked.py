"""Parts under way + their engines -> who looks on is told whose locks they wait for, and since when.

A thread of its own asks, and only while a part takes longer than a moment. It only tells: what it
cannot find out is not said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlpipes.core.blocked import Blocked, Holder, SeesBlocked
from sqlpipes.core.engine import Engines
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.run.job import Hold, Job

LOOK_S = 0.5
TOLD_S = (2.0, 10.0, 30.0)  # after so long it is said, and then each minute
AGAIN_S = 60.0
LONGEST_S = 2.0
SHOWN = 60  # characters of another's query
MOST = 3  # holders that are named


class Watch:
    """Sees the parts between `begin` and `end`."""

    def __init__(self, engines: Engines, mask: Callable[[str], str]) -> None:
        self._engines = {
            name: engine for name, engine in engines.each.items() if isinstance(engine, SeesBlocked)
        }
        self._mask = mask
        self._lock = threading.Lock()
        self._jobs: dict[Job, tuple[str, float]] = {}  # -> the name of its engine, and since when
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, job: Job, engine: str) -> None:
        if engine not in self._engines:
            return
        with self._lock:
            self._jobs[job] = engine, time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._look_on, daemon=True, name="sqlpipes-look")
            self._thread.start()

    def end(self, job: Job) -> None:
        with self._lock:
            self._jobs.pop(job, None)

    def close(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(LONGEST_S)  # a server may not answer

    def _look_on(self) -> None:
        while not self._over.wait(LOOK_S):
            for name in list(self._engines):
                try:
                    self._look(name)
                except EngineError:  # no room for one more at that server, or no right to ask
                    del self._engines[name]

    def _look(self, name: str) -> None:
        sessions = {job.session: job for job in self._slow(name) if job.session is not None}
        if not sessions:
            return
        found = self._engines[name].blocked(sessions.keys())
        for session, job in sessions.items():
            tell(job, found.get(session), self._mask, time.monotonic())

    def _slow(self, name: str) -> Iterable[Job]:
        now = time.monotonic()
        with self._lock:
            jobs = list(self._jobs.items())
        return [job for job, (engine, since) in jobs if engine == name and now - since > LOOK_S]


def waited(problem: Problem, job: Job) -> Problem:
    """What ended a statement that waited, and for whom it did."""
    if job.hold is None:
        return problem
    seconds = time.monotonic() - job.hold.since
    message = f"{problem.message}: it had waited {seconds:.0f} s for {job.hold.said}"
    return replace(problem, message=message)


def tell(job: Job, seen: Blocked | None, mask: Callable[[str], str], now: float) -> None:
    """Note what a part waits for, and say so when it is time."""
    before = job.hold
    if seen is None:
        job.hold = None
        if before is not None and before.told:
            job.said.put(f"over after {now - before.since:.0f} s: {before.what}")
        return
    since, told = (before.since, before.told) if before else (now, 0)
    due = TOLD_S[told] if told < len(TOLD_S) else AGAIN_S * (told - len(TOLD_S) + 1)
    said = f"{seen.what} held by {_holders(seen.holders, mask)}"
    if now - since >= due:
        job.said.put(f"waits {now - since:.0f} s for {said}")
        told += 1
    job.hold = Hold(seen.what, said, since, told)


def _holders(holders: tuple[Holder, ...], mask: Callable[[str], str]) -> str:
    named = [_holder(each, mask) for each in holders[:MOST]]
    more = f" and {len(holders) - MOST} more" if len(holders) > MOST else ""
    return f"{', '.join(named)}{more}"


def _holder(holder: Holder, mask: Callable[[str], str]) -> str:
    if not holder.session:
        return "a prepared transaction"
    state = f"{holder.state} since {holder.since}" if holder.since else holder.state
    known = ", ".join(mask(each) for each in (holder.program, state) if each)
    query = beginning(holder.query, mask)
    known = f"{known}: {query}" if known and query else known or query
    return f"pid {holder.session}{f' ({known})' if known else ''}"


def beginning(query: str, mask: Callable[[str], str]) -> str:
    """Of what another says: no text in quotes, which may be a secret that nobody here knows.

    >>> beginning("alter role etl  password 'abc'", str)
    'alter role etl password ...'
    """
    plain = " ".join(mask(query).split())
    shown = plain
    for mark in ("'", "$"):
        shown = shown.split(mark)[0]
    return shown if len(shown) <= SHOWN and shown == plain else f"{shown[:SHOWN].rstrip()} ..."
