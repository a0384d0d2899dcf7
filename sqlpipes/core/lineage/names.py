"""The name that DuckDB gives to an expression without an alias: its own rendering of the parsed text.

Only what is proven against DuckDB is rendered; everything else has no certain name here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from sqlpipes.core.lineage.keywords import KEYWORDS
from sqlpipes.core.lineage.places import Places

BINARY = {
    "or": 1, "and": 2, "=": 4, "<>": 4, "!=": 4, "==": 4, "<": 4, ">": 4, "<=": 4, ">=": 4, "||": 6,
    "+": 7, "-": 7, "*": 8, "/": 8, "//": 8, "%": 8, "^": 9, "**": 9,
}  # fmt: skip
SPELT = {"<>": "!=", "==": "=", "and": "AND", "or": "OR"}
KEYWORD_TYPES = {
    "int": "INTEGER", "integer": "INTEGER", "bigint": "BIGINT", "smallint": "SMALLINT", "real": "FLOAT",
    "float": "FLOAT", "varchar": "VARCHAR", "decimal": "DECIMAL", "numeric": "DECIMAL", "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}  # fmt: skip
OTHER_TYPES = frozenset(
    {"date", "double", "text", "string", "timestamptz", "hugeint", "tinyint", "uuid", "json"}
)
BARE = frozenset(
    {"current_date", "current_timestamp", "current_time", "current_user", "session_user", "localtime",
     "localtimestamp"}
)  # fmt: skip
LITERALS = {"null": "NULL", "true": "true", "false": "false"}
NO_FUNCTIONS = frozenset(
    {
        "select", "exists", "array", "interval", "extract", "any", "all", "grouping", "columns", "from",
        "unpack", "lambda", "row", "struct", "map", "position", "substring", "trim", "overlay", "values",
        "with", "distinct", "try", "collation", "ceil", "ceiling", "not", "and", "or", "in", "is",
    }
)  # fmt: skip
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class NotRendered(Exception):
    """This expression's name is not known here."""


def duckdb_name(node: Any, places: Places, offset: int | None) -> str | None:
    """The name of the column of an expression that stands around `offset`; None when it is not certain."""
    segment = places.segment(offset) if offset is not None else None
    if segment is None or node.find(exp.Query) is not None:
        return None
    return rendered(places.tokens[segment.first : segment.last + 1])


def rendered(tokens: list[Token]) -> str | None:
    """DuckDB's rendering of an expression's tokens; None when it is not certain."""
    try:
        renderer = _Renderer(tokens)
        text = renderer.expression(0)
        return text if renderer.at == len(tokens) else None
    except (NotRendered, RecursionError):
        return None


def call_name(node: Any, places: Places) -> str | None:
    """The name of a function call that is no item of a list; None when it is not certain."""
    start = node.meta.get("start")
    if start is None:
        return None
    i = bisect_left(places.tokens, start, key=lambda token: token.start)
    depth = 0
    for j in range(i, len(places.tokens)):
        text = places.tokens[j].text
        depth += (text == "(") - (text == ")")
        if depth == 0 and text == ")":
            return rendered(places.tokens[i : j + 1])
    return None


class _Renderer:
    """Reads tokens by precedence and writes them as DuckDB would."""

    __slots__ = ("at", "tokens")

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def expression(self, least: int) -> str:
        left = self.prefix()
        while True:
            if self.take("::"):
                left = f"CAST({left} AS {self.type()})"
                continue
            if self.take("["):
                left = f"{left}[{self.expression(0)}]"
                self.need("]")
                continue
            step = self.binary if self.peek() in BINARY else self.predicate
            done = step(left, least)
            if done is None:
                return left
            left = done

    def binary(self, left: str, least: int) -> str | None:
        operator = self.peek()
        power = BINARY[operator]
        if power < least:
            return None
        self.at += 1
        if operator in ("and", "or"):
            return self.chain(left, operator, power)
        return f"({left} {SPELT.get(operator, operator)} {self.expression(power + 1)})"

    def chain(self, left: str, operator: str, power: int) -> str:
        """a AND b AND c is one list of three."""
        items = [left, self.expression(power + 1)]
        while self.take(operator):
            items.append(self.expression(power + 1))
        if any(f" {SPELT[operator]} " in item for item in items):
            raise NotRendered
        return "(" + f" {SPELT[operator]} ".join(items) + ")"

    def predicate(self, left: str, least: int) -> str | None:
        """IS NULL, IN, BETWEEN, LIKE after their operand."""
        start = self.at
        if least > 5:
            return None
        if self.take("is"):
            word = "IS NOT" if self.take("not") else "IS"
            self.need("null")
            return f"({left} {word} NULL)"
        negated = self.take("not")
        for word, reader in self.predicates().items():
            if self.take(word):
                return reader(left, negated)
        self.at = start
        return None

    def predicates(self) -> dict[str, Callable[[str, bool], str]]:
        return {"in": self.inside, "between": self.between, "like": self.like}

    def inside(self, left: str, negated: bool) -> str:
        self.need("(")
        return _negated(f"({left} IN ({', '.join(self.items(')'))}))", negated)

    def between(self, left: str, negated: bool) -> str:
        low = self.expression(6)
        self.need("and")
        return _negated(f"({left} BETWEEN {low} AND {self.expression(6)})", negated)

    def like(self, left: str, negated: bool) -> str:
        return f"({left} {'!~~' if negated else '~~'} {self.expression(6)})"

    def prefix(self) -> str:
        token = self.next()
        text = token.text
        if token.token_type is TokenType.NUMBER:
            return text
        if token.token_type is TokenType.STRING:
            return "'" + text.replace("'", "''") + "'"
        if text == "(":
            inner = self.expression(0)
            self.need(")")
            return inner
        if text == "-":
            return self.minus()
        if text == "[":
            return f"list_value({', '.join(self.items(']'))})"
        if token.token_type is TokenType.IDENTIFIER:
            return self.name(token)
        return self.word(token)

    def minus(self) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at].token_type is TokenType.NUMBER:
            return "-" + self.next().text
        return f"(-({self.expression(10)}))"

    def word(self, token: Token) -> str:
        text = token.text.lower()
        if text in LITERALS and self.peek() != "(":
            return LITERALS[text]
        if text in BARE and len(self.tokens) == 1:
            return text
        if text == "not":
            return f"(NOT {self.expression(4)})"
        if text == "case":
            return self.case()
        if text in ("cast", "try_cast") and self.take("("):
            return self.cast(text.upper())
        if not PLAIN_NAME.match(token.text):
            raise NotRendered
        if self.peek() == "(":
            return self.call(text)
        if token.token_type is not TokenType.VAR and text in NO_FUNCTIONS:
            raise NotRendered
        return self.name(token)

    def name(self, token: Token) -> str:
        parts = [_quoted(token.text)]
        while self.take("."):
            parts.append(_quoted(self.next().text))
        if self.peek() == "(":
            raise NotRendered
        return ".".join(parts)

    def case(self) -> str:
        subject = None if self.peek() == "when" else self.expression(0)
        text = "CASE "
        while self.take("when"):
            condition = self.expression(0)
            if subject is not None:
                condition = f"({subject} = {condition})"
            self.need("then")
            text += f" WHEN ({condition}) THEN ({self.expression(0)})"
        text += f" ELSE {self.expression(0)}" if self.take("else") else " ELSE NULL"
        self.need("end")
        return text + " END"

    def cast(self, word: str) -> str:
        inner = self.expression(0)
        self.need("as")
        text = f"{word}({inner} AS {self.type()})"
        self.need(")")
        return text

    def type(self) -> str:
        written = self.next().text
        name = KEYWORD_TYPES.get(written.lower())
        if name is None:
            if written.lower() not in OTHER_TYPES:
                raise NotRendered
            name = written
        if self.take("("):
            name += f"({', '.join(self.items(')'))})"
        return name

    def call(self, name: str) -> str:
        if name in NO_FUNCTIONS:
            raise NotRendered
        self.need("(")
        if name == "count" and (self.take_all("*", ")") or self.take(")")):
            inner = "count_star()"
        else:
            distinct = "DISTINCT " if self.take("distinct") else ""
            shown = "COALESCE" if name in ("coalesce", "ifnull") else _quoted(name)
            inner = f"{shown}({distinct}{self.arguments()})"
        if self.take_all("filter", "(", "where") or self.take_all("filter", "("):
            inner += f" FILTER (WHERE {self.expression(0)})"
            self.need(")")
        return self.over(inner) if self.take_all("over", "(") else inner

    def arguments(self) -> str:
        if self.take(")"):
            return ""
        text = ", ".join(self.list_of(self.expression))
        if self.take("order by"):
            text += " ORDER BY " + ", ".join(self.list_of(self.ordered))
        self.need(")")
        return text

    def over(self, call: str) -> str:
        parts = []
        if self.take("partition by"):
            parts.append("PARTITION BY " + ", ".join(self.list_of(self.expression)))
        if self.take("order by"):
            parts.append("ORDER BY " + ", ".join(self.list_of(self.ordered)))
        self.need(")")
        called = "count()" if call == "count_star()" else call
        return f"{called} OVER ({' '.join(parts)})"

    def ordered(self, least: int) -> str:
        text = self.expression(least)
        if self.take("desc"):
            return text + " DESC"
        return text + " ASC" if self.take("asc") else text

    def list_of(self, item: Callable[[int], str]) -> list[str]:
        found = [item(0)]
        while self.take(","):
            found.append(item(0))
        return found

    def items(self, end: str) -> list[str]:
        if self.take(end):
            return []
        found = self.list_of(self.expression)
        self.need(end)
        return found

    def peek(self) -> str:
        if self.at >= len(self.tokens):
            return ""
        token = self.tokens[self.at]
        quoted = token.token_type in (TokenType.STRING, TokenType.IDENTIFIER)
        return "" if quoted else " ".join(token.text.lower().split())

    def next(self) -> Token:
        if self.at >= len(self.tokens):
            raise NotRendered
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, text: str) -> bool:
        if self.peek() != text:
            return False
        self.at += 1
        return True

    def take_all(self, *texts: str) -> bool:
        start = self.at
        if all(self.take(text) for text in texts):
            return True
        self.at = start
        return False

    def need(self, text: str) -> None:
        if not self.take(text):
            raise NotRendered


def _negated(text: str, negated: bool) -> str:
    return f"(NOT {text})" if negated else text


def _quoted(name: str) -> str:
    """Every keyword is quoted, reserved or not."""
    if PLAIN_NAME.match(name) and name.lower() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'
