"""What an asset was built from, kept as text, so that a later plan can say what changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

from sqlpipes.core.asset import Materialized, Scope, SqlBody
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.lineage import Basis
from sqlpipes.core.plan import Reason, Why
from sqlpipes.core.sql import diff

BUILD_SETTINGS = frozenset(
    {"materialized", "partition", "unique_key", "before", "after", "pre_hook", "post_hook"}
    | {"strategy", "updated_at", "merge_update_columns", "merge_exclude_columns"}
    | {"snapshot_columns", "config", "native_partitions", "engine"}
)
KEPT = (Materialized.INCREMENTAL, Materialized.SNAPSHOT)
THIS = "this_table"  # in place of its name
ONCE = "--config"  # the key of what only one command set


class Definition(TypedDict):
    """What is recorded of what was built: the query, the settings, the ephemeral queries in it."""

    sql: str
    settings: dict[str, Plain]
    inlined: dict[str, str]
    basis: NotRequired[dict[str, Any]]  # what the names in its queries mean, with which columns
    rendered: NotRequired[str]  # a digest of what a template says, wherever its table stands


def definition_of(graph: Graph, name: str) -> Definition:
    """What is recorded with a build."""
    asset = graph.assets[name]
    settings: dict[str, Plain] = {"materialized": str(asset.materialized)}
    kept = BUILD_SETTINGS | {ONCE}
    settings |= {key: asset.settings[key] for key in kept & asset.settings.keys()}
    if asset.relation is not None:
        settings["relation"] = asset.place
    if asset.export is not None:
        path, form, options = asset.export.plain()
        settings |= {"path": path, "format": form, "options": options}
    found: Definition = {
        "sql": _text(graph, name),
        "settings": settings,
        "inlined": {other: _text(graph, other) for other in graph.inlined(name)},
    }
    if asset.materialized in KEPT and isinstance(asset.body, SqlBody) and asset.body.template:
        found["rendered"] = _rendered(asset.body)
    return found


def basis_in(recorded: str, name: str) -> Basis:
    """What an asset was built from, of the definition that was `recorded` as JSON; nothing where none is."""
    found: Definition | None = json.loads(recorded) if recorded else None
    if found is None or "basis" not in found:
        return Basis()
    return Basis.from_plain(found["basis"], name, {name: found["sql"], **found["inlined"]})


def _rendered(body: SqlBody) -> str:
    """ "" where it cannot be rendered without more."""
    scopes = (Scope(this=THIS, incremental=asked) for asked in (False, True))
    try:
        texts = [body.render(scope).text for scope in scopes]
    except ProjectError:
        return ""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()


def _text(graph: Graph, name: str) -> str:
    body = graph.assets[name].body
    return body.text if isinstance(body, SqlBody) else ""


def explained(graph: Graph, name: str, reason: Reason, recorded: str) -> Reason:
    """The reason with what changed since the definition that was `recorded` as JSON."""
    if reason.why not in (Why.SQL_CHANGED, Why.SETTINGS_CHANGED):
        return reason
    old: Definition = json.loads(recorded)
    new = definition_of(graph, name)
    if reason.why is Why.SETTINGS_CHANGED:
        return replace(reason, detail=", ".join(_changed(old["settings"], new["settings"])))
    return _explained_sql(graph, name, reason, old, new)


def _explained_sql(
    graph: Graph, name: str, reason: Reason, old: Definition, new: Definition
) -> Reason:
    lines = diff(old["sql"], new["sql"], graph.dialect)
    if lines:
        return replace(reason, diff=lines)
    for inlined in sorted(old["inlined"].keys() | new["inlined"].keys()):
        if inlined not in new["inlined"]:
            return replace(reason, detail=f"{inlined} is no longer inlined")
        if inlined not in old["inlined"]:
            return replace(reason, detail=f"{inlined} is inlined now")
        lines = diff(old["inlined"][inlined], new["inlined"][inlined], graph.dialect)
        if lines:
            return replace(reason, detail=f"in ephemeral {inlined}", diff=lines)
    body = graph.assets[name].body
    if isinstance(body, SqlBody) and body.template is not None:
        return replace(reason, detail="by a macro or a variable that it uses")
    return reason


def _changed(old: Mapping[str, Plain], new: Mapping[str, Plain]) -> Iterator[str]:
    """What differs; what one command alone had set is told as what it was."""
    before, after = ({k: v for k, v in each.items() if k != ONCE} for each in (old, new))
    once = old.get(ONCE)
    if isinstance(once, dict) and ONCE not in new:
        said = " ".join(f"{name}={_said(value)}" for name, value in once.items())
        yield f"was built with --config {said}"
        before.pop("config", None)
        after.pop("config", None)
    elif "config" in before or "config" in after:
        before.setdefault("config", {})
        after.setdefault("config", {})
    yield from settings_diff(before, after)


def settings_diff(old: Mapping[str, Plain], new: Mapping[str, Plain], head: str = "") -> list[str]:
    """
    >>> settings_diff({"materialized": "view"}, {"materialized": "table", "alias": "x"})
    ['alias: none -> x', 'materialized: view -> table']
    >>> settings_diff({"partition": {"by": "day"}}, {"partition": {"by": "month"}})
    ['partition.by: day -> month']
    """
    return [
        line for key in sorted(old.keys() | new.keys()) for line in _differs(old, new, key, head)
    ]


def _differs(
    old: Mapping[str, Plain], new: Mapping[str, Plain], key: str, head: str
) -> Iterator[str]:
    before, after = old.get(key), json.loads(json.dumps(new.get(key), default=str))
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from settings_diff(before, after, f"{head}{key}.")
    else:
        yield f"{head}{key}: {_said(before)} -> {_said(after)}"


def _said(value: Plain) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)
