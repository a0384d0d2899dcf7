"""Who owns an asset, what it is made with, where more is said of it: nodes -> texts that were looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import text, texts

E_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
TEAM = re.compile(r"team:[\w.\-]+(/[\w.\-]+)*")
LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
PREFIXES = ("team:",)


def owners(node: Node | None, problems: list[Problem]) -> tuple[str, ...]:
    """E-mail addresses and teams, or dbt's {name, email} of which the e-mail counts. Others are MET001."""
    found: list[str] = []
    for item in node.items() if node else ():
        chosen = item.get("email") or item.get("name") if isinstance(item.value, dict) else item
        chosen = chosen or item
        said = text(chosen, problems, "a text or a list of texts").strip()
        if said and (fault := owner_fault(said, chosen.at)):
            problems.append(fault)
        elif said:
            found.append(said)
    return tuple(dict.fromkeys(found))


def owner_fault(said: str, at: Location | None) -> Problem | None:
    """MET001 for what is neither an e-mail address nor a team.

    >>> owner_fault("ml@acme.com", None), owner_fault("team:data", None)
    (None, None)
    >>> owner_fault("data", None).hint
    "write 'team:data', or an e-mail address such as data@acme.com"
    """
    if E_MAIL.fullmatch(said) or TEAM.fullmatch(said):
        return None
    message = f"the owner '{said}' is neither an e-mail address nor a team"
    return Problem("MET001", message, at, _owner_hint(said))


def _owner_hint(said: str) -> str:
    prefix, colon, name = said.partition(":")
    if colon and did_you_mean(f"{prefix}:", PREFIXES):
        rest = _word(name)
        return f"did you mean 'team:{rest}'?" if rest else "a team is written team:name"
    word = _word(said.partition("@")[0] if "@" in said else said)
    return f"write 'team:{word or 'data'}', or an e-mail address such as {word or 'data'}@acme.com"


def _word(said: str) -> str:
    return re.sub(r"[^\w.\-]+", "-", said.strip()).strip("-.").casefold()


def kinds(node: Node | None, problems: list[Problem]) -> tuple[str, ...]:
    """Free words, each once."""
    return tuple(dict.fromkeys(texts(node, problems)))


def links(nodes: Iterable[Node], problems: list[Problem]) -> dict[str, str]:
    """{name: URL}; of a list of URLs each is its own name. What is no URL is MET002."""
    found: dict[str, str] = {}
    for node in nodes:
        named = dict(node.entries()) if isinstance(node.value, dict) else {}
        for name, below in (*named.items(), *(("", item) for item in _listed(node))):
            said = text(below, problems, "{name: URL} or a list of URLs").strip()
            if said and not LINK.fullmatch(said):
                message = f"the link '{said}' is no URL"
                hint = f"write 'https://{said.lstrip('/')}', with what goes before the colon"
                problems.append(Problem("MET002", message, below.at, hint))
            elif said:
                found[name or said] = said
    return found


def _listed(node: Node) -> Iterable[Node]:
    if isinstance(node.value, dict):
        return ()
    if isinstance(node.value, (list, str)):
        return node.items()
    return (node.with_value([node.value]),)  # neither a mapping nor a list: `text` says so
