"""What users say in SQL within a check, `where:` and `expression:` -> with the tables that it reads.

Only what holds a query of its own is looked into, and that once: what it reads is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlpipes.core.asset import Asset, Check, SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.sql import SqlFacts, analyse
from sqlpipes.core.sql.relation import Reference
from sqlpipes.read.cache import Cache, Facts
from sqlpipes.read.files import File, content_hash
from sqlpipes.read.ground import Ground

READS = re.compile(r"\b(select|from|table)\b", re.IGNORECASE)
BEFORE, BEHIND = "select (\n", "\n)"


def with_conditions(
    checks: Iterable[Check], assets: Iterable[Asset], ground: Ground, cache: Cache
) -> list[Check]:
    """The same checks; those whose conditions have queries with what these read."""
    engines = {asset.name: asset.engine for asset in assets}
    return [_with_conditions(check, engines, ground, cache) for check in checks]


def _with_conditions(
    check: Check, engines: Mapping[str, str], ground: Ground, cache: Cache
) -> Check:
    said = {"where": check.where, "expression": check.arguments.get("expression")}
    if check.type != "expression":
        del said["expression"]
    asked = {
        key: text for key, text in said.items() if isinstance(text, str) and READS.search(text)
    }
    if not asked:
        return check
    own = ground.dialect_of(engines.get(check.asset, ""))
    found = {
        key: _body(text, check, key, own or ground.config.dialect, cache)
        for key, text in asked.items()
    }
    conditions = {k: replace(body, dialect=own) for k, body in found.items() if body.references}
    return replace(check, conditions=conditions)


def _body(text: str, check: Check, key: str, dialect: str, cache: Cache) -> SqlBody:
    at = check.at or Location("?")

    def parse() -> Facts:
        facts = analyse(f"{BEFORE}{text}{BEHIND}", dialect, at=at)
        return {"sql": facts.to_json()} if not facts.opaque else {}

    name = File(f"{at.file} {check.name} {key}", "", 0, 0)
    known = cache.told(name, "condition", content_hash(f"{dialect}\0{text}".encode()), parse)
    if "sql" not in known:  # the engine says what is wrong with it
        return SqlBody(text)
    read = SqlFacts.from_json(known["sql"], at.file).references
    return SqlBody(text, tuple(_moved(each, at) for each in read), at.line)


def _moved(found: Reference, at: Location) -> Reference:
    """Its offsets in the condition alone. Its place is the check's."""
    start, end = found.start - len(BEFORE), found.end - len(BEFORE)
    return replace(found, start=start, end=end, line=at.line, column=at.column)
