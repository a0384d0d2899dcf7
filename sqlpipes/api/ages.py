"""How old the newest data of the sources is, judged by what they declare. Each result is recorded."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlpipes.api.planning import utc_now
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.selection import Ask, chosen
from sqlpipes.api.warehouses import are_there, connections, engines_to_look, look
from sqlpipes.core.asset import Asset, SourceBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import EngineError, Problem, ProjectError, SqlpipesError
from sqlpipes.core.events import CheckFinished
from sqlpipes.core.freshness import Age, Verdict, judged
from sqlpipes.core.partitions import as_naive_utc
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.core.engine import Connection
    from sqlpipes.run.warehouse import Warehouse

    Place = tuple[Warehouse, Connection]

LOOKS = "freshness-"  # how the ids of what is no run begin
STATUSES = {Verdict.PASS: Status.SUCCESS, Verdict.WARN: Status.WARN, Verdict.ERROR: Status.FAIL}


@dataclass(frozen=True, slots=True)
class SourceAge:
    """One source. No age: it could not be asked, and `problems` say why."""

    source: str
    age: Age | None
    warn_s: int | None
    error_s: int | None
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return self.age is not None and self.age.verdict is not Verdict.ERROR


def freshness(
    project: Project, ask: Ask | None = None, *, now: datetime | None = None
) -> tuple[SourceAge, ...]:
    """Every selected source that declares a freshness, in the order of the graph.

    A source that cannot be asked does not keep the others from it. Raises ProjectError SRC004 when
    none of those that are selected declares a freshness.
    """
    project.raise_errors()
    ask = ask or Ask()
    assets = [project.graph.assets[name] for name in chosen(project, ask).names]
    declared = [asset for asset in assets if _declares(asset)]
    if not declared:
        raise ProjectError(_nothing(project))
    now = now or utc_now()
    found = tuple(_ages(project, declared, as_naive_utc(now)))
    with closing(open_store_of(project)) as store:
        for item, seconds in found:
            store.append(_event(item, seconds, now))
    return tuple(item for item, _ in found)


def _declares(asset: Asset) -> bool:
    return isinstance(asset.body, SourceBody) and asset.body.freshness is not None


def _nothing(project: Project) -> Problem:
    every = [name for name, asset in project.graph.assets.items() if _declares(asset)]
    hint = f"those that do: {', '.join(every)}" if every else "see docs/sources.md: Freshness"
    return Problem("SRC004", "none of these sources declares a freshness", hint=hint)


def _ages(project: Project, assets: list[Asset], now: datetime) -> list[tuple[SourceAge, float]]:
    asked = [asset for asset in assets if not _by_files(asset)]
    if not asked or not are_there(project):
        return [_timed(project, asset, None, now) for asset in assets]
    with closing(engines_to_look(project)) as engines, connections(engines) as connect:
        warehouses = look(engines, project)
        places = {a.engine: (warehouses.of(a), connect(a.engine)) for a in asked}
        return [_timed(project, asset, places.get(asset.engine), now) for asset in assets]


def _timed(
    project: Project,
    asset: Asset,
    place: Place | None,
    now: datetime,
) -> tuple[SourceAge, float]:
    began = time.perf_counter()
    assert isinstance(asset.body, SourceBody)
    declared = asset.body.freshness
    assert declared is not None
    age, problems = None, tuple[Problem, ...]()
    try:
        age = judged(declared, _newest(project, asset, place), now)
    except SqlpipesError as error:
        problems = tuple(_placed(each, asset) for each in error.problems)
    found = SourceAge(asset.name, age, declared.warn_s, declared.error_s, problems)
    return found, time.perf_counter() - began


def _placed(problem: Problem, asset: Asset) -> Problem:
    assert isinstance(asset.body, SourceBody)
    declared = asset.body.freshness
    at = problem.at if problem.at and problem.at.file else (declared and declared.at) or asset.at
    head = f"freshness of '{asset.name}': " if problem.code != "SRC007" else ""
    return replace(problem, message=head + problem.message, at=at)


def _by_files(asset: Asset) -> bool:
    """Whether the time of its files says how old it is."""
    body = asset.body
    assert isinstance(body, SourceBody)
    declared = body.freshness
    return bool(body.files) and declared is not None and not (declared.column or declared.query)


def _newest(project: Project, asset: Asset, place: Place | None) -> datetime | None:
    from sqlpipes.read.files import newest_file
    from sqlpipes.run.freshness import newest

    assert isinstance(asset.body, SourceBody)
    if _by_files(asset):
        written = newest_file(asset.body.files)
        at = None if written is None else datetime.fromtimestamp(written, UTC)
        return as_naive_utc(at) if at else None
    if place is None:
        hint = "`sqlpipes build` makes it, or see `sqlpipes debug`"
        raise EngineError(Problem("ENG002", "the warehouse is not there", None, hint))
    warehouse, connection = place
    return newest(asset, project.graph, warehouse, connection)


def _event(item: SourceAge, seconds: float, now: datetime) -> CheckFinished:
    """Kept as the result of a check, so that it can be followed over time."""
    at = now if now.tzinfo else now.replace(tzinfo=UTC)
    age = item.age
    status = STATUSES[age.verdict] if age else Status.ERROR
    newest = age.newest.isoformat() if age and age.newest else None
    return CheckFinished(
        run_id=f"{LOOKS}{at:%Y%m%d-%H%M%S}",
        at=at,
        asset=item.source,
        check=f"{item.source}.freshness",
        status=status,
        failures=int(status not in (Status.SUCCESS,)),
        seconds=seconds,
        message="; ".join(problem.message for problem in item.problems),
        columns=("newest", "age_s"),
        sample=((newest, age.age_s if age else None),),
    )
