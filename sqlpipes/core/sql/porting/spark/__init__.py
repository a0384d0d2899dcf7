"""DuckDB's nodes -> as Spark says them, or what of them it cannot say.

Spark is meant as sqlpipes sets its sessions: ANSI rules, UTC, and no digits of decimals lost (`SETTINGS`).
"""

from __future__ import annotations

from types import MappingProxyType

from sqlpipes.core.sql.porting.spark.aggregates import AGGREGATES
from sqlpipes.core.sql.porting.spark.casts import CASTS
from sqlpipes.core.sql.porting.spark.numbers import NUMBERS
from sqlpipes.core.sql.porting.spark.relations import RELATIONS
from sqlpipes.core.sql.porting.spark.texts import TEXTS
from sqlpipes.core.sql.porting.spark.times import TIMES

RULES = MappingProxyType({**AGGREGATES, **CASTS, **NUMBERS, **RELATIONS, **TEXTS, **TIMES})
