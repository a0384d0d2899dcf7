"""Project -> models that are files where their engine writes none, and readers that cannot read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext

from sqlpipes.api.project import Project
from sqlpipes.api.warehouses import blank_engines
from sqlpipes.core.asset import Kind, Materialized
from sqlpipes.core.engine import Engines
from sqlpipes.core.errors import Problem
from sqlpipes.core.graph.file_assets import files_read, no_reader, no_writer, reads_itself


def misplaced_files(
    project: Project, names: Iterable[str] | None = None, open_ones: Engines | None = None
) -> tuple[Problem, ...]:
    """ENG025, ENG026 and ENG027 of these assets, without asking any warehouse."""
    if all(asset.export is None for asset in project.graph.assets.values()):
        return ()
    chosen = tuple(project.graph.order if names is None else names)
    with nullcontext(open_ones) if open_ones else closing(blank_engines(project)) as engines:
        return tuple(_misplaced(project, chosen, engines))


def _misplaced(project: Project, names: Iterable[str], engines: Engines) -> Iterator[Problem]:
    graph = project.graph
    for asset in (graph.assets[name] for name in names):
        engine = engines.named(asset.engine)
        if asset.export is not None and not engine.can.writes_files:
            yield no_writer(asset, engine.dialect)
        if asset.export is not None and asset.name in graph.reads_self:
            yield reads_itself(asset)
        inlined = asset.materialized is Materialized.EPHEMERAL or asset.kind is Kind.SOURCE
        if not engine.can.reads_files and not inlined:
            for other, at in files_read(asset, graph):
                yield no_reader(other, engine.dialect, at)
