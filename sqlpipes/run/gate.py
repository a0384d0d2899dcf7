"""The checks of one step, run on what it has just written: results as values.

Every check is asked, also after one has failed, so that all that is wrong is known at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from sqlpipes.core.asset import Check
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import CheckResult
from sqlpipes.core.errors import EngineError, Problem, Severity
from sqlpipes.core.events import plain_value
from sqlpipes.core.metadata import recorded
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.status import Status
from sqlpipes.run.checks import check_sql, count_sql, needs_total, total_sql, verdict
from sqlpipes.run.python import Place, call_check

SAMPLE_ROWS = 5
SERIOUS = frozenset({"ENG006"})  # a conflict with another writer: all of it is tried again
ANSWERS = "return True or False, the number of bad rows, the rows, or a CheckResult with a message"
LONGEST = 200  # characters of a value that are kept


@dataclass(frozen=True, slots=True)
class Result:
    """How one check ended. `sample` holds a few of the bad rows."""

    check: Check
    status: Status
    failures: int
    seconds: float
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[Any, ...], ...] = ()
    said: str = ""  # the check's own words
    metadata: dict[str, Any] = field(default_factory=dict)  # what its function logged

    @property
    def message(self) -> str:
        """
        >>> Result(Check("c", "orders", "not_null"), Status.FAIL, 1, 0.0).message
        '1 bad row'
        """
        if self.said:
            return self.said
        if self.status is Status.SUCCESS and not self.failures:
            return ""
        return f"{self.failures} bad row{'' if self.failures == 1 else 's'}"

    @property
    def problem(self) -> Problem:
        found = f": {self.said}" if self.said else f" found {self.message}"
        message = f"check '{self.check.name}'{found}"
        hint = row_text(self.columns, self.sample[0]) if self.sample else None
        return Problem("CHK010", message, self.check.at, hint and f"for example {hint}")


def run_checks(
    checks: Iterable[Check],
    asset: str,
    slices: Partitions,
    place: Place,
    now: datetime,
    go_on: Callable[[], None],
) -> Iterator[Result]:
    """Ask each check of the gate of `asset`; `slices` are those just written.

    A check of another asset, which only waited for this one, looks at its whole table. Raises EngineError
    with all that could not be asked, and what has failed until then, once the last one was asked.
    """
    faults: list[Problem] = []
    failed: list[Problem] = []
    for check in checks:
        go_on()
        try:
            found = _graded(check, asset, slices, place, now)
        except EngineError as error:
            if check.type != "python" or any(p.code in SERIOUS for p in error.problems):
                every = (*failed, *faults, *error.problems)
                raise EngineError(*every, statement=error.statement) from error
            faults += error.problems
            if not _answers(place):
                break
            continue
        if found.status is Status.FAIL:
            failed.append(found.problem)
        yield found
    if faults:
        raise EngineError(*failed, *faults)


def _answers(place: Place) -> bool:
    """Whether more can be asked: after a faulty query many an engine takes nothing but a rollback."""
    try:
        place.connection.fetch("select 1")
    except EngineError:
        return False
    return True


def _graded(check: Check, asset: str, slices: Partitions, place: Place, now: datetime) -> Result:
    written = slices if check.asset == asset else None
    began = time.perf_counter()
    found = _ask(check, written, place, now)
    total = _total(check, written, place) if needs_total(check) else None
    graded = check if found.severity is None else replace(check, severity=found.severity)
    status = verdict(graded, found.failures, total)
    kept = tuple(tuple(map(short, row)) for row in found.sample)
    seconds = time.perf_counter() - began
    seen = (found.columns, kept, found.said, found.metadata)
    return Result(check, status, found.failures, seconds, *seen)


@dataclass(frozen=True, slots=True)
class Found:
    """What a check answered: the number of bad rows, a few of them, and its own words."""

    failures: int
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[Any, ...], ...] = ()
    said: str = ""
    severity: Severity | None = None  # None: the check's
    metadata: dict[str, Any] = field(default_factory=dict)  # as it is recorded


def _ask(check: Check, slices: Partitions | None, place: Place, now: datetime) -> Found:
    if check.type == "python":
        return _ask_python(check, slices, place)
    sql = check_sql(check, place.graph, place.warehouse, slices, now=now)
    try:
        return _ask_sql(sql, place)
    except EngineError as error:
        raise _refused(check, error) from error


def _ask_sql(sql: str, place: Place) -> Found:
    """Count first: a check that holds, as most do, costs one pass without its columns."""
    failures = int(place.connection.fetch(count_sql(sql)).rows[0][0])
    if not failures:
        return Found(0)
    rows = place.connection.fetch(f"select * from (\n{sql}\n) as bad limit {SAMPLE_ROWS}")
    return Found(failures, rows.columns, rows.rows)


def _total(check: Check, slices: Partitions | None, place: Place) -> int:
    sql = total_sql(check, place.graph, place.warehouse, slices)
    return int(place.connection.fetch(sql).rows[0][0])


def _refused(check: Check, error: EngineError) -> EngineError:
    """The engine's complaint, at the place where the check is written."""
    found = (
        Problem(p.code, f"check '{check.name}': {p.message}", check.at, p.hint)
        for p in error.problems
    )
    return EngineError(*found, statement=error.statement)


def _ask_python(check: Check, slices: Partitions | None, place: Place) -> Found:
    answer = call_check(check, slices, place)
    if not isinstance(answer.value, CheckResult):
        logged = recorded(answer.metadata)
        found = _counted(check, answer.value, place)
        return replace(found, said=_words(found.said, answer.metadata), metadata=logged)
    given = answer.value
    value = given.failures if given.failures is not None else given.passed
    found = _counted(check, value, place)
    if given.passed is not None:
        found = replace(found, failures=0 if given.passed else max(1, found.failures))
    logged = {**answer.metadata, **given.metadata}
    words = _words(given.message, logged)
    return replace(found, said=words, severity=given.grade, metadata=recorded(logged))


def _words(message: str, metadata: Mapping[str, Any]) -> str:
    """The message and the values that were logged, in one line."""
    values = ", ".join(f"{name}={short(value)}" for name, value in metadata.items())
    return f"{message} ({values})" if message and values else message or values


def _counted(check: Check, value: Any, place: Place) -> Found:
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        value = item()  # a numpy scalar
    if isinstance(value, bool):
        return Found(int(not value), said="" if value else _not_held(check))
    if isinstance(value, int) and value >= 0:
        return Found(value)
    if isinstance(value, (int, float, str, bytes)) or _is_pair(value):
        message = f"check '{check.name}' returned {short(value)!r}, which is no answer"
        raise EngineError(Problem("CHK012", message, check.at, ANSWERS))
    if isinstance(value, (list, tuple)):
        return _listed(value)
    return _landed(check, value, place)


def _is_pair(value: Any) -> bool:
    """(True, "why not"), as other tools would take it."""
    return isinstance(value, tuple) and any(isinstance(item, bool) for item in value)


def _not_held(check: Check) -> str:
    said = check.description.strip().partition("\n")[0]
    return f"did not hold: {said}" if said else "did not hold"


def _listed(rows: list[Any] | tuple[Any, ...]) -> Found:
    shown = [row if isinstance(row, Mapping) else {"row": row} for row in rows[:SAMPLE_ROWS]]
    columns = tuple(dict.fromkeys(str(name) for row in shown for name in row))
    sample = tuple(tuple(row.get(name) for name in columns) for row in shown)
    return Found(len(rows), columns, sample)


def _landed(check: Check, value: Any, place: Place) -> Found:
    if value is None:
        message = f"check '{check.name}' returned nothing"
        raise EngineError(Problem("CHK012", message, check.at, ANSWERS))
    table = place.warehouse.temporary(f"sqlpipes_check_{place.warehouse.part}{check.name}")
    name = place.warehouse.quote(table)
    try:
        place.connection.load(table, value)
    except EngineError as error:
        raise _refused(check, error) from error
    try:
        return _ask_sql(f"select * from {name}", place)
    finally:
        if not place.warehouse.can.transactional_ddl:  # it is a table like any other
            place.connection.execute(f"drop table if exists {name}")


def short(value: Any) -> Any:
    """A value as it is kept to show: of a book or a picture the beginning will do.

    >>> short(3), len(short("x" * 5000)), short([b"x"] * 2)
    (3, 200, ["b'x'", "b'x'"])
    """
    text = value if isinstance(value, str) else str(value)
    if len(text) > LONGEST:
        return text[: LONGEST - 3] + "..."
    return plain_value(value) if isinstance(value, (float, dict, list, tuple)) else value


def row_text(columns: Iterable[str], row: Iterable[Any]) -> str:
    """
    >>> row_text(("id", "status"), (3, "lost"))
    "id=3, status='lost'"
    """
    pairs = (f"{name}={short(value)!r}" for name, value in zip(columns, row, strict=False))
    text = ", ".join(pairs)
    return text if len(text) <= 200 else text[:197] + "..."
