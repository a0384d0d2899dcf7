"""YAML selectors as plain values -> trees of terms, and what is wrong with them.

An entry is dbt's `{name, description, default, definition}`, or the definition alone:

    "tag:nightly+ path:models/marts"                                 the command line's form
    {tag: nightly}                                                   one method and its value
    {method: tag, value: nightly, children: true, exclude: [...]}    with operators
    {union: [definition, ..., {exclude: [...]}]}                     or intersection
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlpipes.core.errors import Location, Problem, did_you_mean

from .grammar import (
    MODES,
    UNBOUNDED,
    Intersection,
    Term,
    Tree,
    less,
    parse_expression,
    split_method,
    union,
)
from .methods import fault_of

ENTRY_KEYS = ("name", "description", "default", "definition")
NO_PLACES: Mapping[str, Location] = MappingProxyType({})
GROUPS = ("union", "intersection")
TERM_KEYS = (
    "method",
    "value",
    "parents",
    "parents_depth",
    "children",
    "children_depth",
    "childrens_parents",
    "indirect_selection",
    "exclude",
)


def parse_definition(
    name: str, entry: Any, at: Location
) -> tuple[Tree | None, tuple[Problem, ...]]:
    """The tree of the selector that stands `at`; None with at least one problem."""
    reading = _Reading(name, at)
    tree: Tree | None = None
    if isinstance(entry, Mapping) and ("definition" in entry or "name" in entry):
        reading.keys(entry, ENTRY_KEYS, "a selector")
        if "definition" in entry:
            tree = reading.tree(entry["definition"])
        else:
            reading.fault("'definition' is missing", "such as `definition: 'tag:nightly+'`")
    else:
        tree = reading.tree(entry)
    return (None if reading.problems else tree), tuple(reading.problems)


def default_selector(
    selectors: Mapping[str, Any], places: Mapping[str, Location] = NO_PLACES
) -> tuple[str | None, tuple[Problem, ...]]:
    """The selector marked `default: true`, else the one named `default`; two marks are a problem."""
    said = {
        name: _truth(entry["default"])
        for name, entry in selectors.items()
        if isinstance(entry, Mapping) and "default" in entry and "definition" in entry
    }
    marked = [name for name, default in said.items() if default]
    if len(marked) > 1:
        message = "several selectors say `default: true`: " + ", ".join(marked)
        others = tuple(place_of(name, places) for name in marked[:-1])
        at = place_of(marked[-1], places)
        return None, (Problem("SEL006", message, at, others=others),)
    if marked:
        return marked[0], ()
    named = "default" in selectors and said.get("default") is not False
    return ("default" if named else None), ()


def place_of(name: str, places: Mapping[str, Location]) -> Location:
    """Where the selector is written; its name when nobody said."""
    return places.get(name) or Location(f"selector {name}")


class _Reading:
    """The work of parsing one definition; every problem is put at the selector."""

    def __init__(self, name: str, at: Location) -> None:
        self.name = name
        self.at = at
        self.problems: list[Problem] = []

    def fault(self, message: str, hint: str | None = None, code: str = "SEL006") -> None:
        self.problems.append(Problem(code, f"selector '{self.name}': {message}", self.at, hint))

    def keys(self, value: Mapping[str, Any], known: Sequence[str], what: str) -> None:
        for key in value:
            if key not in known:
                hint = did_you_mean(str(key), known) or "known: " + ", ".join(known)
                self.fault(f"{what} has no key '{key}'", hint)

    def tree(self, value: Any) -> Tree | None:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping) and value:
            return self._mapping(value)
        hint = "such as \"tag:nightly+\" or {union: ['tag:nightly', {method: path, value: models}]}"
        self.fault(f"{_shown(value)} is no definition", hint)
        return None

    def _text(self, text: str) -> Tree | None:
        trees, problems = parse_expression(text, self.at, inner_columns=False)
        for problem in problems:
            self.fault(problem.message, problem.hint, problem.code)
        for tree in trees:
            for term in tree.parts if isinstance(tree, Intersection) else (tree,):
                self._method(term)
        return union(trees) if trees else None

    def _method(self, tree: Tree) -> None:
        if isinstance(tree, Term) and (fault := fault_of(tree)):
            self.fault(fault.message, fault.hint, fault.code)

    def _mapping(self, value: Mapping[str, Any]) -> Tree | None:
        groups = [key for key in GROUPS if key in value]
        if groups:
            for key in value:
                if key != groups[0]:
                    self.fault(f"'{key}' stands beside '{groups[0]}'", "put it inside the list")
            return self._group(groups[0], value[groups[0]])
        if "method" in value or "value" in value:
            return self._full(value)
        if "exclude" in value:
            hint = "it belongs in a union's or intersection's list, or beside method and value"
            self.fault("'exclude' stands alone", hint)
            return None
        if len(value) > 1:
            shown = ", ".join(f"'{key}'" for key in value)
            self.fault(f"{shown} stand side by side", "list them under union: or intersection:")
            return None
        ((method, wanted),) = value.items()
        return self._term({"method": method, "value": wanted})

    def _group(self, kind: str, items: Any) -> Tree | None:
        if not isinstance(items, Sequence) or isinstance(items, str):
            self.fault(f"'{kind}' takes a list", f"{_shown(items)} is none")
            return None
        dropped = [item["exclude"] for item in items if _is_exclude(item)]
        kept = [self.tree(item) for item in items if not _is_exclude(item)]
        drop = [tree for wanted in dropped for tree in self._excluded(wanted)]
        parts = [tree for tree in kept if tree is not None]
        if not kept:
            self.fault(f"'{kind}' has nothing to select from", "add a definition beside exclude")
        if not parts:
            return None
        if kind == "union" or len(parts) == 1:
            return less(union(parts), drop)
        text = f"the intersection in selector {self.name}"
        return less(Intersection(tuple(parts), text, self.at), drop)

    def _excluded(self, wanted: Any) -> list[Tree]:
        items = [wanted] if isinstance(wanted, (str, Mapping)) else wanted
        if not isinstance(items, Sequence):
            self.fault("'exclude' takes a list", f"{_shown(wanted)} is none")
            return []
        return [tree for item in items if (tree := self.tree(item)) is not None]

    def _full(self, value: Mapping[str, Any]) -> Tree | None:
        self.keys(value, TERM_KEYS, "a definition with method and value")
        missing = [key for key in ("method", "value") if key not in value]
        if missing and not (missing == ["value"] and value.get("method") == "stale"):
            self.fault(f"'{missing[0]}' is missing", "such as {method: tag, value: nightly}")
            return None
        term = self._term(value)
        drop = self._excluded(value["exclude"]) if "exclude" in value else []
        return None if term is None else less(term, drop)

    def _term(self, value: Mapping[str, Any]) -> Term | None:
        wanted = value.get("value", "")
        if isinstance(wanted, bool):
            wanted = str(wanted).lower()
        if not isinstance(wanted, (str, int, float)):
            self.fault(
                f"{_shown(wanted)} is no value for '{value['method']}'", "a text or a number"
            )
            return None
        method, argument = split_method(str(value["method"]))
        around, children = self._flag(value, "childrens_parents"), self._depth(value, "children")
        if around and children:
            self.fault("'childrens_parents' and 'children' exclude each other")
        term = Term(
            method=method,
            argument=argument,
            value=str(wanted),
            text=f"{value['method']}:{wanted}",
            at=self.at,
            parents=self._depth(value, "parents"),
            children=children,
            around=around,
            indirect=self._mode(value),
        )
        if not term.value and method != "stale":
            self.fault(f"a value is missing for '{method}'")
        self._method(term)
        return term

    def _flag(self, value: Mapping[str, Any], key: str) -> bool:
        said = _truth(value.get(key, False))
        if said is None:
            self.fault(f"'{key}' is {_shown(value[key])}", "true or false")
        return bool(said)

    def _depth(self, value: Mapping[str, Any], key: str) -> int:
        """`children: true` is all of them unless `children_depth` says how far."""
        depth = value.get(f"{key}_depth")
        asked = self._flag(value, key)
        if depth is None:
            return UNBOUNDED if asked else 0
        text = str(depth)
        if isinstance(depth, bool) or not text.isdecimal():
            self.fault(f"'{key}_depth' is {_shown(depth)}", "a number of steps, such as 2")
            return 0
        if not asked:
            self.fault(f"'{key}_depth' stands without '{key}'", f"add `{key}: true`")
        return int(text)

    def _mode(self, value: Mapping[str, Any]) -> str | None:
        mode = value.get("indirect_selection")
        if mode is None or mode in MODES:
            return mode
        hint = did_you_mean(str(mode), MODES) or "known: " + ", ".join(MODES)
        self.fault(f"'indirect_selection' is {_shown(mode)}", hint)
        return None


def _is_exclude(item: Any) -> bool:
    return isinstance(item, Mapping) and tuple(item) == ("exclude",)


def _truth(value: Any) -> bool | None:
    """A truth as YAML or a rendered template says it; None when it is neither."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).casefold())


def _shown(value: Any) -> str:
    """The value as YAML would show it, cut short.

    >>> _shown(None), _shown([1, 2]), _shown("x")
    ('nothing', '[1, 2]', "'x'")
    """
    text = "nothing" if value is None else repr(value)
    return text if len(text) < 60 else text[:57] + "..."
