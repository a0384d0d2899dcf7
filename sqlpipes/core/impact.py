"""The nouns of impact: what a project looked like once, and what a change of it does to what is below.

An `Image` is plain enough to be kept in a file: of each asset its version, settings, columns and
digests. `Impact` is said by decide/impact.py, which compares two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from sqlpipes.core.config import NOTHING, Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem

FORMAT = 1  # of an image in a file

Fault = tuple[str, str]  # code and message of a problem, without its place


@dataclass(frozen=True, slots=True)
class AssetImage:
    """One asset as it was. `body` moves with the query, function or data, `settings` with what is set.

    `columns`: name and type, None when nobody knows it; `listed`: there are certainly no others.
    `digests`: column, as the dialect compares names, -> what it is computed from; `rows`: of what decides
    which rows there are. "" is not understood. `faults`: what was wrong with it already.
    """

    kind: str
    materialized: str
    body: str
    settings: Mapping[str, Plain] = field(default_factory=dict)
    columns: tuple[tuple[str, str | None], ...] = ()
    listed: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)
    rows: str = ""
    checks: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)  # column -> its expression as written
    conditions: tuple[str, ...] = ()  # what decides the rows, as written
    declared: bool = True  # False: a table that nobody describes and some query reads


@dataclass(frozen=True, slots=True)
class Image:
    """A project as it was. `name` is how it is called: a commit, a file, "built"."""

    name: str
    assets: Mapping[str, AssetImage] = field(default_factory=dict)


class Change(StrEnum):
    """What became of a column, or of an asset."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    RETYPED = "retyped"
    COMPUTED = "computed differently"
    UNSURE = "may differ"
    ORDERED = "in another order"  # of all columns together, whose name is "*"
    CHANGED = "changed"  # of an asset
    SAME = "same"  # of an asset whose text alone is another


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """`was`: the old name of a column that was renamed, the old type of one that was retyped, the old
    expression of one that is computed differently; `now`: the new type or expression, if they are known.
    """

    column: str
    change: Change
    was: str = ""
    now: str = ""

    def __str__(self) -> str:
        if self.change is Change.RENAMED:
            return f"{self.was} is now {self.column}"
        if self.change is Change.RETYPED:
            return f"{self.column} {self.was or '?'} -> {self.now or '?'}"
        if self.change is Change.ORDERED:
            return f"columns {self.change}"
        how = f"{self.column} {self.change}"
        return f"{how}: {self.was} -> {self.now}" if self.was and self.now else how


class Effect(StrEnum):
    """What a change above does to an asset, the worst first."""

    BREAKS = "breaks"
    TOUCHED = "touched"
    UNKNOWN = "unknown"
    UNTOUCHED = "untouched"
    NONE = ""  # nothing above it has changed


@dataclass(frozen=True, slots=True)
class AssetImpact:
    """One asset that changed, or that reads one that did, directly or not.

    `change` None: its own files are as they were. `columns` and `rows` (its row set) tell that change.
    `conditions`: of those rows, what went ("- where: ...") and what came ("+ ...").
    `touched`: its columns that a change above reaches, `("*",)` for its rows and so for all of them;
    `because`: how, a line each. `proof`: why nothing reaches it. `problems`: what is wrong now and was not.
    """

    asset: str
    kind: str
    at: Location | None = None
    change: Change | None = None
    columns: tuple[ColumnChange, ...] = ()
    rows: bool = False
    settings: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    effect: Effect = Effect.NONE
    touched: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    proof: str = ""
    problems: tuple[Problem, ...] = ()
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Impact:
    """All that changed and all below it, in the graph's order; what is gone comes last.

    `problems`: what is wrong in files that make no asset.
    """

    against: str
    assets: tuple[AssetImpact, ...] = ()
    problems: tuple[Problem, ...] = ()

    def count(self, effect: Effect) -> int:
        return sum(each.effect is effect for each in self.assets)

    @property
    def breaks(self) -> bool:
        return bool(self.problems) or self.count(Effect.BREAKS) > 0


def image_as_json(image: Image) -> dict[str, Any]:
    """Plain values; `image_from_json` gives an equal image back."""
    assets = {name: _asset_json(each) for name, each in sorted(image.assets.items())}
    return {"sqlpipes_image": FORMAT, "name": image.name, "assets": assets}


def _asset_json(image: AssetImage) -> dict[str, Any]:
    return {
        "kind": image.kind,
        "materialized": image.materialized,
        "body": image.body,
        "settings": dict(image.settings),
        "columns": [list(column) for column in image.columns],
        "listed": image.listed,
        "digests": dict(image.digests),
        "rows": image.rows,
        "checks": dict(image.checks),
        "inputs": list(image.inputs),
        "faults": [list(fault) for fault in image.faults],
        "said": dict(image.said),
        "conditions": list(image.conditions),
        "declared": image.declared,
    }


def image_from_json(value: Mapping[str, Any]) -> Image:
    """Raises ValueError, KeyError or TypeError for what `image_as_json` did not write."""
    if value["sqlpipes_image"] != FORMAT:
        raise ValueError(f"format {value['sqlpipes_image']!r}")
    return Image(
        str(value["name"]),
        {str(name): _asset_from(each) for name, each in value["assets"].items()},
    )


def _asset_from(value: Mapping[str, Any]) -> AssetImage:
    return AssetImage(
        kind=str(value["kind"]),
        materialized=str(value["materialized"]),
        body=str(value["body"]),
        settings=dict(value.get("settings", NOTHING)),
        columns=tuple((str(name), kind) for name, kind in value["columns"]),
        listed=bool(value["listed"]),
        digests={str(name): str(digest) for name, digest in value["digests"].items()},
        rows=str(value["rows"]),
        checks={str(name): str(said) for name, said in value["checks"].items()},
        inputs=tuple(map(str, value["inputs"])),
        faults=tuple((str(code), str(message)) for code, message in value["faults"]),
        said={str(name): str(text) for name, text in value["said"].items()},
        conditions=tuple(map(str, value["conditions"])),
        declared=bool(value["declared"]),
    )
