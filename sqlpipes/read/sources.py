"""`sources:` in YAML -> assets that somebody else writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlpipes.core.asset import (
    Asset,
    Check,
    Kind,
    Materialized,
    SourceBody,
)
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Problem, Severity
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation
from sqlpipes.read import settings as s
from sqlpipes.read.checks import seconds
from sqlpipes.read.file_windows import path_pattern
from sqlpipes.read.files import is_remote
from sqlpipes.read.ground import Ground, body_hash, settings_hash
from sqlpipes.read.marked import Node
from sqlpipes.read.models import described, file_pattern, filled
from sqlpipes.read.properties import named
from sqlpipes.read.settings import Layered, layer, merge
from sqlpipes.read.source_windows import source_partitioning

OWN_KEYS = ("name", "description", "schema", "database", "catalog", "tables", "version")
WAYS = ("count", "hash", "always", "never")


def read_sources(entries: Iterable[Node], ground: Ground, problems: list[Problem]) -> list[Asset]:
    """One asset a table, named source.table. Entries without `tables:` are sources of one table."""
    found: list[Asset] = []
    for entry in filled(entries, ground.names, problems):
        name = s.text(entry.get("name"), problems)
        tables = entry.get("tables")
        common = layer([entry], "source", problems, OWN_KEYS)
        if tables is None:
            if entry.get("files") is None:
                hint = "list its tables: `tables: [{name: orders}]`, or its `files:`"
                message = f"the source '{name}' has no tables"
                problems.append(Problem("SRC001", message, entry.at, hint))
                continue
            found += _source(name, "", entry, common, entry, ground, problems)
            continue
        if not isinstance(tables.value, list):
            problems.append(s.wrong(tables, "a list of tables, each with a name"))
        for table in tables.items():
            table = table.with_value({"name": table.value}) if _bare(table) else table
            if named(table, problems):
                own = layer([table], "source", problems, ("name",))
                below = merge([_without(common, "checks", "columns"), own])
                table_name = s.text(table.get("name"), problems)
                found += _source(name, table_name, table, below, entry, ground, problems)
    return found


def _bare(node: Node) -> bool:
    return isinstance(node.value, str)


def _without(one: Layered, *keys: str) -> Layered:
    return Layered({key: nodes for key, nodes in one.nodes.items() if key not in keys})


def _source(
    source: str,
    table: str,
    node: Node,
    merged: Layered,
    entry: Node,
    ground: Ground,
    problems: list[Problem],
) -> list[Asset]:
    if not s.flag(merged.node("enabled"), True, problems):
        return []
    name = f"{source}.{table}" if table else source
    files = _files(merged.node("files"), ground.root, problems)
    relation = None if files else _relation(source, table, merged, entry, problems)
    changes = _changes(merged.node("changes"), problems)
    node_of_windows = merged.node("partition")
    cut = source_partitioning(node_of_windows, problems)
    path = _path(node_of_windows, files, cut, problems)
    fields = described(name, merged, (), problems)
    if not table:
        fields["description"] = s.text(entry.get("description"), problems).strip()
    fields["checks"] = (*fields["checks"], *_freshness(name, merged, problems))
    said = [str(relation) if relation else "", *files, changes or ""]
    return [
        Asset(
            name=name,
            kind=Kind.SOURCE,
            materialized=Materialized.EXTERNAL,
            relation=relation,
            body=SourceBody(files, changes, path=path),
            version=f"{body_hash(*said)}.{settings_hash(_identity(cut, path))}",
            partition=cut,
            at=(node.get("name") or node).at,
            path=node.file,
            fqn=tuple(part for part in (ground.config.name, source, table) if part),
            settings={**merged.plain(), **_place(relation)},
            **fields,
        )
    ]


def _identity(cut: Partitioning | None, path: str | None) -> Mapping[str, Plain]:
    return {"partition": cut.identity, "path": path} if cut else {}


def _path(
    node: Node | None,
    files: tuple[str, ...],
    cut: Partitioning | None,
    problems: list[Problem],
) -> str | None:
    """How the windows stand in the paths of files. Files that nobody can list have no windows."""
    if node is None:
        return None
    said = node.get("path")
    if said is not None and not files:
        message = "'path' says where the windows stand in the paths of `files:`"
        hint = "a table is cut by its column: leave it out"
        problems.append(Problem("PAR002", message, said.key_at, hint))
    elif any(map(is_remote, files)):
        message = "files that are not on this machine cannot be told apart by windows"
        hint = "leave `partition` out: they count as changed in every build"
        problems.append(Problem("PAR002", message, node.key_at, hint))
    return path_pattern(said, cut, problems) if files else None


def _place(relation: Relation | None) -> Mapping[str, str]:
    return {"schema": relation.schema} if relation else {}


def _relation(
    source: str, table: str, merged: Layered, entry: Node, problems: list[Problem]
) -> Relation:
    schema = s.text(entry.get("schema"), problems) or source
    catalog = entry.get("database") or entry.get("catalog")
    name = s.text(merged.node("identifier"), problems) or table
    return Relation(name, schema, s.text(catalog, problems) or None)


def _files(node: Node | None, root: str, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(file_pattern(pattern, root)[0] for pattern in s.texts(node, problems))


def _changes(node: Node | None, problems: list[Problem]) -> str | None:
    """count, hash, always, never, or an aggregate such as max(updated_at)."""
    said = s.text(node, problems).strip()
    if not said or node is None:
        return None
    if said.casefold() in WAYS:
        return said.casefold()
    if "(" in said and said.endswith(")"):
        return said
    problems.append(s.wrong(node, f"{', '.join(WAYS)}, or an aggregate such as max(updated_at)"))
    return None


def _freshness(asset: str, merged: Layered, problems: list[Problem]) -> list[Check]:
    """dbt's {warn_after, error_after} with loaded_at_field, or {column, max_age}, as checks."""
    node = merged.node("freshness")
    if node is None:
        return []
    if not isinstance(node.value, dict):
        problems.append(s.wrong(node, "a mapping such as {column: loaded_at, max_age: 2 days}"))
        return []
    column = s.text(node.get("column") or merged.node("loaded_at_field"), problems)
    if not column:
        hint = "name it with `loaded_at_field:`"
        message = "freshness needs the column that says when a row was loaded"
        problems.append(Problem("CHK003", message, node.key_at, hint))
        return []
    ways = {
        "max_age": s.text(node.get("severity"), []) or "error",
        "error_after": "error",
        "warn_after": "warn",
    }
    found: list[Check] = []
    for key, severity in ways.items():
        below = node.get(key)
        if below is not None:
            found.append(_freshness_check(asset, column, below, severity, node, problems))
    return found


def _freshness_check(
    asset: str, column: str, age: Node, severity: str, node: Node, problems: list[Problem]
) -> Check:
    return Check(
        name=f"{asset}.freshness.{column}",
        asset=asset,
        type="freshness",
        arguments={"column": column, "max_age_s": seconds(age, problems)},
        severity=Severity.WARNING if severity.startswith("warn") else Severity.ERROR,
        where=s.text(node.get("filter") or node.get("where"), problems) or None,
        columns=(column,),
        at=node.key_at,
    )
