"""A line of a configuration file -> the line without values that may be secret, as long as before.

What configures resources, and profiles, may hold passwords beside what is told to be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlpipes.core.hiding import is_misspelt, is_torn

QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'"
TEMPLATE = re.compile(r"\{\{.*?\}\}")
PIECE = re.compile(
    rf"(?P<keep>\{{\{{.*?\}}\}}|(?:{QUOTED})(?=\s*:)|[\w.$-]+(?=\s*(?::(?:\s|$)|=\s))"
    rf"|[\[\]{{}},:=]|-(?=\s)|\s+)|(?P<hide>{QUOTED}|[^\s,\[\]{{}}]+)"
)
SECRET = re.compile(r"(?i)pass|pwd|pw|token|secret|key|cred|url|uri|dsn|connection|auth")
TELLS = re.compile(
    r"://[^/@]*[:@]|(?i:pass(?:word|wd)?|token|secret)\s*=|^[\"']?[^\s@/]*:[^@]*@"
)  # a value that shows one
KEY = re.compile(r"[\w.$\"'-]")
ITEM = re.compile(r"\s*-\s+[^:{\[]*$")  # of a list, alone on its line
HEAD = re.compile(r"\s*(attach|extensions)\s*:\s*$")  # a key with a list of paths or names
ATTACH = re.compile(r"(?:^|[\s{,\"'])attach[\"']?\s*:")
NAMED = re.compile(r"(?<![\w$.-])secret\s*:\s+[A-Za-z_]\w*\s*(?=[,}#]|$)")  # a secret's name
RESOURCES = re.compile(r"(?:^|[\s{,\"'])resources[\"']?\s*[:=]")


def shown(file: str, lines: Sequence[str], number: int) -> str:
    """Line `number` (from 1) as an excerpt may show it.

    >>> shown("sqlpipes.yml", ["resources:", "  api: {user: u, tokn: s3cret}"], 2)
    '  api: {user: *, tokn: ******}'
    >>> shown("models/a.sql", ["select 'x'"], 1)
    "select 'x'"
    """
    line, name = lines[number - 1], file.replace("\\", "/").rpartition("/")[2]
    if name in ("profiles.yml", "profiles.yaml"):
        if _in_resources(lines, number):
            return without_values(line)
        return _with_names(without_secrets(line, _list_of(lines, number)), lines, number)
    is_config = name.endswith((".yml", ".yaml", ".toml"))
    if is_config and is_torn(line):  # of which nobody knows what is password and what is host
        return without_secrets(line)
    return without_values(line) if is_config and _in_resources(lines, number) else line


def without_values(line: str) -> str:
    """Stars for all that is neither a key nor `{{ ... }}`.

    >>> without_values("toks: [\\"lit\\", \\"{{ env_var('PW') }}\\"]  # old: x")
    'toks: ["***", "{{ env_var(\\'PW\\') }}"]  # old: *'
    """
    return PIECE.sub(lambda found: found[0] if found["keep"] else _starred(found[0]), line)


def without_secrets(line: str, key: str | None = None) -> str:
    """Stars for the values of keys that may be secret, of no key, and for addresses with passwords.
    `key`: of the list that the line is an item of.

    >>> without_secrets("dev: {type: duckdb, settings: {memory_limt: 4GB}, s3_secret: hunter 2}")
    'dev: {type: duckdb, settings: {memory_limt: 4GB}, s3_secret: ****** *}'
    """
    parts: list[str] = []
    for found in PIECE.finditer(line):
        text = found[0]
        if found["keep"]:
            key = text if KEY.match(text) and text != "-" else key
            parts.append(text)
            continue
        is_open = key is not None and not _is_secret(key) and not TELLS.search(text)
        key = key if is_open else None  # the rest of it may follow behind a space
        parts.append(text if is_open else _starred(text))
    return "".join(parts)


def _is_secret(key: str) -> bool:
    return bool(SECRET.search(key)) or is_misspelt(key.strip("\"'"))


def _list_of(lines: Sequence[str], number: int) -> str | None:
    """The key of the list of which the line is a plain item; None where it may be a secret."""
    if not ITEM.match(lines[number - 1]):
        return None
    for above in reversed(lines[: number - 1]):
        if above.strip() and not above.lstrip().startswith("#") and not ITEM.match(above):
            found = HEAD.match(above)
            near = _depth(above) <= _depth(lines[number - 1])
            return found[1] if found and near else None
    return None


def _with_names(told: str, lines: Sequence[str], number: int) -> str:
    """What is attached names a secret by `secret:`, and says none."""
    line = lines[number - 1]
    if "secrets" in line or len(told) != len(line) or not _stands_under(lines, number, ATTACH):
        return told
    for found in NAMED.finditer(line):
        told = told[: found.start()] + found[0] + told[found.end() :]
    return told


def _starred(text: str) -> str:
    quote = text[0] if text[0] in "\"'" and len(text) > 1 and text[-1] == text[0] else ""
    if not quote:
        return text if text == "#" else "*" * len(text)
    inner, at, parts = text[1:-1], 0, []
    for found in TEMPLATE.finditer(inner):
        parts += ["*" * (found.start() - at), found[0]]
        at = found.end()
    return quote + "".join(parts) + "*" * (len(inner) - at) + quote


def _in_resources(lines: Sequence[str], number: int) -> bool:
    return _stands_under(lines, number, RESOURCES, section="resources")


def _stands_under(
    lines: Sequence[str], number: int, key: re.Pattern[str], section: str = ""
) -> bool:
    """Whether the line stands under such a key, or holds it; `section`: of TOML."""
    line = lines[number - 1]
    if key.search(line):
        return True
    depth = _depth(line)
    for above in reversed(lines[: number - 1]):
        if above.lstrip().startswith("[") and above.rstrip().endswith("]"):
            return bool(section) and section in above
        if above.strip() and not above.lstrip().startswith("#") and _depth(above) < depth:
            depth = _depth(above)
            if key.search(above):
                return True
    return False


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
