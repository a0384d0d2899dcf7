"""Board + what others do to files and state -> messages for the pages. Asked a few times a second, by threads
that take turns; while nobody listens it is asked when a document is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlpipes.api import Following, files_seen
from sqlpipes.core.errors import Problem, SqlpipesError
from sqlpipes.core.status import Status
from sqlpipes.show.site.overview import slug
from sqlpipes.show.site.runs import run_row, step_row
from sqlpipes.web.board import Board, Node
from sqlpipes.web.feed import Message

if TYPE_CHECKING:
    from sqlpipes.stores import RunNews, RunRecord, StepRecord

FILES_S = 1.0  # between two looks at the files, and more where looking takes long
FILES_SHARE = 50  # times what a look takes
KNOWN = 200  # characters by which the place in a log is found again
UNKNOWN = 2_000  # that are told where it is not found
BURY_S = 2.0  # a run whose process died is not told by anybody
WELL = (Status.SUCCESS, Status.WARN)
ENDS = {  # how an asset's state is called after a step, until the state is seen as a whole
    Status.RUNNING: "running",
    Status.SUCCESS: "current",
    Status.WARN: "current",
    Status.FAIL: "failed",
    Status.ERROR: "failed",
}


class Pulse:
    """Holds the state open to follow it, and nothing else."""

    def __init__(self, board: Board, is_mine: Callable[[RunRecord], bool]) -> None:
        self._board = board
        self._is_mine = is_mine
        self._lock = threading.Lock()
        self._following = Following(board.project)
        self._files = files_seen(board.how)
        self._files_at = time.monotonic()
        self._files_s = FILES_S
        self._bury_at = time.monotonic()
        self._logs: dict[tuple[str, int], str] = {}  # of steps that go on, as it was told
        self._trouble: tuple[Problem, ...] = ()

    def beat(self) -> list[Message]:
        """What has happened since the last one. A `hello` without data: nothing that was told holds."""
        with self._lock:
            return [*self._look_at_files(), *self._look_at_state()]

    def live(self) -> tuple[RunNews, ...]:
        """Every run that goes on."""
        with self._lock:
            try:
                return self._following.all_live()
            except SqlpipesError:
                return ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Why what is shown may be old: of newer files, or of the state."""
        return self._board.errors or self._trouble

    def close(self) -> None:
        with self._lock:
            self._following.close()

    def _look_at_files(self) -> list[Message]:
        began = time.monotonic()
        if began - self._files_at < self._files_s:
            return []
        now = files_seen(self._board.how)
        self._files_at = time.monotonic()
        self._files_s = max(FILES_S, FILES_SHARE * (self._files_at - began))
        if now == self._files:
            return []
        self._files = now
        if self._board.load_again():
            self._following.go_on_with(self._board.project)
        return [("project", {"errors": self._board.problems_json(self._board.errors)})]

    def _look_at_state(self) -> list[Message]:
        try:
            if time.monotonic() - self._bury_at > BURY_S:
                self._bury_at = time.monotonic()
                self._following.bury()
            opened = self._following.opened
            moved = self._following.moved()
            self._trouble = ()
            if 0 < opened < self._following.opened:
                self._board.note_moved()
                for each in self._following.news():
                    self._is_mine(each.run)
                return [("hello", {})]
            found = self._news() if moved else []
        except SqlpipesError as error:
            self._following.close()
            if error.problems == self._trouble:
                return []
            self._trouble = error.problems
            return [("project", {"errors": self._board.problems_json(error.problems)})]
        return found

    def _news(self) -> list[Message]:
        messages: list[Message] = []
        news = self._following.news()
        if not news:
            self._board.note_moved()
        for each in news:
            messages += self._of_run(each)
        if not self._following.goes_on:
            self._tell_states(messages, self._board.look_again())
        return messages

    def _of_run(self, news: RunNews) -> list[Message]:
        doc = slug(news.run.run_id)
        messages: list[Message] = [
            ("run", live_row(news.run, news.done, mine=self._is_mine(news.run)))
        ]
        nodes: dict[str, Node] = {}
        for step in news.steps:
            messages.append(("step", {"run": doc, "step": step_row(step)}))
            messages += self._log(news.run.run_id, doc, step)
            if (state := ENDS.get(step.status)) is not None:
                nodes[step.asset] = _node(step, state)
        self._tell_states(messages, self._board.note_steps(news.run.run_id, nodes))
        return [(name, self._board.hidden(data)) for name, data in messages]

    def _log(self, run_id: str, doc: str, step: StepRecord) -> list[Message]:
        key = (run_id, step.number)
        told = self._logs.pop(key, "")
        if step.status is Status.RUNNING and step.log:
            self._logs[key] = step.log
        lines = added(told, step.log).splitlines()
        return [("log", {"run": doc, "asset": step.asset, "lines": lines})] if lines else []

    def _tell_states(self, messages: list[Message], nodes: dict[str, Node]) -> None:
        if nodes:
            messages.append(("state", {"nodes": self._board.hidden(nodes)}))


def added(before: str, now: str) -> str:
    """What a log says more than before. Of a long one the middle is left out, and more of it each time.

    >>> added("a\\nb\\n", "a\\nb\\nc\\n"), added("", "a"), added("x" * 300, "gone")
    ('c\\n', 'a', 'gone')
    """
    if now.startswith(before):
        return now[len(before) :]
    place = now.rfind(before[-KNOWN:])
    return now[-UNKNOWN:] if place < 0 else now[place + len(before[-KNOWN:]) :]


def live_row(run: RunRecord, done: int, *, mine: bool) -> dict[str, Any]:
    """A row of the list of runs, how far it is, and whether it can be stopped from here."""
    done = min(done, run.planned)
    return {**run_row(run), "done": done, "total": run.planned, "mine": mine}


def _node(step: StepRecord, state: str) -> Node:
    at = step.finished_at or step.started_at
    why = "" if step.status in WELL else (step.reasons or ("",))[0]
    node: Node = {"state": state, "why": why}
    return node | ({"written_at": at.isoformat()} if step.status in WELL else {})
