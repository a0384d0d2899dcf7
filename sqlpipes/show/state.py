"""The state's place and size, and what was carried -> text and JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from click import style

from sqlpipes.show.plan import counted

if TYPE_CHECKING:
    from sqlpipes.stores.carrying import Carried, Size

KILO = 1024
WORDS = (
    ("assets", "asset"),
    ("slices", "row of slices"),
    ("marks", "mark"),
    ("runs", "run"),
    ("steps", "step"),
    ("checks", "check result"),
)


def size_text(size: Size, target: str) -> str:
    """Where the state is, and how much of the target it holds."""
    room = "" if size.bytes is None else f", {_bytes(size.bytes)}"
    held = ", ".join(_counted(size.rows.get(name, 0), noun) for name, noun in WORDS)
    lines = [
        f"{style(size.where, bold=True)} (schema {size.schema}{room})",
        f"target {target}: {held}, tick {size.tick:,}",
    ]
    others = [name for name in size.targets if name != target]
    return "\n".join([*lines, f"other targets: {', '.join(others)}"] if others else lines)


def _counted(number: int, noun: str) -> str:
    if noun.startswith("row of") and number != 1:
        return f"{number:,} rows of slices"
    return counted(number, noun)


def _bytes(number: int) -> str:
    """
    >>> _bytes(900), _bytes(2048), _bytes(5 * 1024 * 1024)
    ('900 B', '2.0 kB', '5.0 MB')
    """
    if number < KILO:
        return f"{number} B"
    if number < KILO * KILO:
        return f"{number / KILO:.1f} kB"
    return f"{number / KILO / KILO:.1f} MB"


def size_json(size: Size, target: str) -> dict[str, Any]:
    return {"target": target, **asdict(size)}


def carried_text(carried: Carried) -> str:
    held = ", ".join(
        _counted(carried.rows[name], noun) for name, noun in WORDS if carried.rows.get(name)
    )
    lines = [f"imported {', '.join(carried.targets)}: {held or 'nothing was ever built there'}"]
    if held:
        lines.append("it is believed: the warehouse must hold what it held when this was exported")
    return "\n".join(lines)
