"""A Spark in which nothing is, and that no server stands behind."""

from __future__ import annotations

from sqlpipes.engines.offline import Offline
from sqlpipes.engines.spark.engine import SparkEngine, capabilities
from sqlpipes.engines.spark.place import Place
from sqlpipes.engines.spark.publishing import SparkPublishing


class BlankSpark(Offline, SparkEngine):
    """Spells names and statements as the real one does."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.can = capabilities(place)
        self.publishing = SparkPublishing(place.file_format, place.schema)
        self.catalog = place.catalog or "spark_catalog"
