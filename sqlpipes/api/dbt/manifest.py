"""Project + columns + compiled SQL -> dbt's manifest, version 12."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlpipes.api.dbt.groups import group_map, groups
from sqlpipes.api.dbt.ids import asset_id, check_id, unit_test_id
from sqlpipes.api.dbt.nodes import Nodes
from sqlpipes.api.dbt.tests import Tests
from sqlpipes.core.asset import Kind

if TYPE_CHECKING:
    from sqlpipes.api.project import Project
    from sqlpipes.core.lineage import Documented

SCHEMA = "https://schemas.getdbt.com/dbt/manifest/v12.json"
NO_NODES = (
    "docs",
    "exposures",
    "macros",
    "metrics",
    "saved_queries",
    "semantic_models",
    "selectors",
)

Json = dict[str, Any]


def manifest(
    project: Project,
    columns: Mapping[str, Sequence[Documented]],
    compiled: Mapping[str, str],
    texts: Mapping[str, str],
    metadata: Json,
) -> Json:
    """`compiled`: asset -> SQL as the warehouse gets it. `texts`: asset -> the text of its file."""
    nodes_of, tests_of = Nodes(project, columns, compiled, texts), Tests(project)
    graph, name = project.graph, project.config.name
    assets = [graph.assets[name] for name in graph.order]
    own = [each for each in assets if each.kind is not Kind.SOURCE]
    foreign = [each for each in assets if each.kind is Kind.SOURCE]
    nodes = {asset_id(name, each): nodes_of.node(each) for each in own}
    nodes |= {check_id(name, each): tests_of.check(each) for each in graph.checks.values()}
    sources = {asset_id(name, each): nodes_of.source(each) for each in foreign}
    tests = project.unit_tests
    unit_tests = {unit_test_id(name, each): tests_of.unit_test(each) for each in tests}
    parents = _parents({**nodes, **unit_tests}, sources)
    return {
        **{key: {} for key in NO_NODES},
        "metadata": {**metadata, "dbt_schema_version": SCHEMA},
        "nodes": nodes,
        "sources": sources,
        "unit_tests": unit_tests,
        "groups": groups(name, assets),
        "disabled": {},
        "functions": {},
        "parent_map": parents,
        "child_map": _turned(parents),
        "group_map": group_map(name, assets),
    }


def _parents(nodes: Mapping[str, Json], sources: Iterable[str]) -> dict[str, list[str]]:
    found = {name: sorted(node["depends_on"].get("nodes", ())) for name, node in nodes.items()}
    return {**found, **{name: [] for name in sources}}


def _turned(parents: Mapping[str, list[str]]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, above in parents.items():
        for parent in above:
            children[parent].append(name)
    return {name: sorted(below) for name, below in children.items()}
