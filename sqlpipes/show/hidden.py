"""A line of a configuration file -> the line without values that may be secret, as long as before.

What configures resources, and profiles, may hold passwords beside what is told to be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'"
TEMPLATE = re.compile(r"\{\{.*?\}\}")
PIECE = re.compile(
    rf"(?P<keep>\{{\{{.*?\}}\}}|(?:{QUOTED})(?=\s*:)|[\w.$-]+(?=\s*(?::(?:\s|$)|=\s))"
    rf"|[\[\]{{}},:=]|-(?=\s)|\s+)|(?P<hide>{QUOTED}|[^\s,\[\]{{}}]+)"
)
SECRET = re.compile(r"(?i)pass|pwd|pw|token|secret|key|cred|url|uri|dsn|connection|settings|auth")
PAIR = re.compile(r"\s*(?:-\s+)?([\w.-]+)\s*:\s+[^{\[]*")
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
        pair = PAIR.fullmatch(line)
        is_open = pair is not None and not SECRET.search(pair[1])
        return line if is_open and not _in_resources(lines, number) else without_values(line)
    is_config = name.endswith((".yml", ".yaml", ".toml"))
    return without_values(line) if is_config and _in_resources(lines, number) else line


def without_values(line: str) -> str:
    """Stars for all that is neither a key nor `{{ ... }}`.

    >>> without_values("toks: [\\"lit\\", \\"{{ env_var('PW') }}\\"]  # old: x")
    'toks: ["***", "{{ env_var(\\'PW\\') }}"]  # old: *'
    """
    return PIECE.sub(lambda found: found[0] if found["keep"] else _starred(found[0]), line)


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
    """Whether the line stands under `resources:`, or holds it."""
    line = lines[number - 1]
    if RESOURCES.search(line):
        return True
    depth = _depth(line)
    for above in reversed(lines[: number - 1]):
        if above.lstrip().startswith("[") and above.rstrip().endswith("]"):
            return "resources" in above  # a section of TOML
        if above.strip() and not above.lstrip().startswith("#") and _depth(above) < depth:
            depth = _depth(above)
            if RESOURCES.search(above):
                return True
    return False


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
