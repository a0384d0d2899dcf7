"""A .sql file under tests/ -> a check whose query returns the bad rows."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.asset import Check
from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.read import settings as s
from sqlpipes.read.checks import with_options
from sqlpipes.read.ground import Ground
from sqlpipes.read.marked import Node
from sqlpipes.read.models import filled
from sqlpipes.read.queries import Query, query_facts
from sqlpipes.read.settings import plain_reference

KEYS = (
    "name",
    "description",
    "severity",
    "where",
    "asset",
    "tags",
    "scope",
    "error_if",
    "warn_if",
    "enabled",
    "owner",
    "meta",
    "columns",
)
OTHER_NAMES = {"model": "asset", "guards": "asset"}


def read_sql_check(query: Query, ground: Ground, problems: list[Problem]) -> Check | None:
    """The check in a file; None when it is not enabled. Its asset is "" unless the file names one:
    then the last built of all that it reads is guarded."""
    keys = _keys(query, ground, problems)
    if not s.flag(keys.get("enabled"), True, problems):
        return None
    faults: list[Problem] = []
    facts, template = query_facts(query, "", faults)
    problems += faults
    if template is not None and any(fault.is_error for fault in faults):
        return None  # what it reads is not known: the linker would complain of that, too
    stem = query.file.stem
    check = Check(
        name=s.text(keys.get("name"), problems) or stem,
        asset=plain_reference(s.text(keys.get("asset"), problems)),
        type="sql",
        body=query.body(facts, template),
        columns=s.texts(keys.get("columns"), problems),
        at=Location(query.file.path, query.line),
    )
    found = with_options(check, keys, problems)
    return replace(found, description=found.description.strip())


def _keys(query: Query, ground: Ground, problems: list[Problem]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    front = query.front
    if front is None or front.value is None:
        return found
    if not isinstance(front.value, dict):
        message = "front matter must hold keys and values"
        problems.append(Problem("CFG002", message, front.at, "for example `severity: warn`"))
        return found
    for written, below in filled([front], ground.names, problems)[0].entries():
        key = OTHER_NAMES.get(written, written)
        if key not in KEYS:
            hint = did_you_mean(written, KEYS) or f"known keys: {', '.join(KEYS)}"
            problems.append(
                Problem("CFG001", f"a check has no key '{written}'", below.key_at, hint)
            )
        elif below.value is not None:
            found[key] = below
    return found
