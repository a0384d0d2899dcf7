"""What a file declares, with the project's config and target -> Assets and Checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from sqlpipes.core.asset import (
    Asset,
    Check,
    Dependency,
    Kind,
    Materialized,
    Option,
    PythonBody,
)
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.partitions import partitioning_from
from sqlpipes.core.reads import Mapped, Reads
from sqlpipes.core.retry import Retry
from sqlpipes.read import labels, settings
from sqlpipes.read.automation import automation
from sqlpipes.read.checks import read_checks
from sqlpipes.read.extras import read_extras
from sqlpipes.read.ground import Ground, layers_of, settings_hash
from sqlpipes.read.keys import EXTRAS
from sqlpipes.read.marked import Node, escaped
from sqlpipes.read.observers import Observer
from sqlpipes.read.python.found import Found
from sqlpipes.read.python.kept import cuts_table, kept_of, stored_settings

FOLDER_KEYS = EXTRAS | {
    *("owner", "tags", "kind", "group", "meta", "links", "schema", "auto", "engine"),
}
UNWRITTEN = (Materialized.FILE, Materialized.NONE)  # no relation in the warehouse


def asset_of(
    found: Found, path: str, ground: Ground, load: Callable[[], Any], problems: list[Problem]
) -> Asset:
    """The asset that a function declares; `path` is its file's, relative to the project."""
    folder = _folder_settings(path, ground)
    kept = kept_of(found, problems)
    kind = kept.kind
    schema = found.schema or settings.text(folder.node("schema"), [])
    engine = ground.engine(folder.node("engine"), [] if found.engine else problems)
    if found.engine:
        engine = ground.engine_named(found.engine, _place(found), problems)
    placed = ground.placed.get(found.name) or ground.relation(schema, found.name, "", engine)
    relation = None if kind in UNWRITTEN else placed
    partition = partitioning_from(found.partition) if found.partition else None
    native = relation is not None and cuts_table(found, partition, problems)
    written: dict[str, Plain] = {
        "materialized": kind.value,
        "relation": str(relation) if relation else None,
        "partition": partition.identity if partition else None,
        **stored_settings(kept),
        **({"native_partitions": True} if native else {}),
        **({"engine": engine} if engine else {}),
    }
    return Asset(
        name=found.name,
        kind=Kind.PYTHON,
        materialized=kind,
        relation=relation,
        body=PythonBody(
            found.function,
            tuple(found.parameters),
            found.takes_context,
            load,
            Retry(*found.retry),
            found.timeout_s,
            found.family,
            tuple(found.written) if kept.kind is Materialized.FILE else (),
            found.path if kept.kind is Materialized.FILE else "",
            tuple(_dependency(named) for named in found.files),
            tuple(_dependency(named) for named in found.paths),
            resources=dict(found.resources or {}),
            options=tuple(
                Option(said[0], said[1], Location(*said[6:]), said[5]) for said in found.config
            ),
        ),
        version=f"{found.meaning[:16]}.{settings_hash(written)}",
        at=_place(found),
        path=path,
        fqn=ground.fqn(path, found.name),
        depends_on=tuple(_dependency(named) for named in found.inputs),
        mappings={
            name: Reads(Mapped(how), back, ahead, declared=True)
            for name, (how, back, ahead) in (found.mappings or {}).items()
        },
        partition=partition,
        unique_key=kept.unique_key,
        incremental=kept.incremental,
        snapshot=kept.snapshot,
        on_schema_change=kept.on_schema_change,
        native_partitions=native,
        skip_unchanged=(found.kept or {}).get("skip_unchanged") is True,
        checks=tuple(read_checks([_checks_node(found)], found.name, problems)),
        description=found.description,
        owners=labels.owners(_texts_node(found, list(found.owners)), problems)
        or labels.owners(folder.node("owner"), []),
        tags=tuple(dict.fromkeys([*settings.tags(folder), *found.tags])),
        kinds=tuple(found.kinds) or labels.kinds(folder.node("kind"), []),
        group=found.group or settings.text(folder.node("group"), []) or None,
        meta={**settings.meta(folder), **(found.meta or {})},
        links={
            **labels.links(folder.all("links"), []),
            **labels.links([_texts_node(found, dict(found.links or {}))], problems),
        },
        settings=_settings(found, kept.said, folder),
        extras=read_extras(folder, []),
        auto=automation(_auto_node(found) or folder.node("auto"), problems),
        engine=engine,
    )


def check_of(found: Found, load: Callable[[], Any]) -> Check:
    """The check that a function declares. Its code is an argument: a change of it is seen."""
    given = found.name
    name = given if given.startswith(f"{found.asset}.") else f"{found.asset}.{given}"
    return Check(
        name=name,
        asset=found.asset,
        type="python",
        arguments={"function": found.function, "code": found.meaning[:16]},
        severity=Severity(found.severity),
        whole_table=found.whole_table,
        tags=tuple(found.tags),
        inputs=tuple(n[0] for n in found.inputs if n[5] and n[0] != found.asset),
        tables=tuple(_dependency(named) for named in found.inputs if not named[5]),
        at=_place(found),
        description=found.description,
        function=PythonBody(
            found.function,
            tuple(found.parameters),
            found.takes_context,
            load,
            resources=dict(found.resources or {}),
        ),
    )


def observer_of(found: Found, load: Callable[[], Any]) -> Observer:
    return Observer(found.asset, PythonBody(found.function, (), False, load), _place(found))


def named_observers(entries: Iterable[Node], root: str) -> Iterator[Observer]:
    """Of source(..., observe=function): the function is found by its name in the file of the call."""
    for entry in entries:
        source, said = (settings.text(entry.get(key), []) for key in ("name", "observe"))
        at = entry.get("observe")
        if said and at is not None:
            load = loader(os.path.join(root, entry.file), root, partial(_bound, said))
            yield Observer(source, PythonBody(said, (), False, load), at.at)


def _bound(name: str, module: ModuleType) -> Any:
    found = getattr(module, name, None)
    if found is None:
        raise LookupError(f"{module.__name__} has no function '{name}'")
    return getattr(found, "function", found)


def loader(
    path: str, root: str, find: Callable[[ModuleType], Callable[..., Any]]
) -> Callable[[], Any]:
    """A call that imports the file and gives the function. It keeps nothing in between."""
    return partial(_load, path, root, find)


def _load(path: str, root: str, find: Callable[[ModuleType], Callable[..., Any]]) -> Any:
    from sqlpipes.read.python.importing import load_function

    return load_function(path, root, find)


def _folder_settings(path: str, ground: Ground) -> settings.Layered:
    if not ground.folders:
        return settings.Layered()
    return layers_of(ground.folders, path, FOLDER_KEYS)


def _settings(found: Found, kind: Materialized, folder: settings.Layered) -> dict[str, Plain]:
    said: dict[str, Plain] = {
        "description": found.description or None,
        "owner": list(found.owners) or None,
        "group": found.group,
        "schema": found.schema,
        "engine": found.engine,
        "tags": [*found.tags] or None,
        "kind": [*found.kinds] or None,
        "links": dict(found.links or {}) or None,
        "meta": dict(found.meta or {}) or None,
        "auto": found.auto,
    }
    given = {key: value for key, value in said.items() if value is not None}
    return {**folder.plain(), **(found.kept or {}), **given, "materialized": kind.value}


def _texts_node(found: Found, said: list[Plain] | dict[str, Plain]) -> Node:
    """Texts of the decorator, each at its place, or at the function's where it was computed."""
    pairs = said.items() if isinstance(said, dict) else enumerate(said)
    places = found.places or {}
    marks = {f"/{escaped(str(key))}": list(places.get(str(one), found.at)) for key, one in pairs}
    return Node(found.file, {"": list(found.at), **marks}, "", said)


def _checks_node(found: Found) -> Node:
    marks = {path: list(mark) for path, mark in (found.check_marks or {}).items()}
    return Node(found.file, marks, "", list(found.checks))


def _auto_node(found: Found) -> Node | None:
    marks = {path: list(mark) for path, mark in (found.auto_marks or {"": found.at}).items()}
    return None if found.auto is None else Node(found.file, marks, "", found.auto)


def _dependency(named: Sequence[Any]) -> Dependency:
    name, *place, declared = named
    return Dependency(name, Location(*place), declared)


def _place(found: Found) -> Location:
    return Location(found.file, *found.at)
