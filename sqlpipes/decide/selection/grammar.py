"""The text of a selection -> a tree of terms, each with its place. No graph is looked at here.

    expression    := intersection (SPACE intersection)*          any of them
    intersection  := term ("," term)*                            all of them; binds tighter
    term          := ["@"] [[DEPTH] "+"] [METHOD ":"] VALUE ["+" [DEPTH]]

A value that holds a space, a comma or a plus stands in double quotes: `path:"models/my folder"`. A
double quote of its own is doubled in them: `"5"" pipes"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem

UNBOUNDED = -1
FILE_ENDINGS = (".sql", ".py", ".csv", ".parquet", ".json", ".yml", ".yaml")
MODES = ("eager", "cautious", "buildable", "empty")

_TERM = re.compile(
    r"""(?P<around>@)?
        (?:(?P<parents>\d*)\+)?
        (?:(?P<method>[\w.\-]+):(?P<asked>"(?:[^"]|"")*"|.*?)|(?P<value>"(?:[^"]|"")*"|.+?))
        (?P<plus>\+(?P<children>\d*))?""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_MISPLACED = (  # what no unquoted value holds; '@' only as its first letter, for e-mails have one
    ("+", "a space or a comma parts two names; a name with a plus needs double quotes"),
    ("@", "'@' comes first: '@orders'"),
    ('"', "a quoted value is quoted from its first letter to its last, and doubles its own quotes"),
)
_SPACE_HINT = "no space stands beside a comma: 'a,b' is what is in both, 'a b' what is in either"


@dataclass(frozen=True, slots=True)
class Term:
    """One question to the graph, `config.meta.team:x+2` being method config, argument meta.team.

    `parents` and `children` count steps: 0 none, UNBOUNDED all. `around` is `@`.
    `indirect` overrides how checks come along with the assets.
    """

    method: str
    value: str
    text: str
    at: Location
    argument: str = ""
    parents: int = 0
    children: int = 0
    around: bool = False
    indirect: str | None = None


@dataclass(frozen=True, slots=True)
class Union:
    """What any of `parts` selects."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    """What all of `parts` select."""

    parts: tuple[Tree, ...]
    text: str
    at: Location


@dataclass(frozen=True, slots=True)
class Difference:
    """What `keep` selects and `drop` does not."""

    keep: Tree
    drop: Tree


Tree = Term | Union | Intersection | Difference


def parse_arguments(
    arguments: Sequence[str], flag: str
) -> tuple[tuple[Tree, ...], tuple[Problem, ...]]:
    """The values of a repeated flag. A place is line = which of them, from 1, and its column there."""
    trees: list[Tree] = []
    problems: list[Problem] = []
    for line, text in enumerate(arguments, start=1):
        found, faults = parse_expression(text, Location(flag, line))
        trees += found
        problems += faults
    return tuple(trees), tuple(problems)


def parse_expression(
    text: str, at: Location, *, inner_columns: bool = True
) -> tuple[tuple[Tree, ...], tuple[Problem, ...]]:
    """The intersections of one expression. `at` is where it begins.

    `inner_columns` False: the text's own columns are unknown (YAML), every fault is put at `at`.
    """
    problems: list[Problem] = []
    trees: list[Tree] = []
    if text.count('"') % 2:
        place = _place(at, text.rindex('"'), 1, inner_columns)
        return (), (Problem("SEL003", f"'{text}': a quote is never closed", place),)
    for start, word in _split(text, " "):
        place = _place(at, start, len(word), inner_columns)
        found = [
            _term(part, _place(at, start + offset, len(part), inner_columns), text)
            for offset, part in _split(word, ",")
        ]
        terms = [term for term in found if isinstance(term, Term)]
        problems += (fault for fault in found if isinstance(fault, Problem))
        whole = 1 < len(terms) == len(found)  # of a broken one each part is still worth asking
        trees += [Intersection(tuple(terms), word, place)] if whole else terms
    if not trees and not problems:
        hint = "leave the flag out to select everything"
        problems.append(Problem("SEL003", "the selector is empty", at, hint))
    return tuple(trees), tuple(problems)


def union(parts: Sequence[Tree]) -> Tree:
    """`parts` as one tree; there is at least one."""
    return parts[0] if len(parts) == 1 else Union(tuple(parts))


def less(keep: Tree, drop: Sequence[Tree]) -> Tree:
    """`keep` without any of `drop`, which may be empty."""
    return Difference(keep, union(drop)) if drop else keep


def split_method(method: str) -> tuple[str, str]:
    """
    >>> split_method("config.meta.team"), split_method("tag")
    (('config', 'meta.team'), ('tag', ''))
    """
    name, _, argument = method.partition(".")
    return name, argument


def quoted(value: str) -> str:
    """A value as it is typed, whatever is in it.

    >>> quoted('5" pipes, bent'), unquoted(quoted('5" pipes, bent'))
    ('"5"" pipes, bent"', '5" pipes, bent')
    """
    return '"' + value.replace('"', '""') + '"'


def unquoted(value: str) -> str:
    return value[1:-1].replace('""', '"') if _QUOTED.fullmatch(value) else value


def default_method(value: str) -> str:
    """What a value means without a method.

    >>> [default_method(v) for v in ("orders", "models/staging", "orders.sql", "stg_*")]
    ['fqn', 'path', 'file', 'fqn']
    """
    if "/" in value or "\\" in value:
        return "path"
    return "file" if value.endswith(FILE_ENDINGS) else "fqn"


def _split(text: str, mark: str) -> Iterator[tuple[int, str]]:
    """(offset, part), parted at `mark` outside of quotes. Empty parts are left out between spaces only.

    >>> list(_split('a  "b c",d', " ")), list(_split("a,,b", ","))
    ([(0, 'a'), (3, '"b c",d')], [(0, 'a'), (2, ''), (3, 'b')])
    """
    start, quoted = 0, False
    for i, letter in enumerate(text + mark):
        if letter == '"':
            quoted = not quoted
        elif not quoted and (letter.isspace() if mark == " " else letter == mark):
            if i > start or mark != " ":
                yield start, text[start:i]
            start = i + 1


def _term(part: str, at: Location, whole: str) -> Term | Problem:
    match = _TERM.fullmatch(part)
    if match is None:
        missing = "a selector is missing beside ','" if "," in whole else "no name to select"
        return Problem("SEL003", f"'{whole}': {missing}", at, _SPACE_HINT if "," in whole else None)
    method = match["method"]
    value = match["value"] if method is None else match["asked"]
    fault = _fault(match, value, part, at)
    if fault is not None:
        return fault
    value = unquoted(value)
    name, argument = split_method(method or default_method(value))
    return Term(
        method=name,
        argument=argument,
        value=value,
        text=part,
        at=at,
        parents=_depth(match["parents"]),
        children=_depth(match["children"]),
        around=bool(match["around"]),
    )


def _fault(match: re.Match[str], value: str, part: str, at: Location) -> Problem | None:
    """What the grammar's pattern lets through and a person cannot have meant."""
    if match["around"] and match["plus"]:
        message = "'@' and a trailing '+' exclude each other"
        hint = (
            f"'@x' is x, all below it and all that they read; write '{part.rstrip('0123456789+')}'"
        )
        return _mark(message, part, match.start("plus"), at, hint)
    if not _QUOTED.fullmatch(value):
        offset = match.start("value" if match["method"] is None else "asked")
        if value == "+":
            return _mark("a name is missing beside '+'", part, offset, at, "such as '+orders'")
        for sign, hint in _MISPLACED:
            if sign in (value[:1] if sign == "@" else value):
                message = f"'{sign}' cannot stand there"
                return _mark(message, part, offset + value.index(sign), at, hint)
        if match["method"] is None and value.startswith(":"):
            return _mark("a method is missing before ':'", part, offset, at, "such as 'tag:'")
    if not unquoted(value) and match["method"] != "stale":
        method = f"'{match['method']}:'" if match["method"] else "the quotes"
        return _mark(f"a value is missing in {method}", part, len(part), at, None)
    return None


def _mark(message: str, part: str, offset: int, at: Location, hint: str | None) -> Problem:
    """A fault at one letter of `part`, which stands at `at`."""
    inner = at.length == len(part) and at.length > 0
    place = Location(at.file, at.line, at.column + offset, 1) if inner else at
    return Problem("SEL003", f"'{part}': {message}", place, hint)


def _place(at: Location, offset: int, length: int, inner: bool) -> Location:
    return Location(at.file, at.line, at.column + offset, max(length, 1)) if inner else at


def _depth(digits: str | None) -> int:
    """'+' without a number is UNBOUNDED, no '+' is 0."""
    if digits is None:
        return 0
    return int(digits) if digits else UNBOUNDED
