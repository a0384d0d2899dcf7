"""Events -> lines, as they happen: one a step, with what is running below them in a live terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from click import style

from sqlpipes.core.events import (
    CheckFinished,
    Event,
    Status,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
)
from sqlpipes.core.plan import Plan
from sqlpipes.show.plan import ALIGNED

if TYPE_CHECKING:
    from rich.live import Live as RichLive
    from rich.progress import Progress, TaskID

COLOURS = {
    Status.SUCCESS: "green",
    Status.WARN: "yellow",
    Status.FAIL: "red",
    Status.ERROR: "red",
    Status.SKIPPED: "bright_black",
    Status.CANCELLED: "bright_black",
}
WORDS = {Status.SUCCESS: "ok", Status.SKIPPED: "skip", Status.CANCELLED: "stop"}

UNTOLD = {"cancelled": "the run was stopped", "fail-fast": "--fail-fast"}


class Reporter(Protocol):
    """Sees a plan, then every event of it in order; a second plan may follow."""

    def plan(self, plan: Plan) -> None: ...

    def event(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Lines:
    """One line a finished step, for pipes, files and CI."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self.echo = echo
        self.total = self.width = self.action_width = 0
        self.ended: set[str] = set()  # a step may end part by part
        self.step_of: dict[str, str] = {}
        self.passed: dict[str, int] = {}
        self.warned: dict[str, int] = {}

    def plan(self, plan: Plan) -> None:
        self.ended.clear()  # a build may find more to do when it is done, and plan again
        self.total = len(plan.steps)
        lengths = (len(step.asset) for step in plan.steps)
        self.width = max((length for length in lengths if length <= ALIGNED), default=0)
        self.action_width = max((len(step.action) for step in plan.steps), default=0)
        self.step_of = {check: step.asset for step in plan.steps for check in step.checks}

    def event(self, event: Event) -> None:
        if isinstance(event, CheckFinished):
            counted = self.passed if event.status is Status.SUCCESS else self.warned
            step = self.step_of.get(event.check, event.asset)  # the one whose gate it is
            counted[step] = counted.get(step, 0) + 1
        elif isinstance(event, (StepFinished, StepFailed, StepSkipped)):
            self.ended.add(event.asset)
            self.echo(self._line(event))

    def close(self) -> None:
        pass

    def _line(self, event: StepFinished | StepFailed | StepSkipped) -> str:
        status = Status.SKIPPED if isinstance(event, StepSkipped) else event.status
        word = WORDS.get(status, str(status))
        place = style(f"{len(self.ended):>{len(str(self.total))}}/{self.total}", dim=True)
        head = (
            f"{place}  {style(f'{word:<5}', fg=COLOURS[status], bold=True)} "
            f"{event.action:<{self.action_width}}  {event.asset:<{self.width}}"
        )
        return f"{head}  {self._tail(event)}".rstrip()

    def _tail(self, event: StepFinished | StepFailed | StepSkipped) -> str:
        if isinstance(event, StepSkipped):
            because = UNTOLD.get(event.because, f"because of {event.because}")
            return style(because, dim=True)
        if isinstance(event, StepFailed):
            return style(
                event.problems[0].message.splitlines()[0] if event.problems else "", fg="red"
            )
        rows = "" if event.rows is None else f"{event.rows:,} rows"
        parts = [f"{rows:>14}", f"{event.seconds:7.2f}s"]
        if passed := self.passed.pop(event.asset, 0):
            parts.append(style(f"{passed} check{'s' * (passed > 1)} passed", dim=True))
        if warned := self.warned.pop(event.asset, 0):
            parts.append(style(f"{warned} warned", fg="yellow"))
        return "  ".join(parts)


class Live(Lines):
    """The same lines above a live block: what is running at this moment, and a bar."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        super().__init__(self._above)
        self.fallback = echo
        self.screen: Screen | None = None
        self.running: dict[str, TaskID] = {}

    def plan(self, plan: Plan) -> None:
        self.close()
        super().plan(plan)
        if plan.steps:
            self.screen = _open_screen(self.total)

    def event(self, event: Event) -> None:
        super().event(event)
        if self.screen is None:
            return
        if isinstance(event, StepStarted) and event.asset not in self.running:
            self.running[event.asset] = self.screen.steps.add_task(f"{event.action} {event.asset}")
        elif isinstance(event, (StepFinished, StepFailed, StepSkipped)):
            self.screen.bar.update(self.screen.overall, completed=len(self.ended))
            if event.asset in self.running:
                self.screen.steps.remove_task(self.running.pop(event.asset))

    def close(self) -> None:
        if self.screen is not None:
            self.screen.live.stop()
            self.screen = None

    def _above(self, line: str) -> None:
        if self.screen is None:
            self.fallback(line)
            return
        from rich.text import Text

        self.screen.live.console.print(Text.from_ansi(line), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Screen:
    """The live block: a line for each step that is running, then the bar of all."""

    live: RichLive
    steps: Progress
    bar: Progress
    overall: TaskID


def _open_screen(total: int) -> Screen:
    from rich.console import Group
    from rich.live import Live as RichLive
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    steps = Progress(
        SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    )
    bar = Progress(BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    overall = bar.add_task("", total=total)
    live = RichLive(Group(steps, bar), transient=True, refresh_per_second=8)
    live.start()
    return Screen(live, steps, bar, overall)
