"""Processes that share the slices of one asset, some of which are killed; and what must come of it."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from stores.events import span

from sqlpipes.core.partitions import Grain
from sqlpipes.stores import Store, open_store
from sqlpipes.stores.connect import make_engine, parse_url

WORKER = """
import os, random, sys, time
from contextlib import closing
from stores.events import finished, run_started, span, started
from sqlpipes.core.errors import StoreError
from sqlpipes.core.partitions import Grain
from sqlpipes.stores import open_store
from sqlpipes.stores.pulse import Pulse

root, url, name = sys.argv[1], sys.argv[2] or None, sys.argv[3]
days, patience, gate = int(sys.argv[4]), float(sys.argv[5]), sys.argv[6:]


def work(store, run):
    leases = store.leases()
    leases.enlist(run, "build", pid=1)
    store.append(run_started(run))
    pulse = Pulse(leases, run, beat_s=patience / 10, patience_s=patience)
    pulse.start()
    try:
        while missing := span(0, days) - store.history().of("facts").slices(Grain.DAY):
            low = random.choice(list(missing))
            claim = leases.claim(run, "facts", span(low, low + 4) & missing)
            if claim.lease is None:
                time.sleep(0.01)
                continue
            built = store.history().of("facts").slices(Grain.DAY)
            todo = claim.lease.slices - built
            if not todo:
                leases.release(claim.lease.fence)
                continue
            store.append(started("facts", todo, run_id=run))
            print("began", run, *todo, flush=True)
            time.sleep(random.uniform(0.0, 0.05))
            while gate and not os.path.exists(gate[0]):
                time.sleep(0.01)
            leases.record(finished("facts", todo, run_id=run), claim.lease.fence)
            print("ended", run, *todo, flush=True)
    finally:
        pulse.stop()
    leases.leave(run)


print("ready", flush=True)
with closing(open_store(url, root, target="dev")) as store:
    for life in range(1000):
        try:
            work(store, f"{name}.{life}")
            break
        except StoreError as error:
            assert error.problems[0].code == "STO014", error
            print("refused", f"{name}.{life}", flush=True)
"""

WORDS = ("ready", "began", "ended", "refused")


class Crowd:
    """Processes that share the slices of one asset among them; a state without a URL is a file."""

    def __init__(self, root: Path, patience_s: float, days: int, url: str = "") -> None:
        self.root = root
        self.url = url
        self.patience_s = patience_s
        self.days = days
        self.names = itertools.count()
        self.alive: dict[str, subprocess.Popen[str]] = {}
        self.killed: set[str] = set()
        with self.store():
            pass

    def store(self) -> closing[Store]:
        return closing(open_store(self.url or None, str(self.root), target="dev"))

    def log(self, name: str) -> Path:
        return self.root / f"{name}.log"

    def add(self, *gate: str) -> None:
        """One more process; with a gate, it waits before each end until that file is there."""
        name = f"w{next(self.names)}"
        said = [str(self.root), self.url, name, str(self.days), str(self.patience_s), *gate]
        with self.log(name).open("w") as out:
            tests = str(Path(__file__).parent.parent)
            paths = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
            self.alive[name] = subprocess.Popen(
                [sys.executable, "-c", WORKER, *said],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": paths},
            )

    def lines(self) -> list[list[str]]:
        logs = [path.read_text() for path in self.root.glob("*.log")]
        lines = (line for log in logs for line in log.splitlines(keepends=True))
        whole = [line.split() for line in lines if line.endswith("\n")]  # one may be half written
        return [line for line in whole if line and line[0] in WORDS]

    def wait_for(self, number: int, word: str) -> None:
        """Until `number` lines say that, or all have gone home."""
        deadline = time.monotonic() + 60
        while sum(line[0] == word for line in self.lines()) < number:
            if all(process.poll() is not None for process in self.alive.values()):
                return
            assert time.monotonic() < deadline, self.lines()
            time.sleep(0.005)

    def kill(self, name: str) -> None:
        process = self.alive.pop(name)
        if process.poll() is None:
            self.killed.add(name)
        process.kill()
        process.wait()

    def finish(self) -> None:
        for name, process in self.alive.items():
            assert process.wait(timeout=60) == 0, self.log(name).read_text()


def times(lines: list[list[str]], word: str) -> Counter[int]:
    """How often each slice is named by such a line."""
    return Counter(int(day) for line in lines if line[0] == word for day in line[2:])


def recorded(crowd: Crowd) -> Counter[int]:
    """How often each slice stands as built in the record of steps."""
    found: Counter[int] = Counter()
    engine = make_engine(parse_url(crowd.url or None, str(crowd.root)))
    with engine.connect() as db:
        for (said,) in db.execute(
            text("select slices from sqlpipes_steps where status = 'success'")
        ):
            found.update(
                day for low, high in json.loads(said)["ranges"] for day in range(low, high)
            )
    engine.dispose()
    return found


def play(
    root: Path, days: int, kills: int, workers: int, patience_s: float, url: str = ""
) -> Crowd:
    """Workers of which `kills` die at any moment, each followed by another one."""
    crowd = Crowd(root, patience_s, days, url)
    for _ in range(workers):
        crowd.add()
    for number in range(kills):
        crowd.wait_for(2 * number + 1, "began")
        if crowd.alive:
            crowd.kill(random.choice(list(crowd.alive)))
        crowd.add()
    crowd.finish()
    return crowd


def demand_all_once(crowd: Crowd) -> None:
    """Every slice was recorded once, and begun a second time only by heirs of the killed."""
    assert not [line for line in crowd.lines() if line[0] == "refused"]
    demand_all(crowd)


def demand_all(crowd: Crowd) -> None:
    """The same, where one that could not give signs of life may have been taken for dead."""
    everyone = Counter(range(crowd.days))
    lines = crowd.lines()
    buried = {line[1] for line in lines if line[0] == "refused"}
    assert set(recorded(crowd)) == set(everyone)
    assert buried or recorded(crowd) == everyone
    survived = [line for line in lines if line[1:] and line[1].split(".")[0] not in crowd.killed]
    survived = [line for line in survived if line[1] not in buried]
    assert max(times(survived, "began").values(), default=1) == 1
    with crowd.store() as store:
        past = store.history().of("facts")
        assert past.slices(Grain.DAY) == span(0, crowd.days)
        assert past.suspect is None
        leases = store.leases()
        assert leases is not None
        assert {each.run_id.split(".")[0] for each in leases.held("facts")} <= crowd.killed
