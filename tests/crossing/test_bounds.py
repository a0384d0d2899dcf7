"""Crossings that are killed in the middle, and crossings that are larger than memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

MANY = (
    "select i as n, 'a text that takes some room: ' || i as t, i * 0.5 as x from range({}) as r(i)"
)
BUILD = "import sys; from sqlpipes.api import build, load; r = build(load({!r}, environ={{}}))"
PEAK = "; import resource; print(r.ok, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"


def run(world, more=""):
    code = BUILD.format(str(world.root)) + more
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environ, text=True
    )


@pytest.mark.nightly
def test_a_kill_in_the_middle_leaves_nothing_half(world):
    if world.own == "postgres":
        pytest.skip("its rows are made by DuckDB")
    world.write(models__many=MANY.format(3_000_000))
    assert world.build().ok
    world.write(models__dw__copy="select n, t from many")
    with run(world) as process:
        time.sleep(2.5)
        process.send_signal(signal.SIGKILL)
    tables = "select table_name from information_schema.tables where table_name = 'copy' "
    left = [name for (name,) in world.ask("dw", tables)]
    assert left in ([], ["copy"])  # whole or not at all
    assert world.build().ok
    assert world.ask("dw", "select count(*), max(n) from copy") == [(3_000_000, 2_999_999)]
    assert [
        name for (name,) in world.ask("dw", tables + "or table_name like 'sqlpipes_from%'")
    ] == ["copy"]


@pytest.mark.nightly
def test_five_million_rows_cross_within_bounded_memory(world):
    rows = "generate_series(0, {}) as r(i)" if world.own == "postgres" else "range({}) as r(i)"
    said = MANY.partition("range")[0] + rows
    limit = "settings: {memory_limit: 300MB}"
    profile = world.root / "profiles.yml"
    profile.write_text(profile.read_text().replace(".duckdb,", f".duckdb, {limit},"))
    small, peaks = 100_000, []
    for count in (small, 5_000_000):
        last = count - 1 if world.own == "postgres" else count
        world.write(models__many=said.format(last), models__dw__copy="select n, t, x from many")
        with run(world, PEAK) as process:
            out, _ = process.communicate()
        ok, peak = out.split()
        assert ok == "True"
        peaks.append(int(peak))
    assert world.ask("dw", "select count(*) from copy") == [(5_000_000,)]
    assert peaks[1] < peaks[0] + 1400, (
        peaks
    )  # MB; the rows alone take some 400 as Arrow, more as text
