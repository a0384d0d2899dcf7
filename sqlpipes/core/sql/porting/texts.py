"""Texts and patterns."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.casts import call_operator
from sqlpipes.core.sql.porting.families import BOOL, NULL, SAFE_TEXT, TEXT
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours

JOINED = "cast it first: cast(x as decimal(18, 2))"
PATTERN = re.compile(
    r"(?:[^\\()\[\]{}*+?|.^$]|\\[dswDSW.\-+*?|(){}\[\]^$/]|\[\^?[^\\\[\]]+\]|[.^$|()]|[*+?]|\{\d+(?:,\d*)?\})*"
)
CLASSES = {
    ".": r"[^\n]",
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\w": "[0-9A-Za-z_]",
    r"\W": "[^0-9A-Za-z_]",
    r"\s": r"[ \t\n\f\r]",
    r"\S": r"[^ \t\n\f\r]",
}
PLAIN_PATTERN = "portable are literals, classes, ., ^, $, |, groups and greedy counts"


def _joined(porting: Porting, node: Any) -> Any:
    parts = [node.left, node.right] if isinstance(node, exp.DPipe) else node.expressions
    for part in parts:
        found = family(part)
        if found not in SAFE_TEXT:
            what = f"a {found}" if found else "a value of a type that is not known"
            porting.refuse(
                part, "TRN003", f"{what} is written as text in another way there", JOINED
            )
    if isinstance(node, exp.DPipe):
        if TEXT not in map(family, parts) and NULL not in map(family, parts):
            node.set("this", _as_text(node.left))
        return node
    for part in parts:
        if family(part) == BOOL:  # concat() of Postgres writes it as t and f
            part.replace(_as_text(part))
    return node


def _as_text(part: Any) -> Any:
    return ours(exp.Cast(this=part.copy(), to=exp.DataType.build("text")))


def _split(porting: Porting, node: Any) -> Any:
    by, place = node.args.get("delimiter"), node.args.get("part_index")
    if not (isinstance(by, exp.Literal) and str(by.this)):
        message = "split_part() by an empty or a computed text is not the same there"
        porting.refuse(node, "TRN003", message, "write what the text is split by")
    elif isinstance(place, exp.Literal) and str(place.this) == "0":
        porting.refuse(node, "TRN003", "split_part(..., 0) is an error there", "parts begin at 1")
    return node


def _like(porting: Porting, node: Any) -> Any:
    """In DuckDB a backslash in a pattern is a backslash."""
    if isinstance(node.parent, exp.Escape):
        return node
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and "\\" not in str(pattern.this):
        return node
    return ours(exp.Escape(this=node.copy(), expression=exp.Literal.string("")))


def pattern_of(porting: Porting, node: Any, part: Any, *, replaces: bool = False) -> str | None:
    """A pattern that both engines read alike; None when it was refused."""
    if not (isinstance(part, exp.Literal) and part.is_string):
        porting.refuse(node, "TRN001", "a pattern that is computed cannot be proven portable")
        return None
    text = str(part.this)
    counts = re.findall(r"(?<!\\)[*+?{]", re.sub(r"\[[^\]]*\]", "x", text))
    lazy = re.search(r"(?<!\\)[*+?}][?+]", text)
    unsure = replaces and (len(counts) > 1 or re.search(r"(?<!\\)[|(]", text))
    if not PATTERN.fullmatch(text) or lazy or unsure or "(?" in text or "[:" in text:
        hint = PLAIN_PATTERN + (", of which a replacement may have one" if replaces else "")
        porting.refuse(node, "TRN003", "the engines read this pattern differently", hint)
        return None
    return _plain(text)


def _plain(text: str) -> str:
    """A dot is no line break in DuckDB, and its classes are of ASCII, whatever the locale."""
    return re.sub(r"\[[^\]]*\]|\\.|\.", lambda m: CLASSES.get(m[0], m[0]), text)


def _is_empty(text: str) -> bool:
    """Whether it finds the empty text at places that the engines count otherwise."""
    if text.startswith("^"):
        return False
    try:
        return re.search(text, "") is not None
    except re.error:
        return True


def _matches(porting: Porting, node: Any) -> Any:
    pattern = pattern_of(porting, node, node.expression)
    if node.args.get("flag") is not None:
        porting.refuse(node, "TRN001", "options of a pattern have no counterpart there")
    return node if pattern is None else call_operator(node.this.copy(), pattern)


def _full_match(porting: Porting, node: Any) -> Any:
    pattern = pattern_of(porting, node, node.expression)
    return node if pattern is None else call_operator(node.this.copy(), f"^(?:{pattern})$")


def _replaced(porting: Porting, node: Any) -> Any:
    pattern = pattern_of(porting, node, node.expression, replaces=True)
    new, flags = node.args.get("replacement"), node.args.get("modifiers")
    plain = isinstance(new, exp.Literal) and "\\" not in str(new.this)
    if pattern is None or not plain:
        if pattern is not None:
            porting.refuse(node, "TRN003", "the engines read this replacement differently")
        return node
    if flags is not None and str(flags.name) not in ("", "g"):
        porting.refuse(node, "TRN001", "options of a pattern have no counterpart there")
        return node
    if _is_empty(str(node.expression.this)):
        message = "a pattern that fits the empty text is replaced at other places there"
        porting.refuse(node, "TRN003", message, "ask for one sign at least: x+ instead of x*")
        return node
    rest = [flags.copy()] if flags is not None else []
    return call("regexp_replace", node.this.copy(), exp.Literal.string(pattern), new.copy(), *rest)


def _contains(porting: Porting, node: Any) -> Any:
    place = call("strpos", node.this.copy(), node.expression.copy())
    return ours(exp.Paren(this=exp.GT(this=place, expression=exp.Literal.number(0))))


def _ends(porting: Porting, node: Any) -> Any:
    end = node.expression
    last = call("right", node.this.copy(), call("length", end.copy()))
    return ours(exp.Paren(this=exp.EQ(this=last, expression=end.copy())))


def _substring(porting: Porting, node: Any) -> Any:
    """A start before the text counts from its end in DuckDB."""
    start = node.args.get("start")
    if start is not None and not _is_inside(start):
        message = "a start that may lie before the text means its end in DuckDB alone"
        porting.refuse(node, "TRN003", message, "use right(), or greatest(start, 1)")
    if isinstance(node.args.get("length"), exp.Neg):
        message = "substring() of a negative length is an error there"
        porting.refuse(node, "TRN003", message, "say start and length from the left")
    return node


def _is_inside(start: Any) -> bool:
    if isinstance(start, exp.Literal):
        return True  # a negative one is no literal
    if isinstance(start, exp.Paren):
        return _is_inside(start.this)
    if isinstance(start, exp.Add):
        return _is_inside(start.left) and _is_inside(start.right)
    if isinstance(start, exp.Greatest):
        return any(isinstance(each, exp.Literal) for each in (start.this, *start.expressions))
    return isinstance(start, (exp.StrPosition, exp.Length))


TEXTS = {
    "DPipe": _joined,
    "Concat": _joined,
    "SplitPart": _split,
    "ConcatWs": _joined,
    "Like": _like,
    "ILike": _like,
    "RegexpLike": _matches,
    "RegexpFullMatch": _full_match,
    "RegexpReplace": _replaced,
    "Contains": _contains,
    "EndsWith": _ends,
    "Substring": _substring,
}
