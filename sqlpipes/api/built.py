"""Project + what the state keeps of the newest builds -> the project as it was built, to compare with.

Of a build there is the text of its query, the settings that decide what is written, and the texts of the
ephemeral models in it. A text with Jinja is not rendered again: macros and variables may be others now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from sqlpipes.api.project import Project, open_store_of
from sqlpipes.core.asset import Asset, Check, Kind, Materialized, SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.history import History
from sqlpipes.core.sql import Relation, analyse
from sqlpipes.decide.definition import BUILD_SETTINGS, Definition

RECORDED = BUILD_SETTINGS | {"materialized"}
NOT_SAID = ("relation", "path", "format", "options")


def as_built(project: Project) -> Project:
    """Without anything that was never built."""
    with closing(open_store_of(project)) as store:
        history = store.history()
        kept = store.definitions(history.assets)
    recorded = {name: json.loads(text) for name, text in kept.items() if text}
    built = {name for name in history.assets if history.of(name).built} & recorded.keys()
    assets = tuple(_assets(project, history, {name: recorded[name] for name in built}))
    checks = [check for check in project.graph.checks.values() if check.asset in built]
    return replace(project, graph=_linked(project, assets, checks), problems=())


def _linked(project: Project, assets: Sequence[Asset], checks: Sequence[Check]) -> Graph:
    from sqlpipes.engines import databases

    target, root = project.target, project.root
    engines = {name: each for name, each in target.engines.items() if each is not None}
    graph, _ = link(
        assets,
        checks,
        dialect=project.config.dialect,
        default_schema=target.schema,
        default_catalog=target.catalog,
        homes={name: (each.schema, each.catalog) for name, each in engines.items()},
        databases={name: databases(each, root) for name, each in {"": target, **engines}.items()},
    )
    return graph


def _assets(
    project: Project, history: History, recorded: Mapping[str, Definition]
) -> Iterator[Asset]:
    now = project.graph.assets
    inlined = {name: text for each in recorded.values() for name, text in each["inlined"].items()}
    for name, asset in now.items():
        if asset.kind is Kind.SOURCE:
            if not getattr(asset.body, "implicit", False):
                yield asset
        elif asset.materialized is Materialized.EPHEMERAL:
            yield _with_text(project, asset, inlined.get(name, ""))
        elif name in recorded:
            yield _as_recorded(project, asset, history.of(name).version, recorded[name])
    for name, each in recorded.items():
        if name not in now and each["sql"]:
            yield _gone(project, name, each)


def _as_recorded(project: Project, asset: Asset, version: str, said: Definition) -> Asset:
    if version == project.graph.version(asset.name):
        return asset
    settings = {k: v for k, v in asset.settings.items() if k not in RECORDED}
    settings |= {k: v for k, v in said["settings"].items() if k not in NOT_SAID}
    then = replace(asset, settings=settings)
    if isinstance(asset.body, SqlBody):
        return _with_text(project, replace(then, materialized=_shape(said)), said["sql"])
    if asset.kind is Kind.SEED:
        then = replace(
            then, columns=()
        )  # the header is that of today's file; its table has the old one
    return replace(then, version=version)


def _shape(said: Definition) -> Materialized:
    word = said["settings"].get("materialized")
    return next((each for each in Materialized if each.value == word), Materialized.TABLE)


def _with_text(project: Project, asset: Asset, text: str) -> Asset:
    """The asset with the query that it had; as it is where that is the same."""
    assert isinstance(asset.body, SqlBody)
    if not text or text == asset.body.text:
        return asset
    facts = analyse(text, asset.body.dialect or project.config.dialect, at=asset.at)
    has_jinja = asset.body.template is not None or "{{" in text or "{%" in text
    body = SqlBody(
        text,
        facts.references,
        asset.body.line,
        files=facts.files,
        opaque=facts.opaque or has_jinja,
        file_assets=asset.body.file_assets,
        dialect=asset.body.dialect,
    )
    _, _, settings = asset.version.partition(".")
    return replace(asset, body=body, version=f"{facts.digest[:16]}.{settings}")


def _gone(project: Project, name: str, said: Definition) -> Asset:
    """One that has no file any more."""
    facts = analyse(said["sql"], project.config.dialect, at=Location(""))
    place = str(said["settings"].get("relation") or "")
    *schema, table = place.rpartition(":")[2].split(".")
    return Asset(
        name=name,
        kind=Kind.SQL,
        materialized=_shape(said),
        relation=Relation(table, schema[-1]) if place and schema else None,
        body=SqlBody(said["sql"], facts.references, files=facts.files, opaque=facts.opaque),
        version=f"{facts.digest[:16]}.",
        at=Location(""),
        path="",
    )
