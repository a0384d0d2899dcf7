"""http(s) URLs -> a line for each that moves when what it stands for does, by asking for its headers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

TIMEOUT_S = 10.0
AT_ONCE = 8


def url_lines(urls: Sequence[str]) -> list[str] | None:
    """None when one of them cannot be asked, or its server says nothing about its state."""
    if not all(url.startswith(("http://", "https://")) for url in urls):
        return None
    with ThreadPoolExecutor(min(AT_ONCE, len(urls))) as pool:
        found = list(pool.map(_line, urls))
    said = [line for line in found if line is not None]
    return said if len(said) == len(found) else None


def _line(url: str) -> str | None:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(url, method="HEAD"), timeout=TIMEOUT_S) as answer:
            tag, when = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
            size = answer.headers.get("Content-Length", "")
    except HTTPError as error:
        error.close()
        return None
    except (OSError, HTTPException, ValueError):
        return None
    return f"{url} {tag or ''} {when or ''} {size}" if tag or when else None
