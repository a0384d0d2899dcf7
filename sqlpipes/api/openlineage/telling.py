"""Events of a run -> the events of OpenLineage that tell of it, as plain JSON without secrets.

A build is a run of the project's job. Each step that writes a dataset is a run of that asset's job, and the
checks of a step are a run of their own, which reads what they look at.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlpipes.api.openlineage import facets
from sqlpipes.api.openlineage.columns import column_lineage
from sqlpipes.api.openlineage.facets import Json
from sqlpipes.api.openlineage.naming import Dataset, datasets_of, files_read
from sqlpipes.api.openlineage.steps import (
    COMPLETE,
    ENDS,
    FAIL,
    RUNNING,
    START,
    WRITES,
    Step,
    of_start,
    why,
)
from sqlpipes.core.asset import Asset, Column, Materialized, SqlBody
from sqlpipes.core.events import (
    CheckFinished,
    Event,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepRetrying,
    StepSkipped,
    StepStarted,
)
from sqlpipes.core.outlet import Outlet
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.api.project import Project
    from sqlpipes.core.lineage import Lineage

TYPES = MappingProxyType({Materialized.VIEW: "VIEW", Materialized.FILE: "FILE"})

Known = Mapping[str, tuple[Column, ...]]
Learn = Callable[[Known], Callable[[str], "Lineage"]]


class Telling:
    """Callable: event -> events of OpenLineage. It knows what has begun: one is for the runs of one build.

    `lineage` is asked when a first dataset is told of, and again when a function has turned out to yield
    columns; it is given those, and gives what knows an asset and all above it. `origin` is the URL of the
    repository, if any.
    """

    def __init__(self, project: Project, outlet: Outlet, lineage: Learn, origin: str = "") -> None:
        self._project, self._outlet, self._origin = project, outlet, origin
        self._ask = lineage
        self._lineage: Callable[[str], Lineage] | None = None
        self._run: RunStarted | None = None
        self._open: dict[tuple[str, Partitions], str] = {}
        self._tries: dict[tuple[str, str], int] = {}
        self._checks: dict[str, list[CheckFinished]] = {}
        self._broken: set[str] = set()
        self._written: dict[str, tuple[Column, ...]] = {}
        self._places: dict[str, tuple[Dataset, ...]] = {}  # by asset, as are the next two
        self._said: dict[str, Json] = {}
        self._jobs: dict[str, Json] = {}

    def __call__(self, event: Event) -> Iterator[Json]:
        if isinstance(event, RunStarted):
            self._run, self._broken = event, set()
            self._jobs.clear()  # they name the commit
            yield self._of_run(event.at, START)
        elif isinstance(event, RunFinished):
            yield self._of_run(event.at, ENDS.get(event.status, FAIL))
        elif isinstance(event, CheckFinished):
            self._checks.setdefault(event.asset, []).append(event)
        elif isinstance(event, Step):
            yield from self._of_step(event)

    def _of_run(self, at: datetime, how: str) -> Json:
        found: Json = {"processing_engine": facets.engine(), "sqlpipes_run": self._of_build()}
        if self._outlet.parent:
            found["parent"] = facets.parent(*self._outlet.parent, None)
        if how == FAIL:
            broken = ", ".join(sorted(self._broken)) or "the build"
            found["errorMessage"] = facets.error(f"failed: {broken}")
        run = {"runId": self._run_id(), "facets": found}
        job = self._job(self._name(), {"jobType": facets.job_type("DAG")})
        return self._event(at, how, run, job)

    def _of_build(self) -> Json:
        run = self._run
        assert run is not None
        said = {"run_id": run.run_id, "command": run.command, "target": run.target}
        return facets.own_facet("RunFacet", **said, commit=run.commit, job=run.job)

    def _of_step(self, event: Step) -> Iterator[Json]:
        asset = self._project.graph.assets.get(event.asset)
        key = (event.asset, event.slices)
        if asset is None:
            return
        if isinstance(event, StepStarted):
            self._checks.pop(event.asset, None)
            run_id = self._open[key] = self._step_id(event)
            if event.action in WRITES:
                yield self._step(event, asset, run_id, START)
        elif isinstance(event, StepRetrying):
            if event.action in WRITES and key in self._open:
                yield self._step(event, asset, self._open[key], RUNNING)
        else:
            yield from self._end(event, asset, self._open.pop(key, "") or self._step_id(event))

    def _end(
        self, event: StepFinished | StepFailed | StepSkipped, asset: Asset, run_id: str
    ) -> Iterator[Json]:
        status = Status.SKIPPED if isinstance(event, StepSkipped) else event.status
        if isinstance(event, StepSkipped) and event.is_done:
            return
        if isinstance(event, StepFailed) and status is not Status.SPLIT:
            self._broken.add(event.asset)
        if event.action in WRITES:
            yield self._step(event, asset, run_id, ENDS.get(status, FAIL))
        checks = self._checks.pop(event.asset, [])
        if checks:
            yield from self._of_checks(event, checks, run_id)

    def _step(self, event: Step, asset: Asset, run_id: str, how: str) -> Json:
        run: Json = {"processing_engine": facets.engine(), "parent": self._parent()}
        if isinstance(event, StepStarted):
            run["sqlpipes_step"] = of_start(event)
        if when := facets.nominal_time(event.slices):
            run["nominalTime"] = when
        if said := why(event):
            run["errorMessage"] = facets.error(said)
        if asset.name not in self._jobs:
            about = {**facets.of_job(asset), **self._code(asset)}
            self._jobs[asset.name] = {"jobType": facets.job_type("MODEL"), **about}
        end = event if isinstance(event, StepFinished) else None
        return self._event(
            event.at,
            how,
            {"runId": run_id, "facets": run},
            self._job(f"{self._base()}.{asset.name}", self._jobs[asset.name]),
            [self._input(asset, at) for asset, at in self._read(asset)],
            [self._output(asset, at, end, how) for at in self._datasets(asset)],
        )

    def _code(self, asset: Asset) -> Json:
        """The query as it is written, and where."""
        found: Json = {"sourceCodeLocation": self._place(asset)} if asset.path else {}
        body = asset.body
        if isinstance(body, SqlBody):
            dialect = body.dialect or self._project.config.dialect
            said = {"query": body.text.strip(), "dialect": dialect}
            found["sql"] = facets.facet("SQLJobFacet", **said)
        return found

    def _place(self, asset: Asset) -> Json:
        """In its repository, where the commit is known; else the file in the project."""
        commit = self._run.commit.removesuffix("-dirty") if self._run else ""
        path = quote(asset.path)
        known = commit and self._origin
        url = f"{self._origin}/blob/{commit}/{path}" if known else f"file:{path}"
        said = {"repoUrl": self._origin, "path": asset.path, "version": commit}
        sort = "git" if commit else "file"
        return facets.facet("SourceCodeLocationJobFacet", type=sort, url=url, **said)

    def _of_checks(
        self, event: StepFinished | StepFailed | StepSkipped, found: list[CheckFinished], of: str
    ) -> Iterator[Json]:
        """The start and the end of a run that reads what its checks look at."""
        graph = self._project.graph
        looked: dict[str, list[CheckFinished]] = {}
        for result in found:
            check = graph.checks.get(result.check)
            looked.setdefault(check.asset if check else result.asset, []).append(result)
        inputs = []
        for name, results in looked.items():
            asset = graph.assets.get(name)
            said = {"dataQualityAssertions": facets.assertions(results, graph.checks)}
            for at in self._datasets(asset) if asset else ():
                inputs.append({"namespace": at.namespace, "name": at.name, "inputFacets": said})
        if not inputs:
            return
        bad = [each for each in found if each.status in (Status.FAIL, Status.ERROR)]
        run: Json = {"processing_engine": facets.engine(), "parent": self._parent()}
        job = self._job(
            f"{self._base()}.{event.asset}.checks", {"jobType": facets.job_type("TEST")}
        )
        run_id = str(uuid.uuid5(uuid.UUID(of), "checks"))
        yield self._event(found[0].at, START, {"runId": run_id, "facets": run}, job)
        if bad:
            told = "\n".join(f"{each.check}: {each.message or each.failures}" for each in bad)
            run = {**run, "errorMessage": facets.error(told)}
        how, last = FAIL if bad else COMPLETE, {"runId": run_id, "facets": run}
        yield self._event(found[-1].at, how, last, job, inputs)

    def _read(self, asset: Asset) -> Iterator[tuple[Asset | None, Dataset]]:
        """What it reads: datasets, and through what is none those behind; files that are no asset."""
        seen: dict[Dataset, Asset | None] = {}
        todo, known = [asset.name], set[str]()
        graph, root = self._project.graph, self._project.root
        while todo:
            name = todo.pop(0)
            seen |= {at: None for at in files_read(graph.assets[name], root) if at not in seen}
            for parent in graph.parents(name):
                found = self._datasets(graph.assets[parent])
                seen |= dict.fromkeys(found, graph.assets[parent])
                if not found and parent not in known:
                    known.add(parent)
                    todo.append(parent)
        return ((asset, at) for at, asset in seen.items())

    def _input(self, asset: Asset | None, at: Dataset) -> Json:
        found = {"namespace": at.namespace, "name": at.name}
        if asset is None:
            return found
        return {**found, "facets": self._described(asset, at)}

    def _output(self, asset: Asset, at: Dataset, end: StepFinished | None, how: str) -> Json:
        if end is not None and end.columns:
            self._learn(asset, end.columns)
        said = dict(self._described(asset, at))
        found = {"namespace": at.namespace, "name": at.name, "facets": said}
        if how != COMPLETE or end is None:
            return found
        lineage = column_lineage(self._known(asset.name), asset.name, self._dataset)
        if lineage is not None:
            said["columnLineage"] = lineage
        said["version"] = facets.facet("DatasetVersionDatasetFacet", datasetVersion=end.run_id)
        if numbers := facets.statistics(end.rows, end.bytes):
            found["outputFacets"] = {"outputStatistics": numbers}
        return found

    def _described(self, asset: Asset, at: Dataset) -> Json:
        if asset.name not in self._said:
            self._said[asset.name] = self._facets(asset, at)
        return self._said[asset.name]

    def _facets(self, asset: Asset, at: Dataset) -> Json:
        columns = self._written.get(asset.name) or self._typed(asset.name, ())
        found = facets.of_dataset(asset, at.namespace, columns)
        sort = TYPES.get(asset.materialized, "FILE" if at.namespace == "file" else "TABLE")
        return {**found, "datasetType": facets.facet("DatasetTypeDatasetFacet", datasetType=sort)}

    def _typed(self, name: str, seen: Iterable[tuple[str, str]]) -> tuple[Column, ...]:
        """Its columns, with the types that the warehouse says and what the files say about them."""
        asset = self._project.graph.assets[name]
        known = self._known(name).columns(name)
        docs = {each.name.casefold(): each.description for each in (*known, *asset.columns)}
        pairs = tuple(seen) or tuple((each.name, each.type or "") for each in known)
        return tuple(
            Column(column, type or None, docs.get(column.casefold(), "")) for column, type in pairs
        )

    def _learn(self, asset: Asset, columns: tuple[tuple[str, str], ...]) -> None:
        """Those that it was written with: of what no query defines, the build is the first to know."""
        new = not isinstance(asset.body, SqlBody) and not self._known(asset.name).columns(
            asset.name
        )
        self._written[asset.name] = self._typed(asset.name, columns)
        self._said.pop(asset.name, None)
        if new:
            self._lineage = None
            self._said.clear()

    def _known(self, name: str) -> Lineage:
        if self._lineage is None:
            self._lineage = self._ask(self._written)
        return self._lineage(name)

    def _datasets(self, asset: Asset) -> tuple[Dataset, ...]:
        if asset.name not in self._places:
            project, places = self._project, self._outlet.places
            found = datasets_of(asset, project.target, project.root, places)
            self._places[asset.name] = found
        return self._places[asset.name]

    def _dataset(self, name: str) -> Dataset | None:
        asset = self._project.graph.assets.get(name)
        return next(iter(self._datasets(asset)), None) if asset else None

    def _parent(self) -> Json:
        name = self._name()
        return facets.parent(self._outlet.namespace, name, self._run_id(), self._outlet.parent)

    def _base(self) -> str:
        return self._project.config.name

    def _name(self) -> str:
        """Of the build as a job: a job's own run is another one than what somebody types."""
        job = self._run.job if self._run else ""
        return f"{self._base()}.job.{job}" if job else self._base()

    def _run_id(self) -> str:
        run = self._run.run_id if self._run else ""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sqlpipes:{self._base()}:{run}"))

    def _step_id(self, event: Step) -> str:
        """The same whenever the run is told of: what is told twice is one run."""
        key = (event.asset, str(event.slices))
        self._tries[key] = tries = self._tries.get(key, 0) + 1
        return str(uuid.uuid5(uuid.UUID(self._run_id()), f"{key[0]} {key[1]} {tries}"))

    def _job(self, name: str, said: Json) -> Json:
        return {"namespace": self._outlet.namespace, "name": name, "facets": said}

    def _event(
        self,
        at: datetime,
        how: str,
        run: Json,
        job: Json,
        inputs: Iterable[Json] = (),
        outputs: Iterable[Json] = (),
    ) -> Json:
        return {
            "eventTime": facets.time(at),
            "eventType": how,
            "producer": facets.PRODUCER,
            "schemaURL": facets.RUN_EVENT,
            "run": run,
            "job": job,
            "inputs": list(inputs),
            "outputs": list(outputs),
        }
