"""Events -> lines, as they happen: one a step, with what is running below them in a live terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from click import style

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.events import (
    CheckFinished,
    Event,
    StepFailed,
    StepFinished,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from sqlpipes.core.plan import Plan
from sqlpipes.core.status import Status
from sqlpipes.show.letters import name_text, padded, plain, width_of
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
    Status.SPLIT: "bright_black",
}
NO_COLUMNS = "ENG010"
LONGEST = 60  # characters of a part's slices
WORDS = {Status.SUCCESS: "ok", Status.SKIPPED: "skip", Status.CANCELLED: "stop"}

UNTOLD = {
    "cancelled": "the run was stopped",
    "fail-fast": "--fail-fast",
    "taken for dead": "the run was taken for dead",
}


class Reporter(Protocol):
    """Sees a plan, then every event of it in order; a second plan may follow."""

    def plan(self, plan: Plan) -> None: ...

    def event(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Lines:
    """One line a finished step, for pipes, files and CI."""

    def __init__(self, echo: Callable[[str], None], columns: int | None = None) -> None:
        self.echo = echo
        self.columns = columns  # of a terminal
        self.total = self.width = self.action_width = 0
        self.ended: set[str] = set()
        self.slices: dict[str, int] = {}  # of each step in all
        self.seen: dict[str, int] = {}  # how many of them have ended: a step may end part by part
        self.split: set[str] = set()
        self.step_of: dict[str, str] = {}
        self.passed: dict[str, int] = {}
        self.warned: dict[str, int] = {}

    def plan(self, plan: Plan) -> None:
        for known in (self.ended, self.seen, self.split):
            known.clear()  # a build may find more to do when it is done, and plan again
        self.slices = {step.asset: len(step.slices) for step in plan.steps}
        self.total = len(plan.steps)
        lengths = (width_of(self._name(step.asset)) for step in plan.steps)
        self.width = max((length for length in lengths if length <= ALIGNED), default=0)
        self.action_width = max((len(step.action) for step in plan.steps), default=0)
        self.step_of = {check: step.asset for step in plan.steps for check in step.checks}

    def _name(self, asset: str) -> str:
        return name_text(asset, self.columns)

    def event(self, event: Event) -> None:
        if isinstance(event, CheckFinished):
            counted = self.passed if event.status is Status.SUCCESS else self.warned
            step = self.step_of.get(event.check, event.asset)  # the one whose gate it is
            counted[step] = counted.get(step, 0) + 1
        elif isinstance(event, (StepFinished, StepFailed, StepSkipped)):
            if not _is_split(event):
                self._count(event)
            elif _waits_for_table(event):
                pass  # each of these is another slice
            elif event.asset in self.split:
                return  # once is enough
            else:
                self.split.add(event.asset)
            self.echo(self._line(event))
        elif isinstance(event, StepWaiting):
            self.echo(
                style(
                    f"waiting  {self._name(event.asset)}: {plain(event.holder)} is at it", dim=True
                )
            )

        elif isinstance(event, StepRetrying):
            self.echo(
                style(f"waiting  {self._name(event.asset)}: {plain(event.said)}", fg="yellow")
            )

    def close(self) -> None:
        pass

    def _count(self, event: StepFinished | StepFailed | StepSkipped) -> None:
        self.seen[event.asset] = self.seen.get(event.asset, 0) + len(event.slices)
        if self.seen[event.asset] >= self.slices.get(event.asset, 0):
            self.ended.add(event.asset)

    def _line(self, event: StepFinished | StepFailed | StepSkipped) -> str:
        status = Status.SKIPPED if isinstance(event, StepSkipped) else event.status
        word = WORDS.get(status, str(status))
        word = "wait" if _waits_for_table(event) else word
        number = len(self.ended) + (event.asset not in self.ended)
        place = style(f"{number:>{len(str(self.total))}}/{self.total}", dim=True)
        head = (
            f"{place}  {style(f'{word:<5}', fg=COLOURS[status], bold=True)} "
            f"{event.action:<{self.action_width}}  {padded(self._name(event.asset), self.width)}"
        )
        return f"{head}  {self._part(event)}{self._tail(event)}".rstrip()

    def _part(self, event: StepStarted | StepFinished | StepFailed | StepSkipped) -> str:
        """Which slices, and how many of all have ended, of a step that ends part by part."""
        total = self.slices.get(event.asset, 0)
        if len(event.slices) >= total:
            return ""
        text = plain(str(event.slices))
        if len(text) > LONGEST:
            text = f"{len(event.slices):,} slices"
        counted = (
            "" if isinstance(event, StepStarted) else f" ({self.seen.get(event.asset, 0)}/{total})"
        )
        return f"{text}{counted}  "

    def _tail(self, event: StepFinished | StepFailed | StepSkipped) -> str:
        if isinstance(event, StepSkipped):
            told = event.because if event.is_done else f"because of {event.because}"
            because = plain(UNTOLD.get(event.because, told))
            return style(because, dim=True)
        if isinstance(event, StepFailed) and event.status is Status.SPLIT:
            said = _first_line(event)
            what = f"{len(event.slices):,} slices are tried apart"
            what = "until another slice has made the table" if _waits_for_table(event) else what
            return style(f"{what}: {said}", dim=True)
        if isinstance(event, StepFailed):
            return style(_first_line(event), fg="red")
        rows = "" if event.rows is None else f"{event.rows:,} rows"
        part = self._part(event)  # pushes what follows to the right
        parts = [rows if part else f"{rows:>14}", f"{event.seconds:7.2f}s"]
        if came := _came_over(event):
            parts.append(style(came, fg="magenta"))
        if moved := _moved_from(event):
            parts.append(style(moved, fg="magenta"))
        if passed := self.passed.pop(event.asset, 0):
            parts.append(style(f"{passed} check{'s' * (passed > 1)} passed", dim=True))
        if warned := self.warned.pop(event.asset, 0):
            parts.append(style(f"{warned} warned", fg="yellow"))
        return "  ".join(parts)


def _first_line(event: StepFailed) -> str:
    said = event.problems[0].message.splitlines() if event.problems else []
    return plain(said[0]) if said else ""


def _came_over(event: StepFinished) -> str:
    """What crossed from other engines for it."""
    said = event.metadata.get("crossed")
    came = said.get("value") if isinstance(said, dict) else said
    if not isinstance(came, list):
        return ""
    told = (f"{each['rows']:,} rows of {each['asset']} in {each['seconds']:.2f}s" for each in came)
    return plain(f"crossed: {', '.join(told)}")


def _moved_from(event: StepFinished) -> str:
    """Where the rows stood that it took along."""
    place = event.metadata.get("moved from")
    return plain(f"moved from {place}") if place else ""


def _is_split(event: Event) -> bool:
    return isinstance(event, StepFailed) and event.status is Status.SPLIT


def _waits_for_table(event: Event) -> bool:
    return _is_split(event) and any(
        problem.code == NO_COLUMNS for problem in getattr(event, "problems", ())
    )


class Live(Lines):
    """The same lines above a live block: what is running at this moment, and a bar."""

    def __init__(self, echo: Callable[[str], None], columns: int | None = None) -> None:
        super().__init__(self._above, columns)
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
            said = f"{event.action} {self._name(event.asset)} {self._part(event)}".rstrip()
            self.running[event.asset] = self.screen.steps.add_task(said)
        elif isinstance(event, (StepFinished, StepFailed, StepSkipped)):
            self.screen.bar.update(self.screen.overall, completed=self._done())
            ran = not isinstance(event, StepSkipped)  # another part of it may be running
            if ran and event.asset in self.running:
                self.screen.steps.remove_task(self.running.pop(event.asset))

    def _done(self) -> float:
        """How many steps, the parts of those that have not ended included."""
        return sum(seen / max(self.slices.get(name, 1), 1) for name, seen in self.seen.items())

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
