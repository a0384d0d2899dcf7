"""A Spark in which nothing is, and that no server stands behind: for writing statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlpipes.core.engine import RelationType
from sqlpipes.core.sql import Relation
from sqlpipes.engines.spark.engine import SparkEngine, capabilities
from sqlpipes.engines.spark.place import Place
from sqlpipes.engines.spark.publishing import SparkPublishing


class BlankSpark(SparkEngine):
    """Spells names and statements as the real one does."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.can = capabilities(place)
        self.publishing = SparkPublishing(place.file_format, place.schema)
        self.catalog = place.catalog or "spark_catalog"

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
    """A connection over which nothing is said: the server alone could refuse a text."""

    def parse(self, sql: str) -> None:
        return

    def close(self) -> None:
        return
