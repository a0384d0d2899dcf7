"""Numbers of an asset over time: rows, seconds, bytes, failures of checks, and what its functions logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from sqlpipes.api.project import Project, open_store_of
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean
from sqlpipes.core.metadata import numbers
from sqlpipes.core.partitions import WHOLE, Partitions, parse_partitions
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.stores import CheckRecord, Note, StepRecord

ALWAYS = ("rows", "seconds", "bytes", "failures")  # `failures` are bad rows that checks found
AGE = "age_s"  # of a source's newest data, as `source freshness` saw it
WELL = (Status.SUCCESS, Status.WARN)
SUMMED = frozenset({"rows", "seconds", "bytes"})  # over the parts of a step


@dataclass(frozen=True, slots=True)
class Point:
    """A number, with the run that it is of and the slices that were written."""

    at: datetime
    run_id: str
    value: float
    slices: Partitions


@dataclass(frozen=True, slots=True)
class Series:
    """The newest `points` of `total`, oldest first."""

    asset: str
    metric: str
    points: tuple[Point, ...]
    total: int


def metric(
    project: Project,
    name: str,
    what: str,
    *,
    last: int | None = None,
    partition: str | None = None,
) -> Series:
    """One number of an asset over time.

    Parts of one run are summed up; with `partition` each step counts that wrote some of these slices, and
    its number is of all that it wrote. `what` is rows, seconds, bytes, failures, the name of a check, or
    of any number that was logged, also by a step that failed; of a check `check.number`, or only the
    number's name where nothing else has it. ProjectError MET003 when there is no such number.
    """
    asset = project.asset(name)
    with closing(open_store_of(project)) as store:
        notes, checks = store.notes(asset.name), store.check_history(asset.name)
    asked = _asked(project, asset.name, partition)
    if asked is not None:
        notes = tuple(note for note in notes if _meets(note.step.slices, asked))
        runs = {note.run_id for note in notes}
        checks = tuple(check for check in checks if check.run_id in runs)
    known = _known(asset.name, notes, checks)
    if what not in known and len(fuller := [k for k in known if k.endswith(f".{what}")]) == 1:
        what = fuller[0]
    if what not in known:
        raise ProjectError(_unknown(asset.name, what, known))
    points = _points(asset.name, what, notes, checks, apart=asked is not None)
    return Series(asset.name, what, tuple(points[-last:] if last else points), len(points))


def _asked(project: Project, name: str, text: str | None) -> Partitions | None:
    if text is None:
        return None
    at = Location("--partition", length=max(len(text), 1))
    try:
        axis = project.axis(name)
        return parse_partitions(text, axis)
    except ValueError as error:
        raise ProjectError(Problem("PLN002", f"{error} (slices of '{name}')", at)) from None


def _meets(slices: Partitions, asked: Partitions) -> bool:
    return slices.is_whole or (slices.axis == asked.axis and bool(slices & asked))


def _known(asset: str, notes: Iterable[Note], checks: Iterable[CheckRecord]) -> list[str]:
    logged = dict.fromkeys(key for note in notes for key in numbers(note.step.metadata))
    named = dict.fromkeys(_short(asset, check.check) for check in checks)
    ages = [AGE] if any(AGE in check.columns for check in checks) else []
    said = [key for check in checks for key in _numbers_of(asset, check)]
    return list(dict.fromkeys([*ALWAYS, *logged, *named, *ages, *said]))


def _numbers_of(asset: str, check: CheckRecord) -> dict[str, float]:
    """What a check logged, each under its name and the check's."""
    name = _short(asset, check.check)
    return {f"{name}.{key}": value for key, value in numbers(check.metadata).items()}


def _short(asset: str, check: str) -> str:
    return check.removeprefix(f"{asset}.")


def _unknown(asset: str, what: str, known: Sequence[str]) -> Problem:
    hint = did_you_mean(what, known) or f"known: {', '.join(known)}"
    message = f"'{asset}' has no number '{what}' on record"
    return Problem("MET003", message, hint=hint)


def _points(
    asset: str,
    what: str,
    notes: Sequence[Note],
    checks: Sequence[CheckRecord],
    *,
    apart: bool,
) -> list[Point]:
    if what == AGE:
        return [_age(check) for check in checks if AGE in check.columns and check.sample[0][1]]
    names = {_short(asset, check.check) for check in checks}
    if what == "failures" or what in names:
        wanted = (c for c in checks if what == "failures" or what == _short(asset, c.check))
        return _together(Point(c.at, c.run_id, c.failures, WHOLE) for c in wanted)
    told = [
        Point(check.at, check.run_id, value, WHOLE)
        for check in checks
        if (value := _numbers_of(asset, check).get(what)) is not None
    ]
    if told:
        return told
    found = [
        Point(step.finished_at or step.started_at, note.run_id, value, step.slices)
        for note in notes
        if (value := _value(step := note.step, what)) is not None
    ]
    return _together(found) if what in SUMMED and not apart else found


def _value(step: StepRecord, what: str) -> float | None:
    own: Mapping[str, float | None] = {
        "rows": step.rows,
        "seconds": step.seconds,
        "bytes": step.bytes,
    }
    measured = step.status in WELL and (what != "seconds" or not step.action.startswith("report"))
    if measured and own.get(what) is not None:
        return own[what]
    return numbers(step.metadata).get(what)


def _age(check: CheckRecord) -> Point:
    return Point(check.at, check.run_id, check.sample[0][1], WHOLE)


def _together(points: Iterable[Point]) -> list[Point]:
    """One point a run: the sum, at the end of its last part."""
    found: dict[str, Point] = {}
    for point in points:
        before = found.get(point.run_id)
        if before is None:
            found[point.run_id] = point
            continue
        same = before.slices.axis == point.slices.axis
        slices = before.slices | point.slices if same else point.slices
        value = before.value + point.value
        found[point.run_id] = Point(max(before.at, point.at), point.run_id, value, slices)
    return list(found.values())
