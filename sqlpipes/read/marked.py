"""YAML text -> plain values, and the place of every key and value in the user's file.

Text resolves as in YAML 1.2: only true and false are booleans, so `values: [yes, no]` stays text;
dates stay text too. A document round-trips through plain JSON, which is how the facts cache keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem

MAX_DEPTH = 64
MAX_NODES = 500_000  # what aliases of aliases may unfold to
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
TRUES = frozenset({"true", "True", "TRUE"})
FALSES = frozenset({"false", "False", "FALSE"})

Mark = list[int]  # line, column and length of a value; then line and column of its key
Marks = Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a document. `path` is a JSON pointer; marks without that path fall back to its parent."""

    file: str
    marks: Marks
    path: str
    value: Plain

    @property
    def at(self) -> Location:
        """Where the value stands."""
        line, column, length = (self._mark() or [1, 1, 1])[:3]
        return Location(self.file, line, column, max(length, 1))

    @property
    def key_at(self) -> Location:
        """Where its key stands; where the value does when it has none."""
        mark = self._mark()
        if not mark or len(mark) < 5:
            return self.at
        return Location(self.file, mark[3], mark[4], max(len(self.key), 1))

    @property
    def key(self) -> str:
        return self.path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")

    def get(self, key: str) -> Node | None:
        """The value under a key; None when it is missing, empty, or this is no mapping."""
        if not isinstance(self.value, dict) or self.value.get(key) is None:
            return None
        return Node(self.file, self.marks, f"{self.path}/{escaped(key)}", self.value[key])

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a mapping, in order; nothing for any other value."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield key, Node(self.file, self.marks, f"{self.path}/{escaped(key)}", value)

    def items(self) -> Iterator[Node]:
        """The members of a list; the value itself when it is a single one; nothing when empty."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield Node(self.file, self.marks, f"{self.path}/{index}", value)
        elif self.value is not None:
            yield self

    def with_value(self, value: Plain) -> Node:
        """Another value in the same place."""
        return Node(self.file, self.marks, self.path, value)

    def _mark(self) -> Mark | None:
        path = self.path
        while path and path not in self.marks:
            path = path.rpartition("/")[0]
        return self.marks.get(path)


def escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key


def node_of(file: str, value: Plain, marks: Marks | None = None) -> Node:
    """The root of a document."""
    return Node(file, marks or {}, "", value)


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML text says. `value` is None when it is empty or cannot be read."""

    value: Plain
    marks: dict[str, Mark]
    problems: tuple[Problem, ...] = ()


def read_yaml(text: str, file: str, first_line: int = 1) -> Document:
    """Parse YAML that begins at `first_line` of `file`. Never raises: faults are YML001 and YML002."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # blank lines in front make every mark a line of the user's file
        root = yaml.compose("\n" * (first_line - 1) + text, loader)
        if root is None:
            return Document(None, {})
        return _Reader(file).document(root)
    except yaml.MarkedYAMLError as fault:
        return Document(None, {}, (_syntax_problem(fault, text, file, first_line),))
    except _Endless as fault:
        message = "this YAML is too deep, or its aliases contain themselves"
        return Document(None, {}, (Problem("YML001", message, Location(file, *fault.start)),))
    except (yaml.YAMLError, UnicodeEncodeError) as fault:
        reason = getattr(fault, "reason", str(fault))
        at = Location(file, first_line)
        return Document(None, {}, (Problem("YML001", f"this is not YAML: {reason}", at),))


def read_documents(text: str, file: str) -> list[Document]:
    """The documents of a YAML text that `---` parts, without the empty ones. Faults as in `read_yaml`."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        roots = [root for root in yaml.compose_all(text, loader) if root is not None]
        return [_Reader(file).document(root) for root in roots]
    except (yaml.YAMLError, UnicodeEncodeError, _Endless):
        return [read_yaml(text, file)]


def _syntax_problem(fault: Any, text: str, file: str, first_line: int) -> Problem:
    mark = fault.problem_mark or fault.context_mark
    at = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file, first_line)
    what = " ".join(part for part in (fault.context, fault.problem) if part)
    lines = text.splitlines()[max(at.line - first_line, 0) :]
    hint = None
    if lines and "\t" in lines[0][: at.column]:
        hint = "indent with spaces: YAML allows no tabs"
    elif "mapping values are not allowed" in what:
        hint = "put text that holds a colon in quotes"
    elif "but found another document" in what:
        hint = "one file holds one document: drop this line, or make it two files"
    return Problem("YML001", f"this is not YAML: {what}", at, hint)


class _Endless(Exception):
    def __init__(self, node: Any) -> None:
        super().__init__()
        self.start = _start(node)


class _Reader:
    """Walks composed nodes once and fills values and marks."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.marks: dict[str, Mark] = {}
        self.problems: list[Problem] = []
        self.count = 0

    def document(self, root: Any) -> Document:
        self.marks[""] = _place(root)
        value = self.value(root, "", 0)
        return Document(value, self.marks, tuple(self.problems))

    def value(self, node: Any, path: str, depth: int) -> Plain:
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            raise _Endless(node)
        if node.id == "scalar":
            return _scalar(node)
        if node.id == "sequence":
            return [self.member(item, f"{path}/{i}", depth) for i, item in enumerate(node.value)]
        return self.mapping(node, path, depth)

    def member(self, node: Any, path: str, depth: int) -> Plain:
        self.marks[path] = _place(node)
        return self.value(node, path, depth + 1)

    def mapping(self, node: Any, path: str, depth: int) -> dict[str, Plain]:
        found: dict[str, Plain] = {}
        merged: dict[str, Plain] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged |= self.merged(value, path, depth)
            elif key.id != "scalar":
                at = Location(self.file, *_start(key))
                self.problems.append(Problem("YML001", "a key must be plain text", at))
            elif key.value in found:
                self.repeated(key, f"{path}/{escaped(key.value)}")
            else:
                below = f"{path}/{escaped(key.value)}"
                self.marks[below] = [*_place(value), *_start(key)]
                found[key.value] = self.value(value, below, depth + 1)
        return merged | found if merged else found

    def merged(self, node: Any, path: str, depth: int) -> dict[str, Plain]:
        """The keys of `<<: *anchor` (or of a list of anchors, of which the first wins)."""
        found: dict[str, Plain] = {}
        for source in reversed(node.value if node.id == "sequence" else [node]):
            value = self.value(source, path, depth + 1)
            found |= value if isinstance(value, dict) else {}
        return found

    def repeated(self, key: Any, path: str) -> None:
        first = self.marks[path]
        self.problems.append(
            Problem(
                "YML002",
                f"the key '{key.value}' stands twice in one place",
                Location(self.file, *_start(key), len(key.value)),
                "keep one of them",
                others=(Location(self.file, first[3], first[4], len(key.value)),),
            )
        )


def _start(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _place(node: Any) -> Mark:
    start, end = node.start_mark, node.end_mark
    length = end.column - start.column if start.line == end.line else 1
    return [start.line + 1, start.column + 1, length]


def _scalar(node: Any) -> Plain:
    text: str = node.value
    tag = node.tag.rpartition(":")[2]
    if node.style or tag in ("str", "timestamp", "binary"):
        return text
    if text in NULLS:
        return None
    if tag == "bool":
        return True if text in TRUES else False if text in FALSES else text
    return _number(text) if tag in ("int", "float") else text


def _number(text: str) -> Plain:
    """
    >>> _number("12"), _number("0.5"), _number("12:30"), _number(".inf")
    (12, 0.5, '12:30', '.inf')
    """
    for kind in (int, float):
        try:
            return kind(text) if "n" not in text.casefold() else text
        except ValueError:
            continue
    return text
