"""Graph + History + what is observed + what was seen last -> which slices are asked for, and why not.

An evaluation is a plan of the automated assets in which each step has to be admitted: slices whose
inputs are not complete are taken out, and those that failed and of which nothing has changed. What is
left runs in one build, an asset after those that it reads. No clock, no files, no warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from operator import or_

from sqlpipes.core.asset import Asset, Kind, Materialized, PythonBody
from sqlpipes.core.automation import Automation, When
from sqlpipes.core.cron import newest_time, next_time
from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import NEVER, Built, History, Past, less
from sqlpipes.core.partitions import WHOLE, Partitions, as_naive_utc, first_place
from sqlpipes.core.plan import TIME_HAS_COME, Action, Reason, Step, Why
from sqlpipes.core.verdict import NOT_SEEN, Decision, Seen, Try, Verdict
from sqlpipes.decide.due import Written, unsettled
from sqlpipes.decide.planner import make_plan
from sqlpipes.decide.snapshots import losses
from sqlpipes.decide.staleness import Changed, reasons_to_build
from sqlpipes.decide.upstream import Faults, among, faults_of, hurdles, stored_inputs, watched
from sqlpipes.decide.wish import Observed, Outlook, Wish

SAID = 3  # hurdles in one line
PROJECT_FILES = ("pyproject.toml", "sqlpipes.yml", "sqlpipes.yaml")


@dataclass(frozen=True, slots=True)
class Situation:
    """What an evaluation knows beside graph, history and what is observed.

    `stale`: per asset, the slices that a build of everything would write, as far as an asset with a
    time needs it. `queued`: what was asked for and is not done with.
    `unreadable`: source -> what is wrong with it.
    """

    now: datetime  # aware
    seen: Mapping[str, Seen] = field(default_factory=dict)
    running: Mapping[str, Partitions] = field(default_factory=dict)
    written: Written = field(default_factory=dict)
    stale: Mapping[str, Partitions] = field(default_factory=dict)
    queued: Mapping[str, Partitions] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`steps` are to be built together; `verdicts` are about every automated asset, in graph order.

    `seen` is what to remember of each. `forced`: to be built though nothing has moved.
    """

    verdicts: tuple[Verdict, ...]
    steps: tuple[Step, ...]
    seen: Mapping[str, Seen]
    forced: frozenset[str] = frozenset()


def automated(graph: Graph) -> tuple[str, ...]:
    """The assets that are built by themselves, in graph order."""
    return tuple(name for name in graph.order if _is_automated(graph.assets[name]))


def _is_automated(asset: Asset) -> bool:
    if asset.auto is None or asset.materialized is Materialized.EPHEMERAL:
        return False
    return asset.auto.when is not When.NEVER


def automation_problems(graph: Graph) -> tuple[Problem, ...]:
    """AUT003 for an input that `auto` names and the asset does not read, or an asset that is never built.

    What a folder says of all below it may well be nothing to some of them.
    """
    found = []
    for name in graph.order:
        asset, auto = graph.assets[name], graph.assets[name].auto
        if auto is None or auto.at is None or auto.at.file.endswith(PROJECT_FILES):
            continue
        if asset.materialized is Materialized.EPHEMERAL and auto.when is not When.NEVER:
            message = f"'{name}' is ephemeral: it is inlined and never built, also not by itself"
            hint = "give `auto` to the assets that read it"
            found.append(Problem("AUT003", message, auto.at, hint))
        known = graph.parents(name)
        for other in sorted(auto.ignore | (auto.allow or frozenset())):
            if other not in known:
                hint = did_you_mean(other, known) or f"it reads {', '.join(known) or 'no asset'}"
                message = f"'auto' of '{name}' names '{other}', which it does not read"
                found.append(Problem("AUT003", message, auto.at, hint))
    return tuple(found)


def due_at(auto: Automation, now: datetime) -> datetime | None:
    """The newest time at which it was due."""
    return newest_time(auto.cron, auto.timezone, now) if auto.when is When.CRON else None


def is_due(auto: Automation, seen: Seen, now: datetime) -> bool:
    """Whether a time has come that is not done with."""
    due = due_at(auto, now)
    return due is not None and seen.handled is not None and due > seen.handled


def evaluate(graph: Graph, history: History, observed: Observed, now: Situation) -> Evaluation:
    """What is asked for. An asset that waits for nothing but one that is asked for goes with it."""
    names = automated(graph)
    judge = _Judge(watched(graph), history, observed, now)
    wish = Wish(
        names=frozenset(names) - judge.refused.keys(),
        observe=frozenset(n for n in graph.order if graph.assets[n].kind is Kind.SOURCE)
        & observed.tokens.keys(),
        forced=dict.fromkeys(judge.forced, TIME_HAS_COME),
    )
    plan = make_plan(
        judge.look.graph,
        history,
        wish,
        observed,
        as_naive_utc(now.now),
        now.definitions,
        admit=judge.admit,
    )
    steps = tuple(step for step in plan.steps if step.asset in wish.names)
    verdicts = tuple(verdict for name in names for verdict in judge.of(name))
    seen = {name: judge.remembered(name) for name in names}
    asked = frozenset(step.asset for step in steps)
    return Evaluation(verdicts, steps, seen, judge.forced & asked)


class _Judge:
    """The work of `evaluate`, asset by asset in graph order. It lives for one call."""

    def __init__(
        self, graph: Graph, history: History, observed: Observed, situation: Situation
    ) -> None:
        self.look = Outlook(graph, Wish(frozenset()), observed, as_naive_utc(situation.now))
        self.history = history  # as it is
        self.now = situation
        self.verdicts: dict[str, list[Verdict]] = {}
        self.left: dict[str, Partitions] = {}  # due slices of automated assets that do not run
        self.seen = dict(situation.seen)
        self.due = {
            name: is_due(auto, self.seen.get(name, NOT_SEEN), situation.now)
            for name in automated(graph)
            if (auto := graph.assets[name].auto)
        }
        self.refused = self._refused()
        self.forced = frozenset(n for n in self.due if n not in self.refused and self._is_forced(n))

    def of(self, name: str) -> list[Verdict]:
        """Its verdicts; there is always one."""
        if name in self.refused:
            return [self._said(name, Decision.HELD, self.refused[name])]
        found = self.verdicts.get(name)
        if found:
            return found
        lacks = self.look.lacks_values(self.look.graph.assets[name])
        why = "values: the query for those of its slices finds none yet" if lacks else ""
        return [self._said(name, Decision.WAITS if lacks else Decision.NOTHING, why)]

    def remembered(self, name: str) -> Seen:
        before = self.now.seen.get(name, NOT_SEEN)
        after = self.seen.get(name, NOT_SEEN)
        if name in self.left:
            ready = (v.slices for v in self.of(name) if v.decision is Decision.RUN)
            due = reduce(or_, ready, self.left[name])
            after = replace(after, tries=tuple(_still_open(after.tries, due)))
        verdicts = tuple(self.of(name))
        at = before.at if verdicts == before.verdicts else self.now.now
        return replace(after, verdicts=verdicts, at=at)

    def admit(
        self, name: str, step: Step | None, history: History, changed: Changed
    ) -> Step | None:
        """What of the step runs. Its slices that do not are noted, with the reason."""
        asset = self.look.graph.assets[name]
        if asset.kind is Kind.SOURCE:
            return None if step is None or _is_unknowable(step) else step
        auto = asset.auto
        assert auto is not None
        candidates = self._candidates(asset, auto, step)
        if auto.when is When.CRON and not self._has_come(name, auto):
            self.left[name] = candidates
            return None
        needed = candidates
        if auto.when is When.CRON:  # its newest slice may be waited for though it is there
            needed |= self.look.everything(asset).newest(1)
        blocked = self._blocked(name, needed, history)
        held = self._held(asset, candidates - blocked, history, changed)
        running = self._running(asset, candidates - blocked - held)
        ready = self._after_own(asset, candidates - blocked - held - running, history)
        ready = _with_lookback(asset, step, ready)
        self.left[name] = candidates - ready
        if auto.when is When.CRON:
            self._handle(name, auto, blocked, ready)
        if not ready or step is None:
            return None
        return self._asked(name, step, ready)

    def _candidates(self, asset: Asset, auto: Automation, step: Step | None) -> Partitions:
        """Slices that are due by themselves, whatever their inputs are like."""
        everything = self.look.everything(asset)
        none = Partitions(everything.axis)
        if step is None or step.action is Action.CHECK:
            return none
        if auto.when is When.MISSING:
            found = step.slices
            if not self._is_gone(asset.name):
                found -= self.history.of(asset.name).slices(everything.axis)
        else:
            told = (r for r in step.reasons if _counts(r, auto))
            found = reduce(or_, (r.slices or step.slices for r in told), none)
        return found & everything.newest(auto.last) if auto.last else found

    def _blocked(self, name: str, mine: Partitions, history: History) -> Partitions:
        found: list[str] = []
        blocked = Partitions(mine.axis)
        faults = self._faults(name, history)
        nowhere = {**self.now.unreadable, **self._gone(name, history)}
        for each in hurdles(self.look, history, name, mine, faults, nowhere):
            blocked |= each.mine
            if str(each) not in found:
                found.append(str(each))
        if blocked:
            self._note(name, Decision.WAITS, blocked, _few(found))
        return blocked

    def _gone(self, name: str, history: History) -> dict[str, str]:
        """Inputs whose relation somebody took away, and which do not come back in this build."""
        names = {edge.name for edge in stored_inputs(self.look.graph, name)}
        return {
            other: "gone, though it was built"
            for other in names
            if self._is_gone(other) and history.of(other) is self.history.of(other)
        }

    def _is_gone(self, name: str) -> bool:
        asset = self.look.graph.assets[name]
        if asset.kind is Kind.SOURCE or asset.materialized is Materialized.EPHEMERAL:
            return False
        return bool(self.history.of(name).built) and self.look.observed.lacks(asset)

    def _faults(self, name: str, history: History) -> dict[str, Faults]:
        """What is wrong with each of its inputs."""
        found: dict[str, Faults] = {}
        none = Partitions(WHOLE.axis)
        for edge in stored_inputs(self.look.graph, name):
            other = edge.name
            running = self.now.running.get(other)
            faults = faults_of(self.look, history, other, running)
            left = reduce(less, (each for _, each in faults), self.left.get(other) or none)
            if left:
                faults.append(("waits itself, and is built first", left))
            found[other] = faults
        for other, slices in self._unsettled(name).items():
            told = found.setdefault(other, [])
            left = reduce(less, (each for _, each in told), slices)
            told += [("not done since the time came", left)] if left else []
        return found

    def _unsettled(self, name: str) -> dict[str, Partitions]:
        auto = self.look.graph.assets[name].auto
        due = due_at(auto, self.now.now) if auto else None
        if due is None:
            return {}
        return unsettled(self.look, name, due, self.now.written, self.now.stale, self.now.now)

    def _held(
        self, asset: Asset, mine: Partitions, history: History, changed: Changed
    ) -> Partitions:
        """Slices that were asked for, did not come, and of which nothing has changed since."""
        if asset.auto is None or asset.auto.when is When.CRON:
            return Partitions(mine.axis)
        past = self.history.of(asset.name)
        held = Partitions(mine.axis)
        said = ""
        for each in self.seen.get(asset.name, NOT_SEEN).tries:
            if each.slices.axis != mine.axis or each.version != self._version(asset.name):
                continue
            broken = among(each.slices, past.broken)
            slices = mine & (each.slices if each.ended else broken)
            slices -= _done_since(past, each, mine)
            stuck = slices - self._moved_since(asset, each, slices, history, changed)
            if stuck:
                said = said or _why_held(bool(stuck & broken))
                held |= stuck
        if held:
            self._note(asset.name, Decision.HELD, held, said)
        return held

    def _moved_since(
        self, asset: Asset, tried: Try, slices: Partitions, history: History, changed: Changed
    ) -> Partitions:
        """Those of which an input was written since they were tried: asked as if they were built then."""
        if not slices:
            return slices
        version = self.look.graph.version(asset.name)
        as_if = Built(slices, version, read_at=tried.tick, written_at=tried.tick)
        history = history.with_past(asset.name, replace(NEVER, built=(as_if,), version=version))
        unseen = replace(self.look.observed, existing=None, gone_files=frozenset())
        everything = self.look.everything(asset)
        found = reasons_to_build(
            self.look.graph, history, changed, unseen, asset.name, slices, everything
        )
        newer = (r.slices for r in found if r.why is Why.INPUT_NEWER and r.slices is not None)
        return reduce(or_, newer, Partitions(slices.axis))

    def _running(self, asset: Asset, mine: Partitions) -> Partitions:
        queued = among(mine, self.now.queued.get(asset.name))
        if queued:
            self._note(asset.name, Decision.RUNNING, queued, "asked for already")
        found = among(mine, self.now.running.get(asset.name)) - queued
        if found:
            self._note(asset.name, Decision.RUNNING, found, "somebody is building it")
        return queued | found

    def _after_own(self, asset: Asset, ready: Partitions, history: History) -> Partitions:
        """Slices of an asset that reads itself need all that come before them."""
        if asset.name not in self.look.graph.reads_self or first_place(ready.axis) is None:
            return ready
        everything = self.look.everything(asset)
        absent = everything - self.history.of(asset.name).slices(everything.axis) - ready
        not_yet = absent | (self._due_slices(asset.name) - ready)
        if not ready or not not_yet:
            return ready
        first = not_yet.ranges[0][0]
        rows = ((labels, [(first, ranges[-1][1])]) for labels, ranges in ready.rows)
        later = Partitions.of_rows(ready.axis, rows) & ready
        if later:
            self._note(asset.name, Decision.WAITS, later, "its own slices before them")
        return ready - later

    def _due_slices(self, name: str) -> Partitions:
        noted = [v.slices for v in self.verdicts.get(name, ())]
        axis = self.look.everything(self.look.graph.assets[name]).axis
        return reduce(or_, noted, Partitions(axis))

    def _asked(self, name: str, step: Step, ready: Partitions) -> Step:
        reasons = tuple(
            replace(r, slices=some)
            for r in step.reasons
            if (some := (r.slices if r.slices is not None else step.slices) & ready)
        )
        because = "; ".join(dict.fromkeys(str(reason) for reason in reasons))
        self._note(name, Decision.RUN, ready, because)
        seen = self.seen.get(name, NOT_SEEN)
        self.seen[name] = seen.tried(ready, self._version(name), self.history.tick)
        return replace(step, slices=ready, reasons=reasons, full=step.full and ready == step.slices)

    def _version(self, name: str) -> str:
        return f"{self.look.graph.version(name)}|{self.look.graph.checks_version(name)}"

    def _has_come(self, name: str, auto: Automation) -> bool:
        """Whether the time has come. The first look at an asset only starts its clock."""
        seen = self.seen.get(name, NOT_SEEN)
        due = due_at(auto, self.now.now)
        if seen.handled is None:
            self.seen[name] = replace(seen, handled=due or self.now.now)
        if self.due[name]:
            return True
        self._note_next(name, auto, "")
        return False

    def _note_next(self, name: str, auto: Automation, before: str) -> None:
        coming = next_time(auto.cron, auto.timezone, self.now.now)
        shown = "any more" if coming is None else f"until {shown_at(coming, auto.timezone)}"
        self.verdicts.setdefault(name, []).append(
            self._said(name, Decision.NOT_DUE, f"{shown}{before}")
        )

    def _handle(self, name: str, auto: Automation, blocked: Partitions, ready: Partitions) -> None:
        """The time is done with when nothing waits but old slices; those are looked at the next time."""
        newest = self.look.everything(self.look.graph.assets[name]).newest(1)
        if newest & blocked:
            return
        due = due_at(auto, self.now.now)
        self.seen[name] = replace(self.seen.get(name, NOT_SEEN), handled=due)
        if not ready and due is not None:
            self._note_next(
                name, auto, f"; there was nothing to do at {shown_at(due, auto.timezone)}"
            )

    def _is_forced(self, name: str) -> bool:
        """A function that reads no asset has nothing that could move: it runs because of its time."""
        asset = self.look.graph.assets[name]
        auto = asset.auto
        if auto is None or auto.when is not When.CRON or not self.due[name]:
            return False
        if not isinstance(asset.body, PythonBody) or asset.partition is not None:
            return False
        due = due_at(auto, self.now.now)
        at = max((at for _, at in self.now.written.get(name, ()) if at), default=None)
        return not self.look.graph.inputs[name] and (at is None or due is None or at < due)

    def _refused(self) -> dict[str, str]:
        """Snapshots whose history a build would lose: it is refused, whoever asks."""
        names = [
            n for n in self.due if self.look.graph.assets[n].snapshot or n in self.now.definitions
        ]
        found = {}
        for name in names:
            lost = next(losses(self.look.graph, self.history, [name], self.now.definitions), None)
            if lost is not None:
                found[name] = f"{lost.code} {lost.message}"
        return found

    def _note(self, name: str, decision: Decision, slices: Partitions, because: str) -> None:
        self.verdicts.setdefault(name, []).append(Verdict(name, decision, slices, because))

    def _said(self, name: str, decision: Decision, because: str) -> Verdict:
        cut = self.look.graph.assets[name].partition
        return Verdict(name, decision, Partitions(cut.axis) if cut else WHOLE, because)


def _is_unknowable(step: Step) -> bool:
    """A source that cannot be compared counts as changed at any time, which is no news."""
    return any(reason.why is Why.ALWAYS for reason in step.reasons)


def _counts(reason: Reason, auto: Automation) -> bool:
    """What time alone makes stale is built at a time, and not again and again."""
    always = reason.why in (Why.ALWAYS, Why.LOOKBACK) and auto.when is not When.CRON
    return not always


def _with_lookback(asset: Asset, step: Step | None, ready: Partitions) -> Partitions:
    """Slices that are built again with new ones go when one of these does."""
    if step is None or asset.partition is None or not asset.partition.lookback:
        return ready
    back = [r.slices for r in step.reasons if r.why is Why.LOOKBACK and r.slices is not None]
    if not back:
        return ready
    return ready | (reduce(or_, back) & ready.before(asset.partition.lookback))


def _still_open(tries: Iterable[Try], due: Partitions) -> Iterator[Try]:
    """What was tried and is due still; all of it where that is cut otherwise now."""
    for each in tries:
        if each.slices.axis != due.axis:
            if due:
                yield each
        elif left := each.slices & due:
            yield replace(each, slices=left)


def _done_since(past: Past, tried: Try, mine: Partitions) -> Partitions:
    """Slices that were written after they were tried: whatever is wrong with them now is another matter."""
    found = (among(mine, past.trusted(b)) for b in past.built if b.written_at > tried.tick)
    return reduce(or_, found, Partitions(mine.axis))


def _why_held(broken: bool) -> str:
    what = "failed last time" if broken else "asked for, and not built"
    return f"{what}; not tried again until an input, the query or a check changes"


def _few(found: list[str]) -> str:
    more = f" and {len(found) - SAID:,} more" if len(found) > SAID else ""
    return ", ".join(found[:SAID]) + more


def shown_at(at: datetime, zone: str) -> str:
    """An instant as the zone's clock shows it.

    >>> from datetime import UTC
    >>> shown_at(datetime(2024, 7, 1, 4, tzinfo=UTC), "Europe/Berlin")
    '2024-07-01 06:00 Europe/Berlin'
    """
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"
