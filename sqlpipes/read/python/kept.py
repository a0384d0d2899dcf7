"""How a function's rows are kept from build to build: its decorator's words, read as those of YAML."""

from __future__ import annotations

from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.strategy import SchemaChange, Strategy
from sqlpipes.read.marked import Node
from sqlpipes.read.models import native_partitions
from sqlpipes.read.python.found import Found
from sqlpipes.read.settings import layer
from sqlpipes.read.strategy import Kept, read_kept

UNSTORED = (Materialized.FILE, Materialized.NONE)


def kept_of(found: Found, problems: list[Problem]) -> Kept:
    """Faults are PAR003, MAT00x and CFG002, each at its own keyword."""
    said, kind = dict(found.kept or {}), Materialized(found.materialized)
    marks = {path: list(mark) for path, mark in (found.kept_marks or {}).items()}
    if kind in UNSTORED:
        problems += (_useless(Node(found.file, marks, f"/{key}", said[key]), kind) for key in said)
        return Kept(kind, kind)
    said["materialized"] = kind.value
    if found.partition:
        said["partition"] = "a partition"  # what it is was read with the decorator
    merged = layer([Node(found.file, marks, "", said)], "model", problems)
    kept = read_kept(merged, lambda: True, problems)
    if kept.on_schema_change is SchemaChange.REBUILD and (node := merged.node("on_schema_change")):
        problems.append(_no_rebuild(node))
    appends = kept.kind is Materialized.INCREMENTAL and (
        kept.incremental.strategy is Strategy.APPEND
    )
    if appends and found.inputs and not found.asks:
        problems.append(_endless(merged.node("strategy") or node_at(found)))
    return kept


def cuts_table(found: Found, cut: Partitioning | None, problems: list[Problem]) -> bool:
    """Whether the server is to partition the table as its slices are. PAR003 where it cannot."""
    key = "native_partitions"
    said = (found.kept or {}).get(key)
    if said is None:
        return False
    marks = {path: list(mark) for path, mark in (found.kept_marks or {}).items()}
    return native_partitions(Node(found.file, marks, f"/{key}", said), cut, problems)


def stored_settings(kept: Kept) -> dict[str, Plain]:
    """What changes what is stored; nothing for a plain table."""
    if kept.kind not in (Materialized.INCREMENTAL, Materialized.SNAPSHOT):
        return {}
    return {"unique_key": list(kept.unique_key), **kept.plain()}


def node_at(found: Found) -> Node:
    return Node(found.file, {"": list(found.at)}, "", None)


def _useless(node: Node, kind: Materialized) -> Problem:
    what = "a file" if kind is Materialized.FILE else "a function that returns nothing"
    message = f"{node.key} does nothing for {what}"
    return Problem("MAT002", message, node.key_at, severity=Severity.WARNING)


def _no_rebuild(node: Node) -> Problem:
    message = (
        "on_schema_change: rebuild is not for functions, which may have fetched only what is new"
    )
    hint = "write add, sync or ignore; --full-refresh calls the function for everything"
    return Problem("MAT004", message, node.at, hint)


def _endless(node: Node) -> Problem:
    at: Location = node.key_at
    message = "strategy: append, but the function does not look at what is there already"
    hint = (
        "each build adds all that it returns: ask context.newest('COLUMN') or context.this, "
        "or name a unique_key"
    )
    return Problem("MAT003", message, at, hint, Severity.WARNING)
