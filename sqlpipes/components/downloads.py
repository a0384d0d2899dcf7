"""An http(s) URL -> a file in a folder, whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

TIMEOUT_S = 60.0  # without a byte
PAGES = (b"<!doctype html", b"<html")


def download(url: str, headers: Mapping[str, str], folder: str) -> str:
    """The path of the file. Raises ConnectionError with the URL, less what may be secret in it.

    What broke off, is empty, or is a web page is no file. `headers` go to the URL's own server only.
    """
    name = os.path.basename(unquote(urlsplit(url).path)) or "download"
    path = os.path.join(folder, f"{len(os.listdir(folder))}_{name}")
    try:
        request = Request(url, headers=dict(headers))
        opener = build_opener(OwnHeaders(frozenset(map(str.casefold, headers))))
        with opener.open(request, timeout=TIMEOUT_S) as answer, open(path, "wb") as file:
            shutil.copyfileobj(answer, file)
            promised = answer.headers.get("Content-Length")
    except HTTPError as error:
        error.close()
        raise ConnectionError(f"{shown(url)} answered {error.code} {error.reason}") from None
    except (URLError, OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ConnectionError(f"{shown(url)} cannot be fetched: {reason}") from None
    if wrong := _wrong(path, promised):
        raise ConnectionError(f"{shown(url)} {wrong}")
    return path


class OwnHeaders(HTTPRedirectHandler):
    """Another server, to which the first may send us, is not told what it need not know."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        found = super().redirect_request(req, fp, code, msg, headers, newurl)
        if found is not None and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            for name in [each for each in found.headers if each.casefold() in self._own]:
                found.remove_header(name)
        return found


def _wrong(path: str, promised: str | None) -> str | None:
    """Why what was fetched is not the file; None when nothing speaks against it."""
    size = os.path.getsize(path)
    if promised is not None and promised.isdigit() and size != int(promised):
        return f"broke off: got {size} of {promised} bytes"
    if not size:
        return "is empty: not even the names of columns"
    with open(path, "rb") as file:
        begins = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return "is a web page, and no data" if begins.startswith(PAGES) else None


def shown(url: str) -> str:
    """
    >>> shown("https://me:secret@x.org/a.csv?token=1")
    'https://x.org/a.csv'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
