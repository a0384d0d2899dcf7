"""Spans of names -> References and FileReferences, with places in the user's file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType

from sqlpipes.core.sql.relation import FileReference, Reference
from sqlpipes.core.sql.text import Lines
from sqlpipes.core.sql.tokens import STRINGS, is_name, may_name
from sqlpipes.core.sql.vocabulary import READERS

_LOOKS_LIKE_FILE = re.compile(
    r"[*?\[]|^[a-z0-9]+://|^[./~]"
    r"|\.(csv|tsv|txt|parquet|json|jsonl|ndjson|avro|xlsx|arrow|feather|orc|duckdb|db)(\.(gz|zst|bz2|zip))?$",
    re.IGNORECASE,
)
_FORMAT_FIRST = frozenset({"spark", "databricks", "hive", "spark2"})
_FORMATS = frozenset({"parquet", "csv", "json", "orc", "avro", "delta", "text", "binaryfile"})


def reference(
    parts: Sequence[tuple[str, bool]], span: tuple[int, int], lines: Lines, alias: str | None
) -> Reference:
    """A Reference of (name, quoted) parts, catalog first; of four and more the last three stay."""
    kept = parts[-3:]
    at = lines.place(span[0])
    names, quoted = tuple([p[0] for p in kept]), tuple([p[1] for p in kept])
    return Reference(names, quoted, span[0], span[1], at.line, at.column, alias or None)


def split_files(
    found: Sequence[Reference], dialect: str
) -> tuple[list[Reference], list[FileReference]]:
    """Those that name tables, and those that name files: from 'x.parquet', from parquet.`x/*`."""
    tables: list[Reference] = []
    files: list[FileReference] = []
    for r in found:
        if _is_file(r, dialect):
            named = len(r.parts) == 1
            place = (r.start, r.end, r.line, r.column)
            files.append(FileReference(r.parts[-1], *place, named, r.alias if named else None))
        else:
            tables.append(r)
    return tables, files


def _is_file(r: Reference, dialect: str) -> bool:
    if dialect == "duckdb":
        return len(r.parts) == 1 and r.quoted[0] and _LOOKS_LIKE_FILE.search(r.parts[0]) is not None
    by_format = dialect in _FORMAT_FIRST and len(r.parts) == 2
    return by_format and r.parts[0].lower() in _FORMATS and r.quoted[1]


def read_files(text: str, tokens: Sequence[Token], lines: Lines) -> Iterator[FileReference]:
    """The constant patterns given to functions that read files; a span is the quoted pattern's."""
    if not may_name(text, READERS):
        return
    names = [token.text.lower() for token in tokens[:-2]]
    for index, name in enumerate(names):
        if name in READERS and _opens(tokens[index + 1]):
            for token in constant_strings(tokens, index + 2):
                at = lines.place(token.start)
                yield FileReference(token.text, token.start, token.end + 1, at.line, at.column)


def _opens(token: Token) -> bool:
    return token.token_type is TokenType.L_PAREN


def constant_strings(tokens: Sequence[Token], start: int) -> list[Token]:
    """The strings of a first argument 'x' or ['x', 'y'] that begins at token `start`; [] if it is none."""
    listed = tokens[start].token_type is TokenType.L_BRACKET
    index = start + listed
    found: list[Token] = []
    while index < len(tokens) and tokens[index].token_type in STRINGS:
        found.append(tokens[index])
        index += 1
        if listed and index < len(tokens) and tokens[index].token_type is TokenType.COMMA:
            index += 1
        else:
            break
    if listed:
        closed = index < len(tokens) and tokens[index].token_type is TokenType.R_BRACKET
        index += closed
        if not closed:
            return []
    after = tokens[index].token_type if index < len(tokens) else None
    return found if after in (TokenType.R_PAREN, TokenType.COMMA) else []


def read_name(tokens: Sequence[Token], start: int) -> int:
    """The index behind a dotted name that begins at token `start`; `start` itself when there is none."""
    index = start
    while index < len(tokens) and (is_name(tokens[index]) or _is_string_name(tokens, start, index)):
        index += 1
        if index + 1 < len(tokens) and tokens[index].token_type is TokenType.DOT:
            index += 1
        else:
            break
    return index


def _is_string_name(tokens: Sequence[Token], start: int, index: int) -> bool:
    return index == start and tokens[index].token_type is TokenType.STRING


def name_parts(tokens: Sequence[Token]) -> list[tuple[str, bool]]:
    """(name, quoted) of each part of a dotted name; one quoted BigQuery name may hold all parts."""
    named = [token for token in tokens if token.token_type is not TokenType.DOT]
    return [
        (t.text, t.token_type is TokenType.IDENTIFIER or t.token_type in STRINGS) for t in named
    ]
