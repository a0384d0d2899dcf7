"""A project -> its Image, kept in a file and read from one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.project import Project
from sqlpipes.api.whole_files import write_whole
from sqlpipes.core.asset import Asset, SourceBody
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.garbage import resting
from sqlpipes.core.graph import Graph
from sqlpipes.core.impact import AssetImage, Image, image_as_json, image_from_json
from sqlpipes.core.sql import fold
from sqlpipes.run.masking import Mask

if TYPE_CHECKING:
    from sqlpipes.core.lineage import ColumnFacts, Lineage
    from sqlpipes.core.lineage.digests import Digests

LONGEST = 200  # letters of an expression
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
    from sqlpipes.core.lineage.digested import digests_of

    names = [each for each in project.graph.assets if digested is None or each in digested]
    with resting():
        digests = digests_of(project.graph, lineage, names)
    assets = {
        each.name: _asset_image(
            project.root,
            project.graph,
            each,
            lineage,
            faults.get(each.name, ()),
            digests.get(each.name),
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
        said=_said(facts, graph.dialect) if digests else {},
        conditions=_conditions(facts) if digests else (),
        declared=is_declared,
    )


def _said(facts: ColumnFacts | None, dialect: str) -> dict[str, str]:
    """Expressions of columns, for a person to see; they prove nothing."""
    edges = facts.value_edges if facts else ()
    return {
        fold(e.column or "", True, dialect): _short(e.expression) for e in edges if e.expression
    }


def _conditions(facts: ColumnFacts | None) -> tuple[str, ...]:
    edges = [edge for edge in facts.row_set_edges if edge.expression] if facts else []
    said = (f"{str(edge.kind).replace('_', ' ')}: {edge.expression}" for edge in edges)
    return tuple(dict.fromkeys(map(_short, said)))


def _short(text: str) -> str:
    return " ".join(text.split())[:LONGEST]


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


def write_image(project: Project, image: Image, path: str) -> None:
    """As JSON, without secrets. The file appears when it is whole; `-` is stdout."""
    plain = json.loads(json.dumps(image_as_json(image), default=str))
    shown = Mask(project.secrets).value(plain)  # not of the JSON: digits may stand in a number, too
    text = json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
    if path == STANDARD:
        sys.stdout.write(text)
        return
    try:
        write_whole(path, text)
    except OSError as error:
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
