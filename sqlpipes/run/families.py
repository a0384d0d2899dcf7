"""Several assets of one function: the first step that needs it calls it for all that the run wants.

What it makes for the others waits in tables that every connection of this process sees. Each asset is
checked and published by its own step: one whose check fails holds none of the others back, and each
has its own state, so that the next run asks for the missing ones only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import EngineError, Problem, did_you_mean
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action, Plan
from sqlpipes.core.sql import Relation
from sqlpipes.run.job import Job

POLL_S = 0.05
Land = Callable[[Asset, Any], Relation]  # rows of one of the assets -> the table that they are in


@dataclass(slots=True)
class Shared:
    """One call: under way until `done`, then what it made that nobody has fetched yet."""

    began: float
    done: threading.Event = field(default_factory=threading.Event)
    landed: dict[str, Relation] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    error: EngineError | None = None


class Families:
    """The calls of one run, by function and slices."""

    def __init__(self, plan: Plan, graph: Graph) -> None:
        self._lock = threading.Lock()
        self._calls: dict[tuple[str, str], Shared] = {}
        self._members: dict[str, list[tuple[Asset, Partitions]]] = {}
        for step in plan.steps:
            asset = graph.assets[step.asset]
            if step.action is Action.PYTHON and family_of(asset):
                self._members.setdefault(family_of(asset), []).append((asset, step.slices))

    def wanted(self, asset: Asset, slices: Partitions) -> list[Asset]:
        """The assets of its function that this run makes for these slices, itself among them."""
        found = [
            other
            for other, planned in self._members.get(family_of(asset), ())
            if planned.axis == slices.axis and not slices - planned
        ]
        return found if asset in found else [asset]

    def fetch(
        self,
        asset: Asset,
        slices: Partitions,
        job: Job,
        call: Callable[[list[Asset]], tuple[dict[str, Relation], Mapping[str, Any]]],
    ) -> tuple[Relation, Mapping[str, Any]]:
        """The asset's rows and what the function logged; `call` runs the function and lands all rows.

        Raises what the call raised, for each of the assets that it was made for.
        """
        shared, mine = self._join(asset, slices)
        if mine:
            self._make(shared, asset, slices, call)
        while not shared.done.wait(POLL_S):
            job.go_on()
        if shared.error is not None:
            raise EngineError(*shared.error.problems, statement=shared.error.statement)
        with self._lock:
            found = shared.landed.pop(asset.name, None)
        if found is not None:
            return found, shared.metadata
        if mine:
            raise EngineError(_missing(asset))
        return self._alone(asset, call)

    def _join(self, asset: Asset, slices: Partitions) -> tuple[Shared, bool]:
        """The call for these slices, and whether it is for the asker to make it."""
        key = (family_of(asset), str(slices))
        with self._lock:
            found = self._calls.get(key)
            if found is None or not self._is_good(found, asset):
                self._calls[key] = found = Shared(time.monotonic())
                return found, True
            return found, False

    def _is_good(self, found: Shared, asset: Asset) -> bool:
        """One that failed is made again where retries are declared; one that never ends, too."""
        assert isinstance(asset.body, PythonBody)
        if found.done.is_set():
            return found.error is None or not asset.body.retry.times
        limit = asset.body.timeout_s
        return limit is None or time.monotonic() - found.began < limit

    def _make(self, shared: Shared, asset: Asset, slices: Partitions, call: Any) -> None:
        try:
            shared.landed, shared.metadata = call(self.wanted(asset, slices))
        except EngineError as error:
            shared.error = error
        except BaseException as error:
            message = f"'{asset.name}' was stopped, which makes this one as well: {error}"
            shared.error = EngineError(Problem("BLD007", message, asset.at))
            raise
        finally:
            shared.done.set()

    def _alone(self, asset: Asset, call: Any) -> tuple[Relation, Mapping[str, Any]]:
        """It was not made, or fetched before: another attempt."""
        landed, metadata = call([asset])
        if asset.name not in landed:
            raise EngineError(_missing(asset))
        return landed[asset.name], metadata


def family_of(asset: Asset) -> str:
    return asset.body.family if isinstance(asset.body, PythonBody) else ""


def parts_of(value: Any, asset: Asset, known: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """(name, rows) of what the function returned or yields. Raises EngineError BLD006."""
    pairs = value.items() if isinstance(value, Mapping) else value
    if not isinstance(value, (Mapping, Iterator)):
        raise EngineError(_shapeless(value, asset))
    seen: set[str] = set()
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)):
            raise EngineError(_shapeless(pair, asset))
        name, rows = pair
        if name not in known or name in seen:
            what = "twice" if name in seen else "which is none of its outs"
            hint = did_you_mean(name, known) if name not in seen else None
            message = f"the function of '{asset.name}' makes '{name}', {what}"
            raise EngineError(Problem("BLD006", message, asset.at, hint))
        seen.add(name)
        yield name, rows


def _shapeless(value: Any, asset: Asset) -> Problem:
    message = f"the function of '{asset.name}' gave a value of type {type(value).__name__}"
    hint = "one of several assets: return {name: rows}, or yield (name, rows)"
    return Problem("BLD006", message, asset.at, hint)


def _missing(asset: Asset) -> Problem:
    message = f"the function of '{asset.name}' was asked for it and made no rows of that name"
    hint = "make every name in context.selected, with an empty frame if there are no rows"
    return Problem("BLD006", message, asset.at, hint)
