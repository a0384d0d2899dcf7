"""Facets of OpenLineage as plain JSON: each says who made it, and by which schema it is to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlpipes.api.dbt.results import instant
from sqlpipes.core.asset import Asset, Check, Column
from sqlpipes.core.errors import Severity
from sqlpipes.core.events import CheckFinished
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.status import Status
from sqlpipes.version import __version__

Json = dict[str, Any]

PRODUCER = f"urn:sqlpipes:{__version__}"
SPEC = "https://openlineage.io/spec"
CORE = f"{SPEC}/2-0-2/OpenLineage.json#/$defs"
RUN_EVENT = f"{CORE}/RunEvent"
VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "ColumnLineageDatasetFacet": "1-2-0",
        "DataQualityAssertionsDatasetFacet": "1-1-0",
        "DatasetTypeDatasetFacet": "1-0-1",
        "DatasetVersionDatasetFacet": "1-0-1",
        "DatasourceDatasetFacet": "1-0-1",
        "DocumentationDatasetFacet": "1-1-0",
        "DocumentationJobFacet": "1-1-0",
        "ErrorMessageRunFacet": "1-0-1",
        "JobTypeJobFacet": "2-0-4",
        "NominalTimeRunFacet": "1-0-1",
        "OutputStatisticsOutputDatasetFacet": "1-0-2",
        "OwnershipDatasetFacet": "1-0-1",
        "OwnershipJobFacet": "1-0-1",
        "ParentRunFacet": "1-2-0",
        "ProcessingEngineRunFacet": "1-1-1",
        "SQLJobFacet": "1-1-0",
        "SchemaDatasetFacet": "1-2-0",
        "SourceCodeLocationJobFacet": "1-1-0",
        "TagsDatasetFacet": "1-0-0",
        "TagsJobFacet": "1-0-0",
    }
)
LONGEST = 20_000  # characters of an error: events are no logs


def facet(name: str, /, **said: Any) -> Json:
    """One of the spec. What is None or empty is left out."""
    kept = {key: value for key, value in said.items() if value not in (None, "", [], {})}
    at = f"{SPEC}/facets/{VERSIONS[name]}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": at, **kept}


def own_facet(sort: str, /, **said: Any) -> Json:
    """One that the spec has no word for, which anybody may add to a `sort` of facets."""
    return {"_producer": PRODUCER, "_schemaURL": f"{CORE}/{sort}", **said}


def job_type(what: str) -> Json:
    return facet("JobTypeJobFacet", processingType="BATCH", integration="SQLPIPES", jobType=what)


def engine() -> Json:
    said = {"name": "sqlpipes", "openlineageAdapterVersion": __version__}
    return facet("ProcessingEngineRunFacet", version=__version__, **said)


def parent(namespace: str, name: str, run_id: str, root: tuple[str, str, str] | None) -> Json:
    """`root`: what runs the whole, where that is another one: namespace, job and run."""
    top = root or (namespace, name, run_id)
    return facet(
        "ParentRunFacet",
        run={"runId": run_id},
        job={"namespace": namespace, "name": name},
        root={"run": {"runId": top[2]}, "job": {"namespace": top[0], "name": top[1]}},
    )


def error(message: str) -> Json:
    said = message if len(message) <= LONGEST else message[:LONGEST] + "..."
    return facet("ErrorMessageRunFacet", message=said, programmingLanguage="SQL")


def nominal_time(slices: Partitions) -> Json | None:
    """From the first of the slices to the end of the last, in UTC; None for slices of no time."""
    windows = slices.windows
    if not windows:
        return None
    start, end = min(low for low, _ in windows), max(high for _, high in windows)
    return facet(
        "NominalTimeRunFacet", nominalStartTime=instant(start), nominalEndTime=instant(end)
    )


def of_job(asset: Asset) -> Json:
    """What its file says of the job that makes it."""
    found: Json = {}
    if asset.description:
        found["documentation"] = facet("DocumentationJobFacet", description=asset.description)
    if asset.owners:
        found["ownership"] = facet("OwnershipJobFacet", owners=_owners(asset))
    if asset.tags:
        found["tags"] = facet("TagsJobFacet", tags=_tags(asset))
    return found


def of_dataset(asset: Asset, namespace: str, columns: Sequence[Column]) -> Json:
    """`columns`: those that it has now, with what is known of them."""
    found: Json = {"dataSource": facet("DatasourceDatasetFacet", name=namespace, uri=namespace)}
    if columns:
        found["schema"] = schema(columns)
    if asset.description:
        found["documentation"] = facet("DocumentationDatasetFacet", description=asset.description)
    if asset.owners:
        found["ownership"] = facet("OwnershipDatasetFacet", owners=_owners(asset))
    if asset.tags:
        found["tags"] = facet("TagsDatasetFacet", tags=_tags(asset))
    return found


def schema(columns: Iterable[Column]) -> Json:
    fields = []
    for place, column in enumerate(columns, start=1):
        said = {"type": column.type, "description": column.description}
        kept = {key: value for key, value in said.items() if value}
        fields.append({"name": column.name, "ordinal_position": place, **kept})
    return facet("SchemaDatasetFacet", fields=fields)


def statistics(rows: int | None, size: int | None) -> Json | None:
    if rows is None and size is None:
        return None
    found = facet("OutputStatisticsOutputDatasetFacet")
    return found | {k: v for k, v in (("rowCount", rows), ("size", size)) if v is not None}


def assertions(results: Sequence[CheckFinished], checks: Mapping[str, Check]) -> Json:
    """What checks found in a dataset."""
    said = [_assertion(result, checks.get(result.check)) for result in results]
    return facet("DataQualityAssertionsDatasetFacet", assertions=said)


def _assertion(result: CheckFinished, check: Check | None) -> Json:
    found: Json = {
        "assertion": check.type if check else "unknown",
        "success": result.status is Status.SUCCESS,
        "name": result.check,
        "actual": str(result.failures),
    }
    if check is None:
        return found
    found["severity"] = "warn" if check.severity is Severity.WARNING else "error"
    found["expected"] = f"not {check.error_if}"
    if len(check.columns) == 1:
        found["column"] = check.columns[0]
    if check.description:
        found["description"] = check.description
    if check.body:
        found |= {"content": check.body.text.strip(), "contentType": "sql"}
    return found


def _owners(asset: Asset) -> list[Json]:
    return [{"name": owner, "type": "OWNER"} for owner in asset.owners]


def _tags(asset: Asset) -> list[Json]:
    return [{"key": tag, "value": "true", "source": "SQLPIPES"} for tag in asset.tags]


def time(at: datetime) -> str:
    return instant(at) or ""
