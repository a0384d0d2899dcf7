"""A rename, planned or done -> text and JSON."""

from __future__ import annotations

from typing import Any

from click import style

from sqlpipes.api import Renamed
from sqlpipes.show.plan import slices_text


def rename_text(done: Renamed, *, dry_run: bool) -> str:
    """What moved, what the warehouse was told, and what is left to do."""
    verb = "would rename" if dry_run else "renamed"
    slices = slices_text(done.built).strip()
    head = f"{verb} {style(done.old, bold=True)} to {style(done.new, bold=True)}"
    lines = [f"{head}: {slices}" if slices else head]
    if done.resumed:
        lines.append("  finishing a rename that was cut off")
    lines += [style(f"  {statement}", dim=True) for statement in done.statements]
    if done.gone:
        lines.append(f"  {done.before} is not in the warehouse: the next build makes {done.after}")
    if done.changed:
        lines.append("  more than its name has changed: sqlpipes plan says what is built again")
    if done.readers:
        lines.append(f"  these still read '{done.old}': {', '.join(done.readers)}")
    return "\n".join(lines)


def rename_json(done: Renamed, *, dry_run: bool) -> dict[str, Any]:
    return {
        "old": done.old,
        "new": done.new,
        "done": not dry_run,
        "slices": str(done.built),
        "from": done.before,
        "to": done.after,
        "statements": list(done.statements),
        "changed": done.changed,
        "resumed": done.resumed,
        "readers": list(done.readers),
    }
