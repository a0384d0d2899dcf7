"""Spark 4 as a warehouse, over Spark Connect: the server is the user's, the client is light.

Importing this imports no client. Statements go through `SparkSession.sql`, rows come and go as Arrow.
"""

from __future__ import annotations

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engine
from sqlpipes.core.errors import EngineError, Problem

__all__ = ["blank", "exists", "is_shared", "open_engine", "stamp"]

CLIENT = ("pyspark.sql.connect", "grpc", "grpc_status", "pandas", "pyarrow", "zstandard")


def open_engine(target: Target, root: str, *, read_only: bool = False, wait_s: float = 0) -> Engine:
    """See `sqlpipes.engines.open_engine`."""
    from sqlpipes.engines.spark.place import place_of

    place = place_of(target)
    _demand_client(target)
    from sqlpipes.engines.spark.engine import open_spark

    return open_spark(target, place, wait_s=wait_s)


def blank(target: Target, root: str) -> Engine:
    """See `sqlpipes.engines.blank`: no server is asked, and no client is needed."""
    from sqlpipes.engines.spark.offline import BlankSpark
    from sqlpipes.engines.spark.place import place_of

    return BlankSpark(place_of(target))


def exists(target: Target, root: str) -> bool:
    """A server is always there to be looked into; that it does not answer is found on opening."""
    return True


def stamp(target: Target, root: str) -> str | None:
    """A server has no file to look at: whether others have written is asked each time."""
    return None


def is_shared(target: Target) -> bool:
    """Without transactions a lease cannot keep who was asleep from publishing: one build at a time."""
    return False


def _demand_client(target: Target) -> None:
    from importlib.util import find_spec

    for name in CLIENT:
        try:
            found = find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            message = f"the target '{target.name}' is a Spark, whose client is not installed"
            hint = f"pip install 'sqlpipes[spark]' ({name} is missing)"
            raise EngineError(Problem("ENG001", message, hint=hint))
