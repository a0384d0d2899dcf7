"""Two builds at once on a warehouse that both may write to: nothing twice, nothing lost.

One engine is DuckDB under another name, registered as a third party would: two builds in one process
share its file, as two processes share a server. The other is a real Postgres.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from math import inf
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cli.projects import write
from places import Place

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.api.project import open_store_of
from sqlpipes.api.sharing import Patience
from sqlpipes.core.events import Event, StepFinished, StepSkipped, StepStarted, StepWaiting
from sqlpipes.core.status import Status
from sqlpipes.run.fences import APART, NAME
from sqlpipes.show.report import report_text
from sqlpipes.stores.leases import Leases

ENGINE = """
from sqlpipes.engines.duckdb import blank, exists, open_engine

def is_shared(target):
    return True

def stamp(target, root):
    return None
"""
FILES = {
    "sqlpipes.yml": "name: shop\n",
    "profiles.yml": (
        "shop:\n  target: dev\n  outputs:\n"
        "    dev: {type: shared_duck, path: shop.db, schema: main, threads: 2}\n"
    ),
    "models/assets.py": """
import os, time
from datetime import date
from glob import glob
from sqlpipes import asset, Daily

@asset(partition=Daily("day", start="2024-01-01", end="2024-01-13", batch=1))
def days(context):
    open(f"began.{context.partition.start}", "w").close()
    until = time.monotonic() + 30
    # the second slice waits for the third: for another build, unless that has failed
    while len(glob("began.*")) == 2 and time.monotonic() < until:
        time.sleep(0.01)
    return [{"day": date.fromisoformat(context.partition.start), "x": 1}]

@asset
def gated(context):
    with open(f"gated.{os.getpid()}", "a") as file:
        file.write("x")
    until = time.monotonic() + 60
    while not os.path.exists("gate") and time.monotonic() < until:
        time.sleep(0.01)
    return [{"x": 1}]
""",
    "models/doubled.sql": (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-13, batch: 1}\n"
        "inputs: {days: same}\n---\n*/\nselect day, 2 * x as x from days\n"
    ),
    "models/total.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect sum(x) as x from doubled\n",
    "models/other.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x\n",
    "models/after.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect x + 1 as x from gated\n",
}
DAYS = ("+total",)
QUICK = Patience(beat_s=0.1, dead_after_s=1.0)
CALM = Patience(beat_s=0.1, dead_after_s=60.0)  # nobody is to be taken for dead on a busy machine
SLOW = Patience(beat_s=600.0, dead_after_s=6000.0)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = write(
        tmp_path / "plugins",
        {
            "shared_duck.py": ENGINE,
            "shared_duck-1.0.dist-info/METADATA": "Name: shared_duck\nVersion: 1.0\n",
            "shared_duck-1.0.dist-info/entry_points.txt": (
                "[sqlpipes.engines]\nshared_duck = shared_duck\n"
            ),
        },
    )
    monkeypatch.syspath_prepend(str(found))
    return found


@pytest.fixture
def shop(tmp_path: Path, plugins: Path, monkeypatch: pytest.MonkeyPatch, place: Place) -> Path:
    root = write(tmp_path / "shop", FILES)
    place.prepare(root)
    monkeypatch.chdir(root)
    return root


def build(root: Path, *names: str, ask: Ask | None = None, **options: Any) -> sqlpipes.Report:
    given = {"wait_s": inf, "patience": CALM, **options}
    return sqlpipes.build(sqlpipes.load(str(root), environ={}), ask or Ask(select=names), **given)


def rows(root: Path, *sql: str) -> list[tuple[Any, ...]]:
    profile = (root / "profiles.yml").read_text()
    if server := re.search(r"type: (postgres|ducklake), (?:url|catalog): '(.*?)'", profile):
        return Place(server[1], server[2]).sql(root, *sql)
    with duckdb.connect(str(root / "shop.db")) as db:
        return db.execute("; ".join(sql)).fetchall()


def relations(root: Path) -> set[str]:
    found = rows(root, "select table_name from information_schema.tables")
    return {str(name) for (name,) in found}


def fences(root: Path, run: str = "") -> list[tuple[Any, ...]]:
    """Those that stand: rows of a table, or tables of their own where transactions conflict by table."""
    if "type: ducklake" in (root / "profiles.yml").read_text():
        return [(name,) for name in relations(root) if name.startswith(f"{APART}_{run}")]
    return rows(root, f"select fence from {NAME} where run_id like '{run}%'")


def take_fences_away(root: Path, run: str) -> None:
    found = fences(root, run)
    if found and isinstance(found[0][0], str):
        rows(root, *(f'drop table "{name}"' for (name,) in found))
    else:
        rows(root, f"delete from {NAME} where run_id = '{run}' returning 1")
    assert len(found) == 1
    assert fences(root, run) == []


def of(report: sqlpipes.Report, kind: type) -> dict[str, Any]:
    return {event.asset: event for event in report.events if isinstance(event, kind)}


def slices_done(*reports: sqlpipes.Report) -> Counter[tuple[str, int]]:
    """How often each slice of each asset was written."""
    done = (event for report in reports for event in report.finished)
    return Counter((event.asset, each) for event in done for each in event.slices)


@contextmanager
def at_work() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Seen:
    """Waits until a build says something of an asset."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._more:
            self.events.append(event)
            self._more.notify_all()

    def wait_for(self, kind: type, asset: str) -> Any:
        def found() -> Any:
            named = (e for e in self.events if isinstance(e, kind))
            return next((e for e in named if getattr(e, "asset", "") == asset), None)

        with self._more:
            assert self._more.wait_for(found, timeout=60), self.events
            return found()


@contextmanager
def leases_of(root: Path) -> Iterator[Leases]:
    project = sqlpipes.load(str(root), environ={})
    with closing(open_store_of(project)) as store:
        leases = store.leases()
        assert leases is not None
        yield leases


def demand_current(root: Path, *names: str) -> None:
    again = build(root, *names)
    assert not again.plan.steps, again.plan.steps


def test_two_builds_share_the_slices(shop: Path) -> None:
    with at_work() as pool:
        both = [pool.submit(build, shop, *DAYS) for _ in range(2)]
    reports = [each.result() for each in both]
    assert [report.failed for report in reports] == [(), ()]
    done = slices_done(*reports)
    assert set(done.values()) == {1}
    assert len(done) == 25
    assert all(of(report, StepFinished)["days"] for report in reports)
    assert rows(shop, "select count(*), count(distinct day), sum(x) from doubled") == [(12, 12, 24)]
    assert rows(shop, "select * from total") == [(24,)]
    assert fences(shop) == []
    demand_current(shop, *DAYS)


def test_a_build_that_was_planned_before_another_began_keeps_what_that_one_writes(
    shop: Path,
) -> None:
    """Its plan would write all slices anew, by a table that was not there and is by now."""
    first = Seen()
    others: list[Future[sqlpipes.Report]] = []

    def meanwhile(plan: sqlpipes.Plan) -> None:
        if not others:
            others.append(pool.submit(build, shop, "days", on_event=first))
            first.wait_for(StepFinished, "days")

    with at_work() as pool:
        report = build(shop, *DAYS, on_plan=meanwhile)
        other = others[0].result()
    assert (report.failed, other.failed) == ((), ())
    assert other.finished
    assert set(slices_done(report, other).values()) == {1}
    days = "select count(*), count(distinct day) from days"
    assert rows(shop, days) == [(12, 12)]
    assert rows(shop, "select * from total") == [(24,)]
    demand_current(shop, *DAYS)


def test_what_another_build_is_at_is_waited_for_and_not_built_again(shop: Path) -> None:
    first, second = Seen(), Seen()
    with at_work() as pool:
        one = pool.submit(build, shop, "+after", on_event=first, command="build -s +after")
        first.wait_for(StepStarted, "gated")
        two = pool.submit(build, shop, "+after", "other", on_event=second)
        waiting = second.wait_for(StepWaiting, "gated")
        second.wait_for(StepFinished, "other")  # the rest goes on meanwhile
        (shop / "gate").touch()
    run = one.result().run_id
    assert f"'build -s +after' (run {run}, process {os.getpid()} on " in waiting.holder
    assert one.result().ok
    assert two.result().ok
    assert of(two.result(), StepSkipped)["gated"].because == f"built by run {run}"
    assert set(slices_done(one.result(), two.result()).values()) == {1}
    assert rows(shop, "select * from after") == [(2,)]
    assert (shop / f"gated.{os.getpid()}").read_text() == "x"
    demand_current(shop, "+after", "other")


def test_waiting_ends_when_it_is_cancelled(shop: Path) -> None:
    first, second, cancel = Seen(), Seen(), threading.Event()
    with at_work() as pool:
        one = pool.submit(build, shop, "+after", on_event=first)
        first.wait_for(StepStarted, "gated")
        two = pool.submit(build, shop, "+after", on_event=second, cancel=cancel)
        second.wait_for(StepWaiting, "gated")
        cancel.set()
        assert two.result(60).status is Status.CANCELLED
        (shop / "gate").touch()
    assert one.result().ok


def test_who_does_not_want_to_wait_is_told(shop: Path) -> None:
    first = Seen()
    with at_work() as pool:
        one = pool.submit(build, shop, "+after", on_event=first)
        first.wait_for(StepStarted, "gated")
        refused = build(shop, "+after", wait_s=0.0)
        (shop / "gate").touch()
    assert refused.status is Status.ERROR
    assert refused.failed[0].problems[0].code == "LCK003"
    assert f"run {one.result().run_id}" in refused.failed[0].problems[0].message
    assert one.result().ok


def test_who_is_asked_to_build_all_anew_does(shop: Path) -> None:
    (shop / "gate").touch()
    build(shop, "+after")
    first, ask = Seen(), Ask(select=("+after",), force=True)
    (shop / "gate").unlink()
    with at_work() as pool:
        one = pool.submit(build, shop, "+after", ask=ask, on_event=first)
        first.wait_for(StepStarted, "gated")
        two = pool.submit(build, shop, ask=ask)
        time.sleep(0.2)  # so that it is planned after the other has begun to read
        (shop / "gate").touch()
    assert slices_done(one.result(), two.result())["gated", 0] == 2
    demand_current(shop, "+after")


def held_up(shop: Path, then: Callable[[str], None]) -> sqlpipes.Report:
    """A build that gives no signs of life, to which something happens before it may publish."""
    seen = Seen()
    with at_work() as pool:
        late: Future[sqlpipes.Report] = pool.submit(
            build, shop, "+after", on_event=seen, patience=SLOW
        )
        run = seen.wait_for(StepStarted, "gated").run_id
        try:
            then(run)
        finally:
            (shop / "gate").touch()
    return late.result()


def test_a_build_that_was_taken_for_dead_publishes_nothing(shop: Path) -> None:
    def bury(run: str) -> None:
        with leases_of(shop) as leases:
            assert leases.bury(run, 0)

    report = held_up(shop, bury)
    assert report.status is Status.ERROR
    assert report.failed[0].problems[0].code == "STO014"
    assert of(report, StepSkipped)["after"].because in ("gated", "taken for dead")
    assert "gated" not in relations(shop)
    assert build(shop, "+after").ok
    demand_current(shop, "+after")


def test_what_befalls_the_whole_run_is_told_once(shop: Path) -> None:
    for n in range(3):
        text = (shop / "models" / "assets.py").read_text()
        gated = text[text.index("@asset\ndef gated") :].replace("def gated", f"def gated{n}")
        start = "import os, time\nfrom sqlpipes import asset\n\n"
        (shop / "models" / f"more{n}.py").write_text(start + gated)
    profile = shop / "profiles.yml"
    profile.write_text(profile.read_text().replace("threads: 2", "threads: 4"))
    names = ("gated", "gated0", "gated1", "gated2")
    seen = Seen()
    with at_work() as pool:
        late = pool.submit(build, shop, *names, on_event=seen, patience=SLOW)
        for name in names:
            run = seen.wait_for(StepStarted, name).run_id
        with leases_of(shop) as leases:
            assert leases.bury(run, 0)
        (shop / "gate").touch()
    report = late.result()
    assert report.status is Status.ERROR
    told = [problem for event in report.failed for problem in event.problems]
    assert [problem.at for problem in told if problem.code == "STO014"] == [None]
    assert {problem.code for problem in told} == {"STO014", "BLD007"}
    assert {event.asset for event in report.failed} == set(names)
    graph = sqlpipes.load(str(shop), environ={}).graph
    assert report_text(report, graph, str(shop)).count("taken for dead") == 1
    assert build(shop, *names).ok


def test_the_warehouse_itself_refuses_who_was_buried(shop: Path) -> None:
    report = held_up(shop, lambda run: take_fences_away(shop, run))
    assert report.failed[0].problems[0].code == "STO014"
    assert "gated" not in relations(shop)


def test_one_that_stands_still_is_buried_and_inherited(shop: Path) -> None:
    reports: list[sqlpipes.Report] = []

    def build_meanwhile(run: str) -> None:
        seen = Seen()
        with at_work() as pool:
            other = pool.submit(build, shop, "+after", on_event=seen, patience=QUICK)
            seen.wait_for(StepWaiting, "gated")
            seen.wait_for(StepStarted, "gated")  # after the burial
            (shop / "gate").touch()
        reports.append(other.result())

    late = held_up(shop, build_meanwhile)
    assert late.status is Status.ERROR
    assert reports[0].ok
    assert set(slices_done(late, reports[0])) == {("gated", 0), ("after", 0)}
    assert rows(shop, "select * from after") == [(2,)]
    demand_current(shop, "+after")


CHILD = """
import sys
from math import inf
import sqlpipes
from sqlpipes.api import Ask
sqlpipes.build(sqlpipes.load(sys.argv[1], environ={}), Ask(select=("+after",)), wait_s=inf)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_heir_of_a_killed_process_builds_what_it_left(shop: Path, plugins: Path) -> None:
    paths = os.pathsep.join([str(plugins), *filter(None, [os.environ.get("PYTHONPATH")])])
    environ = {**os.environ, "PYTHONPATH": paths}
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(shop)], cwd=shop, env=environ)
    deadline = time.monotonic() + 60
    while not (shop / f"gated.{child.pid}").exists():
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (shop / "gate").touch()
    seen = Seen()
    # its process is known to be gone: nobody waits until it counts as dead
    patient = Patience(beat_s=0.1, dead_after_s=inf)
    report = build(shop, "+after", on_event=seen, patience=patient)
    assert report.ok
    assert f"process {child.pid}" in seen.wait_for(StepWaiting, "gated").holder
    assert rows(shop, "select * from after") == [(2,)]
    assert fences(shop) == []
    demand_current(shop, "+after")
