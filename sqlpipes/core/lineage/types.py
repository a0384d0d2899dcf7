"""Type texts <-> sqlglot's types, and the type of an expression whose columns' types are known.

An estimate for people and for lint: the engine's own catalog has the last word.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import TypeAnnotator
from sqlglot.schema import MappingSchema
from sqlglot.tokenizer_core import Token

from sqlpipes.core.sql.tokens import DEEPEST, is_too_deep

PLAIN = {
    exp.DType.INT: "INTEGER",
    exp.DType.TEXT: "VARCHAR",
}

LISTS = re.compile(r"(\[\d*\])+")  # of lists: `[][3][]`

Parsed = tuple[list[Token], list[Any]]


class Types:
    """Types of one dialect; remembers what it has read and written."""

    __slots__ = ("dialect", "dialect_name", "last", "read_types", "schema", "written")

    def __init__(self, dialect: str) -> None:
        self.dialect_name = dialect
        self.dialect = Dialect.get_or_raise(dialect)
        self.schema = MappingSchema(dialect=self.dialect)
        self.read_types: dict[str, Any] = {}
        self.written: dict[Any, str] = {}
        self.last: tuple[str, Parsed] | None = None

    def parse(self, text: str) -> Parsed:
        """Tokens and statements of a text, kept until the next one: whoever asks writes nothing into them.

        Raises SqlglotError, and RecursionError for what is nested too deeply.
        """
        if self.last is None or self.last[0] != text:
            tokens = self.dialect.tokenize(text)
            if is_too_deep(text, tokens):
                raise RecursionError("the query is nested too deeply for the parser")
            trees = self.dialect.parser().parse(tokens, text)
            self.last = text, (tokens, [tree for tree in trees if tree is not None])
        return self.last[1]

    def take(self, text: str) -> Parsed:
        """The same, for one who notes types in the trees: nobody else is given them afterwards."""
        found = self.parse(text)
        self.last = None
        return found

    def read(self, text: str | None) -> Any:
        """sqlglot's type for what an engine or a user wrote; None when it is not understood."""
        if text is None:
            return None
        if text not in self.read_types:
            found = self.read_types[text] = self._parse(text)
            if found is not None and found.expressions:
                self.written[found] = text
        return self.read_types[text]

    def write(self, type_: Any) -> str | None:
        """The type as the dialect spells it; None when unknown."""
        if type_ is None or type_.this in (exp.DType.UNKNOWN, exp.DType.NULL):
            return None
        key = type_.this if not type_.expressions and not type_.args.get("nested") else type_
        if key not in self.written:
            self.written[key] = self._spelt(type_)
        return self.written[key]

    def of(self, expression: Any) -> Any:
        """The type of an expression whose columns carry theirs; None when it cannot be told."""
        if isinstance(expression, exp.Paren):
            return self.of(expression.this)
        if isinstance(expression, (exp.Column, exp.Cast)):
            found = expression.args["to"] if isinstance(expression, exp.Cast) else expression.type
            return None if found is None or found.this is exp.DType.UNKNOWN else found
        try:
            annotator = TypeAnnotator(self.schema, overwrite_types=False)
            found = annotator.annotate(expression, annotate_scope=False).type
        except (SqlglotError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return None
        return None if found is None or found.this is exp.DType.UNKNOWN else found

    def field(self, struct: Any, name: str) -> Any:
        """The type of a struct's field."""
        for field in struct.expressions if struct is not None else ():
            if isinstance(field, exp.ColumnDef) and field.name.casefold() == name.casefold():
                return field.args.get("kind")
        return None

    def _parse(self, text: str) -> Any:
        if _depth(text) > DEEPEST:
            return None
        try:
            found = exp.DataType.build(text, dialect=self.dialect)
        except (SqlglotError, ValueError):
            return None
        return None if found.this is exp.DType.UNKNOWN else found

    def _spelt(self, type_: Any) -> str:
        if not type_.expressions and type_.this in PLAIN and self.dialect_name == "duckdb":
            return PLAIN[type_.this]
        return str(type_.sql(dialect=self.dialect))


def _depth(text: str) -> int:
    """How deep a type nests; one that nests without end would end the process.

    >>> _depth("INTEGER[][]"), _depth("STRUCT(a INTEGER[], b STRUCT(c DATE))"), _depth("DATE")
    (2, 2, 0)
    """
    nested = LISTS.sub(lambda row: "[" * row[0].count("[") + "]" * row[0].count("["), text)
    return max(accumulate((char in "[(<") - (char in "])>") for char in nested), default=0)


def is_struct(type_: Any) -> bool:
    return type_ is not None and type_.this is exp.DType.STRUCT


def is_list(type_: Any) -> bool:
    return type_ is not None and type_.this in (exp.DType.ARRAY, exp.DType.LIST)


def element(type_: Any) -> Any:
    """The type of a list's items."""
    return type_.expressions[0] if is_list(type_) and type_.expressions else None


def struct_fields(type_: Any) -> list[tuple[str, Any]]:
    """(name, type) of each field of a struct type."""
    return [(f.name, f.args.get("kind")) for f in type_.expressions if isinstance(f, exp.ColumnDef)]
