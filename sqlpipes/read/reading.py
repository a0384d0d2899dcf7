"""What reading gives: the model of a file; a project's assets and checks, not yet linked, and all faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from sqlpipes.core.dataclass import dataclass

if TYPE_CHECKING:
    from sqlpipes.core.asset import Asset, Check
    from sqlpipes.core.config import Plain, ProjectConfig, Target
    from sqlpipes.core.errors import Location, Problem
    from sqlpipes.core.job import Hooks, Job
    from sqlpipes.core.outlet import Outlet
    from sqlpipes.core.resource import Resource
    from sqlpipes.core.sensor import Sensor
    from sqlpipes.core.sql import FileReference, SqlFacts
    from sqlpipes.core.unit_test import UnitTest


@dataclass(frozen=True, slots=True)
class Model:
    """An asset with what else was learned from its file."""

    asset: Asset
    facts: SqlFacts
    files: tuple[FileReference, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A project as its files say it. `checks` holds all of them, those of the assets included.

    `facts` has what is known about the query of each SQL asset, by name. `selectors` are entries of
    `selectors:` by name, `selector_places` where each begins. `parsed` counts the files that had to
    be looked into: 0 when the cache knew them all.
    """

    root: str
    config: ProjectConfig
    target: Target
    assets: tuple[Asset, ...]
    checks: tuple[Check, ...]
    selectors: Mapping[str, Plain] = field(default_factory=dict)
    selector_places: Mapping[str, Location] = field(default_factory=dict)
    facts: Mapping[str, SqlFacts] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    parsed: int = 0
    unit_tests: tuple[UnitTest, ...] = ()
    resources: Mapping[str, Resource] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    hooks: Hooks | None = None
    sensors: tuple[Sensor, ...] = ()
    spoken: Mapping[str, str] = field(
        default_factory=dict
    )  # engine -> its dialect, if not the project's
    outlet: Outlet | None = None  # where lineage events are told
    secrets: tuple[str, ...] = ()  # values of components that nobody is to see
