"""`sources:` in YAML -> assets that somebody else writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from sqlpipes.core.asset import (
    Asset,
    Kind,
    Materialized,
    SourceBody,
)
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Problem
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation
from sqlpipes.read import settings as s
from sqlpipes.read.file_windows import path_pattern
from sqlpipes.read.files import is_remote
from sqlpipes.read.freshness import read_freshness
from sqlpipes.read.ground import Ground, body_hash, settings_hash
from sqlpipes.read.marked import Node
from sqlpipes.read.models import described, filled
from sqlpipes.read.observers import Observer, demand_python, with_observers
from sqlpipes.read.patterns import file_pattern
from sqlpipes.read.properties import named
from sqlpipes.read.settings import Layered, layer, merge
from sqlpipes.read.source_windows import source_partitioning

OWN_KEYS = ("name", "description", "schema", "database", "catalog", "tables", "version")
WAYS = ("count", "hash", "always", "never")


def read_sources(
    entries: Iterable[Node],
    ground: Ground,
    problems: list[Problem],
    observers: Sequence[Observer] = (),
) -> list[Asset]:
    """One asset a table, named source.table. Entries without `tables:` are sources of one table."""
    observed = {observer.source for observer in observers}
    found = list(_declared(entries, observed, ground, problems))
    return with_observers(found, observers, problems)


def _declared(
    entries: Iterable[Node], observed: Set[str], ground: Ground, problems: list[Problem]
) -> list[Asset]:
    found: list[Asset] = []
    for entry in filled(entries, ground.names, problems):
        name = s.text(entry.get("name"), problems)
        tables = entry.get("tables")
        common = layer([entry], "source", problems, OWN_KEYS)
        if tables is None:
            seen = entry.get("files") or entry.get("observe") or name in observed
            if not seen:
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
                not_said = [
                    key for key, at in table.entries() if at.value is None
                ]  # freshness: null
                below = merge([_without(common, "checks", "columns", *not_said), own])
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
    relation = _relation(source, table, merged, entry, problems) if table and not files else None
    changes = _changes(merged.node("changes"), problems)
    node_of_windows = merged.node("partition")
    cut = source_partitioning(node_of_windows, problems)
    path = _path(node_of_windows, files, cut, problems)
    fields = described(name, merged, (), problems)
    if not table:
        fields["description"] = s.text(entry.get("description"), problems).strip()
    freshness = read_freshness(name, merged, files, problems)
    demand_python(merged.node("observe"), problems)
    engine = ground.engine(merged.node("engine"), problems)
    said = [str(relation) if relation else "", *files, changes or "", *filter(None, [engine])]
    return [
        Asset(
            name=name,
            kind=Kind.SOURCE,
            materialized=Materialized.EXTERNAL,
            relation=relation,
            body=SourceBody(files, changes, path=path, freshness=freshness),
            version=f"{body_hash(*said)}.{settings_hash(_identity(cut, path))}",
            partition=cut,
            at=(node.get("name") or node).at,
            path=node.file,
            fqn=tuple(part for part in (ground.config.name, source, table) if part),
            settings={**merged.plain(), **_place(relation)},
            engine=engine,
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
