"""What is the same of every engine that no database stands behind: for writing statements, nothing runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlpipes.core.engine import RelationType
from sqlpipes.core.sql import Relation


class Offline:
    """Before a real engine's class: names and statements are spelled by that, and nobody is asked."""

    def connect(self) -> Any:
        return Speechless()

    def relations(self) -> Mapping[Relation, RelationType]:
        return {}

    def all_columns(self) -> Mapping[Relation, tuple[tuple[str, str], ...]]:
        return {}

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        return

    def close(self) -> None:
        return


class Speechless:
    """A connection over which nothing is said: the database alone could refuse a text."""

    def parse(self, sql: str) -> None:
        return

    def columns(self, relation: Relation) -> None:
        return None

    def close(self) -> None:
        return
