"""The files of `show/site/page` -> what a browser is given: their bytes, types and the policy for them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from html import escape
from types import MappingProxyType

from sqlpipes.core.dataclass import dataclass
from sqlpipes.show.site.write import front_end

TYPES = MappingProxyType(
    {
        "html": "text/html; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
        "json": "application/json",
    }
)
PLAIN = "text/plain; charset=utf-8"
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
SOURCE = 'data-source="files"'


@dataclass(frozen=True, slots=True)
class PageFile:
    content: bytes
    type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Page:
    """All that is ever served besides documents, by its path. `policy` is the Content-Security-Policy."""

    files: Mapping[str, PageFile]
    policy: str


def read_page(*, read_only: bool = False) -> Page:
    """Every file of the page, once: no path of a request is looked for on a disk."""
    found = dict(front_end())
    index = _served(found["index.html"].decode(), read_only=read_only)
    found["index.html"] = index.encode()
    files = {path: _file(path, content) for path, content in found.items()}
    return Page(MappingProxyType(files), _policy(index))


def etag_of(content: bytes) -> str:
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def _file(path: str, content: bytes) -> PageFile:
    return PageFile(content, TYPES.get(path.rpartition(".")[2], PLAIN), etag_of(content))


def _served(index: str, *, read_only: bool) -> str:
    said = 'data-source="/api" data-live="/api/events"' + (" data-read-only" if read_only else "")
    return index.replace(SOURCE, said, 1)


def _policy(index: str) -> str:
    """Nothing but our own files runs; what stands in the page itself is known by its hash."""
    hashes = "".join(f" 'sha256-{_hash(text)}'" for text in SCRIPT.findall(index))
    return (
        f"default-src 'self'; script-src 'self'{hashes}; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def door(message: str, *, again: bool) -> bytes:
    """The page for who has not shown the token. `again`: the browser holds the cookie back as a link of
    another site led here, and sends it when our own page asks once more."""
    refresh = '<meta http-equiv="refresh" content="0">' if again else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>sqlpipes</title>{refresh}</head>
<body><main><h1>sqlpipes</h1><p>{escape(message)}</p>
<p>Open the address that <code>sqlpipes ui</code> printed in its terminal, or give its token here:</p>
<form action="/" method="get"><label>Token <input name="token" type="password" required
autocomplete="off"></label> <button>Open</button></form></main></body></html>
""".encode()
