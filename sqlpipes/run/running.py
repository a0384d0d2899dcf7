"""A run under way: which steps have begun, which may begin, and how all of them are brought to an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import Problem, SqlpipesError
from sqlpipes.core.events import Event, Status
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions, as_naive_utc
from sqlpipes.core.plan import Plan, Step
from sqlpipes.run.crew import Crew
from sqlpipes.run.job import Job
from sqlpipes.run.orders import orders_of
from sqlpipes.run.publish import Order, Outcome, carry_out
from sqlpipes.run.python import Place
from sqlpipes.run.record import Record, Settings
from sqlpipes.run.schedule import Schedule
from sqlpipes.run.warehouse import Warehouse

POLL_S = 0.05
FAIL_FAST = "fail-fast"
CANCELLED = "cancelled"


@dataclass(slots=True)
class Flight:
    """A step under way: the parts that are still to do, the first of them in work."""

    index: int
    step: Step
    parts: list[Order]
    job: Job = field(default_factory=Job)
    began: float = field(default_factory=time.perf_counter)


Arrival = tuple[Job, Outcome]


class Running:
    """A run under way: its schedule, its crew, and the steps in flight."""

    def __init__(
        self,
        plan: Plan,
        graph: Graph,
        warehouse: Warehouse,
        crew: Crew[Arrival],
        settings: Settings,
    ) -> None:
        self.plan = plan
        self.graph = graph
        self.warehouse = warehouse
        self.crew = crew
        self.settings = settings
        self.record = Record(settings, graph, plan.empty)
        self.schedule = Schedule(plan)
        self.flights: dict[int, Flight] = {}
        self.stopping: str | None = None
        self.seen: set[Status] = set()

    @property
    def status(self) -> Status:
        """The run's, from those of its steps."""
        if self.stopping == CANCELLED:
            return Status.CANCELLED
        for worst in (Status.ERROR, Status.FAIL, Status.CANCELLED, Status.WARN):
            if worst in self.seen:
                return worst
        return Status.SUCCESS

    def events(self) -> Iterator[Event]:
        while True:
            yield from self._start_what_can()
            if not self.flights:
                return
            yield from self._wait()
            if self.settings.cancel.is_set() and self.stopping is None:
                yield from self._stop(CANCELLED)
            if self.stopping is not None:
                yield from self._end_flights()
                return

    def _start_what_can(self) -> Iterator[Event]:
        while self.crew.has_room and not self.settings.cancel.is_set():
            index = self.schedule.next()
            if index is None:
                break
            yield from self._start(index)
            if self.stopping is not None:
                break
        if self.settings.cancel.is_set() and self.stopping is None:
            yield from self._stop(CANCELLED)

    def _start(self, index: int) -> Iterator[Event]:
        step = self.plan.steps[index]
        try:
            parts = orders_of(step, self.graph, self.warehouse, empty=self.plan.empty)
        except SqlpipesError as error:
            yield self.record.started(step, step.slices)
            asset = self.graph.assets[step.asset]
            failed = Outcome(Status.ERROR, 0.0, problems=_placed(error, asset))
            yield from self._fail(Flight(index, step, []), failed)
            return
        flight = Flight(index, step, parts)
        self.flights[index] = flight
        yield from self._launch(flight)

    def _launch(self, flight: Flight) -> Iterator[Event]:
        """Say that a part starts, wait until that is recorded, then hand it to a thread."""
        order = flight.parts[0]
        flight.began = time.perf_counter()
        fresh = order.transaction.fresh if order.transaction else False
        yield self.record.started(flight.step, order.slices, fresh)
        flight.job = job = Job()

        def work(connect: Callable[[], Connection]) -> Arrival:
            return job, self._carry_out(order, connect, job)

        self.crew.hand_in(work)

    def _carry_out(self, order: Order, connect: Callable[[], Connection], job: Job) -> Outcome:
        settings = self.settings
        try:
            connection = connect()
            job.start(connection)
            place = Place(
                self.graph,
                self.warehouse,
                connection,
                settings.target.name,
                settings.root,
                settings.vars,
            )
            return carry_out(order, place, job, lambda: as_naive_utc(settings.clock()))
        except BaseException as error:  # a thread that dies silently would never be waited for
            return _broken(order, error, job)
        finally:
            job.end()

    def _wait(self) -> Iterator[Event]:
        try:
            arrival = self.crew.take_back(POLL_S)
        except KeyboardInterrupt:
            self.settings.cancel.set()
            return
        if arrival is not None:
            yield from self._arrived(*arrival)

    def _arrived(self, job: Job, outcome: Outcome) -> Iterator[Event]:
        flight = next((f for f in self.flights.values() if f.job is job), None)
        if flight is None:
            return  # it was left alone before it came back
        yield from (self.record.check_finished(result) for result in outcome.results)
        self.seen.add(outcome.status)
        if outcome.status not in (Status.SUCCESS, Status.WARN):
            yield from self._fail(flight, outcome)
            return
        order = flight.parts.pop(0)
        yield self.record.finished(flight.step, order, outcome)
        if not flight.parts:
            del self.flights[flight.index]
            self.schedule.succeeded(flight.index)
        elif self.stopping is None and not self.settings.cancel.is_set():
            yield from self._launch(flight)
        else:
            yield from self._drop_rest(flight)

    def _drop_rest(self, flight: Flight) -> Iterator[Event]:
        """Batches that were not begun when the run was stopped."""
        del self.flights[flight.index]
        because = self.stopping or CANCELLED
        yield self.record.skipped(flight.step, because, _together(flight.parts))

    def _fail(self, flight: Flight, outcome: Outcome) -> Iterator[Event]:
        """The step, then everything that waited for it; the other branches go on."""
        self.flights.pop(flight.index, None)
        self.seen.add(outcome.status)
        slices = _together(flight.parts) if flight.parts else flight.step.slices
        yield self.record.failed(flight.step, slices, outcome)
        for index in self.schedule.failed(flight.index):
            yield self.record.skipped(self.plan.steps[index], flight.step.asset)
        if self.settings.fail_fast and self.stopping is None:
            yield from self._stop(FAIL_FAST)

    def _stop(self, because: str) -> Iterator[Event]:
        self.stopping = because
        for flight in self.flights.values():
            flight.job.stop()
        for index in self.schedule.give_up():
            yield self.record.skipped(self.plan.steps[index], because)

    def _end_flights(self) -> Iterator[Event]:
        """Wait for what was stopped. A function that does not listen is left alone: it cannot publish."""
        deadline = time.monotonic() + self.settings.grace_s
        while self.flights and (time.monotonic() < deadline or self._is_publishing()):
            for flight in self.flights.values():
                flight.job.stop()
            yield from self._wait()
        for flight in list(self.flights.values()):
            seconds = time.perf_counter() - flight.began
            problem = Problem(
                "BLD007",
                f"'{flight.step.asset}' did not stop and was left alone; it cannot publish any more",
                self.graph.assets[flight.step.asset].at,
            )
            left = Outcome(
                Status.CANCELLED, seconds, problems=(problem,), in_doubt=flight.parts[0].calls
            )
            yield from self._fail(flight, left)

    def _is_publishing(self) -> bool:
        """A commit ends by itself; said to be cancelled before it does, it would be lied about."""
        return any(flight.job.publishing for flight in self.flights.values())

    def close(self) -> None:
        """Also in the middle of a run: stop what runs, wait for its rollback, close connections."""
        deadline = time.monotonic() + self.settings.grace_s
        while self.crew.busy and (time.monotonic() < deadline or self._is_publishing()):
            for flight in self.flights.values():
                flight.job.stop()
            if arrival := self.crew.take_back(POLL_S):
                self.flights = {i: f for i, f in self.flights.items() if f.job is not arrival[0]}
        self.crew.close(0.0 if self.crew.busy else self.settings.grace_s)


def _together(parts: list[Order]) -> Partitions:
    found = parts[0].slices
    for part in parts[1:]:
        found |= part.slices
    return found


def _broken(order: Order, error: BaseException, job: Job) -> Outcome:
    """A connection that did not open, or a fault of ours: named, never swallowed."""
    asset, status = order.asset, Status.ERROR
    problems: tuple[Problem, ...]
    if job.stopped:
        status = Status.CANCELLED
        problems = (Problem("BLD007", f"'{asset.name}' was stopped", asset.at),)
    elif isinstance(error, SqlpipesError):
        problems = _placed(error, asset)
    else:
        message = f"'{asset.name}' broke with {type(error).__name__}: {error}"
        problems = (Problem("BLD008", message, asset.at),)
    return Outcome(status, 0.0, problems=problems, in_doubt=order.calls)


def _placed(error: SqlpipesError, asset: Asset) -> tuple[Problem, ...]:
    return tuple(replace(p, at=p.at or asset.at) for p in error.problems)
