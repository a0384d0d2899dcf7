"""A .sql file under models/ -> an Asset with its facts and checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlpipes.core.asset import (
    Asset,
    Dependency,
    Kind,
    Limit,
    Materialized,
    Scope,
    SqlBody,
    Template,
)
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError
from sqlpipes.core.export import Export
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation
from sqlpipes.read import settings as s
from sqlpipes.read.automation import automation
from sqlpipes.read.braces import Names, fill, has_braces
from sqlpipes.read.checks import read_checks
from sqlpipes.read.exported import read_export
from sqlpipes.read.extras import read_extras
from sqlpipes.read.files import File
from sqlpipes.read.ground import (
    Ground,
    layers_of,
    read_columns,
    settings_hash,
    with_docs,
)
from sqlpipes.read.keys import KNOWN, PLACED
from sqlpipes.read.labels import kinds, links, owners
from sqlpipes.read.marked import Node
from sqlpipes.read.partition import asked_values, partitioning
from sqlpipes.read.queries import Query, query_facts, values_bodies
from sqlpipes.read.reading import Model
from sqlpipes.read.seconds import seconds_of
from sqlpipes.read.settings import Layered, layer, merge
from sqlpipes.read.strategy import Kept, read_kept


def read_model(
    file: File,
    query: Query,
    entries: Sequence[Node],
    ground: Ground,
    problems: list[Problem],
) -> Model | None:
    """The model in a file; None when it is not enabled. Faults are added to `problems`."""
    name = query.made.name if query.made else file.stem
    merged = model_settings(file.path, entries, query.front, ground, problems)
    if query.made:
        over = [
            layer(filled([node], ground.names, problems), "model", problems, ("name",))
            for node in query.made.over
        ]
        merged = merge([merged, *over])
    if not s.flag(merged.node("enabled"), True, problems):
        return None
    partition = partitioning(merged.node("partition"), problems)
    if query.made and query.made.partition and merged.node("partition") is None:
        partition = query.made.partition
    engine = ground.engine(merged.node("engine"), problems)
    placed = relation_of(name, merged, ground, problems, engine)
    query = query.in_dialect(ground.dialect_of(engine))
    cut = merged.node("partition") is not None or partition is not None
    facts, template = query_facts(query, str(placed), problems, partitioned=cut)
    asked = (
        values_bodies(query, asked_values(merged.node("partition")), problems) if partition else {}
    )
    kept = read_kept(merged, lambda: _asks(query, template), problems)
    written = Written(
        kept,
        None if kept.kind in (Materialized.EPHEMERAL, Materialized.FILE) else placed,
        partition,
        statements(merged.node("before"), placed, ground.names, problems),
        statements(merged.node("after"), placed, ground.names, problems),
        native_partitions(merged.node("native_partitions"), partition, problems),
        template is not None or any(found.parts[-1] == name for found in facts.references),
        read_export(name, merged, kept.kind, cut, problems),
        engine,
    )
    asset = Asset(
        name=name,
        kind=Kind.SQL,
        materialized=kept.kind,
        relation=written.relation,
        body=query.body(facts, template),
        version=f"{facts.digest[:16]}.{settings_hash(written.plain())}",
        at=Location(file.path, query.line, query.column if query.made else 1),
        path=file.path,
        fqn=ground.fqn(file.path, name),
        depends_on=(
            *s.dependencies(merged.node("depends_on"), problems),
            *_read_by(asked, file.path),
        ),
        mappings=s.mappings(merged.node("inputs"), problems),
        partition=partition,
        values_from=asked,
        unique_key=kept.unique_key,
        incremental=kept.incremental,
        snapshot=kept.snapshot,
        on_schema_change=kept.on_schema_change,
        native_partitions=written.native,
        skip_unchanged=s.flag(merged.node("skip_unchanged"), False, problems),
        **described(name, merged, facts.docs, problems),
        settings={**merged.plain(), "materialized": kept.said.value, **_spared(merged, problems)},
        before=written.before,
        after=written.after,
        hooks_at=statement_places(map(merged.node, ("before", "after")), placed, ground.names),
        auto=automation(merged.node("auto"), problems),
        export=written.export,
        engine=engine,
        volatile=() if s.flag(merged.node("deterministic"), False, problems) else facts.volatile,
    )
    return Model(asset, facts, facts.files)


def native_partitions(node: Node | None, cut: Partitioning | None, problems: list[Problem]) -> bool:
    """Whether the server cuts the table, too: along one column, as the slices are."""
    wanted = s.flag(node, False, problems)
    if node is None or not wanted:
        return False
    if cut is None:
        hint = "for example partition: {by: day, column: order_date, start: 2024-01-01}"
        problems.append(Problem("PAR003", "native_partitions needs a partition", node.key_at, hint))
    elif len(cut.cuts) > 1:
        message = "native_partitions are cut along one column, and this asset has several"
        problems.append(Problem("PAR003", message, node.key_at, "leave native_partitions out"))
    return cut is not None and len(cut.cuts) == 1


def _read_by(asked: Mapping[str, SqlBody], file: str) -> Iterator[Dependency]:
    """What the queries for the values of a partition read."""
    for body in asked.values():
        for found in body.references:
            at = Location(file, found.line, found.column, found.end - found.start)
            yield Dependency(".".join(found.parts), at, for_rows=False)


@dataclass(frozen=True, slots=True)
class Written:
    """The settings that change what is written; how much is built at once and until when is none."""

    kept: Kept
    relation: Relation | None
    partition: Partitioning | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    native: bool = False
    knows_slices: bool = True  # its query may be another one for other slices, or reads older ones
    export: Export | None = None
    engine: str = ""

    def plain(self) -> dict[str, Plain]:
        said: list[Plain] = []
        if self.partition is not None:
            cut = self.partition
            said = cut.identity if self.knows_slices else cut.rows_identity
        return {
            "materialized": self.kept.kind.value,
            "relation": str(self.relation) if self.relation else None,
            "partition": said or None,
            "unique_key": list(self.kept.unique_key),
            "before": list(self.before) if self.kept.snapshot is None else [],
            "after": list(self.after) if self.kept.snapshot is None else [],
            **({"file": self.export.plain()} if self.export else {}),
            **({"native_partitions": True} if self.native else {}),
            **self.kept.plain(),
            **({"engine": self.engine} if self.engine else {}),
        }


def _asks(query: Query, template: Template | None) -> bool:
    """Whether the query is another one for a first build; most say so in their own text."""
    if template is None or "is_incremental" in query.text:
        return template is not None
    try:  # a macro may ask
        first, later = (template.render(Scope(incremental=asked)) for asked in (False, True))
    except ProjectError:
        return True  # it cannot be rendered, which is a problem of its own
    return first.text != later.text


def _spared(merged: Layered, problems: list[Problem]) -> dict[str, Plain]:
    """`full_refresh: false`: --full-refresh leaves it alone."""
    node = merged.node("full_refresh")
    return {} if node is None else {"full_refresh": s.flag(node, True, problems)}


def model_settings(
    path: str,
    entries: Sequence[Node],
    front: Node | None,
    ground: Ground,
    problems: list[Problem],
) -> Layered:
    """Folder defaults, then property files, then the front matter."""
    layers: list[Layered] = []
    if ground.folders:
        layers.append(layers_of(ground.folders, path, KNOWN["model"]))
    if entries:
        layers.append(layer(filled(entries, ground.names, problems), "model", problems, ("name",)))
    if front is not None and front.value is not None:
        if isinstance(front.value, dict):
            layers.append(layer(filled([front], ground.names, problems), "model", problems))
        else:
            message = "front matter must hold keys and values"
            problems.append(Problem("CFG002", message, front.at, "for example `owner: me`"))
    return layers[0] if len(layers) == 1 else merge(layers)


def filled(nodes: Iterable[Node], names: Names, problems: list[Problem]) -> list[Node]:
    """The nodes with their braces evaluated; statements in before and after keep theirs for later."""
    return [
        _filled_one(node, names, problems) if has_braces(node.value) else node for node in nodes
    ]


THIS = re.compile(r"\{\{\s*this\s*\}\}")
OWN_NAME = ("freshness", "loaded_at_query", "tables")  # of sources: their queries may name it
HOOKS = ("before", "after", "pre_hook", "post_hook", "pre-hook", "post-hook")


def _filled_one(node: Node, names: Names, problems: list[Problem]) -> Node:
    value: dict[str, Plain] = {}
    for key, below in node.entries():
        if key in HOOKS or key == "description":
            value[key] = below.value
        elif key == "config":
            value[key] = _filled_one(below, names, problems).value
        elif key in OWN_NAME:
            value[key] = fill(below.with_value(_later(below.value)), names, problems).value
        else:
            value[key] = fill(below, names, problems).value
    return node.with_value(value)


def _later(value: Plain) -> Plain:
    """`{{ this }}` of a source's queries as `{this}`: its relation is known only when they are asked."""
    if isinstance(value, str):
        return THIS.sub("{this}", value)
    if isinstance(value, list):
        return [_later(item) for item in value]
    if isinstance(value, dict):
        return {key: _later(below) for key, below in value.items()}
    return value


PLACES = ("schema", "alias", "catalog")


def described(
    name: str, merged: Layered, docs: Sequence[tuple[str, str]], problems: list[Problem]
) -> dict[str, Any]:
    """The fields that every kind of asset has and that never change what is written."""
    nodes = merged.nodes
    columns, below = (
        read_columns(merged.all("columns"), problems) if "columns" in nodes else ((), [])
    )
    checks = read_checks(merged.all("checks"), name, problems) if "checks" in nodes else []
    for column, node in below:
        checks += read_checks([node], name, problems, column)
    return {
        "checks": tuple(checks),
        "columns": with_docs(columns, docs),
        "description": s.text(merged.node("description"), problems).strip(),
        "owners": owners(merged.node("owner"), problems),
        "tags": s.tags(merged, problems) if "tags" in nodes else (),
        "kinds": kinds(merged.node("kind"), problems),
        "group": s.text(merged.node("group"), problems) or None,
        "meta": s.meta(merged, problems) if "meta" in nodes else {},
        "links": links(merged.all("links"), problems),
        "limit": _limit(merged.node("statement_timeout_s"), problems),
        "extras": read_extras(merged, problems),
        "database_at": database.at if (database := merged.node("catalog")) else None,
        "placed_at": next((place.at for key in PLACES if (place := merged.node(key))), None),
    }


def _limit(node: Node | None, problems: list[Problem]) -> Limit | None:
    found = seconds_of("statement_timeout_s", node, "CFG002", problems)
    return Limit(found["statement_timeout_s"], node.at) if found and node else None


def relation_of(
    name: str, merged: Layered, ground: Ground, problems: list[Problem], engine: str = ""
) -> Relation:
    if name in ground.placed:
        return ground.placed[name]
    if not (merged.nodes.keys() & PLACED):
        return Relation(name, ground.target.schema)
    return ground.relation(
        s.text(merged.node("schema"), problems),
        s.text(merged.node("alias"), problems) or name,
        s.text(merged.node("catalog"), problems),
        engine,
    )


def statements(
    node: Node | None, relation: Relation, names: Names, problems: list[Problem]
) -> tuple[str, ...]:
    """Statements, with `{{ this }}` and the other braces filled in."""
    found: list[str] = []
    for item in node.items() if node else ():
        chosen = (item.get("sql") or item) if isinstance(item.value, dict) else item
        written = s.text(chosen, problems).strip()
        if "{{" in written:
            written = written.replace("{{ this }}", quoted(relation))
            written = written.replace("{{this}}", quoted(relation))
            written = str(fill(chosen.with_value(written), names, problems).value)
        if written:
            found.append(written.rstrip(";"))
    return tuple(found)


def statement_places(
    nodes: Iterable[Node | None], relation: Relation, names: Names
) -> dict[str, Location]:
    """Where each statement stands; faults in them are told by `statements`."""
    return {
        sql: ((item.get("sql") or item) if isinstance(item.value, dict) else item).at
        for node in nodes
        for item in (node.items() if node else ())
        for sql in statements(item, relation, names, [])
    }


def quoted(relation: Relation) -> str:
    parts = (relation.catalog, relation.schema, relation.name)
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts if part)
