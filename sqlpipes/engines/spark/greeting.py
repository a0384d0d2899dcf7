"""Somebody listens -> a Connect server of Spark 4, or a fault that says what it is instead.

By itself the client goes on asking for ten minutes, and gRPC writes each failure to the terminal.
"""

from __future__ import annotations

import os
import re
from typing import Any

from sqlpipes.engines.spark.faults import mute_error, opening_error, version_error
from sqlpipes.engines.spark.place import Place

OLDEST = 4
LOUDNESS = "GRPC_VERBOSITY"  # read once, when the first channel is opened


def greet(place: Place) -> None:
    """Raises EngineError ENG062, or ENG063 for TLS, when no connection of gRPC comes about in time."""
    os.environ.setdefault(LOUDNESS, "NONE")
    import grpc  # type: ignore[import-untyped, unused-ignore]
    from pyspark.sql.connect.client import DefaultChannelBuilder

    try:
        channel = DefaultChannelBuilder(place.url).toChannel()
    except Exception as error:
        raise opening_error(str(error), place) from None
    try:
        grpc.channel_ready_future(channel).result(timeout=place.timeout_s)
    except grpc.FutureTimeoutError:
        raise mute_error(place) from None
    finally:
        channel.close()


def demand_version(session: Any, place: Place) -> None:
    """The first real question. Raises EngineError ENG064 for a token that is refused, SPK002 for Spark 3."""
    try:
        version = str(session.version)
    except Exception as error:
        raise opening_error(str(error), place) from None
    found = re.match(r"\d+", version)
    if found and int(found[0]) < OLDEST:
        raise version_error(version, place)
