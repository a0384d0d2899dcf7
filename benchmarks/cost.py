"""A command -> what it cost: CPU seconds, wall seconds and peak memory of the whole process.

The parent stays small on purpose: a child that was just forked counts its parent's memory as its own.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

NOT_FOR_USERS = ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Cost:
    """`cpu_s` is user + system, of the process and of the children it waited for."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def cost_of(command: Sequence[str], folder: Path, said: Mapping[str, str] | None = None) -> Cost:
    """Run a command in a folder. RuntimeError with the end of what it printed when it fails."""
    log = folder / "benchmark.log"
    with open(log, "wb") as stream:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=folder, env=environment(said), stdout=stream, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{tail}")
    return Cost(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024)


def environment(said: Mapping[str, str] | None = None) -> dict[str, str]:
    """A user's: with bytecode, without what a developer's shell sets."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_FOR_USERS}
    quiet = {"NO_COLOR": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    return {**kept, **quiet, **(said or {})}


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure on its own.

    >>> middle([Cost(1, 2, 30), Cost(3, 1, 10), Cost(2, 3, 20)])
    Cost(cpu_s=2, wall_s=2, peak_mb=20)
    """
    return Cost(
        median(cost.cpu_s for cost in costs),
        median(cost.wall_s for cost in costs),
        median(cost.peak_mb for cost in costs),
    )
