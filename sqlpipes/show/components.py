"""Components -> what `components` prints: a list, one of them in full, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from click import style

from sqlpipes.api.components import Described


def components_text(every: Sequence[Described]) -> str:
    """One line a component: its name, where it comes from, what it does."""
    name, origin = (max(len(v) for v in column) for column in zip(*_named(every), strict=True))
    return "\n".join(
        f"{each.name:<{name}}  {style(f'{each.origin:<{origin}}', dim=True)}  {_about(each)}".rstrip()
        for each in every
    )


def _named(every: Sequence[Described]) -> list[tuple[str, str]]:
    return [(each.name, each.origin) for each in every]


def _about(each: Described) -> str:
    if each.problem is not None:
        return style(each.problem.message, fg="red")
    return each.doc.partition("\n")[0]


def component_text(each: Described) -> str:
    """Its documentation, its fields with types and defaults, and an example."""
    if each.problem is not None:
        return style(str(each.problem), fg="red")
    head = f"{style(each.name, bold=True)}  {style(f'{each.origin}, {each.where}', dim=True)}"
    parts = [head + (f"\n{each.doc}" if each.doc else "")]
    if each.fields:
        width = max(len(field.name) for field in each.fields)
        lines = []
        for field in each.fields:
            said = f"  {field.name:<{width}}  {_kind(field)}"
            lines.append(said + (f"\n  {'':<{width}}  {field.doc}" if field.doc else ""))
        parts.append("attributes\n" + "\n".join(lines))
    if each.example:
        shown = "\n".join(f"  {line}" if line else "" for line in each.example.splitlines())
        parts.append(f"example\n{shown}")
    return "\n\n".join(parts)


def _kind(field: Any) -> str:
    if field.required:
        return f"{style(field.wanted, fg='cyan')}, needed"
    default = _default(field.default)
    return style(field.wanted, fg="cyan") + (f", {default}" if default else "")


def _default(value: Any) -> str:
    if value is None or value in ("", [], {}, ()):
        return ""
    return f"default {json.dumps(value, default=str)}"


def component_json(each: Described) -> dict[str, Any]:
    return {
        "name": each.name,
        "origin": each.origin,
        "where": each.where,
        "description": each.doc,
        "fields": [
            {
                "name": field.name,
                "wanted": field.wanted,
                "required": field.required,
                "default": json.loads(json.dumps(field.default, default=str)),
                "description": field.doc,
            }
            for field in each.fields
        ],
        "example": each.example,
        "problem": str(each.problem) if each.problem else None,
    }
