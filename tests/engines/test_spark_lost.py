"""A Spark Connect server that is killed while somebody builds, and is started again, or not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from run.building import build, check, graph_of, model
from servers.spark import GIVEN, Mortal

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.events import StepFailed
from sqlpipes.core.status import Status
from sqlpipes.engines import open_engine
from sqlpipes.run.claim import Claim, hold
from sqlpipes.run.journal import mend

SCHEMA = "lost"
LONG = "select count(*) as n from range(1500000000) where id % 7 = 3"
ENDLESS = "select count(*) as n from range(4000000000000) where id % 7 = 3"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    pytest.importorskip("grpc", reason="no client of Spark: pip install 'sqlpipes[spark]'")
    if os.environ.get("SQLPIPES_TEST_LEG") != "spark":
        pytest.skip("servers of Spark are killed in a leg of their own: see .ci/legs/spark")
    if os.environ.get(GIVEN):
        pytest.skip("a server that is not ours is not killed")
    mortal = Mortal(tmp_path_factory.mktemp("mortal"))
    try:
        mortal.start()
        yield mortal
    finally:
        mortal.close()


def target(server: Mortal, retries: int) -> Target:
    return Target("dev", "spark", SCHEMA, options={"url": server.url}, retries=retries)


@pytest.fixture
def engine(server: Mortal) -> Iterator[Engine]:
    opened = open_engine(target(server, 3), ".")
    opened.create_schemas([SCHEMA])
    yield opened
    opened.close()


class Watched:
    """An engine of which `before` hears each statement before it is said; so do its connections."""

    def __init__(self, real: Any, before: Callable[[str], None]) -> None:
        self._real, self._before = real, before

    def connect(self) -> Any:
        return Watched(self._real.connect(), self._before)

    def execute(self, sql: str) -> int | None:
        self._before(sql)
        found: int | None = self._real.execute(sql)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def once(text: str, do: Callable[[], None]) -> Callable[[str], None]:
    """`do` is done before the first statement with that text."""
    left = [do]

    def before(sql: str) -> None:
        if text in sql and left:
            left.pop()()

    return before


def beside(engine: Engine) -> list[str]:
    return [each.name for each in engine.relations() if each.name.startswith("sqlpipes_")]


def made(query: str) -> Any:
    return graph_of(model("t", query, schema=SCHEMA), checks=[check("t", "not_null", column="n")])


def failed(events: Any) -> tuple[str, str]:
    (step,) = (event for event in events if isinstance(event, StepFailed))
    return step.problems[0].code, step.problems[0].message


def test_a_step_goes_on_at_a_server_that_was_started_again(engine: Engine, server: Mortal) -> None:
    def die() -> None:
        time.sleep(2)
        server.kill()
        server.start()

    death = threading.Thread(target=die)
    watched: Any = Watched(engine, once("range(", death.start))
    held = hold(engine, SCHEMA, Claim("0" * 8, "'build'", "one:/shop"))
    events = build(watched, made(LONG), target=target(server, 4))
    death.join()
    assert events[-1].status is Status.SUCCESS  # type: ignore[attr-defined]
    held._beat()  # another session, and the same claim
    held.release()
    assert engine.connect().fetch(f"select n from {SCHEMA}.t").rows == ((214285714,),)
    assert not beside(engine)
    settings = engine.connect().fetch("set spark.sql.sources.partitionOverwriteMode").rows
    assert settings[0][1] == "dynamic"


def test_a_server_that_stays_away_ends_the_build(engine: Engine, server: Mortal) -> None:
    def die() -> None:
        time.sleep(2)
        server.kill()

    death = threading.Thread(target=die)
    watched: Any = Watched(engine, once("range(", death.start))
    held = hold(engine, SCHEMA, Claim("0" * 8, "'build'", "one:/shop"))
    try:
        events = build(watched, made(ENDLESS), target=target(server, 1))
        code, message = failed(events)
        assert code == "ENG061"
        assert "refused" in message
        held.release()
    finally:
        death.join()
        server.start()
    with_next = open_engine(target(server, 1), ".")
    again = hold(with_next, SCHEMA, Claim("1" * 8, "'build'", "one:/shop"))  # the same folder
    mend(with_next)
    assert beside(with_next) == ["sqlpipes__builder"]
    again.release()
    assert build(with_next, made("select 5 as n"))[-1].status is Status.SUCCESS  # type: ignore[attr-defined]
    with_next.close()


def test_a_server_that_dies_between_two_renames(engine: Engine, server: Mortal) -> None:
    build(engine, made("select 1 as n"))

    left = [None, None]

    def before(sql: str) -> None:
        if "rename to" in sql and left:
            left.pop()
            if not left:
                server.kill()

    watched: Any = Watched(engine, before)
    try:
        events = build(watched, made("select 2 as n"), target=target(server, 1))
    finally:
        server.start()
    code, message = failed(events)
    assert code == "JRN002"
    assert "the connection to the warehouse was lost" in message
    with_next = open_engine(target(server, 1), ".")
    assert mend(with_next) == ("t",)
    assert with_next.connect().fetch(f"select n from {SCHEMA}.t").rows == ((2,),)
    assert not beside(with_next)
    with_next.close()
