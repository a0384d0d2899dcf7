"""The text of a .sql file -> its front matter (YAML) and the query after it, each with its place."""

from __future__ import annotations

import re

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem

# patterns stay text: compiling them costs every start, and a warm one splits no file
OPENING = r"/\*+\s*(---)[ \t]*(?:\n|\r\n?|\Z)"
CLOSING = r"(?m)^[ \t]*(---)[ \t]*(?=\r?$|\*/)"
COMMENT_END = r"(?m)^[ \t]*\*/"
BARE = r"(?ms)\s*(---)[ \t]*\r?\n[ \t]*[\w-]+:.*?^---[ \t]*\r?$"


@dataclass(frozen=True, slots=True)
class SqlFile:
    """A .sql file in two parts. `yaml` is None without front matter; lines and columns count from 1."""

    body: str
    body_line: int = 1
    body_column: int = 1
    yaml: str | None = None
    yaml_line: int = 1
    problems: tuple[Problem, ...] = ()


def split_front_matter(text: str, file: str) -> SqlFile:
    """Split off the YAML between two `---` lines that open the file's first `/* */` comment.

    The fences may share a line with the comment's ends: `/* ---` and `--- */`. A fence that is never
    closed is FRM001, and the whole comment is taken for the front matter; fences without a comment
    around them are FRM002.

    >>> found = split_front_matter("/*\\n---\\nowner: me\\n---\\n*/\\nselect 1", "a.sql")
    >>> found.yaml, found.yaml_line, found.body, found.body_line
    ('owner: me\\n', 3, 'select 1', 6)
    """
    opening = re.compile(OPENING).match(text, _after_blank(text))
    if opening is None:
        return SqlFile(text, problems=_without_comment(text, file))
    at = Location(file, *_place(text, opening.start(1)), length=3)
    closing = re.compile(CLOSING).search(text, opening.end())
    line_end = re.compile(COMMENT_END).search(text, opening.end())
    if closing and line_end and line_end.start() < closing.start():
        closing = None  # that `---` belongs to the query
    end = text.find("*/", closing.end() if closing else opening.end())
    problems = () if closing and end >= 0 else (_unclosed(at),)
    if end < 0:
        return SqlFile("", *_place(text, len(text)), problems=problems)
    body = _body_start(text, end + 2)
    yaml = text[opening.end() : closing.start(1) if closing else end]
    line = _place(text, opening.end())[0]
    return SqlFile(text[body:], *_place(text, body), yaml, line, problems)


def _unclosed(at: Location) -> Problem:
    hint = "close it with a line `---`, then `*/`"
    return Problem("FRM001", "this front matter is never closed", at, hint)


def _without_comment(text: str, file: str) -> tuple[Problem, ...]:
    """FRM002 for a file that begins as a Markdown page does: to a database that is no SQL."""
    found = re.match(BARE, text)
    if found is None:
        return ()
    at = Location(file, *_place(text, found.start(1)), length=3)
    hint = "write `/*` before the first `---` and `*/` after the second"
    return (Problem("FRM002", "front matter must stand in a comment", at, hint),)


def _after_blank(text: str) -> int:
    """Past a byte order mark, white space and line comments."""
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith("--", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end + 1
        else:
            break
    return at


def _body_start(text: str, at: int) -> int:
    """The next line when nothing else stands on the line of the closing `*/`."""
    end = text.find("\n", at)
    return end + 1 if end >= 0 and not text[at:end].strip() else at


def _place(text: str, at: int) -> tuple[int, int]:
    line = text.count("\n", 0, at) + 1
    return line, at - (text.rfind("\n", 0, at) + 1) + 1
