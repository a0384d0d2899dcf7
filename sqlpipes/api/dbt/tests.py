"""Checks and unit tests -> nodes of dbt's manifest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlpipes.api.dbt.ids import (
    asset_id,
    below,
    check_id,
    check_name,
    source_names,
    unit_test_id,
)
from sqlpipes.core.asset import Asset, Check, Kind
from sqlpipes.core.errors import Severity
from sqlpipes.core.events import plain_value
from sqlpipes.core.unit_test import Form, Sample, UnitTest

if TYPE_CHECKING:
    from sqlpipes.api.project import Project

Json = dict[str, Any]


class Tests:
    """Checks and unit tests of one project as dbt's nodes. It keeps nothing."""

    __slots__ = ("name", "project")

    def __init__(self, project: Project) -> None:
        self.project, self.name = project, project.config.name

    def id(self, asset: Asset) -> str:
        return asset_id(self.name, asset)

    def ids(self, names: Iterable[str]) -> list[str]:
        return sorted({self.id(self.project.graph.assets[name]) for name in names})

    def check(self, check: Check) -> Json:
        asset = self.project.graph.assets[check.asset]
        path = check.at.file if check.at else asset.path
        node: Json = {
            "name": check_name(check),
            "alias": check_name(check),
            "resource_type": "test",
            "package_name": self.name,
            "path": below(path, self.project.config.check_paths),
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
            "path": below(path, self.project.config.model_paths),
            "original_file_path": path,
            "unique_id": unit_test_id(self.name, test),
            "fqn": [*asset.fqn, test.name],
            "description": test.description,
            "given": [{"input": _input(each.input), **_rows(each.sample)} for each in test.given],
            "expect": _rows(test.expect),
            "depends_on": {"macros": [], "nodes": [self.id(asset)]},
            "config": {"tags": sorted(test.tags), "meta": {}, "enabled": True},
        }


def _input(name: str) -> str:
    return name if name == "this" else f"ref('{name}')"


def _rows(sample: Sample | None) -> Json:
    """Rows as dbt writes them; none of what is no text, such as a data frame."""
    if sample is None:
        return {"format": "dict", "rows": []}
    if sample.form in (Form.CSV, Form.SQL):
        return {"format": str(sample.form), "rows": sample.text}
    return {"format": "dict", "rows": [plain_value(dict(row.values)) for row in sample.rows]}
