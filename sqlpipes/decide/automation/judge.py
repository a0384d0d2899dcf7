"""One automated asset after the other: which of its slices run, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import or_

from sqlpipes.core.asset import Asset, Kind, Materialized
from sqlpipes.core.automation import Automation, When
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History, less
from sqlpipes.core.partitions import WHOLE, Partitions, as_naive_utc, first_place
from sqlpipes.core.plan import Action, Reason, Step, Why
from sqlpipes.core.verdict import NOT_SEEN, Decision, Seen, Verdict
from sqlpipes.decide.due import awaited, unsettled
from sqlpipes.decide.snapshots import losses
from sqlpipes.decide.staleness import Changed
from sqlpipes.decide.upstream import Faults, among, faults_of, hurdles, stored_inputs
from sqlpipes.decide.wish import Observed, Outlook, Wish

from .automated import automated
from .notes import Notes
from .situation import Situation
from .times import Times, due_at
from .tries import held, still_open, version_of

SAID = 3  # hurdles in one line


class Judge:
    """The work of `evaluate`, asset by asset in graph order. It lives for one call."""

    def __init__(
        self, graph: Graph, history: History, observed: Observed, situation: Situation
    ) -> None:
        self.look = Outlook(
            graph, Wish(frozenset()), observed, as_naive_utc(situation.now), situation.aware
        )
        self.history = history  # as it is
        self.now = situation
        self.notes = Notes(graph)
        self.left: dict[str, Partitions] = {}  # due slices of automated assets that do not run
        self.seen = dict(situation.seen)
        self.times = Times(graph, situation, self.seen, self.notes)
        self.refused = self._refused()
        self.forced = frozenset(
            name
            for name in automated(graph)
            if name not in self.refused and self.times.forces(name)
        )

    def of(self, name: str) -> list[Verdict]:
        """Its verdicts; there is always one."""
        if name in self.refused:
            return [self.notes.whole(name, Decision.HELD, self.refused[name])]
        found = self.notes.of.get(name)
        if found:
            return found
        lacks = self.look.lacks_values(self.look.graph.assets[name])
        why = "values: the query for those of its slices finds none yet" if lacks else ""
        return [self.notes.whole(name, Decision.WAITS if lacks else Decision.NOTHING, why)]

    def remembered(self, name: str) -> Seen:
        before = self.now.seen.get(name, NOT_SEEN)
        after = self.seen.get(name, NOT_SEEN)
        if name in self.left:
            ready = (v.slices for v in self.of(name) if v.decision is Decision.RUN)
            due = reduce(or_, ready, self.left[name])
            after = replace(after, tries=tuple(still_open(after.tries, due)))
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
        timed = auto.when is When.CRON
        if timed and not self.times.has_come(name, auto):
            self.left[name] = candidates
            return None
        everything = self.look.everything(asset)
        newest = everything.newest(1) if timed else Partitions(everything.axis)
        # Its newest slice may be waited for though it is there.
        blocked = self._blocked(name, candidates | newest, history)
        held = self._held(asset, candidates - blocked, history, changed)
        running = self._running(asset, candidates - blocked - held)
        ready = self._after_own(asset, candidates - blocked - held - running, history)
        ready = _with_lookback(asset, step, ready)
        self.left[name] = candidates - ready
        if timed:
            self.times.handle(name, auto, newest, blocked, ready)
        if not ready or step is None:
            return None
        return self._asked(name, step, ready)

    def _candidates(self, asset: Asset, auto: Automation, step: Step | None) -> Partitions:
        """Slices that are due by themselves, whatever their inputs are like."""
        everything = self.look.everything(asset)
        none = Partitions(everything.axis)
        if step is None or step.action in (Action.CHECK, Action.EXTRAS):
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
            self.notes.note(name, Decision.WAITS, blocked, _few(found))
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
        open_still = self._unsettled(name)
        for other, slices in open_still.items():
            told = found.setdefault(other, [])
            left = reduce(less, (each for _, each in told), slices)
            told += [(_not_done(self.look.graph, other, open_still), left)] if left else []
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
        seen = self.seen.get(asset.name, NOT_SEEN)
        past = self.history.of(asset.name)
        found, why = held(self.look, asset, mine, seen, past, history, changed)
        if found:
            self.notes.note(asset.name, Decision.HELD, found, why)
        return found

    def _running(self, asset: Asset, mine: Partitions) -> Partitions:
        queued = among(mine, self.now.queued.get(asset.name))
        if queued:
            self.notes.note(asset.name, Decision.RUNNING, queued, "asked for already")
        found = among(mine, self.now.running.get(asset.name)) - queued
        if found:
            self.notes.note(asset.name, Decision.RUNNING, found, "somebody is building it")
        return queued | found

    def _after_own(self, asset: Asset, ready: Partitions, history: History) -> Partitions:
        """Slices of an asset that reads itself need all that come before them."""
        if asset.name not in self.look.graph.reads_self or first_place(ready.axis) is None:
            return ready
        everything = self.look.everything(asset)
        absent = everything - self.history.of(asset.name).slices(everything.axis) - ready
        not_yet = absent | (self.notes.slices(asset.name, everything.axis) - ready)
        if not ready or not not_yet:
            return ready
        first = not_yet.ranges[0][0]
        rows = ((labels, [(first, ranges[-1][1])]) for labels, ranges in ready.rows)
        later = Partitions.of_rows(ready.axis, rows) & ready
        if later:
            self.notes.note(asset.name, Decision.WAITS, later, "its own slices before them")
        return ready - later

    def _asked(self, name: str, step: Step, ready: Partitions) -> Step:
        reasons = tuple(
            replace(r, slices=some)
            for r in step.reasons
            if (some := (r.slices if r.slices is not None else step.slices) & ready)
        )
        because = "; ".join(dict.fromkeys(str(reason) for reason in reasons))
        self.notes.note(name, Decision.RUN, ready, because)
        seen = self.seen.get(name, NOT_SEEN)
        self.seen[name] = seen.tried(ready, version_of(self.look.graph, name), self.history.tick)
        return replace(step, slices=ready, reasons=reasons, full=step.full and ready == step.slices)

    def _refused(self) -> dict[str, str]:
        """Snapshots whose history a build would lose: it is refused, whoever asks."""
        names = [
            n
            for n in automated(self.look.graph)
            if self.look.graph.assets[n].snapshot or n in self.now.definitions
        ]
        found = {}
        for name in names:
            lost = next(losses(self.look.graph, self.history, [name], self.now.definitions), None)
            if lost is not None:
                found[name] = f"{lost.code} {lost.message}"
        return found


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


def _not_done(graph: Graph, name: str, found: Mapping[str, Partitions]) -> str:
    causes = [each for each in awaited(graph, name, found) if each != name]
    who = f"{', '.join(causes[:SAID])} {'is' if len(causes) == 1 else 'are'} " if causes else ""
    return f"{who}not done since the time came"


def _few(found: list[str]) -> str:
    more = f" and {len(found) - SAID:,} more" if len(found) > SAID else ""
    return ", ".join(found[:SAID]) + more
