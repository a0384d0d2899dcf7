"""A Postgres in which nothing is, and that no server stands behind."""

from __future__ import annotations

from sqlpipes.core.config import Target
from sqlpipes.engines.offline import Offline
from sqlpipes.engines.postgres.engine import PostgresEngine


class BlankPostgres(Offline, PostgresEngine):
    """Spells names and statements as the real one does."""

    def __init__(self, target: Target) -> None:
        self.catalog = target.catalog
