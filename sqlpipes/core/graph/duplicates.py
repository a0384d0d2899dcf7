"""Assets -> those whose names and relations are their own, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence

from sqlpipes.core.asset import Asset, Kind
from sqlpipes.core.errors import Problem
from sqlpipes.core.sql.relation import fold


def without_duplicates(
    assets: Sequence[Asset], dialect: str
) -> tuple[dict[str, Asset], list[Problem]]:
    """Assets by name, the first of each; a second of one name or one relation is a problem."""
    by_name: dict[str, Asset] = {}
    by_relation: dict[object, Asset] = {}
    problems: list[Problem] = []
    for asset in assets:
        first = by_name.setdefault(fold(asset.name, True, dialect), asset)
        if first is not asset:
            problems.append(_same_name(asset, first))
        elif asset.relation is not None:
            where = (asset.engine, asset.relation.folded(dialect))
            holder = by_relation.setdefault(where, asset)
            if holder is not asset:
                problems.append(_same_relation(asset, holder))
                del by_name[fold(asset.name, True, dialect)]
    return {asset.name: asset for asset in by_name.values()}, problems


def _same_name(second: Asset, first: Asset) -> Problem:
    what = "source" if second.kind is first.kind is Kind.SOURCE else "asset"
    message = f"{what} '{second.name}' is defined twice: here and in {first.at}"
    hint = "an asset's name is its file's name: rename one of the two"
    if Kind.SOURCE in (second.kind, first.kind):
        hint = "leave one of the two out: what it says goes to the other, or rename its table"
    elif Kind.PYTHON in (second.kind, first.kind):
        hint = "rename one of the two: a function's asset is named like it, or by name=..."
    return Problem("DUP001", message, second.at, hint, others=(first.at,))


def _same_relation(second: Asset, first: Asset) -> Problem:
    message = (
        f"assets '{second.name}' and '{first.name}' would both be {second.relation}: "
        f"here and in {first.at}"
    )
    hint = "give one of the two an `alias:` or a `schema:` of its own"
    return Problem("DUP002", message, second.at, hint, others=(first.at,))
