"""A process that builds on a real Spark is killed where it hurts: the next build finds nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.dying import build_on

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.status import Status
from sqlpipes.engines import open_engine
from sqlpipes.run.journal import mend

SCHEMA = "killed"
TESTS = Path(__file__).resolve().parent.parent
RAW = "select d, id, v from values {} as t(d, id, v)"
ONE = "(date'2024-01-01', 1, 'a'), (date'2024-01-02', 2, 'b')"
TWO = "(date'2024-01-01', 1, 'A'), (date'2024-01-03', 3, 'c')"
OLD, NEW = [(1, "a"), (2, "b")], [(1, "A"), (3, "c")]

# shape, the text and the how manieth statement with it, what stands then, what stands once it is mended
CUTS = [
    ("t", "create table", 1, OLD, OLD),
    ("t", "create view", 1, OLD, OLD),
    ("t", "rename to", 1, OLD, NEW),
    ("t", "rename to", 2, None, NEW),  # the table is away
    ("t", "drop view", 1, NEW, NEW),
    ("t", "drop table", 1, NEW, NEW),
    ("s", "insert overwrite", 2, OLD, NEW),  # the first one tries whether the server is dynamic
    ("s", "drop if exists partition", 1, [(1, "A"), (2, "b"), (3, "c")], NEW),
]


@pytest.fixture(scope="module")
def engine(spark_url: str) -> Iterator[Engine]:
    opened = open_engine(Target("dev", "spark", SCHEMA, options={"url": spark_url}), ".")
    opened.create_schemas([SCHEMA])
    yield opened
    opened.connect().execute(f"drop schema {SCHEMA} cascade")
    opened.close()


def source(engine: Engine, rows: str) -> None:
    connection = engine.connect()
    connection.execute(f"drop table if exists {SCHEMA}.raw")
    connection.execute(f"create table {SCHEMA}.raw using parquet as {RAW.format(rows)}")


def seen(engine: Engine, shape: str) -> list[tuple[Any, ...]] | None:
    if shape not in {each.name for each in engine.relations() if each.schema == SCHEMA}:
        return None
    engine.connect().execute(f"refresh table {SCHEMA}.{shape}")
    return sorted(engine.connect().fetch(f"select id, v from {SCHEMA}.{shape}").rows)


def killed(url: str, shape: str, text: str, times: int) -> int:
    line = [sys.executable, str(TESTS / "servers" / "dying.py")]
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    env = {**os.environ, "PYTHONPATH": path}
    asked = [url, SCHEMA, shape, text, str(times)]
    return subprocess.run([*line, *asked], env=env, timeout=120, check=False).returncode


@pytest.mark.parametrize(("shape", "text", "times", "left", "mended"), CUTS)
def test_killed(
    engine: Engine, spark_url: str, shape: str, text: str, times: int, left: Any, mended: Any
) -> None:
    source(engine, ONE)
    assert build_on(engine, SCHEMA, shape)[-1].status is Status.SUCCESS  # type: ignore[attr-defined]
    source(engine, TWO)
    assert killed(spark_url, shape, text, times) == -signal.SIGKILL
    assert seen(engine, shape) == left
    mend(engine)
    assert seen(engine, shape) == mended
    assert not [each for each in engine.relations() if each.name.startswith("sqlpipes_")]
    assert build_on(engine, SCHEMA, shape)[-1].status is Status.SUCCESS  # type: ignore[attr-defined]
    assert seen(engine, shape) == NEW
