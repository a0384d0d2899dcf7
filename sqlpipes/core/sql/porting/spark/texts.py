"""Texts and patterns."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.families import NULL, SAFE_TEXT, TEXT
from sqlpipes.core.sql.porting.porting import Porting, call, family, ours
from sqlpipes.core.sql.porting.spark.casts import typed
from sqlpipes.core.sql.porting.texts import JOINED, pattern_of


def _text(porting: Porting, part: Any) -> Any:
    """A part of a joined text."""
    found = family(part)
    if found not in SAFE_TEXT:
        what = f"a {found}" if found else "a value of a type that is not known"
        porting.refuse(part, "TRN003", f"{what} is written as text in another way there", JOINED)
    return part.copy() if found == TEXT else typed(part.copy(), "text")


def _joined(porting: Porting, node: Any) -> Any:
    return call("concat", _text(porting, node.left), _text(porting, node.right))


def _concat(porting: Porting, node: Any) -> Any:
    """A null is no text of it in DuckDB, and all of it in Spark."""
    empty = exp.Literal.string("")
    parts = [_text(porting, part) for part in node.expressions]
    return call("concat", *(call("coalesce", part, empty.copy()) for part in parts))


def _concat_ws(porting: Porting, node: Any) -> Any:
    return call("concat_ws", *(_text(porting, part) for part in node.expressions))


def _like(porting: Porting, node: Any) -> Any:
    """A backslash in a pattern is a backslash in DuckDB, and in Spark one that is doubled."""
    if isinstance(node.parent, exp.Escape):
        return node
    pattern = node.expression
    if isinstance(pattern, exp.Literal):
        doubled: Any = exp.Literal.string(str(pattern.this).replace("\\", "\\\\"))
    else:
        one, two = exp.Literal.string("\\"), exp.Literal.string("\\\\")
        doubled = call("replace", pattern.copy(), one, two)
    found = node.copy()
    found.set("expression", doubled)
    return found


def _escape(porting: Porting, node: Any) -> Any:
    """What is escaped must be a sign of patterns, or Spark says that the pattern is wrong."""
    pattern, sign = node.this.expression, node.expression
    if isinstance(pattern, exp.Literal) and isinstance(sign, exp.Literal) and len(sign.this) == 1:
        return node
    porting.refuse(node, "TRN001", "ESCAPE of a pattern that is computed is not the same there")
    return node


def _java(pattern: str) -> str:
    r"""As Java reads it: `$` is the very end, and `\s` no vertical tab.

    >>> _java(r"^a\s+[$]$")
    '^a[\\t\\n\\f\\r ]+[$]\\z'
    """
    said = {"$": r"\z", r"\s": r"[\t\n\f\r ]", r"\S": r"[^\t\n\f\r ]"}
    return re.sub(r"\[[^\]]*\]|\\.|\$", lambda m: said.get(m[0], m[0]), pattern)


def _pattern(porting: Porting, node: Any, *, replaces: bool = False) -> str | None:
    found = pattern_of(porting, node, node.expression, replaces=replaces)
    if found is not None and "&&" in found:
        porting.refuse(node, "TRN003", "the engines read this pattern differently")
        return None
    return None if found is None else _java(found)


def _matches(porting: Porting, node: Any) -> Any:
    if node.args.get("flag") is not None:
        porting.refuse(node, "TRN001", "options of a pattern have no counterpart there")
        return node
    pattern = _pattern(porting, node)
    return node if pattern is None else _rlike(node, pattern)


def _full_match(porting: Porting, node: Any) -> Any:
    pattern = _pattern(porting, node)
    return node if pattern is None else _rlike(node, rf"\A(?:{pattern})\z")


def _rlike(node: Any, pattern: str) -> Any:
    text = exp.Literal.string(pattern)
    return ours(exp.RegexpLike(this=node.this.copy(), expression=text))


def _replaced(porting: Porting, node: Any) -> Any:
    """Spark replaces all of them; to replace the first one, what stands before it is matched, too."""
    pattern = _pattern(porting, node, replaces=True)
    new, flags = node.args.get("replacement"), node.args.get("modifiers")
    said = str(flags.name) if flags is not None else ""
    if pattern is None:
        return node
    if not isinstance(new, exp.Literal) or "\\" in str(new.this):
        porting.refuse(node, "TRN003", "the engines read this replacement differently")
        return node
    if said not in ("", "g"):
        porting.refuse(node, "TRN001", "options of a pattern have no counterpart there")
        return node
    if said and re.search(pattern.replace(r"\z", "$"), "") is not None:
        message = "the engines replace differently where the pattern matches nothing at all"
        porting.refuse(node, "TRN003", message, "let it match one sign at least")
        return node
    put = str(new.this).replace("$", r"\$")
    if not said:
        pattern, put = rf"\A((?s:.*?))(?:{pattern})", f"$1{put}"
    parts = (exp.Literal.string(pattern), exp.Literal.string(put))
    return call("regexp_replace", node.this.copy(), *parts)


def _ends(porting: Porting, node: Any) -> Any:
    return call("endswith", node.this.copy(), node.expression.copy())


def _substring(porting: Porting, node: Any) -> Any:
    """The place before the first one takes one of the length in DuckDB."""
    start, length = node.args.get("start"), node.args.get("length")
    plain = length is None or (isinstance(length, exp.Literal) and length.is_int)
    first = _first(start)
    if not plain or first is None or first < 0:
        message = "a start that may lie before the text, or a length that is computed, is not the same there"
        porting.refuse(node, "TRN003", message, "use left(), right(), or greatest(start, 1)")
        return node
    if first == 0 and not isinstance(start, exp.Literal):
        message = "a start of 0 is not the same there"
        porting.refuse(node, "TRN003", message, "use greatest(start, 1)")
        return node
    if first:
        return node
    found = node.copy()
    found.set("start", exp.Literal.number(1))
    if length is not None:
        found.set("length", exp.Literal.number(max(int(str(length.this)) - 1, 0)))
    return found


def _first(start: Any) -> int | None:
    """The least that a start can be, if that is known."""
    if isinstance(start, exp.Literal) and start.is_int:
        return int(str(start.this))
    if isinstance(start, exp.Paren):
        return _first(start.this)
    if isinstance(start, exp.Add):
        both = (_first(start.left), _first(start.right))
        return None if None in both else sum(each or 0 for each in both)
    if isinstance(start, exp.Greatest):
        known = [_first(each) for each in (start.this, *start.expressions)]
        return max((each for each in known if each is not None), default=None)
    return 0 if isinstance(start, (exp.StrPosition, exp.Length)) else None


def _left(porting: Porting, node: Any) -> Any:
    """A count below zero leaves so many out in DuckDB."""
    text, count = node.this, node.expression
    if isinstance(count, exp.Literal):
        return node
    if not (isinstance(count, exp.Neg) and isinstance(count.this, exp.Literal)):
        porting.refuse(node, "TRN001", "a count that is computed is not the same there")
        return node
    size = int(str(count.this.this))
    if isinstance(node, exp.Right):
        return call("substring", text.copy(), exp.Literal.number(size + 1))
    kept = exp.Sub(this=call("length", text.copy()), expression=exp.Literal.number(size))
    return call("left", text.copy(), ours(kept))


def _part(porting: Porting, node: Any) -> Any:
    sign, place = node.args.get("delimiter"), node.args.get("part_index")
    plain = place.this if isinstance(place, exp.Neg) else place
    known = isinstance(sign, exp.Literal) and bool(str(sign.this))
    if not known or not isinstance(plain, exp.Literal) or str(plain.this) == "0":
        message = "split_part() by what is computed, or empty, is not the same there"
        porting.refuse(node, "TRN001", message)
    return node


def _trim(porting: Porting, node: Any) -> Any:
    chars = node.args.get("expression")
    if chars is not None and not (isinstance(chars, exp.Literal) or family(chars) == NULL):
        porting.refuse(node, "TRN001", "trim() of signs that are computed is not the same there")
    return node


TEXTS = {
    "DPipe": _joined,
    "Concat": _concat,
    "ConcatWs": _concat_ws,
    "Like": _like,
    "ILike": _like,
    "Escape": _escape,
    "RegexpLike": _matches,
    "RegexpFullMatch": _full_match,
    "RegexpReplace": _replaced,
    "EndsWith": _ends,
    "Contains": lambda porting, node: call("contains", node.this.copy(), node.expression.copy()),
    "Substring": _substring,
    "Left": _left,
    "Right": _left,
    "SplitPart": _part,
    "Trim": _trim,
}
