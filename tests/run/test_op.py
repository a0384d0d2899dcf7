"""An op alone: a run with one step, its log, its attempts and its end."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from typing import Any

from sqlpipes.core.definitions import Retry, op
from sqlpipes.core.errors import Location
from sqlpipes.core.events import Event, RunFinished, RunStarted, StepFailed, StepFinished
from sqlpipes.core.job import JobOp
from sqlpipes.core.status import Status
from sqlpipes.run.op import run_op

NOW = datetime(2024, 1, 5, 6, tzinfo=UTC)
SOON = Retry(3, pause_s=0.01)


def called(function: Any, cancel: threading.Event | None = None, **args: Any) -> list[Event]:
    call = JobOp(function.definition.name, lambda: function, args)
    return list(
        run_op(
            call,
            at=Location("jobs.yml", 3),
            run_id="r1",
            command="jobs run x",
            job="x",
            target="dev",
            root=os.path.dirname(__file__),
            clock=lambda: NOW,
            because="asked for",
            cancel=cancel or threading.Event(),
            grace_s=0.2,
        )
    )


def test_it_is_called_with_its_arguments_and_what_it_returns_is_kept():
    @op
    def double(n: int) -> dict[str, int]:
        print("doubling")
        return {"n": 2 * n}

    first, _, end, last = called(double, n=4)
    assert isinstance(first, RunStarted)
    assert (first.job, first.steps) == ("x", 1)
    assert isinstance(end, StepFinished)
    assert (end.asset, end.action, end.metadata) == ("op:double", "call op", {"returned": {"n": 8}})
    assert end.log == "doubling\n"
    assert [(each.name, each.attempts) for each in end.ops] == [("double", 1)]
    assert isinstance(last, RunFinished)
    assert last.status is Status.SUCCESS


def test_it_is_tried_again_and_told_at_the_users_line_when_it_fails_for_good():
    calls = []

    @op(retries=SOON)
    def fails() -> None:
        calls.append(1)
        raise ValueError("no")

    *_, end, last = called(fails)
    assert len(calls) == 4
    assert isinstance(end, StepFailed)
    assert isinstance(last, RunFinished)
    assert (end.status, last.status) == (Status.ERROR, Status.ERROR)
    (problem,) = end.problems
    assert problem.code == "BLD005"
    assert "ValueError: no" in problem.message
    assert problem.at is not None
    assert problem.at.file == "test_op.py"
    assert end.ops[0].attempts == 4


def test_a_call_that_cannot_be_made_is_not_tried_again():
    @op(retries=SOON)
    def one(day: str) -> None: ...

    end = called(one, dya="x")[2]
    assert isinstance(end, StepFailed)
    assert "TypeError" in end.problems[0].message
    assert end.ops[0].attempts == 1


def test_a_late_one_is_told_without_a_cause_of_ours():
    @op(timeout_s=0.05)
    def sleeps() -> None:
        time.sleep(1)

    end = called(sleeps)[2]
    assert isinstance(end, StepFailed)
    assert end.problems[0].hint is None


def test_one_that_exits_or_takes_too_long_fails():
    @op
    def leaves() -> None:
        raise SystemExit(3)

    @op(timeout_s=0.05)
    def sleeps() -> None:
        time.sleep(1)

    for function, said in ((leaves, "SystemExit"), (sleeps, "did not return within")):
        end = called(function)[2]
        assert isinstance(end, StepFailed)
        assert said in end.problems[0].message


def test_a_module_that_cannot_be_imported_is_a_fault_of_the_user():
    def load() -> Any:
        raise LookupError("rates.py has no op 'x'")

    call = JobOp("x", load)
    said = {"run_id": "r", "command": "", "job": "x", "target": "dev", "root": "/nowhere"}
    end = list(
        run_op(
            call,
            at=Location("jobs.yml", 3),
            clock=lambda: NOW,
            because="",
            cancel=threading.Event(),
            **said,
        )
    )[2]
    assert isinstance(end, StepFailed)
    assert "rates.py has no op 'x'" in end.problems[0].message
    assert str(end.problems[0].at) == "jobs.yml:3:1"


def test_a_stopped_op_is_left_alone_after_a_while_and_its_retries_end():
    cancel = threading.Event()

    @op(retries=Retry(1000, pause_s=0.05))
    def again() -> None:
        cancel.set()
        raise ValueError("no")

    @op
    def hangs() -> None:
        cancel.set()
        time.sleep(2)

    for function in (again, hangs):
        cancel.clear()
        *_, end, last = called(function, cancel)
        assert isinstance(end, StepFailed)
        assert isinstance(last, RunFinished)
        assert (end.status, last.status) == (Status.CANCELLED, Status.CANCELLED)
