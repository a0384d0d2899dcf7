"""A process that builds on a real Spark and is killed, by SIGKILL, before the statement that it is told.

    python tests/servers/dying.py URL SCHEMA SHAPE "rename to" 2

dies before the second statement that holds the text; with no such statement it ends with 0.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from run.building import build, check, daily, days, graph_of, model

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.events import Event
from sqlpipes.core.graph import Graph
from sqlpipes.engines import open_engine

SLICES = {"s": days(0, 3)}


def graph_on(schema: str, shape: str) -> Graph:
    """`t` is a table, `s` is cut by days; both read what stands in `raw`."""
    query = f"select d, id, v from {schema}.raw"
    cut = daily() if shape == "s" else None
    gate = [check(shape, "not_null", column="id")]
    return graph_of(model(shape, query, schema=schema, partition=cut), checks=gate)


def build_on(engine: Engine, schema: str, shape: str) -> list[Event]:
    slices = SLICES if shape == "s" else None
    target = Target("dev", "spark", schema)
    return build(engine, graph_on(schema, shape), slices=slices, target=target)


class Dying:
    """A connection that says nothing from a certain statement on: nobody is there to say it."""

    def __init__(self, real: Any, text: str, left: list[None]) -> None:
        self._real, self._text, self._left = real, text, left

    def execute(self, sql: str) -> int | None:
        if self._text in sql:
            self._left.pop()
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
        found: int | None = self._real.execute(sql)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Mortal:
    """An engine whose connections die together."""

    def __init__(self, real: Any, text: str, times: int) -> None:
        self._real, self._text, self._left = real, text, [None] * times

    def connect(self) -> Any:
        return Dying(self._real.connect(), self._text, self._left)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def main(url: str, schema: str, shape: str, text: str, times: str) -> None:
    engine: Any = open_engine(Target("dev", "spark", schema, options={"url": url}), ".")
    build_on(Mortal(engine, text, int(times)), schema, shape)  # type: ignore[arg-type]
    engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
