"""A rewritten tree -> what of it is not proven to mean the same in the target."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.allowed import ALLOWED
from sqlpipes.core.sql.porting.conditions import check_types
from sqlpipes.core.sql.porting.hints import FILES, HINTS, WORDS
from sqlpipes.core.sql.porting.porting import OURS, Porting

GROUPS = (exp.Values, exp.GroupingSets, exp.Rollup, exp.Cube)
UNCHECKED = "`transpile: unchecked` takes it over unproven"


def check(porting: Porting, tree: Any) -> None:
    """Every node must be of a proven kind and have no other arguments than proven ones."""
    allowed = ALLOWED[porting.read, porting.write]
    refused = {(r.start, r.end) for r in porting.refusals if r.code != "TRN008"}
    for node in tree.walk(
        prune=lambda found: type(found).__name__ not in allowed and not _ours(found)
    ):
        kind = type(node).__name__
        if _ours(node):
            continue
        if kind not in allowed:
            if porting.span(node) not in refused:
                _refuse(porting, node, kind)
            continue
        for argument, value in node.args.items():
            if value not in (None, False, []) and argument not in allowed[kind]:
                _refuse_argument(porting, node, kind, argument)
        _check_shape(porting, node)
        check_types(porting, node)


def _ours(node: Any) -> bool:
    return bool(node.meta.get(OURS))


def _refuse(porting: Porting, node: Any, kind: str) -> None:
    if isinstance(node, exp.Anonymous):
        name = str(node.this).lower()
        hint = HINTS.get(name, UNCHECKED)
        porting.refuse(node, "TRN002", f"{name}() is not known to be the same there", hint)
        return
    name = _name(node, kind)
    hint = HINTS.get(kind, UNCHECKED)
    porting.refuse(node, "TRN001", f"{name} is not proven to be the same there", hint)


def _name(node: Any, kind: str) -> str:
    if kind in WORDS:
        return WORDS[kind]
    if isinstance(node, exp.Func):
        return f"{str(node.sql_name()).lower()}()"
    return kind


def _refuse_argument(porting: Porting, node: Any, kind: str, argument: str) -> None:
    what = WORDS.get(f"{kind}.{argument}", f"{WORDS.get(kind, kind)} with '{argument}'")
    hint = HINTS.get(f"{kind}.{argument}", UNCHECKED)
    porting.refuse(node, "TRN001", f"{what} is not proven to be the same there", hint)


def _check_shape(porting: Porting, node: Any) -> None:
    """What is right in one place and not in another."""
    if isinstance(node, exp.Tuple) and not isinstance(node.parent, GROUPS):
        asked = isinstance(node.parent, exp.In) and node.parent.args.get("query") is not None
        if not asked and node.arg_key != "on":
            message = "rows are compared in another way there, as soon as one holds a null"
            porting.refuse(node, "TRN003", message, "compare the columns one by one")
    if isinstance(node, exp.Table) and porting.text[porting.span(node)[0] :].startswith("'"):
        porting.refuse(node, "TRN001", "a file in FROM cannot be read there", FILES)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
        alias = node.args.get("alias")
        if alias is None or not alias.args.get("columns"):
            hint = "name it and its column: `as numbers(n)`"
            porting.refuse(
                node, "TRN008", "the column of this function has no name of its own", hint
            )
