"""One command, one table: what a step of a first build costs, beside the same statement without a tool.

    python benchmarks/steps.py                      1,000 models, medians of 3
    python benchmarks/steps.py --models 300 --repeat 1

Figures are CPU time of the thread that did it: while a statement runs DuckDB's own threads may help, which
is told by the last line only, the whole process. Ours and the bare statements run in turn. What was read of
the files is known from before, as on any second command; nothing else is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cli import forget_built, prepare
from cost import Cost, cost_of, middle

Figures = Mapping[str, float]  # seconds under `<what>`, how often under `<what> times`
FACTS = "facts.json"  # of the files, in the cache
STATEMENTS = {
    "create": "the statement",
    "check": "a check",
    "columns": "which columns it has now",
    "begin": "begin",
    "commit": "commit",
    "other": "other statements",
}


class Spent:
    """Seconds by kind of statement, of all threads. What is asked within a statement counts as that."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._inside = threading.local()

    def timed(self, call: Callable[..., Any], kind_of: Callable[[str], str]) -> Callable[..., Any]:
        """The same call of an object's method that takes a statement first."""

        def measured(own: Any, sql: str, *rest: Any) -> Any:
            if getattr(self._inside, "on", False):
                return call(own, sql, *rest)
            self._inside.on, began = True, time.thread_time()
            try:
                return call(own, sql, *rest)
            finally:
                self._inside.on = False
                self.add(kind_of(sql), time.thread_time() - began)

        return measured

    def add(self, kind: str, seconds: float) -> None:
        with self._lock:
            self.seconds[kind] += seconds
            self.seconds[f"{kind} times"] += 1


def kind_of(sql: str) -> str:
    """
    >>> kind_of("create or replace view v as select 1"), kind_of("begin transaction")
    ('create', 'begin')
    """
    first = sql.split(maxsplit=1)[0].lower()
    if first in ("begin", "commit"):
        return first
    if first == "create":
        return "other" if sql.lower().startswith("create schema") else "create"
    return "check" if sql.lower().startswith("select count(*) from (") else "other"


def build_ours() -> Figures:
    """Of a first build in the working folder, and what its threads have used besides."""
    began = time.thread_time()
    import sqlpipes
    from sqlpipes.engines.duckdb.connection import DuckConnection as Duck

    spent, marks = Spent(), {"start": began}
    Duck.execute = spent.timed(Duck.execute, kind_of)  # type: ignore[method-assign]
    Duck.fetch = spent.timed(Duck.fetch, kind_of)  # type: ignore[method-assign]
    Duck.describe = spent.timed(Duck.describe, lambda sql: "columns")  # type: ignore[method-assign]
    run = threading.Thread.run

    def run_and_tell(self: threading.Thread) -> None:
        run(self)
        spent.add("threads", time.thread_time())

    threading.Thread.run = run_and_tell  # type: ignore[method-assign]
    project = sqlpipes.load(".")
    marks["read"] = time.thread_time()

    def planned(plan: Any) -> None:
        marks["planned"] = time.thread_time()

    def told(event: Any) -> None:
        marks["told"] = time.thread_time()

    report = sqlpipes.build(project, on_plan=planned, on_event=told)
    if not report.ok:
        raise RuntimeError("the build has failed")
    marks["end"] = time.thread_time()
    steps = len(report.plan.steps)
    phases = zip(("read", "planned", "told", "end"), marks, strict=False)
    return {
        **spent.seconds,
        "steps": steps,
        **{f"main {phase}": marks[phase] - marks[before] for phase, before in phases},
    }


class Counting:
    """A connection of DuckDB, as far as the floor uses it."""

    def __init__(self, connection: Any, spent: Spent) -> None:
        self._connection, self._spent = connection, spent

    def cursor(self) -> Counting:
        return Counting(self._connection.cursor(), self._spent)

    def execute(self, sql: str) -> Counting:
        began = time.thread_time()
        self.rows = self._connection.execute(sql).fetchall()
        self._spent.add(kind_of(sql), time.thread_time() - began)
        return self

    def fetchall(self) -> list[Any]:
        found: list[Any] = self.rows
        return found


def build_bare(database: str) -> Figures:
    import duckdb
    import floors

    dag = json.loads(Path("dag.json").read_text(encoding="utf-8"))
    made = floors.seed_statements(dag) | floors.model_statements(dag) | floors.check_statements(dag)
    spent = Spent()
    with duckdb.connect(database) as connection:
        connection.execute(f"set threads = {os.cpu_count()}")
        for schema in sorted({name.split(".")[0] for name in {*dag["seeds"], *dag["models"]}}):
            connection.execute(f"create schema if not exists {schema}")
        counting = Counting(connection, spent)
        floors.run_in_order(counting, made, floors.inputs_of(dag, made), 2)
    return spent.seconds


def measured(folder: Path, *command: str) -> tuple[Cost, Figures]:
    """One child that does one of the two, and tells."""
    forget_built(folder)
    for kept in folder.glob(".sqlpipes/cache/*"):
        if kept.name != FACTS:
            kept.unlink()
    cost = cost_of([sys.executable, str(Path(__file__).resolve()), *command], folder)
    told = (folder / "benchmark.log").read_text(encoding="utf-8").splitlines()[-1]
    return cost, json.loads(told)


def table(ours: Sequence[tuple[Cost, Figures]], bare: Sequence[tuple[Cost, Figures]]) -> str:
    lines = ["| CPU | times | sqlpipes, µs each | bare, µs each |", "|---|---|---|---|"]
    for kind, name in STATEMENTS.items():
        if times := each([f for _, f in ours], f"{kind} times"):
            both = " | ".join(per_time([f for _, f in side], kind) for side in (ours, bare))
            lines.append(f"| {name} | {times:,.0f} | {both} |")
    steps = each([f for _, f in ours], "steps")
    for name, seconds in around(ours):
        lines.append(f"| {name} | {steps:,.0f} | {1e6 * seconds / steps:,.0f} | |")
    mine, theirs = (middle([cost for cost, _ in side]) for side in (ours, bare))
    lines.append(
        f"| the whole process, over its steps | {steps:,.0f} | {1e6 * mine.cpu_s / steps:,.0f} | "
        f"{1e6 * theirs.cpu_s / steps:,.0f} |"
    )
    ratio = median(a.cpu_s / b.cpu_s for (a, _), (b, _) in zip(ours, bare, strict=True))
    lines.append(
        f"\nThe whole process: {mine.cpu_s:.1f} CPU s, {mine.peak_mb:.0f} MB; bare {theirs.cpu_s:.1f} CPU s, "
        f"{theirs.peak_mb:.0f} MB; {ratio:.2f} x CPU."
    )
    return "\n".join(lines)


def around(ours: Sequence[tuple[Cost, Figures]]) -> Iterator[tuple[str, float]]:
    """What is no statement of a step, in seconds of the whole build."""
    found = [figures for _, figures in ours]
    yield "our Python in the step's thread", median(own_python(figures) for figures in found)
    for name, phase in (
        ("main thread: start and read", "main read"),
        ("main thread: look, prove, plan", "main planned"),
        ("main thread: hand out, record, tell", "main told"),
        ("main thread: keep, close DuckDB", "main end"),
    ):
        yield name, each(found, phase)


def own_python(figures: Figures) -> float:
    """Of the threads that do steps. A look at the sources is no step: it is in the main thread."""
    kinds = ("create", "check", "columns", "begin", "commit")
    return figures["threads"] - sum(figures.get(kind, 0.0) for kind in kinds)


def each(found: Sequence[Figures], key: str) -> float:
    return median(figures.get(key, 0.0) for figures in found)


def per_time(found: Sequence[Figures], kind: str) -> str:
    times = each(found, f"{kind} times")
    return f"{1e6 * each(found, kind) / times:,.0f}" if times else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("ours", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=200, help="of each raw table")
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    if asked.what:
        found = build_ours() if asked.what == "ours" else build_bare("warehouse.duckdb")
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), asked.models, asked.rows)
        measured(Path(folder) / "sqlpipes", "ours")  # so that the cache of parsed files is warm
        ours, bare = [], []
        for _ in range(asked.repeat):
            ours.append(measured(Path(folder) / "sqlpipes", "ours"))
            bare.append(measured(Path(folder) / "plain", "bare"))
        print(table(ours, bare))


if __name__ == "__main__":
    main()
