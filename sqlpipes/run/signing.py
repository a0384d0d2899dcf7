"""A part of a step -> what its connection is told before it: on whose behalf it speaks, and for how long."""

from __future__ import annotations

import json
from dataclasses import replace

from sqlpipes.core.asset import Asset, Limit
from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection, Limits, Signs
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.faults import TOO_LONG
from sqlpipes.core.partitions import Partitions

LONGEST = 80  # characters of a list of slices


def prepare(
    connection: Connection, target: Target, run_id: str, asset: Asset, slices: Partitions
) -> None:
    """Raises EngineError ENG068 when statements should have an end and the engine knows none."""
    if isinstance(connection, Signs):
        connection.sign(signature(target, run_id, asset.name, slices))
    limit = limit_of(asset, target)
    if isinstance(connection, Limits):
        connection.limit(limit.seconds if limit else None)
    elif limit is not None:
        message = f"statement_timeout_s: the engine '{target.engine}' cannot end statements"
        raise EngineError(Problem(TOO_LONG, message, limit.at, "leave it out"))


def signature(target: Target, run_id: str, asset: str, slices: Partitions) -> str:
    """What stands in the comment of each statement; "" for none.

    A text of the user's may name {project}, {target}, {run}, {asset} and {slices}.
    """
    if target.query_comment is False:
        return ""
    said = "" if slices.is_whole else str(slices)
    if len(said) > LONGEST:
        said = f"{said[:LONGEST]}..."
    names = {"project": target.project, "target": target.name, "run": run_id, "asset": asset}
    if target.query_comment is True:
        told = {**names, "slices": said} if said else names
        return f"sqlpipes: {json.dumps(told, ensure_ascii=False)}"
    text = target.query_comment
    for name, value in {**names, "slices": said}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def limit_of(asset: Asset, target: Target) -> Limit | None:
    """The asset's own, else the target's."""
    if asset.limit is not None or target.statement_timeout_s is None:
        return asset.limit
    return Limit(target.statement_timeout_s, target.places.get("statement_timeout_s"))


def limited(problem: Problem, asset: Asset, limit: Limit | None) -> Problem:
    """A statement that took too long, with the asset's name and the place of the key that says how long."""
    if problem.code != TOO_LONG or limit is None:
        return problem
    message = (
        f"a statement of '{asset.name}' did not end within {limit.seconds:g} s and was stopped"
    )
    others = (limit.at,) if limit.at else ()
    hint = "statement_timeout_s says how long each may take: on the asset, or in the profile"
    return replace(problem, message=message, hint=hint, others=others)
