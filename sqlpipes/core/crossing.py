"""Rows on their way from one engine to another: a stream, and what its columns are in words of both.

The words for types are DuckDB's, whatever stands on either side. A type travels in a form that Arrow
keeps whole, and is made of it again where it arrives; what has no equal there is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import Relation

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Stream:
    """`batches` is a pyarrow.RecordBatchReader that is read once; `columns` are (name, type)."""

    columns: tuple[tuple[str, str], ...]
    batches: Any


@runtime_checkable
class Carrier(Protocol):
    """A connection whose engine says that it `can.crosses`."""

    def give(self, sql: str) -> Stream:
        """The rows of a SELECT, in batches, never all of them in memory; the next `release` ends it.

        Raises EngineError XNG010 for a type, XNG011 for a value that no other engine could take.
        """

    def take(self, relation: Relation, stream: Stream) -> int:
        """The rows as a table that stands in the place of any of that name; how many.

        Raises EngineError XNG010 for a type that has no equal here.
        """


def refused_type(column: str, kind: str, hint: str) -> EngineError:
    message = f"the column '{column}' is of type {kind}, which cannot cross to another engine"
    return EngineError(Problem("XNG010", message, hint=hint))


def refused_value(column: str, kind: str, what: str, hint: str) -> EngineError:
    message = f"the column '{column}' ({kind}) has {what}, which cannot cross to another engine"
    return EngineError(Problem("XNG011", message, hint=hint))
