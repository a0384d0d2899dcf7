"""An output of profiles.yml -> what is wrong with its addresses, whichever engine they are of.

A password that is torn apart by an @ of its own, a port that is none, a variable that is empty. Nothing
of an address is repeated: any part of it may be a part of a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sqlpipes.core.config import Plain
from sqlpipes.core.errors import Problem
from sqlpipes.core.hiding import ESCAPES, hides, is_torn
from sqlpipes.read.marked import Node

HOSTS = frozenset({"host", "hostname", "server", "account", "hostaddr"})
DEMANDED = HOSTS | {
    *("port", "user", "username", "dbname", "database", "url", "uri", "path", "catalog"),
    *("role", "sslmode", "project", "warehouse", "http_path"),
}
ASKED = re.compile(r"\{\{\s*env_var\(\s*['\"]([^'\"]*)['\"]\s*\)[^}]*\}\}")  # without a default
URL_PORT = re.compile(r"://(?:[^/?@]*@)?[^/?@\]]*?(?:\[[^\]]*\])?:(\d+)(?=[/?;]|$)")
HIGHEST = 65535


def address_problems(said: Node, raw: Node, environ: Mapping[str, str]) -> Iterator[Problem]:
    """PRF003 for each, at its value. `raw`: the same before its braces were filled in."""
    for key, below in said.entries():
        if key in ("resources", "engines"):  # each engine is an output of its own
            continue
        before = raw.get(key) or below
        if isinstance(below.value, dict):
            yield from address_problems(below, before, environ)
        elif isinstance(below.value, list):
            yield from _of_items(below, before, environ)
        elif empty := _empty(key, before.value, environ):
            message = f"'{key}' comes from the environment variable {empty}, which is empty"
            hint = f"set {empty}, or give env_var() a default"
            yield Problem("PRF003", message, below.at, hint)
        else:
            yield from _of_value(key, below)


def _of_items(said: Node, raw: Node, environ: Mapping[str, str]) -> Iterator[Problem]:
    for item, before in zip(said.items(), raw.items(), strict=False):
        if isinstance(item.value, dict):
            yield from address_problems(item, before, environ)
        else:
            yield from _of_value(said.key, item)


def _empty(key: str, raw: Plain, environ: Mapping[str, str]) -> str | None:
    """The variable without which there is no address; a password may be empty."""
    if key not in DEMANDED or not isinstance(raw, str):
        return None
    asked = ASKED.findall(raw)
    return next((name for name in asked if not hides(name) and environ.get(name) == ""), None)


def _of_value(key: str, said: Node) -> Iterator[Problem]:
    value = said.value
    if key == "port" and _is_no_port(str(value)):
        message = f"'port' must be a number from 1 to {HIGHEST}"
        yield Problem("PRF003", message, said.at)
    if not isinstance(value, str):
        return
    if key in HOSTS and "@" in value:
        hint = "write the user and the password in keys of their own"
        yield Problem("PRF003", f"'{key}' has an @, as if it held a password", said.at, hint)
    elif is_torn(value):
        message = f"'{key}' has an @ too many: a part of a password would be taken for the host"
        yield Problem("PRF003", message, said.at, ESCAPES)
    elif any(_is_no_port(found) for found in URL_PORT.findall(value)):
        message = f"the port in '{key}' must be a number from 1 to {HIGHEST}"
        yield Problem("PRF003", message, said.at)


def _is_no_port(text: str) -> bool:
    return text.isdigit() and not 1 <= int(text) <= HIGHEST
