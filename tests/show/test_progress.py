"""What a build tells line by line: steps are counted once, checks with the step whose gate they are."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlpipes.core.errors import Problem
from sqlpipes.core.events import CheckFinished, StepFailed, StepFinished
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.core.plan import Action, Plan, Reason, Step, Why
from sqlpipes.core.status import Status
from sqlpipes.show.progress import Lines

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def step(asset: str, *checks: str) -> Step:
    return Step(asset, Action.TABLE, WHOLE, (Reason(Why.NEVER_BUILT),), checks=checks)


def finished(asset: str, status: Status = Status.SUCCESS) -> StepFinished:
    return StepFinished("r", NOW, asset, "create table", status, "v", "", WHOLE, 0.5, rows=3)


def checked(asset: str, check: str, status: Status = Status.SUCCESS) -> CheckFinished:
    return CheckFinished("r", NOW, asset, check, status, 0, 0.1)


def told(plan: Plan, *events: CheckFinished | StepFinished | StepFailed) -> list[str]:
    lines: list[str] = []
    reporter = Lines(lines.append)
    reporter.plan(plan)
    for event in events:
        reporter.event(event)
    return [" ".join(plain(line).split()) for line in lines]


def plain(line: str) -> str:
    import click

    return click.unstyle(line)


def test_a_step_that_ends_part_by_part_is_one_step():
    plan = Plan((step("days"), step("months")))
    lines = told(plan, finished("days"), finished("days"), finished("months"))
    assert [line.split()[0] for line in lines] == ["1/2", "1/2", "2/2"]


def test_slices_that_wait_for_their_table_are_told_one_by_one():
    days = [Partitions.of(Grain.DAY, [(at, at + 1)]) for at in range(3)]
    whole = Partitions.of(Grain.DAY, [(0, 3)])
    plan = Plan((Step("p", Action.PYTHON, whole, (Reason(Why.NEVER_BUILT),)),))
    lacks = (Problem("ENG010", "no rows"),)
    events = [
        StepFailed("r1", NOW, "p", Action.PYTHON, Status.SPLIT, day, 0.1, lacks) for day in days[:2]
    ]
    lines = [plain(line) for line in told(plan, *events)]
    assert lines == [
        f"1/1 wait run python p {day} (0/3) until another slice has made the table: no rows"
        for day in ("1970-01-01", "1970-01-02")
    ]


def test_a_check_is_counted_with_the_step_whose_gate_it_is():
    plan = Plan((step("refunds", "refunds.unique"), step("orders", "refunds.relationships")))
    lines = told(
        plan,
        checked("refunds", "refunds.unique"),
        finished("refunds"),
        checked("refunds", "refunds.relationships", Status.WARN),
        finished("orders", Status.WARN),
    )
    assert lines == [
        "1/2 ok create table refunds 3 rows 0.50s 1 check passed",
        "2/2 warn create table orders 3 rows 0.50s 1 warned",
    ]


def test_checks_of_an_earlier_part_are_not_told_again():
    plan = Plan((step("days", "days.unique"),))
    one = (checked("days", "days.unique"), finished("days"))
    assert told(plan, *one, *one) == ["1/1 ok create table days 3 rows 0.50s 1 check passed"] * 2
