"""One asset's state + what happened to it -> its next state. Pure; both stores keep what this says.

A step that began leaves a mark on its slices until it ends: with the mark there, nobody can say
whether the data is old or new.

Two processes that write the same slices at one time cannot be told apart afterwards: whoever is
recorded last need not have committed last. So the record then claims the least that is true: it
read when the earlier of them read, and it is of the other's version where the two differ. Such a
slice is built again as soon as it matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.events import StepFailed, StepFinished
from sqlpipes.core.history import NEVER, Built, Past, doubt, less, settle
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Action
from sqlpipes.core.status import Status
from sqlpipes.stores.records import Move

LOOKS_ONLY = frozenset(
    {Action.CHECK, Action.EXTRAS, Action.OBSERVE, Action.REPORT_SOURCE, Action.CALL}
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Slices that a step may have written. `alive`: its process may still do so."""

    step: int
    slices: Partitions
    version: str
    read_at: int
    full: bool = False  # it writes the relation anew
    alive: bool = True


@dataclass(frozen=True, slots=True)
class AssetState:
    """What is kept of an asset. `past.suspect` is left empty here: `seen` fills it from the marks."""

    past: Past = NEVER
    marks: tuple[Mark, ...] = ()
    definition: str = ""


NOTHING_YET = AssetState()


def writes(action: str) -> bool:
    """Whether a step of this kind changes what readers see."""
    return action not in LOOKS_ONLY


def seen(state: AssetState) -> Past:
    """The state as the planner sees it: slices under a mark are suspect.

    Of those that are being written, or whose process died unseen, the newest attempt has not failed.
    """
    suspect: Partitions | None = None
    for mark in state.marks:
        suspect = doubt(suspect, mark.slices)
    going_on = frozenset(mark.step for mark in state.marks if mark.alive)
    return replace(state.past, suspect=suspect, broken=_not_of(state, going_on))


def being_written(state: AssetState) -> Partitions | None:
    """The slices that steps are writing whose processes are not known to be dead."""
    found: Partitions | None = None
    for mark in state.marks:
        if mark.alive:
            found = doubt(found, mark.slices)
    return found


def began(state: AssetState, mark: Mark) -> AssetState:
    """A step that writes has begun; one that writes the relation anew puts all of it in doubt."""
    slices: Partitions | None = mark.slices
    for built in state.past.built if mark.full else ():
        slices = doubt(slices, built.slices)
    return replace(state, marks=(*state.marks, replace(mark, slices=slices or mark.slices)))


def ended(state: AssetState, own: Mark, event: StepFinished, written_at: int) -> AssetState:
    """A step has ended well, for `event.slices`: the part of its mark that it did not cover stays."""
    if event.action == Action.CALL:
        return state
    if not writes(event.action):
        return replace(state, past=_looked(state.past, own, event, written_at))
    new = _claim(state, own, event, written_at)
    known = event.slices.is_whole and event.token is not None  # of a file
    unmoved = known and event.token == state.past.token
    same = event.slices if unmoved else event.same
    alone = next(_rivals(state, own, event.slices), None) is None
    changed = event.changed if alone else None
    past = state.past.add(new, full=own.full, same=same, changed=changed)
    refused = past.failed  # in other slices: these have passed
    past = past.checked(event.checks_version, own.read_at).given(event.extras_version)
    relation = event.relation or past.relation
    past = replace(past, relation=relation, failed=refused, token=event.token)
    return AssetState(past, _marks_left(state.marks, own, event.slices), event.definition)


def broke(
    state: AssetState,
    step: int,
    slices: Partitions | None,
    *,
    failed: bool,
    in_doubt: bool = False,
) -> AssetState:
    """A step has ended badly; `slices` are what it failed to write, `failed`: a blocking check did it.

    What readers see is as it was, so its mark goes, unless that is `in_doubt`.
    """
    past = replace(
        state.past,
        failed=state.past.failed or failed,
        broken=doubt(state.past.broken, slices) if slices else state.past.broken,
    )
    if in_doubt:
        return AssetState(past, _none_alive(state.marks, frozenset({step})), state.definition)
    return replace(state, past=past, marks=tuple(m for m in state.marks if m.step != step))


def lost_by(event: StepFailed) -> Partitions | None:
    """The slices that an attempt failed to write; none when it was stopped, or only looked."""
    is_attempt = event.status in (Status.FAIL, Status.ERROR) and writes(event.action)
    return event.slices if is_attempt else None


def died(state: AssetState, steps: frozenset[int]) -> AssetState:
    """The processes of these steps are gone: their slices stay in doubt, but nobody writes any more.

    Nor has their newest attempt failed: it was cut off.
    """
    past = replace(state.past, broken=_not_of(state, steps))
    return replace(state, past=past, marks=_none_alive(state.marks, steps))


def _not_of(state: AssetState, steps: frozenset[int]) -> Partitions | None:
    """Slices whose newest attempt failed, without those that these steps have begun to write since."""
    broken = state.past.broken
    for mark in state.marks:
        if mark.step in steps and broken is not None:
            broken = settle(broken, mark.slices)
    return broken


def _none_alive(marks: Iterable[Mark], steps: frozenset[int]) -> tuple[Mark, ...]:
    return tuple(replace(mark, alive=mark.alive and mark.step not in steps) for mark in marks)


def moved(state: AssetState, move: Move) -> AssetState:
    """The state under another name: what is built, when and from what stays as it is."""
    past = state.past
    built = (replace(each, version=move.version(each.version)) for each in past.built)
    past = replace(
        past,
        built=tuple(built),
        version=move.version(past.version),
        checks_version=move.checks_version(past.checks_version),
        relation=move.relation if move.relation and past.relation else past.relation,
    )
    marks = (replace(mark, version=move.version(mark.version)) for mark in state.marks)
    return AssetState(past, tuple(marks), move.definition(state.definition))


def _looked(past: Past, own: Mark, event: StepFinished, written_at: int) -> Past:
    if event.action == Action.EXTRAS:
        past = past.given(event.extras_version)
    if event.action in (
        Action.CHECK,
        Action.EXTRAS,
    ):  # no version: only a part of the gate was asked
        return past.checked(event.checks_version, own.read_at) if event.checks_version else past
    seen_now = Built(event.slices, event.version, own.read_at, written_at)
    if event.action == Action.REPORT_SOURCE:
        return past.reported(seen_now).checked("", own.read_at)
    past = past.observed(seen_now, event.token, event.sighting)
    past = past.checked(event.checks_version, own.read_at)
    return replace(past, relation=event.relation or past.relation)


def _claim(state: AssetState, own: Mark, event: StepFinished, written_at: int) -> Built:
    """What this step may say that it wrote, others at work on the same slices considered."""
    claim = Built(event.slices, event.version, own.read_at, written_at)
    for version, read_at in _rivals(state, own, event.slices):
        claim = replace(claim, read_at=min(claim.read_at, read_at))
        if version != event.version:
            claim = replace(claim, version=version)
    return claim


def _rivals(state: AssetState, own: Mark, slices: Partitions) -> Iterator[tuple[str, int]]:
    for mark in state.marks:
        if (
            mark.step != own.step
            and mark.alive
            and _meet(slices, mark.slices, mark.full or own.full)
        ):
            yield mark.version, mark.read_at
    for built in state.past.built:
        if built.written_at > own.read_at and _meet(slices, built.slices, own.full):
            yield built.version, built.read_at


def _meet(slices: Partitions, other: Partitions, always: bool) -> bool:
    return always or (bool(other) and less(slices, other) != slices)


def _marks_left(marks: tuple[Mark, ...], own: Mark, written: Partitions) -> tuple[Mark, ...]:
    """A new write settles every older doubt about the slices that it covers."""
    left = []
    for mark in marks:
        if mark.step == own.step:
            mark = replace(mark, slices=own.slices, full=False)
        elif own.full:
            continue
        if rest := settle(mark.slices, written):
            left.append(replace(mark, slices=rest))
    return tuple(left)


def rest_of(started: Partitions, event: StepFinished) -> Partitions | None:
    """What of a step is still to come after this end of a part of it; None when all has ended."""
    if not writes(event.action) or started.axis != event.slices.axis:
        return None
    return (started - event.slices) or None


def told_apart(past: Past, built: Built) -> Iterator[tuple[Partitions, bool]]:
    """What of `built` can be relied on, and what is in doubt (True); empty parts are left out."""
    trusted = past.trusted(built)
    for slices, suspect in ((trusted, False), (less(built.slices, trusted), True)):
        if slices:
            yield slices, suspect
