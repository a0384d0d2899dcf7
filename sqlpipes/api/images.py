"""A project -> its Image: as it is read, or as it was last built. Kept in a file and read from one."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Collection, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlpipes.api.hiding import hide_all
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.core.asset import Asset, Column, Materialized, Rendered, Scope, SourceBody, SqlBody
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Location, Problem, ProjectError, SqlpipesError
from sqlpipes.core.graph import Graph
from sqlpipes.core.impact import AssetImage, Image, image_as_json, image_from_json
from sqlpipes.core.sql import analyse

if TYPE_CHECKING:
    from sqlpipes.core.lineage import Lineage
    from sqlpipes.core.lineage.digests import Digests

STANDARD = "-"  # the file name that means stdin or stdout

Faults = Mapping[str, tuple[Problem, ...]]


def image_of(
    project: Project,
    lineage: Lineage,
    faults: Faults,
    name: str,
    digested: Collection[str] | None = None,
) -> Image:
    """`digested`: the assets whose queries are looked into; None: all."""
    reader = _Reader(project.graph, lineage)
    assets = {
        each.name: _asset_image(
            project.root,
            project.graph,
            each,
            lineage,
            faults.get(each.name, ()),
            reader.digests(each) if digested is None or each.name in digested else None,
        )
        for each in project.graph.assets.values()
    }
    return Image(name, assets)


def _asset_image(
    root: str,
    graph: Graph,
    asset: Asset,
    lineage: Lineage,
    faults: tuple[Problem, ...],
    digests: Digests | None,
) -> AssetImage:
    is_declared = not (isinstance(asset.body, SourceBody) and asset.body.implicit)
    facts = lineage.facts.get(asset.name)
    columns = facts.columns if facts else ()
    return AssetImage(
        kind=str(asset.kind),
        materialized=str(asset.materialized),
        body=_body(asset, root),
        settings=_plain(asset.settings),
        columns=tuple((column.name, column.type) for column in columns),
        listed=lineage.is_listed(asset.name),
        digests=dict(digests.columns) if digests else {},
        rows=digests.rows if digests else "",
        checks=graph.check_versions(asset.name),
        inputs=tuple(sorted(set(graph.parents(asset.name)))),
        faults=tuple((fault.code, fault.message) for fault in faults),
        declared=is_declared,
    )


def _body(asset: Asset, root: str) -> str:
    """What moves with the query, the function or the data; of files outside, with where they are."""
    if isinstance(asset.body, SourceBody) and asset.body.files:
        files = [os.path.relpath(path, root) for path in asset.body.files]
        return f"{' '.join(files)} {asset.body.changes}"
    return asset.version.partition(".")[0]


def _plain(settings: Mapping[str, Plain]) -> dict[str, Plain]:
    """As a file would give it back."""
    found: dict[str, Plain] = json.loads(json.dumps(dict(settings), default=str))
    return found


class _Reader:
    """Queries of one graph -> their digests, with the columns that its lineage knows."""

    __slots__ = ("graph", "lineage", "types")

    def __init__(self, graph: Graph, lineage: Lineage) -> None:
        self.graph, self.lineage = graph, lineage
        self.types: Any = None  # the parser is loaded when the first query is really read

    def digests(self, asset: Asset) -> Digests | None:
        """None: it is no query, or one that cannot be rendered."""
        if not isinstance(asset.body, SqlBody) or asset.body.opaque:
            return None
        try:
            return self.read(asset.body.render(Scope()))
        except SqlpipesError:
            return None

    def read(self, rendered: Rendered) -> Digests:
        from sqlpipes.core.lineage.digests import read_digests
        from sqlpipes.core.lineage.types import Types

        if self.types is None:
            self.types = Types(self.graph.dialect)
        return read_digests(rendered.text, self.types, self.inputs(rendered))

    def inputs(self, rendered: Rendered) -> dict[tuple[str, ...], tuple[Column, ...] | None]:
        """Folded parts of each table that the query names -> its columns, where all are known."""
        found: dict[tuple[str, ...], tuple[Column, ...] | None] = {}
        for reference in rendered.references:
            name = self.graph.resolve(reference)
            is_known = name is not None and self.lineage.is_listed(name)
            key = reference.folded(self.graph.dialect)
            found[key] = self.lineage.columns(name) if name is not None and is_known else None
        return found


def image_as_built(project: Project, lineage: Lineage, now: Image) -> Image:
    """What the state remembers of the newest build of each asset; `now` is the project as it is."""
    with closing(open_store_of(project)) as store:
        history = store.history()
        built = [name for name, past in history.assets.items() if past.built]
        definitions = store.definitions(built)
    reader = _Reader(project.graph, lineage)
    assets: dict[str, AssetImage] = {}
    for name in built:
        version = history.of(name).version
        asset = project.graph.assets.get(name)
        if asset is None or version == project.graph.version(name):
            assets[name] = _faultless(now.assets.get(name) or AssetImage("", "", version))
        else:
            said = json.loads(definitions.get(name) or "{}")
            assets[name] = _as_built(asset, _faultless(now.assets[name]), said, version, reader)
    for name, image in now.assets.items():  # what is never built itself
        kind = project.graph.assets[name].materialized
        if name not in assets and kind in (Materialized.EPHEMERAL, Materialized.EXTERNAL):
            assets[name] = _faultless(image)
    return Image("what was built", assets)


def _faultless(image: AssetImage) -> AssetImage:
    """It was built, so whatever is wrong now is new."""
    return replace(image, faults=())


def _as_built(
    asset: Asset, now: AssetImage, said: Mapping[str, Any], version: str, reader: _Reader
) -> AssetImage:
    settings = {**now.settings, **_plain(said.get("settings", {}))}
    settings = {key: value for key, value in settings.items() if key in now.settings}
    text = said.get("sql", "")
    if not isinstance(asset.body, SqlBody) or text == asset.body.text:
        body = version.partition(".")[0] if not isinstance(asset.body, SqlBody) else now.body
        return replace(now, body=body, settings=settings)
    before = replace(now, body=version, settings=settings, digests={}, rows="", columns=())
    if "{{" in text or "{%" in text:
        return replace(before, listed=False)
    return _read_again(before, text, reader)


def _read_again(before: AssetImage, text: str, reader: _Reader) -> AssetImage:
    """An old query, with the columns that its inputs have now."""
    from sqlpipes.core.lineage import column_facts

    at = Location("built")
    facts = analyse(text, reader.graph.dialect, at=at)
    rendered = Rendered(text, facts.references)
    digests = reader.read(rendered)
    found = column_facts(text, reader.graph.dialect, reader.inputs(rendered), at=at)
    return replace(
        before,
        columns=tuple((column.name, column.type) for column in found.columns),
        listed=found.listed,
        digests=dict(digests.columns),
        rows=digests.rows,
    )


def write_image(project: Project, image: Image, path: str) -> None:
    """As JSON, without secrets. The file appears when it is whole; `-` is stdout."""
    text = json.dumps(image_as_json(image), indent=1, ensure_ascii=False, default=str) + "\n"
    text = hide_all(project.secrets)(text)
    if path == STANDARD:
        sys.stdout.write(text)
        return
    folder = os.path.dirname(os.path.abspath(path))
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, delete=False, encoding="utf-8", suffix=".part"
        ) as file:
            file.write(text)
    except OSError as error:
        raise ProjectError(Problem("IMP005", f"{path}: {error.strerror}")) from error
    try:
        os.replace(file.name, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(file.name)
        raise ProjectError(Problem("IMP005", f"{path}: {error.strerror}")) from error


def read_image(path: str) -> Image:
    """ProjectError IMP004 for a file that `write_image` did not write."""
    try:
        with open(path, encoding="utf-8") as file:
            found = image_from_json(json.load(file))
    except OSError as error:
        raise ProjectError(Problem("IMP004", f"{path}: {error.strerror}")) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProjectError(
            Problem(
                "IMP004",
                f"{path} is no image of a project",
                hint="sqlpipes impact --save FILE writes one",
            )
        ) from error
    return replace(found, name=os.path.basename(path))
