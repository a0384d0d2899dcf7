"""Assets -> nodes of dbt's manifest: models, seeds, snapshots, and sources."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlpipes.api.dbt.ids import asset_id, below, relation_name, resource_type, source_names
from sqlpipes.core.asset import Asset, Kind, PythonBody, SeedBody, SourceBody, SqlBody
from sqlpipes.core.events import plain_value

if TYPE_CHECKING:
    from sqlpipes.api.project import Project
    from sqlpipes.core.lineage import Documented

Json = dict[str, Any]


class Nodes:
    """Assets of one project as dbt's nodes. It keeps nothing."""

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
            "path": below(asset.path, self.project.config.model_paths),
            "original_file_path": asset.path,
            "unique_id": self.id(asset),
            "fqn": list(asset.fqn),
            "database": (relation.catalog if relation else None) or target.catalog,
            "schema": relation.schema if relation else target.schema,
            "relation_name": relation_name(self.project, asset),
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
