"""Events of a build -> a file or an endpoint, beside the build: nothing here makes it wait or fail.

The build puts its events into a bounded queue. One thread turns them into those of OpenLineage and appends
them to the file; a few others post them, each the events of its own runs, so that these arrive in order.
While the build goes on all of them rest most of the time, as Python lets one thread work at once. What
was not delivered when the build has ended, and a short wait is over, is counted and told.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from sqlpipes.core.errors import Problem, Severity
from sqlpipes.core.events import Event
from sqlpipes.core.hiding import without_passwords
from sqlpipes.core.outlet import Outlet

LOST = "OLN001"
FULLEST = 20_000  # events of a build that may wait to be told
IN_LINE = 100  # of a poster
POSTERS = 4
REST = 30  # times as long as a thread has worked
PAUSE_S = 0.5  # before the second try; it doubles
FILE_S = 5.0
IN_A_ROW = 3  # posts that failed: nobody is there, and the rest is not tried

Json = dict[str, Any]
Told = Callable[[Event], Iterable[Json]]


class Sending:
    """Takes events as they happen. `close` waits for what is under way, `wait_s` of the outlet at most."""

    def __init__(self, outlet: Outlet, told: Told) -> None:
        self._outlet, self._told = outlet, told
        self._events: queue.Queue[Event | None] = queue.Queue(FULLEST)
        self._filed, self._posted = Tally(), Tally()
        self._closing = threading.Event()
        self._posts: Posts | None = None
        self._thread = threading.Thread(target=self._work, name="openlineage", daemon=True)
        self._began = False

    def __call__(self, event: Event) -> None:
        if not self._began:  # a build that has nothing to do starts no threads
            self._began = True
            self._thread.start()
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._lose("more happened at once than could be told")

    def close(self, wait_s: float | None = None) -> None:
        """`wait_s`: instead of the outlet's."""
        until = time.monotonic() + (self._outlet.wait_s if wait_s is None else wait_s)
        if not self._began:
            return
        self._closing.set()
        with suppress(queue.Full):
            self._events.put(None, timeout=left(until))
        self._thread.join(left(until))
        if self._posts:
            self._posts.close(until)
            self._thread.join(FILE_S)  # nobody is waited for by now but the disk

    def problems(self, run_id: str) -> tuple[Problem, ...]:
        """A warning for each place where not all arrived."""
        return tuple(
            Problem(LOST, said, self._outlet.at, hint, Severity.WARNING)
            for place, tally, hint in self._places(run_id)
            if (said := self._missing(place, tally))
        )

    def _places(self, run_id: str) -> Iterator[tuple[str, Tally, str]]:
        hook, file = self._outlet.hook, self._outlet.file
        if hook:
            hint = f"`sqlpipes openlineage {run_id} --send` sends them again"
            yield without_passwords(hook.shown), self._posted, hint
        if file:
            yield file, self._filed, f"`sqlpipes openlineage {run_id} -o FILE` writes them"

    def _missing(self, place: str, tally: Tally) -> str:
        lost, all_, why = tally.count()
        untold = self._thread.is_alive()
        if not lost and not untold:
            return ""
        why = why or f"not within {self._outlet.wait_s:g}s of the end of the build"
        number = f"{lost} of {all_}" if not untold else f"at least {lost}" if lost else "not all"
        return f"{number} lineage events were not delivered to {place}: {why}"

    def _work(self) -> None:
        if self._outlet.hook:
            self._posts = Posts(self._outlet, self._posted, self._closing)
        began = time.thread_time()
        while (event := self._events.get()) is not None:
            try:
                for said in self._told(event):
                    self._deliver(said)
            except Exception as error:  # whatever is wrong with it, the build is not
                self._lose(f"{type(error).__name__}: {error}")
            began = rested(began, self._closing)

    def _deliver(self, said: Json) -> None:
        if self._outlet.file:
            self._filed.expect()
            self._filed.done(append(self._outlet.file, [said]))
        if self._posts:
            self._posts.put(said)

    def _lose(self, why: str) -> None:
        for tally in (self._filed, self._posted):
            tally.expect()
            tally.done(why)


class Tally:
    """How many events are to be delivered, how many were, and what the last one failed with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all = self._arrived = self._in_a_row = 0
        self._why = ""

    def expect(self) -> None:
        with self._lock:
            self._all += 1

    def done(self, fault: str) -> None:
        """`fault`: what went wrong; "" when nothing did."""
        with self._lock:
            self._arrived += not fault
            self._in_a_row = self._in_a_row + 1 if fault else 0
            self._why = fault or self._why

    def is_hopeless(self) -> bool:
        return self._in_a_row >= IN_A_ROW

    def count(self) -> tuple[int, int, str]:
        """(lost, all, why)."""
        with self._lock:
            return self._all - self._arrived, self._all, self._why


class Posts:
    """Threads that post. The events of one run are all of one thread's."""

    def __init__(self, outlet: Outlet, tally: Tally, closing: threading.Event) -> None:
        self._outlet, self._tally = outlet, tally
        self._closing = closing  # nobody rests any more, nor pauses between two tries
        self._over = threading.Event()  # nobody waits any more
        self._lines: list[queue.Queue[Json | None]] = [queue.Queue(IN_LINE) for _ in range(POSTERS)]
        self._threads = [
            threading.Thread(target=self._work, args=(line,), daemon=True) for line in self._lines
        ]
        for thread in self._threads:
            thread.start()

    def put(self, said: Json) -> None:
        """Waits while the line is full, which only the thread that tells does."""
        self._tally.expect()
        place = int(said["run"]["runId"][:8], 16) % POSTERS
        while not self._over.is_set():
            try:
                self._lines[place].put(said, timeout=0.2)
                return
            except queue.Full:
                continue

    def close(self, until: float) -> None:
        for line in self._lines:
            try:
                line.put(None, timeout=left(until))
            except queue.Full:
                break
        for thread in self._threads:
            thread.join(left(until))
        self._over.set()

    def _work(self, line: queue.Queue[Json | None]) -> None:
        began = time.thread_time()
        while (said := line.get()) is not None and not self._over.is_set():
            if not self._tally.is_hopeless():
                self._tally.done(posted(self._outlet, said, self._closing.wait))
            began = rested(began, self._closing)


def left(until: float) -> float:
    return max(until - time.monotonic(), 0.0)


def rested(began: float, closing: threading.Event) -> float:
    """Leaves the interpreter to the build for longer than this thread had it; the time from now on."""
    closing.wait((time.thread_time() - began) * REST)
    return time.thread_time()


def posted(outlet: Outlet, said: Json, wait: Callable[[float], object] = time.sleep) -> str:
    """What went wrong with a POST of it; "" when nothing did."""
    from sqlpipes.run.webhooks import post

    assert outlet.hook is not None
    key = {"Authorization": f"Bearer {outlet.api_key}"} if outlet.api_key else {}
    return post(outlet.hook, said, PAUSE_S, headers=key, wait=wait)


def append(path: str, events: Iterable[Json]) -> str:
    """A line for each, in one write: whoever else appends, lines stay whole. What went wrong, or ""."""
    lines = "".join(json.dumps(said, ensure_ascii=False) + "\n" for said in events)
    text = lines.encode("utf-8", "backslashreplace")
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o666)
    except OSError as error:
        return f"{error.strerror}"
    try:
        return "" if os.write(file, text) == len(text) else "the disk is full"
    except OSError as error:
        return f"{error.strerror}"
    finally:
        os.close(file)


def shown(outlet: Outlet) -> str:
    """Where events go, without what is secret of it."""
    places = [outlet.hook.shown] if outlet.hook else []
    return " and ".join([*map(without_passwords, places), *([outlet.file] if outlet.file else [])])
