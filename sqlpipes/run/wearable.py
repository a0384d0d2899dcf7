"""Plan + what the engine knows -> rights and indexes that cannot be given, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlpipes.core.asset import Asset
from sqlpipes.core.engine import Capabilities, Engine
from sqlpipes.core.errors import EngineError, Problem, did_you_mean
from sqlpipes.core.extras import KnowsRoles
from sqlpipes.run.extras import impossible_indexes, unknown_roles

NO_RIGHT = "ENG044"
MAKES_ROLES = re.compile(r"\b(role|user|group)\b", re.IGNORECASE)


def not_wearable(assets: Sequence[Asset], engine: Engine) -> list[Problem]:
    """ENG040 for roles and ENG044 for privileges that the server does not have, ENG041 for indexes."""
    stored = [asset for asset in assets if asset.extras and asset.relation is not None]
    found = [
        problem
        for asset in stored
        for problem in (
            *impossible_indexes(asset, engine.can, engine.dialect),
            *_no_privileges(asset, engine.can, engine.dialect),
        )
    ]
    return [*found, *_no_roles(assets, stored, engine)]


def _no_privileges(asset: Asset, can: Capabilities, dialect: str) -> Iterator[Problem]:
    told = set()
    for grant in asset.extras.grants or () if can.grants else ():
        unknown = can.privileges and grant.privilege not in can.privileges
        if unknown and grant.privilege not in told:
            told.add(grant.privilege)
            message = f"{dialect} has no privilege '{grant.privilege}' on a table"
            known = f"known: {', '.join(sorted(can.privileges))}"
            hint = did_you_mean(grant.privilege, can.privileges) or known
            yield Problem(NO_RIGHT, message, grant.key_at or grant.at or asset.at, hint)


def _no_roles(assets: Sequence[Asset], stored: Sequence[Asset], engine: Engine) -> list[Problem]:
    """None where a hook may make them first, and where the server does not say which it has."""
    asking = [asset for asset in stored if any(grant.role for grant in asset.extras.grants or ())]
    hooks = (sql for asset in assets for sql in (*asset.before, *asset.after))
    if not asking or not engine.can.grants or any(map(MAKES_ROLES.search, hooks)):
        return []
    if not isinstance(engine, KnowsRoles):
        return []
    try:
        roles = engine.roles()
    except EngineError:  # the step itself will say it
        return []
    return [problem for asset in asking for problem in unknown_roles(asset, roles)]
