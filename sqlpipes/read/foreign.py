"""Files that another tool reads and we do not -> a warning each, as nothing is passed over silently."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.read.files import walk
from sqlpipes.read.properties import HINTS

SNAPSHOTS = "snapshots"  # where dbt keeps them


def foreign_snapshots(root: str, read: Collection[str]) -> Iterator[Problem]:
    """CFG004 for each file of dbt's folder that is not among those `read` (paths in the project)."""
    for file in walk(root, SNAPSHOTS, []):
        if file.suffix in ("sql", "yml", "yaml") and file.path not in read:
            message = f"the folder '{SNAPSHOTS}' is not read: this file is ignored"
            at = Location(file.path)
            yield Problem("CFG004", message, at, HINTS[SNAPSHOTS], Severity.WARNING)
