"""Write a SELECT, run `sqlpipes build`: the graph, the order, the lineage and what must run are inferred.

The public face. Everything is imported when it is first used, so `import sqlpipes` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlpipes.version import __version__

if TYPE_CHECKING:
    from sqlpipes.api import Ask, Project, Report, build, lineage, load, plan, report
    from sqlpipes.core.definitions import (
        CheckResult,
        Definitions,
        FieldError,
        File,
        Look,
        Out,
        Retry,
        Run,
        Secret,
        Skip,
        asset,
        assets,
        check,
        component,
        job,
        observe,
        op,
        resource,
        sensor,
        source,
        sql_asset,
    )
    from sqlpipes.core.errors import EngineError, Location, Problem, ProjectError, SqlpipesError
    from sqlpipes.core.metadata import Markdown, Table, Url
    from sqlpipes.core.partitions.declared import (
        Daily,
        Every,
        Hourly,
        Integers,
        Monthly,
        Quarterly,
        Values,
        Weekly,
        Yearly,
    )

__all__ = [
    "Ask",
    "CheckResult",
    "Daily",
    "Definitions",
    "EngineError",
    "Every",
    "FieldError",
    "File",
    "Hourly",
    "Integers",
    "Location",
    "Look",
    "Markdown",
    "Monthly",
    "Out",
    "Problem",
    "Project",
    "ProjectError",
    "Quarterly",
    "Report",
    "Retry",
    "Run",
    "Secret",
    "Skip",
    "SqlpipesError",
    "Table",
    "Url",
    "Values",
    "Weekly",
    "Yearly",
    "__version__",
    "asset",
    "assets",
    "build",
    "check",
    "component",
    "job",
    "lineage",
    "load",
    "observe",
    "op",
    "plan",
    "report",
    "resource",
    "sensor",
    "source",
    "sql_asset",
]

_HOMES = {
    "sqlpipes.api": {"Ask", "Project", "Report", "build", "lineage", "load", "plan", "report"},
    "sqlpipes.core.errors": {"EngineError", "Location", "Problem", "ProjectError", "SqlpipesError"},
    "sqlpipes.core.metadata": {"Markdown", "Table", "Url"},
    "sqlpipes.core.partitions.declared": {
        *("Daily", "Every", "Hourly", "Integers", "Monthly", "Quarterly", "Values"),
        *("Weekly", "Yearly"),
    },
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'sqlpipes' has no attribute {name!r}")
    from importlib import import_module

    homes = (home for home, names in _HOMES.items() if name in names)
    return getattr(import_module(next(homes, "sqlpipes.core.definitions")), name)


def __dir__() -> list[str]:
    return __all__
