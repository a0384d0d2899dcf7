"""A run under way: which parts have begun, which may begin, and how all of them are brought to an end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from functools import partial

from sqlpipes.core.asset import Materialized
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import SqlpipesError
from sqlpipes.core.events import BUILT_BY, UNCHANGED, Event
from sqlpipes.core.graph import Graph
from sqlpipes.core.plan import Plan, Step
from sqlpipes.core.status import Status
from sqlpipes.run.blocked import Watch
from sqlpipes.run.copies import Copies
from sqlpipes.run.crew import Crew
from sqlpipes.run.failures import (
    MOST_FAILURES,
    left_alone,
    may_be_split,
    named,
    others_may_succeed,
    placed,
    waits_for_table,
)
from sqlpipes.run.families import Families
from sqlpipes.run.job import Job
from sqlpipes.run.labour import Site, labour
from sqlpipes.run.orders import order_of
from sqlpipes.run.outcome import Order, Outcome
from sqlpipes.run.parts import ROWLESS, halves, is_one, pieces
from sqlpipes.run.record import Record, Settings
from sqlpipes.run.rowless import Rowless
from sqlpipes.run.schedule import Lost, Schedule, State
from sqlpipes.run.tasks import tasks_of
from sqlpipes.run.turns import LOST, Turn, Turns
from sqlpipes.run.warehouse import Warehouse, Warehouses

POLL_S = 0.05
FAIL_FAST = "fail-fast"
CANCELLED = "cancelled"


@dataclass(slots=True)
class Flight:
    """A part under way. `step` is the plan's, with the slices of the part."""

    number: int
    place: int  # of the step in the plan
    step: Step
    order: Order
    job: Job = field(default_factory=Job)
    began: float = field(default_factory=time.perf_counter)


Arrival = tuple[Job, Outcome]


class Running:
    """A run under way: its schedule, its crew, and the parts in flight."""

    def __init__(
        self,
        plan: Plan,
        graph: Graph,
        warehouses: Warehouses,
        crew: Crew[Arrival],
        settings: Settings,
        look: Callable[[], Warehouses],
        watch: Watch,
        permit: Callable[[], None] = lambda: None,
    ) -> None:
        self.plan = plan
        self.graph = graph
        self.warehouses = warehouses
        self.crew = crew
        self.settings = settings
        self.look = look
        self.permit = permit  # raises where nothing may be published any more
        self.parked: set[int] = set()  # parts whose slices another build holds
        self.told: set[tuple[str, str]] = set()  # whom which asset waits for
        self.record = Record(settings, graph, plan.empty)
        self.schedule = Schedule(tasks_of(plan, graph, warehouses))
        self.outputs = dict(settings.outputs)  # of assets that are files: where they are
        turns = {step.asset: threading.Lock() for step in plan.steps}
        copies = Copies() if settings.turns is None else None
        families = Families(plan, graph)
        files = frozenset(
            name for name, asset in graph.assets.items() if asset.materialized is Materialized.FILE
        )
        self.site = Site(
            graph, settings, families, files, self.outputs, turns, watch, copies=copies
        )
        self.flights: dict[int, Flight] = {}
        self.grace_ends = 0.0  # once it is stopped: nobody is waited for twice
        self.spared: set[str] = (
            set()
        )  # assets with slices that were written and hold what they held
        self.made: set[int] = set()  # steps of which a part has made the table
        self.rowless = Rowless[tuple[Flight, Outcome]]()
        self.failures: Counter[int] = Counter()  # parts of a step that failed for good
        self.mend: Callable[[], tuple[str, ...]] = tuple  # put back what functions changed
        self.stopping: str | None = None
        self.seen: set[Status] = set()

    @property
    def status(self) -> Status:
        """The run's, from those of its parts."""
        if self.stopping == CANCELLED:
            return Status.CANCELLED
        for worst in (Status.ERROR, Status.FAIL, Status.CANCELLED, Status.WARN):
            if worst in self.seen:
                return worst
        return Status.SUCCESS

    def events(self) -> Iterator[Event]:
        while True:
            yield from self._start_what_can()
            if not self.flights and not self.parked:
                if not self.rowless:
                    return
                yield from self._fail_rowless()
                continue
            yield from self._wait()
            yield from self._look_at_others()
            if self.settings.cancel.is_set() and self.stopping is None:
                yield from self._stop(CANCELLED)
            if self.stopping is not None:
                yield from self._end_flights()
                return

    def _start_what_can(self) -> Iterator[Event]:
        while self.crew.has_room and not self.settings.cancel.is_set():
            number = self.schedule.next()
            if number is None:
                break
            yield from self._start(number)
            if self.stopping is not None:
                break
        if self.settings.cancel.is_set() and self.stopping is None:
            yield from self._stop(CANCELLED)

    def _start(self, number: int) -> Iterator[Event]:
        part = self.schedule.parts[number]
        planned = self.plan.steps[part.step]
        step = replace(planned, slices=part.slices)
        if part.slices != planned.slices and not is_one(planned, self.graph, self._at(step)):
            apart = tuple(pieces(part.slices, step.asset, self.graph))
            if len(apart) > 1:  # slices in its middle were lost
                self.schedule.split(number, apart)
                return
        made = part.step in self.made
        left = self._left(step)
        if left is None or left.slices != step.slices:
            done = step.slices - left.slices if left else step.slices
            self.spared.add(step.asset)
            yield self.record.skipped(step, UNCHANGED, done)
            if left is None:
                self._succeeded(number)
                return
            step = left
        try:
            if self.settings.turns is not None and step.action not in ROWLESS:
                turn = self._take_turn(self.settings.turns, step, made)
                yield from self._told(number, step, turn)
                if turn.step is None:
                    return
                step = turn.step
            how = {"made": made, "empty": self.plan.empty}
            is_part = part.slices != planned.slices
            order = order_of(step, self.graph, self._at(step), **how, is_part=is_part)
        except SqlpipesError as error:
            yield self.record.started(step, step.slices)
            asset = self.graph.assets[step.asset]
            failed = Outcome(Status.ERROR, 0.0, problems=placed(error, asset))
            yield from self._fail(
                Flight(number, part.step, step, Order(asset, step.slices, ())), failed
            )
            return
        flight = Flight(number, part.step, step, order)
        self.flights[number] = flight
        yield from self._launch(flight)

    def _left(self, step: Step) -> Step | None:
        """What is still to be done of a part once something that it reads holds what it held."""
        ask = self.settings.again
        if ask is None or step.action in ROWLESS or not self._reads_spared(step.asset):
            return step
        now = ask(step)
        left = now.slices & step.slices if now else None
        return replace(step, slices=left, full=now.full) if now and left else None

    def _reads_spared(self, name: str) -> bool:
        """Whether anything that it reads, through views too, was written and holds what it held."""
        todo, seen = [name], {name}
        while todo and self.spared:
            for parent in self.graph.parents(todo.pop()):
                if parent in self.spared:
                    return True
                if parent not in seen and not self.graph.assets[parent].is_stored:
                    seen.add(parent)
                    todo.append(parent)
        return False

    def _take_turn(self, turns: Turns, step: Step, made: bool) -> Turn:
        """Whether the relation is there is looked up, before and after: another build may make it."""
        stands = made or self._stands(step) or self._stands(step, anew=True)
        turn = turns.take(step, makes=not stands)
        if turn.step is None or stands:
            return turn
        if self._stands(step, anew=True) and not turn.step.full:
            turns.share(step.asset)
        return turn

    def _at(self, step: Step) -> Warehouse:
        """Where what it writes lives."""
        return self.warehouses.of(self.graph.assets[step.asset])

    def _stands(self, step: Step, *, anew: bool = False) -> bool:
        if anew:
            self.warehouses = self.look()
        relation = self.graph.assets[step.asset].relation
        return relation is None or self._at(step).type_of(relation) is not None

    def _told(self, number: int, step: Step, turn: Turn) -> Iterator[Event]:
        """What came of asking for a turn, unless that is just to go on."""
        if turn.done:
            yield self.record.skipped(step, BUILT_BY + turn.by, turn.done)
        if turn.held and turn.free:
            self.schedule.split(number, (turn.free, turn.held))
        elif turn.held:
            if (step.asset, turn.holder) not in self.told:
                yield self.record.waiting(step, turn.held, turn.holder)
            self.told.add((step.asset, turn.holder))
            self.parked.add(number)
            self.schedule.put_back(number, all_of_it=turn.all_held)
            return
        elif turn.step is None:
            self._succeeded(number)
        self.parked.discard(number)

    def _look_at_others(self) -> Iterator[Event]:
        """Whether this run is alive to them, and whether parts that wait for them may ask again."""
        turns = self.settings.turns
        if turns is None or self.stopping is not None:
            return
        if turns.lost.is_set():
            self.seen.add(Status.ERROR)
            yield from self._stop(LOST)
        elif self.parked and turns.is_due():
            parts = self.schedule.parts
            self.parked = {number for number in self.parked if parts[number].state is State.OPEN}
            self.schedule.offer_again(self.parked)

    def _launch(self, flight: Flight) -> Iterator[Event]:
        """Say that a part starts, wait until that is recorded, then hand it to a thread."""
        order, job = flight.order, flight.job
        fresh = order.transaction.fresh if order.transaction else False
        job.permit = lambda connection: self.permit()
        if self.settings.turns is not None and flight.step.action not in ROWLESS:
            job.permit = partial(self.settings.turns.demand, flight.step.asset)
        yield self.record.started(flight.step, order.slices, fresh)

        def work(connect: Callable[..., Connection]) -> Arrival:
            return job, labour(self.site, self.warehouses, order, connect, job)

        self.crew.hand_in(work, job.said.put, order.asset.engine)

    def _wait(self) -> Iterator[Event]:
        try:
            arrival = self.crew.take_back(POLL_S)
        except KeyboardInterrupt:
            self.settings.cancel.set()
            return
        for flight in self.flights.values():
            while not flight.job.said.empty():
                yield self.record.retrying(flight.step, flight.job.said.get())
            if (said_so_far := flight.job.heard()) is not None:
                yield self.record.said(flight.step, said_so_far)
        if arrival is not None:
            job, outcome = arrival
            alone = len(self.flights) == 1  # else another function may be in the middle of it
            said = "".join(f"{line}\n" for line in (self.mend() if alone else ()))
            yield from self._arrived(job, replace(outcome, log=outcome.log + said))

    def _arrived(self, job: Job, outcome: Outcome) -> Iterator[Event]:
        flight = next((f for f in self.flights.values() if f.job is job), None)
        if flight is None:
            return  # it was left alone before it came back
        if outcome.status not in (Status.SUCCESS, Status.WARN):
            yield from self._fail(flight, outcome)
            return
        yield from (self.record.check_finished(result) for result in outcome.results)
        self.seen.add(outcome.status)
        del self.flights[flight.number]
        if flight.order.transaction is not None and flight.order.transaction.fresh:
            self.made.add(flight.place)
        if outcome.same:
            self.spared.add(flight.step.asset)
        writes = flight.order.calls or flight.order.asset.export is not None
        if path := outcome.metadata.get("path") if writes else None:
            self.outputs[flight.step.asset] = path
        yield self.record.finished(flight.step, flight.order, outcome)
        self._succeeded(flight.number)

    def _succeeded(self, number: int) -> None:
        """Parts of the same step that waited for its table may be tried again."""
        self.schedule.succeeded(number)
        late = self.rowless.fetch(self.schedule.parts[number].step)
        self.schedule.offer_again(each for each, _ in late if self._is_open(each))

    def _is_open(self, number: int) -> bool:
        return self.schedule.parts[number].state is State.OPEN

    def _put_off(self, flight: Flight, outcome: Outcome) -> Iterator[Event]:
        """The part has no rows to tell the columns by; it is tried again once there is a table."""
        told = replace(outcome, status=Status.SPLIT)
        yield self.record.failed(flight.step, flight.step.slices, told)
        self.rowless.add(flight.place, flight.number, (flight, outcome))
        self.schedule.put_back(flight.number, all_of_it=False)

    def _fail_rowless(self) -> Iterator[Event]:
        """Of the first step whose table nobody made; those below lose what they read of it."""
        for number, (flight, outcome) in self.rowless.fetch(self.rowless.first):
            if self._is_open(number):
                yield from self._fail(flight, outcome, for_good=True)

    def _fail(self, flight: Flight, outcome: Outcome, *, for_good: bool = False) -> Iterator[Event]:
        """The part, or its halves once more; then the slices that read it. All others go on."""
        self.flights.pop(flight.number, None)
        if self._is_to_be_split(flight, outcome):
            yield self.record.failed(
                flight.step, flight.step.slices, replace(outcome, status=Status.SPLIT)
            )
            self.schedule.split(flight.number, halves(flight.step.slices))
            return
        if not for_good and self._is_to_be_put_off(flight, outcome):
            yield from self._put_off(flight, outcome)
            return
        yield from (self.record.check_finished(result) for result in outcome.results)
        self.seen.add(outcome.status)
        self.failures[flight.place] += 1
        alone = others_may_succeed(flight.order, outcome)
        all_of_it = not alone and outcome.status is not Status.CANCELLED
        slices, lost = self.schedule.failed(flight.number, all_of_it=all_of_it)
        step = self.plan.steps[flight.place]
        is_part = len(slices) == 1 or slices != step.slices
        told = named(outcome, slices) if alone and is_part else outcome
        yield self.record.failed(step, slices, told)
        yield from self._skipped(lost, step.asset)
        if self.settings.fail_fast and self.stopping is None:
            yield from self._stop(FAIL_FAST)

    def _is_to_be_split(self, flight: Flight, outcome: Outcome) -> bool:
        if self.stopping is not None or self.settings.fail_fast or self.settings.cancel.is_set():
            return False
        if flight.step.action in ROWLESS or self.failures[flight.place] >= MOST_FAILURES:
            return False
        if not may_be_split(flight.order, outcome):
            return False
        step = self.plan.steps[flight.place]
        return not is_one(step, self.graph, self._at(step))

    def _is_to_be_put_off(self, flight: Flight, outcome: Outcome) -> bool:
        alone = flight.step.slices == self.plan.steps[flight.place].slices
        return self.stopping is None and not alone and waits_for_table(flight.order, outcome)

    def _skipped(self, lost: Lost, because: str) -> Iterator[Event]:
        for place, slices in lost:
            yield self.record.skipped(self.plan.steps[place], because, slices)

    def _stop(self, because: str) -> Iterator[Event]:
        self.stopping = because
        for flight in self.flights.values():
            flight.job.stop()
        yield from self._skipped(self.schedule.give_up(), because)

    def _end_flights(self) -> Iterator[Event]:
        """Wait for what was stopped. A function that does not listen is left alone: it cannot publish."""
        deadline = self.grace_ends = time.monotonic() + self.settings.grace_s
        while self.flights and (time.monotonic() < deadline or self._is_publishing()):
            for flight in self.flights.values():
                flight.job.stop()
            yield from self._wait()
        for flight in list(self.flights.values()):
            yield from self._fail(flight, left_alone(flight.order, flight.began, flight.job))

    def _is_publishing(self) -> bool:
        """A commit ends by itself; said to be cancelled before it does, it would be lied about."""
        return any(flight.job.publishing for flight in self.flights.values())

    def close(self) -> None:
        """Also in the middle of a run: stop what runs, wait for its rollback, close connections."""
        deadline = self.grace_ends or time.monotonic() + self.settings.grace_s
        while self.crew.busy and (time.monotonic() < deadline or self._is_publishing()):
            for flight in self.flights.values():
                flight.job.stop()
            if arrival := self.crew.take_back(POLL_S):
                self.flights = {i: f for i, f in self.flights.items() if f.job is not arrival[0]}
        self.site.watch.close()
        if self.site.copies is not None:
            self.site.copies.close()
        self.crew.close(0.0 if self.crew.busy else self.settings.grace_s)
