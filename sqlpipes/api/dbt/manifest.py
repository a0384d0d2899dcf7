"""Project + columns + compiled SQL -> dbt's manifest, version 12."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlpipes.api.dbt.ids import (
    asset_id,
    check_id,
    check_name,
    resource_type,
    source_names,
    unit_test_id,
)
from sqlpipes.core.asset import Asset, Check, Kind, PythonBody, SeedBody, SourceBody, SqlBody
from sqlpipes.core.errors import Severity
from sqlpipes.core.events import plain_value
from sqlpipes.core.sql import Relation
from sqlpipes.core.unit_test import Form, Sample, UnitTest

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
BACKTICKS = frozenset({"spark", "databricks", "bigquery", "mysql", "mariadb"})

Json = dict[str, Any]


def manifest(
    project: Project,
    columns: Mapping[str, Sequence[Documented]],
    compiled: Mapping[str, str],
    texts: Mapping[str, str],
    metadata: Json,
) -> Json:
    """`compiled`: asset -> SQL as the warehouse gets it. `texts`: asset -> the text of its file."""
    writer = _Writer(project, columns, compiled, texts)
    graph = project.graph
    assets = [graph.assets[name] for name in graph.order]
    nodes = {writer.id(each): writer.node(each) for each in assets if each.kind is not Kind.SOURCE}
    checks = graph.checks.values()
    nodes |= {check_id(project.config.name, each): writer.check(each) for each in checks}
    sources = {writer.id(each): writer.source(each) for each in assets if each.kind is Kind.SOURCE}
    tests = project.unit_tests
    unit_tests = {unit_test_id(project.config.name, each): writer.unit_test(each) for each in tests}
    parents = _parents({**nodes, **unit_tests}, sources)
    return {
        **{key: {} for key in NO_NODES},
        "metadata": {**metadata, "dbt_schema_version": SCHEMA},
        "nodes": nodes,
        "sources": sources,
        "unit_tests": unit_tests,
        "groups": writer.groups(assets),
        "disabled": {},
        "functions": {},
        "parent_map": parents,
        "child_map": _turned(parents),
        "group_map": writer.group_map(assets),
    }


def relation_name(project: Project, relation: Relation | None) -> str | None:
    """Quoted, with the database where it is known."""
    if relation is None:
        return None
    quote = "`" if project.target.engine in BACKTICKS else '"'
    parts = (relation.catalog or project.target.catalog, relation.schema, relation.name)
    return ".".join(quote + part.replace(quote, 2 * quote) + quote for part in parts if part)


def _parents(nodes: Mapping[str, Json], sources: Iterable[str]) -> dict[str, list[str]]:
    found = {name: sorted(node["depends_on"].get("nodes", ())) for name, node in nodes.items()}
    return {**found, **{name: [] for name in sources}}


def _turned(parents: Mapping[str, list[str]]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, above in parents.items():
        for parent in above:
            children[parent].append(name)
    return {name: sorted(below) for name, below in children.items()}


class _Writer:
    """One project as dbt's nodes. It keeps nothing."""

    __slots__ = ("columns", "compiled", "name", "project", "texts")

    def __init__(
        self,
        project: Project,
        columns: Mapping[str, Sequence[Documented]],
        compiled: Mapping[str, str],
        texts: Mapping[str, str],
    ) -> None:
        self.project, self.name = project, project.config.name
        self.columns, self.compiled, self.texts = columns, compiled, texts

    def id(self, asset: Asset) -> str:
        return asset_id(self.name, asset)

    def ids(self, names: Iterable[str]) -> list[str]:
        return sorted({self.id(self.project.graph.assets[name]) for name in names})

    def parents(self, name: str) -> list[str]:
        return self.ids(each for each in self.project.graph.parents(name) if each != name)

    def node(self, asset: Asset) -> Json:
        """A model, seed or snapshot."""
        node = self.described(asset, resource_type(asset)) | {
            "alias": asset.relation.name if asset.relation else asset.name,
            "checksum": self.checksum(asset),
            "config": self.config(asset),
            "raw_code": self.raw_code(asset),
            "group": asset.group,
            "depends_on": {"macros": []},
        }
        if asset.kind is Kind.SEED:
            return node
        node["depends_on"] |= {"nodes": self.parents(asset.name)}
        return node | self.code(asset)

    def code(self, asset: Asset) -> Json:
        sql = self.compiled.get(asset.name)
        above = [self.project.graph.assets[name] for name in self.project.graph.parents(asset.name)]
        return {
            "language": "python" if asset.kind is Kind.PYTHON else "sql",
            "compiled": sql is not None,
            "compiled_code": sql,
            "refs": [{"name": each.name} for each in above if each.kind is not Kind.SOURCE],
            "sources": [list(source_names(each)) for each in above if each.kind is Kind.SOURCE],
        }

    def described(self, asset: Asset, kind: str) -> Json:
        """What nodes and sources have in common."""
        relation, target = asset.relation, self.project.target
        return {
            "name": asset.name,
            "resource_type": kind,
            "package_name": self.name,
            "path": _below(asset.path, self.project.config.model_paths),
            "original_file_path": asset.path,
            "unique_id": self.id(asset),
            "fqn": list(asset.fqn),
            "database": (relation.catalog if relation else None) or target.catalog,
            "schema": relation.schema if relation else target.schema,
            "relation_name": relation_name(self.project, relation),
            "description": asset.description,
            "columns": self.documented(asset),
            "tags": sorted(asset.tags),
            "meta": self.meta(asset),
        }

    def documented(self, asset: Asset) -> Json:
        tags: Json = {"meta": {}, "tags": []}
        return {
            each.name: {
                "name": each.name,
                "description": each.description,
                "data_type": each.type,
                **tags,
            }
            for each in self.columns.get(asset.name, ())
        }

    def meta(self, asset: Asset) -> Json:
        """The user's, with `owner` as dbt's readers know it and `sqlpipes` for what has no place."""
        said: Json = plain_value(dict(asset.meta))
        if asset.owners:
            said.setdefault("owner", asset.owners[0])
        return {**said, "sqlpipes": self.own_meta(asset)}

    def own_meta(self, asset: Asset) -> Json:
        body = asset.body
        own: Json = {
            "kind": str(asset.kind),
            "materialized": str(asset.materialized),
            "version": asset.version,
            "owners": list(asset.owners),
            "kinds": list(asset.kinds),
            "links": dict(asset.links),
            "engine": asset.engine,
            "partition": list(asset.partition.columns) if asset.partition else [],
            "writes": list(asset.writes),
            "reads_itself": asset.name in self.project.graph.reads_self,
        }
        if isinstance(body, PythonBody):
            own["function"] = body.function
        if isinstance(body, SourceBody):
            own["files"] = list(body.files)
        return {key: value for key, value in own.items() if value}

    def checksum(self, asset: Asset) -> Json:
        text = self.texts.get(asset.name)
        if text is None:
            return {"name": "none", "checksum": asset.version}
        return {"name": "sha256", "checksum": hashlib.sha256(text.encode()).hexdigest()}

    def raw_code(self, asset: Asset) -> str:
        if isinstance(asset.body, SqlBody):
            return asset.body.text
        return "" if isinstance(asset.body, SeedBody) else self.texts.get(asset.name, "")

    def config(self, asset: Asset) -> Json:
        kind = "seed" if asset.kind is Kind.SEED else str(asset.materialized)
        config: Json = {
            "enabled": True,
            "materialized": kind,
            "tags": sorted(asset.tags),
            "meta": self.meta(asset),
            "group": asset.group,
            "pre-hook": [{"sql": text} for text in asset.before],
            "post-hook": [{"sql": text} for text in asset.after],
            "unique_key": list(asset.unique_key) or None,
        }
        if kind not in ("seed", "snapshot"):
            config["on_schema_change"] = str(asset.on_schema_change)
        return config

    def source(self, asset: Asset) -> Json:
        source, table = source_names(asset)
        node = self.described(asset, "source") | {
            "name": table,
            "identifier": asset.relation.name if asset.relation else asset.name,
            "source_name": source,
            "source_description": "",
            "loader": "",
            "config": {"enabled": True, "tags": sorted(asset.tags), "meta": self.meta(asset)},
        }
        body = asset.body
        if isinstance(body, SourceBody) and body.files:
            node["external"] = {"location": body.files[0]}
        return node

    def check(self, check: Check) -> Json:
        asset = self.project.graph.assets[check.asset]
        path = check.at.file if check.at else asset.path
        node: Json = {
            "name": check_name(check),
            "alias": check_name(check),
            "resource_type": "test",
            "package_name": self.name,
            "path": _below(path, self.project.config.check_paths),
            "original_file_path": path,
            "unique_id": check_id(self.name, check),
            "fqn": [*asset.fqn[:-1], check_name(check)],
            "database": self.project.target.catalog,
            "schema": self.project.target.schema,
            "checksum": {"name": "none", "checksum": ""},
            "description": check.description,
            "columns": {},
            "tags": sorted(check.tags),
            "meta": {"sqlpipes": {"check": check.name, "type": check.type}},
            "language": "python" if check.type == "python" else "sql",
            "raw_code": check.body.text if check.body else "",
            "refs": [{"name": check.asset}] if asset.kind is not Kind.SOURCE else [],
            "depends_on": {"macros": [], "nodes": self.ids({check.asset, *check.inputs})},
            "config": {
                "enabled": True,
                "severity": "ERROR" if check.severity is Severity.ERROR else "WARN",
                "where": check.where,
                "error_if": check.error_if,
                "warn_if": check.warn_if,
                "tags": sorted(check.tags),
            },
        }
        return node | (self.generic(check, asset) if check.type not in ("sql", "python") else {})

    def generic(self, check: Check, asset: Asset) -> Json:
        """What tells dbt's readers which test of which column of which node it is."""
        named = check.columns[0] if len(check.columns) == 1 else None
        arguments = plain_value(dict(check.arguments))
        if named and arguments.get("column") == named:
            del arguments["column"]  # dbt says column_name
        source = asset.kind is Kind.SOURCE
        said = f"source{source_names(asset)}" if source else f"ref('{asset.name}')"
        kwargs = {**arguments, "model": f"{{{{ get_where_subquery({said}) }}}}"}
        return {
            "attached_node": self.id(asset),
            "column_name": named,
            "file_key_name": f"{'sources' if source else 'models'}.{asset.name}",
            "test_metadata": {
                "name": check.type,
                "kwargs": {**kwargs, **({"column_name": named} if named else {})},
            },
        }

    def unit_test(self, test: UnitTest) -> Json:
        asset = self.project.graph.assets[test.model]
        path = test.at.file if test.at else asset.path
        return {
            "name": test.name,
            "model": test.model,
            "resource_type": "unit_test",
            "package_name": self.name,
            "path": _below(path, self.project.config.model_paths),
            "original_file_path": path,
            "unique_id": unit_test_id(self.name, test),
            "fqn": [*asset.fqn, test.name],
            "description": test.description,
            "given": [{"input": _input(each.input), **_rows(each.sample)} for each in test.given],
            "expect": _rows(test.expect),
            "depends_on": {"macros": [], "nodes": [self.id(asset)]},
            "config": {"tags": sorted(test.tags), "meta": {}, "enabled": True},
        }

    def groups(self, assets: Iterable[Asset]) -> Json:
        """Who owns a group is who owns its first asset that has an owner."""
        found: Json = {}
        for asset in assets:
            if not asset.group:
                continue
            name = f"group.{self.name}.{asset.group}"
            known = found.get(name)
            if known is None or (asset.owners and not known["owner"]["name"]):
                owner = asset.owners[0] if asset.owners else ""
                found[name] = {
                    "name": asset.group,
                    "resource_type": "group",
                    "package_name": self.name,
                    "path": asset.path,
                    "original_file_path": asset.path,
                    "unique_id": name,
                    "owner": {"name": owner, "email": owner if "@" in owner else None},
                }
        return found

    def group_map(self, assets: Iterable[Asset]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for asset in assets:
            if asset.group:
                found.setdefault(asset.group, []).append(self.id(asset))
        return {name: sorted(ids) for name, ids in found.items()}


def _below(path: str, folders: Iterable[str]) -> str:
    """The path as dbt says it: without the folder that is searched."""
    head = next((each for each in folders if path.startswith(f"{each}/")), None)
    return path if head is None else path[len(head) + 1 :]


def _input(name: str) -> str:
    return name if name == "this" else f"ref('{name}')"


def _rows(sample: Sample | None) -> Json:
    """Rows as dbt writes them; none of what is no text, such as a data frame."""
    if sample is None:
        return {"format": "dict", "rows": []}
    if sample.form in (Form.CSV, Form.SQL):
        return {"format": str(sample.form), "rows": sample.text}
    return {"format": "dict", "rows": [plain_value(dict(row.values)) for row in sample.rows]}
