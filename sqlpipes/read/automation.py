"""`auto: eager`, `auto: {cron: "0 6 * * *", timezone: ...}` -> Automation; what an asset may say of it."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.automation import Automation, When
from sqlpipes.core.cron import cron_fault
from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.core.partitions import is_zone, zone_names
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import count, text, texts

KEYS = ("when", "cron", "timezone", "ignore", "allow", "last")
WORDS = tuple(str(when) for when in When)
EXAMPLE = 'auto: eager, auto: missing, auto: never or auto: {cron: "0 6 * * *"}'


def automation(node: Node | None, problems: list[Problem]) -> Automation | None:
    """None when nothing is said, or when it has a fault: AUT001, AUT002 in a line of cron."""
    if node is None or node.value is None:
        return None
    faults: list[Problem] = []
    if isinstance(node.value, dict):
        found = _of_keys(node, faults)
    else:
        when = _word(node, faults)
        if when is When.CRON:
            hint = 'write auto: {cron: "0 6 * * *", timezone: Europe/Berlin}'
            faults.append(Problem("AUT001", "'cron' needs its line", node.at, hint))
        found = Automation(when, at=node.at)
    problems += faults
    return None if faults else found


def _of_keys(node: Node, faults: list[Problem]) -> Automation:
    for key, below in node.entries():
        if key not in KEYS:
            hint = did_you_mean(key, KEYS) or f"it has {', '.join(KEYS)}"
            faults.append(Problem("AUT001", f"'auto' has no key '{key}'", below.key_at, hint))
    line, said = node.get("cron"), node.get("when")
    when = _word(said, faults) if said else When.CRON if line else None
    if when is None:
        if not faults:  # else that key may have been meant for it
            hint = f"write {EXAMPLE}"
            faults.append(Problem("AUT001", "'auto' does not say when", node.at, hint))
        when = When.NEVER
    if line is not None and when is not When.CRON:
        message = f"'cron' does not go with when: {when}"
        faults.append(Problem("AUT001", message, line.key_at, "keep one of the two"))
    if when is When.CRON and line is None:
        at = said.at if said else node.at
        faults.append(Problem("AUT001", "'cron' needs its line", at, 'cron: "0 6 * * *"'))
    ignore, allow = node.get("ignore"), node.get("allow")
    if ignore is not None and allow is not None:
        message = "'ignore' and 'allow' are two ways to say one thing"
        faults.append(Problem("AUT001", message, allow.key_at, "keep one of the two"))
    return Automation(
        when,
        _cron(line, faults) if line else "",
        _zone(node.get("timezone"), when, faults),
        frozenset(texts(ignore, faults)),
        frozenset(texts(allow, faults)) if allow else None,
        count(node.get("last"), faults, 1),
        node.at,
    )


def _word(node: Node, faults: list[Problem]) -> When:
    said = str(node.value).strip().casefold()
    if node.value is False:
        return When.NEVER
    if said in WORDS:
        return When(said)
    hint = did_you_mean(said, WORDS) or f"write {EXAMPLE}"
    faults.append(Problem("AUT001", f"'{node.value}' is no word of 'auto'", node.at, hint))
    return When.NEVER


def _cron(node: Node, faults: list[Problem]) -> str:
    line = text(node, faults, "a line of cron")
    if line and (fault := cron_fault(line)):
        at = node.at
        inside = at.length - len(line)  # of the quotes, where it has some
        column = at.column + fault.start + (1 if inside == 2 else 0)
        place = replace(at, column=column, length=max(fault.length, 1))
        faults.append(Problem("AUT002", fault.message, place, fault.hint))
    return line


def _zone(node: Node | None, when: When, faults: list[Problem]) -> str:
    if node is None:
        return "UTC"
    if when is not When.CRON:
        message = f"'timezone' goes with 'cron', not with when: {when}"
        faults.append(Problem("AUT001", message, node.key_at, "leave it out"))
    zone = text(node, faults)
    if zone and not is_zone(zone):
        hint = did_you_mean(zone, zone_names()) or "a name such as Europe/Berlin"
        faults.append(Problem("AUT002", f"there is no time zone '{zone}'", node.at, hint))
    return zone or "UTC"
