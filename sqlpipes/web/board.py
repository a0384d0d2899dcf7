"""The project as it is shown: documents by key, made when asked for and kept until something changes.

Called from several threads: one lock stands around documents, one around whatever runs the project's own
code. What a document is made of is never changed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlpipes.api import (
    Ask,
    How,
    Overview,
    Project,
    asset_pages,
    hidden_in,
    load_as,
    overview,
    run_details,
    runs,
    status,
)
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, SqlpipesError
from sqlpipes.show.problems import problem_json
from sqlpipes.show.site.asset import asset_document
from sqlpipes.show.site.layout import Layout
from sqlpipes.show.site.overview import graph_document, placed, search_document, slug
from sqlpipes.show.site.runs import run_document, runs_document
from sqlpipes.show.site.write import document_text, hidden
from sqlpipes.web.page import etag_of

RUNS = 50  # that are listed, as in the static page
LARGEST = 64 << 20  # bytes of documents that are kept

MOVING = ("state", "why", "written_at", "failing")
Node = dict[str, Any]
"""What may change of a node while the files stay: MOVING, or some of it."""


@dataclass(frozen=True, slots=True)
class Document:
    content: bytes
    etag: str


class Board:
    """One project, loaded again when its files change. Raises as `api` does if the state cannot be used."""

    def __init__(self, how: How, project: Project) -> None:
        self.how = how
        self.project = project
        self.errors: tuple[Problem, ...] = ()  # of newer files, which cannot be shown
        self.hide: Callable[[str], str] = hidden_in(project)
        self.reading = (
            threading.RLock()
        )  # modules of the project are loaded, or its functions called
        self._lock = threading.RLock()
        self._seen: Overview | None = None
        self._layout: Layout | None = None
        self._moved = False  # the state, since it was seen as a whole
        self._shown: dict[str, Node] = {}  # as it was seen, and what steps have told since
        self._is_live = False  # a run goes on, whose steps tell of their assets
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._size = 0

    # ------------------------------------------------------------------------------- what is asked

    def document(self, key: str) -> Document | None:
        """As `/api/KEY` answers it; None when there is no such."""
        with self._lock:
            self._catch_up(key)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            made = self._made(key)
            return None if made is None else self._keep(key, made)

    def hidden(self, value: Any) -> Any:
        """The same without what is secret."""
        return hidden(value, self.hide)

    def problems_json(self, problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.hidden([problem_json(each) for each in problems])
        return found

    # ------------------------------------------------------------------------------ what is noticed

    def load_again(self) -> bool:
        """Read the files; whether they are good. If not, what was good before stays, and `errors` say why."""
        try:
            with self.reading:
                found = load_as(self.how)
                found.raise_errors()
        except SqlpipesError as error:
            self.errors = error.problems
            return False
        with self._lock:
            self.project, self.errors, self.hide = found, (), hidden_in(found)
            self._seen = self._layout = None
            self._shown.clear()
            self._forget_all()
            return True

    def note_steps(self, run_id: str, nodes: Mapping[str, Node]) -> dict[str, Node]:
        """Take in what steps of a run say of their assets; what is new of it."""
        with self._lock:
            self._moved = self._is_live = True
            self._forget("graph", "runs", f"run/{slug(run_id)}")
            for name in nodes:
                self._forget(f"asset/{slug(name)}")
            base = self._shown
            told = {name: base[name] | node for name, node in nodes.items() if name in base}
            changed = {name: node for name, node in told.items() if base[name] != node}
            self._shown |= changed
            return changed

    def note_moved(self) -> None:
        """Something was recorded, and nothing more is known."""
        with self._lock:
            self._moved = True
            self._forget_all()

    def look_again(self) -> dict[str, Node]:
        """See the state as a whole, if it has moved; what is other than it was shown."""
        with self._lock:
            self._is_live = False
            if self._seen is None or not self._moved:
                return {}
            before = dict(self._shown)
            self._forget_all()
            self._look()
            return {n: node for n, node in self._shown.items() if before.get(n) != node}

    # ---------------------------------------------------------------------------------- how it is made

    def _catch_up(self, key: str) -> None:
        """While a run goes on its steps tell of their assets; else a moved state is seen as a whole."""
        if self._moved and not self._is_live and not key.startswith("run"):
            self.look_again()

    def _look(self) -> Overview:
        self._seen = overview(self.project, looks=False)
        self._moved = False
        self._shown = {
            node["name"]: {name: node[name] for name in MOVING}
            for node in self._graph(self._seen)["nodes"]
        }
        return self._seen

    def _overview(self) -> Overview:
        return self._seen or self._look()

    def _graph(self, seen: Overview) -> dict[str, Any]:
        if self._layout is None:
            self._layout = placed(self.project)
        found = graph_document(seen, self._layout)
        if self._moved:
            for node in found["nodes"]:
                node |= self._shown.get(node["name"], {})
        return found

    def _made(self, key: str) -> Any:
        kind, _, doc = key.partition("/")
        if key == "graph":
            return self._graph(self._overview())
        if key == "search":
            return search_document(self._overview())
        if key == "runs":
            return runs_document(runs(self.project, RUNS))
        if kind == "asset":
            return self._asset(doc)
        return self._run(doc) if kind == "run" else None

    def _asset(self, doc: str) -> Any:
        name = next((n for n in self.project.graph.order if slug(n) == doc), None)
        if name is None:
            return None
        seen = self._overview()
        if self._moved:  # by a run that goes on: of this one asset it is worth another look
            now = {
                each.asset: each for each in status(self.project, Ask(only=(name,)), looks=False)
            }
            seen = replace(seen, statuses=tuple(now.get(e.asset, e) for e in seen.statuses))
        for page in asset_pages(seen, [name]):
            return asset_document(seen, page)
        return None

    def _run(self, doc: str) -> Any:
        found = next((r for r in runs(self.project, RUNS) if slug(r.run_id) == doc), None)
        if found is None:
            return None
        try:
            whole = run_details(self.project, found.run_id)
        except ProjectError:
            return None  # pruned meanwhile
        return run_document(replace(whole, counts=found.counts))

    def _keep(self, key: str, made: Any) -> Document:
        content = document_text(hidden(made, self.hide)).encode()
        self._kept[key] = Document(content, etag_of(content))
        self._size += len(content)
        while self._size > LARGEST and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))
        return self._kept[key]

    def _forget(self, *keys: str) -> None:
        for key in keys:
            if (found := self._kept.pop(key, None)) is not None:
                self._size -= len(found.content)

    def _forget_all(self) -> None:
        self._kept.clear()
        self._size = 0
