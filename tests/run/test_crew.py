"""Threads with a connection each, and a wait that ends whatever happens meanwhile."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType

import pytest
from run.building import memory_engine

from sqlpipes.core.engine import Engines
from sqlpipes.run.crew import Crew


def test_what_was_handed_in_comes_back() -> None:
    engine = memory_engine()
    crew: Crew[int] = Crew(Engines(engine), 2)
    crew.hand_in(lambda connect: int(connect().fetch("select 41 + 1").rows[0][0]))
    assert crew.take_back(60.0) == 42
    assert crew.take_back(0.0) is None
    crew.close(60.0)
    engine.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no such timer")
def test_a_signal_at_the_end_of_the_wait_does_not_make_it_endless() -> None:
    calls: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        calls.append(time.monotonic())
        if len(calls) > 1:
            raise TimeoutError("it waits for ever")
        time.sleep(0.3)  # until after the end of the wait

    engine = memory_engine()
    crew: Crew[int] = Crew(Engines(engine), 1)
    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 5.0)
        assert crew.take_back(0.2) is None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        engine.close()
    assert len(calls) == 1


def test_work_that_breaks_is_no_silence_that_is_waited_for() -> None:
    def break_off(connect: object) -> int:
        raise ZeroDivisionError("ours")

    engine = memory_engine()
    crew: Crew[int] = Crew(Engines(engine), 1)
    crew.hand_in(break_off)
    with pytest.raises(ZeroDivisionError, match="ours"):
        crew.take_back(30)
    assert crew.busy == 0
    crew.close(5)
    engine.close()
