"""Merged settings -> what a relation is to have beside its rows: comments, rights and indexes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.core.extras import Extras, Grant, Index
from sqlpipes.core.sql import why_no_expression
from sqlpipes.read import settings as s
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import Layered, privilege_of

DOCS = ("relation", "columns")
INDEX = ("columns", "unique", "type", "where")
USUAL = "btree"  # what dbt calls the index that every engine makes when nothing is said
PARTIAL = "postgres"  # whose quotes and comments all have that make indexes of a part of the rows
PRIVILEGE = re.compile(r"[a-z][a-z ]*")


def read_extras(merged: Layered, problems: list[Problem]) -> Extras:
    """Faults are CFG001 and CFG002, each at its own key."""
    docs = _docs(merged.node("persist_docs"), problems)
    grants, indexes = merged.all("grants"), merged.node("indexes")
    if not (docs or grants or indexes):
        return Extras()
    return Extras(
        "relation" in docs,
        "columns" in docs,
        _grants(grants, problems) if grants else None,
        tuple(_indexes(indexes, problems)) if indexes else None,
    )


def _docs(node: Node | None, problems: list[Problem]) -> set[str]:
    """Which of DOCS are wanted; `true` alone means both."""
    if node is None:
        return set()
    if isinstance(node.value, bool):
        return set(DOCS) if node.value else set()
    if not isinstance(node.value, dict):
        problems.append(s.wrong(node, "true or false, or {relation: true, columns: true}"))
        return set()
    for key, below in node.entries():
        if key not in DOCS:
            hint = did_you_mean(key, DOCS) or "known: relation, columns"
            message = f"persist_docs has no key '{key}'"
            problems.append(Problem("CFG001", message, below.key_at, hint))
    return {key for key, below in node.entries() if key in DOCS and s.flag(below, False, problems)}


def _grants(nodes: tuple[Node, ...], problems: list[Problem]) -> tuple[Grant, ...]:
    """A stronger layer replaces a privilege; `+` before it adds to the weaker ones."""
    found: dict[str, dict[str, Grant]] = {}
    keys: dict[str, Location] = {}
    for node in nodes:
        if not isinstance(node.value, dict):
            problems.append(s.wrong(node, "a mapping of privileges to roles: {select: [analyst]}"))
            continue
        for written, below in node.entries():
            privilege = privilege_of(written)
            if not PRIVILEGE.fullmatch(privilege):
                message = f"'{written}' is no privilege"
                hint = "for example select, insert, update, delete"
                problems.append(Problem("CFG002", message, below.key_at, hint))
                continue
            keys[privilege] = below.key_at
            roles = found.setdefault(privilege, {}) if written.strip().startswith("+") else {}
            roles |= dict(_roles(privilege, below, problems))
            found[privilege] = roles
    return tuple(
        grant for privilege, roles in found.items() for grant in _or_none(privilege, roles, keys)
    )


def _roles(privilege: str, node: Node, problems: list[Problem]) -> Iterator[tuple[str, Grant]]:
    for item in node.items():
        if role := s.text(item, problems, "a role, or a list of roles"):
            yield role, Grant(privilege, role, item.at, node.key_at)


def _or_none(privilege: str, roles: dict[str, Grant], keys: Mapping[str, Location]) -> list[Grant]:
    """A privilege without a role is spoken of, too: whoever has it loses it."""
    return list(roles.values()) or [Grant(privilege, None, key_at=keys.get(privilege))]


def _indexes(node: Node, problems: list[Problem]) -> Iterator[Index]:
    if not isinstance(node.value, list):
        problems.append(s.wrong(node, "a list, such as [{columns: [order_id], unique: true}]"))
        return
    seen: set[Index] = set()
    for item in node.items():
        found = _index(item, problems)
        if found is not None and found in seen:
            problems.append(Problem("CFG003", "this index stands twice in the list", item.at))
        elif found is not None:
            seen.add(found)
            yield found


def _index(node: Node, problems: list[Problem]) -> Index | None:
    if isinstance(node.value, str):  # a column alone
        return Index((node.value,), at=node.at, places=(node.at,))
    if not isinstance(node.value, dict):
        problems.append(Problem("CFG002", "an index is {columns: [a, b]}", node.at))
        return None
    for key, below in node.entries():
        if key not in INDEX:
            hint = did_you_mean(key, INDEX) or f"known: {', '.join(INDEX)}"
            problems.append(Problem("CFG001", f"an index has no key '{key}'", below.key_at, hint))
    columns = s.texts(node.get("columns"), problems)
    if not columns:
        problems.append(Problem("CFG002", "an index needs its columns", node.at, "columns: [a, b]"))
        return None
    kind = s.text(node.get("type"), problems).lower()
    if kind and not kind.replace("_", "a").isalnum():
        problems.append(s.wrong(node.get("type") or node, "the name of a kind of index"))
        kind = ""
    kind = "" if kind == USUAL else kind
    unique = s.flag(node.get("unique"), False, problems)
    named = node.get("columns")
    places = tuple(item.at for item in named.items()) if named else ()
    return Index(columns, unique, kind, _where(node.get("where"), problems), node.at, places)


def _where(node: Node | None, problems: list[Problem]) -> str:
    """It goes into a statement as it is, so it may be one expression and nothing else."""
    said = s.text(node, problems).strip()
    if not said or node is None:
        return ""
    why = why_no_expression(said, PARTIAL)
    if why is None:
        return said
    message = f"'where' of an index must be one expression: {why}"
    problems.append(Problem("CFG002", message, node.at, "for example `where: amount > 0`"))
    return ""
