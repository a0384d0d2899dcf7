"""An op that runs alone, as a job -> Events: a run whose one step is the call of the op."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import field
from datetime import datetime
from json import dumps
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, SqlpipesError
from sqlpipes.core.events import (
    Event,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepStarted,
    plain_value,
)
from sqlpipes.core.job import JobOp
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.plan import Action, Plan, Reason, Step, Why
from sqlpipes.core.status import Status
from sqlpipes.run.capture import captured
from sqlpipes.run.faults import placed_error, user_error
from sqlpipes.run.job import Stopped
from sqlpipes.run.recording import recording

GRACE_S = 5.0  # how long a stopped op may go on before it is left alone
LOOK_S = 0.1
LONGEST = 2_000  # characters of what it returns that are kept


@dataclass(slots=True)
class _Call:
    """What came of the call; filled by the thread that makes it."""

    value: Any = None
    problems: tuple[Problem, ...] = ()
    stopped: bool = False
    done: threading.Event = field(default_factory=threading.Event)


def op_plan(op: JobOp, because: str) -> Plan:
    """What is shown of it beforehand."""
    reasons = (Reason(Why.ASKED, because),)
    return Plan((Step(f"op:{op.name}", Action.CALL, WHOLE, reasons),))


def run_op(
    op: JobOp,
    *,
    at: Location,
    run_id: str,
    command: str,
    job: str,
    target: str,
    root: str,
    clock: Callable[[], datetime],
    because: str,
    cancel: threading.Event,
    grace_s: float = GRACE_S,
) -> Iterator[Event]:
    """Call it once, with the retries and the timeout that it declares.

    `cancel` ends its waits between attempts; what it is in the middle of has `grace_s` seconds to
    return and is left alone then.
    """
    name, began = f"op:{op.name}", time.perf_counter()
    yield RunStarted(run_id, clock(), command, target, 1, 0, (name,), job=job)
    action = str(Action.CALL)
    yield StepStarted(run_id, clock(), name, action, "", "", WHOLE, (because,))
    with captured(), recording(lambda: _go_on(cancel)) as recorder:
        made = _made(op, at, root, cancel, grace_s)
    seconds = time.perf_counter() - began
    told: dict[str, Any] = {"log": recorder.log, "ops": recorder.calls}
    here = (run_id, clock(), name, action)
    if made.done.is_set() and not made.problems and not made.stopped:
        metadata = _metadata(made.value)
        status = Status.SUCCESS
        yield StepFinished(*here, status, "", "", WHOLE, seconds, metadata=metadata, **told)
    else:
        status = Status.ERROR if made.problems else Status.CANCELLED
        yield StepFailed(*here, status, WHOLE, seconds, made.problems, **told)
    yield RunFinished(run_id, clock(), status, time.perf_counter() - began)


def _go_on(cancel: threading.Event) -> None:
    if cancel.is_set():
        raise Stopped


def _made(op: JobOp, at: Location, root: str, cancel: threading.Event, grace_s: float) -> _Call:
    made = _Call()
    thread = threading.Thread(target=_work, args=(made, op, at, root), daemon=True)
    thread.name = f"sqlpipes-op-{op.name}"
    thread.start()
    while not made.done.wait(LOOK_S):
        if cancel.is_set():
            made.done.wait(grace_s)
            break
    return made


def _work(made: _Call, op: JobOp, at: Location, root: str) -> None:
    try:
        made.value = op.load()(**op.args)
    except Stopped:
        made.stopped = True
    except SqlpipesError as error:
        made.problems = placed_error(error, at, root).problems
    except BaseException as error:  # SystemExit too: an op that exits is at fault, not we
        made.problems = user_error(error, op.name, at, root).problems
    finally:
        made.done.set()


def _metadata(value: Any) -> dict[str, Any]:
    """What it returned, when that is something and short."""
    if value is None:
        return {}
    plain = plain_value(value)
    return {"returned": plain} if len(dumps(plain)) <= LONGEST else {}
