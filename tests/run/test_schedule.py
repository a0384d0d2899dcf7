"""The order of parts: nothing before what it reads, everything that can, and what a failure takes with it."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from run.building import D0, days

from sqlpipes.core.errors import Location
from sqlpipes.core.partitions import WHOLE, Grain, Near, Partitions, Span
from sqlpipes.core.reads import Mapped, Proof, Reads
from sqlpipes.run.parts import halves
from sqlpipes.run.roads import SOME_ROAD, WHOLE_ROAD, Road
from sqlpipes.run.schedule import Schedule, State, Task

SAME = Road((Reads(Mapped.SAME),), ("d",), ("d",))
TRAILING = Road((Reads(Mapped.SAME, back=2),), ("d",), ("d",))
PROVEN = Road(
    (
        Reads(
            Mapped.PROVEN,
            proofs=(Proof("d", "d", ((Near(Span(days=3)),),), Location("m.sql"), "d"),),
        ),
    ),
    ("d",),
    ("d",),
)
ROADS = (SAME, TRAILING, PROVEN, WHOLE_ROAD)


def cut(first: int, last: int, batch: int) -> tuple[Partitions, ...]:
    return tuple(days(i, min(i + batch, last)) for i in range(first, last, batch))


def texts(schedule: Schedule, numbers: list[int]) -> list[str]:
    return [str(schedule.parts[number].slices) for number in numbers]


def all_that_can(schedule: Schedule) -> list[int]:
    found = []
    while (number := schedule.next()) is not None:
        found.append(number)
    return found


def test_a_child_s_slice_starts_when_its_own_inputs_are_done() -> None:
    schedule = Schedule([Task(cut(0, 3, 1)), Task(cut(0, 3, 1), {0: SAME})])
    order = []
    running = all_that_can(schedule)
    while running:
        number = running.pop(0)
        part = schedule.parts[number]
        order.append((part.step, str(part.slices)))
        schedule.succeeded(number)
        running += all_that_can(schedule)
    a, b = "2024-01-01", "2024-01-02"
    assert order.index((1, a)) < order.index((0, "2024-01-03"))
    assert order.index((0, b)) < order.index((1, b))
    assert len(order) == 6


def test_newest_first_but_never_before_what_is_read() -> None:
    parts = cut(0, 3, 1)
    schedule = Schedule([Task(parts, newest_first=True), Task(parts, {0: SAME}, newest_first=True)])
    (first,) = all_that_can(schedule)
    schedule.succeeded(first)
    assert texts(schedule, all_that_can(schedule)) == ["2024-01-02", "2024-01-03"]


def test_an_unpartitioned_reader_waits_for_every_part() -> None:
    schedule = Schedule([Task(cut(0, 3, 1)), Task((WHOLE,), {0: WHOLE_ROAD})])
    for _ in range(3):
        (number,) = all_that_can(schedule)
        assert schedule.parts[number].step == 0
        schedule.succeeded(number)
    (number,) = all_that_can(schedule)
    assert schedule.parts[number].step == 1


def test_slices_that_read_nothing_of_the_plan_wait_only_until_the_table_is_there() -> None:
    tasks = [Task(cut(0, 2, 1), stands=False), Task((days(5, 6),), {0: SAME})]
    schedule = Schedule(tasks)
    (first,) = all_that_can(schedule)
    schedule.succeeded(first)
    assert sorted(schedule.parts[n].step for n in all_that_can(schedule)) == [0, 1]
    standing = Schedule([Task(cut(0, 2, 1)), Task((days(5, 6),), {0: SAME})])
    assert sorted(standing.parts[n].step for n in all_that_can(standing)) == [0, 1]
    never = Schedule(tasks)
    _, lost = never.failed(all_that_can(never)[0])
    assert lost == []
    _, lost = never.failed(all_that_can(never)[0])
    assert lost == [(1, days(5, 6))]


def test_a_failure_takes_the_slices_that_read_it_and_no_others() -> None:
    schedule = Schedule(
        [
            Task(cut(0, 10, 1)),
            Task((days(0, 10),), {0: TRAILING}),
            Task(cut(0, 10, 5), {1: SAME}),
            Task((WHOLE,), {2: WHOLE_ROAD}),
        ]
    )
    for _ in range(3):
        (number,) = all_that_can(schedule)
        schedule.succeeded(number)
    (number,) = all_that_can(schedule)
    gone, lost = schedule.failed(number)
    assert gone == days(3, 4)
    assert lost == [(1, days(3, 6)), (2, days(3, 6)), (3, WHOLE)]
    for _ in range(6):
        (number,) = all_that_can(schedule)
        schedule.succeeded(number)
    (number,) = all_that_can(schedule)
    assert schedule.parts[number].slices == days(0, 3) | days(6, 10)


def over_view(*, stays: bool = False) -> Schedule:
    """Two days, a view of them, and two days that read them through it."""
    two = cut(0, 2, 1)
    tasks = [Task(two, stays=stays), Task((WHOLE,), {0: SOME_ROAD})]
    return Schedule([*tasks, Task(two, {0: SAME, 1: WHOLE_ROAD})])


def test_a_view_lives_on_when_something_of_what_it_reads_is_there() -> None:
    for first_fails in (True, False):
        schedule = over_view()
        for fails in (first_fails, not first_fails):
            (number,) = all_that_can(schedule)
            assert schedule.parts[number].step == 0
            if fails:
                day = str(schedule.parts[number].slices)
                lost = [(step, str(slices)) for step, slices in schedule.failed(number)[1]]
                assert lost == [(2, day)]
            else:
                schedule.succeeded(number)
        (view,) = all_that_can(schedule)
        schedule.succeeded(view)
        assert texts(schedule, all_that_can(schedule)) != [day]


def test_a_view_goes_with_the_last_of_what_it_reads_unless_that_was_there_before() -> None:
    for stays in (True, False):
        schedule = over_view(stays=stays)
        lost = []
        for _ in range(2):
            (number,) = all_that_can(schedule)
            lost += [step for step, _ in schedule.failed(number)[1]]
        assert lost == ([2, 2] if stays else [2, 1, 2])
        assert [schedule.parts[each].step for each in all_that_can(schedule)] == [1] * stays


def test_an_asset_that_reads_itself_loses_all_that_comes_after() -> None:
    schedule = Schedule([Task(cut(0, 6, 2), chained=True), Task((days(0, 6),), {0: SAME})])
    (first,) = all_that_can(schedule)
    schedule.succeeded(first)
    (second,) = all_that_can(schedule)
    gone, lost = schedule.failed(second)
    assert gone == days(2, 4)
    assert lost == [(0, days(4, 6)), (1, days(2, 6))]
    (rest,) = all_that_can(schedule)
    assert schedule.parts[rest].slices == days(0, 2)


def test_a_slice_lost_from_above_takes_the_later_ones_of_what_reads_itself() -> None:
    schedule = Schedule([Task(cut(0, 4, 1)), Task((days(0, 4),), {0: SAME}, chained=True)])
    (first,) = all_that_can(schedule)
    schedule.succeeded(first)
    _, lost = schedule.failed(all_that_can(schedule)[0])
    assert lost == [(1, days(1, 4))]


def test_halves_are_waited_for_like_the_whole() -> None:
    schedule = Schedule(
        [Task((days(0, 8),)), Task(cut(0, 8, 2), {0: SAME}), Task((WHOLE,), {0: WHOLE_ROAD})]
    )
    (number,) = all_that_can(schedule)
    schedule.split(number, halves(days(0, 8)))
    (first,) = all_that_can(schedule)
    assert schedule.parts[first].slices == days(0, 4)
    schedule.succeeded(first)
    numbers = all_that_can(schedule)
    assert texts(schedule, numbers) == ["2024-01-05..2024-01-09", "2024-01-01..2024-01-03"]
    _, lost = schedule.failed(numbers[0])
    assert lost == [(1, days(4, 8)), (2, WHOLE)]


def test_a_fault_of_all_slices_ends_the_step_at_once() -> None:
    schedule = Schedule([Task(cut(0, 4, 1)), Task(cut(0, 4, 1), {0: SAME})])
    (first,) = all_that_can(schedule)
    schedule.succeeded(first)
    second = next(n for n in all_that_can(schedule) if schedule.parts[n].step == 0)
    gone, lost = schedule.failed(second, all_of_it=True)
    assert gone == days(1, 4)
    assert lost == [(1, days(1, 4))]
    assert all_that_can(schedule) == []


def test_giving_up_tells_every_part_that_has_not_begun() -> None:
    schedule = Schedule([Task(cut(0, 3, 1)), Task((WHOLE,), {0: WHOLE_ROAD})])
    all_that_can(schedule)
    assert schedule.give_up() == [(0, days(1, 3)), (1, WHOLE)]
    assert schedule.next() is None


def test_ten_thousand_parts_are_joined_by_their_neighbours() -> None:
    hours = Grain.HOUR.ordinal(datetime(2024, 1, 1))
    parts = tuple(Partitions.of(Grain.HOUR, [(hours + i, hours + i + 1)]) for i in range(10_000))
    near = Road((Reads(Mapped.SAME, back=3),), ("d",), ("d",))
    schedule = Schedule([Task(parts), Task(parts, {0: near}), Task(parts, {1: WHOLE_ROAD})])
    edges = sum(len(part.waits) for part in schedule.parts.values())
    assert edges == 4 * 10_000 - 6 + 10_000
    run = 0
    while (number := schedule.next()) is not None:
        schedule.succeeded(number)
        run += 1
    assert run == 30_000


@st.composite
def tasks(draw: st.DrawFn) -> list[Task]:
    found: list[Task] = []
    for i in range(draw(st.integers(1, 5))):
        first = draw(st.integers(0, 4))
        last = draw(st.integers(first + 1, 9))
        parts = cut(first, last, draw(st.integers(1, 4)))
        above = draw(st.sets(st.integers(0, i - 1))) if i else set()
        ways = {other: draw(st.sampled_from(ROADS)) for other in above}
        stands, chained = draw(st.booleans()), draw(st.integers(0, 3)) == 0
        newest = not chained and draw(st.booleans())
        found.append(Task(parts, ways, chained=chained, stands=stands, newest_first=newest))
    return found


def each_day(slices: Partitions) -> set[int]:
    return {ordinal - D0 for ordinal in slices}


@settings(deadline=None, max_examples=120)
@given(tasks(), st.data())
def test_nothing_runs_before_what_it_reads_and_everything_runs_that_can(
    given_tasks: list[Task], data: st.DataObject
) -> None:
    """Against plain sets of days: days that are done, days that are lost, and what each day reads."""
    schedule = Schedule(given_tasks)
    wanted = [set[int]().union(*(each_day(p) for p in task.parts)) for task in given_tasks]
    done: list[set[int]] = [set() for _ in given_tasks]
    dead: list[set[int]] = [set() for _ in given_tasks]
    failed: list[set[int]] = [set() for _ in given_tasks]

    def read(step: int, other: int, day: int) -> set[int]:
        road, one = given_tasks[step].roads[other], days(day, day + 1)
        return {d for d in wanted[other] if road.reached(one, days(d, d + 1))}

    running: list[int] = []
    while True:
        running += all_that_can(schedule)
        assert len({schedule.parts[n].step for n in running}) == len(running)
        for number in running:
            part = schedule.parts[number]
            task = given_tasks[part.step]
            for day in each_day(part.slices):
                for other in task.roads:
                    assert read(part.step, other, day) <= done[other]
                    assert given_tasks[other].stands or done[other] or not wanted[other]
                if task.chained:
                    assert not {d for d in dead[part.step] if d < day}
        if not running:
            break
        number = running.pop(data.draw(st.integers(0, len(running) - 1)))
        part = schedule.parts[number]
        fate = data.draw(st.sampled_from(["well", "well", "badly", "split"]))
        if fate == "split" and len(part.slices) > 1:
            schedule.split(number, halves(part.slices))
        elif fate == "badly":
            gone, lost = schedule.failed(number)
            dead[part.step] |= each_day(gone)
            failed[part.step] |= each_day(gone)
            for step, slices in lost:
                assert not each_day(slices) & (done[step] | dead[step])
                dead[step] |= each_day(slices)
        else:
            schedule.succeeded(number)
            done[part.step] |= each_day(part.slices)
    for step, task in enumerate(given_tasks):
        assert done[step] | dead[step] == wanted[step]
        for day in done[step]:
            assert all(read(step, other, day) <= done[other] for other in task.roads)
    assert all(part.state is State.OVER for part in schedule.parts.values())
    for step, task in enumerate(given_tasks):
        for day in dead[step] - failed[step]:  # nothing is lost without a cause
            above = any(read(step, other, day) & dead[other] for other in task.roads)
            before = task.chained and any(other <= day for other in dead[step] - {day})
            never = any(not given_tasks[o].stands and not done[o] for o in task.roads)
            assert above or before or never
